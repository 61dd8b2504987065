"""Recalibration of chances by what came of them, as far as there is enough to go by.

The log-odds of a chance are stretched and shifted (Cox 1958, Biometrika 45, 562), by the maximum of a likelihood that
is penalised for leaving what was believed before. What comes in one day hangs together: one weather overloads many
branches for hours. So the likelihood counts only as far as days differ from each other: it is divided by its design
effect (Kish 1965), with days as clusters.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from grid.network import FloatArray, IntArray
from ml.forecasting.records import CORRECTED_FROM_DAYS, CORRECTED_FROM_OVERLOADS

EDGES = np.array([0, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, *np.arange(1, 10) / 10, 0.95, 0.98, 0.99, 1])
BINS = len(EDGES) - 1
LEAST_CHANCE = 1e-4  # whose log-odds stand for those of all lower ones, which stay as they are
SHIFT_DEVIATION, SLOPE_DEVIATION = 0.7, 0.3  # of what is believed before: shifts by half to double the odds are usual
LEAST_SLOPE = 0.1  # chances keep their order
MOST_STEPS, ENOUGH = 30, 1e-8


@dataclass(frozen=True, kw_only=True)
class Recalibration:
    """Log-odds are slope times themselves, plus shift. is_known: whether there was enough to fit it to."""

    shift: float = 0.0
    slope: float = 1.0
    is_known: bool = False

    def of(self, chance: FloatArray) -> FloatArray:
        """Chances from 0 to 1 of any shape, recalibrated; those below LEAST_CHANCE, certain and unknown ones stay."""
        inside = (chance >= LEAST_CHANCE) & (chance < 1)
        odds = logit(np.where(inside, chance, 0.5))
        return np.asarray(np.where(inside, expit(self.slope * odds + self.shift), chance))


def bin_of(chance: FloatArray) -> IntArray:
    """Place among EDGES of chances from 0 to 1, of their shape."""
    return np.minimum(np.searchsorted(EDGES, chance + 1e-9, side="right") - 1, BINS - 1)


def recalibration(cases: FloatArray, said: FloatArray, came: FloatArray, before: Recalibration) -> Recalibration:
    """What chances must become by what came of them, or what was believed before while there is too little.

    cases (d, BINS) that were said on each of d days with a chance in each bin, said: the sum of these chances, came: in
    how many cases it came.
    """
    has_cases = cases.sum(axis=0) > 0
    used = has_cases & (EDGES[:-1] >= EDGES[1])
    if (cases.sum(axis=1) > 0).sum() < CORRECTED_FROM_DAYS or min(came.sum(), said.sum()) < CORRECTED_FROM_OVERLOADS:
        return Recalibration(shift=before.shift, slope=before.slope)
    cases, said, came = cases[:, used], said[:, used], came[:, used]
    odds = logit((said.sum(axis=0) / cases.sum(axis=0)).clip(LEAST_CHANCE, 1 - LEAST_CHANCE))
    terms = np.stack([np.ones(len(odds)), odds])
    believed = np.array([before.shift, before.slope])
    penalty = np.diag([SHIFT_DEVIATION**-2.0, SLOPE_DEVIATION**-2.0])
    weight = 1 / _design_effect(cases, came, terms, believed)
    found = believed.copy()
    for _ in range(MOST_STEPS):
        chance = expit(found @ terms)
        uphill = weight * terms @ (came.sum(axis=0) - cases.sum(axis=0) * chance) - penalty @ (found - believed)
        step = np.linalg.solve(_information(cases, terms, chance) * weight + penalty, uphill)
        found = found + step.clip(-1, 1)
        if np.abs(step).max() < ENOUGH:
            break
    return Recalibration(shift=float(found[0]), slope=max(float(found[1]), LEAST_SLOPE), is_known=True)


def _information(cases: FloatArray, terms: FloatArray, chance: FloatArray) -> FloatArray:
    """(2, 2) Fisher information of shift and slope."""
    return np.asarray((terms * (cases.sum(axis=0) * chance * (1 - chance))) @ terms.T)


def _design_effect(cases: FloatArray, came: FloatArray, terms: FloatArray, believed: FloatArray) -> float:
    """How many times more shift and slope scatter between days than if all cases were independent, at least 1."""
    chance = expit(believed @ terms)
    by_day = (came - cases * chance) @ terms.T
    off = by_day - by_day.mean(axis=0)
    spread = np.linalg.solve(_information(cases, terms, chance), off.T @ off)
    return max(1.0, float(np.trace(spread)) / len(terms))
