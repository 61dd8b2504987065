"""What steers the map: layer, search, marked supply paths, risk weight; one reducer in the browser turns them into
the view."""

from typing import Annotated, Any

import dash
import dash_mantine_components as dmc
import numpy as np
from dash import ALL, ClientsideFunction, Input, Output, State, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app.engine.board import Snapshot
from app.map.asset_card import generator_names
from app.map.context import PageServices
from app.map.search import finder, found, register_finder
from app.web.browser_view import MOST_PATHS, Asset, Layer, View
from app.web.callbacks import Typed
from app.web.ids import Id, Many
from components.common.ceiling import beyond_notes
from components.map.legend import legend, path_legend
from grid.alarms.book import AssetKind
from grid.capabilities import ANIMATED_MAP, WHOLE_MAP
from grid.network import Network

MOST_GENERATORS = 200
Shown = Annotated[Layer, Field(strict=False)]


def toolbar(title: str) -> Component:
    """Above the map: where one is, search, layer, fit."""
    where = html.Div(
        [
            dmc.Button("← All areas", id=Id.BACK, size="compact-sm", variant="default", display="none"),
            html.H2(title, id=Id.TOPOLOGY_TITLE),
        ],
        className="map-where",
    )
    name = "Find a bus or branch"
    search = finder(Id.SEARCH, placeholder=name, size="xs", className="map-search", **{"aria-label": name})
    layer = dmc.SegmentedControl(
        id=Id.LAYER,
        data=[{"value": layer.value, "label": layer.value.capitalize()} for layer in Layer],
        value=Layer.LOADING.value,
        size="xs",
        **{"aria-label": "Quantity on the map"},
    )
    fit = dmc.Button(
        "Fit", id=Id.FIT, size="compact-sm", variant="default", **{"aria-label": "Fit the map to the view"}
    )
    return html.Div([where, html.Div([*search, layer, fit], className="map-tools")], className="map-toolbar")


def supply_controls(services: PageServices, snapshot: Snapshot | None) -> Component:
    """Below the map: animation, whose supply paths are marked, and what risk counts on them."""
    return html.Div(
        [
            dmc.Switch(id=Id.ANIMATE, label="Animate flow", size="xs", checked=is_animated(snapshot)),
            dmc.Switch(id=Id.SHOW_PLAN, label="Mark the plan", size="xs", checked=True),
            dmc.MultiSelect(
                id=Id.PATHS,
                placeholder="Mark supply paths of …",
                data=path_options(snapshot),
                maxValues=MOST_PATHS,
                searchable=True,
                clearable=True,
                size="xs",
                className="paths-select",
                **{"aria-label": "Generators whose supply paths are marked"},
            ),
            html.Label("Risk weight, Ω", htmlFor=Id.RISK_WEIGHT.value, className="inline-label"),
            dmc.NumberInput(
                id=Id.RISK_WEIGHT,
                value=services.settings.risk_weight,
                min=0,
                max=1e6,
                step=5,
                size="xs",
                w=92,
                debounce=500,
            ),
            html.Span(["now ", html.Span(id=Id.RISK_WEIGHT_NOW), " Ω"], className="note"),
        ],
        className="map-supply",
    )


def size_notes(network: Network) -> list[Component]:
    """What the map of a grid of this size doesn't do."""
    return beyond_notes((WHOLE_MAP, network.n_bus), (ANIMATED_MAP, network.n_branch))


def is_animated(snapshot: Snapshot | None) -> bool:
    """Whether flows move from the start: not on a grid so large that it would keep a computer busy."""
    return snapshot is not None and snapshot.case.network.n_branch <= ANIMATED_MAP.most


