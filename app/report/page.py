"""A daily report as one self-contained HTML page: its parts, put into the template with the dashboard's colours."""

from dataclasses import dataclass, fields

from app.maintenance.view import status_of as maintenance_status
from app.map.view_quality import because_words
from app.report import parts_day, parts_now
from app.report.content import DAY_HOURS, DayReport
from components.analytics.words import forecast_hindrance_words, forecasting_words
from components.common import text
from components.common.theme import DARK, FONT, LIGHT, Palette
from components.maintenance.words import maintenance_problem_words
from components.optimisation.words import planning_words
from ml.reporting.pages import Look, ReportTable, render

GREEN = {LIGHT: "#117733", DARK: "#44aa99"}  # P. Tol's muted scheme, as on the map


@dataclass(frozen=True, kw_only=True)
class StatePart:
    """Grid, day and the state of the data. running: how far the day is, empty where it is over."""

    day: str
    running: str
    grid: str
    table: ReportTable


def page(report: DayReport) -> str:
    """The whole page. Names that UTF-8 can't hold, as lone surrogates, must be replaced by who encodes it."""
    content = {
        "title": f"{report.snapshot.case.network.title}: daily report of {report.day.isoformat()}",
        "state": state(report),
        "summary": parts_day.summary(report),
        "energy": parts_day.energy(report),
        "losses": parts_day.losses(report),
        "forecasts": parts_day.forecasts(report),
        "now": text.moment(report.snapshot.simulated_at),
        "ahead": parts_now.ahead(report),
        "mix": parts_now.mix(report),
        "alarms": parts_now.alarms(report),
        "no_alarms": parts_now.no_alarms(report),
        "reliability": parts_now.reliability(report),
        "assets": parts_now.assets(report),
        "plan": parts_now.plan(report),
    }
    return render("daily.html", content, Look(light=_colours(LIGHT), dark=_colours(DARK), font=FONT), "app.report")


def _colours(palette: Palette) -> dict[str, str]:
    named = {field.name.replace("_", "-"): getattr(palette, field.name) for field in fields(palette)}
    return named | {"green": GREEN[palette]}


def state(report: DayReport) -> StatePart:
    """Of which grid and day the report tells, and how far its data can be relied on."""
    snapshot, network = report.snapshot, report.snapshot.case.network
    data = f"stale, the last solved state is shown: {because_words(snapshot)}" if snapshot.solved.stale else "fresh"
    forecasts, wrong = report.forecasts, maintenance_problem_words(report.maintained.report.problems)
    time = "simulated time" if snapshot.control.offers.clock else "time of the measurements"
    rows = [
        ["Grid", f"{network.title} ({network.name}), {network.n_bus:,} buses, {network.n_branch:,} branches"],
        ["Latest cycle", f"{text.moment(snapshot.simulated_at)}, {time}; the data are {data}"],
        ["Source", snapshot.measured.source],
        ["Forecasts", _joined(forecasting_words(forecasts.status), forecast_hindrance_words(forecasts.hindrance))],
        ["Failure models", _joined(maintenance_status(report.maintained).words, wrong)],
        ["Optimiser", planning_words(report.planner.network, report.planner.status)],
    ]
    return StatePart(
        day=f"{report.day:%A} {report.day.day} {report.day:%B %Y}",
        running="" if report.over == DAY_HOURS else f"{text.count(report.over, 'hour')} so far",
        grid=network.title,
        table=ReportTable(headers=("part", "state"), rows=rows, words=2),
    )


def _joined(status: str, problem: str) -> str:
    return "; ".join(filter(None, [status, problem]))
