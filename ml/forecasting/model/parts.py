"""What a forecast is put together from, each of which could stand alone.

The model's quantiles, its ridge alone, the same hour a day and a week before, and the mean of like days. All but the
model forecast a value, and their quantiles are that value moved by their own residuals (conformal.py).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from ml.forecasting.model.baselines import naive
from ml.forecasting.model.hours import FloatArray, Hours, IntArray
from ml.forecasting.model.model import Parts, QuantileModel
from ml.forecasting.model.shrinkage import like_days
from ml.forecasting.records import LEVELS


class Part(StrEnum):
    """One of them."""

    MODEL = "ridge and XGBoost"
    RIDGE = "ridge"
    DAY = "same hour a day before"
    WEEK = "same hour a week before"
    LIKE_DAYS = "mean of like days"


ALL = tuple(Part)
PRIOR = np.array([0.35, 0.30, 0.10, 0.10, 0.15])
"""Weights of ALL before any error is known."""
MODELLED = len(LEVELS) + 1
"""Columns that come of the model: its quantiles and its ridge."""


def parts_of(settings: Parts) -> tuple[Part, ...]:
    """All parts, or the one alone that the model was fitted as."""
    return ALL if settings is Parts.BOTH else (Part.MODEL,)


def columns_of(parts: tuple[Part, ...]) -> IntArray:
    """(7 K,) column of raw_parts for each quantile of each part in turn."""
    count = len(LEVELS)
    return np.concatenate(
        [np.arange(count) if part is Part.MODEL else np.full(count, count - 1 + ALL.index(part)) for part in parts]
    )


def raw_parts(model: QuantileModel, hours: Hours, issues: IntArray) -> FloatArray:
    """(n, H, 11) uncalibrated, in the scale's terms, issued at rows (n,); (n, H, 7) of a model fitted as one part.

    Columns: the model's quantiles, then a value each of the other parts in order; NaN where there are no like days.
    """
    quantiles, ridge = model.raw(hours, issues)
    if parts_of(model.settings.parts) != ALL:
        return quantiles
    forward, horizon = model.scale.forward, model.horizon
    values = [
        ridge,
        forward(naive(hours, issues, horizon, 1)),
        forward(naive(hours, issues, horizon, 7)),
        like_days(hours, issues, horizon, model.scale),
    ]
    return np.concatenate([quantiles, np.stack(values, axis=-1)], axis=-1)
