"""Shrinkage of forecasts towards the mean of like days, as far as past forecasts were wrong to leave it.

A model fitted to some hundred noisy days follows some of their noise. Calibrated, its quantiles are right on average,
but where it forecasts much less comes, and chances that are counted on it scatter too far. So of what is unusual in a
forecast only that share is kept which least squares over past forecasts gives (Copas 1983: the slope of outcomes on
predictions, held between 0 and 1).
"""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.features import Scale
from ml.forecasting.model.hours import DAY, BoolArray, FloatArray, Hours, IntArray

LIKE_DAYS = 112
"""Over which days of one kind, working days or days off, have their mean."""
USUAL_DAYS = 14
"""Over which a model's mean deviation from like days is usual: where demand drifts, that mean lags and a model not."""


def like_days(hours: Hours, issues: IntArray, horizon: int, scale: Scale) -> FloatArray:
    """(n, H) mean in the scale's terms of the same hour on days of one kind before issues (n,); NaN without any."""
    day_off = (hours.weekday >= 5) | hours.holiday
    rows = issues[:, None] + np.arange(horizon)
    total, count = np.zeros(rows.shape), np.zeros(rows.shape)
    for days in range(1, LIKE_DAYS + 1):
        back = np.maximum(rows - DAY * days, 0)
        found = back + hours.shift_hours[rows] - hours.shift_hours[back]
        alike = (rows >= DAY * days) & (found >= 0) & (found < issues[:, None]) & (day_off[back] == day_off[rows])
        total += np.where(alike, scale.forward(hours.filled[np.where(alike, found, 0)]), 0.0)
        count += alike
    return np.divide(total, count, out=np.full(rows.shape, np.nan), where=count > 0)


def deviation(median: FloatArray, like: FloatArray) -> FloatArray:
    """(n, H) of medians (n, H) from like days (n, H), in the scale's terms; zero where there are none."""
    return np.nan_to_num(median - like)


def lately(issues: IntArray, now: int) -> BoolArray:
    """(m,) whether issues (m,) lie before row now, by USUAL_DAYS at most."""
    return np.asarray((issues < now) & (issues >= now - DAY * USUAL_DAYS))


def unusual(deviating: FloatArray, earlier: FloatArray) -> FloatArray:
    """(H,) what a forecast's deviation (H,) has beyond the mean of it and of earlier ones (m, H)."""
    return np.asarray(deviating - np.vstack([earlier, deviating]).mean(axis=0))


def dropped_share(excess: FloatArray, residuals: FloatArray, fewest_days: int) -> float:
    """Share between 0 and 1 of what was unusual (m, H) in forecasts that didn't come, by their residuals (m, H).

    residuals: NaN where unknown; 0 is answered where fewer than fewest_days of hours are known.
    """
    known = np.isfinite(residuals)
    if known.sum() < DAY * fewest_days:
        return 0.0
    extra, left = excess[known], residuals[known]
    extra = extra - extra.mean()
    spread = float(extra @ extra)
    return float(np.clip(-(extra @ left) / spread, 0, 1)) if spread > 0 else 0.0
