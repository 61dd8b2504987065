"""The schedule of maintenance: a Gantt chart by week over the load of the crews, and its figures in money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import plotly.graph_objects as go
from dash import html
from dash.development.base_component import Component

from components.common import text
from components.common.theme import PALETTES, Palette, Scheme
from components.common.trends import empty_figure
from components.maintenance.risk_table import rounded
from components.optimisation.tables import table

MOST_BARS = 24
BAR_PX, CREW_PX, CREW_BARS_PX, MARGINS_PX = 18, 66, 44, 64
MOST_DEFERRED = 50
LONGEST_NAME = 26
MOST_NAMED_WEEKS = 14
PINNED_MARK = "■"
PATTERNS = ("", "/", "x", ".")


@dataclass(frozen=True)
class Job:
    """A job. week: from 0, None where it is deferred. pinned: settled by a person.

    cost_eur: of the work. deferral_eur: expected consequence within the horizon and after it if it is deferred. weeks:
    in which the grid can do without the asset. why: it is deferred, in words. when: in its week it is done. share: of
    draws of the rates in which it has a week, None where that isn't known.
    """

    code: str
    asset: str
    skill: str
    week: int | None
    hours: float
    cost_eur: float
    deferral_eur: float
    pinned: bool
    weeks: int
    why: str = ""
    when: str = ""
    share: float | None = None


@dataclass(frozen=True)
class Crew:
    """A crew's hours, one value a week."""

    skill: str
    load_hours: tuple[float, ...]
    capacity_hours: tuple[float, ...]


@dataclass(frozen=True)
class Way:
    """A way to schedule and what it costs in expectation, EUR."""

    name: str
    expected_cost_eur: float
    work_eur: float
    risk_eur: float
    residual_eur: float
    jobs: int
    feasible: bool


@dataclass(frozen=True)
class GanttPlan:
    """A schedule: start is its first week's Monday."""

    start: date
    weeks: int
    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    ways: tuple[Way, ...] = ()

    @property
    def placed(self) -> tuple[Job, ...]:
        """Jobs with a week, by week."""
        return tuple(sorted((job for job in self.jobs if job.week is not None), key=lambda job: (job.week, job.skill)))

    @property
    def deferred(self) -> tuple[Job, ...]:
        """Jobs without a week, the dearest first."""
        return tuple(sorted((job for job in self.jobs if job.week is None), key=lambda job: -job.deferral_eur))


def week_words(start: date, week: int | None) -> str:
    """'3: 26 Jan', counted from 1; empty for none."""
    if week is None:
        return ""
    day = start + timedelta(weeks=week)
    return f"{week + 1}: {day.day} {day:%b}"


