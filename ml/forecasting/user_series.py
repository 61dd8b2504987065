"""Reading and mending a user's series: any zone and any step from 5 minutes to an hour, and a word on all that is odd.

Nothing is judged by what came later: a value is called absurd, or stuck, by those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grid.times.column import ColumnTimes, TimeNotation, are_times_of_day
from grid.times.zone import in_zone
from ml.forecasting.model.hours import (
    HOLIDAY,
    TARGET,
    TEMPERATURE,
    TEMPERATURE_AHEAD,
    BoolArray,
    FloatArray,
    ForecastError,
    check_zone,
)
from ml.tables.csv_text import CsvText, TableError, numbers, read_text, unknown
from ml.tables.times import column_times
from ml.tables.training_table import YES_NO, ZERO_ONE

SHORTEST_MINUTES, LONGEST_MINUTES = 5, 60
ABSURD_SPREADS = 8.0
"""Distance from the median, in ranges from the 5 to the 95 % quantile of the four weeks before, that is absurd."""
SPREAD_DAYS, FEWEST_SPREAD_DAYS = 28, 2
HOURS = {str(hour) for hour in range(1, 24)}
HALF_DAY_HOURS, FEWEST_OF_HALVES = 12, 48
"""Hours of a clock that says AM and PM, and rows from which on it shows that these are missing."""
STUCK_HOURS = 12
"""Of one value to the last digit, zero excepted, after which a series counts as stuck."""
LEAST_FILLED = 0.5
"""Share of an hour's values that must be known for the hour to be."""


@dataclass(frozen=True)
class SeriesColumns:
    """Names of a file's columns. time_of_day: a second column of times, where the first holds dates alone."""

    time: str
    target: str
    temperature: str | None = None
    temperature_forecast: str | None = None
    holiday: str | None = None
    time_of_day: str | None = None


