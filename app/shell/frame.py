"""The frame around every page: header with clock, state and alarm banner, navigation, dialogs and stores."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from flask import has_request_context, request

from app.map.context import PageServices
from app.shell import controls_simulation as simulation
from app.shell import dialog_case as cases
from app.shell import dialog_events as events
from app.shell import poll
from app.shell.pages import PAGES, page_at
from app.web.ids import Id
from components.common.text import UNKNOWN
from components.common.theme import mantine_theme

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SCRIPT = "smartgrid"


def layout(services: PageServices) -> Component:
    """The whole document; the page inside follows the address, so that it comes along with the frame."""
    page = page_at(urlsplit(request.referrer or "").path if has_request_context() else "/")
    content = html.Div(
        [
            html.A("Skip to content", href=f"#{Id.PAGE}", className="skip-link"),
            _header(services, page.path),
            html.Main(page.layout(services), id=Id.PAGE, tabIndex=-1),
            cases.dialog(services),
            events.dialog(),
            dcc.Location(id=Id.URL),
            dcc.Store(id=Id.SCHEME),
            *poll.stores(services, page),
        ],
        className="shell",
    )
    return dmc.MantineProvider(content, id=Id.PROVIDER, theme=mantine_theme(), defaultColorScheme="auto")


def to_alarms(path: str) -> str:
    """Where the alarm list is, seen from a page."""
    return f"#{Id.ALARMS}" if path == "/" else f"/#{Id.ALARMS}"


def _header(services: PageServices, path: str) -> html.Header:
    identity = html.Div(
        [
            html.H1("Smart Grid Operations", className="brand"),
            html.Nav(navigation(path), id=Id.NAVIGATION, className="nav", **{"aria-label": "Pages"}),
        ],
        className="header-identity",
    )
    time = html.Div(
        [
            html.Span(UNKNOWN, id=Id.GRID_NAME, className="grid-name"),
            html.Span(UNKNOWN, id=Id.CLOCK, className="clock", title="Time of the measurements"),
            html.Span(UNKNOWN, id=Id.SOURCE_STATE, className="source-state"),
            html.Span(UNKNOWN, id=Id.AGE, className="age", title="Age of the data"),
        ],
        className="header-time",
    )
    banner = html.A(
        html.Span(id=Id.ALARM_BANNER),
        href=to_alarms(path),
        id=Id.TO_ALARMS,
        className="banner",
        **{"aria-label": "Alarms"},
    )
    tools = html.Div(
        [
            *simulation.controls(services),
            dmc.Button("Case", id=Id.CASE_OPEN, variant="default", size="compact-sm"),
            events.button(services),
            dmc.ColorSchemeToggle(
                id=Id.SCHEME_TOGGLE,
                lightIcon=html.Span(className="icon icon-sun"),
                darkIcon=html.Span(className="icon icon-moon"),
                variant="default",
                size=28,
                **{"aria-label": "Switch between light and dark"},
            ),
        ],
        className="header-tools",
    )
    return html.Header(
        [identity, time, tools, html.Div(className="header-break"), _quality(), banner], className="header"
    )


def _quality() -> Component:
    """What everything shown is worth; opened, why. Ticks fill it."""
    return html.Details(
        [
            html.Summary(UNKNOWN, id=Id.QUALITY_SUMMARY, title="What everything shown is worth, and why"),
            html.Div(id=Id.QUALITY_PROBLEMS, className="quality-problems"),
        ],
        id=Id.QUALITY,
        className="quality",
    )


def navigation(path: str) -> list[Component]:
    """Links to the pages; the present one is marked."""
    return [
        dcc.Link(
            [page.title, dmc.VisuallyHidden(" (this page)")] if page.path == path else page.title,
            href=page.path,
            className="nav-link nav-here" if page.path == path else "nav-link",
        )
        for page in PAGES
    ]


def register(app: dash.Dash, services: PageServices) -> None:
    """The page by address, and what a tick puts into the header."""

    @app.callback(
        Output(Id.PAGE, "children"),
        Output(Id.NAVIGATION, "children"),
        Output(Id.TO_ALARMS, "href"),
        Output(Id.VIEW, "data", allow_duplicate=True),
        Input(Id.URL, "pathname"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def show_page(address: str | None, view: dict[str, object]) -> tuple[Any, ...]:
        page = page_at(address)
        if view.get("page") == page.name:
            return (no_update,) * 4
        return page.layout(services), navigation(page.path), to_alarms(page.path), {"page": page.name}

    app.clientside_callback(
        ClientsideFunction(SCRIPT, "network"),
        Output(Id.NETWORK, "data"),
        Output(Id.VIEW, "data", allow_duplicate=True),
        Input(Id.NEWS, "data"),
        State(Id.NETWORK, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call="initial_duplicate",
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "watchScheme"), Output(Id.SCHEME, "data"), Input(Id.SCHEME_TOGGLE, "id")
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "header"),
        Output(Id.GRID_NAME, "children"),
        Output(Id.CLOCK, "children"),
        Output(Id.SOURCE_STATE, "children"),
        Output(Id.SOURCE_STATE, "className"),
        Output(Id.QUALITY, "className"),
        Output(Id.QUALITY_SUMMARY, "children"),
        Output(Id.QUALITY_PROBLEMS, "children"),
        Output(Id.ALARM_BANNER, "children"),
        Output(Id.EVENT_LIST, "children"),
        Output(Id.SIMULATION_TOGGLE, "children"),
        Output(Id.SIMULATION_SPEED, "value"),
        Output(Id.SEEN, "data"),
        Output(Id.AGE, "children"),
        Output(Id.AGE, "className"),
        Input(Id.TICK, "data"),
        State(Id.POLL, "interval"),
    )
