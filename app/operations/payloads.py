"""Operations by hand and tags as the plain data that the REST API answers with."""

from typing import Any

import numpy as np

from app.engine.board import HandOperation, Snapshot, WatchedCase
from app.engine.commands import OperationRefusal
from app.web.plain import number, stamp
from app.web.reasons import operation_refusal_words
from grid.limits import LimitEdit
from grid.network import Network
from grid.reliability.priorities import ORDINARY, PriorityEdit
from ml.optimisation.plans.by_hand import Effect, Operation, Setting, Switching
from ml.optimisation.plans.plan import Verdict
from ml.optimisation.plans.tags import Tag, TaggedKind

JSON = dict[str, Any]


def operation(item: Operation, network: Network) -> JSON:
    """What is switched, set or moved."""
    if isinstance(item, Setting):
        names = network.generator.name
        of_generator: JSON = {"kind": TaggedKind.GENERATOR, "target": item.generator, "name": names[item.generator]}
        return {**of_generator, "close": None, "p_mw": item.p_mw, "vm_pu": item.vm_pu, "tap_pos": None}
    of_branch: JSON = {"kind": TaggedKind.BRANCH, "target": item.branch, "name": network.branch.name[item.branch]}
    close, tap_pos = (item.close, None) if isinstance(item, Switching) else (None, int(item.position))
    return {**of_branch, "close": close, "p_mw": None, "vm_pu": None, "tap_pos": tap_pos}


def preview(effect: Effect, snapshot: Snapshot, refusal: OperationRefusal | None, radial: bool) -> JSON:
    """What an operation would do. refusal: why it can't be done."""
    network, customers = snapshot.case.network, snapshot.case.customers
    dark_nodes = np.unique(network.load.bus[effect.dark]).tolist()
    return {
        "operation": operation(effect.operation, network),
        "code": effect.code,
        "present": _totals(effect.before),
        "after": _totals(effect.after),
        "dark_kw": effect.dark_kw,
        "dark_customers": float(customers.count[effect.dark].sum()),
        "dark_nodes": dark_nodes,
        "dark_node_names": [network.bus.name[bus] for bus in dark_nodes],
        "restored_kw": effect.restored_kw,
        "restored_customers": float(customers.count[effect.restored].sum()),
        "customers_derived": bool(customers.derived.any()),
        "loop": list(effect.loop),
        "loop_names": [network.branch.name[branch] for branch in effect.loop],
        "radial_grid": radial,
        "broken": [
            {
                "constraint": item.constraint.value,
                "element": item.element,
                "value": number(item.value),
                "limit": number(item.limit),
                "before": number(item.before),
                "unit": item.unit,
                "derived": item.derived,
            }
            for item in effect.broken
        ],
        "still_broken": effect.still_broken,
        "stale": snapshot.solved.stale,
        "refused": None if refusal is None else operation_refusal_words(refusal),
    }


def _totals(item: Verdict | None) -> JSON | None:
    if item is None:
        return None
    return {
        "loss_kw": number(item.loss_kw),
        "unsupplied_kw": number(item.unsupplied_kw),
        "min_vm_pu": number(item.min_vm_pu),
        "max_vm_pu": number(item.max_vm_pu),
        "max_loading_percent": number(item.max_loading_percent),
    }


def hand_operation(item: HandOperation, network: Network) -> JSON:
    """One that was carried out."""
    return {
        "id": item.id,
        "operation": operation(item.operation, network),
        "person": item.person,
        "ordered_at": stamp(item.ordered_at),
        "dark_kw": item.dark_kw,
        "taken_back": item.taken_back,
    }


def tag(item: Tag, network: Network) -> JSON:
    """A tag."""
    return {
        "id": item.id,
        "kind": item.kind.value,
        "on": item.on.value,
        "target": item.target,
        "name": item.name_in(network),
        "reason": item.reason,
        "person": item.person,
        "placed_at": stamp(item.placed_at),
    }


def priority_edit(item: PriorityEdit, network: Network) -> JSON:
    """A priority that a person has set."""
    return {
        "target": item.bus,
        "name": network.bus.name[item.bus],
        "priority": item.priority,
        "person": item.person,
        "edited_at": stamp(item.edited_at),
    }


def priorities(case: WatchedCase) -> JSON:
    """What doesn't count as an ordinary load, and who said so."""
    network, found = case.network, case.priorities
    buses = sorted({int(bus) for bus in network.load.bus[found.of_load != ORDINARY]})
    return {
        "buses": [
            {"target": bus, "name": network.bus.name[bus], "priority": found.at_bus(network, bus)} for bus in buses
        ],
        "edits": [priority_edit(edit, network) for edit in reversed(found.edits)],
    }


def limit_edit(item: LimitEdit, network: Network) -> JSON:
    """An edited limit."""
    return {
        "on": item.on.value,
        "target": item.target,
        "name": item.name_in(network),
        "min_vm_pu": number(item.min_vm_pu),
        "max_vm_pu": number(item.max_vm_pu),
        "rating_ka": number(item.rating_ka),
        "person": item.person,
        "edited_at": stamp(item.edited_at),
    }
