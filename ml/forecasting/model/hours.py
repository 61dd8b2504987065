"""An hourly series as arrays: what was measured, what is known in advance, and the local calendar of every hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

DAY, WEEK = 24, 168
SPARE_HOURS = 96
"""Of calendar behind the last row, so that forecasts of two days know the day after their last."""
MILD_C = 15.0
"""Stands for a temperature before the first one known: it calls for neither heating nor cooling."""
TARGET, TEMPERATURE, TEMPERATURE_AHEAD, HOLIDAY = "target", "temperature", "temperature_forecast", "holiday"


class ForecastError(ValueError):
    """Something in a series or a request that stands in the way of a forecast: what, where, and what is needed."""


@dataclass(frozen=True, eq=False)
class Hours:
    """N hours from start on; the value of a row holds from its hour's beginning to its end.

    target (N,): NaN where unknown and from row `end` on. filled (N,): target with gaps filled from the past only, so
    that no row tells of later ones. temperature (N,) or None: measured, degC. temperature_ahead (N,) or None: what was
    forecast for the hour, NaN where nothing was. ahead (N, c): other columns known in advance, named in ahead_names.
    hour, weekday (Monday 0), yearday, holiday: of the local calendar; shift_hours: of the local clock against the first
    row's, which is what daylight saving changes.
    """

    start: pd.Timestamp
    zone: str
    end: int
    target: FloatArray
    filled: FloatArray
    temperature: FloatArray | None
    temperature_ahead: FloatArray | None
    ahead: FloatArray
    ahead_names: tuple[str, ...]
    hour: IntArray
    weekday: IntArray
    yearday: FloatArray
    holiday: BoolArray
    shift_hours: IntArray

    def __len__(self) -> int:
        return len(self.target)

    def row(self, time: pd.Timestamp) -> int:
        """Row of the hour that begins at a time with a zone. ForecastError where it has none or is no full hour."""
        if time.tzinfo is None:
            raise ForecastError(f"{time} has no time zone; give one, e.g. {time}+00:00")
        rows = (time - self.start) / pd.Timedelta(hours=1)
        if rows != int(rows):
            raise ForecastError(f"{time} is not the beginning of an hour of the series, which starts {self.start}")
        return int(rows)

    def times(self, rows: IntArray) -> pd.DatetimeIndex:
        """Local times of rows (k,)."""
        return (self.start + pd.to_timedelta(rows, unit="h")).tz_convert(self.zone)

    def measured_share(self, row: int, hours: int) -> float:
        """Share of the hours before a row whose target was measured."""
        window = self.target[max(0, row - hours) : row]
        return float(np.isfinite(window).sum() / hours)


def hours_of(
    frame: pd.DataFrame, zone: str | None = None, country: str | None = None, ahead: tuple[str, ...] = ()
) -> Hours:
    """Arrays of a frame with an hourly DatetimeIndex that has a time zone.

    Columns: target; temperature, temperature_forecast and holiday where there are such; those named in ahead. Rows may
    lie behind the last measured one, with what is known in advance. Hours that are left out become gaps. holiday is
    filled from the country's calendar where the column is missing or NaN. Raises ForecastError.
    """
    _checked(frame)
    if TARGET in frame and frame[TARGET].first_valid_index() is not None:
        frame = frame.loc[frame[TARGET].first_valid_index() :]
    index = pd.DatetimeIndex(frame.index)
    zone = zone or str(index.tz)
    start = index[0].tz_convert("UTC")
    place = ((index - index[0]) / pd.Timedelta(hours=1)).to_numpy().astype(int)
    rows = int(place[-1]) + 1 + SPARE_HOURS

    def column(name: str) -> FloatArray | None:
        if name not in frame:
            return None
        values = np.full(rows, np.nan)
        values[place] = frame[name].to_numpy(dtype=float)
        return values

    target = column(TARGET)
    if target is None:
        raise ForecastError(f"column '{TARGET}' is missing; found {', '.join(map(str, frame.columns))}")
    missing = [name for name in ahead if name not in frame]
    if missing:
        raise ForecastError(f"column '{missing[0]}', said to be known in advance, is missing")
    known = np.flatnonzero(np.isfinite(target))
    temperature = column(TEMPERATURE)
    coming = [values for name in ahead if (values := column(name)) is not None]
    local = _local(start, rows, zone)
    return Hours(
        start=start,
        zone=zone,
        end=int(known[-1]) + 1 if len(known) else 0,
        target=target,
        filled=fill_from_past(target),
        temperature=None if temperature is None else np.nan_to_num(fill_from_past(temperature, DAY), nan=MILD_C),
        temperature_ahead=column(TEMPERATURE_AHEAD),
        ahead=np.column_stack([np.zeros((rows, 0)), *coming]),
        ahead_names=ahead,
        hour=local.hour.to_numpy().astype(int),
        weekday=local.dayofweek.to_numpy().astype(int),
        yearday=local.dayofyear.to_numpy() + local.hour.to_numpy() / DAY,
        holiday=_holidays(local, country, column(HOLIDAY)),
        shift_hours=_shift(local),
    )


def fill_from_past(values: FloatArray, period: int = WEEK) -> FloatArray:
    """(n,) with gaps filled by the value a period earlier, else a day earlier, else the last one known."""
    filled = values.copy()
    last = np.nan
    gaps = np.isnan(values)
    for row in np.flatnonzero(gaps):
        if row > 0 and not gaps[row - 1]:
            last = values[row - 1]
        for back in (period, DAY):
            if row >= back and np.isfinite(filled[row - back]):
                filled[row] = filled[row - back]
                break
        else:
            filled[row] = last
    return filled


def public_holidays(country: str, first_year: int, last_year: int) -> frozenset[np.datetime64]:
    """Days of a country ("DE") or a part of it ("DE-BY"). ForecastError where it isn't known."""
    name, _, part = country.partition("-")
    try:
        found = holidays.country_holidays(name, subdiv=part or None, years=range(first_year, last_year + 1))
    except NotImplementedError:
        raise ForecastError(f"country '{country}' is not known; give an ISO 3166 code such as DE or AU-VIC") from None
    return frozenset(np.datetime64(day, "D") for day in found)


