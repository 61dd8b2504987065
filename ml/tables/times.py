"""Times in a CSV file's columns, and the options of commands that say how they are written."""

from __future__ import annotations

import argparse

from grid.times.column import ColumnTimes, TimeNotation, TimesError, read_times
from grid.times.words import DateOrder
from ml.tables.csv_text import CsvText, TableError


def column_times(
    text: CsvText, column: str, time_of_day: str | None = None, notation: TimeNotation | None = None
) -> ColumnTimes:
    """A column's times, of two columns where time_of_day names the second. Raises TableError with column and row."""
    clock = None if time_of_day is None else text.columns[time_of_day]
    try:
        found = read_times(text.columns[column], clock, notation=notation, rows=text.rows)
    except TimesError as error:
        name = time_of_day if error.second else column
        raise TableError(text.name, error.problem, name, error.row) from None
    return found


def add_time_options(command: argparse.ArgumentParser) -> None:
    """Options that say how times are written, of which one at most may be given."""
    options = command.add_mutually_exclusive_group()
    options.add_argument(
        "--time-format",
        metavar="FORMAT",
        help="how times are written, e.g. '%%d/%%m/%%Y %%H:%%M' (strptime), or epoch_s, epoch_ms, epoch_us, epoch_ns",
    )
    for order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST):
        options.add_argument(
            f"--{order}-first",
            dest="time_order",
            action="store_const",
            const=order,
            help=f"dates are written with the {order} first; where a row proves the order, it is found",
        )


def notation_of(given: argparse.Namespace) -> TimeNotation:
    """What the options of a command say."""
    return TimeNotation(format=given.time_format, order=given.time_order)


def time_columns(names: list[str]) -> tuple[str, str | None]:
    """The column of times, or of dates, and that of times of day. Raises ValueError where there are more than two."""
    if len(names) > 2:
        raise ValueError(f"--time: one column, or one with dates and one with times of day; {len(names)} are given")
    return names[0], (names[1] if len(names) == 2 else None)
