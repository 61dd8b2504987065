"""What the forecasts mean for the grid: threatened assets, alerts, losses to expect, renewables, room for more."""

from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Input, Output, html, no_update
from dash.development.base_component import Component

from app.analytics.view import (
    Looked,
    energy_shares,
    expected_loss_of,
    hosting_of,
    looked,
    plant_shares,
    stack_of,
    threat_of,
    worst_of,
)
from app.map.context import PageServices
from app.web.callbacks import Look
from app.web.ids import Id
from components.analytics.ahead_figures import (
    curtailment_words,
    expected_loss_figure,
    stack_figure,
    threat_figure,
    threat_words,
)
from components.analytics.chance_record import chance_record
from components.analytics.tables import alert_list, hosting_table, share_table
from components.common.alarm_words import alert_words
from components.common.cards import graph, scrolled
from components.common.ceiling import beyond_notes, beyond_words
from grid.capabilities import FULL_LOOK_AHEAD, HOSTING

OVERLOADS, VOLTAGES = "Overloads", "Voltages"


def layout() -> list[Component]:
    """The cards; what they hold comes with the first tick."""
    kind = dmc.SegmentedControl(
        id=Id.THREAT_KIND,
        data=[OVERLOADS, VOLTAGES],
        value=OVERLOADS,
        size="xs",
        **{"aria-label": "What threatens"},
    )
    threat = dmc.Paper(
        [
            html.Div([html.H2("Chance of trouble by hour"), kind], className="card-head"),
            html.P(id=Id.THREAT_WORDS, className="quiet-line"),
            graph(Id.THREAT_GRAPH, "threat-graph"),
        ],
        className="card",
    )
    losses = dmc.Paper([html.H2("Expected losses"), graph(Id.EXPECTED_LOSS_GRAPH, "analytics-graph")], className="card")
    stack = dmc.Paper(
        [
            html.H2("Renewables and load ahead"),
            html.P(id=Id.CURTAILMENT, className="quiet-line"),
            graph(Id.STACK_GRAPH, "analytics-graph"),
        ],
        className="card",
    )
    shares = (("Generation now by energy", Id.ENERGY_SHARES), ("Generation now by plant", Id.PLANT_SHARES))
    return [
        threat,
        _scrolled("Chances of overload: said, and come", Id.CHANCE_RECORD),
        _halves([losses], [stack]),
        _halves([_scrolled(*share) for share in shares], [_scrolled("Hosting margin by bus, now", Id.HOSTING)]),
    ]


def _halves(*columns: list[Component]) -> Component:
    return html.Div([html.Div(cards, className="risk-stack") for cards in columns], className="half-columns")


def _scrolled(title: str, name: Id) -> Component:
    return dmc.Paper([html.H2(title), scrolled(name, title)], className="card")


def ahead_parts(now: Looked) -> tuple[Any, ...]:
    """The worst hour, alerts, what must be cut, shares of energies and of plants, hosting margins, and what came of
    chances."""
    ahead, n_bus = now.report.ahead, now.report.network.n_bus
    return (
        [worst_of(now) or "Not looked ahead yet.", *beyond_notes((FULL_LOOK_AHEAD, n_bus))],
        alert_list(None if ahead is None else [alert_words(alert) for alert in ahead.outlook.alerts], now.doubts),
        curtailment_words(stack_of(now), now.doubts, beyond_words(FULL_LOOK_AHEAD, n_bus)),
        share_table(energy_shares(now), "Energy"),
        share_table(plant_shares(now), "Plant"),
        hosting_table(hosting_of(now), ahead is not None, beyond_words(HOSTING, n_bus)),
        chance_record(now.report.chances),
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """Each part whenever there is another report."""

    @app.callback(
        Output(Id.WORST_WORDS, "children"),
        Output(Id.AHEAD_ALERTS, "children"),
        Output(Id.CURTAILMENT, "children"),
        Output(Id.ENERGY_SHARES, "children"),
        Output(Id.PLANT_SHARES, "children"),
        Output(Id.HOSTING, "children"),
        Output(Id.CHANCE_RECORD, "children"),
        Input(Id.ANALYTICS_SEEN, "data"),
        prevent_initial_call=True,
    )
    def show_words(_key: str | None) -> tuple[Any, ...]:
        now = looked(services)
        return (no_update,) * 7 if now is None else ahead_parts(now)

    @app.callback(
        Output(Id.THREAT_GRAPH, "figure"),
        Output(Id.THREAT_GRAPH, "style"),
        Output(Id.THREAT_WORDS, "children"),
        Input(Id.ANALYTICS_SEEN, "data"),
        Input(Id.THREAT_KIND, "value"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def show_threats(key: str | None, kind: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = looked(services)
        if key is None or scheme is None or now is None:
            return (no_update,) * 3
        threat = threat_of(now, of_buses=kind == VOLTAGES)
        figure = threat_figure(threat, scheme, now.doubts)
        return figure, {"height": f"{figure.layout.height}px"}, threat_words(threat, now.doubts)

    @app.callback(
        Output(Id.EXPECTED_LOSS_GRAPH, "figure"),
        Output(Id.STACK_GRAPH, "figure"),
        Input(Id.ANALYTICS_SEEN, "data"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def draw_ahead(key: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = looked(services)
        if key is None or scheme is None or now is None:
            return (no_update,) * 2
        look = scheme
        return expected_loss_figure(expected_loss_of(now), look), stack_figure(stack_of(now), look)
