"""Losses and performance as the plain data that the REST API answers with. Unknown values are None.

Times are simulated; a value of an hour is named by the hour's beginning.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from app.forecasting.report import ForecastReport
from app.web.plain import number, numbers, stamp
from components.analytics.words import forecast_hindrance_words, forecasting_words
from grid.flow.loss_breakdown import LossCause, NonTechnical, top_branches
from grid.network import Energy, FloatArray, Network
from grid.studies.renewable_share import EnergyMix
from ml.forecasting.live.ledger import EnergyTotals as EnergySums
from ml.forecasting.live.ledger import Performance
from ml.forecasting.records import LossRecord

JSON = dict[str, Any]
HOUR = timedelta(hours=1)
ENERGY_COLUMNS = ("loss_kw", "load_kw", "generation_kw", "renewable_kw")


def about(report: ForecastReport) -> JSON:
    """What the forecast worker does, what hinders it, and of which moment it speaks."""
    return {
        "status": forecasting_words(report.status),
        "problem": forecast_hindrance_words(report.hindrance) or None,
        "simulated_time": None if report.simulated_at is None else stamp(report.simulated_at),
    }


def hourly(start: datetime, hours: int) -> list[str]:
    """Beginnings of contiguous hours."""
    return [stamp(start + hour * HOUR) for hour in range(hours)]


def losses(report: ForecastReport, record: LossRecord | None, start: datetime, hours: int, limit: int) -> JSON:
    """Losses of branches in the recorded hours of a range, in MWh and EUR; shunts stand apart. limit: of assets."""
    answer = about(report) | {"start": stamp(start), "end": stamp(start + hours * HOUR), "hours_recorded": 0}
    if record is None:
        unknown: JSON = dict.fromkeys(
            ("price_eur_per_mwh", "total", "transmission", "distribution", "shunts", "non_technical")
        )
        return answer | unknown | {name: [] for name in ("levels", "causes", "hours", "assets")}
    price, levels, by_level = record.price_per_mwh, record.levels, record.level_mwh.sum(axis=0)
    is_distribution = levels.is_distribution
    return answer | {
        "hours_recorded": len(record.time),
        "price_eur_per_mwh": price,
        "total": money(by_level.sum(), price),
        "transmission": money(by_level[~is_distribution].sum(), price),
        "distribution": money(by_level[is_distribution].sum(), price),
        "shunts": money(record.shunt_mwh.sum(), price),
        "levels": [
            {
                "level": levels.label(level),
                "high_kv": float(levels.high_kv[level]),
                "low_kv": float(levels.low_kv[level]),
                "distribution": bool(is_distribution[level]),
                **money(by_level[level].sum(), price),
                "causes": _causes(by_level[level], price),
            }
            for level in range(len(levels.high_kv))
        ],
        "causes": _causes(by_level.sum(axis=0), price),
        "hours": [
            {"time": time, **money(branches, price), "shunt_mwh": number(shunts)}
            for time, branches, shunts in zip(
                recorded_hours(record), record.level_mwh.sum(axis=(1, 2)), record.shunt_mwh, strict=True
            )
        ],
        "assets": _top_assets(report.network, record, limit),
        "non_technical": _non_technical(record.non_technical),
    }


def recorded_hours(record: LossRecord) -> list[str]:
    """Beginnings of the hours that were recorded."""
    return [stamp(time.replace(tzinfo=UTC)) for time in record.time.astype("datetime64[s]").tolist()]


def money(mwh: float | np.floating[Any], price_eur_per_mwh: float) -> JSON:
    """Energy and what it costs."""
    return {"loss_mwh": number(mwh), "loss_eur": number(mwh * price_eur_per_mwh)}


def _causes(mwh: FloatArray, price: float) -> list[JSON]:
    return [{"cause": cause.value, **money(value, price)} for cause, value in zip(LossCause, mwh, strict=True)]


def _top_assets(network: Network, record: LossRecord, limit: int) -> list[JSON]:
    branch, total = network.branch, float(np.nansum(record.branch_mwh))
    return [
        {
            "id": place,
            "name": branch.name[place],
            "type": branch.kind[place].value,
            "level": record.levels.label(int(record.levels.of_branch[place])),
            **money(record.branch_mwh[place], record.price_per_mwh),
            "share_percent": number(100 * record.branch_mwh[place] / total),
        }
        for place in top_branches(record.branch_mwh, limit).tolist()
    ]


def _non_technical(found: NonTechnical) -> JSON | None:
    """An estimate from meters; None where no hour has all of them."""
    if not found.hours_known:
        return None
    return {
        "hours_known": found.hours_known,
        "estimate": True,
        "fed_in_mwh": number(found.fed_in_mwh),
        "metered_loss_mwh": number(found.metered_loss_mwh),
        "technical_mwh": number(found.technical_mwh),
        "non_technical_mwh": number(found.non_technical_mwh),
        "percent_of_fed_in": number(found.percent_of_fed_in),
    }


def performance(report: ForecastReport, start: datetime, hourly_kw: dict[str, FloatArray]) -> JSON:
    """Today against other days and against plans, in kWh, and the hourly means of a range, in kW."""
    hours = len(hourly_kw[ENERGY_COLUMNS[0]])
    return {
        **about(report),
        **_today(report.performance),
        "mix": None if report.mix is None else _mix(report.mix),
        "start": stamp(start),
        "hours": hours,
        "time": hourly(start, hours),
        **{column: numbers(hourly_kw[column]) for column in ENERGY_COLUMNS},
    }


def _today(found: Performance | None) -> JSON:
    if found is None:
        return {"today": None, "comparisons": [], "avoidable": None}
    kept = found.avoidable
    return {
        "today": {"hours": found.hours, **_energy(found.today)},
        "comparisons": [
            {
                "period": one.period.value,
                "hours": one.hours,
                "today": _energy(one.today),
                "then": _energy(one.then),
                "loss_change_percent": number(one.loss_change_percent),
            }
            for one in found.comparisons
        ],
        "avoidable": {
            "hours": kept.hours,
            "estimate": True,
            "loss_kwh": number(kept.loss_kwh),
            "plan_loss_kwh": number(kept.plan_loss_kwh),
            "avoidable_kwh": number(kept.avoidable_kwh),
        },
    }


def _energy(sums: EnergySums) -> JSON:
    values = {name: number(value) for name, value in vars(sums).items()}
    return values | {"loss_percent": number(sums.loss_percent)}


def _mix(mix: EnergyMix) -> JSON:
    """Of the generation now; energies that generate nothing are left out."""
    shares = zip(Energy, mix.energy, mix.energy_percent, strict=True)
    return {
        "generation_mw": number(mix.total),
        "renewable_percent": number(mix.renewable_percent),
        "energies": [
            {"energy": energy.value, "generation_mw": number(power), "percent": number(percent)}
            for energy, power, percent in shares
            if power > 0
        ],
    }
