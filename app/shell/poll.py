"""The one request that every browser repeats: what is new since its last tick, for what it looks at.

The request isn't a callback of Dash. One that is asked again before it was answered is never answered, so that a page
further away than its interval would show nothing; and while one waits, all that hangs on it waits, taps among it.
"""

import time
from collections.abc import Mapping

import dash
from dash import ClientsideFunction, Input, Output, State, dcc
from dash.development.base_component import Component
from flask import Response, request
from plotly.io.json import to_json_plotly

from app.map.context import PageServices
from app.map.page import Page, PageRequest
from app.map.tick import Seen, now_seen, tick
from app.shell.health import judged_now
from app.shell.pages import PAGES, page_named
from app.web.browser_view import View
from app.web.guard import TICK
from app.web.ids import Id

PARTS_SEEN = {name: store for page in PAGES for name, store in page.seen.items()}
SLOWEST_POLL_MS, FASTEST_POLL_MS = 1000, 250


def stores(services: PageServices, page: Page) -> list[Component]:
    """The timer and what a browser keeps; a first tick comes along, so that values stand there from the beginning."""
    period_ms = 500 * services.settings.cycle_seconds
    view = {"page": page.name}
    first = answer(services, view, None, {}) if services.boards.ready else None
    return [
        dcc.Interval(id=Id.POLL, interval=round(min(max(period_ms, FASTEST_POLL_MS), SLOWEST_POLL_MS))),
        dcc.Store(id=Id.SEEN),
        dcc.Store(id=Id.TICK, data=first),
        dcc.Store(id=Id.NEWS, data=first),
        dcc.Store(id=Id.NETWORK),
        dcc.Store(id=Id.VIEW, data=view),
    ]


def answer(
    services: PageServices, view_data: object, seen_data: object, parts: Mapping[str, object]
) -> dict[str, object] | None:
    """The tick for a browser's view; None where the browser has it already.

    A browser says what it has put in place, not what it was sent: a tick may be overtaken by the next. parts: what the
    stores of its page say, by the names of PARTS_SEEN. An engine that hangs makes the board stale. "news" in a tick:
    whether it has more than what changes in each cycle.
    """
    if not services.boards.ready:
        return None
    board = judged_now(services.boards.latest, time.monotonic())
    shown = services.views.of(board.network)
    view = View.parse(view_data, board.network, shown.key)
    page, seen, has = page_named(view.page), Seen.parse(seen_data), now_seen(board, shown, view)
    part = page.tick(PageRequest(services=services, board=board, shown=shown, view=view, seen=seen, parts=parts))
    news = any(key != parts.get(name) for name, key in part.keys.items())
    shows = (seen.version, seen.scope, seen.view, seen.quality)
    if (has.version, has.scope, has.view, has.quality) == shows and not news:
        return None
    data = tick(board, shown, view, seen, time.monotonic(), page.has_map) | part.data()
    if page.has_map:
        data["map"] |= part.marks()  # type: ignore[operator]
    data["news"] = news or (seen.scope, seen.view) != (has.scope, has.view) or view.asset is not None
    return data


def register(app: dash.Dash, services: PageServices) -> None:
    """The request and who answers it: JSON with the view, what is seen, and what each store of PARTS_SEEN holds."""

    @app.server.post(TICK)
    def poll() -> Response:
        asked = request.get_json()
        told = asked if isinstance(asked, Mapping) else {}
        stores = told.get("parts")
        stores = stores if isinstance(stores, Mapping) else {}
        parts = {name: stores.get(store) for name, store in PARTS_SEEN.items()}
        found = answer(services, told.get("view"), told.get("seen"), parts)
        return Response(to_json_plotly(found), mimetype="application/json", headers={"Cache-Control": "no-store"})

    app.clientside_callback(
        ClientsideFunction("smartgrid", "poll"),
        Output(Id.AGE, "children", allow_duplicate=True),
        Output(Id.AGE, "className", allow_duplicate=True),
        Input(Id.POLL, "n_intervals"),
        Input(Id.VIEW, "data"),
        State(Id.POLL, "interval"),
        State(Id.TICK, "data"),
        State(Id.TICK, "id"),
        State(Id.NEWS, "id"),
        State(Id.SEEN, "data"),
        *(State(name, "data", allow_optional=True) for name in PARTS_SEEN.values()),
        prevent_initial_call=True,
    )
