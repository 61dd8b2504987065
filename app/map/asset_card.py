"""Gathers what a snapshot knows of one asset for the drawer."""

import math

import numpy as np

from app.engine.board import Snapshot
from app.map.network_view import NetworkView
from app.map.values import branch_status, bus_status, supplied_bus
from app.web.browser_view import Asset, Layer
from components.common import text
from components.map.drawer import AssetCard, Fact, SupplyCard, Via, tap_range
from components.map.style import EdgeStatus, NodeStatus
from grid.alarms.book import AssetKind
from grid.limits import LimitedKind
from grid.network import BranchKind
from grid.reliability.priorities import Priorities
from grid.taps import tap_of
from grid.telemetry import Points, Quality, Reason

DERIVED = "derived, not from the case"
LEAST_SHARE = 0.001
BUS_STATES = {
    NodeStatus.NORMAL: "Normal",
    NodeStatus.LOW_VOLTAGE: "▼ Voltage below its limit",
    NodeStatus.HIGH_VOLTAGE: "▲ Voltage above its limit",
    NodeStatus.DEAD: "Without supply",
}
BRANCH_STATES = {
    EdgeStatus.NORMAL: "Closed, normal",
    EdgeStatus.HIGH: "Closed, high loading",
    EdgeStatus.OVERLOAD: "Closed, overloaded",
    EdgeStatus.OPEN: "Open",
    EdgeStatus.DEAD: "Closed, without supply",
}


def asset_card(snapshot: Snapshot, shown: NetworkView, asset: Asset) -> AssetCard:
    """The drawer's content for a bus or a branch."""
    alarms = tuple(
        one
        for card in snapshot.assessed.alarm_cards
        for one in (card, *card.consequences)
        if one.alarm.asset_kind is asset.kind and one.alarm.asset_id == asset.index
    )
    if asset.kind is AssetKind.BUS:
        kind, live, limits, risk = _bus(snapshot, asset.index)
        state = BUS_STATES[NodeStatus(int(bus_status(snapshot)[asset.index]))]
    else:
        kind, live, limits, risk = _branch(snapshot, asset.index)
        state = BRANCH_STATES[EdgeStatus(int(branch_status(snapshot, Layer.LOADING)[asset.index]))]
    supply = _supply(snapshot, shown, asset)
    return AssetCard(shown.name(asset), kind, state, live, limits, risk, supply, alarms, snapshot.solved.stale)


Facts = tuple[Fact, ...]


def _bus(snapshot: Snapshot, i: int) -> tuple[str, Facts, Facts, Facts]:
    network, state, frame = snapshot.case.network, snapshot.solved.state, snapshot.measured.frame
    load, generator, bus = network.load.bus == i, network.generator.bus == i, network.bus
    priorities = snapshot.case.priorities
    live = [
        Fact("Voltage", text.number(state.vm_pu[i], 4, "p.u."), text.number(state.vm_pu[i] * bus.vn_kv[i], 2, "kV")),
        Fact("Angle", text.number(state.va_degree[i], 2, "°")),
        *_measured("Measured", frame.bus.vm_pu, i, 4, "p.u."),
        *_measured("Measured angle", frame.bus.va_degree, i, 2, "°"),
    ]
    if load.any():
        mvar = text.number(state.load_q_mvar[load].sum(), 2, "Mvar")
        live.append(Fact("Load", text.number(state.load_p_mw[load].sum(), 2, "MW"), mvar))
    for g in np.flatnonzero(generator)[:8]:
        mvar = text.number(state.generator_q_mvar[g], 2, "Mvar")
        live.append(Fact(network.generator.name[g], text.number(state.generator_p_mw[g], 2, "MW"), mvar))
    if load.any():
        live.append(
            Fact("Priority of supply", text.number(priorities.at_bus(network, i), 2), _prioritised(priorities, i))
        )
    note = _edited(snapshot, LimitedKind.BUS, i) or (DERIVED if bus.limits_derived else "")
    limits = (
        Fact("Nominal voltage", text.number(bus.vn_kv[i], 1, "kV")),
        Fact("Voltage", f"{text.number(bus.min_vm_pu[i], 3)} to {text.number(bus.max_vm_pu[i], 3, 'p.u.')}", note),
    )
    path_risk = float(snapshot.assessed.supply.paths.path_risk[i])
    risk = (
        Fact("Path fails within a year", text.percent(path_risk), "at least one branch of the best path"),
        Fact("Model", snapshot.assessed.risk.model),
    )
    return bus.kind[i].value.capitalize(), tuple(live), limits, risk


