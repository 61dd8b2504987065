"""The one request that every browser repeats: what is new since its last tick, for what it looks at."""

from dataclasses import asdict
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
    first, seen, _ = answer(services, 0, {}, None) if services.store.ready else (None, None, 0)
    return [
        dcc.Interval(id=Id.POLL, interval=round(min(max(period_ms, FASTEST_POLL_MS), SLOWEST_POLL_MS))),
        dcc.Store(id=Id.BEAT, data=0),
        dcc.Store(id=Id.SEEN, data=seen),
        dcc.Store(id=Id.TICK, data=first),
        dcc.Store(id=Id.NETWORK),
        dcc.Store(id=Id.VIEW, data={}),
    ]


def answer(services: PageServices, polls: int | None, view_data: object, seen_data: object) -> tuple:
    """Tick, what the browser then has, and the number of the poll; no_update for a tick that it has already."""
    if not services.store.ready:
        return no_update, no_update, polls
    snapshot, history = services.store.with_history
    shown = services.views.of(snapshot.network)
    view, seen = View.parse(view_data, snapshot.network, shown.key), Seen.parse(seen_data)
    has = now_seen(snapshot, shown, view)
    if (has.version, has.scope, has.view) == (seen.version, seen.scope, seen.view):
        return no_update, no_update, polls
    return tick(snapshot, history, shown, view, seen, datetime.now(UTC)), asdict(has), polls


def register(app: dash.Dash, services: PageServices) -> None:
    """The poll."""

    @app.callback(
        Output(Id.TICK, "data"),
        Output(Id.SEEN, "data"),
        Output(Id.BEAT, "data"),
        Input(Id.POLL, "n_intervals"),
        Input(Id.VIEW, "data"),
        State(Id.SEEN, "data"),
    )
    def poll(polls: int | None, view: object, seen: object) -> tuple:
        return answer(services, polls, view, seen)
