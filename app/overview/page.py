"""The overview: totals, the map of the grid with its alarms, and the trend of the losses."""

from collections.abc import Sequence
from typing import Any

import dash
import dash_cytoscape as cyto
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.alarms import page as alarms
from app.analytics.view import HOURS_SMALL, looked, next_day_of, worst_of
from app.contingencies.view import table_of
from app.map import controls as mapcontrols
from app.map.context import PageServices
from app.map.page import Page
from app.operations import page as operations
from app.optimisation.tick import overview_words
from app.overview import page_drawer as drawer
from app.overview.tick import cards, loss_of, overview_tick
from app.web.browser_view import Layer, View
from app.web.callbacks import Look
from app.web.ids import Id, Many, kpi_id
from components.analytics.forecast_figures import next_day_figure
from components.common.cards import graph
from components.common.kpi import TITLES, Kpi, kpi_card
from components.common.theme import Scheme
from components.common.trends import CONFIG, loss_figure
from components.contingencies.table import outage_headline, outage_list
from components.map.legend import legend, plan_legend
from components.map.style import stylesheet

SCRIPT, MAP_SCRIPT = "smartgrid", "smartgridMaps"


def layout(services: PageServices) -> Component:
    """The page with the map's elements as they are now; ticks change the values."""
    return html.Div(
        [
            html.Div(_cards(services), id=Id.KPI_ROW, className="kpi-row kpi-grid"),
            _proposal(services),
            _outages(services),
            html.Div(
                [_map(services), html.Div([alarms.panel(services), _next_day(), _losses()], className="side")],
                className="columns",
            ),
            drawer.layout(),
        ],
        className="overview",
    )


def _cards(services: PageServices) -> list[Component]:
    shown: Sequence[Kpi | None] = (None,) * len(TITLES)
    if services.boards.ready:
        board = services.boards.latest
        shown = cards(board.snapshot, board.history)
    parts = (Many.KPI_VALUE, Many.KPI_DETAIL, Many.KPI_CHANGE, Many.KPI_CARD)
    return [
        kpi_card(title, kpi, *(kpi_id(part, position) for part in parts))
        for position, (title, kpi) in enumerate(zip(TITLES, shown, strict=True))
    ]


def _proposal(services: PageServices) -> Component:
    """The optimiser's answer in a line, with the way to its page."""
    words = (
        overview_words(services.planner.latest, services.boards.latest.snapshot)
        if services.boards.ready
        else ["", "", ""]
    )
    return dmc.Paper(
        [
            html.H2(words[0], id=Id.PLAN_TONE),
            html.Strong(words[1], id=Id.PLAN_SENTENCE),
            html.Span(words[2], id=Id.PLAN_SAVING, className="quiet"),
            dcc.Link("Show the plan", href="/optimisation", className="plan-link"),
        ],
        className="card plan-line",
    )


def _outages(services: PageServices) -> Component:
    """The N-1 list, which opens on a click: its rows choose their branch on the map."""
    head: list[Component] = []
    rows: list[Component] = []
    if services.boards.ready:
        board = services.boards.latest
        found = table_of(services.outage_worker.report_on(board), board, services.views.of(board.network))
        head, rows = outage_headline(found), outage_list(found)
    line = html.Summary([html.H2("N-1"), html.Span(head, id=Id.OUTAGES_HEAD, className="outages-head")])
    label = {"aria-label": "Single outages"}
    scrolled = html.Div(rows, id=Id.OUTAGES_LIST, className="outages-list", tabIndex=0, role="region", **label)
    return dmc.Paper([html.Details([line, scrolled]), dcc.Store(id=Id.OUTAGES_SEEN)], className="card outages")


def _map(services: PageServices) -> Component:
    snapshot = services.boards.latest.snapshot if services.boards.ready else None
    shown = None if snapshot is None else services.views.of(snapshot.case.network)
    key = None if shown is None else shown.scope_key(None)
    scope = None if shown is None else shown.scope(None)
    graph = cyto.Cytoscape(
        id=Id.TOPOLOGY,
        elements=[] if scope is None else scope.elements,
        layout={"name": "preset", "fit": False},
        stylesheet=stylesheet(Scheme.LIGHT),
        responsive=False,
        autoungrabify=True,
        boxSelectionEnabled=False,
        minZoom=0.05,
        maxZoom=6,
        style={"width": "100%", "height": "100%"},
    )
    notes = [] if snapshot is None else mapcontrols.size_notes(snapshot.case.network)
    first_legend = legend(Layer.LOADING, scope is not None and scope.areas is not None)
    label = "Map of the grid. Every bus and branch on it can also be reached with the search field above."
    return dmc.Paper(
        [
            mapcontrols.toolbar("Grid" if scope is None else scope.title),
            html.Div(graph, id=Id.MAP_FRAME, className="map", role="group", **{"aria-label": label}),
            html.Div(
                [html.Div([first_legend, *notes], id=Id.LEGEND), html.Div(id=Id.PATHS_LEGEND), plan_legend(True)],
                className="legends",
            ),
            mapcontrols.supply_controls(services, snapshot),
            dcc.Store(id=Id.TOPOLOGY_STYLES, data={scheme.value: stylesheet(scheme) for scheme in Scheme}),
            dcc.Store(id=Id.SCOPE_WANTED, data=key),
            dcc.Store(id=Id.SCOPE_SHOWN, data=key),
        ],
        className="card map-card",
    )


def _losses() -> Component:
    return dmc.Paper(
        [html.H2("Losses"), html.Div(id=Id.LOSS_HOLDER, className="loss-holder")], className="card loss-card"
    )


