"""Failure rates of assets: the published rate times what condition does to it, as far as held-out failures bear it out.

Three members say by what factor: rates by cause (CompetingRates), XGBoost and a random forest. How much each counts is
fitted to fleets that none was fitted to, by the likelihood: a member that doesn't help there weighs nothing. All begin
with the published rate, so that what isn't known falls back to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestRegressor

from grid.network import FloatArray, IntArray
from ml.maintenance.model.columns import BIAS, CodeArray, Columns
from ml.maintenance.model.competing import OFFSET, CompetingRates
from ml.maintenance.model.hazard import within
from ml.maintenance.records import RateMember

PARTS = (RateMember.BY_CAUSE, RateMember.XGBOOST, RateMember.RANDOM_FOREST)
CATEGORIES = ("kind", "location")
LEAST_FACTOR = 1e-3  # of a leaf of the forest in which nothing has failed
Weights = Mapping[RateMember, float]


class RateModel(BaseEstimator):
    """Failures a year of assets within the horizon that it was fitted for."""

    def __init__(
        self,
        seed: int = 1,
        rounds: int = 300,  # of boosting
        depth: int = 2,  # of XGBoost's trees
        learning_rate: float = 0.05,
        row_share: float = 0.8,  # of rows and of columns that a round sees
        least_expected: float = 5.0,  # failures in a leaf of XGBoost's
        trees: int = 60,  # of the forest
        leaves: int = 64,  # of a tree of the forest at most
        least_share: float = 0.003,  # of the expected failures in a leaf of the forest
        tree_rows: int = 30_000,  # that a tree of the forest is grown on, drawn with replacement
        threads: int = 1,  # of XGBoost's training; predictions use one
    ) -> None:
        self.seed, self.rounds, self.depth, self.learning_rate = seed, rounds, depth, learning_rate
        self.row_share, self.least_expected, self.trees, self.leaves = row_share, least_expected, trees, leaves
        self.least_share, self.tree_rows, self.threads = least_share, tree_rows, threads

    def fit(self, frame: pd.DataFrame, exposure_years: FloatArray, cause: IntArray) -> RateModel:
        """Fit to (n, d) features with OFFSET: years until a failure or the end of watching, and its cause or -1.

        Until calibrate is called the rates by cause count alone. Raises ValueError as CompetingRates.fit and Columns
        do, and where a row was watched for no time.
        """
        _check(frame, exposure_years, cause)
        self.competing_ = CompetingRates.fit(frame, exposure_years, cause)
        self.columns_ = Columns.of(frame)
        codes, failed = self.columns_.encode(frame), (cause >= 0).astype(float)
        expected = exposure_years * np.exp(frame[OFFSET].to_numpy(dtype=float))
        matrix = self.columns_.matrix(codes, failed)
        matrix.set_base_margin(np.log(expected))
        parameters = {
            "objective": "count:poisson",
            "eta": self.learning_rate,
            "max_depth": self.depth,
            "min_child_weight": self.least_expected,
            "subsample": self.row_share,
            "colsample_bytree": self.row_share,
            "seed": self.seed,
            "nthread": self.threads,
        }
        self.booster_ = xgb.train(parameters, matrix, self.rounds)
        self.forest_ = RandomForestRegressor(
            n_estimators=self.trees,
            criterion="poisson",
            max_leaf_nodes=self.leaves,
            min_weight_fraction_leaf=self.least_share,
            max_features=0.5,
            max_samples=min(self.tree_rows, len(codes)),
            random_state=self.seed,
            n_jobs=1,
        ).fit(codes, failed / expected, sample_weight=expected / expected.mean())
        self.usual_ = _usual(frame)
        self.weights_: dict[RateMember, float] = {RateMember.BY_CAUSE: 1.0}
        self.level_ = 0.0
        self.alone_: dict[RateMember, tuple[float, float]] = {}
        return self._ready()

    @classmethod
    def restored(
        cls,
        parameters: dict[str, Any],
        columns: Columns,
        competing: CompetingRates,
        booster: xgb.Booster,
        forest: RandomForestRegressor,
        stacked: Mapping[str, Any],
    ) -> RateModel:
        """A fitted model from its parts, as the store keeps them; stacked as `stacked` gives it."""
        model = cls(**parameters)
        model.columns_, model.competing_, model.booster_, model.forest_ = columns, competing, booster, forest
        model.usual_ = {kind: dict(values) for kind, values in stacked["usual"].items()}
        model.level_ = float(stacked["level"])
        model.weights_ = {RateMember(name): float(weight) for name, weight in stacked["weights"].items()}
        model.alone_ = {RateMember(name): (float(a), float(w)) for name, (a, w) in stacked["alone"].items()}
        return model._ready()

    @property
    def stacked(self) -> dict[str, Any]:
        """Level, weights and what is usual, as plain values; None is not known."""
        return {
            "usual": self.usual_,
            "level": self.level_,
            "weights": {member.value: weight for member, weight in self.weights_.items()},
            "alone": {member.value: list(pair) for member, pair in self.alone_.items()},
        }

    def _ready(self) -> RateModel:
        self.booster_.set_param({"nthread": 1})
        return self

    def calibrate(self, frame: pd.DataFrame, exposure_years: FloatArray, cause: IntArray) -> RateModel:
        """Fit the level, and how much each member counts, none less than nothing, to other assets at later times."""
        _check(frame, exposure_years, cause)
        parts, failed = self._parts(frame), (cause >= 0).astype(float)
        offset = np.log(exposure_years) + frame[OFFSET].to_numpy(dtype=float)
        self.level_, weights = _stack(offset, np.stack([parts[one] for one in PARTS], axis=1), failed)
        self.weights_ = dict(zip(PARTS, weights, strict=True))
        for member, factor in parts.items():
            level, (weight,) = _stack(offset, factor[:, None], failed)
            self.alone_[member] = level, weight
        return self

    def rates(self, frame: pd.DataFrame) -> dict[RateMember, FloatArray]:
        """(n,) failures a year by all together, and by each member alone that counts."""
        parts = self._parts(frame, [one for one, weight in self.weights_.items() if weight > 0])
        return {RateMember.TOGETHER: self._rate(frame, parts), **self._alone(frame, parts)}

    def every_rate(self, frame: pd.DataFrame) -> dict[RateMember, FloatArray]:
        """(n,) failures a year by all together and by each member, whether it counts or not: to judge them."""
        parts = self._parts(frame)
        return {RateMember.TOGETHER: self._rate(frame, parts), **self._alone(frame, parts)}

    def causes(self, frame: pd.DataFrame) -> FloatArray:
        """(n, 4) probability of each of CAUSES, given a failure."""
        factors = self.competing_.factors(frame)
        return np.asarray(factors / factors.sum(axis=1, keepdims=True))

    def probability(self, frame: pd.DataFrame, days: float) -> FloatArray:
        """(n,) probability of a failure within so many days, by all together."""
        return within(self.rates(frame)[RateMember.TOGETHER], days)

    def contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """(n, d + 1) what each feature adds to the log of the rate, against the feature as usual for the kind.

        BIAS is the rest: the rate of such an asset, and what features do together. Some 20 ms a call.
        """
        log_rate = np.log(self.rates(frame)[RateMember.TOGETHER])
        found = {}
        for name in frame.columns:
            without = self.rates(frame.assign(**{name: self._usual_of(frame, name)}))[RateMember.TOGETHER]
            found[name] = log_rate - np.log(without)
        adds = pd.DataFrame(found, index=frame.index)
        adds[BIAS] = log_rate - adds.sum(axis=1)
        return adds

    def _usual_of(self, frame: pd.DataFrame, name: str) -> pd.Series:
        if name == "kind":
            return frame[name]
        value = frame["kind"].astype(object).map({kind: values[name] for kind, values in self.usual_.items()})
        return value.astype(frame[name].dtype if name == "location" else float)

    def _rate(self, frame: pd.DataFrame, parts: Mapping[RateMember, FloatArray]) -> FloatArray:
        factor = self.level_ + sum(weight * parts[one] for one, weight in self.weights_.items() if weight > 0)
        return np.asarray(np.exp(frame[OFFSET].to_numpy(dtype=float) + factor))

    def _alone(self, frame: pd.DataFrame, parts: Mapping[RateMember, FloatArray]) -> dict[RateMember, FloatArray]:
        published, found = frame[OFFSET].to_numpy(dtype=float), {}
        for member, factor in parts.items():
            level, weight = self.alone_.get(member, (0.0, 1.0))
            found[member] = np.exp(published + level + weight * factor)
        return found

    def _parts(self, frame: pd.DataFrame, members: Iterable[RateMember] = PARTS) -> dict[RateMember, FloatArray]:
        """(n,) logs of the factors by each of the members."""
        codes, made = (
            self.columns_.encode(frame),
            {
                RateMember.BY_CAUSE: lambda _: np.log(self.competing_.factors(frame).sum(axis=1)),
                RateMember.XGBOOST: self._boosted,
                RateMember.RANDOM_FOREST: self._grown,
            },
        )
        return {member: made[member](codes) for member in members}

    def _boosted(self, codes: CodeArray) -> FloatArray:
        none = np.zeros(len(codes), dtype=np.float32)
        return self.booster_.inplace_predict(codes, predict_type="margin", base_margin=none).astype(float)

    def _grown(self, codes: CodeArray) -> FloatArray:
        # the forest's own predict spends half its time on checks that encode has made
        found = np.mean([tree.tree_.predict(codes)[:, 0] for tree in self.forest_.estimators_], axis=0)
        return np.asarray(np.log(np.maximum(found, LEAST_FACTOR)))


def _usual(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By kind of asset: the commonest of categories, the median of numbers, None where it has none."""
    found: dict[str, dict[str, Any]] = {}
    for kind, rows in frame.groupby("kind", observed=True):
        values = {name: rows[name].mode()[0] if name in CATEGORIES else rows[name].median() for name in frame.columns}
        found[str(kind)] = {name: None if pd.isna(value) else value for name, value in values.items()}
    return found


