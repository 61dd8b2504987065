"""The schedule: Gantt chart, crews, what is deferred; a table in which weeks are set and held, and the files."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app.maintenance.view import Maintained, code_of, maintained, plan_of, schedule_state, standing_note
from app.map.context import PageServices
from app.web.callbacks import Clicks, Look
from app.web.ids import Id
from components.common.ceiling import beyond_notes
from components.common.theme import Scheme
from components.common.trends import CONFIG, empty_figure
from components.maintenance.assumptions import assumptions
from components.maintenance.gantt import deferred_table, gantt_figure, ways_table
from components.maintenance.schedule_grid import schedule_columns, schedule_data, schedule_grid, week_choices, week_of
from grid.capabilities import ALL_JOBS, OUTAGE_WINDOWS
from ml.maintenance.schedule.economics import ScheduleView
from ml.maintenance.schedule.problem import DEFERRED

SCRIPT = "smartgridMaintenance"
FILES = {"csv": "Export CSV", "ics": "Export calendar"}
EDIT_HINT = "A week that you choose pins its job there; solving again arranges the others around what is pinned."
NO_SCHEDULE = "Not solved: there is no schedule of this grid yet."


def layout(services: PageServices, now: Maintained | None) -> Component:
    """The schedule as it is now; the chart comes with the look, and the table's rows with what is set by hand in it."""
    plan = None if now is None else plan_of(now)
    choices = [] if plan is None else week_choices(plan.start, plan.weeks)
    editor = dmc.Paper(
        [
            html.Div([html.H2("Set weeks"), _buttons()], className="card-head"),
            html.Div(id=Id.SCHEDULE_RESULT, role="status", className="result"),
            schedule_grid(choices, Id.SCHEDULE_GRID),
            html.P(EDIT_HINT, className="quiet-line"),
            dcc.Store(id=Id.SCHEDULE_ROWS, data=None if now is None else _served(services, now)),
            dcc.Store(id=Id.SCHEDULE_EDITS),
        ],
        className="card table-card",
    )
    told = (("Compared with other ways to plan", Id.SCHEDULE_WAYS), ("Deferred", Id.SCHEDULE_DEFERRED))
    left = [_chart(services), *(_card(title, name) for title, name in told)]
    columns = [html.Div(cards, className="risk-stack") for cards in (left, [editor])]
    return html.Div(columns, className="schedule-columns")


def _chart(services: PageServices) -> Component:
    chart = dcc.Graph(id=Id.GANTT_GRAPH, figure=empty_figure(Scheme.LIGHT, True, ""), config=CONFIG)
    links = [
        html.A(title, href=f"/api/maintenance/schedule?format={kind}", download="", className="file-link")
        for kind, title in FILES.items()
    ]
    return dmc.Paper(
        [
            html.Div([html.H2("Schedule"), html.Div(links, className="card-tools")], className="card-head"),
            html.Div(id=Id.SCHEDULE_SUMMARY, role="status", className="schedule-summary"),
            html.Div(chart, className="gantt-scroll", tabIndex=0, role="region", **{"aria-label": "Gantt chart"}),
            assumptions(services.maintainer.terms),
        ],
        className="card",
    )


def _buttons() -> Component:
    return html.Div(
        [
            dmc.Button("Solve again", id=Id.SCHEDULE_SOLVE, size="compact-xs"),
            dmc.Button("Remove all pins", id=Id.SCHEDULE_FREE, size="compact-xs", variant="default"),
        ],
        className="card-tools",
    )


def _card(title: str, name: Id) -> Component:
    part = html.Div(id=name, className="plan-scroll", tabIndex=0, role="region", **{"aria-label": title})
    return dmc.Paper([html.H2(title), part], className="card")


def _served(services: PageServices, now: Maintained) -> dict[str, Any]:
    """The table's rows, and the network that they are of: what was set by hand on another one isn't for them."""
    plan, network = plan_of(now), now.snapshot.case.network
    rows = [] if plan is None else schedule_data(plan.jobs, plan.start)
    return {"network": services.views.of(network).key, "rows": rows}