def _next_day() -> Component:
    """What is forecast, with the way to the page about it."""
    told = html.P(
        [html.Span(id=Id.NEXT_DAY_WORDS), dcc.Link("Analytics", href="/analytics", className="card-link")],
        className="next-day-words",
    )
    return dmc.Paper(
        [
            html.H2(f"Next {HOURS_SMALL} h"),
            graph(Id.NEXT_DAY_GRAPH, "next-day-graph"),
            told,
            dcc.Store(id=Id.AHEAD_SEEN),
        ],
        className="card ahead-card",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """What a tick changes on the page, and what is sent once for each network."""
    _register_fan_out(app)
    _register_outages(app)
    _register_drawing(app)
    _register_map(app, services)
    mapcontrols.register(app, services)
    _register_next_day(app, services)

    @app.callback(Output(Id.LOSS_HOLDER, "children"), Input(Id.NETWORK, "data"), Input(Id.SCHEME, "data"))
    def draw_losses(_network: str | None, scheme: Look | None) -> object:
        if scheme is None or not services.boards.ready:
            return no_update
        history = services.boards.latest.history
        figure = loss_figure(loss_of(history), scheme)
        return dcc.Graph(id=Id.LOSS_GRAPH, config=CONFIG, figure=figure, className="loss-graph")


def _register_next_day(app: dash.Dash, services: PageServices) -> None:
    app.clientside_callback(
        ClientsideFunction("smartgridAnalytics", "nextDay"),
        Output(Id.AHEAD_SEEN, "data"),
        Input(Id.NEWS, "data"),
        State(Id.AHEAD_SEEN, "data"),
    )

    @app.callback(
        Output(Id.NEXT_DAY_GRAPH, "figure"),
        Output(Id.NEXT_DAY_WORDS, "children"),
        Input(Id.AHEAD_SEEN, "data"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw_next_day(key: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = looked(services)
        if key is None or scheme is None or now is None:
            return no_update, no_update
        return next_day_figure(next_day_of(now), scheme), worst_of(now) or "Not looked ahead yet"


def _register_fan_out(app: dash.Dash) -> None:
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "fanOut"),
        Output({"type": Many.KPI_VALUE, "card": ALL}, "children"),
        Output({"type": Many.KPI_DETAIL, "card": ALL}, "children"),
        Output({"type": Many.KPI_CHANGE, "card": ALL}, "children"),
        Output({"type": Many.KPI_CARD, "card": ALL}, "className"),
        Output(Id.ALARM_LIST, "children"),
        Output(Id.RISK_WEIGHT_NOW, "children"),
        Output(Id.ALARMS_SEEN, "data"),
        Output(Id.KPI_ROW, "data-version"),
        Output(Id.PLAN_TONE, "children"),
        Output(Id.PLAN_SENTENCE, "children"),
        Output(Id.PLAN_SAVING, "children"),
        Input(Id.TICK, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "extendLosses"),
        Output(Id.LOSS_GRAPH, "extendData"),
        Input(Id.TICK, "data"),
        State(Id.LOSS_GRAPH, "figure"),
        prevent_initial_call=True,
    )


def _register_outages(app: dash.Dash) -> None:
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "outages"),
        Output(Id.OUTAGES_HEAD, "children"),
        Output(Id.OUTAGES_LIST, "children"),
        Output(Id.OUTAGES_SEEN, "data"),
        Input(Id.NEWS, "data"),
        prevent_initial_call=True,
    )


def _register_drawing(app: dash.Dash) -> None:
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "wantedScope"),
        Output(Id.SCOPE_WANTED, "data"),
        Output(Id.SCOPE_SHOWN, "data", allow_duplicate=True),
        Output(Id.TOPOLOGY, "elements", allow_duplicate=True),
        Input(Id.NEWS, "data"),
        State(Id.SCOPE_WANTED, "data"),
        prevent_initial_call="initial_duplicate",
    )
    app.clientside_callback(
        ClientsideFunction(MAP_SCRIPT, "drawMap"),
        Output(Id.MAP_FRAME, "data-version"),
        Input(Id.TICK, "data"),
        Input(Id.SCOPE_SHOWN, "data"),
        Input(Id.ANIMATE, "checked"),
        Input(Id.VIEW, "data"),
        State(Id.TOPOLOGY, "id"),
    )
    app.clientside_callback(
        ClientsideFunction(MAP_SCRIPT, "chooseStyle"),
        Output(Id.TOPOLOGY, "stylesheet"),
        Input(Id.SCHEME, "data"),
        Input(Id.TOPOLOGY_STYLES, "data"),
        State(Id.TOPOLOGY, "id"),
    )


def _register_map(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.TOPOLOGY, "elements"),
        Output(Id.SCOPE_SHOWN, "data"),
        Output(Id.TOPOLOGY_TITLE, "children"),
        Output(Id.BACK, "display"),
        Input(Id.SCOPE_WANTED, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def send_elements(wanted: str | None, view_data: object) -> tuple[Any, ...]:
        if wanted is None or not services.boards.ready:
            return (no_update,) * 4
        network = services.boards.latest.network
        shown = services.views.of(network)
        view = View.parse(view_data, network, shown.key)
        scope = shown.scope(view.area)
        inside = shown.areas is not None and scope.areas is None
        return scope.elements, shown.scope_key(view.area), scope.title, "inline-flex" if inside else "none"


OVERVIEW = Page(
    name="overview",
    path="/",
    title="Overview",
    layout=layout,
    registers=(register, alarms.register, drawer.register, operations.register),
    tick=overview_tick,
    seen={"alarms": Id.ALARMS_SEEN, "ahead": Id.AHEAD_SEEN, "outages": Id.OUTAGES_SEEN},
    has_map=True,
)