def gantt_figure(plan: GanttPlan | None, scheme: Scheme) -> go.Figure:
    """One bar a job in its week, the riskiest MOST_BARS; under them each crew's hours against its capacity."""
    palette = PALETTES[scheme]
    jobs = () if plan is None else _drawn(plan)
    figure = empty_figure(scheme, not jobs, "No job is planned" if plan else "The first schedule is being made")
    if plan is None:
        return figure
    height = gantt_height(plan)
    crews_px, inside_px = CREW_PX * len(plan.crews), height - MARGINS_PX
    _jobs(figure, plan, jobs, palette, (crews_px / inside_px, 1.0))
    for row, crew in enumerate(plan.crews):
        bottom_px = crews_px - CREW_PX * (row + 1)
        _crew(figure, row, crew, palette, (bottom_px / inside_px, (bottom_px + CREW_BARS_PX) / inside_px))
    named = list(range(0, plan.weeks, -(-plan.weeks // MOST_NAMED_WEEKS)))
    figure.update_xaxes(
        range=[-0.5, plan.weeks - 0.5],
        tickvals=named,
        showgrid=True,
        automargin=True,
        anchor="free",
        position=0,
        ticktext=[week_words(plan.start, week).replace(" ", "<br>", 1) for week in named],
        title_text="Week",
    )
    figure.update_layout(
        height=height,
        barmode="overlay",
        hovermode="closest",
        showlegend=True,
        bargap=0.25,
        margin={"l": 8, "r": 44, "t": 30, "b": 34},
    )
    return figure


def gantt_height(plan: GanttPlan) -> int:
    """Height in pixels at which bars and crews are legible."""
    return MARGINS_PX + BAR_PX * max(4, len(_drawn(plan))) + CREW_PX * len(plan.crews) + 20


def _drawn(plan: GanttPlan) -> tuple[Job, ...]:
    dearest = sorted(plan.placed, key=lambda job: (not job.pinned, -job.deferral_eur))[:MOST_BARS]
    return tuple(sorted(dearest, key=lambda job: (job.week, job.skill)))


def _jobs(
    figure: go.Figure, plan: GanttPlan, jobs: Sequence[Job], palette: Palette, domain: tuple[float, float]
) -> None:
    row = {job.code: place for place, job in enumerate(jobs)}
    for place, crew in enumerate(plan.crews):
        mine = [job for job in jobs if job.skill == crew.skill]
        figure.add_bar(
            orientation="h",
            name=crew.skill.capitalize(),
            width=0.8,
            y=[row[job.code] for job in mine],
            base=[(job.week or 0) - 0.47 for job in mine],
            x=[0.94] * len(mine),
            customdata=[job.code for job in mine],
            text=[f"{PINNED_MARK} " * job.pinned + text.number(job.hours, 0, "h") for job in mine],
            textposition="outside",
            cliponaxis=False,
            hovertext=[_job_words(plan, job) for job in mine],
            hovertemplate="%{hovertext}<extra></extra>",
            marker=_look(place, palette),
            textfont={"size": 11, "color": palette.text},
        )
    figure.update_layout(
        yaxis={
            "domain": list(domain),
            "range": [max(len(jobs), 4) - 0.5, -0.5],
            "tickvals": list(range(len(jobs))),
            "ticktext": [shortened(job.asset) for job in jobs],
            "tickfont": {"size": 11},
            "showgrid": False,
        }
    )


def shortened(name: str) -> str:
    """A name that leaves room for the bars: its beginning and its end, which tell assets apart."""
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half].rstrip()}…{name[1 - half :].lstrip()}"


def _look(place: int, palette: Palette) -> dict[str, object]:
    """A crew's bars: a grey and a pattern of their own."""
    pattern = {"shape": PATTERNS[place % len(PATTERNS)], "fgcolor": palette.equipment, "size": 6, "solidity": 0.25}
    return {"color": palette.equipment_fill, "line": {"color": palette.equipment, "width": 1}, "pattern": pattern}


def _job_words(plan: GanttPlan, job: Job) -> str:
    pinned = "<br>pinned by hand" if job.pinned else ""
    week, hours = week_words(plan.start, job.week), text.number(job.hours, 0, "h")
    when = f", {job.when}" if job.when else ""
    drawn = "" if job.share is None else f"<br>planned in {text.percent(job.share, 0)} of the draws of the rates"
    return (
        f"<b>{job.asset}</b><br>week {week}, {hours} of {job.skill}{when}"
        f"<br>work {text.rough(job.cost_eur, 'EUR')}, deferral {text.rough(job.deferral_eur, 'EUR')}{drawn}{pinned}"
    )


def _crew(figure: go.Figure, row: int, crew: Crew, palette: Palette, domain: tuple[float, float]) -> None:
    """A row of its own: hours as bars, capacity as a line in steps, overload in its colour and with a mark."""
    axis = f"y{row + 2}"
    weeks = list(range(len(crew.load_hours)))
    over = [load > limit * (1 + 1e-6) for load, limit in zip(crew.load_hours, crew.capacity_hours, strict=True)]
    look = _look(row, palette)
    look["color"] = [palette.overload if missed else palette.equipment_fill for missed in over]
    figure.add_bar(
        x=weeks,
        y=[rounded(load) for load in crew.load_hours],
        yaxis=axis,
        width=0.94,
        showlegend=False,
        marker=look,
        text=["▲" if missed else "" for missed in over],
        name=f"{crew.skill}, load",
        hovertemplate="%{y:.4g} h of " + crew.skill + "<extra></extra>",
    )
    edges = [week + side for week in weeks for side in (-0.5, 0.5)]
    figure.add_scatter(
        x=edges,
        y=[rounded(limit) for limit in crew.capacity_hours for _ in range(2)],
        yaxis=axis,
        mode="lines",
        name="Capacity",
        showlegend=row == 0,
        line={"color": palette.text, "width": 1.5, "dash": "dash"},
        hovertemplate="%{y:.4g} h capacity<extra></extra>",
    )
    template = figure.layout.template.layout.yaxis.to_plotly_json()
    figure.add_annotation(
        text=f"Hours of {crew.skill}",
        xref="paper",
        x=0,
        xanchor="left",
        yref="paper",
        y=domain[1],
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": palette.muted},
    )
    most = max([*crew.load_hours, *crew.capacity_hours, 1.0])
    figure.update_layout(
        {f"yaxis{row + 2}": template | {"domain": list(domain), "nticks": 3, "range": [0, 1.15 * most]}}
    )


def deferred_table(plan: GanttPlan | None) -> Component:
    """The jobs that no week was found for, or that aren't worth it, with what they go on risking."""
    jobs = () if plan is None else plan.deferred
    if not jobs:
        return html.P("No job is deferred." if plan else "There is no schedule yet.", className="quiet-line")
    rows = [
        (
            job.asset + (f" {PINNED_MARK}" if job.pinned else ""),
            job.skill,
            text.rough(job.deferral_eur, "EUR"),
            text.rough(job.cost_eur, "EUR"),
            "held by a person" if job.pinned else job.why,
        )
        for job in jobs[:MOST_DEFERRED]
    ]
    total = text.rough(sum(job.deferral_eur for job in jobs), "EUR")
    left_out = len(jobs) - len(rows)
    parts: list[Component] = [
        table(("Asset", "Crew", "Risk", "Work", "Why"), rows, "Deferred jobs", "plan-table words-last")
    ]
    if left_out:
        parts.append(html.P(f"and {left_out:,} more of less risk", className="quiet-line"))
    return html.Div([html.P(f"{text.count(len(jobs), 'job')}, {total} at risk", className="quiet-line"), *parts])


def ways_table(plan: GanttPlan | None) -> Component:
    """The schedule beside other ways to plan, all under one judge."""
    if plan is None or not plan.ways:
        return html.P("Nothing to compare with yet.", className="quiet-line")
    columns = ("Schedule", "Jobs", "Work", "Risk", "After the horizon", "Expected cost")
    rows = [
        (
            way.name if way.feasible else f"{way.name} ▲ breaks rules",
            f"{way.jobs:,}",
            *(text.rough(value, "EUR") for value in (way.work_eur, way.risk_eur, way.residual_eur)),
            text.rough(way.expected_cost_eur, "EUR"),
        )
        for way in plan.ways
    ]
    return table(columns, rows, "Ways to schedule, expected cost")
