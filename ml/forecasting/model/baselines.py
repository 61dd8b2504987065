"""What a forecast must beat, and falls back to: the same hour a day or a week ago, and a standard profile."""

from __future__ import annotations

import numpy as np

from grid.sources.clock import Clock
from grid.sources.demand import class_shapes
from grid.sources.weather import season_c
from ml.forecasting.model.conformal import offsets
from ml.forecasting.model.features import lag_rows
from ml.forecasting.model.hours import DAY, FloatArray, ForecastError, Hours, IntArray
from ml.forecasting.records import LEVELS

WINDOW_DAYS = 56
"""Of errors that a naive forecast's quantiles are taken from."""
FEWEST_ERRORS = 9
PROFILE_SPREAD = np.array([0.65, 0.75, 0.88, 1.0, 1.12, 1.25, 1.35])
"""Quantiles of a profile over its own value: a convention, wide because nothing is known yet."""


def naive(hours: Hours, issues: IntArray, horizon: int, days: int) -> FloatArray:
    """(n, H) same hour of the clock some days ago, for issues (n,); as many days more as it takes to be known."""
    rows = issues[:, None] + np.arange(horizon)
    back = np.maximum(days, days * -(-(np.arange(horizon) + 1) // (DAY * days)))[None, :]
    places = lag_rows(hours, issues, rows, back)
    return np.asarray(np.where(places >= 0, hours.filled[np.maximum(places, 0)], np.nan))


def naive_quantiles(hours: Hours, issue: int, horizon: int, days: int, window_days: int = WINDOW_DAYS) -> FloatArray:
    """(H, 7) quantiles of the naive forecast issued at a row: its value and its own errors of the last weeks by step.

    Where too few errors are known, the profile's spread around the value.
    """
    value = naive(hours, np.array([issue]), horizon, days)[0]
    earlier = issue - DAY * np.arange(window_days + 2, 0, -1)
    earlier = earlier[earlier >= DAY * (days + 2)]
    spread = value[:, None] * PROFILE_SPREAD
    if not len(earlier):
        return np.sort(spread, axis=1)
    rows = earlier[:, None] + np.arange(horizon)
    errors = hours.target[rows] - naive(hours, earlier, horizon, days)
    moved = offsets(np.repeat(errors[..., None], len(LEVELS), -1), earlier, issue, LEVELS, window_days, FEWEST_ERRORS)
    found = np.where((moved != 0).any(axis=1)[:, None], value[:, None] + moved, spread)
    return np.sort(found, axis=1)


def profile(
    hours: Hours, issue: int, horizon: int, column: str | None = None, expected: float | None = None
) -> FloatArray:
    """(H, 7) a shape at the level of what was measured before a row, else at the expected mean.

    The shape is a column known in advance, else the mean of the simulator's three classes of load at the season's
    temperature. ForecastError where no level is known.
    """
    rows = issue + np.arange(horizon)
    shape = _shape(hours, column)
    known = np.flatnonzero(np.isfinite(hours.target[:issue]))
    under = shape[known].sum()
    if len(known) >= DAY and under > 0:
        level = float(hours.target[known].sum()) / under
    elif expected is not None:
        level = expected / max(float(np.nanmean(shape)), 1e-12)
    elif under > 0:
        level = float(hours.target[known].sum()) / under
    else:
        raise ForecastError(
            "nothing has been measured yet; give expected_mean for a forecast from the standard profile"
        )
    return np.sort((level * shape[rows])[:, None] * PROFILE_SPREAD, axis=1)


def _shape(hours: Hours, column: str | None) -> FloatArray:
    """(N,) relative values."""
    if column is not None:
        return np.nan_to_num(hours.ahead[:, hours.ahead_names.index(column)])
    clock = Clock(np.floor(hours.yearday), hours.hour + 0.5, (hours.weekday >= 5) | hours.holiday)
    return np.asarray(class_shapes(clock, season_c(clock)).mean(axis=0))
