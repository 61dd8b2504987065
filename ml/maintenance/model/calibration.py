"""Calibration of probabilities: isotonic where there are events enough, Platt's sigmoid where there are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

FloatArray = NDArray[np.float64]

ISOTONIC_EVENTS = 1000
"""Events from which on the isotonic steps are finer than the error of the sigmoid's shape."""
RANK_SHARE = 1e-6
"""Share of the raw probability in the calibrated one: rows on one isotonic step keep their order."""
LEAST_RAW = 1e-6
"""Raw probabilities count as at least this far from 0 and 1, so that their log-odds are finite."""


@dataclass(frozen=True)
class Sigmoid:
    """Probability with the log-odds slope * raw log-odds + intercept (Platt 1999); slope is not negative."""

    slope: float
    intercept: float

    def apply(self, raw: FloatArray) -> FloatArray:
        """(n,) calibrated probabilities of (n,) raw ones, in the same order."""
        return _ranked(expit(self.slope * _log_odds(raw) + self.intercept), raw)


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Knots (k,) of a rising line from raw to calibrated probabilities, flat beyond its ends."""

    raw: FloatArray
    calibrated: FloatArray

    def apply(self, raw: FloatArray) -> FloatArray:
        """(n,) calibrated probabilities of (n,) raw ones, in the same order."""
        return _ranked(np.interp(raw, self.raw, self.calibrated), raw)


Calibration = Sigmoid | Isotonic


def fit_calibration(raw: FloatArray, label: FloatArray) -> Calibration:
    """Calibrate (n,) raw probabilities to (n,) labels of 0 and 1, both of which must occur."""
    return fit_isotonic(raw, label) if label.sum() >= ISOTONIC_EVENTS else fit_sigmoid(raw, label)


def fit_isotonic(raw: FloatArray, label: FloatArray) -> Isotonic:
    """Isotonic regression; no step claims a rarer outcome than half of one in the n rows it was fitted to."""
    fitted = IsotonicRegression(out_of_bounds="clip").fit(raw, label)
    least = 0.5 / len(label)
    return Isotonic(fitted.X_thresholds_.astype(float), np.clip(fitted.y_thresholds_, least, 1 - least).astype(float))


def fit_sigmoid(raw: FloatArray, label: FloatArray) -> Sigmoid:
    """Maximum likelihood towards Platt's targets, (events + 1) / (events + 2) and 1 / (others + 2)."""
    events = label.sum()
    target = np.where(label > 0, (events + 1) / (events + 2), 1 / (len(label) - events + 2))
    odds = _log_odds(raw)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        z = parameters[0] * odds + parameters[1]
        residual = expit(z) - target
        value = np.mean(np.logaddexp(0, z) - target * z)
        return float(value), np.array([np.mean(residual * odds), np.mean(residual)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[(0, None), (None, None)], options={"ftol": 1e-12})
    return Sigmoid(float(found.x[0]), float(found.x[1]))


def _ranked(calibrated: FloatArray, raw: FloatArray) -> FloatArray:
    return np.asarray((1 - RANK_SHARE) * calibrated + RANK_SHARE * raw)


def _log_odds(raw: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(raw, LEAST_RAW, 1 - LEAST_RAW)))
