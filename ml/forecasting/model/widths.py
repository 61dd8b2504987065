"""Widths of forecast bands, kept to what they promise: adaptive conformal inference by day of lead.

Each quantile's distance from the median is stretched by a factor whose logarithm adds up how far the share of hours
below it was from its level, over all issues that are kept (Gibbs and Candes 2021, "Adaptive conformal inference under
distribution shift", in the form of an integrator on the scale: Angelopoulos, Candes and Tibshirani 2023, "Conformal PID
control"). So the share comes to its level in the long run, whatever the series does, and a band that held has no cause
to grow.
"""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.hours import DAY, FloatArray
from ml.forecasting.records import LEVELS

GAIN = 0.3
"""Of the logarithm of a factor, from a day of lead all of whose hours were missed."""
LEAST_LOG, MOST_LOG = -0.8, 0.4
"""Of factors' logarithms: wider bands cost more than they cover where misses come in clusters, such as holidays."""
CERTAIN_SHARE, TIE_SHARE = 0.02, 0.001
"""Of an issue's mean width: hours with a narrower band, such as nights of photovoltaics, and values so near to a
quantile, such as zero where it is zero, tell nothing of it."""


def stretched(quantiles: FloatArray, factors: FloatArray) -> FloatArray:
    """(H, 7) sorted quantiles with their distances from the median times factors (H, 7)."""
    median = quantiles[:, len(LEVELS) // 2, None]
    return np.asarray(np.sort(median + (quantiles - median) * factors, axis=-1))


def width_factors(actual: FloatArray, issued: FloatArray) -> FloatArray:
    """(H, 7) factors from how earlier issues turned out: values (m, H), NaN where not known yet, in (m, H, 7)."""
    horizon = actual.shape[1]
    logs = np.zeros((horizon, len(LEVELS)))
    if len(actual):
        width = issued[..., -1] - issued[..., 0]
        usual = width.mean(axis=1, keepdims=True)
        tells = np.isfinite(actual) & (width > CERTAIN_SHARE * usual)
        distance = actual[..., None] - issued
        missed = np.where(np.abs(distance) <= TIE_SHARE * usual[..., None], 0.0, LEVELS - (distance <= 0))
        missed = np.where(tells[..., None], missed, 0.0)
        for first in range(0, horizon, DAY):
            day = slice(first, first + DAY)
            count = np.maximum(tells[:, day].sum(axis=1), 1)[:, None]
            logs[day] = (missed[:, day].sum(axis=1) / count).sum(axis=0)
    return np.asarray(np.exp(np.clip(GAIN * logs * np.sign(LEVELS - 0.5), LEAST_LOG, MOST_LOG)))
