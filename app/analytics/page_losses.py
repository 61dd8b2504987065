"""Recorded losses and performance: where energy went in a time range, and today beside other days."""

import math
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import Input, Output, html, no_update
from dash.development.base_component import Component

from app.analytics.view import looked
from app.analytics.view_losses import Span, hours_of, range_of, recorded_words, share_of, top_of, trend_of
from app.map.context import PageServices
from app.web.callbacks import Look
from app.web.ids import Id
from components.analytics.loss_figures import (
    efficiency_figure,
    loss_hours_figure,
    loss_sunburst,
    loss_table,
    top_losses_figure,
)
from components.analytics.tables import non_technical_words
from components.common.cards import graph, scrolled
from ml.forecasting.records import LossRecord

GRAPHS = (Id.LOSS_SHARE_GRAPH, Id.LOSS_HOURS_GRAPH, Id.TOP_LOSSES_GRAPH, Id.EFFICIENCY_GRAPH)
NO_DATES: dict[str, str] = {"display": "none"}


def layout() -> list[Component]:
    """The cards; what they hold comes with the first tick."""
    table = scrolled(Id.LOSS_TABLE, "Losses in numbers")
    today = dmc.Paper(
        [
            html.H2("Today's performance"),
            scrolled(Id.BESIDE, "Today's performance"),
            html.P(id=Id.SAVED, className="quiet-line"),
        ],
        className="card",
    )
    return [
        _range(),
        html.Div(
            [
                _card("Losses by level and cause", graph(Id.LOSS_SHARE_GRAPH, "sunburst-graph")),
                _card("Losses in numbers", table, html.P(id=Id.NON_TECHNICAL, className="quiet-line")),
                _card("Assets that lose most", graph(Id.TOP_LOSSES_GRAPH, "sunburst-graph")),
            ],
            className="three-columns",
        ),
        html.Div(
            [
                _card("Losses over time", graph(Id.LOSS_HOURS_GRAPH, "analytics-graph")),
                _card("Efficiency over time", graph(Id.EFFICIENCY_GRAPH, "analytics-graph")),
            ],
            className="half-columns",
        ),
        today,
    ]


def _card(title: str, *content: Component) -> Component:
    return dmc.Paper([html.H2(title), *content], className="card")


def _range() -> Component:
    """The time range that the parts below it are about."""
    span = dmc.SegmentedControl(
        id=Id.LOSS_SPAN,
        data=[one.value for one in Span],
        value=Span.DAY.value,
        size="xs",
        **{"aria-label": "Time range"},
    )
    dates = dmc.DatePickerInput(
        id=Id.LOSS_DATES,
        type="range",
        size="xs",
        valueFormat="D MMM YYYY",
        placeholder="From one date to another",
        allowSingleDateInRange=True,
        weekendDays=[],
        style=NO_DATES,
        className="loss-dates",
        popoverProps={"withinPortal": True},
        **{"aria-label": "First and last date"},
    )
    return dmc.Paper(
        [html.H2("Recorded losses"), span, dates, html.Span(id=Id.LOSS_RECORDED, className="quiet-line")],
        className="card range-bar",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """The parts by report, time range and look."""

    @app.callback(
        Output(Id.LOSS_RECORDED, "children"),
        Output(Id.LOSS_TABLE, "children"),
        Output(Id.NON_TECHNICAL, "children"),
        *(Output(name, "figure") for name in GRAPHS),
        Input(Id.ANALYTICS_SEEN, "data"),
        Input(Id.LOSS_SPAN, "value"),
        Input(Id.LOSS_DATES, "value"),
        Input(Id.SCHEME, "data"),
        prevent_initial_call=True,
    )
    def show_losses(key: str | None, span: object, dates: object, scheme: Look | None) -> tuple[Any, ...]:
        now = looked(services)
        if key is None or scheme is None or now is None:
            return (no_update,) * (3 + len(GRAPHS))
        asked, look = range_of(now.at, span, dates), scheme
        record = now.forecast_worker.losses(now.report, asked.start, asked.hours)
        share = share_of(record)
        return (
            recorded_words(record, asked),
            loss_table(share),
            non_technical_words(*_non_technical(record)),
            loss_sunburst(share, look),
            loss_hours_figure(hours_of(record), look),
            top_losses_figure(top_of(now, record), look),
            efficiency_figure(*trend_of(now, asked), look),
        )

    @app.callback(
        Output(Id.LOSS_DATES, "style"),
        Output(Id.LOSS_DATES, "maxDate"),
        Output(Id.LOSS_DATES, "defaultDate"),
        Input(Id.LOSS_SPAN, "value"),
        prevent_initial_call=True,
    )
    def ask_dates(span: str | None) -> tuple[Any, ...]:
        now = looked(services)
        if span != Span.OWN or now is None:
            return NO_DATES, no_update, no_update
        today = now.at.date().isoformat()
        return {}, today, today


def _non_technical(record: LossRecord | None) -> tuple[int, float, float]:
    """Hours known, MWh, and percent of what was fed in."""
    if record is None:
        return 0, math.nan, math.nan
    found = record.non_technical
    return found.hours_known, found.non_technical_mwh, found.percent_of_fed_in
