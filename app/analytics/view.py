"""What the analytics page says of the hours ahead: from the forecasts' report to records for components."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from app.engine.board import Board, Snapshot
from app.forecasting.report import ForecastReport
from app.forecasting.worker import ForecastWorker
from app.map.view_quality import because_words, doubts_of
from app.web.services import Services
from components.analytics.ahead_figures import ExpectedLoss, Stack, Threat
from components.analytics.forecast_figures import HIGH_80, LOW_80, MEDIAN, Fan, NextDay
from components.analytics.performance import Beside, Saved
from components.analytics.reliability import ReliabilityFigures
from components.analytics.tables import HostingRow, Share, Summary
from components.analytics.words import (
    drift_words,
    forecast_hindrance_words,
    forecasting_words,
    hosting_words,
    learned_words,
    limit_words,
    worst_words,
)
from components.common import text
from components.common.ceiling import up_to
from components.common.doubts import Doubts
from components.common.quality import stale_words
from components.maintenance.fleet import Status
from grid.capabilities import FULL_LOOK_AHEAD
from grid.network import RENEWABLE, Energy, Network
from ml.forecasting.live.ledger import Performance, Period, PeriodComparison
from ml.forecasting.records import Accuracy, Ahead, Forecast, SeriesKind, SeriesReport, datetime64_of

HOURS_BEFORE = 48  # of actual values, before a forecast's first hour
HOURS_SMALL = 24  # of the overview's figure
HOUR = timedelta(hours=1)
NEEDS_A_WEEK = "not yet known: needs 7 days"
ENERGY_NAMES = {
    Energy.GRID: "Grid connection",
    Energy.THERMAL: "Thermal",
    Energy.HYDRO: "Hydro",
    Energy.PV: "PV",
    Energy.WIND: "Wind",
    Energy.RENEWABLE: "Other renewables",
    Energy.UNKNOWN: "Not known",
}
PERIODS = {
    Period.YESTERDAY: ("Yesterday", "yesterday isn't recorded"),
    Period.LAST_WEEK: ("Same day last week", "needs 7 days of records"),
    Period.LAST_YEAR: ("Same date last year", "needs a year of records"),
}


@dataclass(frozen=True, eq=False)
class Looked:
    """A report with the snapshot of the same network, and who made it."""

    snapshot: Snapshot
    report: ForecastReport
    forecast_worker: ForecastWorker

    @property
    def doubts(self) -> Doubts:
        """What forbids reassuring sentences."""
        return doubts_of(self.snapshot)

    @property
    def at(self) -> datetime:
        """The simulated time of the report; the snapshot's before there is one."""
        return self.report.simulated_at or self.snapshot.simulated_at


def looked(services: Services) -> Looked | None:
    """What the forecast worker knows now; None before there is a snapshot."""
    return looked_on(services.boards.latest, services) if services.boards.ready else None


def looked_on(board: Board, services: Services) -> Looked:
    """What the forecast worker has told on a board."""
    return Looked(board.snapshot, services.forecast_worker.report_on(board), services.forecast_worker)


def status_of(now: Looked) -> Status:
    """What the forecast worker is doing, and what hinders."""
    stale = stale_words(now.snapshot.simulated_at, because_words(now.snapshot)) if now.snapshot.solved.stale else ""
    hindrance = "; ".join(filter(None, [forecast_hindrance_words(now.report.hindrance), stale]))
    kind = "ready" if now.report.ahead is not None else "waiting"
    return Status(kind, forecasting_words(now.report.status), hindrance)


def worst_of(now: Looked) -> str:
    """The worst coming moment in words, empty while nobody has looked ahead.

    Of a stale state it is said from when the hours ahead were seen.
    """
    ahead = now.report.ahead
    words = "" if ahead is None else worst_words(now.report.network, ahead.start, ahead.worst, now.doubts)
    return f"As seen from {text.clock(now.at)}: {words}" if words and now.snapshot.solved.stale else words


# --- forecasts -----------------------------------------------------------------------------------------------------


def choices_of(now: Looked) -> list[dict[str, str]]:
    """The series as a list to choose from."""
    return [{"value": one.info.code, "label": one.info.name} for one in now.report.series]


def series_of(now: Looked, code: str | None) -> SeriesReport | None:
    """A series by its code; the first where there is none of that code."""
    named = [one for one in now.report.series if one.info.code == code]
    return next(iter([*named, *now.report.series]), None)


def issues_of(now: Looked, one: SeriesReport) -> list[str]:
    """The moments of stored forecasts in ISO 8601, the latest last."""
    issues = list(now.report.issue_times(one.info.code))
    if one.forecast is not None and one.forecast.issued_at not in issues:
        issues.append(one.forecast.issued_at)
    return [time.isoformat() for time in issues]


