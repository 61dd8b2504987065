"""A strong column that goes with the others only by way of the outcome: as what a failure did, not what led to it.

What follows from an outcome has to do with the outcome's causes through it alone: within failed rows, and within the
others, the two are unrelated, though over all rows they are related (a chain; Pearl 2009, Causality, 1.2.3). A cause
beside other causes is the other way round: unrelated to them over all rows, related among the failed ones, where one
stands in for another. A sensor that follows the same wear as others is related to them in both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from ml.maintenance.leakage.alone import FOLDS, Codes, codes, rates
from ml.maintenance.leakage.suspicion import SIGNIFICANT, Suspicion
from ml.tables.csv_text import FloatArray

STRONG = 0.3
"""Share of the way from the base rate to a perfect PR-AUC that a column goes alone, for it to be looked at."""
UNRELATED = 0.02
"""Chance of correlations within the outcome's classes, at least, for the two to count as unrelated there."""

LEFT = 0.25
"""Share of the correlation over all rows that is left once the outcome is known, at most: with more, few rows may be
why it isn't seen."""


def by_way_of_outcome(
    features: pd.DataFrame, label: FloatArray, shares: Mapping[str, float], known: set[str], part: Codes
) -> list[Suspicion]:
    """Strong columns of (n, d) features that are related to the others by way of the (n,) outcome alone.

    The strongest first: a weaker one is looked at beside those that aren't suspected. shares: of the way to a perfect
    PR-AUC that each column goes alone; part (n,): numbers of folds.
    """
    names = [name for name in shares if name not in known]
    strong = sorted((name for name in names if shares[name] >= STRONG), key=lambda name: -shares[name])
    found = []
    for name in strong:
        alone, rest = _both(features[names], name, label, part)
        over_all = _correlation(alone, rest)
        if over_all <= 0 or _chance(over_all, len(label)) > SIGNIFICANT / len(strong):
            continue
        within = _correlation(_less_class_means(alone, label), _less_class_means(rest, label))
        if abs(within) <= LEFT * over_all and _chance_within(alone, rest, label) >= UNRELATED:
            reason = (
                f"goes {100 * shares[name]:.0f} % of the way to a perfect PR-AUC alone, and has to do with the other "
                f"columns by way of the outcome only: correlation with what they predict "
                f"{over_all:.2f} over all rows, {within:.2f} once the outcome is known"
            )
            found.append(Suspicion(name, reason))
            names.remove(name)  # a cause is related to what follows from the outcome by way of it, too
    return found


def stands_among_causes(features: pd.DataFrame, name: str, label: FloatArray, part: Codes) -> bool:
    """Whether a column is related to the other ones of (n, d) features where the (n,) outcome is the same."""
    alone, rest = _both(features, name, label, part)
    return _chance_within(alone, rest, label) < SIGNIFICANT


def _both(features: pd.DataFrame, name: str, label: FloatArray, part: Codes) -> tuple[FloatArray, FloatArray]:
    """(n,) probabilities by a column alone, and by the others."""
    others = features.drop(columns=name)
    rest = _predicted(others, label, part) if len(others.columns) else np.full(len(label), label.mean())
    return rates(codes(features[name]), label, part), rest


def _predicted(features: pd.DataFrame, label: FloatArray, part: Codes) -> FloatArray:
    """(n,) probabilities by a logistic regression that was fitted to other parts."""
    words = [name for name in features if isinstance(features[name].dtype, pd.CategoricalDtype)]
    figures = [name for name in features if name not in words]
    spread = QuantileTransformer(output_distribution="normal", n_quantiles=200, subsample=None)
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), spread), figures),
        (OneHotEncoder(handle_unknown="ignore"), words),
    )
    found = np.zeros(len(label))
    for number in range(FOLDS):
        fit, test = features[part != number], features[part == number]
        model = make_pipeline(prepared, LogisticRegression(max_iter=1000)).fit(fit, label[part != number])
        found[part == number] = model.predict_proba(test)[:, 1]
    return found


def _chance_within(x: FloatArray, y: FloatArray, label: FloatArray) -> float:
    """Chance of the strongest correlation of two predictions, or of their ranks, among events or among others."""
    found = []
    for rows in (label > 0, label == 0):
        pairs = ((x[rows], y[rows]), (stats.rankdata(x[rows]), stats.rankdata(y[rows])))
        found += [_chance(_correlation(one, other), int(rows.sum())) for one, other in pairs]
    return min(found)


def _less_class_means(values: FloatArray, label: FloatArray) -> FloatArray:
    event = label > 0
    return values - np.where(event, values[event].mean(), values[~event].mean())


def _correlation(x: FloatArray, y: FloatArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0 else 0.0


def _chance(correlation: float, rows: int) -> float:
    """Two-sided chance of a correlation at least as far from zero among so many rows."""
    return float(2 * stats.norm.sf(abs(np.arctanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12))) * np.sqrt(rows - 3)))
