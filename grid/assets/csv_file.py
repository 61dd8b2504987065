"""Reads what an operator knows of the assets from a CSV file; what it leaves out is generated (grid.assets.register).

UTF-8, comma separated, one header row, one row an asset; the order of columns and rows is free, empty cells are
generated.

| column | required | valid |
|---|---|---|
| name | yes | a branch's name as the case has it, once |
| year_built | | whole year from 1900 to the present one, or a date, of which the year counts |
| location | | coastal, industrial, urban or rural |
| criticality | | 1 to 5, the highest |
| skill | | lines, cables or substations |
| replacement_eur | | cost of a planned replacement, EUR, from 0 |
| failure_eur | | cost of an unplanned failure beyond the interruption, EUR, from 0 |
| customers | | customers behind the asset, whole, from 0 |
| job_eur | | cost of a planned job on working days, EUR, from 0; else by the settings |
| job_hours | | how long that job takes, h, from 0.1 to 168; else by the settings |
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np

from grid.assets.csv_table import NAME, AssetFileError, WrongCell, branches_of, read_rows, whole
from grid.assets.register import GivenAssets, LocationClass, Skill
from grid.network import FloatArray, Network
from grid.times.column import year_of

COLUMNS = (
    NAME,
    "year_built",
    "location",
    "criticality",
    "skill",
    "replacement_eur",
    "failure_eur",
    "customers",
    "job_eur",
    "job_hours",
)
OLDEST_YEAR = 1900
LEAST_HOURS, MOST_HOURS = 0.1, 168.0  # of a job, within one week
MOST = 1e12  # EUR or customers: more is a slip of the keyboard
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
Kind = TypeVar("Kind", bound=StrEnum)


class _RefusedError(ValueError):
    """What would be right in a cell."""


def read_assets(path: Path, network: Network, year: int | None = None) -> GivenAssets:
    """Read a file of assets.

    year: the present one, beyond which nothing can have been built; by default the calendar's. Raises AssetFileError, a
    CaseError, with everything that is wrong in the file.
    """
    latest = datetime.now(UTC).year if year is None else year
    rows, problems = read_rows(path, COLUMNS, (NAME,))
    if not rows and not problems:
        raise whole(path, "the file has a header and no assets below it")
    branch_of, wrong_names = branches_of(rows, network, once=True)
    problems += wrong_names
    table: dict[str, list[object]] = {column: [None] * network.n_branch for column in COLUMNS[1:]}
    for row in rows:
        for column, parse in _parsers(latest).items():
            text = row.cell.get(column, "")
            if not text:
                continue
            try:
                value = parse(text)
            except _RefusedError as refusal:
                problems.append(WrongCell(row.number, column, text, str(refusal)))
            else:
                table[column][branch_of.get(row.number, 0)] = value
    if problems:
        raise AssetFileError(path.name, tuple(sorted(problems, key=lambda problem: problem.row)))
    return _given(table)


def _given(table: dict[str, list[object]]) -> GivenAssets:
    def numbers(column: str) -> FloatArray:
        return np.array(table[column], dtype=float)  # None becomes NaN

    return GivenAssets(
        year_built=numbers("year_built"),
        location=tuple(LocationClass(str(one)) if one else None for one in table["location"]),
        criticality=numbers("criticality"),
        skill=tuple(Skill(str(one)) if one else None for one in table["skill"]),
        replacement_eur=numbers("replacement_eur"),
        failure_eur=numbers("failure_eur"),
        customers=numbers("customers"),
        job_eur=numbers("job_eur"),
        job_hours=numbers("job_hours"),
    )


def _parsers(latest: int) -> dict[str, Callable[[str], object]]:
    euro = f"write EUR from 0 to {MOST:.0e}, without unit and thousands separators"
    return {
        "year_built": _year(OLDEST_YEAR, latest),
        "location": _member(LocationClass),
        "criticality": _number(1, 5, "write 1, 2, 3, 4 or 5, the highest", whole=True),
        "skill": _member(Skill),
        "replacement_eur": _number(0, MOST, euro),
        "failure_eur": _number(0, MOST, euro),
        "customers": _number(0, MOST, "write a whole number from 0", whole=True),
        "job_eur": _number(0, MOST, euro),
        "job_hours": _number(LEAST_HOURS, MOST_HOURS, f"write hours from {LEAST_HOURS:g} to {MOST_HOURS:g}"),
    }


def _number(low: float, high: float, right: str, whole: bool = False) -> Callable[[str], object]:
    def parse(text: str) -> float:
        value = float(text) if NUMBER.fullmatch(text) else np.nan
        if not low <= value <= high or (whole and not value.is_integer()):
            raise _RefusedError(right)
        return value

    return parse


def _year(oldest: int, latest: int) -> Callable[[str], object]:
    """A year, or that of a date, which doesn't depend on whether the day or the month comes first."""
    right = f"write a whole year from {oldest} to {latest}, or a date such as 1985-06-30"
    number = _number(oldest, latest, right, whole=True)

    def parse(text: str) -> object:
        year = year_of(text)
        return number(text if year is None else str(year))

    return parse


def _member(kind: type[Kind]) -> Callable[[str], object]:
    def parse(text: str) -> Kind:
        try:
            return kind(text.lower())
        except ValueError:
            raise _RefusedError(f"write one of {', '.join(kind)}") from None

    return parse
