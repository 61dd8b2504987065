"""The frame around every page: header with clock, state and alarm banner, navigation, dialogs and stores."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc, html
from dash.development.base_component import Component
from flask import has_request_context, request

from app.ids import Id
from app.pages import cases, events, overview, poll, simulation
from app.pages.context import PageServices
from components.text import UNKNOWN
from components.theme import mantine_theme

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SCRIPT = "smartgrid"
PAGES = {"/": ("Overview", overview.layout)}


def layout(services: PageServices) -> Component:
    """The whole document; the page inside follows the address."""
    content = html.Div(
        [
            html.A("Skip to content", href=f"#{Id.PAGE}", className="skip-link"),
            _header(services),
            html.Main(page(services), id=Id.PAGE, tabIndex=-1),
            cases.dialog(services),
            events.dialog(),
            dcc.Location(id=Id.URL),
            dcc.Store(id=Id.SCHEME),
            *poll.stores(services),
        ],
        className="shell",
    )
    return dmc.MantineProvider(content, id=Id.PROVIDER, theme=mantine_theme(), defaultColorScheme="auto")


def page(services: PageServices) -> Component:
    """The page that the browser's address names, so that it comes along with the frame."""
    return _page_at(urlsplit(request.referrer or "").path if has_request_context() else "/")(services)


def _page_at(path: str) -> Callable[[PageServices], Component]:
    return PAGES.get(path, PAGES["/"])[1]


def _header(services: PageServices) -> html.Header:
    identity = html.Div(
        [html.H1("Smart Grid Operations", className="brand"), _navigation()],
        className="header-identity",
    )
    time = html.Div(
        [
            html.Span(UNKNOWN, id=Id.GRID_NAME, className="grid-name"),
            html.Span(UNKNOWN, id=Id.CLOCK, className="clock", title="Simulated time"),
            html.Span(UNKNOWN, id=Id.SOURCE_STATE, className="source-state"),
            html.Span(UNKNOWN, id=Id.AGE, className="age", title="Age of the data"),
        ],
        className="header-time",
    )
    banner = html.A(
        html.Span(id=Id.ALARM_BANNER),
        href=f"#{Id.ALARMS}",
        id=Id.TO_ALARMS,
        className="banner",
        **{"aria-label": "Alarms"},
    )
    tools = html.Div(
        [
            *simulation.controls(services),
            dmc.Button("Case", id=Id.CASE_OPEN, variant="default", size="compact-sm"),
            dmc.Button("Events", id=Id.EVENTS_OPEN, variant="default", size="compact-sm"),
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
    return html.Header([identity, time, tools, banner], className="header")


def _navigation() -> html.Nav:
    links = [dcc.Link(title, href=path, className="nav-link") for path, (title, _) in PAGES.items()]
    return html.Nav(links, className="nav", **{"aria-label": "Pages"})


def register(app: dash.Dash, services: PageServices) -> None:
    """The page by address, and what a tick puts into the header."""

    @app.callback(Output(Id.PAGE, "children"), Input(Id.URL, "pathname"), prevent_initial_call=True)
    def show_page(path: str | None) -> Component:
        return _page_at(path or "/")(services)

    app.clientside_callback(
        ClientsideFunction(SCRIPT, "watchScheme"), Output(Id.SCHEME, "data"), Input(Id.SCHEME_TOGGLE, "id")
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "header"),
        Output(Id.GRID_NAME, "children"),
        Output(Id.CLOCK, "children"),
        Output(Id.SOURCE_STATE, "children"),
        Output(Id.SOURCE_STATE, "className"),
        Output(Id.ALARM_BANNER, "children"),
        Output(Id.EVENT_LIST, "children"),
        Output(Id.SIMULATION_TOGGLE, "children"),
        Output(Id.SIMULATION_SPEED, "value"),
        Output(Id.SEEN, "data"),
        Input(Id.TICK, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "age"),
        Output(Id.AGE, "children"),
        Output(Id.AGE, "className"),
        Input(Id.POLL, "n_intervals"),
        Input(Id.TICK, "data"),
        State(Id.BEAT, "data"),
    )
