"""The overview's part of a tick: totals, alarms, the asset in the drawer and the new points of the trends."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.alarms.view import alarm_ids
from app.analytics.tick import report_key
from app.analytics.view import looked_on
from app.contingencies.view import list_key, table_of
from app.engine.board import Board, History, Point, Quantity, Snapshot, Trend
from app.map.asset_card import asset_card
from app.map.network_view import NetworkView
from app.map.page import PagePart, PageRequest
from app.map.tick import JSON, Seen, now_seen
from app.operations.view import IDS, operate_card
from app.optimisation.tick import overview_marks, overview_words
from app.web.browser_view import Asset, View
from components.common.alarms import alarm_list
from components.common.kpi import Kpi, Totals, card_class, kpis
from components.common.trends import LossTrend, loss_trend, rounded
from components.contingencies.table import outage_headline, outage_list
from components.map.drawer import drawer_content, drawer_head
from components.map.operations import operate_part
from grid.alarms.book import AssetKind
from grid.flow.metrics import Metrics

SPARE_CYCLES = 1


def overview_tick(request: PageRequest) -> PagePart:
    """The overview's part of a tick: its figures, the plan in a line, and that there is another forecast."""
    board, shown, planner = request.board, request.shown, request.services.planner
    ahead: JSON = {"ahead": report_key(looked_on(board, request.services), shown)}
    outages = request.services.outage_worker.report_on(board)
    listed: JSON = {"outages": list_key(outages, board, shown)}

    def data() -> JSON:
        words = overview_words(planner.report_on(board), board.snapshot)
        figures = figures_tick(board, shown, request.view, request.seen, request.parts)
        news: JSON = {}
        if request.parts.get("outages") != listed["outages"]:
            found = table_of(outages, board, shown)
            news["outages"] = [outage_headline(found), outage_list(found), listed["outages"]]
        return figures | ahead | {"proposal": words} | news

    return PagePart(keys=ahead | listed, data=data, marks=lambda: overview_marks(planner, board, shown, request.view))


def figures_tick(board: Board, shown: NetworkView, view: View, seen: Seen, parts: Mapping[str, object]) -> JSON:
    """Totals, the new points of the trends, and the alarms where parts tells of others than the browser shows."""
    snapshot, history, has = board.snapshot, board.history, now_seen(board, shown, view)
    data: JSON = {
        "kpi": [[kpi.value, kpi.detail, kpi.change, card_class(kpi.tone)] for kpi in cards(snapshot, history)],
        "weight": f"{snapshot.assessed.supply.risk_weight:g}",
    }
    if seen.of(shown) and seen.time:
        after = _with_margin(snapshot, seen.time).replace(tzinfo=None).isoformat(timespec="seconds")
        data["loss"] = loss_of(history).points(after)
    if parts.get("alarms") != has.alarms:
        data["alarms"] = alarm_list(
            snapshot.assessed.alarm_cards, alarm_ids(shown, "list"), snapshot.solved.stale, snapshot.case.standing
        )
    if view.asset is not None:
        data["asset"] = _asset(snapshot, history, shown, view.asset, seen.time if seen.view == has.view else "")
    return data


def _totals(metrics: Metrics) -> Totals:
    """What the metrics know of the totals; the others keep their default, which is that they aren't known."""
    return Totals(**{name: value for name, value in vars(metrics).items() if name in Totals.__dataclass_fields__})


def cards(snapshot: Snapshot, history: History) -> tuple[Kpi, ...]:
    """The cards at the top; those of a stale state say of when they are."""
    earlier = history.at(snapshot.simulated_at - timedelta(hours=1))
    as_of = snapshot.simulated_at if snapshot.solved.stale else None
    customers = snapshot.assessed.reliability.interrupted_now
    now = replace(_totals(snapshot.assessed.metrics), unsupplied_customers=customers)
    return kpis(now, None if earlier is None else _totals(earlier.metrics), as_of)


def loss_of(history: History) -> LossTrend:
    """The trend of a network's losses."""
    total = history.range(Point(Quantity.LOSS_MW))
    return loss_trend(total.time, total.value)


def _with_margin(snapshot: Snapshot, time: str) -> datetime:
    """A time some cycles before the given one: the browser leaves out points that it has."""
    cycle = timedelta(minutes=snapshot.control.cycle.period_s * snapshot.control.speed_minutes_per_s)
    return datetime.fromisoformat(time).replace(tzinfo=UTC) - SPARE_CYCLES * cycle


def asset_trends(history: History, asset: Asset, start: datetime | None = None) -> tuple[Trend, ...]:
    """Voltage of a bus; loading and temperature of a branch; from a simulated time on, by default all that is kept."""
    if asset.kind is AssetKind.BUS:
        return (history.range(Point(Quantity.BUS_VM_PU, asset.index), start),)
    kept = (Quantity.BRANCH_LOADING_PERCENT, Quantity.BRANCH_TEMPERATURE_C)
    loading, temperature = (history.range(Point(quantity, asset.index), start) for quantity in kept)
    return loading, temperature


def _asset(snapshot: Snapshot, history: History, shown: NetworkView, asset: Asset, after: str) -> JSON:
    """The drawer's part: its live sections, and the new points of its trend, [time, value, ...] each."""
    card, ids = asset_card(snapshot, shown, asset), alarm_ids(shown, "drawer")
    data: JSON = {"name": card.name, "head": drawer_head(card), "body": drawer_content(card, ids)}
    data["operate"] = operate_part(operate_card(snapshot, asset), IDS)
    if after:
        trends = asset_trends(history, asset, _with_margin(snapshot, after))
        values = [[rounded(float(value)) for value in trend.value] for trend in trends]
        data["points"] = [[str(time), *point] for time, *point in zip(trends[0].time, *values, strict=True)]
    return data
