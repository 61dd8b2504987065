"""A weather forecast made of what was measured and an error of its own, for series that come without forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd

HOURLY_CORRELATION = 0.95
"""Of a day-ahead temperature forecast's errors from one hour to the next."""


def noised_forecast(measured: pd.Series, error: float, seed: int = 1) -> pd.Series:
    """A forecast of hourly values whose errors have a standard deviation and are alike from hour to hour.

    It stands for the forecast that was at hand when a day's load was forecast; it is no forecast, and figures that rest
    on it must say so.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal(len(measured)) * np.sqrt(1 - HOURLY_CORRELATION**2)
    drawn[:1] = rng.standard_normal()
    noise = np.empty(len(drawn))
    last = 0.0
    for i, fresh in enumerate(drawn):
        last = HOURLY_CORRELATION * last + fresh
        noise[i] = last
    return measured + error * noise