def forecast_of(now: Looked, one: SeriesReport, issue: str | None) -> Forecast | None:
    """A stored forecast; the latest for None, and where there is none of that moment any more."""
    stored = None if issue is None else now.report.forecast_of(one.info.code, datetime.fromisoformat(issue))
    return stored or one.forecast


def fan_of(now: Looked, one: SeriesReport, forecast: Forecast | None) -> Fan | None:
    """A forecast beside what came before it and, as far as it is known, within its hours."""
    if forecast is None:
        return None
    start = forecast.issued_at - HOURS_BEFORE * HOUR
    actual = now.report.actual_of(one.info.code, start, HOURS_BEFORE + len(forecast.quantiles_mw))
    return Fan(
        one.info.name,
        forecast.issued_at,
        now.at,
        forecast.time,
        forecast.quantiles_mw,
        datetime64_of(start) + np.arange(len(actual)) * np.timedelta64(3600, "s"),
        actual,
        one.limit_mw,
        one.info.installed_mw,
    )


def facts_of(
    network: Network, one: SeriesReport, forecast: Forecast | None, accuracy: Accuracy | None, doubts: Doubts
) -> list[tuple[str, str]]:
    """What stands beside a fan: by what it was made, its limit, what was learned, and whether it still holds."""
    words = [limit_words(network, one, doubts)] if one.limit is not None else []
    limit = ": ".join([text.small(one.limit_mw, "MW"), *words])
    if one.limit is None and one.info.kind in (SeriesKind.LOAD, SeriesKind.GROUP):
        limit = _asked_up_to() if network.n_bus > FULL_LOOK_AHEAD.most else "not asked yet"
    rows = [("Made by", "not forecast yet" if forecast is None else forecast.source), ("Limit", limit)]
    if np.isfinite(one.info.installed_mw):
        rows.append(("Installed", text.small(one.info.installed_mw, "MW")))
    drift, compared = one.drift, 0 if accuracy is None else accuracy.issues
    rows += [
        ("Learned from", "nothing yet" if one.learned is None else learned_words(one.learned)),
        ("Compared", f"{text.count(compared, 'forecast')} with what came" if compared else "none with what came yet"),
    ]
    if drift is None or drift.coverage_80 is None:
        reasons = () if drift is None else drift_words(drift)
        return [*rows, ("Last 7 days", NEEDS_A_WEEK), ("Drift", "; ".join(reasons) or NEEDS_A_WEEK)]
    week = (
        f"{text.number(drift.coverage_80, 0, '%')} within the 80 % band, error {text.small(drift.mae, 'MW')}, "
        f"of the week before's hours {text.small(drift.naive_mae, 'MW')}"
    )
    return [*rows, ("Last 7 days", week), ("Drift", "; ".join(drift_words(drift)) or "none found")]


# --- the hours ahead -----------------------------------------------------------------------------------------------


def hours_of(ahead: Ahead) -> np.ndarray:
    """(h,) beginnings of the hours, datetime64[s]."""
    return datetime64_of(ahead.start) + np.arange(len(ahead.load_mw)) * np.timedelta64(3600, "s")


def threat_of(now: Looked, of_buses: bool) -> Threat | None:
    """Chances of overloads by branch, or of voltage violations by bus; None before the first look."""
    ahead, network = now.report.ahead, now.report.network
    if ahead is None:
        return None
    if of_buses:
        return Threat("voltage violation", hours_of(ahead), network.bus.name, 100 * ahead.look.violation_probability)
    return Threat("overload", hours_of(ahead), network.branch.name, 100 * ahead.look.overload_probability)


def expected_loss_of(now: Looked) -> ExpectedLoss | None:
    """Losses to expect, hour by hour."""
    ahead = now.report.ahead
    if ahead is None:
        return None
    look = ahead.look
    return ExpectedLoss(hours_of(ahead), look.loss_mw, look.loss_low_mw, look.loss_high_mw)


def stack_of(now: Looked) -> Stack | None:
    """Renewables and load on their median courses."""
    ahead = now.report.ahead
    if ahead is None:
        return None
    return Stack(
        hours_of(ahead), ahead.energies, ahead.renewable_mw, ahead.load_mw, ahead.curtailed_mw, ahead.look.unsupplied_mw
    )


def next_day_of(now: Looked) -> NextDay | None:
    """The overview's figure: the load's forecast and the renewables of the next day."""
    ahead = now.report.ahead
    load = next((one for one in now.report.series if one.info.kind is SeriesKind.LOAD), None)
    if load is None or load.forecast is None:
        return None
    quantiles, time = load.forecast.quantiles_mw[:HOURS_SMALL], load.forecast.time[:HOURS_SMALL]
    renewable = np.full(len(time), np.nan)
    if ahead is not None:
        at = {moment: place for place, moment in enumerate(hours_of(ahead).tolist())}
        total = ahead.renewable_mw.sum(axis=0)
        renewable = np.array([total[at[one]] if one in at else np.nan for one in time.tolist()])
    low, middle, high = (quantiles[:, column] for column in (LOW_80, MEDIAN, HIGH_80))
    return NextDay(time, low, middle, high, renewable, load.limit_mw)


