"""Failure models of any table: probability of failure, and unlike anything seen in health.

XGBoost and a random forest are averaged and then calibrated on rows that neither was fitted to. No class weights and no
resampling: both would move the probabilities away from the frequencies that they are read as.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import IsolationForest, RandomForestClassifier

from ml.maintenance.model.calibration import Calibration, fit_calibration
from ml.maintenance.model.columns import BIAS, CodeArray, Columns, FloatArray
from ml.maintenance.records import Member


class FailureEnsemble(ClassifierMixin, BaseEstimator):
    """Probability that a row's asset fails within the horizon that the labels were made for.

    Both members take NaN as a value of its own; the forest sees categories as positions. With the defaults 1,000 rows
    of 25 features take some 6 ms on one thread.
    """

    def __init__(
        self,
        seed: int = 1,  # of both members
        rounds: int = 150,  # of boosting
        depth: int = 4,  # of XGBoost's trees
        learning_rate: float = 0.05,  # what each round adds, as a share of its own best
        row_share: float = 0.8,  # of rows and of columns that a round sees
        least_weight: float = 5.0,  # sum of p (1 - p) in a leaf of XGBoost's
        trees: int = 60,  # of the forest
        leaves: int = 128,  # of a tree of the forest at most
        least_rows: int = 10,  # in a leaf of the forest
        tree_rows: int = 30_000,  # that a tree of the forest is grown on at most, drawn with replacement
        threads: int = 1,  # of XGBoost's training; predictions use one
    ) -> None:
        self.seed, self.rounds, self.depth, self.learning_rate = seed, rounds, depth, learning_rate
        self.row_share, self.least_weight, self.trees, self.leaves = row_share, least_weight, trees, leaves
        self.least_rows, self.tree_rows, self.threads = least_rows, tree_rows, threads

    def fit(self, X: pd.DataFrame, y: NDArray[np.generic] | pd.Series) -> FailureEnsemble:
        """Fit both members to (n, d) features and (n,) labels, 0 or 1; forgets an earlier calibration.

        Raises ValueError where labels are not binary or of one value only, and as Columns.of and encode do.
        """
        label = binary_labels(y, len(X))
        self.columns_ = Columns.of(X)
        codes = self.columns_.encode(X)
        parameters = {
            "objective": "binary:logistic",
            "eta": self.learning_rate,
            "max_depth": self.depth,
            "min_child_weight": self.least_weight,
            "subsample": self.row_share,
            "colsample_bytree": self.row_share,
            "seed": self.seed,
            "nthread": self.threads,
        }
        self.booster_ = xgb.train(parameters, self.columns_.matrix(codes, label), self.rounds)
        self.forest_ = RandomForestClassifier(
            n_estimators=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.least_rows,
            max_samples=min(self.tree_rows, len(codes)),
            random_state=self.seed,
            n_jobs=1,
        ).fit(codes, label.astype(int))
        self.calibrations_: dict[Member, Calibration] = {}
        return self._ready()

    @classmethod
    def restored(
        cls,
        parameters: dict[str, Any],
        columns: Columns,
        booster: xgb.Booster,
        forest: RandomForestClassifier,
        calibrations: dict[Member, Calibration],
    ) -> FailureEnsemble:
        """A fitted ensemble from its parts, as the store keeps them."""
        model = cls(**parameters)
        model.columns_, model.booster_, model.forest_ = columns, booster, forest
        model.calibrations_ = calibrations
        return model._ready()

    def _ready(self) -> FailureEnsemble:
        self.booster_.set_param({"nthread": 1})
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = len(self.columns_.names)
        self.feature_names_in_ = np.array(self.columns_.names, dtype=object)
        return self

    def calibrate(self, X: pd.DataFrame, y: NDArray[np.generic] | pd.Series) -> FailureEnsemble:
        """Calibrate the average and each member on rows of other assets, at later times than those of the fit.

        Isotonic from 1,000 events on, below that Platt's sigmoid of the log-odds. Neither changes the order of rows.
        """
        label = binary_labels(y, len(X))
        raw = self._raw(self.columns_.encode(X))
        self.calibrations_ = {member: fit_calibration(raw[member], label) for member in Member}
        return self

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """(n, 2) probabilities of no failure and of failure; the plain average before calibrate was called."""
        raw = self._raw(self.columns_.encode(X))[Member.AVERAGE]
        failure = self._calibrated(Member.AVERAGE, raw)
        return np.column_stack([1 - failure, failure])

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """(n,) 1 where failure is the likelier."""
        return (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)

    def member_probability(self, X: pd.DataFrame) -> dict[str, FloatArray]:
        """(n,) probability of failure by each member's name, calibrated on its own: what the average must beat."""
        found = self.all_probabilities(X)
        return {member.value: found[member] for member in (Member.XGBOOST, Member.RANDOM_FOREST)}

    def all_probabilities(self, X: pd.DataFrame) -> dict[Member, FloatArray]:
        """(n,) probability of failure by the average and by each member, in one go."""
        raw = self._raw(self.columns_.encode(X))
        return {member: self._calibrated(member, raw[member]) for member in Member}

    def log_odds(self, X: pd.DataFrame) -> FloatArray:
        """(n,) XGBoost's own log-odds, before averaging and calibration."""
        codes = self.columns_.encode(X)
        return self.booster_.predict(self.columns_.matrix(codes), output_margin=True).astype(float)

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """(n, d + 1) SHAP values: what each feature, and the column BIAS, adds to log_odds(X).

        They explain XGBoost alone, neither the forest nor the calibration. About 0.3 ms a row: for the rows on show.
        """
        codes = self.columns_.encode(X)
        values = self.booster_.predict(self.columns_.matrix(codes), pred_contribs=True).astype(float)
        return pd.DataFrame(values, index=X.index, columns=[*self.columns_.names, BIAS])

    def _raw(self, codes: CodeArray) -> dict[Member, FloatArray]:
        """(n,) uncalibrated probabilities of each member and of their average."""
        boosted = self.booster_.inplace_predict(codes).astype(float)
        # the forest's own predict_proba spends half its time on checks that encode has made
        grown = np.mean([tree.tree_.predict(codes)[:, 1] for tree in self.forest_.estimators_], axis=0)
        return {Member.AVERAGE: (boosted + grown) / 2, Member.XGBOOST: boosted, Member.RANDOM_FOREST: grown}

    def _calibrated(self, member: Member, raw: FloatArray) -> FloatArray:
        found = self.calibrations_.get(member)
        return raw if found is None else found.apply(raw)


