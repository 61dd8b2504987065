"""Snapshots as the plain data that the REST API answers with. Values that aren't known are None, never NaN."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from app.engine.board import History, Point, Quantity, Snapshot
from app.web.reasons import stale_reason, suspect_words
from components.common.alarm_words import alarm_words, count_words, effects_words, prospect_words, standing_words
from grid.alarms.book import Alarm
from grid.alarms.cards import AlarmCard, StandingLimit
from grid.network import FloatArray
from grid.protection.records import LocatedFault
from grid.telemetry import Event

JSON = dict[str, Any]


def number(value: float | np.floating[Any]) -> float | None:
    """A finite float, or None."""
    return float(value) if math.isfinite(value) else None


def numbers(values: FloatArray) -> list[float | None]:
    """Finite floats, None for the others."""
    finite = np.isfinite(values)
    if finite.all():
        return values.tolist()
    return [value if known else None for value, known in zip(values.tolist(), finite.tolist(), strict=True)]


def stamp(time: datetime) -> str:
    """ISO 8601."""
    return time.isoformat()


def nodes(snapshot: Snapshot) -> list[JSON]:
    """Every bus with its state; voltage in kV, demand and generation in MW, x and y as on the map."""
    network, state, bus = snapshot.case.network, snapshot.solved.state, snapshot.case.network.bus
    demand, generation = bus_demand_mw(snapshot), bus_generation_mw(snapshot)
    columns = {
        "voltage": numbers(state.vm_pu * bus.vn_kv),
        "vm_pu": numbers(state.vm_pu),
        "va_degree": numbers(state.va_degree),
        "vn_kv": bus.vn_kv.tolist(),
        "demand": demand.tolist(),
        "generation": generation.tolist(),
        "degree": network.bus_degree(state.closed).tolist(),
        "energised": state.energised.tolist(),
        "x": numbers(bus.x),
        "y": numbers(bus.y),
        "risk": numbers(node_risk_mw(snapshot)),
    }
    return _rows({"name": bus.name, "type": [kind.value for kind in bus.kind], **columns})


def edges(snapshot: Snapshot) -> list[JSON]:
    """Every branch with its state: resistance in ohm, current in A, power_flow and loss in MW, risk in MW a year."""
    network, state, branch = snapshot.case.network, snapshot.solved.state, snapshot.case.network.branch
    sources, targets = branch.from_bus.tolist(), branch.to_bus.tolist()
    return _rows(
        {
            "name": branch.name,
            "type": [kind.value for kind in branch.kind],
            "source": sources,
            "target": targets,
            "source_name": [network.bus.name[bus] for bus in sources],
            "target_name": [network.bus.name[bus] for bus in targets],
            "resistance": branch.r_ohm.tolist(),
            "current": numbers(1000 * state.i_ka),
            "temperature": numbers(snapshot.assessed.temperature_c),
            "loading_percent": numbers(state.loading_percent),
            "rating_derived": branch.rating_derived.tolist(),
            "power_flow": numbers(state.p_from_mw),
            "loss": numbers(state.loss_mw),
            "risk": numbers(snapshot.assessed.risk.risk_mw),
            "failure_probability": numbers(snapshot.assessed.risk.failure_probability),
            "interrupted_mw": numbers(snapshot.assessed.risk.interrupted_mw),
            "year_built": numbers(snapshot.assessed.risk.year_built),
            "year_generated": snapshot.assessed.risk.year_generated.tolist(),
            "in_service": state.closed.tolist(),
        }
    )


def _rows(columns: dict[str, Any]) -> list[JSON]:
    names = ("id", *columns)
    return [
        dict(zip(names, (index, *row), strict=True)) for index, row in enumerate(zip(*columns.values(), strict=True))
    ]


def bus_demand_mw(snapshot: Snapshot) -> FloatArray:
    """(n,) MW that loads take at each bus."""
    network = snapshot.case.network
    return np.bincount(network.load.bus, snapshot.solved.state.load_p_mw, network.n_bus)


def bus_generation_mw(snapshot: Snapshot) -> FloatArray:
    """(n,) MW that generators feed in at each bus."""
    network = snapshot.case.network
    return np.bincount(network.generator.bus, snapshot.solved.state.generator_p_mw, network.n_bus)


def node_risk_mw(snapshot: Snapshot) -> FloatArray:
    """(n,) MW expected to be interrupted within a year by a failure on each bus's supply path; NaN without a path."""
    return snapshot.assessed.supply.paths.path_risk * bus_demand_mw(snapshot).clip(min=0)


