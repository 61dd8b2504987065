"""The list of injected events, each with the button that ends it."""

from collections.abc import Callable, Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from grid.telemetry import Event, EventKind

KINDS = {
    EventKind.LINE_OUTAGE: "Line outage",
    EventKind.BRANCH_FAULT: "Fault on a branch",
    EventKind.BUS_FAULT: "Fault on a bus",
    EventKind.LOAD_SURGE: "Load surge",
    EventKind.HEAT_WAVE: "Heat wave",
    EventKind.GENERATOR_TRIP: "Generator trip",
    EventKind.SENSOR_STUCK: "Sensor stuck",
    EventKind.SENSOR_GONE: "Sensor gone",
}


def event_list(events: Sequence[Event], remove_id: Callable[[int], dict[str, str | int]]) -> Component:
    """Active events in the order in which they began."""
    if not events:
        return dmc.Text("No active events.", size="sm", c="dimmed")
    return html.Ul([_row(event, remove_id) for event in events], className="event-list")


def _row(event: Event, remove_id: Callable[[int], dict[str, str | int]]) -> html.Li:
    size = {EventKind.LOAD_SURGE: f" × {event.magnitude:g}", EventKind.HEAT_WAVE: f" +{event.magnitude:g} K"}
    words = f"{KINDS[event.kind]}{size.get(event.kind, '')}: {event.target_name}"
    end = "Repair" if event.kind in (EventKind.BRANCH_FAULT, EventKind.BUS_FAULT) else "Remove"
    remove = dmc.Button(
        end,
        id=remove_id(event.id),
        size="compact-xs",
        variant="default",
        flex="none",
        **{"aria-label": f"{end} {words}"},
    )
    since = html.Span(f"since {text.clock(event.started_at)}", className="note")
    return html.Li([html.Div([words, since]), remove])
