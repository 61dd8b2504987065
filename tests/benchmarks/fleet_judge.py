"""One fleet judged as the page judges it, by the models within their support and by CNAIM outside, beside rivals."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor

from ml.maintenance.fleet.fleet import DAYS_PER_YEAR, FleetData, simulate
from ml.maintenance.fleet.training import CALIBRATED, FITTED, JUDGED, FleetPlan
from ml.maintenance.model.competing import OFFSET, WORSENING, terms_of
from ml.maintenance.model.hazard import within
from ml.maintenance.model.metrics import Draws, calibration_error, pr_auc, pr_auc_difference
from ml.maintenance.model.store import ModelBundle
from tests.benchmarks.fleet_shifts import Shift

NINE = (*range(7), WORSENING - 1, WORSENING)  # of terms_of: seven of condition, trips and loading; no bends, no kinds
RIDGE = 1e-4


@dataclass(frozen=True, eq=False)
class PoissonRival:
    """A Poisson regression on nine terms of condition with CNAIM's rate as the offset, on the models' own fleets."""

    regression: PoissonRegressor

    @classmethod
    def fit(cls, plan: FleetPlan, days: int) -> "PoissonRival":
        """Simulate the fleets that the models were fitted to, and fit to them too."""
        frames, expected, failed = [], [], []
        for index in range(plan.fleets[FITTED]):
            rng = np.random.default_rng([plan.seed, FITTED, index])
            fleet = simulate(plan.assets, plan.years[FITTED], rng, plan.every_weeks)
            years, cause = fleet.watched(days)
            seen = years > 0
            frames.append(fleet.features[seen])
            expected.append(years[seen] * np.exp(fleet.features[OFFSET].to_numpy()[seen]))
            failed.append(cause[seen] >= 0)
        weight = np.concatenate(expected)
        terms = terms_of(pd.concat(frames, ignore_index=True))[:, NINE]
        model = PoissonRegressor(alpha=RIDGE, max_iter=1000)
        return cls(model.fit(terms, np.concatenate(failed) / weight, sample_weight=weight))

    def probability(self, frame: pd.DataFrame, days: int) -> np.ndarray:
        """(n,) of a failure within so many days."""
        factor = self.regression.predict(terms_of(frame)[:, NINE])
        return np.asarray(within(factor * np.exp(frame[OFFSET].to_numpy()), days))


def judge(bundle: ModelBundle, rival: PoissonRival, shift: Shift, seed: int, role: int, days: int) -> dict[str, Any]:
    """Figures of one unseen fleet in the world of a shift, at times after all that the models were made of."""
    plan = FleetPlan()
    with shift.world():
        fleet = simulate(plan.assets, plan.years[JUDGED], np.random.default_rng([seed, role]), plan.every_weeks)
    rows = fleet.known(days) & (fleet.day >= plan.years[CALIBRATED] * DAYS_PER_YEAR)
    return {"seed": seed, **_figures(bundle, rival, fleet, rows, seed, days)}


def _figures(
    bundle: ModelBundle, rival: PoissonRival, fleet: FleetData, rows: np.ndarray, seed: int, days: int
) -> dict[str, Any]:
    draws = Draws.of(fleet.asset[rows], np.random.default_rng(seed))
    frame = fleet.features[rows].reset_index(drop=True)
    label = (fleet.next_event()[0] <= days)[rows].astype(float)
    support = bundle.card.support
    assert support is not None
    inside = np.array([one is None for one in support.outside(frame)])
    cnaim = within(fleet.published_per_year[rows], days)
    by = {
        "CNAIM": cnaim,
        "Poisson": rival.probability(frame, days),
        "ceiling": within(fleet.rate_per_year[fleet.week, fleet.asset][rows], days),
        "models": bundle.rates[days].probability(frame, days),
    }
    shown = by["shown"] = np.where(inside, by["models"], cnaim)
    over = {name: pr_auc_difference(label, shown, by[name], draws) for name in ("CNAIM", "Poisson")}
    error = {name: calibration_error(label, by[name], draws).value for name in ("shown", "CNAIM", "ceiling")}
    area = {name: pr_auc(label, value, draws).value for name, value in by.items()}
    inner = Draws.of(fleet.asset[rows][inside], np.random.default_rng(seed)) if inside.any() else None
    return {
        "inside": float(inside.mean()),
        "events": int(label.sum()),
        "PR-AUC": area,
        "PR-AUC inside": {}
        if inner is None
        else {name: pr_auc(label[inside], by[name][inside], inner).value for name in by},
        "over": {name: [one.value, one.low, one.high] for name, one in over.items()},
        "calibration error": error,
        "expected over observed": float(shown.sum() / max(label.sum(), 1)),
        "novel": float((bundle.novelty.score(fleet.residuals[rows]) > bundle.novelty.threshold_).mean())
        if bundle.novelty is not None
        else float("nan"),
    }