def metrics(snapshot: Snapshot) -> JSON:
    """Totals."""
    values = snapshot.assessed.metrics
    return {
        "total_load": values.load_mw,
        "total_generation": values.generation_mw,
        "renewable_percent": number(values.renewable_percent),
        "loss_mw": values.loss_mw,
        "loss_percent": number(values.loss_percent),
        "efficiency_percent": number(values.efficiency_percent),
        "average_risk": number(values.average_risk),
        "unsupplied_mw": values.unsupplied_mw,
        "total_nodes": snapshot.case.network.n_bus,
        "total_edges": snapshot.case.network.n_branch,
        "active_alarms": values.active_alarms,
    }


def grid_state(snapshot: Snapshot) -> JSON:
    """The whole state."""
    return {
        "version": snapshot.version,
        "iteration": snapshot.iteration,
        "timestamp": stamp(snapshot.created_at),
        "simulated_time": stamp(snapshot.simulated_at),
        "case": snapshot.case.network.name,
        "stale": snapshot.solved.stale,
        "stale_reason": stale_reason(snapshot),
        "suspects": [
            {
                "node": suspect.bus,
                "name": snapshot.case.network.bus.name[suspect.bus],
                "reason": suspect_words(snapshot.case.network, suspect),
            }
            for suspect in snapshot.solved.suspects
        ],
        "nodes": nodes(snapshot),
        "edges": edges(snapshot),
        "metrics": metrics(snapshot),
    }


def reward(history: History) -> float | None:
    """The reward now: minus (loss in kW + risk weight x demand expected to be interrupted within a year in kW)."""
    rewards = history.range(Point(Quantity.REWARD_KW)).value
    return number(rewards[-1]) if len(rewards) else None


def supply_paths(snapshot: Snapshot) -> list[JSON]:
    """The path of every bus with demand: from the load to its generator, with loss share in MW and risk."""
    network, supply = snapshot.case.network, snapshot.assessed.supply
    demand = bus_demand_mw(snapshot)
    names, generator_name = network.bus.name, generator_names(snapshot)
    found = []
    for bus in np.flatnonzero((demand > 0) & (supply.paths.generator_bus >= 0)).tolist():
        generator = int(supply.paths.generator_bus[bus])
        path = supply.paths.path_buses(bus)
        found.append(
            {
                "load_node": bus,
                "load_name": names[bus],
                "generator_node": generator,
                "generator_name": generator_name[generator],
                "path": path,
                "path_names": [names[passed] for passed in path],
                "demand": float(demand[bus]),
                "loss": number(supply.loss_mw[bus]),
                "risk": number(supply.paths.path_risk[bus]),
                "cost_ohm": number(supply.paths.cost[bus]),
                "supplied_by": suppliers(snapshot, bus),
            }
        )
    return found


def generator_names(snapshot: Snapshot) -> dict[int, str]:
    """Name of the first generator at each bus that has one."""
    generator = snapshot.case.network.generator
    return {int(bus): name for bus, name in reversed(list(zip(generator.bus, generator.name, strict=True)))}


def suppliers(snapshot: Snapshot, bus: int) -> list[JSON]:
    """Which generators supply a bus by the physical flows, largest share first, shares under 0.1 % left out."""
    supply, generator = snapshot.assessed.supply, snapshot.case.network.generator
    shares = supply.shares[bus]
    order = [int(group) for group in np.argsort(-shares) if shares[group] >= 0.001]
    return [
        {
            "generator": (index := int(supply.group_generator[group])),
            "name": generator.name[index] if index >= 0 else "others",
            "share": float(shares[group]),
        }
        for group in order
    ]


