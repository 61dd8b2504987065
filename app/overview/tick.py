"""Tick: all that changes on a page from one cycle to the next, as one small dictionary for one browser's view.

Numbers are formatted here, by the pure functions of `components`; the browser only puts them in place. What rarely
changes (alarms, events) is left out when the browser has it already.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Self

import numpy as np

from app.alarms.view import alarm_ids
from app.engine.board import History, Snapshot, Trend
from app.map.asset_card import asset_card
from app.map.network_view import NetworkView
from app.map.values import map_values
from app.web.browser_view import Asset, Page, View
from app.web.ids import event_remove_id
from components.common import text
from components.common.alarms import alarm_list, banner, fingerprint
from components.common.events import event_list
from components.common.kpi import Kpi, Totals, kpis
from components.common.trends import LossTrend, loss_trend, rounded
from components.map.drawer import drawer_content, drawer_head
from grid.alarms.book import AssetKind
from grid.flow.metrics import Metrics

JSON = dict[str, object]
SPARE_CYCLES = 1
WITHOUT_MAP = (Page.MAINTENANCE, Page.ANALYTICS)


@dataclass(frozen=True)
class Seen:
    """What a browser shows: version, scope and view of its last tick, its newest point, and its lists.

    banner and alarms are fingerprints of the alarms that the header and the alarm list show; events are ids.
    """

    version: int = 0
    scope: str = ""
    view: str = ""
    time: str = ""
    banner: str = ""
    events: str = ""
    alarms: str = ""

    @classmethod
    def parse(cls, data: object, alarms: object = None) -> Self:
        """From a browser's data; anything else than what we sent counts as nothing seen."""
        if not isinstance(data, Mapping):
            return cls()
        texts = {name: data.get(name) for name in ("scope", "view", "time", "banner", "events")}
        version = data.get("version")
        if not isinstance(version, int) or not all(isinstance(value, str) for value in texts.values()):
            return cls()
        return cls(version, **texts, alarms=alarms if isinstance(alarms, str) else "")  # type: ignore[arg-type]


def now_seen(snapshot: Snapshot, shown: NetworkView, view: View) -> Seen:
    """What a browser has after the tick of a snapshot."""
    return Seen(
        version=snapshot.version,
        scope=shown.scope_key(view.area),
        view=format(hash(view), "x"),
        time=snapshot.simulated_at.replace(tzinfo=None).isoformat(timespec="seconds"),
        banner=fingerprint(snapshot.alarms),
        alarms=f"{shown.key}/{fingerprint(snapshot.alarms)}",
        events=",".join(str(event.id) for event in snapshot.events),
    )


def tick(snapshot: Snapshot, history: History, shown: NetworkView, view: View, seen: Seen, now: datetime) -> JSON:
    """The tick of a snapshot for a view. seen: what the browser has. now: wall clock, UTC."""
    has = now_seen(snapshot, shown, view)
    same_network = seen.scope.partition("/")[0] == shown.key
    data: JSON = {
        "version": snapshot.version,
        "seen": asdict(has),
        "network": shown.key,
        "scope": has.scope,
        "head": _head(snapshot, now),
        "map": {} if view.page in WITHOUT_MAP else map_values(snapshot, shown, view),
    }
    if seen.banner != has.banner or not same_network:
        data["banner"] = banner(snapshot.alarms)
    if seen.events != has.events or not same_network:
        data["events"] = event_list(snapshot.events, event_remove_id)
    if view.page is Page.OVERVIEW:
        data |= _overview(snapshot, history, shown, view, seen)
    return data


def _overview(snapshot: Snapshot, history: History, shown: NetworkView, view: View, seen: Seen) -> JSON:
    """What only the overview shows."""
    has = now_seen(snapshot, shown, view)
    data: JSON = {
        "kpi": [[kpi.value, kpi.detail, kpi.change] for kpi in cards(snapshot, history)],
        "weight": f"{snapshot.supply.risk_weight:g}",
    }
    if seen.scope.partition("/")[0] == shown.key and seen.time:
        data["loss"] = loss_of(history).points(after=_with_margin(snapshot, seen.time))
    if seen.alarms != has.alarms:
        data["alarms"] = alarm_list(snapshot.alarms, alarm_ids(shown, "list"))
    if view.asset is not None:
        data["asset"] = _asset(snapshot, history, shown, view.asset, seen.time if seen.view == has.view else "")
    return data


def _head(snapshot: Snapshot, now: datetime) -> JSON:
    state, words = source_state(snapshot)
    return {
        "name": snapshot.network.title,
        "clock": text.moment(snapshot.simulated_at),
        "state": state,
        "words": words,
        "age_ms": max(0, round(1000 * (now - snapshot.created_at).total_seconds())),
        "period_ms": round(1000 * snapshot.cycle.period_s),
        "paused": snapshot.paused,
        "speed": f"{snapshot.speed_minutes_per_s:g}",
    }


def source_state(snapshot: Snapshot) -> tuple[str, str]:
    """A word for the style sheet, and what people read: running, paused, stale with the reason, or what is replayed."""
    if snapshot.stale:
        return "stale", f"Stale: {snapshot.stale_reason}"
    if snapshot.paused:
        return "paused", "Paused"
    if not snapshot.offers.clock:
        return "running", snapshot.source.capitalize()
    return "running", f"Running, {snapshot.speed_minutes_per_s:g} min/s"


def _totals(metrics: Metrics) -> Totals:
    return Totals(**{name: getattr(metrics, name) for name in Totals.__dataclass_fields__})


def cards(snapshot: Snapshot, history: History) -> tuple[Kpi, ...]:
    """The cards at the top."""
    earlier = history.an_hour_ago()
    return kpis(_totals(snapshot.metrics), None if earlier is None else _totals(earlier))


def loss_of(history: History) -> LossTrend:
    """The trend of a network's losses."""
    total = history.total("loss_mw")
    return loss_trend(total.time, total.value)


def _with_margin(snapshot: Snapshot, time: str) -> str:
    """A time some cycles before the given one: the browser leaves out points that it has."""
    cycle = timedelta(minutes=snapshot.cycle.period_s * snapshot.speed_minutes_per_s)
    return (datetime.fromisoformat(time) - SPARE_CYCLES * cycle).isoformat(timespec="seconds")


def asset_trends(history: History, asset: Asset) -> tuple[Trend, ...]:
    """Voltage of a bus; loading and temperature of a branch."""
    if asset.kind is AssetKind.BUS:
        return (history.bus_vm_pu(asset.index),)
    return history.branch_loading_percent(asset.index), history.branch_temperature_c(asset.index)


def _asset(snapshot: Snapshot, history: History, shown: NetworkView, asset: Asset, after: str) -> JSON:
    """The drawer's part: its live sections, and the new points of its trend, [time, value, ...] each."""
    card, ids = asset_card(snapshot, shown, asset), alarm_ids(shown, "drawer")
    data: JSON = {"name": card.name, "head": drawer_head(card), "body": drawer_content(card, ids)}
    if after:
        trends = asset_trends(history, asset)
        rows = np.flatnonzero(trends[0].time > np.datetime64(_with_margin(snapshot, after)))
        values = [[rounded(float(value)) for value in trend.value[rows]] for trend in trends]
        data["points"] = [[str(trends[0].time[row]), *point] for row, *point in zip(rows, *values, strict=True)]
    return data
