"""Widths of forecast bands, kept to what they promise: adaptive conformal inference by day of lead.

Each quantile's distance from the median is stretched by a factor whose logarithm is a controller's output (Gibbs and
Candes 2021, "Adaptive conformal inference under distribution shift"; Angelopoulos, Candes and Tibshirani 2023,
"Conformal PID control"). Its integral is of the band: how far the share of hours outside both of a pair of quantiles
was from what they promise, summed over all issues that were calibrated by a whole window of residuals: bands that were
too narrow or too wide before are no debt of later ones. So the share comes to its level in the long run, whatever the
series does. Its proportional part is of what came lately, half of it of each side's own hours: it widens
bands at once where misses come in clusters, such as holidays, and lets go of it when they are over.

One integral for both sides: what drifts below a band and soon above it, as seasons do, is no fault of its width, and
two integrals would follow each swing late, most so at the second day, of which is known two issues later.
"""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.hours import DAY, BoolArray, FloatArray
from ml.forecasting.quality.metrics import shares_below
from ml.forecasting.records import LEVELS

GAIN = 0.3
"""Of the logarithm of a factor, from a day of lead all of whose hours were missed."""
RECENT_GAIN, RECENT_KEPT = 0.5, 0.7
"""The same of the proportional part, of which the second is left an issue later."""
OWN_SHARE = 0.5
"""Of the proportional part that is of a side's own hours; the other is of both sides'."""
LEAST_LOG, MOST_LOG = -1.0, 0.6
"""Of factors' logarithms: no run of misses stretches a band without end."""
CERTAIN_SHARE, TIE_SHARE = 0.02, 1e-4
"""Of an issue's mean width: hours with a narrower band, such as nights of photovoltaics, tell nothing of it; values as
near to quantiles tie with them."""


def stretched(quantiles: FloatArray, factors: FloatArray) -> FloatArray:
    """(H, 7) sorted quantiles with their distances from the median times factors (H, 7)."""
    median = quantiles[:, len(LEVELS) // 2, None]
    return np.asarray(np.sort(median + (quantiles - median) * factors, axis=-1))


def width_factors(actual: FloatArray, issued: FloatArray, calibrated: BoolArray) -> FloatArray:
    """(H, 7) factors from how earlier issues turned out: values (m, H), NaN where not known yet, in (m, H, 7).

    calibrated (m,): by a whole window of residuals.
    """
    horizon = actual.shape[1]
    logs = np.zeros((horizon, len(LEVELS)))
    if len(actual):
        width = issued[..., -1] - issued[..., 0]
        usual = width.mean(axis=1, keepdims=True)
        tells = np.isfinite(actual) & (width > CERTAIN_SHARE * usual)
        outside = (LEVELS - shares_below(actual, issued, TIE_SHARE * usual[..., None])) * np.sign(LEVELS - 0.5)
        outside = np.where(tells[..., None], outside, 0.0)
        for first in range(0, horizon, DAY):
            day = slice(first, first + DAY)
            count = tells[:, day].sum(axis=1)
            missed = outside[:, day].sum(axis=1) / np.maximum(count, 1)[:, None]
            recent = missed[np.isfinite(actual[:, day]).any(axis=1)]
            recent = RECENT_KEPT ** np.arange(len(recent))[::-1] @ recent
            logs[day] = GAIN * _of_both(missed[calibrated].sum(axis=0))
            logs[day] += RECENT_GAIN * (OWN_SHARE * recent + (1 - OWN_SHARE) * _of_both(recent))
    return np.asarray(np.exp(np.clip(logs, LEAST_LOG, MOST_LOG)))


def _of_both(missed: FloatArray) -> FloatArray:
    """(7,) means of quantiles and their opposites."""
    return (missed + missed[::-1]) / 2
