"""The one request that every browser repeats: what is new since its last tick, for what it looks at."""

import time
from collections.abc import Mapping

import dash
from dash import Input, Output, State, dcc, no_update
from dash.development.base_component import Component

from app.map.context import PageServices
from app.map.page import Page, PageRequest
from app.map.tick import Seen, now_seen, tick
from app.shell.health import judged_now
from app.shell.pages import PAGES, page_named
from app.web.browser_view import View
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
        dcc.Store(id=Id.BEAT, data=0),
        dcc.Store(id=Id.SEEN),
        dcc.Store(id=Id.TICK, data=first),
        dcc.Store(id=Id.NETWORK),
        dcc.Store(id=Id.VIEW, data=view),
    ]


def answer(services: PageServices, view_data: object, seen_data: object, parts: Mapping[str, object]) -> object:
    """The tick for a browser's view; no_update where the browser has it already.

    A browser says what it has put in place, not what it was sent: a tick may be overtaken by the next. parts: what the
    stores of its page say, by the names of PARTS_SEEN. An engine that hangs makes the board stale.
    """
    if not services.boards.ready:
        return no_update
    board = judged_now(services.boards.latest, time.monotonic())
    shown = services.views.of(board.network)
    view = View.parse(view_data, board.network, shown.key)
    page, seen, has = page_named(view.page), Seen.parse(seen_data), now_seen(board, shown, view)
    part = page.tick(PageRequest(services=services, board=board, shown=shown, view=view, seen=seen, parts=parts))
    news = any(key != parts.get(name) for name, key in part.keys.items())
    shows = (seen.version, seen.scope, seen.view, seen.quality)
    if (has.version, has.scope, has.view, has.quality) == shows and not news:
        return no_update
    data = tick(board, shown, view, seen, time.monotonic(), page.has_map) | part.data()
    if page.has_map:
        data["map"] |= part.marks()  # type: ignore[operator]
    return data


def register(app: dash.Dash, services: PageServices) -> None:
    """The poll. The number of the poll comes back, so that the browser sees that the server answers."""

    @app.callback(
        Output(Id.TICK, "data"),
        Output(Id.BEAT, "data"),
        Input(Id.POLL, "n_intervals"),
        Input(Id.VIEW, "data"),
        State(Id.SEEN, "data"),
        *(State(name, "data", allow_optional=True) for name in PARTS_SEEN.values()),
        prevent_initial_call=True,
    )
    def poll(polls: int | None, view: object, seen: object, *parts: object) -> tuple[object, int | None]:
        return answer(services, view, seen, dict(zip(PARTS_SEEN, parts, strict=True))), polls