def check_zone(zone: str) -> None:
    """Raise ForecastError where a time zone isn't known."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not zone.startswith(("UTC", "GMT")):  # offsets, as times in a file have them
            raise ForecastError(f"time zone '{zone}' is not known; give one such as Europe/Berlin") from None


def _checked(frame: pd.DataFrame) -> None:
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise ForecastError("the index must be times with a time zone")
    if not len(index):
        raise ForecastError("the series has no rows")
    steps = index[1:] - index[:-1]
    if (steps <= pd.Timedelta(0)).any():
        at = index[1:][steps <= pd.Timedelta(0)][0]
        raise ForecastError(
            f"{at} comes twice or too late; hours must rise (ml.forecasting.user_series mends a raw series)"
        )
    if (steps % pd.Timedelta(hours=1) != pd.Timedelta(0)).any():
        at = index[1:][steps % pd.Timedelta(hours=1) != pd.Timedelta(0)][0]
        raise ForecastError(
            f"{at} is not a full hour after the row before (ml.forecasting.user_series mends a raw series)"
        )


def _local(start: pd.Timestamp, rows: int, zone: str) -> pd.DatetimeIndex:
    check_zone(zone)
    return pd.date_range(start, periods=rows, freq="h").tz_convert(zone)


def _shift(local: pd.DatetimeIndex) -> IntArray:
    """(n,) whole hours that the local clock is ahead of where it was in the first row."""
    wall = local.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    real = local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)
    offset = wall - real
    return np.round((offset - offset[0]) / timedelta(hours=1).total_seconds()).astype(np.int64)


def _holidays(local: pd.DatetimeIndex, country: str | None, given: FloatArray | None) -> BoolArray:
    found = np.zeros(len(local), dtype=bool)
    if country is not None:
        days = public_holidays(country, int(local.year.min()), int(local.year.max()))
        found = np.isin(local.tz_localize(None).to_numpy().astype("datetime64[D]"), np.array(sorted(days)))
    return found if given is None else np.where(np.isnan(given), found, given > 0)
