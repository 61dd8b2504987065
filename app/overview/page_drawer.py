"""The drawer with everything about one bus or branch."""

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.engine.board import History, Snapshot
from app.map.context import PageServices
from app.operations import page as operations
from app.overview.tick import asset_trends
from app.web.browser_view import Asset, View
from app.web.callbacks import Look
from app.web.ids import Id
from components.common.trends import CONFIG, Curve, asset_figure
from grid.alarms.book import AssetKind


def layout() -> Component:
    """The empty drawer; the map stays usable beside it."""
    return dmc.Drawer(
        [
            html.Div(id=Id.DRAWER_LIVE),
            html.Div(id=Id.DRAWER_TREND_HOLDER, className="asset-trend"),
            operations.panel(),
            html.Div(id=Id.DRAWER_ASSET),
        ],
        id=Id.DRAWER,
        title="Asset",
        position="right",
        size="var(--drawer-width)",
        withOverlay=False,
        lockScroll=False,
        trapFocus=False,
        closeOnClickOutside=False,
        keepMounted=True,
        shadow="md",
        closeButtonProps={"aria-label": "Close"},
    )


def curves(snapshot: Snapshot, history: History, asset: Asset) -> list[Curve]:
    """Voltage of a bus with its limits; loading and temperature of a branch with theirs."""
    trends, network = asset_trends(history, asset), snapshot.case.network
    if asset.kind is AssetKind.BUS:
        limits = (float(network.bus.min_vm_pu[asset.index]), float(network.bus.max_vm_pu[asset.index]))
        return [Curve("Voltage", "p.u.", trends[0].time, trends[0].value, limits)]
    hottest = (float(snapshot.case.temperature_limit_c[asset.index]),)
    return [
        Curve("Loading", "%", trends[0].time, trends[0].value, (100.0,)),
        Curve("Temperature", "°C", trends[1].time, trends[1].value, hottest),
    ]


def register(app: dash.Dash, services: PageServices) -> None:
    """What a tick changes in the drawer, and the trend of a newly chosen asset."""
    app.clientside_callback(
        ClientsideFunction("smartgrid", "fillDrawer"),
        Output(Id.DRAWER, "title"),
        Output(Id.DRAWER_LIVE, "children"),
        Output(Id.DRAWER_ASSET, "children"),
        Output(Id.OPERATE_BUTTONS, "children"),
        Input(Id.NEWS, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("smartgrid", "extendTrend"),
        Output(Id.DRAWER_TREND, "extendData"),
        Input(Id.NEWS, "data"),
        State(Id.DRAWER_TREND, "figure"),
        prevent_initial_call=True,
    )

    app.clientside_callback(
        ClientsideFunction("smartgrid", "closed"),
        Output(Id.DRAWER, "opened", allow_duplicate=True),
        Input(Id.NETWORK, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(Id.DRAWER_TREND_HOLDER, "children"),
        Input(Id.VIEW, "data"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw_trend(view_data: object, scheme: Look | None) -> object:
        board = services.boards.latest
        snapshot, history = board.snapshot, board.history
        view = View.parse(view_data, snapshot.case.network, services.views.of(snapshot.case.network).key)
        if view.asset is None or scheme is None:
            return no_update
        figure = asset_figure(curves(snapshot, history, view.asset), scheme)
        return dcc.Graph(id=Id.DRAWER_TREND, config=CONFIG, figure=figure)
