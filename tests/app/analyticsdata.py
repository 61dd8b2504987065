"""What a forecast worker tells of a rig's grid, made by hand from real power flows: no learning, no waiting."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from app.engine.board import Snapshot
from app.forecasting.report import ForecastReport
from app.maintenance.view import maintained
from app.report.content import DAY_HOURS, DayHours, DayReport, SeriesDay
from grid.alarms.predictive import outlook
from grid.alarms.trouble import TroubleKind, WorstTrouble
from grid.flow.loss_breakdown import BranchLevels, by_level, no_load_mw, non_technical
from grid.flow.powerflow import PowerFlow
from grid.network import FloatArray, Network
from grid.studies.hosting import HostingLimit, HostingMargin
from grid.studies.loadability import Loadability, LoadabilityFinding, LoadLimit
from grid.studies.lookahead import Samples, look_ahead
from grid.studies.renewable_share import energy_mix
from ml.forecasting.live.ledger import HourlyLedger, HourlyRecord, Period
from ml.forecasting.records import (
    LEVELS,
    Accuracy,
    Ahead,
    Drift,
    DriftKind,
    Forecast,
    ForecastStatus,
    ForecastStatusKind,
    Learned,
    LearnedKind,
    LossRecord,
    SeriesInfo,
    SeriesKind,
    SeriesReport,
    datetime64_of,
)
from tests.app.rig import Rig

HOUR = timedelta(hours=1)
EUR_PER_MWH = 80.0
SPREAD = 0.06 * (LEVELS - 0.5) / 0.45  # of the quantiles, relative to the median


def level(hours: int) -> FloatArray:
    """(h,) a day's shape from midnight on, least at night."""
    return 0.75 + 0.25 * np.sin(np.pi * (np.arange(hours) - 6) / 12)


def forecast_of(mean_mw: float, issued_at: datetime, hours: int = 48) -> Forecast:
    return Forecast(issued_at, (mean_mw * level(hours))[:, None] * (1 + SPREAD), "model of 365 days")


def series_of(snapshot: Snapshot) -> tuple[SeriesReport, ...]:
    """The total load with a forecast and drift, photovoltaics with a forecast, wind without any yet."""
    hour = snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
    drift = Drift(coverage_80=62.0, mae=3.2, naive_mae=2.9, kinds=(DriftKind.COVERAGE,))
    load = SeriesInfo("load", "Total load", SeriesKind.LOAD, np.nan)
    pv, wind = SeriesInfo("pv", "PV", SeriesKind.PV, 12.5), SeriesInfo("wind", "Wind", SeriesKind.WIND, 20.0)
    total = float(snapshot.case.network.load.p_mw.sum())
    limit = Loadability(finding=LoadabilityFinding.FOUND, demand_mw=1.05 * total, limit=LoadLimit.LOADING, at=0)
    return (
        SeriesReport(
            load, forecast_of(total, hour), limit, Learned(kind=LearnedKind.DAYS, days=365, until=hour), drift
        ),
        SeriesReport(pv, forecast_of(8.0, hour), None, Learned(kind=LearnedKind.DAYS, days=358, until=hour), None),
        SeriesReport(wind, None, None, None, None),
    )


def ahead_of(snapshot: Snapshot, hours: int = 24, stress: float = 1.0) -> Ahead:
    """The coming hours at `stress` times the case's loads."""
    network, rng = snapshot.case.network, np.random.default_rng(2)
    course = stress * level(hours)[None, :, None] * (1 + 0.05 * rng.standard_normal((8, hours, 1)))
    load, generator = network.load, network.generator
    samples = Samples(load.p_mw * course, load.q_mvar * course, generator.p_mw * np.ones_like(course))
    look = look_ahead(network, snapshot.solved.injection, snapshot.solved.state.closed, samples)
    start = snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
    worst = int(np.argmax(np.nan_to_num(look.loss_mw)))
    energies = ("pv", "wind")
    return Ahead(
        start, look, outlook(network, look, start), np.ones((len(energies), hours)), energies,
        np.median(samples.load_p_mw.sum(axis=2), axis=0), np.zeros(hours),
        WorstTrouble(hour=worst, kind=TroubleKind.HIGHEST_LOADING, asset=0, percent=80.0),
    )  # fmt: skip


