"""The model under the forecasts: a ridge for each hour of the day, and XGBoost's quantiles of what it leaves.

Every hour of the day at which forecasts are issued has ridges of its own, one a step, so that a step is always the same
hour of the clock. XGBoost is one model for all of them. What comes out is not calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import xgboost as xgb

from ml.forecasting.model.features import FIRST_ISSUE, Design, Scale, design
from ml.forecasting.model.hours import BoolArray, FloatArray, Hours, IntArray
from ml.forecasting.records import LEVELS

FEWEST_ROWS = 20
"""Days with a known target below which a step has no ridge."""
RARE_SHARE = 0.3
"""Of rows in which a feature must be away from its median to be penalised no more than others."""


class Parts(StrEnum):
    """What is fitted: both, or one alone to be compared with."""

    BOTH = "ridge and XGBoost"
    RIDGE = "ridge alone"
    XGBOOST = "XGBoost alone"


@dataclass(frozen=True)
class ModelSettings:
    """Hyperparameters, chosen on Victoria's 2013 (docs/benchmarks/forecast.md)."""

    parts: Parts = Parts.BOTH
    penalty: float = 0.01  # of the ridge, for each row and standardised feature
    rounds: int = 80  # of boosting, a tree for each quantile in each
    depth: int = 5
    learning_rate: float = 0.08
    least_weight: float = 20.0  # rows in a leaf
    row_share: float = 0.8  # of rows that a round sees
    column_share: float = 0.5  # of features that a round sees
    bins: int = 64
    most_rows: int = 24_000  # that trees are grown on; drawn where there are more
    seed: int = 1


@dataclass(frozen=True, eq=False)
class Ridges:
    """H ridges of f features: weights (H, f), constants (H,), and the range (H, f) of each feature learned from.

    Features are held within their range: a heat never seen is forecast as the greatest that was.
    """

    weights: FloatArray
    constants: FloatArray
    low: FloatArray
    high: FloatArray

    def predict(self, features: FloatArray) -> FloatArray:
        """(n, H, f) -> (n, H)."""
        return np.einsum("nhf,hf->nh", np.clip(features, self.low, self.high), self.weights) + self.constants


def fit_ridges(features: FloatArray, wanted: FloatArray, known: BoolArray, penalty: float) -> Ridges:
    """Ridges of features (n, H, f) on wanted (n, H), each over the rows where known (n, H) is true.

    Features are standardised. What is away from its median in few rows, such as a heat or a holiday, is penalised the
    more. Raises ValueError where a step has fewer than FEWEST_ROWS rows.
    """
    steps, width = features.shape[1:]
    weights, constants = np.zeros((steps, width)), np.zeros(steps)
    low, high = np.zeros((steps, width)), np.zeros((steps, width))
    for step in range(steps):
        rows = known[:, step]
        if rows.sum() < FEWEST_ROWS:
            raise ValueError(f"step {step + 1} has {rows.sum()} days with a known target; {FEWEST_ROWS} are needed")
        x, y = features[rows, step], wanted[rows, step]
        mean, spread = x.mean(0), x.std(0)
        spread = np.where(spread > 1e-9, spread, np.inf)
        z = (x - mean) / spread
        active = (np.abs(x - np.median(x, axis=0)) > 1e-9).mean(axis=0)
        penalties = penalty * len(z) * np.maximum(1, RARE_SHARE / np.maximum(active, 1 / len(z)))
        weight = np.linalg.solve(z.T @ z + np.diag(penalties), z.T @ (y - y.mean())) / spread
        weights[step], constants[step] = weight, y.mean() - mean @ weight
        low[step], high[step] = x.min(0), x.max(0)
    return Ridges(weights, constants, low, high)


