"""Tick: all that changes from one cycle to the next, as one small dictionary for one browser; what every page needs.

Numbers are formatted here, by the pure functions of `components`; the browser only puts them in place. What rarely
changes (alarms, events) is left out when the browser has it already.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from app.engine.board import Board, Snapshot
from app.map.network_view import NetworkView
from app.map.values import map_values
from app.map.view_quality import quality_key, worth_of
from app.web.browser_view import View
from app.web.ids import event_remove_id
from components.common import text
from components.common.alarms import banner, fingerprint
from components.common.events import event_list
from components.common.quality import explanation, summary
from components.map.faults import fault_list

JSON = dict[str, object]


@dataclass(frozen=True)
class Seen:
    """What a browser shows: version, scope and view of its last tick, its newest point, and its lists.

    banner and alarms are fingerprints of the alarms that the header and the alarm list show, quality that of the
    judgement; events are ids.
    """

    version: int = 0
    scope: str = ""
    view: str = ""
    time: str = ""
    banner: str = ""
    events: str = ""
    alarms: str = ""
    quality: str = ""

    @classmethod
    def parse(cls, data: object) -> Self:
        """From a browser's data; anything else than what we sent counts as nothing seen. Lists of a page's own are told
        by its stores, not here."""
        if not isinstance(data, Mapping):
            return cls()
        texts = {name: data.get(name) for name in ("scope", "view", "time", "banner", "events", "quality")}
        version = data.get("version")
        if not isinstance(version, int) or not all(isinstance(value, str) for value in texts.values()):
            return cls()
        return cls(version, **texts)  # type: ignore[arg-type]

    def of(self, shown: NetworkView) -> bool:
        """Whether it was a tick of this network."""
        return self.scope.partition("/")[0] == shown.key


def now_seen(board: Board, shown: NetworkView, view: View) -> Seen:
    """What a browser has after the tick of a board."""
    snapshot, quality = board.snapshot, quality_key(board.quality)
    alarms = f"{fingerprint(snapshot.assessed.alarm_cards)}{'s' if snapshot.solved.stale else ''}"
    return Seen(
        version=snapshot.version,
        scope=shown.scope_key(view.area),
        view=format(hash(view), "x"),
        time=snapshot.simulated_at.replace(tzinfo=None).isoformat(timespec="seconds"),
        banner=alarms,
        alarms=f"{shown.key}/{alarms}",
        quality=quality,
        events=",".join(
            [
                *(str(event.id) for event in snapshot.control.events),
                *(f"{fault.report.id}@{fault.report.tripped_at:%H%M%S}" for fault in snapshot.assessed.faults),
            ]
        ),
    )


def tick(board: Board, shown: NetworkView, view: View, seen: Seen, now_s: float, has_map: bool = True) -> JSON:
    """What a tick tells every page. seen: what the browser has. now_s: time.monotonic(). has_map: of the page."""
    snapshot, has = board.snapshot, now_seen(board, shown, view)
    same_network = seen.of(shown)
    data: JSON = {
        "version": snapshot.version,
        "seen": asdict(has),
        "network": shown.key,
        "scope": has.scope,
        "head": _head(snapshot, now_s),
        "map": map_values(snapshot, shown, view) if has_map else {},
    }
    if seen.banner != has.banner or not same_network:
        data["banner"] = banner(snapshot.assessed.alarm_cards, snapshot.solved.stale)
    if seen.events != has.events or not same_network:
        data["events"] = [
            event_list(snapshot.control.events, event_remove_id),
            fault_list(snapshot.assessed.faults, snapshot.case.network),
        ]
    if seen.quality != has.quality or not same_network:
        worth = worth_of(board)
        data["quality"] = [f"quality quality-{worth.standing}", summary(worth), explanation(worth)]
    return data


def _head(snapshot: Snapshot, now_s: float) -> JSON:
    state, words = source_state(snapshot)
    return {
        "name": snapshot.case.network.title,
        "clock": text.moment(snapshot.simulated_at),
        "state": state,
        "words": words,
        "age_ms": round(1000 * snapshot.age_s(now_s)),
        "period_ms": round(1000 * snapshot.control.cycle.period_s),
        "paused": snapshot.control.paused,
        "speed": f"{snapshot.control.speed_minutes_per_s:g}",
    }


def source_state(snapshot: Snapshot) -> tuple[str, str]:
    """A word for the style sheet, and what people read: running, paused, or what is replayed."""
    if snapshot.control.paused:
        return "paused", "Paused"
    if not snapshot.control.offers.clock:
        return "running", snapshot.measured.source.capitalize()
    return "running", f"Running, {snapshot.control.speed_minutes_per_s:g} min/s"
