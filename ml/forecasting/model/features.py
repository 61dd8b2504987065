"""Features of load and renewable forecasts: only what was known at the moment a forecast was issued.

Step k of a forecast issued at row p is the hour of row p + k. Steps up to a day read lags from 24 hours on, later ones
lags from 48 hours on; lags follow the local clock, so that on days after a change of the clock noon is set beside noon.
Whatever would lie at or behind the issue is taken from a day earlier still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.forecasting.model.hours import DAY, WEEK, BoolArray, FloatArray, Hours, IntArray

FIRST_ISSUE = 2 * WEEK + 2 * DAY
"""Hours of history that every feature needs."""
LAG_DAYS = (0, 1, 2, 3, 4, 5)
RECENT_HOURS = (1, 2, 3, 6, 12)
MEAN_HOURS = (3, 6, 12, 24, 48, 72)
HINGES_C = (10.0, 14.0, 18.0, 21.0, 24.0, 27.0, 30.0, 34.0)
DAY_HINGES_C = (14.0, 18.0, 22.0, 26.0, 30.0)
HOT_DAY_C, HOT_HOUR_C = 26.0, 22.0


@dataclass(frozen=True)
class Scale:
    """What a series is modelled in: its logarithm where it is always clearly positive, else a share of `unit`."""

    logarithmic: bool
    unit: float

    def forward(self, values: FloatArray) -> FloatArray:
        """Values in the unit of the series -> values to be modelled, of the same shape."""
        shares = values / self.unit
        return np.log(np.maximum(shares, 1e-3)) if self.logarithmic else shares

    def back(self, values: FloatArray) -> FloatArray:
        """The inverse of forward."""
        return self.unit * (np.exp(values) if self.logarithmic else values)


def scale_of(values: FloatArray) -> Scale:
    """Scale of a history (n,): logarithmic where no value is below a tenth of the mean one."""
    known = values[np.isfinite(values)]
    mean = float(np.abs(known).mean()) if len(known) else 0.0
    return Scale(bool(len(known)) and mean > 0 and float(known.min()) > 0.1 * mean, mean if mean > 0 else 1.0)


@dataclass(frozen=True, eq=False)
class Design:
    """Features of n forecasts of H steps: ridge (n, H, r), trees (n, H, t), level (n,) of the week before the issue.

    Both are in the scale's terms; lags, recent values and what is to be predicted are relative to the level.
    rows (n, H): of the hours that are forecast.
    """

    ridge: FloatArray
    trees: NDArray[np.float32]
    level: FloatArray
    rows: IntArray
    ridge_names: tuple[str, ...]


def lag_rows(hours: Hours, issues: IntArray, rows: IntArray, days: IntArray | int) -> IntArray:
    """(n, H) rows of the same hour of the clock some days earlier, always before the issues (n,)."""
    back = rows - DAY * days
    found = back + hours.shift_hours[rows] - hours.shift_hours[back]
    late = found >= issues[:, None]
    return np.asarray(np.where(late, found - DAY, found))


def design(hours: Hours, issues: IntArray, steps: IntArray, scale: Scale) -> Design:
    """Features of forecasts issued at rows (n,), each at least FIRST_ISSUE, for steps (H,) from 0 to 47.

    Reads target and temperature before each issue only; temperature_ahead, holidays and other columns known in advance
    also behind it.
    """
    rows = issues[:, None] + steps[None, :]
    value = scale.forward(hours.filled[: int(issues.max())])
    mean_week = np.concatenate([[0.0], np.cumsum(value)])
    level = (mean_week[issues] - mean_week[issues - WEEK]) / WEEK
    first = np.where(steps < DAY, 1, 2)[None, :]
    columns = _lags(hours, issues, rows, first, value, level)
    columns |= _recent(issues, steps, value, level)
    calendar = _calendar(hours, rows, first)
    columns |= calendar
    columns |= _weather(hours, issues, steps, rows, first)
    columns |= _ahead(hours, issues, rows, first, scale.unit)
    ridge_names = tuple(columns)
    only_trees = {
        "weekday": hours.weekday[rows].astype(float),
        "hour": hours.hour[rows].astype(float),
        "step": np.broadcast_to(steps.astype(float), rows.shape),
    }
    ridge = np.stack(list(columns.values()), axis=-1)
    trees = np.concatenate([ridge, np.stack(list(only_trees.values()), axis=-1)], axis=-1).astype(np.float32)
    return Design(ridge, trees, level, rows, ridge_names)


Columns = dict[str, FloatArray]


def _lags(
    hours: Hours, issues: IntArray, rows: IntArray, first: IntArray, value: FloatArray, level: FloatArray
) -> Columns:
    at = {f"lag_{day}_days_more": lag_rows(hours, issues, rows, first + day) for day in LAG_DAYS}
    at["lag_week"] = lag_rows(hours, issues, rows, 7)
    at["lag_two_weeks"] = lag_rows(hours, issues, rows, 14)
    nearest = at["lag_0_days_more"]
    at["lag_hour_before"], at["lag_two_hours_before"] = nearest - 1, nearest - 2
    return {name: value[place] - level[:, None] for name, place in at.items()}


def _recent(issues: IntArray, steps: IntArray, value: FloatArray, level: FloatArray) -> Columns:
    wide = np.ones((1, len(steps)))
    day = value[issues[:, None] - DAY + np.arange(DAY)]
    before = value[issues[:, None] - 2 * DAY + np.arange(DAY)]
    figures = {f"last_{back}": value[issues - back] for back in RECENT_HOURS}
    figures |= {"day_mean": day.mean(1), "day_max": day.max(1), "day_min": day.min(1), "day_before": before.mean(1)}
    return {name: (figure - level)[:, None] * wide for name, figure in figures.items()}


def _calendar(hours: Hours, rows: IntArray, first: IntArray) -> Columns:
    angle = 2 * np.pi * hours.yearday[rows] / 365.25
    weekday, holiday = hours.weekday[rows], hours.holiday
    columns: Columns = {"season_sin": np.sin(angle), "season_cos": np.cos(angle)}
    columns |= {f"weekday_{day}": (weekday == day).astype(float) for day in range(7)}
    columns["holiday"] = holiday[rows].astype(float)
    columns["holiday_before"] = holiday[rows - DAY].astype(float)
    columns["holiday_after"] = holiday[np.minimum(rows + DAY, len(holiday) - 1)].astype(float)
    columns["holiday_first_lag"] = holiday[rows - DAY * first].astype(float)
    columns["holiday_last_week"] = holiday[rows - WEEK].astype(float)
    columns["day_off"] = ((weekday >= 5) | holiday[rows]).astype(float)
    return columns


def weather_known(hours: Hours, issues: IntArray, horizon: int) -> BoolArray:
    """(n,) whether every hour of the horizon has a temperature forecast."""
    if hours.temperature_ahead is None:
        return np.ones(len(issues), dtype=bool)
    rows = np.minimum(issues[:, None] + np.arange(horizon), len(hours) - 1)
    return np.asarray(np.isfinite(hours.temperature_ahead[rows]).all(axis=1))


def _weather(hours: Hours, issues: IntArray, steps: IntArray, rows: IntArray, first: IntArray) -> Columns:
    if hours.temperature is None or hours.temperature_ahead is None:
        return {}
    past = hours.temperature[: int(issues.max())]
    horizon = int(steps.max()) + 1
    coming_rows = issues[:, None] + np.arange(horizon)
    coming = hours.temperature_ahead[np.minimum(coming_rows, len(hours) - 1)]
    persisted = past[issues[:, None] - DAY + np.arange(horizon) % DAY]
    coming = np.where(np.isnan(coming), persisted, coming)
    longest = max(MEAN_HOURS)
    course = np.concatenate([past[issues[:, None] - longest + np.arange(longest)], coming], axis=1)
    total = np.concatenate([np.zeros((len(course), 1)), np.cumsum(course, axis=1)], axis=1)
    ends = longest + steps + 1
    now = coming[:, steps]
    lag = past[lag_rows(hours, issues, rows, first)]
    columns: Columns = {"temperature": now, "temperature_lag": lag, "temperature_change": now - lag}
    means = {span: (total[:, ends] - total[:, ends - span]) / span for span in MEAN_HOURS}
    columns |= {f"temperature_mean_{span}": mean for span, mean in means.items()}
    columns |= {f"above_{edge:.0f}": np.maximum(now - edge, 0) for edge in HINGES_C}
    columns |= {f"mean_24_above_{edge:.0f}": np.maximum(means[24] - edge, 0) for edge in DAY_HINGES_C}
    columns |= {f"mean_6_above_{edge:.0f}": np.maximum(means[6] - edge, 0) for edge in DAY_HINGES_C}
    columns["lag_above"] = np.maximum(lag - HOT_HOUR_C, 0)
    return columns | _extremes(course, longest, steps, horizon)


def _extremes(course: FloatArray, longest: int, steps: IntArray, horizon: int) -> Columns:
    """Highest and lowest temperature of the step's day of the forecast, and of the day before the issue."""
    ends = np.minimum(DAY * (1 + np.arange(-(-horizon // DAY))), horizon)
    days = [course[:, longest + max(0, end - DAY) : longest + end] for end in ends]
    which = steps // DAY
    high = np.stack([day.max(1) for day in days], 1)[:, which]
    low = np.stack([day.min(1) for day in days], 1)[:, which]
    before = np.repeat(course[:, longest - DAY : longest].max(1)[:, None], len(steps), axis=1)
    return {
        "day_high": high,
        "day_low": low,
        "day_high_above": np.maximum(high - HOT_DAY_C, 0),
        "day_before_high": before,
        "day_before_high_above": np.maximum(before - HOT_DAY_C, 0),
    }


def _ahead(hours: Hours, issues: IntArray, rows: IntArray, first: IntArray, unit: float) -> Columns:
    """Columns known in advance: now, their change, and now times how the target stood to them over the last day."""
    columns: Columns = {}
    last_day = issues[:, None] - DAY + np.arange(DAY)
    for i, name in enumerate(hours.ahead_names):
        values = np.nan_to_num(hours.ahead[:, i])
        now = values[np.minimum(rows, len(values) - 1)]
        sums = values[last_day].sum(1)
        ratio = hours.filled[last_day].sum(1) / unit / np.where(np.abs(sums) > 1e-9, sums, np.inf)
        columns[name] = now
        columns[f"{name}_change"] = now - values[lag_rows(hours, issues, rows, first)]
        columns[f"{name}_scaled"] = now * ratio[:, None]
    return columns
