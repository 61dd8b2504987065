"""Whether forecasts still hold, and whether a new model may replace the one in use."""

from __future__ import annotations

import numpy as np

from ml.forecasting.model.hours import FloatArray
from ml.forecasting.quality.metrics import BAND_80, MEDIAN, covered, pinball
from ml.forecasting.records import (
    CONTEST_DAYS,
    DRIFT_DAYS,
    FLAT_HOURS,
    Contest,
    ContestVerdict,
    Drift,
    DriftKind,
)

COVERAGE_PERCENT = (70.0, 90.0)
"""Of the 80 % band over seven days: outside it is drift."""
FEWEST_HOURS = 24


def drift(actual: FloatArray, quantiles: FloatArray, naive: FloatArray) -> Drift:
    """Drift by the last seven days: actual (n,) hourly, quantiles (n, 7) forecast for them, naive (n,) as a rival."""
    y, q, rival = (values[-24 * DRIFT_DAYS :] for values in (actual, quantiles, naive))
    kinds, flat = [], None
    last = y[np.isfinite(y)][-FLAT_HOURS:]
    if len(last) == FLAT_HOURS and np.ptp(last) == 0 and last[0] != 0:
        kinds, flat = [DriftKind.FLAT], float(last[0])
    known = np.isfinite(y) & np.isfinite(q).all(axis=1) & np.isfinite(rival)
    if known.sum() < FEWEST_HOURS:
        return Drift(flat_value=flat, kinds=tuple(kinds))
    y, q, rival = y[known], q[known], rival[known]
    coverage = float(100 * covered(y, q, BAND_80).mean())
    mae, naive_mae = float(np.abs(q[:, MEDIAN] - y).mean()), float(np.abs(rival - y).mean())
    if not COVERAGE_PERCENT[0] <= coverage <= COVERAGE_PERCENT[1]:
        kinds.append(DriftKind.COVERAGE)
    if mae > naive_mae:
        kinds.append(DriftKind.ERROR)
    return Drift(coverage_80=coverage, mae=mae, naive_mae=naive_mae, flat_value=flat, kinds=tuple(kinds))


def contest(actual: FloatArray, current: FloatArray, candidate: FloatArray) -> Contest:
    """Whether a candidate, not fitted to them, is no worse than the current model over the last 28 days.

    actual (n, H) of n issues, one a day; current and candidate (n, H, 7) quantiles. Hours that
    either lacks don't count.
    """
    y, old, new = (values[-CONTEST_DAYS:] for values in (actual, current, candidate))
    known = np.isfinite(y) & np.isfinite(old).all(axis=-1) & np.isfinite(new).all(axis=-1)
    hours = int(known.sum())
    if hours < CONTEST_DAYS * 24 / 2:
        return Contest(verdict=ContestVerdict.TOO_FEW_HOURS, days=len(y), hours=hours)
    old_loss, new_loss = float(pinball(y, old)[known].mean()), float(pinball(y, new)[known].mean())
    verdict = ContestVerdict.NO_WORSE if new_loss <= old_loss else ContestVerdict.WORSE
    return Contest(verdict=verdict, current_loss=old_loss, candidate_loss=new_loss, days=len(y), hours=hours)
