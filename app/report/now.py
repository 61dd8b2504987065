"""The parts of a daily report that tell how the grid stands now, and what is to be expected of the next hours."""

import numpy as np
from markupsafe import Markup

from app.forecasting.payloads import most_threatened
from app.forecasting.report import Ahead
from app.maintenance.view import fleet_of, plan_of, rows_of, status_of
from app.optimisation.view import headline_of
from app.report.charts import Band, Course, HourChart, bar, svg, unit_of
from app.report.day import DayReport
from app.report.parts import NARROW, bullets, figures, paragraph, section, table
from components.common import text
from components.maintenance.gantt import week_words
from components.optimisation.plan import saving_words
from grid.network import Energy, Network

MOST_ALERTS, MOST_THREATENED, MOST_ALARMS, TOP_ASSETS, MOST_JOBS, MOST_STEPS = 15, 10, 25, 10, 10, 24


def ahead(report: DayReport) -> Markup:
    """What the forecasts mean for the next hours."""
    found = report.lookout.ahead
    if found is None:
        return section("The next hours", paragraph("Nothing has been looked ahead yet.", "quiet"))
    hours, look = len(found.load_mw), found.look
    unsolved = float(look.unsolved_share.max())
    sentences = [alert.text for alert in found.outlook.alerts]
    words = f"Worst hour: {found.worst_words}."
    note = (
        f"{text.count(hours, 'hour')} from {text.moment(found.start)}, by {look.samples:,} courses of the forecasts, "
        "each solved by AC power flow, if nothing is switched."
    )
    failed = f"{text.percent(unsolved)} of the courses have no solution in the worst hour." if unsolved else ""
    network, quiet = report.lookout.network, "" if sentences else "No alert: nothing is likely to exceed a limit."
    derived = "Ratings that the case doesn't give are derived." if network.branch.rating_derived.any() else ""
    return section(
        "The next hours",
        paragraph(note, "quiet"),
        paragraph(words),
        paragraph(failed, "warning"),
        bullets(sentences, MOST_ALERTS),
        paragraph(quiet),
        figures([_losses(found), _powers(found)]),
        _threatened(network, found),
        paragraph(derived, "quiet"),
        paragraph(_curtailed(found)),
    )


def _losses(found: Ahead) -> Markup:
    look = found.look
    unit, factor = unit_of(1000 * look.loss_high_mw)
    low, mean, high = (1000 * factor * losses for losses in (look.loss_low_mw, look.loss_mw, look.loss_high_mw))
    band = Band(f"80{NARROW}% of courses", low, high, "accent")
    return svg(HourChart("Losses expected", unit, found.start, [Course("mean", mean, "accent")], band))


def _powers(found: Ahead) -> Markup:
    """Load, and renewables where there are any."""
    courses = [Course("load", found.load_mw, "text")]
    if found.energies:
        courses.append(Course("renewables", found.renewable_mw.sum(axis=0), "green"))
    title = "Load and renewables expected" if found.energies else "Load expected"
    return svg(HourChart(title, "MW, median", found.start, courses))


def _curtailed(found: Ahead) -> str:
    if not found.energies:
        return ""
    energy = float(np.nansum(found.curtailed_mw))
    if energy <= 0:
        return "No renewable power has to be cut."
    return f"{text.small(energy, 'MWh')} of renewable power are expected to be cut: an estimate by the median course."


def _threatened(network: Network, found: Ahead) -> Markup:
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
        [bus.name[place], text.number(found.outlook.bus_percent[place], 0, "%"), text.number(low[place], 3, "p.u."),
         text.number(top[place], 3, "p.u.")]
        for place in most_threatened(found.outlook.bus_percent, beyond, MOST_THREATENED).tolist()
    ]  # fmt: skip
    return Markup("").join([
        table(("branch", "chance of overload", "loading, 95 % below"), loaded, caption="Most threatened branches"),
        table(("bus", "chance outside limits", "voltage, 95 % above", "95 % below"), strained,
              caption="Most threatened buses"),
    ])  # fmt: skip


