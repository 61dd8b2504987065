"""Whether forecasts still hold, and whether a new model may replace the one in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.forecasting.model.hours import FloatArray
from ml.forecasting.quality.metrics import BAND_80, MEDIAN, covered, pinball

DRIFT_DAYS, CONTEST_DAYS = 7, 28
COVERAGE_PERCENT = (70.0, 90.0)
"""Of the 80 % band over seven days: outside it is drift."""
FLAT_HOURS = 24
FEWEST_HOURS = 24


@dataclass(frozen=True)
class Drift:
    """What was found over the last seven days; coverage and errors are None where too few hours were measured."""

    coverage_80: float | None
    mae: float | None
    naive_mae: float | None
    reasons: tuple[str, ...]

    @property
    def found(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.reasons)


def drift(actual: FloatArray, quantiles: FloatArray, naive: FloatArray) -> Drift:
    """Drift by the last seven days: actual (n,) hourly, quantiles (n, 7) forecast for them, naive (n,) as a rival."""
    y, q, rival = (values[-24 * DRIFT_DAYS :] for values in (actual, quantiles, naive))
    reasons = []
    last = y[np.isfinite(y)][-FLAT_HOURS:]
    if len(last) == FLAT_HOURS and np.ptp(last) == 0 and last[0] != 0:
        reasons.append(f"the last {FLAT_HOURS} hours all are {last[0]:g}")
    known = np.isfinite(y) & np.isfinite(q).all(axis=1) & np.isfinite(rival)
    if known.sum() < FEWEST_HOURS:
        return Drift(None, None, None, tuple(reasons))
    y, q, rival = y[known], q[known], rival[known]
    coverage = float(100 * covered(y, q, BAND_80).mean())
    mae, naive_mae = float(np.abs(q[:, MEDIAN] - y).mean()), float(np.abs(rival - y).mean())
    if not COVERAGE_PERCENT[0] <= coverage <= COVERAGE_PERCENT[1]:
        reasons.append(f"{coverage:.0f} % of the last {DRIFT_DAYS} days lie in the 80 % band")
    if mae > naive_mae:
        reasons.append(f"the error, {mae:.4g}, is above that of the naive forecast, {naive_mae:.4g}")
    return Drift(coverage, mae, naive_mae, tuple(reasons))


@dataclass(frozen=True)
class Contest:
    """Mean pinball losses of two models on the same hours, whether the new one is taken, and why in a sentence."""

    taken: bool
    current_loss: float
    candidate_loss: float
    reason: str


def contest(actual: FloatArray, current: FloatArray, candidate: FloatArray) -> Contest:
    """Whether a candidate, not fitted to them, is no worse than the current model over the last 28 days.

    actual (n, H) of n issues, one a day; current and candidate (n, H, 7) quantiles. Hours that
    either lacks don't count.
    """
    y, old, new = (values[-CONTEST_DAYS:] for values in (actual, current, candidate))
    known = np.isfinite(y) & np.isfinite(old).all(axis=-1) & np.isfinite(new).all(axis=-1)
    if known.sum() < CONTEST_DAYS * 24 / 2:
        reason = f"{known.sum()} hours can be compared, half of {CONTEST_DAYS} days are needed: the model in use stays"
        return Contest(False, np.nan, np.nan, reason)
    old_loss, new_loss = float(pinball(y, old)[known].mean()), float(pinball(y, new)[known].mean())
    taken = new_loss <= old_loss
    words = "no worse: taken" if taken else "worse: the model in use stays"
    return Contest(taken, old_loss, new_loss, f"loss {new_loss:.4g} against {old_loss:.4g} over {len(y)} days, {words}")
