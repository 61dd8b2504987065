"""Other people's forecasters on the series, the splits and the issues of tests.benchmarks.forecast_judge.

LightGBM's quantile regression is given all that the forecaster's own model has: its features (lags, holidays, columns
known in advance), its scale, its dates of refitting, every issue of the history to learn from, and the rolling
conformal calibration, for which a first model forecasts the days that a second one is fitted with. MSTL with AutoETS
(statsforecast) is fitted anew at each issue to the weeks before it, with seasons of a day and a week, in the same
scale, and its prediction intervals are taken as they come. Their packages are in requirements-peers.txt; none is tuned.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.forecasting.backtest import Backtest
from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.conformal import offsets
from ml.forecasting.model.features import FIRST_ISSUE, Scale, design, scale_of
from ml.forecasting.model.hours import DAY, FloatArray, Hours, IntArray
from ml.forecasting.records import LEVELS
from tests.benchmarks.forecast_series import Judged

HORIZON = 2 * DAY
LIGHTGBM = {
    "objective": "quantile",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "seed": 1,
    "verbose": -1,
}
LIGHTGBM_ROUNDS = 200
FEWEST_RESIDUALS = 20
MSTL_DAYS, MSTL_EVERY = 56, 8
"""Of history that it is fitted to, and days between its issues: it takes a second of a core for each. Eight, so that
all days of the week are among them."""
MSTL_COLUMNS = ("lo-90", "lo-80", "lo-50", "mean", "hi-50", "hi-80", "hi-90")


@dataclass(frozen=True)
class Peer:
    """Who is set beside the forecaster. every: of its issues, the how manieth it forecasts.

    forecast: (n, H, 7) quantiles of a series at rows (n,) of a backtest's hours.
    """

    name: str
    package: str
    every: int
    forecast: Callable[[Judged, Hours, IntArray], FloatArray]

    @property
    def absent(self) -> bool:
        """Whether its package isn't installed."""
        return importlib.util.find_spec(self.package) is None


def places_of(peer: Peer, found: Backtest) -> IntArray:
    """(n,) of a backtest's issues, those that a peer forecasts."""
    return np.arange(0, len(found.issues), peer.every)


def lightgbm_quantiles(judged: Judged, hours: Hours, issues: IntArray) -> FloatArray:
    """Of models fitted before the test begins and every judged.months after, calibrated."""
    own = Forecaster()
    start = hours.row(judged.start)
    held_out = start - DAY * min(own.window_days + 2, start // DAY // 4)
    dates = pd.date_range(judged.start, judged.end, freq=pd.DateOffset(months=judged.months), inclusive="left")
    fitted = [held_out, *(hours.row(date) for date in dates)]
    scale = scale_of(hours.target[:start])
    every = _midnights(hours, held_out, int(issues[-1]) + 1)
    raw = np.empty((len(every), HORIZON, len(LEVELS)))
    for at, until in zip(fitted, [*fitted[1:], hours.end], strict=True):
        chosen = (every >= at) & (every < until)
        if chosen.any():
            raw[chosen] = _boosted(hours, at, every[chosen], scale)
    rows = every[:, None] + np.arange(HORIZON)
    residuals = scale.forward(hours.target[rows])[..., None] - raw
    found = raw[np.searchsorted(every, issues)]
    for i, row in enumerate(issues.tolist()):
        found[i] += offsets(residuals, every, row, LEVELS, own.window_days, FEWEST_RESIDUALS, own.pooled_steps)
    return _back(np.sort(found, axis=-1), scale, hours, start)


def _boosted(hours: Hours, until: int, issues: IntArray, scale: Scale) -> FloatArray:
    """(n, H, 7) in the scale's terms, of boosters that learned from issues at midnight and rows before until."""
    import lightgbm

    steps = np.arange(HORIZON)
    learned = design(hours, _midnights(hours, FIRST_ISSUE, until), steps, scale)
    target = hours.target[learned.rows]
    known = np.isfinite(target) & (learned.rows < until)
    wanted = scale.forward(np.where(known, target, scale.unit)) - learned.level[:, None]
    coming = design(hours, issues, steps, scale)
    flat = coming.trees.reshape(-1, coming.trees.shape[-1])
    data = lightgbm.Dataset(learned.trees[known], wanted[known], free_raw_data=False)
    found = [
        lightgbm.train({**LIGHTGBM, "alpha": float(level)}, data, LIGHTGBM_ROUNDS).predict(flat) for level in LEVELS
    ]
    return coming.level[:, None, None] + np.sort(np.stack(found, axis=-1), axis=-1).reshape(*coming.rows.shape, -1)


def _midnights(hours: Hours, first: int, last: int) -> IntArray:
    """Rows of midnights from row first until before row last."""
    rows = np.arange(first, last)
    return rows[hours.hour[rows] == 0]


def mstl_quantiles(judged: Judged, hours: Hours, issues: IntArray) -> FloatArray:
    """Of decompositions of the last MSTL_DAYS, whose trend AutoETS continues."""
    from statsforecast.models import MSTL, AutoETS

    start = hours.row(judged.start)
    scale = scale_of(hours.target[:start])
    values = scale.forward(hours.filled)
    model = MSTL([DAY, 7 * DAY], trend_forecaster=AutoETS(model="ZZN"))
    found = np.empty((len(issues), HORIZON, len(LEVELS)))
    for i, row in enumerate(issues.tolist()):
        made = model.forecast(values[max(row - DAY * MSTL_DAYS, 0) : row], HORIZON, level=[50, 80, 90])
        found[i] = np.stack([made[column] for column in MSTL_COLUMNS], axis=-1)
    return _back(found, scale, hours, start)


def _back(found: FloatArray, scale: Scale, hours: Hours, start: int) -> FloatArray:
    """In the series' unit; not below zero where it has never been."""
    values = scale.back(found)
    return np.maximum(values, 0) if np.nanmin(hours.target[:start]) >= 0 else values


PEERS = (
    Peer("LightGBM", "lightgbm", 1, lightgbm_quantiles),
    Peer("MSTL and AutoETS", "statsforecast", MSTL_EVERY, mstl_quantiles),
)
