"""The one request that every browser repeats: what is new since its last tick, for what it looks at."""

from collections.abc import Mapping
from datetime import UTC, datetime

import dash
from dash import Input, Output, State, dcc, no_update
from dash.development.base_component import Component

from app.analytics.tick import analytics_tick, report_key
from app.analytics.view import looked_on
from app.engine.board import Board
from app.maintenance.tick import maintenance_tick
from app.maintenance.view import maintained_on
from app.map.context import PageServices
from app.map.network_view import NetworkView
from app.optimisation.tick import map_marks, overview_words, plan_tick
from app.overview.tick import WITHOUT_MAP, Seen, now_seen, tick
from app.web.browser_view import Page, View
from app.web.ids import Id

PARTS_SEEN = {  # stores of the pages, each there only while its page is
    "alarms": Id.ALARMS_SEEN,
    "answer": Id.PLAN_SEEN,
    "form": Id.FORM_SEEN,
    "figures": Id.FIGURES_SEEN,
    "maintenance": Id.MAINTENANCE_SEEN,
    "analytics": Id.ANALYTICS_SEEN,
    "ahead": Id.AHEAD_SEEN,
}
Part = dict[str, object]
ALWAYS = {"keys", "status"}  # of the optimisation page's part; the rest is there when it has changed
SLOWEST_POLL_MS, FASTEST_POLL_MS = 1000, 250


def stores(services: PageServices, page: Page) -> list[Component]:
    """The timer and what a browser keeps; a first tick comes along, so that values stand there from the beginning."""
    period_ms = 500 * services.settings.cycle_seconds
    view = {"page": page.value}
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

    A browser says what it has put in place, not what it was sent: a tick may be overtaken by the next. parts: the keys
    of the page's own parts that it shows: alarms and what lies ahead on the overview; answer, form and figures on the
    optimisation page; all of the maintenance page's in one, and of the analytics page's.
    """
    if not services.boards.ready:
        return no_update
    board = services.boards.latest
    snapshot, history = board.snapshot, board.history
    shown, planner = services.views.of(snapshot.network), services.planner
    view = View.parse(view_data, snapshot.network, shown.key)
    seen, has = Seen.parse(seen_data, parts.get("alarms")), now_seen(snapshot, shown, view)
    plan: Part = {}
    if view.page is Page.OPTIMISATION:
        plan = plan_tick(planner, board, shown, view, parts)
    told, keys = _told(services, board, shown, view)
    news = not plan.keys() <= ALWAYS or any(key != parts.get(name) for name, key in keys.items())
    if (has.version, has.scope, has.view) == (seen.version, seen.scope, seen.view) and not news:
        return no_update
    data = tick(snapshot, history, shown, view, seen, datetime.now(UTC))
    data |= told
    if view.page in WITHOUT_MAP:
        return data
    data["map"] |= map_marks(planner, board, shown, view)  # type: ignore[operator]
    if view.page is Page.OPTIMISATION:
        return data | {"plan": plan}
    return data | {"proposal": overview_words(planner.report_on(board), snapshot)}


def _told(services: PageServices, board: Board, shown: NetworkView, view: View) -> tuple[Part, Part]:
    """What the workers tell a page, and its keys."""
    if view.page is Page.OPTIMISATION:
        return {}, {}
    if view.page is Page.MAINTENANCE:
        part = maintenance_tick(maintained_on(board, services), shown, view)
        return {"maintenance": part}, {"maintenance": part["keys"]}
    now = looked_on(board, services)
    key = report_key(now, shown)
    if view.page is Page.ANALYTICS:
        return {"analytics": analytics_tick(now, shown)}, {"analytics": key}
    return {"ahead": key}, {"ahead": key}


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
