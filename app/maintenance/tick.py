"""The maintenance page's part of a tick: keys of what there is, and what a browser shows of its asset.

A prognosis is made every cycle and moves a little each time, so the big parts are new once in a while only: with other
models, another schedule, or when some simulated time has passed. A browser fetches a part when its key is another one.
"""

from collections.abc import Mapping
from zlib import crc32

from app.maintenance.view import Maintained, maintained_on, schedule_state, status_of
from app.maintenance.view_asset import head_of, signals_of
from app.map.network_view import NetworkView
from app.map.page import PagePart, PageRequest
from app.map.tick import JSON
from app.web.browser_view import View
from components.maintenance.asset_panel import asset_head, signals_table
from components.maintenance.fleet import status_line
from grid.alarms.book import AssetKind
from grid.capabilities import HOURLY_FLEET
from ml.maintenance.schedule.economics import ScheduleView

HOURS_BETWEEN, HOURS_BETWEEN_LARGE = 1, 6  # simulated, between two tables of the same models and schedule


def fleet_tick(request: PageRequest) -> PagePart:
    """The page's part for a browser."""
    now, shown, view = maintained_on(request.board, request.services), request.shown, request.view
    return PagePart(
        keys={"maintenance": keys_of(now, shown, view)},
        data=lambda: {"maintenance": maintenance_tick(now, shown, view)},
    )


def maintenance_tick(now: Maintained, shown: NetworkView, view: View) -> JSON:
    """The part of a tick for a browser's view."""
    branch = chosen_branch(view)
    head = asset_head(None if branch is None else head_of(now, branch))
    signals = None if branch is None else signals_table(signals_of(now, branch))
    return {
        "keys": keys_of(now, shown, view),
        "status": status_line(status_of(now)),
        "asset": [head, signals, branch is None],
    }


def chosen_branch(view: View) -> int | None:
    """The branch that a view shows."""
    asset = view.asset
    return asset.index if asset is not None and asset.kind is AssetKind.BRANCH else None


def keys_of(now: Maintained, shown: NetworkView, view: View) -> Mapping[str, str]:
    """A key for each part; no two states of a part that look different for long share one."""
    models, schedule = models_key(now), schedule_key(now)
    predicted = f"{shown.key}/{models}/{_learned_key(now)}/{_period(now)}"
    branch = chosen_branch(view)
    chosen = "" if branch is None else f"{branch}/{now.maintainer.drivers_mark(shown.network, branch)}"
    return {
        "risk": f"{predicted}/{schedule}",
        "condition": f"{chosen}/{predicted}",
        "schedule": f"{shown.key}/{schedule}",
        "card": f"{shown.key}/{models}",
    }


def models_key(now: Maintained) -> str:
    """Changes with the models."""
    card = now.report.card
    return "" if card is None else f"{card.trained_at}.{card.data_sha256[:8]}"


def schedule_key(now: Maintained) -> str:
    """Changes with the schedule, its pins, and while one is being made."""
    made = now.report.schedule
    return f"{schedule_state(now)[0] if made is None or now.report.scheduling else _schedule_print(made)}"


def _schedule_print(made: ScheduleView) -> str:
    weeks = b"" if made.schedule is None else made.schedule.week.tobytes()
    cost = "" if made.schedule is None else f"{made.schedule.expected_cost_eur:.0f}"
    settled = f"{made.first_day}{sorted(made.pins.items())}{made.conflict or ''}{cost}{made.standing}"
    return format(crc32(weeks + made.branches.tobytes() + settled.encode()), "x")


def _learned_key(now: Maintained) -> str:
    found = now.report.prognosis
    return "" if found is None else format(crc32(found.learned.tobytes()), "x")


def _period(now: Maintained) -> str:
    if now.report.simulated_at is None:
        return ""
    hours = HOURS_BETWEEN_LARGE if len(now.branches) > HOURLY_FLEET.most else HOURS_BETWEEN
    return str(int(now.report.simulated_at.timestamp() // (3600 * hours)))
