"""Dialog that injects disturbances into the simulated grid and ends them."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app.map.context import PageServices
from app.map.search import finder, found, register_finder
from app.web.callbacks import Clicked, Clicks, Position, Sent, Typed
from app.web.ids import Id, Many
from components.common import text
from components.common.events import KINDS
from grid.network import Network
from grid.telemetry import EventKind

MAGNITUDES = {
    EventKind.LOAD_SURGE: ("Factor on the load", 1.5, False),
    EventKind.HEAT_WAVE: ("Kelvin above the weather", 10.0, False),
}
TARGETS = {
    EventKind.LINE_OUTAGE: "Branch",
    EventKind.BRANCH_FAULT: "Line, cable or transformer",
    EventKind.BUS_FAULT: "Bus",
    EventKind.GENERATOR_TRIP: "Generator",
    EventKind.LOAD_SURGE: "Bus (none: the whole grid)",
    EventKind.SENSOR_STUCK: "Bus",
    EventKind.SENSOR_GONE: "Bus",
}
Kind = Annotated[EventKind, Field(strict=False)]
NEEDS_TARGET = frozenset(TARGETS) - {EventKind.LOAD_SURGE}


class EventButton(Sent):
    """The id of a button that removes an event."""

    event: int


def button(services: PageServices) -> Component:
    """What opens the dialog; not to be seen where the source takes no events."""
    offered = not services.boards.ready or services.boards.latest.snapshot.control.offers.events
    style = {} if offered else {"display": "none"}
    return dmc.Button("Events", id=Id.EVENTS_OPEN, variant="default", size="compact-sm", style=style)


def dialog() -> Component:
    """The dialog; it opens with the header's button."""
    kind = dmc.Select(
        id=Id.EVENT_KIND,
        label="What happens",
        data=[{"value": kind.value, "label": words} for kind, words in KINDS.items()],
        value=EventKind.LINE_OUTAGE.value,
        allowDeselect=False,
    )
    target = finder(Id.EVENT_TARGET, label=TARGETS[EventKind.LINE_OUTAGE], placeholder="Type a name")
    magnitude = dmc.NumberInput(id=Id.EVENT_MAGNITUDE, label="Magnitude", value=1.0, disabled=True, decimalScale=2)
    return dmc.Modal(
        dmc.Stack(
            [
                kind,
                *target,
                magnitude,
                dmc.Button("Inject", id=Id.EVENT_INJECT),
                html.Div(id=Id.EVENT_RESULT, role="status"),
                dmc.Divider(label="Active events"),
                html.Div(id=Id.EVENT_LIST),
                dmc.Button("Remove all", id=Id.EVENTS_CLEAR, variant="default", size="compact-sm", w="fit-content"),
                dcc.Store(id=Id.EVENT_REMOVE_REQUEST),
            ],
            gap="sm",
        ),
        id=Id.EVENTS_DIALOG,
        title="Events in the simulated grid",
        closeButtonProps={"aria-label": "Close"},
    )


def targets(network: Network, kind: EventKind) -> tuple[str, ...]:
    """The names of what a kind of event may happen to."""
    if kind is EventKind.HEAT_WAVE:
        return ()
    named = {
        EventKind.LINE_OUTAGE: network.branch.name,
        EventKind.BRANCH_FAULT: network.branch.name,
        EventKind.GENERATOR_TRIP: network.generator.name,
    }
    return named.get(kind, network.bus.name)


def missing_words(kind: EventKind, target: str | None, magnitude: float | str | None) -> str:
    """What has to be chosen or filled in before an event can be injected; empty where nothing is missing."""
    missing = []
    if kind in NEEDS_TARGET and not target:
        missing.append(f"choose a {TARGETS[kind].lower()}")
    if kind in MAGNITUDES and magnitude in (None, ""):
        missing.append(f"fill in the {MAGNITUDES[kind][0].lower()}")
    words = " and ".join(missing)
    return f"{words[:1].upper()}{words[1:]} first." if words else ""


def refused(message: str) -> Component:
    """Why no event was injected."""
    return dmc.Alert(message, title="Not injected", color="red", variant="light")