def register(app: dash.Dash, services: PageServices) -> None:
    """The schedule whenever its key changes, edits in the table, and solving again."""
    _register_parts(app, services)
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "edited"),
        Output(Id.SCHEDULE_GRID, "rowTransaction"),
        Output(Id.SCHEDULE_EDITS, "data"),
        Input(Id.SCHEDULE_GRID, "cellValueChanged"),
        State(Id.SCHEDULE_ROWS, "data"),
        State(Id.SCHEDULE_EDITS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "planned"),
        Output(Id.SCHEDULE_GRID, "rowData"),
        Input(Id.SCHEDULE_ROWS, "data"),
        State(Id.SCHEDULE_EDITS, "data"),
        State(Id.SCHEDULE_GRID, "columnDefs"),
    )

    @app.callback(
        Output(Id.SCHEDULE_RESULT, "children"),
        Output(Id.SCHEDULE_EDITS, "data", allow_duplicate=True),
        Output(Id.SCHEDULE_ROWS, "data", allow_duplicate=True),
        Input(Id.SCHEDULE_SOLVE, "n_clicks"),
        Input(Id.SCHEDULE_FREE, "n_clicks"),
        State(Id.SCHEDULE_GRID, "rowData"),
        prevent_initial_call=True,
    )
    def solve(_solve: Clicks, _free: Clicks, rows: object) -> tuple[Any, ...]:
        now = maintained(services)
        if now is None or now.report.schedule is None:
            return NO_SCHEDULE, no_update, no_update
        free = ctx.triggered_id == Id.SCHEDULE_FREE
        try:
            services.maintainer.reschedule(now.report, {} if free else pins_of_rows(rows, now.report.schedule))
        except ValueError as error:
            return f"Not solved: {error}", no_update, no_update
        return "", {"sent": True}, _served(services, now) if free else no_update


def pins_of_rows(rows: object, made: ScheduleView) -> dict[int, int]:
    """Pins by branch, weeks from 0, of the pinned rows of the table. ValueError says what is wrong."""
    if not isinstance(rows, Sequence):
        raise ValueError("the table sent no rows")
    branches = {code_of(branch): branch for branch in made.branches.tolist()}
    pins = {}
    for row in rows:
        if isinstance(row, Mapping) and row.get("pinned") is True:
            code = row.get("code")
            if code not in branches:
                raise ValueError(f"{code}: it has no job in this schedule")
            week = week_of(row.get("week"), made.problem.n_week)
            pins[branches[code]] = DEFERRED if week is None else week
    return pins


def _register_parts(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.SCHEDULE_SUMMARY, "children"),
        Output(Id.SCHEDULE_ROWS, "data"),
        Output(Id.SCHEDULE_GRID, "columnDefs"),
        Output(Id.SCHEDULE_WAYS, "children"),
        Output(Id.SCHEDULE_DEFERRED, "children"),
        Input(Id.PLANNED_SEEN, "data"),
        State(Id.SCHEDULE_GRID, "columnDefs"),
        prevent_initial_call=True,
    )
    def show_schedule(_key: str | None, before: object) -> tuple[Any, ...]:
        now = maintained(services)
        if now is None:
            return (no_update,) * 5
        words, note = schedule_state(now)
        notes = beyond_notes((OUTAGE_WINDOWS, now.snapshot.case.network.n_bus), (ALL_JOBS, len(now.branches)))
        summary = [html.Strong(words), html.Span(note, className="result") if note else None, *notes]
        stands = standing_note(now)
        summary += [html.P(stands, className="quiet-line")] if stands else []
        plan = plan_of(now)
        if plan is None:
            return summary, _served(services, now), no_update, ways_table(None), deferred_table(None)
        if now.report.scheduling:
            return summary, *(no_update,) * 4
        columns = schedule_columns(week_choices(plan.start, plan.weeks))
        tables = ways_table(plan), deferred_table(plan)
        return summary, _served(services, now), no_update if columns == before else columns, *tables

    @app.callback(
        Output(Id.GANTT_GRAPH, "figure"),
        Output(Id.GANTT_GRAPH, "style"),
        Input(Id.PLANNED_SEEN, "data"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw_schedule(key: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = maintained(services)
        if key is None or scheme is None or now is None:
            return no_update, no_update
        plan = plan_of(now)
        if now.report.scheduling and plan is not None:
            return no_update, no_update
        figure = gantt_figure(plan, scheme)
        return figure, {"height": f"{figure.layout.height or 300}px"}