def paths(snapshot: Snapshot) -> JSON:
    """Supply paths with totals."""
    return {
        "version": snapshot.version,
        "paths": supply_paths(snapshot),
        "loss_percent": number(snapshot.assessed.metrics.loss_percent),
        "avg_risk": number(snapshot.assessed.metrics.average_risk),
        "total_demand": snapshot.assessed.metrics.load_mw,
        "risk_weight": snapshot.assessed.supply.risk_weight,
    }


def ranked_risk(snapshot: Snapshot) -> JSON:
    """Nodes and edges with the riskiest first."""

    def order(rows: list[JSON]) -> list[JSON]:
        return sorted(rows, key=lambda row: -(row["risk"] or 0.0))

    return {"nodes": order(nodes(snapshot)), "edges": order(edges(snapshot)), "model": snapshot.assessed.risk.model}


def loss(snapshot: Snapshot, history: History) -> JSON:
    """Loss, risk and reward over the cycles kept."""
    losses = history.range(Point(Quantity.LOSS_PERCENT))
    known = losses.value[np.isfinite(losses.value)]
    return {
        "time": [str(moment) for moment in losses.time],
        "history": numbers(losses.value),
        "risk_history": numbers(history.range(Point(Quantity.AVERAGE_RISK)).value),
        "reward_history": numbers(history.range(Point(Quantity.REWARD_KW)).value),
        "current_loss_percent": number(snapshot.assessed.metrics.loss_percent),
        "current_avg_risk": number(snapshot.assessed.metrics.average_risk),
        "best_loss": float(known.min()) if len(known) else None,
        "worst_loss": float(known.max()) if len(known) else None,
    }


def statistics(snapshot: Snapshot) -> JSON:
    """Mean, min, max and standard deviation over the grid: p.u., MW, MW a year, C, MW and A."""
    state, closed = snapshot.solved.state, snapshot.solved.state.closed
    return {
        "version": snapshot.version,
        "voltage": _summary(state.vm_pu),
        "demand": _summary(bus_demand_mw(snapshot)),
        "risk": _summary(snapshot.assessed.risk.risk_mw),
        "temperature": _summary(snapshot.assessed.temperature_c),
        "power_flow": _summary(np.abs(state.p_from_mw[closed])),
        "current": _summary(1000 * state.i_ka[closed]),
        "generation": _summary(state.generator_p_mw),
    }


def _summary(values: FloatArray) -> JSON:
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": None, "min": None, "max": None, "std": None, "count": 0}
    return {
        "mean": float(known.mean()),
        "min": float(known.min()),
        "max": float(known.max()),
        "std": float(known.std()),
        "count": len(known),
    }


def node(snapshot: Snapshot, bus: int) -> JSON:
    """One bus and the buses that branches join to it."""
    branch, all_nodes, all_edges = snapshot.case.network.branch, nodes(snapshot), edges(snapshot)
    touching = np.flatnonzero((branch.from_bus == bus) | (branch.to_bus == bus)).tolist()
    return {
        **all_nodes[bus],
        "supplied_by": suppliers(snapshot, bus),
        "neighbor_details": [
            {
                "node": all_nodes[int(branch.to_bus[edge] if branch.from_bus[edge] == bus else branch.from_bus[edge])],
                "edge": all_edges[edge],
            }
            for edge in touching
        ],
    }


def alarms(snapshot: Snapshot, wanted: Callable[[Alarm], bool] | None = None) -> JSON:
    """Alarms with their consequences folded under them, and what the published state of the case breaks itself.

    wanted: only cards are told of which the alarm or a consequence is; they are told whole.
    """
    cards = [card for card in snapshot.assessed.alarm_cards if wanted is None or any(map(wanted, card.alarms))]
    return {
        "alarms": [alarm(card) for card in cards],
        "consequences": sum(len(card.consequences) for card in cards),
        "summary": count_words(cards),
        "standing": [_standing(one) for one in snapshot.case.standing],
        "standing_note": standing_words(snapshot.case.standing),
    }


