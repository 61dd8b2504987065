"""How good models are on a simulated fleet that they have never seen, beside simple models and the ceiling."""

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from grid.network import BoolArray, FloatArray
from ml.maintenance.fleet.fleet import FleetData
from ml.maintenance.model.alarms import alarm_figures
from ml.maintenance.model.causes import CAUSES
from ml.maintenance.model.hazard import within
from ml.maintenance.model.metrics import (
    Draws,
    base_rate,
    brier_skill,
    calibration_error,
    confusion,
    macro_f1,
    pr_auc,
    recall_at_capacity,
)
from ml.maintenance.model.rates import RateModel
from ml.maintenance.model.store import ModelBundle
from ml.maintenance.records import RateMember
from ml.reporting.plain import plain

HORIZONS = (30, 90, 365)
MAIN_HORIZON = 365
CREW_SHARE = 0.05  # of the assets that crews can look at within a horizon


def rivals(bundle: ModelBundle, fleet: FleetData, rows: BoolArray, days: int) -> dict[str, FloatArray]:
    """(r,) probability by every method; age only: fitted to the same fleet's earlier years.

    hazard now: for who knew all that is hidden at the moment; hazard to come: who knew the loads and weather to come
    as well.
    """
    frame = fleet.features[rows]
    by = {member: within(rate, days) for member, rate in bundle.rates[days].every_rate(frame).items()}
    return {
        "ensemble": by[RateMember.TOGETHER],
        "rates by cause alone": by[RateMember.BY_CAUSE],
        "XGBoost alone": by[RateMember.XGBOOST],
        "random forest alone": by[RateMember.RANDOM_FOREST],
        "CNAIM score": within(fleet.published_per_year[rows], days),
        "age only": _by_age(fleet, rows, days),
        "ceiling: hazard now": within(fleet.rate_per_year[fleet.week, fleet.asset][rows], days),
        "hazard to come": fleet.true_probability(days)[rows],
    }


def _by_age(fleet: FleetData, rows: BoolArray, days: int) -> FloatArray:
    """(r,) probability from age alone: an isotonic fit to the fleet's rows before the judged ones."""
    earlier = (fleet.day < fleet.day[rows].min()) & fleet.known(days)
    age = fleet.features["age_years"].to_numpy()
    fit = IsotonicRegression(out_of_bounds="clip").fit(age[earlier], (fleet.next_event()[0] <= days)[earlier])
    steps: FloatArray = fit.predict(age[rows])
    return steps + 1e-9 * age[rows]


def card_figures(bundle: ModelBundle, fleet: FleetData, rows: BoolArray, days: int, draws: Draws) -> dict[str, Any]:
    """Figures of the ensemble with intervals, and PR-AUC of the rivals, as plain numbers for the card."""
    wait = fleet.next_event()[0]
    label = (wait <= days)[rows].astype(float)
    found = rivals(bundle, fleet, rows, days)
    ensemble = found["ensemble"]
    capacity = round(CREW_SHARE * int(rows.sum()))
    threshold = float(np.quantile(ensemble, 1 - CREW_SHARE))
    event = np.where(np.isfinite(wait), fleet.day + wait, np.nan)[rows]
    alarms = alarm_figures(fleet.day[rows], ensemble, event, threshold, float(days), draws)
    of_rivals = {
        "PR-AUC of rivals": pr_auc,
        "Brier skill of rivals": brier_skill,
        "calibration error of rivals": calibration_error,
    }
    figures = {
        "rows": int(rows.sum()),
        "events": len(np.unique(event[label > 0])),
        "base rate": base_rate(label, draws),
        "PR-AUC": pr_auc(label, ensemble, draws),
        "Brier skill": brier_skill(label, ensemble, draws),
        "calibration error": calibration_error(label, ensemble, draws),
        "recall at capacity": recall_at_capacity(label, ensemble, capacity, draws),
        "lead time, days": alarms.lead_days,
        "false alarms per asset-year": alarms.false_alarms_per_asset_year,
        **{
            what: {name: figure(label, value, draws).value for name, value in found.items()}
            for what, figure in of_rivals.items()
        },
    }
    figures["weights"] = {member.value: weight for member, weight in bundle.rates[days].weights_.items()}
    if days == MAIN_HORIZON:
        figures |= cause_figures(bundle.rates[days], fleet, rows & (wait <= days))
    plain_figures: dict[str, Any] = plain(figures)
    return plain_figures


def cause_figures(model: RateModel, fleet: FleetData, rows: BoolArray) -> dict[str, Any]:
    """Macro-F1 and confusion matrix of the type given failure, for rows (r,) before failures."""
    names = [cause.value for cause in CAUSES]
    actual = [names[position] for position in fleet.next_event()[1][rows]]
    predicted = [names[position] for position in model.causes(fleet.features[rows]).argmax(axis=1)]
    draws = Draws.of(fleet.asset[rows], np.random.default_rng(0))
    return {
        "type macro-F1": macro_f1(actual, predicted, names, draws),
        "types": names,
        "type confusion": confusion(actual, predicted, names),
    }
