"""The analytics page: forecasts and how good they are, what they mean for the grid, and where energy went."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.analytics import page_ahead as analyticsahead
from app.analytics import page_forecast as analyticsforecast
from app.analytics import page_losses as analyticslosses
from app.analytics.tick import forecast_tick
from app.analytics.view import beside_of, looked, reliability_of, saved_of, status_of, summary_of
from app.map.context import PageServices
from app.map.page import Page
from app.web.ids import Id
from components.analytics.performance import beside_table, saved_words
from components.analytics.reliability import reliability_card
from components.analytics.tables import tiles
from components.maintenance.fleet import status_line, tile_cards

SCRIPT = "smartgridAnalytics"
REPORT = "/api/analytics/report"


def layout(services: PageServices) -> Component:
    """The page as it is now; its parts are fetched with the first tick."""
    now = looked(services)
    status = dmc.Paper(
        [
            html.Div([] if now is None else status_line(status_of(now)), id=Id.ANALYTICS_STATUS),
            html.A("Daily report", href=REPORT, className="card-link", target="_blank"),
        ],
        className="card maintenance-status",
    )
    return html.Div(
        [
            status,
            html.Div(
                tile_cards(tiles(None if now is None else summary_of(now))), id=Id.ANALYTICS_TILES, className="kpi-row"
            ),
            *analyticsforecast.layout(now),
            *analyticsahead.layout(),
            *analyticslosses.layout(),
            dmc.Paper(
                [
                    html.H2("Reliability"),
                    html.Div(
                        reliability_card(None if now is None else reliability_of(now.snapshot)), id=Id.RELIABILITY
                    ),
                ],
                className="card",
            ),
            dcc.Store(id=Id.ANALYTICS_SEEN),
        ],
        className="maintenance-page analytics-page",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """What is new in a tick, and the figures at a glance."""
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "news"),
        Output(Id.ANALYTICS_SEEN, "data"),
        Output(Id.ANALYTICS_STATUS, "children"),
        Input(Id.TICK, "data"),
        State(Id.ANALYTICS_SEEN, "data"),
    )

    @app.callback(
        Output(Id.ANALYTICS_TILES, "children"),
        Output(Id.BESIDE, "children"),
        Output(Id.SAVED, "children"),
        Output(Id.RELIABILITY, "children"),
        Input(Id.ANALYTICS_SEEN, "data"),
        prevent_initial_call=True,
    )
    def show_figures(_key: str | None) -> tuple[Any, ...]:
        now = looked(services)
        if now is None:
            return (no_update,) * 4
        return (
            tile_cards(tiles(summary_of(now))),
            beside_table(beside_of(now)),
            saved_words(saved_of(now)),
            reliability_card(reliability_of(now.snapshot)),
        )


ANALYTICS = Page(
    name="analytics",
    path="/analytics",
    title="Analytics",
    layout=layout,
    registers=(register, analyticsforecast.register, analyticsahead.register, analyticslosses.register),
    tick=forecast_tick,
    seen={"analytics": Id.ANALYTICS_SEEN},
)