def _standing(item: StandingLimit) -> JSON:
    return {
        "cause": item.cause.value,
        "asset_kind": item.asset_kind.value,
        "asset_id": item.asset_id,
        "asset_name": item.asset_name,
        "value": number(item.value),
        "limit": number(item.limit),
        "is_low": item.is_low,
    }


def alarm(card: AlarmCard) -> JSON:
    """One alarm with what is folded under it."""
    effects = card.effects
    return {
        **_alarm(card.alarm),
        "root_id": None if card.root is None else card.root.id,
        "if_nothing_is_done": {
            "kind": card.prospect.kind.value,
            "value": number(card.prospect.value),
            "limit": number(card.prospect.limit),
            "message": prospect_words(card.prospect),
        },
        "effects": effects
        and {name: number(value) if isinstance(value, float) else value for name, value in vars(effects).items()}
        | {"message": effects_words(effects)},
        "consequences": [alarm(consequence) for consequence in card.consequences],
    }


def _alarm(item: Alarm) -> JSON:
    return {
        "id": item.id,
        "kind": item.kind.value,
        "priority": item.priority.value,
        "state": item.state.value,
        "asset_kind": item.asset_kind.value,
        "asset_id": item.asset_id,
        "asset_name": item.asset_name,
        "message": alarm_words(item),
        "value": number(item.value),
        "limit": number(item.limit),
        "unit": item.unit,
        "raised_at": stamp(item.raised_at),
        "returned_at": None if item.returned_at is None else stamp(item.returned_at),
        "acknowledged_at": None if item.acknowledged_at is None else stamp(item.acknowledged_at),
        "acknowledged_by": item.acknowledged_by,
    }


def event(item: Event) -> JSON:
    """One injected disturbance."""
    return {
        "id": item.id,
        "kind": item.kind.value,
        "target": item.target,
        "target_name": item.target_name,
        "magnitude": item.magnitude,
        "started_at": stamp(item.started_at),
    }


def fault(item: LocatedFault, snapshot: Snapshot) -> JSON:
    """A trip with what is known of its fault."""
    network, report = snapshot.case.network, item.report
    branch, bus = network.branch.name, network.bus.name
    shown = np.flatnonzero((np.nan_to_num(report.seen) > 0).any(axis=1))
    return {
        "id": report.id,
        "tripped_at": stamp(report.tripped_at),
        "devices": list(report.trip.branches),
        "device_names": [branch[i] for i in report.trip.branches],
        "generators": [network.generator.name[i] for i in report.trip.generators],
        "passages": report.passages,
        "flags": [
            {
                "edge": int(i),
                "name": branch[i],
                "at_source": _passages(report.seen[i, 0]),
                "at_target": _passages(report.seen[i, 1]),
            }
            for i in shown
        ],
        "sections": [
            {
                "probability": section.probability,
                "nodes": list(section.buses),
                "node_names": [bus[i] for i in section.buses],
                "edges": list(section.branches),
                "edge_names": [branch[i] for i in section.branches],
                "switches": list(section.switches),
                "switch_names": [branch[i] for i in section.switches],
            }
            for section in item.sections
        ],
        "isolated": not snapshot.solved.state.closed[list(item.isolating)].any(),
    }


def _passages(seen: float) -> int | None:
    return None if np.isnan(seen) else int(seen)


def reliability(snapshot: Snapshot) -> JSON:
    """Indices of IEEE 1366 of the running time."""
    found = snapshot.assessed.reliability
    return {
        "start": stamp(found.start),
        "end": stamp(found.end),
        "customers": found.customers,
        "customers_derived": bool(snapshot.case.customers.derived.any()),
        "interrupted_now": found.interrupted_now,
        "saifi": found.saifi,
        "saidi_minutes": found.saidi_minutes,
        "caidi_minutes": number(found.caidi_minutes),
        "maifi": found.maifi,
        "ens_mwh": found.ens_mwh,
    }