def path_options(snapshot: Snapshot | None) -> list[dict[str, str]]:
    """Buses that supply paths lead to, largest output first."""
    if snapshot is None:
        return []
    generator = snapshot.case.network.generator
    output = np.bincount(generator.bus, snapshot.solved.state.generator_p_mw, snapshot.case.network.n_bus)
    buses = np.unique(generator.bus[generator.holds_voltage])
    largest = buses[np.argsort(-output[buses], kind="stable")][:MOST_GENERATORS]
    return [
        {"value": Asset(AssetKind.BUS, int(bus)).code, "label": generator_names(snapshot, int(bus))} for bus in largest
    ]


def register(app: dash.Dash, services: PageServices) -> None:
    """Search, options, legends and the risk weight."""
    _register_reducer(app)
    _register_options(app, services)

    @app.callback(
        Output(Id.LEGEND, "children"),
        Output(Id.PATHS_LEGEND, "children"),
        Input(Id.SCOPE_SHOWN, "data"),
        Input(Id.LAYER, "value"),
        Input(Id.PATHS, "value"),
        State(Id.VIEW, "data"),
    )
    def draw_legends(_scope: str | None, layer: Shown, _paths: list[str] | None, view_data: object) -> tuple[Any, ...]:
        if not services.boards.ready:
            return no_update, no_update
        snapshot = services.boards.latest.snapshot
        shown = services.views.of(snapshot.case.network)
        view = View.parse(view_data, snapshot.case.network, shown.key)
        as_areas = shown.scope(view.area).areas is not None
        chosen = [Asset.parse(path, snapshot.case.network) for path in _paths or ()]
        names = [generator_names(snapshot, bus.index) for bus in chosen if bus is not None]
        legends = [legend(layer, as_areas), *size_notes(snapshot.case.network)]
        return legends, path_legend([] if as_areas else names)

    @app.callback(Output(Id.RISK_WEIGHT, "error"), Input(Id.RISK_WEIGHT, "value"), prevent_initial_call=True)
    def set_risk_weight(value: Typed) -> str | None:
        try:
            services.engine.set_risk_weight(float(value if value is not None else ""))
        except ValueError as error:
            return str(error)
        return None


def _register_reducer(app: dash.Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("smartgrid", "reduceView"),
        Output(Id.VIEW, "data"),
        Output(Id.DRAWER, "opened"),
        Output(Id.SEARCH, "value"),
        Input(Id.TOPOLOGY, "tapNodeData"),
        Input(Id.TOPOLOGY, "tapEdgeData"),
        Input(Id.SEARCH, "value"),
        Input({"type": Many.SHOW_ASSET, "asset": ALL, "place": ALL}, "n_clicks"),
        Input(Id.LAYER, "value"),
        Input(Id.PATHS, "value"),
        Input(Id.BACK, "n_clicks"),
        Input(Id.DRAWER, "opened"),
        Input(Id.SHOW_PLAN, "checked"),
        State(Id.VIEW, "data"),
        State(Id.TICK, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("smartgridMaps", "fit"),
        Input(Id.FIT, "n_clicks"),
        State(Id.TOPOLOGY, "id"),
        prevent_initial_call=True,
    )


def _register_options(app: dash.Dash, services: PageServices) -> None:
    register_finder(app, Id.SEARCH)

    @app.callback(
        Output(Id.SEARCH_FOUND, "data"),
        Input(Id.SEARCH, "searchValue"),
        Input(Id.NETWORK, "data"),
        prevent_initial_call=True,
    )
    def search(wanted: str | None, _network: str | None) -> object:
        network = services.boards.latest.network
        return found(Id.SEARCH, wanted, network.n_bus + network.n_branch, services.views.of(network).search)

    @app.callback(
        Output(Id.PATHS, "data"),
        Output(Id.PATHS, "value"),
        Output(Id.ANIMATE, "checked"),
        Input(Id.NETWORK, "data"),
        prevent_initial_call=True,
    )
    def offer_paths(_network: str | None) -> tuple[Any, ...]:
        snapshot = services.boards.latest.snapshot
        return path_options(snapshot), [], is_animated(snapshot)