class NoveltyDetector(BaseEstimator):
    """How unlike healthy assets a row is, by an isolation forest on physics residuals (Liu et al. 2008)."""

    def __init__(
        self,
        seed: int = 1,
        trees: int = 64,
        tree_rows: int = 256,  # that a tree is grown on at most
        quantile: float = 0.99,  # of the healthy rows' scores: a row above it is flagged
    ) -> None:
        self.seed, self.trees, self.tree_rows, self.quantile = seed, trees, tree_rows, quantile

    def fit(self, X: pd.DataFrame) -> NoveltyDetector:
        """Fit to (n, d) residuals of healthy assets and fix the threshold; rows with NaN are left out.

        Raises ValueError where a column is categorical or fewer than 20 rows are complete.
        """
        self.columns_ = Columns.of(X)
        if "c" in self.columns_.types:
            name = self.columns_.names[self.columns_.types.index("c")]
            raise ValueError(f"column '{name}' is categorical; residuals are numbers")
        codes = self.columns_.encode(X)
        codes = codes[~np.isnan(codes).any(axis=1)]
        if len(codes) < 20:
            raise ValueError(f"{len(codes)} of {len(X)} rows are complete; 20 healthy ones are the least to learn from")
        self.forest_ = IsolationForest(
            n_estimators=self.trees, max_samples=min(self.tree_rows, len(codes)), random_state=self.seed, n_jobs=1
        ).fit(codes)
        self.threshold_ = float(np.quantile(-self.forest_.score_samples(codes), self.quantile))
        return self

    @classmethod
    def restored(
        cls, parameters: dict[str, Any], columns: Columns, forest: IsolationForest, threshold: float
    ) -> NoveltyDetector:
        """A fitted detector from its parts, as the store keeps them."""
        model = cls(**parameters)
        model.columns_, model.forest_, model.threshold_ = columns, forest, threshold
        return model

    def score(self, X: pd.DataFrame) -> FloatArray:
        """(n,) from 0 to 1, higher for what is easier to isolate; NaN for rows with NaN."""
        codes = self.columns_.encode(X)
        complete = ~np.isnan(codes).any(axis=1)
        scores = np.full(len(codes), np.nan)
        if complete.any():
            scores[complete] = -self.forest_.score_samples(codes[complete])
        return scores


def binary_labels(y: NDArray[np.generic] | pd.Series, rows: int) -> FloatArray:
    """(n,) labels as 0.0 and 1.0; ValueError where they are not binary, not as many as rows, or of one value only."""
    label = np.asarray(y, dtype=float)
    if label.shape != (rows,):
        raise ValueError(f"labels have the shape {label.shape}, the table has {rows} rows")
    found = np.unique(label)
    if not np.isin(found, (0.0, 1.0)).all():
        raise ValueError(f"labels must be 0 or 1, found {found[:5].tolist()}")
    if len(found) < 2:
        raise ValueError("labels are of one value only" if rows else "there are no rows")
    return label
