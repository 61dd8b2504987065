"""Weights of a forecast's parts, by lead hour, from how their quantiles turned out lately.

Bernstein online aggregation (Wintenberger 2017, "Optimal learning with Bernstein online aggregation", algorithm 1, with
its second-order correction and a learning rate of its own for each part) of the parts' regrets under the pinball loss,
linearised at the forecast that was issued (the gradient trick; for quantiles Berrisch and Ziel 2021, "CRPS learning").
Regrets are means over the quantiles and over neighbouring hours, and old ones are forgotten. A part that has no
forecast of an hour sleeps: it neither gains nor loses, and has no weight there.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from ml.forecasting.model.hours import DAY, BoolArray, FloatArray
from ml.forecasting.records import LEVELS

REACH_HOURS = 6
"""To either side of a lead hour, within its day, whose regrets count with its own."""
KEPT_SHARE = 0.98
"""Of a regret that is left one issue later."""
MOST_ISSUES = 180
"""That regrets are taken from; of older ones less than 3 % would be left."""


def pooled_quantiles(parts: FloatArray, weights: FloatArray) -> FloatArray:
    """(H, 7) sorted weighted means of the parts' quantiles (H, K, 7), NaN where a part sleeps; weights (H, K)."""
    return np.asarray(np.sort(np.einsum("hk,hkq->hq", weights, np.nan_to_num(parts)), axis=-1))


def weights_of(regrets: FloatArray, prior: FloatArray, awake: BoolArray) -> FloatArray:
    """(H, K) weights that add up to 1 over parts that are awake (H, K), of which at least one is in every hour.

    regrets (m, H, K): of earlier issues, the oldest first, zero where unknown or asleep. prior (K,): weights before any
    is known.
    """
    recent = regrets[-MOST_ISSUES:]
    weights = np.broadcast_to(prior, awake.shape)
    if len(recent):
        left = KEPT_SHARE ** np.arange(len(recent))[:, None, None]
        greatest = left * np.maximum.accumulate(np.abs(recent) / left, axis=0)
        squares = _forgetting(recent**2)
        with np.errstate(divide="ignore"):  # nothing known yet: the rate is infinite, and its regret is zero
            rates = np.minimum(1 / (2 * greatest), np.sqrt(np.log(max(len(prior), 2)) / squares))
        rates = np.where(squares > 0, rates, 0.0)
        gained = _forgetting(recent * (1 - rates * recent))[-1]
        rate = np.where(rates[-1] > 0, rates[-1], rates[-1].max(axis=-1, keepdims=True))
        rate = np.where(rate > 0, rate, 1.0)
        exponent = np.where(awake, rate * gained, -np.inf)
        weights = prior * rate * np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    weights = np.where(awake, weights, 0.0)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def regrets_of(actual: FloatArray, pooled: FloatArray, parts: FloatArray) -> FloatArray:
    """(m, H, K) by how much each part would have lowered the pinball loss: of values (m, H), NaN where not known yet.

    pooled (m, H, 7): what was issued; parts (m, H, K, 7): NaN where one slept. Zero where nothing is known.
    """
    slope = (actual[..., None] <= pooled) - LEVELS
    gain = np.einsum("mhq,mhkq->mhk", slope, pooled[..., None, :] - parts) / len(LEVELS)
    known = np.isfinite(actual)[..., None] & np.isfinite(gain)
    return np.where(known, _smoothed(np.where(known, gain, 0.0), known), 0.0)


def _forgetting(values: FloatArray) -> FloatArray:
    """(m, ...) sums of all up to each, with what was before worth KEPT_SHARE of it with every step."""
    return np.asarray(lfilter([1.0], [1.0, -KEPT_SHARE], values, axis=0))


def _smoothed(values: FloatArray, known: BoolArray) -> FloatArray:
    """(m, H, K) means over REACH_HOURS to either side within each day of lead, of what is known."""
    found = np.empty_like(values)
    for first in range(0, values.shape[1], DAY):
        day = slice(first, first + DAY)
        found[:, day] = _windows(values[:, day]) / np.maximum(_windows(known[:, day].astype(float)), 1)
    return found


def _windows(values: FloatArray) -> FloatArray:
    hours = values.shape[1]
    total = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
    ends = np.minimum(np.arange(hours) + REACH_HOURS + 1, hours)
    begins = np.maximum(np.arange(hours) - REACH_HOURS, 0)
    return np.asarray(total[:, ends] - total[:, begins])
