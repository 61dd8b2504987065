"""The chosen asset beside the table: figures, signals, probability over time, drivers, ageing, and assets like it."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.maintenance.view import Maintained, maintained
from app.maintenance.view_asset import condition_of
from app.map.context import PageServices
from app.web.browser_view import Asset, View
from app.web.callbacks import Look
from app.web.ids import Id
from components.common.theme import Scheme
from components.common.trends import CONFIG, empty_figure
from components.maintenance.asset_panel import asset_head, similar_list
from components.maintenance.risk_figures import DRIVERS_NOTE, curves_figure, drivers_figure, probability_figure
from grid.alarms.book import AssetKind

NO_TEMPERATURE = "No temperature is known"
GRAPHS = {
    Id.CHANCE_GRAPH: "Probability over time",
    Id.DRIVERS_GRAPH: "What drives it",
    Id.THERMAL_GRAPH: "Temperature and loss of life",
}


def layout() -> Component:
    """The panel before anything is chosen."""
    sections = [
        html.Div(
            [
                html.H3(title),
                dcc.Graph(id=name, figure=empty_figure(Scheme.LIGHT, True, ""), config=CONFIG, className="panel-graph"),
                html.P(DRIVERS_NOTE, className="quiet-line") if name is Id.DRIVERS_GRAPH else None,
            ],
            className="panel-section",
        )
        for name, title in GRAPHS.items()
    ]
    return dmc.Paper(
        [
            html.Div(asset_head(None), id=Id.CONDITION_HEAD),
            html.Div(
                [
                    html.Div(
                        [html.H3("Signals"), html.Div(id=Id.CONDITION_SIGNALS, className="signals-table")],
                        className="panel-section",
                    ),
                    *sections,
                    html.Div([html.H3("Similar assets"), html.Div(id=Id.CONDITION_SIMILAR)], className="panel-section"),
                    dcc.Store(id=Id.SIMILAR_CHOSEN),
                ],
                id=Id.CONDITION_PANEL,
                hidden=True,
            ),
        ],
        className="card asset-panel",
    )


def chosen(services: PageServices, now: Maintained, view_data: object) -> Asset | None:
    """The branch that a browser has chosen on the network of a report."""
    network = now.snapshot.case.network
    asset = View.parse(view_data, network, services.views.of(network).key).asset
    return asset if asset is not None and asset.kind is AssetKind.BRANCH else None


def register(app: dash.Dash, services: PageServices) -> None:
    """What a tick tells of the chosen asset, and its figures whenever their key changes."""
    app.clientside_callback(
        ClientsideFunction("smartgridMaintenance", "asset"),
        Output(Id.CONDITION_HEAD, "children"),
        Output(Id.CONDITION_SIGNALS, "children"),
        Output(Id.CONDITION_PANEL, "hidden"),
        Input(Id.NEWS, "data"),
    )

    @app.callback(
        Output(Id.CONDITION_SIMILAR, "children"),
        *(Output(name, "figure") for name in GRAPHS),
        Input(Id.CONDITION_SEEN, "data"),
        Input(Id.SCHEME, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def show_asset(_key: str | None, scheme: Look | None, view_data: object) -> tuple[Any, ...]:
        now = maintained(services)
        asset = None if now is None else chosen(services, now, view_data)
        if now is None or asset is None or scheme is None:
            return (no_update,) * (1 + len(GRAPHS))
        found, look = condition_of(now, asset.index), scheme
        return (
            similar_list(found.similar),
            probability_figure(found.trend, look),
            drivers_figure(found.drivers, look, found.no_drivers),
            curves_figure(found.thermal, look, NO_TEMPERATURE),
        )
