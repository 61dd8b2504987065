"""The one request that every browser repeats: what is new since its last tick, for what it looks at."""

from datetime import UTC, datetime

import dash
from dash import Input, Output, State, dcc, no_update
from dash.development.base_component import Component

from app.ids import Id
from app.pages.context import PageServices
from app.tick import Seen, now_seen, tick
from app.view import View

SLOWEST_POLL_MS, FASTEST_POLL_MS = 1000, 250


def stores(services: PageServices) -> list[Component]:
    """The timer and what a browser keeps; a first tick comes along, so that values stand there from the beginning."""
    period_ms = 500 * services.settings.cycle_seconds
    first = answer(services, {}, None, None) if services.store.ready else None
    return [
        dcc.Interval(id=Id.POLL, interval=round(min(max(period_ms, FASTEST_POLL_MS), SLOWEST_POLL_MS))),
        dcc.Store(id=Id.BEAT, data=0),
        dcc.Store(id=Id.SEEN),
        dcc.Store(id=Id.ALARMS_SEEN),
        dcc.Store(id=Id.TICK, data=first),
        dcc.Store(id=Id.NETWORK),
        dcc.Store(id=Id.VIEW, data={}),
    ]


def answer(services: PageServices, view_data: object, seen_data: object, alarms_seen: object) -> object:
    """The tick for a browser's view; no_update where the browser has it already.

    A browser says what it has put in place, not what it was sent: a tick may be overtaken by the next.
    """
    if not services.store.ready:
        return no_update
    snapshot, history = services.store.with_history
    shown = services.views.of(snapshot.network)
    view, seen = View.parse(view_data, snapshot.network, shown.key), Seen.parse(seen_data, alarms_seen)
    has = now_seen(snapshot, shown, view)
    if (has.version, has.scope, has.view) == (seen.version, seen.scope, seen.view):
        return no_update
    return tick(snapshot, history, shown, view, seen, datetime.now(UTC))


def register(app: dash.Dash, services: PageServices) -> None:
    """The poll. The number of the poll comes back, so that the browser sees that the server answers."""

    @app.callback(
        Output(Id.TICK, "data"),
        Output(Id.BEAT, "data"),
        Input(Id.POLL, "n_intervals"),
        Input(Id.VIEW, "data"),
        State(Id.SEEN, "data"),
        State(Id.ALARMS_SEEN, "data"),
        prevent_initial_call=True,
    )
    def poll(polls: int | None, view: object, seen: object, alarms_seen: object) -> tuple[object, int | None]:
        return answer(services, view, seen, alarms_seen), polls
