"""The forecasts' part of the analytics page: the fan of a series, issue by issue, and how good its forecasts are."""

from typing import Any

import dash
import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.analytics.view import Looked, choices_of, facts_of, fan_of, forecast_of, issues_of, looked, series_of
from app.engine.commands import UnknownIdError
from app.map.context import PageServices
from app.web.callbacks import Look, Moment
from app.web.ids import Id
from components.analytics.forecast_figures import calibration_figure, coverage_figure, error_figure, fan_figure
from components.analytics.tables import facts
from components.common import text
from components.common.cards import graph, scrolled
from components.common.theme import Scheme
from components.common.trends import empty_figure
from ml.forecasting.records import Forecast, SeriesReport

SCRIPT = "smartgridAnalytics"
ACCURACY = {
    Id.CALIBRATION_GRAPH: "Calibration",
    Id.ERROR_GRAPH: "Error by lead",
    Id.COVERAGE_GRAPH: "Coverage of the bands by lead",
}
PARTS = 5  # outputs of show_forecast


def layout(now: Looked | None) -> list[Component]:
    """The cards; figures come with the first tick."""
    choices = [] if now is None else choices_of(now)
    value = choices[0]["value"] if choices else None
    series = dmc.Select(
        id=Id.SERIES,
        data=choices,
        value=value,
        size="xs",
        allowDeselect=False,
        searchable=True,
        className="series-select",
        **{"aria-label": "Series"},
    )
    slider = dmc.Slider(
        id=Id.ISSUE,
        value=0,
        min=0,
        max=1,
        step=1,
        label=None,
        size="sm",
        disabled=True,
        updatemode="drag",
        thumbLabel="Time of issue",
        className="issue-slider",
    )
    fan = dmc.Paper(
        [
            html.Div([html.H2("Forecast and actual"), series], className="card-head"),
            graph(Id.FAN_GRAPH, "fan-graph"),
            html.Div(
                [html.Div(id=Id.ISSUE_WORDS, className="issue-words", role="status"), slider], className="issue-row"
            ),
            dcc.Store(id=Id.ISSUES),
            dcc.Store(id=Id.ISSUE_CHOSEN),
            dcc.Store(id=Id.ISSUE_MEMORY),
        ],
        className="card",
    )
    beside = [
        dmc.Paper(
            [
                html.H2("The worst moment ahead, and alerts"),
                html.Div(id=Id.WORST_WORDS, className="worst-words"),
                scrolled(Id.AHEAD_ALERTS, "Alerts ahead"),
            ],
            className="card grows",
        ),
        _card("About this forecast", html.Div(id=Id.FAN_FACTS)),
    ]
    quality = [_card(title, graph(name, "analytics-graph")) for name, title in ACCURACY.items()]
    return [
        html.Div([fan, html.Div(beside, className="risk-stack")], className="wide-columns"),
        html.Div(quality, className="three-columns"),
    ]


def _card(title: str, content: Component) -> Component:
    return dmc.Paper([html.H2(title), content], className="card")


def _shown(now: Looked, one: SeriesReport, issue: str | None, look: Scheme) -> tuple[go.Figure, Component, str]:
    """The fan, what is known of it, and when it was issued."""
    forecast = forecast_of(now, one, issue)
    return (
        fan_figure(fan_of(now, one, forecast), look),
        facts(facts_of(now.report.network, one, forecast, now.report.accuracy_of(one.info.code), now.doubts)),
        issue_words(forecast, one.forecast, now),
    )


def issue_words(forecast: Forecast | None, latest: Forecast | None, now: Looked) -> str:
    """When a forecast was made."""
    if forecast is None or latest is None:
        return "Not forecast yet"
    hours = max(0, round((now.at - forecast.issued_at).total_seconds() / 3600))
    which = "the latest" if forecast.issued_at == latest.issued_at else f"{text.count(hours, 'hour')} ago"
    return f"Issued {text.moment(forecast.issued_at)}, {which}"


def register(app: dash.Dash, services: PageServices) -> None:
    """The fan by report, series, issue and look; the slider follows the latest issue unless it was moved."""
    _register_fan(app, services)
    _register_accuracy(app, services)
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "issue"),
        Output(Id.ISSUE_CHOSEN, "data"),
        Input(Id.ISSUES, "data"),
        Input(Id.ISSUE, "value"),
        State(Id.ISSUE, "id"),
        State(Id.ISSUE_MEMORY, "id"),
        State(Id.ISSUE_MEMORY, "data"),
        State(Id.ISSUE_CHOSEN, "data"),
        prevent_initial_call=True,
    )


def _register_fan(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.FAN_GRAPH, "figure"),
        Output(Id.FAN_FACTS, "children"),
        Output(Id.ISSUE_WORDS, "children"),
        Output(Id.ISSUES, "data"),
        Output(Id.SERIES, "data"),
        Input(Id.ANALYTICS_SEEN, "data"),
        Input(Id.SERIES, "value"),
        Input(Id.ISSUE_CHOSEN, "data"),
        Input(Id.SCHEME, "data"),
        State(Id.ISSUES, "data"),
        State(Id.SERIES, "data"),
        prevent_initial_call=True,
    )
    def show_forecast(
        key: str | None, code: str | None, issue: Moment | None, scheme: Look | None, moments: object, choices: object
    ) -> tuple[Any, ...]:
        now = looked(services)
        one = None if now is None else series_of(now, code)
        if key is None or scheme is None or now is None or one is None:
            return (no_update,) * PARTS
        try:
            shown, issues, named = _shown(now, one, issue, scheme), issues_of(now, one), choices_of(now)
        except UnknownIdError:  # the grid has just become another one
            return (no_update,) * PARTS
        return (
            *shown,
            no_update if issues == moments else issues,
            no_update if named == choices else named,
        )


def _register_accuracy(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        *(Output(name, "figure") for name in ACCURACY),
        Input(Id.ANALYTICS_SEEN, "data"),
        Input(Id.SERIES, "value"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def show_accuracy(key: str | None, code: str | None, scheme: Look | None) -> tuple[Any, ...]:
        now = looked(services)
        one = None if now is None else series_of(now, code)
        if key is None or scheme is None or now is None or one is None:
            return (no_update,) * len(ACCURACY)
        look = scheme
        try:
            found = now.report.accuracy_of(one.info.code)
        except UnknownIdError:  # the grid has just become another one
            found = None
        if found is None:
            return unknown_accuracy(look)
        return (
            calibration_figure(found.level, found.frequency, look),
            error_figure(found.mae_mw, found.naive_mae_mw, look),
            coverage_figure(found.coverage_80_percent, found.coverage_90_percent, look),
        )


def unknown_accuracy(look: Scheme) -> tuple[Any, ...]:
    """Figures that say that nothing could be compared yet."""
    return (empty_figure(look, True, "Not yet known: no forecast's hours have passed yet"),) * len(ACCURACY)
