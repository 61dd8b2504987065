"""What a daily report tells of the grid as it stands now, and of the next hours: plain data for the template."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.analytics.view import reliability_of
from app.maintenance.view import fleet_of, plan_of, rows_of, status_of
from app.map.view_quality import doubts_of
from app.optimisation.view import headline_of
from app.report.content import DayReport
from components.analytics.reliability import index_rows, span_words
from components.analytics.words import worst_words
from components.common import text
from components.common.alarm_words import (
    alert_words,
    card_words,
    count_words,
    effects_words,
    prospect_words,
    standing_words,
)
from components.common.alarms import NOT_JUDGED
from components.common.doubts import Doubts, told
from components.maintenance.gantt import week_words
from components.optimisation.plan import saving_words
from grid.alarms.predictive import most_threatened
from grid.network import Energy, Network
from ml.forecasting.records import Ahead
from ml.reporting.charts import NARROW, Band, Course, HourChart, unit_of
from ml.reporting.pages import ReportTable

MOST_ALERTS, MOST_THREATENED, MOST_ALARMS, TOP_ASSETS, MOST_JOBS, MOST_STEPS = 15, 10, 25, 10, 10, 24


@dataclass(frozen=True, kw_only=True)
class AheadPart:
    """What the forecasts mean for the next hours. failed, curtailed: empty where there is nothing to say.

    no_alerts: what stands in their place where there are none.
    """

    note: str
    worst: str
    failed: str
    alerts: Sequence[str]
    charts: Sequence[HourChart]
    tables: Sequence[ReportTable]
    is_derived: bool
    curtailed: str
    no_alerts: str


@dataclass(frozen=True, kw_only=True)
class TablePart:
    """A sentence with tables and what isn't in them."""

    words: str
    tables: Sequence[ReportTable] = ()
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanPart:
    """What the optimiser proposes, what it saves, and what was checked."""

    title: str
    saved: str
    checks: str
    table: ReportTable
    more: str
    note: str


def ahead(report: DayReport) -> AheadPart | None:
    """What the forecasts mean for the next hours; None before anything was looked ahead."""
    found = report.forecasts.ahead
    if found is None:
        return None
    hours, look, doubts = len(found.load_mw), found.look, doubts_of(report.snapshot)
    unsolved = float(look.unsolved_share.max())
    sentences, network = [alert_words(alert) for alert in found.outlook.alerts], report.forecasts.network
    more = [f"… and {len(sentences) - MOST_ALERTS:,} more"] if len(sentences) > MOST_ALERTS else []
    failed = f"{text.percent(unsolved)} of the courses have no solution in the worst hour." if unsolved else ""
    return AheadPart(
        note=f"{text.count(hours, 'hour')} from {text.moment(found.start)}, by {look.samples:,} courses of the "
        "forecasts, each solved by AC power flow, if nothing is switched.",
        worst=f"Worst hour: {worst_words(network, found.start, found.worst, doubts)}.",
        failed=failed,
        alerts=[*sentences[:MOST_ALERTS], *more],
        charts=[_losses_ahead(found), _powers_ahead(found)],
        tables=_threatened(network, found),
        is_derived=bool(network.branch.rating_derived.any()),
        curtailed=_curtailed(found, doubts),
        no_alerts=f"{told('No alert: nothing is likely to exceed a limit', 'No further alert', doubts)}.",
    )


def _losses_ahead(found: Ahead) -> HourChart:
    look = found.look
    unit, factor = unit_of(1000 * look.loss_high_mw)
    low, mean, high = (1000 * factor * losses for losses in (look.loss_low_mw, look.loss_mw, look.loss_high_mw))
    band = Band(f"80{NARROW}% of courses", low, high, "accent")
    return HourChart("Losses expected", unit, found.start, [Course("mean", mean, "accent")], band)


def _powers_ahead(found: Ahead) -> HourChart:
    """Load, and renewables where there are any."""
    courses = [Course("load", found.load_mw, "text")]
    if found.energies:
        courses.append(Course("renewables", found.renewable_mw.sum(axis=0), "green"))
    title = "Load and renewables expected" if found.energies else "Load expected"
    return HourChart(title, "MW, median", found.start, courses)


def _curtailed(found: Ahead, doubts: Doubts) -> str:
    if not found.energies:
        return ""
    energy = float(np.nansum(found.curtailed_mw))
    if energy <= 0:
        return f"{told('No renewable power has to be cut', 'No cut of renewable power was found', doubts)}."
    return f"{text.small(energy, 'MWh')} of renewable power are expected to be cut: an estimate by the median course."


def _threatened(network: Network, found: Ahead) -> list[ReportTable]:
    """Branches and buses with the largest chances."""
    branch, bus, look = network.branch, network.bus, found.look
    high = np.fmax.reduce(look.loading_high_percent, axis=0)
    loaded = [
        [branch.name[place], text.number(found.outlook.branch_percent[place], 0, "%"), text.number(high[place], 0, "%")]
        for place in most_threatened(found.outlook.branch_percent, high, MOST_THREATENED).tolist()
    ]
    low, top = np.fmin.reduce(look.vm_low_pu, axis=0), np.fmax.reduce(look.vm_high_pu, axis=0)
    beyond = np.fmax(bus.min_vm_pu - low, top - bus.max_vm_pu)
    strained = [
        [
            bus.name[place],
            text.number(found.outlook.bus_percent[place], 0, "%"),
            text.number(low[place], 3, "p.u."),
            text.number(top[place], 3, "p.u."),
        ]
        for place in most_threatened(found.outlook.bus_percent, beyond, MOST_THREATENED).tolist()
    ]
    branches = ("branch", "chance of overload", "loading, 95 % below")
    buses = ("bus", "chance outside limits", "voltage, 95 % above", "95 % below")
    return [
        ReportTable(headers=branches, rows=loaded, caption="Most threatened branches"),
        ReportTable(headers=buses, rows=strained, caption="Most threatened buses"),
    ]