def _check(frame: pd.DataFrame, exposure_years: FloatArray, cause: IntArray) -> None:
    if OFFSET not in frame:
        raise ValueError(f"the column '{OFFSET}' is missing: rates begin with what is published")
    if exposure_years.shape != (len(frame),) or cause.shape != (len(frame),):
        raise ValueError(f"{len(frame)} rows, but {len(exposure_years)} times watched and {len(cause)} causes")
    if not (exposure_years > 0).all():
        row = int(np.argmin(exposure_years > 0))
        raise ValueError(f"row {row}: it was watched for {exposure_years[row]:g} years; leave such rows out")


def _stack(offset: FloatArray, parts: FloatArray, failed: FloatArray) -> tuple[float, list[float]]:
    """Level and weights (k,), none negative, with the highest likelihood of failures; parts (n, k) are log factors."""

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        log_rate = offset + parameters[0] + parts @ parameters[1:]
        expected = np.exp(log_rate)
        residual = expected - failed
        slope = np.concatenate([[residual.mean()], parts.T @ residual / len(residual)])
        return float(np.mean(expected - failed * log_rate)) / scale, slope / scale

    scale = float(failed.mean())
    count = parts.shape[1]
    start = np.concatenate([[0.0, 1.0], np.zeros(count - 1)])
    found = minimize(loss, start, jac=True, bounds=[(None, None)] + [(0, None)] * count, options={"ftol": 1e-12})
    return float(found.x[0]), [float(weight) for weight in found.x[1:]]
