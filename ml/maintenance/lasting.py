"""Whether what goes with an outcome goes with a later one, too, and also for those that had the outcome already.

A cause that is still there goes on causing. What was put in the place of a failed asset goes with the failure before
it and not with the next one: it is a mark of the replacement, though it predicts the outcome that it was written after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from ml.maintenance.leakage.alone import codes, folds, rates
from ml.maintenance.leakage.suspicion import SIGNIFICANT
from ml.maintenance.model.metrics import Figure
from ml.tables.csv_text import FloatArray

BINS = 10
"""Of equal count, of a column with more values."""
LASTS = 0.5
"""Of its effect in rows without the event, what a column has at most in those with it, for it to have vanished."""
STEPS = 50


@dataclass(frozen=True)
class Lasting:
    """A column's effect on a later outcome: 1 is that on the earlier one, 0 none; each with its 95 % interval.

    without_event: among rows that didn't have the earlier event; with_event: among those that had. vanished: whether
    it is gone for the latter, beyond chance over all columns.
    """

    column: str
    without_event: Figure
    with_event: Figure
    vanished: bool


def lasting(features: pd.DataFrame, label: FloatArray, later: FloatArray, seed: int) -> tuple[Lasting, ...]:
    """Effects of those of (n, d) features that predict the (n,) outcome beyond chance, on the (n,) later one.

    An effect is the slope of the later outcome's log-odds on those that a column's values have for the earlier one,
    learned on other rows (in ten bins where it has more values). Strongest first.
    """
    part, event = folds(label, seed), label > 0
    found: list[tuple[float, Lasting]] = []
    for name in features:
        odds = logit(rates(codes(features[name], BINS), label, part))
        slope, error = _slope(odds, label)
        if stats.norm.sf(slope / error) > SIGNIFICANT / len(features.columns):
            continue
        (kept, kept_error), (gone, gone_error) = (_slope(odds[rows], later[rows]) for rows in (~event, event))
        vanished = bool(
            stats.norm.sf((kept - gone) / np.hypot(kept_error, gone_error)) < SIGNIFICANT / len(features.columns)
            and gone <= LASTS * kept
        )
        both = (_interval(kept, kept_error), _interval(gone, gone_error))
        found.append((slope / error, Lasting(str(name), *both, vanished)))
    return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def _slope(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope of a logistic regression of y on x and a constant, and its standard error; infinite where x is constant.

    Newton's method, with one event and one other at the mean of x added, so that few events have a finite answer.
    """
    if np.ptp(x) == 0:
        return 0.0, float("inf")
    middle = float(x.mean())
    rows = np.column_stack([np.append(x, [middle, middle]), np.ones(len(x) + 2)])
    target = np.append(y, [0.0, 1.0])
    weights = np.zeros(2)
    for _ in range(STEPS):
        chance = expit(rows @ weights)
        curvature = rows.T @ (rows * (chance * (1 - chance))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, rows.T @ (target - chance))
        weights += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(np.sqrt(np.linalg.inv(curvature)[0, 0]))


def _interval(value: float, error: float) -> Figure:
    spread = float(stats.norm.isf(0.025)) * error
    return Figure(value, value - spread, value + spread)