# --- now -----------------------------------------------------------------------------------------------------------


def plant_shares(now: Looked) -> list[Share]:
    """Every generator's part of the present generation."""
    mix, generator = now.report.mix, now.report.network.generator
    if mix is None:
        return []
    rows = zip(generator.name, generator.energy, mix.plant.tolist(), mix.plant_percent.tolist(), strict=True)
    return [Share(name, ENERGY_NAMES[kind], power, percent) for name, kind, power, percent in rows]


def energy_shares(now: Looked) -> list[Share]:
    """Every kind of energy's part of it."""
    mix = now.report.mix
    if mix is None:
        return []
    words = {True: "renewable", False: "not renewable"}
    rows = zip(Energy, mix.energy.tolist(), mix.energy_percent.tolist(), strict=True)
    return [
        Share(ENERGY_NAMES[kind], "" if kind is Energy.UNKNOWN else words[kind in RENEWABLE], power, percent)
        for kind, power, percent in rows
    ]


def hosting_of(now: Looked) -> list[HostingRow]:
    """How much more every bus can take now; empty where it wasn't asked."""
    network, found = now.report.network, now.report.hosting
    if found is None:
        return []
    rows = zip(found.bus.tolist(), found.margin_mw.tolist(), found.limit, found.at.tolist(), strict=True)
    return [
        HostingRow(network.bus.name[bus], margin_mw, hosting_words(network, limit, at, now.doubts))
        for bus, margin_mw, limit, at in rows
    ]


def summary_of(now: Looked) -> Summary:
    """The page's figures at a glance."""
    found = _today(now.report.performance)
    ahead, mix = now.report.ahead, now.report.mix
    found = replace(
        found,
        renewable_percent=np.nan if mix is None else mix.renewable_percent,
        not_compared=now.doubts.words if now.doubts.stale or now.doubts.load_lost else "",
    )
    if ahead is None:
        return found
    peak = int(np.nanargmax(ahead.load_mw))
    known = np.isfinite(ahead.curtailed_mw).any()
    return replace(
        found,
        hours=len(ahead.load_mw),
        peak_mw=float(ahead.load_mw[peak]),
        peak_at=text.clock(ahead.start + peak * HOUR),
        expected_mwh=float(ahead.look.loss_mw.sum()),
        expected_words=f"mean of {ahead.look.samples:,} courses, next {len(ahead.load_mw)} h",
        curtailed_mwh=float(np.nansum(ahead.curtailed_mw)) if known else np.nan,
        alerts=len(ahead.outlook.alerts),
        curtailment_beyond="" if now.report.network.n_bus <= FULL_LOOK_AHEAD.most else _asked_up_to(),
    )


def _asked_up_to() -> str:
    return f"asked in grids of up to {up_to(FULL_LOOK_AHEAD)}"


def _today(performance: Performance | None) -> Summary:
    empty = Summary(0, np.nan, "", np.nan, np.nan, "", np.nan, 0, np.nan, np.nan, 0)
    if performance is None:
        return empty
    yesterday = next((one for one in performance.comparisons if one.period is Period.YESTERDAY), None)
    return replace(
        empty,
        today_kwh=performance.today.loss_kwh,
        today_hours=performance.hours,
        change_percent=np.nan if yesterday is None else yesterday.loss_change_percent,
    )


def beside_of(now: Looked) -> list[Beside]:
    """Today beside earlier days."""
    performance = now.report.performance
    return [] if performance is None else [_beside(one) for one in performance.comparisons]


def _beside(one: PeriodComparison) -> Beside:
    name, missing = PERIODS[one.period]
    return Beside(
        name, one.hours, one.today.loss_kwh, one.then.loss_kwh, one.today.loss_percent, one.then.loss_percent, missing
    )


def saved_of(now: Looked) -> Saved | None:
    """Today beside the optimiser's plans."""
    performance = now.report.performance
    if performance is None:
        return None
    found = performance.avoidable
    return Saved(found.hours, found.loss_kwh, found.plan_loss_kwh)


def reliability_of(snapshot: Snapshot) -> ReliabilityFigures:
    """What the reliability card shows of a snapshot."""
    found = snapshot.assessed.reliability
    return ReliabilityFigures(
        since=text.moment(found.start),
        until=text.moment(found.end),
        customers=found.customers,
        customers_derived=bool(snapshot.case.customers.derived.any()),
        interrupted_now=found.interrupted_now,
        saifi=found.saifi,
        saidi_minutes=found.saidi_minutes,
        caidi_minutes=found.caidi_minutes,
        maifi=found.maifi,
        ens_mwh=found.ens_mwh,
    )