def mix(report: DayReport) -> Markup:
    """Who generates now."""
    found = report.lookout.mix
    if found is None or not found.total > 0:
        return section("Generation now", paragraph("Nothing is known to be generated.", "quiet"))
    rows = [
        [energy.value.capitalize(), text.small(power, "MW"), text.number(percent, 1, "%"), bar(percent / 100)]
        for energy, power, percent in zip(Energy, found.energy, found.energy_percent, strict=True)
        if power > 0
    ]
    share = found.renewable_percent
    words = (
        f"{text.number(share, 1, '%')} of the generation is renewable." if np.isfinite(share)
        else "The renewable share isn't known: the case doesn't say what all its generators are."
    )  # fmt: skip
    return section("Generation now", paragraph(words), table(("energy", "power", "share", ""), rows))


def alarms(report: DayReport) -> Markup:
    """Alarms that are not normal, in the order of the alarm list."""
    active = report.snapshot.alarms
    if not active:
        return section("Alarms", paragraph("No alarm is active."))
    rows = [
        [item.priority.value, item.asset_name, item.message, item.state.value.replace("_", " "),
         text.moment(item.raised_at)]
        for item in active[:MOST_ALARMS]
    ]  # fmt: skip
    more = f"{len(active) - MOST_ALARMS:,} more are active." if len(active) > MOST_ALARMS else ""
    shown = table(("priority", "asset", "alarm", "state", "raised"), rows, words=5)
    return section("Alarms", paragraph(f"{text.count(len(active), 'alarm')} active."), shown, paragraph(more, "quiet"))


def assets(report: DayReport) -> Markup:
    """The riskiest assets and the next jobs."""
    now = report.maintained
    fleet, plan = fleet_of(now), plan_of(now)
    if fleet is None:
        return section("Assets and maintenance", paragraph(f"{status_of(now).words}.", "quiet"))
    rows = sorted(rows_of(now), key=lambda row: -np.nan_to_num(row.risk_eur_per_year))[:TOP_ASSETS]
    risky = [
        [row.asset, row.kind, row.week or "none planned", text.percent(row.probability_365_days, 2),
         text.rough(row.consequence_eur, "EUR"), text.rough(row.risk_eur_per_year, "EUR"), row.source.value]
        for row in rows
    ]  # fmt: skip
    headers = ("asset", "type", "job", "failure within a year", "cost of a failure", "risk a year", "by")
    words = (
        f"{text.count(fleet.assets, 'asset')}; {text.small(fleet.failures_per_year)} failures a year expected, "
        f"{text.rough(fleet.risk_eur_per_year, 'EUR')} a year at risk. {status_of(now).words}."
    )
    return section(
        "Assets and maintenance", paragraph(words), table(headers, risky, words=3, caption="Riskiest assets"),
        Markup() if plan is None else table(
            ("job", "crew", "week from", "work", "cost", "deferring costs"),
            [[job.asset, job.skill, week_words(plan.start, job.week), text.number(job.hours, 0, "h"),
              text.rough(job.cost_eur, "EUR"), text.rough(job.deferral_eur, "EUR")] for job in plan.placed[:MOST_JOBS]],
            words=3, caption="Next jobs",
        ),
    )  # fmt: skip


def plan(report: DayReport) -> Markup:
    """What the optimiser proposes, and what it saves."""
    shown = headline_of(report.planner, report.snapshot)
    proposal, network = report.planner.proposal, report.snapshot.network
    found = None if proposal is None else proposal.plan
    saved = [] if shown.saving is None else [
        f"{saving_words(shown.saving)}, {text.rough(shown.saving.money_per_year, 'EUR')} a year: an estimate."
    ]  # fmt: skip
    checks = [f"{'✓' if kept else '✗'} {words}" for kept, words in shown.checks]
    rows = [] if found is None else [
        [str(step), "close" if action.close else "open", network.branch.name[action.branch],
         text.small(action.loss_kw, "kW"), text.number(action.min_vm_pu, 3, "p.u."),
         text.number(action.max_loading_percent, 0, "%")]
        for step, action in enumerate(found.actions[:MOST_STEPS], start=1)
    ]  # fmt: skip
    more = 0 if found is None else len(found.actions) - len(rows)
    headers = ("step", "action", "switch", "losses then", "lowest voltage", "highest loading")
    return section(
        "The optimiser's plan", paragraph(shown.title), *map(paragraph, saved), paragraph(", ".join(checks), "quiet"),
        table(headers, rows, words=3), paragraph(f"{text.count(more, 'more step')}." if more else "", "quiet"),
        paragraph(shown.note, "quiet"),
    )  # fmt: skip