class QuantileModel:
    """Fitted to everything before one row; raw quantiles in the scale's terms for issues at any hour of the day."""

    def __init__(
        self,
        hours: Hours,
        until: int,
        horizon: int,
        issue_hours: tuple[int, ...],
        settings: ModelSettings,
        scale: Scale,
    ) -> None:
        """Fit to targets before row until, for horizon steps. ValueError where the history is too short."""
        self.settings, self.until, self.horizon = settings, until, horizon
        self.steps: IntArray = np.arange(horizon)
        self._hours, self._ridges = hours, dict[int, Ridges]()
        self.scale = scale
        self._boosters: xgb.Booster | None = None
        self._unit = 1.0
        if settings.parts is Parts.RIDGE:
            for hour in issue_hours:
                self._ridge(hour)
        else:
            self._fit_trees(issue_hours)

    def raw(self, hours: Hours, issues: IntArray) -> tuple[FloatArray, FloatArray]:
        """(n, H, 7) uncalibrated quantiles of forecasts issued at rows (n,), and (n, H) the ridge's values.

        Both are in the scale's terms. Where there is no ridge, its values are the week's level.
        """
        found = np.empty((len(issues), self.horizon, len(LEVELS)))
        centres = np.empty((len(issues), self.horizon))
        for hour in np.unique(hours.hour[issues]):
            chosen = hours.hour[issues] == hour
            made = design(hours, issues[chosen], self.steps, self.scale)
            centre = self._centre(int(hour), made)
            centres[chosen] = made.level[:, None] + centre
            found[chosen] = centres[chosen][..., None] + self._boosted(made, centre)
        return found, centres

    def _issues(self, hour: int) -> IntArray:
        rows = np.arange(FIRST_ISSUE, self.until)
        return rows[self._hours.hour[rows] == hour]

    def _training(self, hour: int) -> tuple[Design, FloatArray, BoolArray]:
        """Features, what is wanted relative to the level, and where it is known, for issues at an hour of the day."""
        issues = self._issues(hour)
        if not len(issues):
            raise ValueError(f"the history has no day with {FIRST_ISSUE // 24} days before it")
        made = design(self._hours, issues, self.steps, self.scale)
        target = self._hours.target[made.rows]
        known = np.isfinite(target) & (made.rows < self.until)
        wanted = self.scale.forward(np.where(known, target, self.scale.unit)) - made.level[:, None]
        return made, wanted, known

    def _ridge(self, hour: int) -> Ridges:
        if hour not in self._ridges:
            made, wanted, known = self._training(hour)
            self._ridges[hour] = fit_ridges(made.ridge, wanted, known, self.settings.penalty)
        return self._ridges[hour]

    def _centre(self, hour: int, made: Design) -> FloatArray:
        if self.settings.parts is Parts.XGBOOST:
            return np.zeros(made.rows.shape)
        return self._ridge(hour).predict(made.ridge)

    def _fit_trees(self, issue_hours: tuple[int, ...]) -> None:
        features, left = [], []
        for hour in issue_hours:
            made, wanted, known = self._training(hour)
            if self.settings.parts is Parts.BOTH:
                self._ridges[hour] = fit_ridges(made.ridge, wanted, known, self.settings.penalty)
            centre = self._centre(hour, made)
            features.append(_with_centre(made, centre)[known])
            left.append((wanted - centre)[known])
        x, y = np.concatenate(features), np.concatenate(left)
        if len(y) > self.settings.most_rows:
            rng = np.random.default_rng(self.settings.seed)
            chosen = np.sort(rng.choice(len(y), self.settings.most_rows, replace=False))
            x, y = x[chosen], y[chosen]
        self._unit = max(float(y.std()), 1e-9)
        settings = self.settings
        parameters = {
            "objective": "reg:quantileerror",
            "quantile_alpha": LEVELS,
            "eta": settings.learning_rate,
            "max_depth": settings.depth,
            "min_child_weight": settings.least_weight,
            "subsample": settings.row_share,
            "colsample_bytree": settings.column_share,
            "max_bin": settings.bins,
            "seed": settings.seed,
            "nthread": 1,
        }
        data = xgb.QuantileDMatrix(x, y / self._unit, max_bin=settings.bins, nthread=1)
        self._boosters = xgb.train(parameters, data, settings.rounds)

    def _boosted(self, made: Design, centre: FloatArray) -> FloatArray:
        """(n, H, 7) quantiles of what the ridge leaves, sorted; zeros without XGBoost."""
        if self._boosters is None:
            return np.zeros((*centre.shape, len(LEVELS)))
        flat = _with_centre(made, centre).reshape(-1, made.trees.shape[-1] + 1)
        found = self._boosters.inplace_predict(flat).astype(float).reshape(*centre.shape, len(LEVELS))
        return np.asarray(np.sort(found, axis=-1) * self._unit)


def _with_centre(made: Design, centre: FloatArray) -> FloatArray:
    return np.concatenate([made.trees, centre[..., None].astype(np.float32)], axis=-1)