def _branch(snapshot: Snapshot, i: int) -> tuple[str, Facts, Facts, Facts]:
    branch, state, risk, seen = (
        snapshot.case.network.branch,
        snapshot.solved.state,
        snapshot.assessed.risk,
        snapshot.measured.frame.branch,
    )
    ends = snapshot.case.network.bus.name[branch.from_bus[i]], snapshot.case.network.bus.name[branch.to_bus[i]]
    live = (
        Fact("Loading", text.number(state.loading_percent[i], 1, "%"), text.number(state.i_ka[i], 3, "kA")),
        Fact(f"From {ends[0]}", text.number(state.p_from_mw[i], 2, "MW"), text.number(state.q_from_mvar[i], 2, "Mvar")),
        Fact(f"From {ends[1]}", text.number(state.p_to_mw[i], 2, "MW"), text.number(state.q_to_mvar[i], 2, "Mvar")),
        Fact("Losses", text.small(1000 * state.loss_mw[i], "kW")),
        Fact("Temperature", text.number(snapshot.assessed.temperature_c[i], 1, "°C"), "calculated"),
        *_measured(f"Measured from {ends[0]}", seen.p_from_mw, i, 2, "MW"),
        *_measured(f"Measured reactive from {ends[0]}", seen.q_from_mvar, i, 2, "Mvar"),
        *_measured(f"Measured current at {ends[0]}", seen.i_from_ka, i, 3, "kA"),
        *_measured(f"Measured from {ends[1]}", seen.p_to_mw, i, 2, "MW"),
        *_measured(f"Measured reactive from {ends[1]}", seen.q_to_mvar, i, 2, "Mvar"),
        *_measured(f"Measured current at {ends[1]}", seen.i_to_ka, i, 3, "kA"),
        *_measured("Measured temperature", seen.temperature_c, i, 1, "°C"),
        *_tap(snapshot, i),
    )
    rating_note = _edited(snapshot, LimitedKind.BRANCH, i) or (DERIVED if branch.rating_derived[i] else "")
    rating_ka = branch.rating_to_ka[i] if state.loaded_at_to[i] else branch.rating_from_ka[i]
    limits = [
        Fact("Rating", text.number(rating_ka, 3, "kA"), rating_note),
        Fact("Temperature", text.number(snapshot.case.temperature_limit_c[i], 0, "°C")),
        Fact("Impedance", f"{text.small(branch.r_ohm[i])} + j{text.small(branch.x_ohm[i], 'Ω')}"),
    ]
    if branch.length_km[i] > 0:
        limits.append(Fact("Length", text.number(branch.length_km[i], 1, "km")))
    facts = (
        Fact("Built", f"{risk.year_built[i]:.0f}", "drawn, the case doesn't say" if risk.year_generated[i] else ""),
        Fact("Fails within a year", text.percent(float(risk.failure_probability[i]), 2)),
        Fact("Would interrupt now", text.number(risk.interrupted_mw[i], 1, "MW")),
        Fact("Expected interruption", text.small(1000 * risk.risk_mw[i], "kW/yr")),
        Fact("Model", risk.model),
    )
    return branch.kind[i].value.capitalize(), live, tuple(limits), facts