@dataclass(frozen=True, eq=False)
class Mended:
    """An hourly frame as Forecaster.fit takes it, and what was found and done, in sentences."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_series(
    path: Path,
    columns: SeriesColumns,
    zone: str | None = None,
    keep_negative: bool = False,
    notation: TimeNotation | None = None,
) -> Mended:
    """Read and mend a CSV file. zone: of times without an offset, and of the calendar. notation: how times are written.

    Raises TableError or ForecastError that name the file, the column and the row.
    """
    if zone is not None:
        check_zone(zone)
    text = read_text(_unpacked(path))
    wanted = {
        TARGET: columns.target,
        TEMPERATURE: columns.temperature,
        TEMPERATURE_AHEAD: columns.temperature_forecast,
        HOLIDAY: columns.holiday,
    }
    for name in (columns.time, *filter(None, (columns.time_of_day, *wanted.values()))):
        if name not in text.columns:
            raise TableError(text.name, f"is missing; there are {', '.join(text.columns)}", name)
    values = {kind: _values(text, name, kind == HOLIDAY) for kind, name in wanted.items() if name is not None}
    found = column_times(text, columns.time, columns.time_of_day, notation)
    _check_clock(text, columns, found)
    zoned = in_zone(found, zone)
    times = pd.DatetimeIndex(zoned.utc).tz_localize("UTC").tz_convert(zone or "UTC")
    frame = pd.DataFrame(values, index=times)
    mended = mend(frame[frame.index.notna()], zone, keep_negative)
    return Mended(mended.frame, (*found.notes, *zoned.notes, *mended.notes))


def _check_clock(text: CsvText, columns: SeriesColumns, found: ColumnTimes) -> None:
    """Refuse times that lack their time of day, or whether it is in the morning. Raises TableError."""
    distinct = np.unique(found.wall)
    if len(distinct) == len(found.wall):
        return
    if found.dates_only or (found.wall == found.wall.astype("datetime64[D]")).all():
        dates = f"holds dates alone, {len(distinct)} in {len(found.wall)} rows; a second column holds the"
        for name, words in text.columns.items():
            said = f"'{name}' ('{words[0]}' in row {text.rows[0]})"
            options = f"--time '{columns.time}' '{name}'"
            if are_times_of_day(words):
                raise TableError(text.name, f"{dates} time, {said}: say {options}", columns.time)
            if HOURS <= {word.lstrip("0") or "0" for word in words} <= HOURS | {"0", "24"}:
                reason = f"{dates} hour, {said}: write times of day, such as 06:00, and say {options}"
                raise TableError(text.name, reason, columns.time)
    hours = (distinct - distinct.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    halves = set(range(1, HALF_DAY_HOURS + 1))
    if len(found.wall) >= FEWEST_OF_HALVES and set(hours.tolist()) == halves and len(distinct) <= len(found.wall) / 1.8:
        raise TableError(
            text.name, "has hours from 1 to 12 alone, each twice a day: AM and PM are missing", columns.time
        )


def mend(frame: pd.DataFrame, zone: str | None = None, keep_negative: bool = False) -> Mended:
    """Hourly means of a frame with times that have a zone, in any order and of any regular step up to an hour.

    What is absurd, stuck or, unless kept, negative in the target becomes unknown and is told. Raises ForecastError.
    """
    notes: list[str] = []
    if not len(frame):
        raise ForecastError("the series has no rows with a time")
    if not frame.index.is_monotonic_increasing:
        notes.append("rows were not in the order of time: sorted")
        frame = frame.sort_index(kind="stable")
    frame = _without_duplicates(frame, notes)
    minutes = _step_minutes(frame.index)
    target = frame[TARGET].to_numpy(dtype=float).copy()
    negative = target < 0
    if negative.any() and not keep_negative:
        share = 100 * negative.mean()
        at = frame.index[np.argmax(negative)]
        notes.append(
            f"{negative.sum()} values ({share:.2g} %) are negative, first {at}: taken as unknown; "
            "if the series can be negative, as a load with generation behind it, keep them (--keep-negative)"
        )
        target[negative] = np.nan
    _strike(target, frame.index, absurd(pd.Series(target, frame.index), minutes), "absurd", notes)
    _strike(
        target, frame.index, stuck(target, STUCK_HOURS * 60 // minutes), f"stuck for {STUCK_HOURS} h or more", notes
    )
    hourly = _hourly(frame.assign(**{TARGET: target}), minutes, zone)
    gaps = int(hourly[TARGET].isna().sum())
    if gaps:
        at = hourly.index[np.argmax(hourly[TARGET].isna())]
        notes.append(f"{gaps} of {len(hourly)} hours have no value, first {at}: not learned from and not scored")
    notes.append(f"{len(frame)} values every {minutes} minutes, {len(hourly)} hours, zone {hourly.index.tz}")
    return Mended(hourly, tuple(notes))


def absurd(values: pd.Series, minutes: int) -> BoolArray:
    """(n,) whether a value lies beyond all that the four weeks before it give reason for."""
    window = SPREAD_DAYS * 24 * 60 // minutes
    least = FEWEST_SPREAD_DAYS * 24 * 60 // minutes
    rolling = values.rolling(window, min_periods=least)
    middle = rolling.median().shift(1)
    spread = (rolling.quantile(0.95) - rolling.quantile(0.05)).shift(1)
    return np.asarray(((values - middle).abs() > ABSURD_SPREADS * spread) & (spread > 0))


def stuck(values: FloatArray, count: int) -> BoolArray:
    """(n,) whether a value other than zero is the last of at least `count` that are the same."""
    same = np.concatenate([[False], values[1:] == values[:-1]])
    place = np.arange(len(values))
    run = place - np.maximum.accumulate(np.where(same, 0, place)) + 1
    return np.asarray((run >= count) & (values != 0))


def _strike(target: FloatArray, index: pd.DatetimeIndex, wrong: BoolArray, what: str, notes: list[str]) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        notes.append(f"{wrong.sum()} values are {what}, first {target[at]:g} at {index[at]}: taken as unknown")
        target[wrong] = np.nan


def _without_duplicates(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    doubled = frame.index.duplicated(keep=False)
    if not doubled.any():
        return frame
    at = frame.index[np.argmax(doubled)]
    merged = frame.groupby(level=0).mean()
    spread = frame[TARGET].groupby(level=0).agg(np.ptp)
    differing = int((spread > 0).sum())
    notes.append(
        f"{len(frame) - len(merged)} rows have a time that was there before, first {at}: "
        + (f"{differing} with another value, of which the mean is taken" if differing else "with the same value")
    )
    return merged


def _step_minutes(index: pd.DatetimeIndex) -> int:
    if len(index) < 2:
        raise ForecastError("the series has a single time; a regular step of 5 minutes to 1 hour is needed")
    steps = np.diff(index.asi8) / np.timedelta64(1, "m").astype(f"timedelta64[{index.unit}]").astype(np.int64)
    minutes = float(np.median(steps))
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise ForecastError(f"there is a value every {minutes:g} minutes; 5 minutes to 1 hour can be read")
    if LONGEST_MINUTES % minutes:
        raise ForecastError(f"there is a value every {minutes:g} minutes, which doesn't divide an hour")
    return int(minutes)


def _hourly(frame: pd.DataFrame, minutes: int, zone: str | None) -> pd.DataFrame:
    """Means over the hours of the local clock; unknown where too little of an hour is."""
    local = frame.tz_convert(zone) if zone else frame
    offset = local.index[0].utcoffset()
    part = pd.Timedelta(offset) % pd.Timedelta(hours=1)
    bins = (local.index.tz_convert("UTC") + part).floor("h") - part
    grouped = local.groupby(bins)
    means = grouped.mean()
    few = grouped.count() < LEAST_FILLED * LONGEST_MINUTES / minutes
    every = pd.date_range(means.index[0], means.index[-1], freq="h")
    return means.mask(few).reindex(every).tz_convert(local.index.tz)


def _values(text: CsvText, name: str, yes_no: bool) -> FloatArray:
    words = text.columns[name]
    if yes_no:
        table = YES_NO | ZERO_ONE
        missing = unknown(words)
        found = np.array(
            [np.nan if gone else table.get(word.lower(), -1) for word, gone in zip(words, missing, strict=True)]
        )
        if (found < 0).any():
            row = int(np.argmax(found < 0))
            raise TableError(text.name, f"'{words[row]}' is neither yes nor no", name, text.rows[row])
        return found
    read = numbers(text, name)
    if read is None:
        raise TableError(text.name, "holds words, not numbers", name)
    return read


def _unpacked(path: Path) -> Path:
    if path.suffix == ".gz":
        raise TableError(path.name, "is packed; unpack it first")
    return path
