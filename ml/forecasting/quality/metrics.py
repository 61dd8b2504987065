"""What a forecast is worth: errors of its median, and its quantiles as a distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grid.network import BoolArray, FloatArray
from ml.forecasting.records import LEVELS

MEDIAN = int(np.argmin(np.abs(LEVELS - 0.5)))
BAND_80, BAND_90 = (1, 5), (0, 6)
"""Places of the ends of the central bands among LEVELS."""
_BETWEEN = np.concatenate([[0.0], (LEVELS[1:] + LEVELS[:-1]) / 2, [1.0]])


@dataclass(frozen=True)
class Scores:
    """Figures over `hours` scored hours, in the series's unit or as said.

    mape_percent: None where the series comes too close to zero for it. r_mae: MAE over that of the naive forecast it
    was set beside. r_crps: twice the mean pinball loss over the quantiles, over P99 - P1 of the series. coverage_80 and
    coverage_90: share within the central bands, %, ties by a share. bias: mean of median minus value.
    """

    hours: int
    mae: float
    mape_percent: float | None
    r_mae: float
    r_crps: float
    coverage_80: float
    coverage_90: float
    bias: float


def pinball(actual: FloatArray, quantiles: FloatArray, levels: FloatArray = LEVELS) -> FloatArray:
    """Pinball loss (..., q) of quantiles (..., q) for values (...)."""
    over = actual[..., None] - quantiles
    return np.maximum(levels * over, (levels - 1) * over)


def covered(actual: FloatArray, quantiles: FloatArray, band: tuple[int, int]) -> BoolArray:
    """(...) whether values lie within a band of quantiles (..., 7), its ends included."""
    return np.asarray((actual >= quantiles[..., band[0]]) & (actual <= quantiles[..., band[1]]))


def shares_below(actual: FloatArray, quantiles: FloatArray, tie: FloatArray | float = 0.0) -> FloatArray:
    """(..., 7) 1 where a value (...) lies below one of sorted quantiles (..., 7), 0 where above, a share where it ties.

    A value that lies within `tie` of quantiles, as a night's zero does with those at zero, may have any place among
    their levels, down to 0 and up to 1 where they are the outermost: the mean over a place drawn at random (Czado,
    Gneiting and Held 2009, "Predictive model assessment for count data": the non-randomised transform). So of right
    forecasts the mean is the level, which a share that counts the quantile's own value in exceeds.
    """
    over = actual[..., None] - quantiles
    tied = np.abs(over) <= tie
    first, last = np.argmax(tied, axis=-1), len(LEVELS) - np.argmax(tied[..., ::-1], axis=-1)
    low, high = _BETWEEN[first][..., None], _BETWEEN[last][..., None]
    return np.asarray(np.where(tied, np.clip((LEVELS - low) / (high - low), 0, 1), over < 0))


def share_inside(actual: FloatArray, quantiles: FloatArray, band: tuple[int, int]) -> FloatArray:
    """(...) by which values lie within a band of quantiles (..., 7): a share where they tie with its ends."""
    below = shares_below(actual, quantiles)
    return np.asarray(below[..., band[1]] - below[..., band[0]])


def score(actual: FloatArray, quantiles: FloatArray, naive_mae: float, series_range: float) -> Scores:
    """Scores of quantiles (..., 7) for values (...), over those that are known."""
    known = np.isfinite(actual) & np.isfinite(quantiles).all(axis=-1)
    y, q = actual[known], quantiles[known]
    if not len(y):
        raise ValueError("no hour that was forecast has a value")
    error = q[:, MEDIAN] - y
    suited = y.min() > 0.05 * np.abs(y).mean()
    return Scores(
        hours=len(y),
        mae=float(np.abs(error).mean()),
        mape_percent=float(100 * np.abs(error / y).mean()) if suited else None,
        r_mae=float(np.abs(error).mean() / naive_mae),
        r_crps=float(2 * pinball(y, q).mean() / series_range),
        coverage_80=float(100 * share_inside(y, q, BAND_80).mean()),
        coverage_90=float(100 * share_inside(y, q, BAND_90).mean()),
        bias=float(error.mean()),
    )


def range_of(values: FloatArray) -> float:
    """P99 - P1 of what is known; ValueError where that is nothing, or all the same."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [1, 99]) if len(known) else (0.0, 0.0)
    if not high > low:
        raise ValueError("the series is constant; there is nothing to forecast")
    return float(high - low)
