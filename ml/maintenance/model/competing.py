"""Rates by cause: by what factor an asset's condition multiplies CNAIM's published rate, for each cause of failure.

Cause-specific hazards (Prentice et al. 1978, Biometrics 34:541): for each cause a Poisson regression on the same terms
of condition, with the published rate and the time watched as its offset. What isn't known of an asset counts as usual,
so that one of which nothing is known fails at the published rate, but for how that fits a fleet as a whole. A worse
condition never lowers a rate, however few failures there were to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from grid.assets.deterioration import KINDS, TRIPS_PER_YEAR
from grid.network import BoolArray, FloatArray, IntArray
from ml.maintenance.model.causes import CAUSES

OFFSET = "log_published_rate"
PRECISION = 5.0  # of coefficients before anything is seen: few failures leave condition without effect
MOST_STEPS = 500


@dataclass(frozen=True)
class Term:
    """A term of condition: what usual means, what counts as one, and where it ends counting, in that unit."""

    feature: str
    usual: float
    unit: float
    least: float
    most: float
    oil_only: bool = False


TERMS = (
    Term("vibration_ratio", usual=1.5, unit=0.8, least=-1, most=3),
    Term("corrosion", usual=0.35, unit=1.0, least=-0.4, most=0.7),
    Term("oil_quality", usual=0.7, unit=-1.0, least=-0.4, most=0.8, oil_only=True),
    Term("thd_percent", usual=2.5, unit=1.0, least=-2.5, most=5),
    Term("hot_spot_margin_k", usual=30.0, unit=-7.0, least=-8, most=6),
    Term("temperature_residual_k", usual=0.0, unit=3.0, least=-1, most=4),
    Term("log_ageing_rate", usual=-5.0, unit=2.0, least=-2, most=4, oil_only=True),
)
LOADING = Term("loading_percent", usual=40.0, unit=50.0, least=-1, most=1.5)  # heat apart it may do good as well
HOT_FROM = (-2.0, 0.0)  # of the margin's term: from there on it may rise faster
WORSENING = len(TERMS) + len(HOT_FROM) + 1  # columns that rise as condition gets worse; the last is that of trips
COLUMNS = WORSENING + 1 + len(KINDS)


@dataclass(frozen=True, eq=False)
class CompetingRates:
    """Coefficients (4, t) of CAUSES and of the columns that terms_of gives."""

    coefficients: FloatArray

    @classmethod
    def fit(cls, frame: pd.DataFrame, exposure_years: FloatArray, cause: IntArray) -> CompetingRates:
        """Fit to (n,) rows: time until the failure or the end of watching, and its position in CAUSES, -1 for none.

        Raises ValueError where a cause never occurs: nothing could be said of it.
        """
        missing = [name.value for place, name in enumerate(CAUSES) if not (cause == place).any()]
        if missing:
            raise ValueError(f"no failure by '{missing[0]}' occurs: nothing can be learned of it")
        terms = terms_of(frame)
        expected = exposure_years * np.exp(frame[OFFSET].to_numpy(dtype=float))
        found = [_regression(terms, expected, cause == place) for place in range(len(CAUSES))]
        return cls(np.array(found))

    def factors(self, frame: pd.DataFrame) -> FloatArray:
        """(n, 4) by which the published rate is multiplied to give the rate of each of CAUSES."""
        return np.exp(terms_of(frame) @ self.coefficients.T) / len(CAUSES)


def terms_of(frame: pd.DataFrame) -> FloatArray:
    """(n, t) terms of condition, 0 in usual condition and where nothing is known; the kinds last."""
    kind = frame["kind"].cat.codes.to_numpy()
    oily = kind == KINDS.index("transformer")
    columns = [_values(term, frame, oily) for term in TERMS]
    margin = columns[[term.feature for term in TERMS].index("hot_spot_margin_k")]
    columns += [np.maximum(margin - start, 0.0) - max(-start, 0.0) for start in HOT_FROM]
    trips = np.log((frame["trips_last_year"].to_numpy(dtype=float) + 0.5) / (TRIPS_PER_YEAR[kind] + 0.5))
    columns.append(np.nan_to_num(np.clip(trips, -2.0, 3.0)))
    kinds = [kind == place for place in range(len(KINDS))]
    return np.column_stack([*columns, _values(LOADING, frame, oily), *kinds]).astype(float)


def _values(term: Term, frame: pd.DataFrame, oily: BoolArray) -> FloatArray:
    value = (frame[term.feature].to_numpy(dtype=float) - term.usual) / term.unit
    known = np.isfinite(value) & (oily | (not term.oil_only))
    return np.where(known, np.clip(value, term.least, term.most), 0.0)


def _regression(terms: FloatArray, expected: FloatArray, failed: BoolArray) -> FloatArray:
    """(t,) coefficients; each cause begins with an equal share of the expected failures."""
    expected = expected / len(CAUSES)

    def loss(coefficients: FloatArray) -> tuple[float, FloatArray]:
        log_factor = terms @ coefficients
        mean = expected * np.exp(log_factor)
        value = mean.sum() - log_factor[failed].sum() + PRECISION / 2 * coefficients @ coefficients
        slope = terms.T @ (mean - failed) + PRECISION * coefficients
        return float(value) / scale, slope / scale

    scale = float(failed.sum())
    bounds = [(0.0, None)] * WORSENING + [(None, None)] * (COLUMNS - WORSENING)
    found = minimize(loss, np.zeros(COLUMNS), jac=True, bounds=bounds, options={"ftol": 1e-10, "maxiter": MOST_STEPS})
    coefficients: FloatArray = found.x
    return coefficients