def ledger_of(snapshot: Snapshot, days: int = 9) -> HourlyLedger:
    """Hours up to the snapshot's, of each the same load but 1 % less every day back."""
    ledger, now = HourlyLedger(), snapshot.simulated_at
    for back in range(24 * days, -1, -1):
        time, factor = now - back * HOUR, 1 - 0.01 * (back // 24)
        loss, load = (
            1000 * factor * snapshot.assessed.metrics.loss_mw,
            1000 * factor * snapshot.assessed.metrics.load_mw,
        )
        renewable = 10 * snapshot.assessed.metrics.renewable_percent * (load + loss) / 1000
        ledger.append(HourlyRecord(time, loss, load, load + loss, renewable, 0.9 * loss))
    return ledger


def losses_of(snapshot: Snapshot, start: datetime, hours: int) -> LossRecord:
    """Losses of hours at the day's shape of the case's loads, and meters that miss 2 % of what arrives."""
    network, flow = snapshot.case.network, PowerFlow(snapshot.case.network)
    levels, states = BranchLevels.of(network), []
    for factor in level(hours):
        injection = replace(
            snapshot.solved.injection, load_p_mw=network.load.p_mw * factor, load_q_mvar=network.load.q_mvar * factor
        )
        states.append(flow.solve(injection, snapshot.solved.state.closed))
    level_mwh = [by_level(network, levels, no_load_mw(network, state), state.loss_mw) for state in states]
    shunt_mwh = np.array([state.shunt_mva.real.sum() for state in states])
    fed_in = np.array([state.generator_p_mw for state in states])
    delivered = np.array([0.98 * state.load_p_mw for state in states])
    return LossRecord(
        time=datetime64_of(start) + np.arange(hours) * np.timedelta64(3600, "s"),
        levels=levels,
        level_mwh=np.array(level_mwh),
        branch_mwh=np.sum([state.loss_mw for state in states], axis=0),
        shunt_mwh=shunt_mwh,
        non_technical=non_technical(fed_in, delivered, np.sum(level_mwh, axis=(1, 2)) + shunt_mwh),
        price_per_mwh=EUR_PER_MWH,
    )


def hosting_of(network: Network) -> HostingMargin:
    """Room at every bus that the first branch limits."""
    count = network.n_bus
    margin_mw = np.linspace(1.0, 2.0, count)
    return HostingMargin(np.arange(count), margin_mw, (HostingLimit.LOADING,) * count, np.zeros(count, dtype=np.int64))


def accuracy_of(hours: int = 48, issues: int = 30) -> Accuracy:
    """Errors that grow with the lead; what lies beyond the first day isn't compared yet."""
    lead = np.arange(1, hours + 1)
    known = np.where(lead <= 24, 1.0, np.nan)
    return Accuracy(
        issues, (1 + 0.05 * lead) * known, (3 + 0 * lead) * known, 81.0 * known, 91.0 * known, LEVELS, LEVELS - 0.01
    )  # fmt: skip


def report_of(snapshot: Snapshot, stress: float = 1.0) -> ForecastReport:
    """All that a forecast worker knows of a snapshot."""
    network = snapshot.case.network
    return ForecastReport(
        network=network,
        version=1,
        simulated_at=snapshot.simulated_at,
        status=ForecastStatus(kind=ForecastStatusKind.FORECASTING, series=3, learned=3),
        hindrance=None,
        series=series_of(snapshot),
        ahead=ahead_of(snapshot, stress=stress),
        performance=ledger_of(snapshot).performance(snapshot.simulated_at),
        mix=energy_mix(network, snapshot.solved.state.generator_p_mw),
        hosting=hosting_of(network),
        group_of_load=np.zeros(len(network.load), dtype=np.int64),
    )


def empty_report(snapshot: Snapshot) -> ForecastReport:
    """Before the forecast worker has looked."""
    return ForecastReport(
        snapshot.case.network, 0, None, ForecastStatus(kind=ForecastStatusKind.WAITING_FOR_GRID), None, (), None, None,
        None, None, np.full(len(snapshot.case.network.load), -1),
    )  # fmt: skip


def hours_of(ledger: HourlyLedger, start: datetime) -> DayHours:
    columns = ("loss_kw", "load_kw", "generation_kw", "renewable_kw")
    return DayHours(*(ledger.hourly_kw(start, DAY_HOURS, column) for column in columns))


def day_of(rig: Rig, day: date | None = None, stress: float = 1.0) -> DayReport:
    """The report of a day of a rig, by default the present one, with every part filled."""
    now, maintained_now = rig.now, maintained(rig.services)
    assert maintained_now is not None
    today = now.simulated_at.date() if day is None else day
    midnight = datetime.combine(today, time(), UTC)
    ledger, found = ledger_of(now), report_of(now, stress)
    over = min(max((now.simulated_at - midnight) // HOUR, 0), DAY_HOURS)
    return DayReport(
        day=today,
        over=over,
        snapshot=now,
        forecasts=found,
        maintained=maintained_now,
        planner=rig.services.planner.latest,
        hours=hours_of(ledger, midnight),
        earlier={
            Period.YESTERDAY: hours_of(ledger, midnight - 24 * HOUR),
            Period.LAST_WEEK: hours_of(ledger, midnight - 168 * HOUR),
            Period.LAST_YEAR: hours_of(ledger, midnight - 8760 * HOUR),
        },
        losses=losses_of(now, midnight, max(over, 1)),
        series=tuple(series_day_of(one, midnight, over) for one in found.series),
        price_per_mwh=EUR_PER_MWH,
    )


def series_day_of(series: SeriesReport, midnight: datetime, over: int) -> SeriesDay:
    """A series whose forecast was made three hours before the day, and whose hours that are over were measured."""
    if series.forecast is None:
        return SeriesDay(series, None, midnight, np.full(DAY_HOURS, np.nan), None)
    mean_mw = float(series.forecast.quantiles_mw[:, 3].max())
    forecast = forecast_of(mean_mw, midnight - 3 * HOUR)
    actual = np.where(np.arange(DAY_HOURS) < over, 1.02 * forecast.quantiles_mw[3 : 3 + DAY_HOURS, 3], np.nan)
    return SeriesDay(series, forecast, midnight, actual, accuracy_of())
