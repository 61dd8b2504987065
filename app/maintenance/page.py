"""The maintenance page: the fleet in figures, all assets by risk, the one that is chosen, the schedule, the models."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.maintenance import page_asset as maintasset
from app.maintenance import page_schedule as maintschedule
from app.maintenance.tick import fleet_tick
from app.maintenance.view import (
    Maintained,
    card_of,
    degradation_of,
    fleet_of,
    maintained,
    rows_of,
    status_of,
    tables_as_of,
)
from app.map.context import PageServices
from app.map.page import Page
from app.web.callbacks import Look
from app.web.ids import Id
from components.common.cards import graph, scrolled
from components.maintenance.fleet import status_line, tile_cards, tiles
from components.maintenance.model_card import model_card, reliability_figure
from components.maintenance.risk_figures import curves_figure, matrix_figure, ring_of
from components.maintenance.risk_table import risk_table, row_data

SCRIPT = "smartgridMaintenance"
NO_TREND = "The fleet has not been watched long enough yet"
FILTER_HINT = "Choose a row for its asset. Filters stand below the titles; a click on a title sorts."


def layout(services: PageServices) -> Component:
    """The page as it is now; what is new comes part by part."""
    now = maintained(services)
    rows = [] if now is None else rows_of(now)
    return html.Div(
        [
            dmc.Paper(
                [] if now is None else status_line(status_of(now)),
                id=Id.MAINTENANCE_STATUS,
                className="card maintenance-status",
            ),
            html.Div(tile_cards(tiles(None if now is None else fleet_of(now))), id=Id.FLEET, className="kpi-row"),
            html.Div(
                [
                    html.Div([_table(rows), _matrix(), _degradation()], className="risk-stack"),
                    maintasset.layout(),
                ],
                className="risk-columns",
            ),
            maintschedule.layout(services, now),
            _models(),
            *_stores(),
        ],
        className="maintenance-page",
    )


def _stores() -> list[Component]:
    """Keys of the parts that are shown; a part without a key is fetched with the first tick."""
    names = (Id.MAINTENANCE_SEEN, Id.RISK_SEEN, Id.CONDITION_SEEN, Id.PLANNED_SEEN, Id.CARD_SEEN)
    return [dcc.Store(id=name) for name in names]


def _table(rows: list[Any]) -> Component:
    tools = html.Div(
        [
            dmc.Button("Clear filters", id=Id.RISK_RESET, size="compact-xs", variant="default"),
            dmc.Button("Export CSV", id=Id.RISK_EXPORT, size="compact-xs", variant="default"),
        ],
        className="card-tools",
    )
    return dmc.Paper(
        [
            html.Div(
                [html.H2("Assets by risk"), html.Span(id=Id.RISK_AS_OF, className="quiet-line"), tools],
                className="card-head",
            ),
            risk_table(rows, Id.RISK_GRID),
            html.P(FILTER_HINT, className="quiet-line"),
        ],
        className="card table-card",
    )


def _matrix() -> Component:
    return dmc.Paper(
        [html.H2("Risk matrix"), graph(Id.MATRIX_GRAPH, "matrix-graph"), dcc.Store(id=Id.MATRIX_RING)],
        className="card matrix-card",
    )


def _degradation() -> Component:
    return dmc.Paper(
        [html.H2("Efficiency and risk over time"), graph(Id.DEGRADATION_GRAPH, "maintenance-graph")], className="card"
    )


def _models() -> Component:
    return html.Div(
        [
            dmc.Paper([html.H2("Models"), scrolled(Id.MODEL_CARD, "Model card")], className="card"),
            dmc.Paper(
                [html.H2("Reliability: observed against predicted"), graph(Id.RELIABILITY_GRAPH, "maintenance-graph")],
                className="card",
            ),
        ],
        className="card-columns",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """What is new in a tick, and the parts by their keys."""
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "news"),
        Output(Id.RISK_SEEN, "data"),
        Output(Id.CONDITION_SEEN, "data"),
        Output(Id.PLANNED_SEEN, "data"),
        Output(Id.CARD_SEEN, "data"),
        Output(Id.MAINTENANCE_SEEN, "data"),
        Output(Id.MAINTENANCE_STATUS, "children"),
        Input(Id.TICK, "data"),
        State(Id.RISK_SEEN, "data"),
        State(Id.CONDITION_SEEN, "data"),
        State(Id.PLANNED_SEEN, "data"),
        State(Id.CARD_SEEN, "data"),
    )
    _register_choice(app)
    _register_risk(app, services)

    @app.callback(
        Output(Id.MODEL_CARD, "children"),
        Output(Id.RELIABILITY_GRAPH, "figure"),
        Input(Id.CARD_SEEN, "data"),
        Input(Id.SCHEME, "data"),
    )
    def show_card(key: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = maintained(services)
        if key is None or scheme is None or now is None:
            return no_update, no_update
        facts = card_of(now)
        return model_card(facts), reliability_figure({} if facts is None else facts.reliability, scheme)


def _register_choice(app: dash.Dash) -> None:
    """The view is every page's, so that what is this page's alone is optional here."""
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "choose"),
        Output(Id.VIEW, "data", allow_duplicate=True),
        Input(Id.RISK_GRID, "selectedRows", allow_optional=True),
        Input(Id.MATRIX_GRAPH, "clickData", allow_optional=True),
        Input(Id.SIMILAR_CHOSEN, "data", allow_optional=True),
        Input(Id.NEWS, "data"),
        State(Id.RISK_GRID, "id", allow_optional=True),
        State(Id.SIMILAR_CHOSEN, "id", allow_optional=True),
        State(Id.VIEW, "data"),
        prevent_initial_call="initial_duplicate",
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "pressed"),
        Output(Id.RISK_GRID, "exportDataAsCsv"),
        Input(Id.RISK_EXPORT, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "unfiltered"),
        Output(Id.RISK_GRID, "filterModel"),
        Input(Id.RISK_RESET, "n_clicks"),
        prevent_initial_call=True,
    )


def _register_risk(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.FLEET, "children"),
        Output(Id.RISK_GRID, "rowData"),
        Output(Id.RISK_AS_OF, "children"),
        Input(Id.RISK_SEEN, "data"),
        prevent_initial_call=True,
    )
    def show_fleet(_key: str | None) -> tuple[Any, ...]:
        now = maintained(services)
        if now is None:
            return (no_update,) * 3
        return (
            tile_cards(tiles(fleet_of(now))),
            row_data(rows_of(now)),
            tables_as_of(now),
        )

    @app.callback(
        Output(Id.MATRIX_GRAPH, "figure"),
        Output(Id.DEGRADATION_GRAPH, "figure"),
        Input(Id.RISK_SEEN, "data"),
        Input(Id.SCHEME, "data"),
        State(Id.VIEW, "data"),
    )
    def draw_fleet(key: str | None, scheme: Look | None, view_data: object) -> tuple[Any, ...]:
        now = maintained(services)
        if key is None or scheme is None or now is None:
            return no_update, no_update
        look, chosen = scheme, chosen_code(services, now, view_data)
        return matrix_figure(rows_of(now), look, chosen), curves_figure(degradation_of(now), look, NO_TREND)

    @app.callback(
        Output(Id.MATRIX_RING, "data"),
        Input(Id.CONDITION_SEEN, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def ring_chosen(_key: str | None, view_data: object) -> object:
        now = maintained(services)
        if now is None:
            return no_update
        return ring_of(rows_of(now), chosen_code(services, now, view_data))

    app.clientside_callback(  # a patch from the server might come before the figure, or after another page
        ClientsideFunction(SCRIPT, "ring"),
        Output(Id.MATRIX_GRAPH, "figure", allow_duplicate=True),
        Input(Id.MATRIX_RING, "data"),
        State(Id.MATRIX_GRAPH, "figure"),
        prevent_initial_call=True,
    )


def chosen_code(services: PageServices, now: Maintained, view_data: object) -> str | None:
    """The code of the branch that a browser has chosen."""
    asset = maintasset.chosen(services, now, view_data)
    return None if asset is None else asset.code


MAINTENANCE = Page(
    name="maintenance",
    path="/maintenance",
    title="Maintenance",
    layout=layout,
    registers=(register, maintasset.register, maintschedule.register),
    tick=fleet_tick,
    seen={"maintenance": Id.MAINTENANCE_SEEN},
)