def _tap(snapshot: Snapshot, i: int) -> Facts:
    """Where the tap of a transformer is, and what is measured of it; lines have none, but what is measured there."""
    network, seen = snapshot.case.network, snapshot.measured.frame.branch.tap_pos
    tap = tap_of(network, i)
    measured = _measured("Measured tap position", seen, i, 0, "")
    if tap is not None:
        step = text.percent(tap.step_pu, 2)
        note = f"{tap_range(tap.lowest, tap.neutral, tap.highest)}; a step is {step} at {network.bus.name[tap.bus]}"
        return Fact("Tap position", text.number(tap.position, 0), note), *measured
    if network.branch.kind[i] is BranchKind.TRANSFORMER:
        return Fact("Tap position", "not movable", "no step and range are known"), *measured
    return measured if seen is not None and math.isfinite(seen.at(i).value) else ()


def _prioritised(priorities: Priorities, bus: int) -> str:
    """Who has set the priority of a bus's loads last, and when; empty where nobody has."""
    edits = [edit for edit in priorities.edits if edit.bus == bus]
    return f"set by {edits[-1].person}, {text.clock(edits[-1].edited_at)}" if edits else "an ordinary load has 1"


def _edited(snapshot: Snapshot, on: LimitedKind, i: int) -> str:
    """Who has edited the limit of a bus or a branch last, and when; empty where nobody has."""
    edits = [edit for edit in snapshot.case.limit_edits if edit.on is on and edit.target == i]
    return f"set by {edits[-1].person}, {text.clock(edits[-1].edited_at)}" if edits else ""


def _measured(label: str, points: Points | None, i: int, digits: int, unit: str) -> Facts:
    """What an instrument shows, and what that is worth; nothing where the source has no such quantity."""
    if points is None:
        return ()
    seen = points.at(i)
    note = f"quality: {seen.quality.name.lower()}"
    if seen.reason is not Reason.NONE:
        note = f"{note}, {seen.reason.name.lower().replace('_', ' ')}"
    if seen.quality is not Quality.MISSING and math.isfinite(seen.standard_deviation):
        note = f"{note}, σ\u00a0{text.small(seen.standard_deviation, unit, 2)}"
    return (Fact(label, text.number(seen.value, digits, unit), note),)


def _supply(snapshot: Snapshot, shown: NetworkView, asset: Asset) -> SupplyCard:
    network, supply = snapshot.case.network, snapshot.assessed.supply
    bus = supplied_bus(snapshot, asset)
    source = int(supply.paths.generator_bus[bus])
    passed = supply.paths.path_branches(bus)
    facts = (
        Fact("Generator", generator_names(snapshot, source) if source >= 0 else "none in reach"),
        Fact("Cost", text.small(float(supply.paths.cost[bus]), "Ω"), f"risk counts {supply.risk_weight:g} Ω"),
        Fact("Fails within a year", text.percent(float(supply.paths.path_risk[bus]))),
    )
    via = tuple(Via(network.branch.name[i], shown.code(Asset(AssetKind.BRANCH, i))) for i in passed)
    title = "Supply" if asset.kind is AssetKind.BUS else f"Supply of {network.bus.name[bus]}"
    loss = Fact("Losses it causes", text.small(1000 * float(supply.loss_mw[bus]), "kW"))
    return SupplyCard(title, facts, via, _shares(snapshot, bus), loss)


def _shares(snapshot: Snapshot, bus: int) -> tuple[tuple[str, float], ...]:
    row, group = snapshot.assessed.supply.shares[bus], snapshot.assessed.supply.group_generator
    order = [int(k) for k in np.argsort(-row) if row[k] >= LEAST_SHARE]
    names = snapshot.case.network.generator.name
    return tuple(("All others" if group[k] < 0 else names[group[k]], float(row[k])) for k in order)


def generator_names(snapshot: Snapshot, bus: int) -> str:
    """The name of a generator bus: of its first generator, with the number of others."""
    found = np.flatnonzero(snapshot.case.network.generator.bus == bus)
    if not found.size:
        return snapshot.case.network.bus.name[bus]
    others = f" and {found.size - 1} more" if found.size > 1 else ""
    return f"{snapshot.case.network.generator.name[found[0]]}{others}"