def mix(report: DayReport) -> TablePart | None:
    """Who generates now; None where nothing is known to be generated."""
    found = report.forecasts.mix
    if found is None or not found.total > 0:
        return None
    rows: list[list[str | float]] = [
        [source.value.capitalize(), text.small(power, "MW"), text.number(percent, 1, "%"), float(percent / 100)]
        for source, power, percent in zip(Energy, found.energy, found.energy_percent, strict=True)
        if power > 0
    ]
    share = found.renewable_percent
    words = (
        f"{text.number(share, 1, '%')} of the generation is renewable."
        if np.isfinite(share)
        else "The renewable share isn't known: the case doesn't say what all its generators are."
    )
    return TablePart(words=words, tables=[ReportTable(headers=("energy", "power", "share", ""), rows=rows)])


def no_alarms(report: DayReport) -> str:
    """What stands in the place of the alarms where there are none; of a stale state that nobody has judged it."""
    return f"{NOT_JUDGED}." if report.snapshot.solved.stale else "No alarm is active."


def alarms(report: DayReport) -> TablePart | None:
    """Alarms that are not normal, in the order of the alarm list; None without any."""
    cards, standing = report.snapshot.assessed.alarm_cards, report.snapshot.case.standing
    if not cards and not standing:
        return None
    rows = [
        [
            card.alarm.priority.value,
            card.alarm.asset_name,
            " ".join(filter(None, [card_words(card), effects_words(card.effects), prospect_words(card.prospect)])),
            card.alarm.state.value.replace("_", " "),
            text.moment(card.alarm.raised_at),
        ]
        for card in cards[:MOST_ALARMS]
    ]
    return TablePart(
        words=" ".join(filter(None, [f"{count_words(cards)} active.", standing_words(standing)])),
        tables=[ReportTable(headers=("priority", "asset", "alarm", "state", "raised"), rows=rows, words=5)],
        more=f"{len(cards) - MOST_ALARMS:,} more are active." if len(cards) > MOST_ALARMS else "",
    )


def reliability(report: DayReport) -> TablePart:
    """The indices of IEEE 1366 since the grid is watched."""
    figures = reliability_of(report.snapshot)
    rows = [list(row) for row in index_rows(figures)]
    return TablePart(
        words=span_words(figures), tables=[ReportTable(headers=("index", "what it is", "value"), rows=rows, words=2)]
    )


def assets(report: DayReport) -> TablePart:
    """The riskiest assets and the next jobs; what is waited for before the first prognosis."""
    now = report.maintained
    fleet, schedule, status = fleet_of(now), plan_of(now), f"{status_of(now).words}."
    if fleet is None:
        return TablePart(words="", more=status)
    rows = sorted(rows_of(now), key=lambda row: -np.nan_to_num(row.risk_eur_per_year))[:TOP_ASSETS]
    risky = [
        [
            row.asset,
            row.kind,
            row.week or "none planned",
            text.percent(row.probability_365_days, 2),
            text.rough(row.consequence_eur, "EUR"),
            text.rough(row.risk_eur_per_year, "EUR"),
            row.source.value,
        ]
        for row in rows
    ]
    jobs = (
        []
        if schedule is None
        else [
            [
                job.asset,
                job.skill,
                week_words(schedule.start, job.week),
                text.number(job.hours, 0, "h"),
                text.rough(job.cost_eur, "EUR"),
                text.rough(job.deferral_eur, "EUR"),
            ]
            for job in schedule.placed[:MOST_JOBS]
        ]
    )
    headers = ("asset", "type", "job", "failure within a year", "cost of a failure", "risk a year", "by")
    planned = ("job", "crew", "week from", "work", "cost", "deferring costs")
    return TablePart(
        words=f"{text.count(fleet.assets, 'asset')}; {text.small(fleet.failures_per_year)} failures a year expected, "
        f"{text.rough(fleet.risk_eur_per_year, 'EUR')} a year at risk. {status}",
        tables=[
            ReportTable(headers=headers, rows=risky, words=3, caption="Riskiest assets"),
            ReportTable(headers=planned, rows=jobs, words=3, caption="Next jobs"),
        ],
    )


def plan(report: DayReport) -> PlanPart:
    """What the optimiser proposes, and what it saves."""
    shown = headline_of(report.planner, report.snapshot)
    proposal, network = report.planner.proposal, report.snapshot.case.network
    found = None if proposal is None else proposal.plan
    saved = (
        ""
        if shown.saving is None
        else (f"{saving_words(shown.saving)}, {text.rough(shown.saving.money_per_year, 'EUR')} a year: an estimate.")
    )
    rows = (
        []
        if found is None
        else [
            [
                str(step),
                "close" if action.close else "open",
                network.branch.name[action.branch],
                text.small(action.loss_kw, "kW"),
                text.number(action.min_vm_pu, 3, "p.u."),
                text.number(action.max_loading_percent, 0, "%"),
            ]
            for step, action in enumerate(found.actions[:MOST_STEPS], start=1)
        ]
    )
    more = 0 if found is None else len(found.actions) - len(rows)
    headers = ("step", "action", "switch", "losses then", "lowest voltage", "highest loading")
    return PlanPart(
        title=shown.title,
        saved=saved,
        checks=", ".join(f"{'✓' if kept else '✗'} {words}" for kept, words in shown.checks),
        table=ReportTable(headers=headers, rows=rows, words=3),
        more=f"{text.count(more, 'more step')}." if more else "",
        note=" ".join(filter(None, [shown.emergency, shown.note])),
    )
