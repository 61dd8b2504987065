"""Forecasts and the look-ahead as the plain data that the REST API answers with. Unknown values are None.

Times are simulated; a value of an hour is named by the hour's beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.analytics.payloads import HOUR, JSON, about, hourly
from app.forecasting.report import ForecastReport
from app.web.plain import number, numbers, stamp
from components.analytics.words import drift_words, learned_words, limit_words, worst_words
from components.common.alarm_words import alert_words
from components.common.doubts import Doubts
from grid.alarms.book import PredictiveAlert
from grid.alarms.predictive import most_threatened
from grid.network import FloatArray, Network
from ml.forecasting.records import LEVELS, Ahead, ChanceRecord, Forecast, SeriesInfo, SeriesReport

QUANTILES = tuple(f"q{round(100 * level):02d}_mw" for level in LEVELS)


@dataclass(frozen=True, eq=False)
class Shown:
    """A forecast of a series that is asked for, None where there is none, and what was measured in its hours."""

    series: SeriesReport
    forecast: Forecast | None
    actual_mw: FloatArray  # (h,) NaN where it isn't known, or not yet

    @property
    def hours(self) -> int:
        """How many of the forecast's hours are shown."""
        return len(self.actual_mw)


def forecasts(report: ForecastReport, shown: Sequence[Shown], doubts: Doubts) -> JSON:
    """Forecasts with all series that there are; quantiles and measurements in MW."""
    return {
        **about(report),
        "levels": LEVELS.tolist(),
        "series": [_info(one.info) for one in report.series],
        "forecasts": [_forecast(report.network, one, doubts) for one in shown],
    }


def _info(info: SeriesInfo) -> JSON:
    return {"code": info.code, "name": info.name, "kind": info.kind.value, "installed_mw": number(info.installed_mw)}


def _forecast(network: Network, shown: Shown, doubts: Doubts) -> JSON:
    series, found = shown.series, shown.forecast
    drift = series.drift
    return {
        **_info(series.info),
        "issued_at": None if found is None else stamp(found.issued_at),
        "source": None if found is None else found.source,
        "limit_mw": number(series.limit_mw),
        "limit_words": limit_words(network, series, doubts) or None,
        "learned": None if series.learned is None else learned_words(series.learned),
        "drift": None
        if drift is None
        else {
            "found": drift.found,
            "reasons": list(drift_words(drift)),
            "coverage_80_percent": _known(drift.coverage_80),
            "mae_mw": _known(drift.mae),
            "naive_mae_mw": _known(drift.naive_mae),
        },
        "hours": hours_of(shown),
    }


def hours_of(shown: Shown) -> list[JSON]:
    """Each hour's quantiles and what was measured."""
    if shown.forecast is None:
        return []
    values = shown.forecast.quantiles_mw[: shown.hours]
    rows = zip(hourly(shown.forecast.issued_at, shown.hours), values, shown.actual_mw, strict=True)
    return [
        {"time": time, **dict(zip(QUANTILES, numbers(row), strict=True)), "actual_mw": number(actual)}
        for time, row, actual in rows
    ]


def look_ahead(report: ForecastReport, limit: int, doubts: Doubts) -> JSON:
    """What the forecasts mean for the grid; the `limit` most threatened branches and buses."""
    ahead = report.ahead
    if ahead is None:
        unknown: JSON = dict.fromkeys(("start", "samples", "worst"))
        empty: JSON = {name: [] for name in ("hours", "branches", "buses", "alerts")}
        return about(report) | unknown | empty | {"chances": _chances(report.chances)}
    return about(report) | {
        "start": stamp(ahead.start),
        "samples": ahead.look.samples,
        "hours": _hours_ahead(ahead),
        "branches": _branches(report.network, ahead, limit),
        "buses": _buses(report.network, ahead, limit),
        "alerts": [_alert(alert) for alert in ahead.outlook.alerts],
        "worst": {
            "time": stamp(ahead.start + ahead.worst.hour * HOUR),
            "words": worst_words(report.network, ahead.start, ahead.worst, doubts),
        },
        "chances": _chances(report.chances),
    }


def _chances(record: ChanceRecord | None) -> JSON | None:
    if record is None:
        return None
    return {
        "hours": record.hours,
        "days": record.days,
        "brier": number(record.brier),
        "brier_skill": number(record.skill),
        "scored": record.scored,
        "bins": [
            {"low": one.low, "high": one.high, "cases": one.cases, "said": number(one.said), "came": number(one.came)}
            for one in record.bins
        ],
        "leads": [
            {
                "first": one.first,
                "last": one.last,
                "shift": number(one.shift),
                "slope": number(one.slope),
                "known": one.is_known,
            }
            for one in record.leads
        ],
    }


def _hours_ahead(ahead: Ahead) -> list[JSON]:
    look = ahead.look
    return [
        {
            "time": time,
            "loss_mw": number(look.loss_mw[hour]),
            "loss_low_mw": number(look.loss_low_mw[hour]),
            "loss_high_mw": number(look.loss_high_mw[hour]),
            "unsolved_share": number(look.unsolved_share[hour]),
            "load_mw": number(ahead.load_mw[hour]),
            "renewable_mw": dict(zip(ahead.energies, numbers(ahead.renewable_mw[:, hour]), strict=True)),
            "curtailed_mw": number(ahead.curtailed_mw[hour]),
            "unsupplied_mw": number(look.unsupplied_mw[hour]),
        }
        for hour, time in enumerate(hourly(ahead.start, len(look.loss_mw)))
    ]


def _branches(network: Network, ahead: Ahead, limit: int) -> list[JSON]:
    look, chance = ahead.look, ahead.outlook.branch_percent
    chosen = most_threatened(chance, np.fmax.reduce(look.loading_high_percent, axis=0), limit)
    return [
        {
            "id": branch,
            "name": network.branch.name[branch],
            "type": network.branch.kind[branch].value,
            "chance_percent": number(chance[branch]),
            "overload_probability": numbers(look.overload_probability[:, branch]),
            "overload_probability_of_solved": numbers(look.overload_of_solved[:, branch]),
            "loading_median_percent": numbers(look.loading_median_percent[:, branch]),
            "loading_high_percent": numbers(look.loading_high_percent[:, branch]),
        }
        for branch in chosen.tolist()
    ]


def _buses(network: Network, ahead: Ahead, limit: int) -> list[JSON]:
    look, bus, chance = ahead.look, network.bus, ahead.outlook.bus_percent
    beyond = np.fmax(bus.min_vm_pu - look.vm_low_pu, look.vm_high_pu - bus.max_vm_pu)
    return [
        {
            "id": place,
            "name": bus.name[place],
            "chance_percent": number(chance[place]),
            "violation_probability": numbers(look.violation_probability[:, place]),
            "low_probability_of_solved": numbers(look.low_of_solved[:, place]),
            "high_probability_of_solved": numbers(look.high_of_solved[:, place]),
            "vm_low_pu": numbers(look.vm_low_pu[:, place]),
            "vm_high_pu": numbers(look.vm_high_pu[:, place]),
        }
        for place in most_threatened(chance, np.fmax.reduce(beyond, axis=0), limit).tolist()
    ]


def _alert(alert: PredictiveAlert) -> JSON:
    return {
        "kind": alert.kind.value,
        "asset_id": alert.asset_id,
        "asset_name": alert.asset_name,
        "begins_at": stamp(alert.begins_at),
        "ends_at": stamp(alert.ends_at),
        "chance_percent": number(alert.chance_percent),
        "peak": number(alert.peak),
        "text": alert_words(alert),
    }


def _known(value: float | None) -> float | None:
    return None if value is None else number(value)
