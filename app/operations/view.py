"""What the drawer shows of operating by hand, from a snapshot."""

import numpy as np

from app.engine.board import HandOperation, Snapshot
from app.engine.operating_point import Preview
from app.web.browser_view import Asset
from app.web.ids import operate_id, undo_id, untag_id
from app.web.reasons import operation_refusal_words
from components.common import text
from components.map.operations import Affected, Extremes, LimitRow, OperateCard, OperateIds, PreviewCard, TagRow
from components.optimisation.words import stopped_words
from grid.alarms.book import AssetKind
from grid.network import IntArray, Network
from ml.optimisation.plans.by_hand import Operation, Switching, TapMove
from ml.optimisation.plans.plan import Verdict
from ml.optimisation.plans.tags import Tag, TaggedKind
from ml.optimisation.radial.grid import operated_radially

IDS = OperateIds(operate_id, undo_id, untag_id)


def generators_at(network: Network, asset: Asset) -> list[int]:
    """Generators at a bus; none at a branch."""
    if asset.kind is not AssetKind.BUS:
        return []
    return np.flatnonzero(network.generator.bus == asset.index).tolist()


def operate_card(snapshot: Snapshot, asset: Asset) -> OperateCard:
    """What can be operated at a bus or a branch, and the tags that hang there."""
    network, operations = snapshot.case.network, snapshot.control.operations
    switch = None
    if asset.kind is AssetKind.BRANCH:
        closes = not snapshot.solved.state.closed[asset.index]
        switch = asset.index, network.branch.name[asset.index], bool(closes)
    at = set(generators_at(network, asset))
    tags = [tag for tag in snapshot.control.tags if _hangs_at(tag, asset, at)]
    return OperateCard(
        switch=switch,
        tags=tuple(_tag_row(tag, network) for tag in tags),
        may_undo=operations.may_undo,
        last=_last(operations.by_hand[-1], network) if operations.by_hand else "",
        note=stopped_words(network, operations.stopped),
    )


def _hangs_at(tag: Tag, asset: Asset, generators: set[int]) -> bool:
    if tag.on is TaggedKind.GENERATOR:
        return tag.target in generators
    return asset.kind is AssetKind.BRANCH and tag.target == asset.index


def _tag_row(tag: Tag, network: Network) -> TagRow:
    words = "Do not operate" if tag.forbids else "Note"
    if tag.on is TaggedKind.GENERATOR:
        words = f"{words}: {tag.name_in(network)}"
    time = text.moment(tag.placed_at)
    return TagRow(id=tag.id, words=words, forbids=tag.forbids, reason=tag.reason, person=tag.person, time=time)


def _last(done: HandOperation, network: Network) -> str:
    back = ", taken back" if done.taken_back else ""
    return f"Last by hand: {title_of(done.operation, network)}; {done.person}, {text.clock(done.ordered_at)}{back}"


def title_of(operation: Operation, network: Network) -> str:
    """What an operation does, in words."""
    if isinstance(operation, Switching):
        return f"{'Close' if operation.close else 'Open'} {network.branch.name[operation.branch]}"
    if isinstance(operation, TapMove):
        return f"Move the tap of {network.branch.name[operation.branch]} to {text.number(operation.position, 0)}"
    held = [
        text.number(value, digits, unit)
        for value, digits, unit in ((operation.p_mw, 2, "MW"), (operation.vm_pu, 3, "p.u."))
        if value is not None
    ]
    return f"Hold {network.generator.name[operation.generator]} at {' and '.join(held)}"


def preview_card(seen: Preview) -> PreviewCard:
    """What an operation would do."""
    effect, network = seen.effect, seen.snapshot.case.network
    losses = spans = None
    if effect.before is not None and effect.after is not None:
        losses = effect.before.loss_kw, effect.after.loss_kw
        spans = _span(effect.before), _span(effect.after)
    return PreviewCard(
        title=title_of(effect.operation, network),
        dark=_affected(seen.snapshot, effect.dark, effect.dark_kw),
        restored=_affected(seen.snapshot, effect.restored, effect.restored_kw),
        loss_kw=losses,
        spans=spans,
        loop=tuple(network.branch.name[branch] for branch in effect.loop),
        radial_grid=operated_radially(network),
        limits=tuple(
            LimitRow(
                constraint=item.constraint,
                element=item.element,
                value=item.value,
                limit=item.limit,
                before=item.before,
                unit=item.unit,
                derived=item.derived,
            )
            for item in effect.broken
        ),
        still_broken=effect.still_broken,
        stale=seen.snapshot.solved.stale,
        refused="" if seen.refusal is None else operation_refusal_words(seen.refusal),
    )


def _span(state: Verdict) -> Extremes:
    return Extremes(min_vm_pu=state.min_vm_pu, max_vm_pu=state.max_vm_pu, max_loading_percent=state.max_loading_percent)


def _affected(snapshot: Snapshot, loads: IntArray, kw: float) -> Affected:
    network, customers = snapshot.case.network, snapshot.case.customers
    names = tuple(network.bus.name[bus] for bus in np.unique(network.load.bus[loads]))
    derived = bool(customers.derived[loads].any())
    return Affected(kw=kw, customers=float(customers.count[loads].sum()), names=names, derived=derived)
