"""Present and proposed side by side, in one layout, and the taps that lock switches."""

from typing import Any

import dash
import dash_cytoscape as cyto
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.map.context import PageServices
from app.web.browser_view import View
from app.web.ids import Id
from components.common.theme import Scheme
from components.map.legend import plan_legend
from components.map.style import stylesheet
from components.map.topology import Element

SCRIPT = "smartgridPlan"
TAP = "Tap a line to lock or unlock its switch."
MAPS = (Id.PRESENT_MAP, Id.PROPOSED_MAP)


def layout(services: PageServices) -> Component:
    """Both maps with the elements of the present network."""
    elements: list[Element] = []
    key = None
    if services.boards.ready:
        shown = services.views.of(services.boards.latest.network)
        elements, key = shown.scope(None).elements, shown.scope_key(None)
    return html.Div(
        [
            html.Div(
                [
                    _map("Present", Id.PRESENT_MAP, elements, None),
                    _map("Proposed", Id.PROPOSED_MAP, elements, Id.PROPOSED_TITLE),
                ],
                id=Id.PLAN_MAPS,
                className="plan-maps",
            ),
            html.Div([plan_legend(False), html.Span(TAP, className="quiet-line")], className="legends plan-legends"),
            dcc.Store(id=Id.PLAN_STYLES, data={scheme.value: stylesheet(scheme) for scheme in Scheme}),
            dcc.Store(id=Id.PLAN_SCOPE_WANTED, data=key),
            dcc.Store(id=Id.PLAN_SCOPE_SHOWN, data=key),
            dcc.Store(id=Id.LOCK_REQUEST),
        ],
        className="plan-map-block",
    )


def _map(title: str, name: Id, elements: list[Element], title_id: Id | None) -> Component:
    graph = cyto.Cytoscape(
        id=name,
        elements=elements,
        layout={"name": "preset", "fit": False},
        stylesheet=stylesheet(Scheme.LIGHT),
        responsive=False,
        autoungrabify=True,
        boxSelectionEnabled=False,
        minZoom=0.05,
        maxZoom=6,
        style={"width": "100%", "height": "100%"},
    )
    label = f"Map of the grid, {title.lower()} state. Switches can also be locked with the field beside it."
    heading = html.H2(title, id=title_id) if title_id else html.H2(title)
    return dmc.Paper(
        [heading, html.Div(graph, className="map", role="group", **{"aria-label": label})], className="card plan-map"
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """Drawing both maps, their elements when the network changes, and taps."""
    for name in MAPS:
        app.clientside_callback(
            ClientsideFunction("smartgridMaps", "chooseStyle"),
            Output(name, "stylesheet"),
            Input(Id.SCHEME, "data"),
            Input(Id.PLAN_STYLES, "data"),
            State(name, "id"),
        )
    app.clientside_callback(
        ClientsideFunction("smartgrid", "wantedScope"),
        Output(Id.PLAN_SCOPE_WANTED, "data"),
        Output(Id.PLAN_SCOPE_SHOWN, "data", allow_duplicate=True),
        *(Output(name, "elements", allow_duplicate=True) for name in MAPS),
        Input(Id.NEWS, "data"),
        State(Id.PLAN_SCOPE_WANTED, "data"),
        prevent_initial_call="initial_duplicate",
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "maps"),
        Output(Id.PLAN_MAPS, "data-version"),
        Input(Id.TICK, "data"),
        Input(Id.PLAN_SCOPE_SHOWN, "data"),
        *(State(name, "id") for name in MAPS),
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "tapped"),
        Output(Id.LOCK_REQUEST, "data"),
        *(Input(name, "tapEdge") for name in MAPS),
        prevent_initial_call=True,
    )

    @app.callback(
        *(Output(name, "elements") for name in MAPS),
        Output(Id.PLAN_SCOPE_SHOWN, "data"),
        Input(Id.PLAN_SCOPE_WANTED, "data"),
        State(Id.PLAN_SCOPE_SHOWN, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def send_elements(wanted: str | None, has: str | None, view_data: object) -> tuple[Any, ...]:
        if wanted is None or wanted == has or not services.boards.ready:
            return (no_update,) * 3
        network = services.boards.latest.network
        shown = services.views.of(network)
        view = View.parse(view_data, network, shown.key)
        elements = shown.scope(view.area).elements
        return elements, elements, shown.scope_key(view.area)