def matches(names: Sequence[str], wanted: str, most: int) -> list[dict[str, str]]:
    """Options for targets whose name contains what was typed, so many at most."""
    needle = wanted.strip().casefold()
    hits = [(i, name) for i, name in enumerate(names) if needle in name.casefold()]
    return [{"value": str(i), "label": name} for i, name in hits[:most]]


def register(app: dash.Dash, services: PageServices) -> None:
    """Opening the dialog, its fields, injecting and removing."""
    _register_fields(app, services)
    _register_clearing(app, services)

    @app.callback(
        Output(Id.EVENT_RESULT, "children"),
        Input(Id.EVENT_INJECT, "n_clicks"),
        State(Id.EVENT_KIND, "value"),
        State(Id.EVENT_TARGET, "value"),
        State(Id.EVENT_MAGNITUDE, "value"),
        prevent_initial_call=True,
    )
    def inject(_clicks: Clicks, kind: Kind, target: Position | None, magnitude: Typed) -> Component:
        if missing := missing_words(kind, target, magnitude):
            return refused(missing)
        try:
            position = int(target) if target else None
            event = services.engine.add_event(kind, position, float(magnitude or 0.0))
        except (ValueError, KeyError) as error:
            return refused(str(error.args[0]))
        return dmc.Text(f"{KINDS[event.kind]} injected: {event.target_name}.", size="sm")

    app.clientside_callback(
        ClientsideFunction("smartgrid", "clicked"),
        Output(Id.EVENT_REMOVE_REQUEST, "data"),
        Input({"type": Many.EVENT_REMOVE, "event": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(Id.EVENT_RESULT, "children", allow_duplicate=True),
        Input(Id.EVENT_REMOVE_REQUEST, "data"),
        prevent_initial_call=True,
    )
    def remove(request: Clicked[EventButton]) -> object:
        try:
            services.engine.remove_event(request.id.event)
        except KeyError:
            return dmc.Text("The event had ended already.", size="sm")
        return no_update


def _register_clearing(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.EVENT_RESULT, "children", allow_duplicate=True),
        Input(Id.EVENTS_CLEAR, "n_clicks"),
        prevent_initial_call=True,
    )
    def clear(_clicks: Clicks) -> Component:
        removed = services.engine.remove_all_events()
        return dmc.Text(f"Removed: {text.count(len(removed), 'event')}.", size="sm")


def _register_fields(app: dash.Dash, services: PageServices) -> None:
    @app.callback(Output(Id.EVENTS_DIALOG, "opened"), Input(Id.EVENTS_OPEN, "n_clicks"), prevent_initial_call=True)
    def open_dialog(_clicks: Clicks) -> bool:
        return True

    @app.callback(
        Output(Id.EVENT_TARGET, "label"),
        Output(Id.EVENT_TARGET, "disabled"),
        Output(Id.EVENT_TARGET, "value"),
        Output(Id.EVENT_MAGNITUDE, "label"),
        Output(Id.EVENT_MAGNITUDE, "value"),
        Output(Id.EVENT_MAGNITUDE, "disabled"),
        Input(Id.EVENT_KIND, "value"),
        prevent_initial_call=True,
    )
    def choose_kind(kind: Kind) -> tuple[Any, ...]:
        label, value, disabled = MAGNITUDES.get(kind, ("Magnitude", 1.0, True))
        return TARGETS.get(kind, "Whole grid"), kind not in TARGETS, None, label, value, disabled

    register_finder(app, Id.EVENT_TARGET)

    @app.callback(
        Output(Id.EVENT_FOUND, "data"),
        Input(Id.EVENT_TARGET, "searchValue"),
        Input(Id.EVENT_KIND, "value"),
        Input(Id.EVENTS_DIALOG, "opened"),
        prevent_initial_call=True,
    )
    def find(wanted: str | None, kind: Kind, _opened: bool | None) -> object:
        names = targets(services.boards.latest.network, kind)
        return found(Id.EVENT_TARGET, wanted, len(names), partial(matches, names))
