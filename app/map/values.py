"""What the map shows of a state: flows, the layer's quantity, and which buses and branches are abnormal.

Values travel as small integers in the order of the map's nodes and edges, with the factor and unit to read them by.
"""

from dataclasses import dataclass

import numpy as np

from app.engine.board import Snapshot
from app.map.network_view import NetworkView, Scope
from app.web.browser_view import Asset, Layer, View
from components.map.style import EdgeStatus, NodeStatus
from grid.alarms.book import AlarmState, AssetKind
from grid.network import FloatArray, IntArray
from grid.studies.areas import Areas

HIGH_PERCENT, OVERLOAD_PERCENT = 80.0, 100.0
NEAR_LIMIT_K = 10.0
RISK_OVERLOAD, RISK_HIGH = 0.02, 0.08  # the part of all branches with the largest risk
FLOW_STEPS = 100  # of the network's reference flow
LAYER_FORMAT = {  # factor, digits, unit
    Layer.LOADING: (1.0, 0, "%"),
    Layer.VOLTAGE: (1e-3, 3, "p.u."),
    Layer.TEMPERATURE: (1.0, 0, "°C"),
    Layer.RISK: (0.1, 1, "kW/yr"),
}
Values = list[int | None]


@dataclass(frozen=True, eq=False)
class _State:
    """The layer's values of the whole network: (n,) or None, (m,) or None; statuses (n,) and (m,)."""

    bus_value: FloatArray | None
    branch_value: FloatArray | None
    bus_status: IntArray
    branch_status: IntArray


def map_values(snapshot: Snapshot, shown: NetworkView, view: View) -> dict[str, object]:
    """The map's part of a tick: f flows, b and e values of nodes and edges, nf their format, ns, es what is abnormal,
    na nodes with an alarm nobody has acknowledged, np, ep marked supply paths, route the path of the chosen asset."""
    scope = shown.scope(view.area)
    state = _state(snapshot, view.layer)
    values: dict[str, object] = {"nf": LAYER_FORMAT[view.layer]}
    if scope.areas is not None:
        values.update(_area_values(snapshot, shown, scope.areas, state))
        return values
    flow = np.where(
        state.branch_status[scope.branch] < EdgeStatus.OPEN, snapshot.solved.state.p_from_mw[scope.branch], 0.0
    )
    values["f"] = _flow(flow, shown)
    values["ns"] = _bus_abnormal(snapshot, state, scope)
    values["es"] = _abnormal(state.branch_status[scope.branch])
    values["na"] = _alarmed(snapshot, scope)
    if state.bus_value is not None:
        values["b"] = _integers(state.bus_value[scope.bus])
    if state.branch_value is not None:
        values["e"] = _integers(state.branch_value[scope.branch])
    values.update(_paths(snapshot, scope, view))
    return values


def _state(snapshot: Snapshot, layer: Layer) -> _State:
    factor = LAYER_FORMAT[layer][0]
    branch = {
        Layer.LOADING: snapshot.solved.state.loading_percent,
        Layer.TEMPERATURE: snapshot.assessed.temperature_c,
        Layer.RISK: 1000.0 * snapshot.assessed.risk.risk_mw,
    }.get(layer)
    return _State(
        bus_value=snapshot.solved.state.vm_pu / factor if layer is Layer.VOLTAGE else None,
        branch_value=None if branch is None else branch / factor,
        bus_status=bus_status(snapshot),
        branch_status=branch_status(snapshot, layer),
    )


def bus_status(snapshot: Snapshot) -> IntArray:
    """(n,) NodeStatus: voltage against its limits, or without supply."""
    state, bus = snapshot.solved.state, snapshot.case.network.bus
    low, high = state.vm_pu < bus.min_vm_pu, state.vm_pu > bus.max_vm_pu
    statuses = (NodeStatus.DEAD, NodeStatus.LOW_VOLTAGE, NodeStatus.HIGH_VOLTAGE)
    return np.select([~state.energised, low, high], [status.value for status in statuses], NodeStatus.NORMAL.value)


def branch_status(snapshot: Snapshot, layer: Layer) -> IntArray:
    """(m,) EdgeStatus: the layer's quantity against its limit, or open, or without supply."""
    state, branch = snapshot.solved.state, snapshot.case.network.branch
    dead = ~(state.energised[branch.from_bus] & state.energised[branch.to_bus])
    if layer is Layer.TEMPERATURE:
        over = snapshot.assessed.temperature_c >= snapshot.case.temperature_limit_c
        high = snapshot.assessed.temperature_c >= snapshot.case.temperature_limit_c - NEAR_LIMIT_K
    elif layer is Layer.RISK:
        over, high = (
            _largest(snapshot.assessed.risk.risk_mw, RISK_OVERLOAD),
            _largest(snapshot.assessed.risk.risk_mw, RISK_HIGH),
        )
    else:
        over, high = state.loading_percent >= OVERLOAD_PERCENT, state.loading_percent >= HIGH_PERCENT
    statuses = (EdgeStatus.OPEN, EdgeStatus.DEAD, EdgeStatus.OVERLOAD, EdgeStatus.HIGH)
    return np.select([~state.closed, dead, over, high], [status.value for status in statuses], EdgeStatus.NORMAL.value)


def _largest(value: FloatArray, part: float) -> np.ndarray:
    """(m,) bool: True for the largest part of all values, at least one, and never for zero."""
    count = max(1, round(part * value.size))
    if value.size <= count:
        return value > 0
    return (value > 0) & (value >= np.partition(value, -count)[-count])


def _flow(flow_mw: FloatArray, shown: NetworkView) -> Values:
    return _integers(flow_mw * (FLOW_STEPS / shown.flow_reference_mw))


def _integers(values: FloatArray) -> Values:
    """Rounded, None where unknown."""
    return [int(value) if known else None for value, known in zip(values.round(), np.isfinite(values), strict=True)]


def _abnormal(status: IntArray) -> list[list[int]]:
    """[position, status] of everything that isn't normal."""
    found = np.flatnonzero(status)
    return np.column_stack([found, status[found]]).tolist()


def _bus_abnormal(snapshot: Snapshot, state: _State, scope: Scope) -> list[list[int | None]]:
    """[position, status, voltage in 0.001 p.u.] of the buses that aren't normal."""
    status = state.bus_status[scope.bus]
    found = np.flatnonzero(status)
    thousandths = _integers(1000.0 * snapshot.solved.state.vm_pu[scope.bus[found]])
    return [[int(i), int(status[i]), value] for i, value in zip(found, thousandths, strict=True)]


def _alarmed(snapshot: Snapshot, scope: Scope) -> list[int]:
    """Positions of nodes with an alarm that nobody has acknowledged."""
    waiting = [
        alarm.asset_id
        for alarm in snapshot.assessed.alarms
        if alarm.asset_id is not None and alarm.asset_kind is AssetKind.BUS and alarm.state is AlarmState.UNACKNOWLEDGED
    ]
    return np.flatnonzero(np.isin(scope.bus, waiting)).tolist() if waiting else []


def _paths(snapshot: Snapshot, scope: Scope, view: View) -> dict[str, object]:
    """Numbers of marked supply paths by node and edge, and the edges of the chosen asset's own path."""
    paths, found = snapshot.assessed.supply.paths, {}
    if view.paths:
        number = np.zeros(snapshot.case.network.n_bus + 1, dtype=np.int64)
        number[list(view.paths)] = np.arange(1, len(view.paths) + 1)
        of_bus = number[paths.generator_bus]
        of_branch = np.zeros(snapshot.case.network.n_branch + 1, dtype=np.int64)
        of_branch[paths.predecessor_branch] = of_bus
        of_branch[-1] = 0
        found = {"np": of_bus[scope.bus].tolist(), "ep": of_branch[scope.branch].tolist()}
    if view.asset is not None:
        passed = paths.path_branches(supplied_bus(snapshot, view.asset))
        found["route"] = np.flatnonzero(np.isin(scope.branch, passed)).tolist()
    return found


def supplied_bus(snapshot: Snapshot, asset: Asset) -> int:
    """The bus whose supply the drawer tells of: the chosen one, or the receiving end of the chosen branch."""
    if asset.kind is AssetKind.BUS:
        return asset.index
    branch, index = snapshot.case.network.branch, asset.index
    forward = snapshot.solved.state.p_from_mw[index] >= 0
    return int(branch.to_bus[index] if forward else branch.from_bus[index])


def _area_values(snapshot: Snapshot, shown: NetworkView, areas: Areas, state: _State) -> dict[str, object]:
    """The map of areas: the worst value and the number of abnormal buses and branches inside, and on corridors."""
    branch, n_corridor = snapshot.case.network.branch, len(areas.corridor_from)
    across = np.flatnonzero(areas.corridor >= 0)
    inside = np.flatnonzero(areas.corridor < 0)
    corridor, area = areas.corridor[across], areas.area[branch.from_bus[inside]]
    live = np.where(state.branch_status[across] < EdgeStatus.OPEN, snapshot.solved.state.p_from_mw[across], 0.0)
    values: dict[str, object] = {
        "f": _flow(np.bincount(corridor, live * areas.direction[across], n_corridor), shown),
        "ns": _area_abnormal(snapshot, areas, state, area, inside),
    }
    edge_status = np.full(n_corridor, EdgeStatus.NORMAL.value)
    for status in (EdgeStatus.HIGH, EdgeStatus.OVERLOAD):
        edge_status[corridor[state.branch_status[across] == status]] = status
    lit = np.bincount(corridor, state.branch_status[across] < EdgeStatus.OPEN, n_corridor) > 0
    values["es"] = _abnormal(np.where(lit, edge_status, EdgeStatus.OPEN.value))
    if state.branch_value is not None:
        values["b"] = _integers(_worst(state.branch_value[inside], area, len(areas)))
        values["e"] = _integers(_worst(state.branch_value[across], corridor, n_corridor))
    elif state.bus_value is not None:
        values["b"] = _integers(-_worst(-state.bus_value, areas.area, len(areas)))
    return values


def _worst(value: FloatArray, group: IntArray, n_group: int) -> FloatArray:
    """(n_group,) the largest value of each group, NaN where it has none."""
    worst = np.full(n_group, -np.inf)
    np.maximum.at(worst, group, np.nan_to_num(value, nan=-np.inf))
    return np.where(np.isfinite(worst), worst, np.nan)


def _area_abnormal(
    snapshot: Snapshot, areas: Areas, state: _State, area_of_branch: IntArray, inside: IntArray
) -> list[list[int]]:
    """[area, status, number of abnormal buses and branches] of the areas that have some."""
    in_service, status = snapshot.case.network.bus.in_service, state.bus_status
    branch_status = state.branch_status[inside]
    abnormal_bus = (status != NodeStatus.NORMAL) & in_service
    hot = (branch_status == EdgeStatus.HIGH) | (branch_status == EdgeStatus.OVERLOAD)
    count = np.bincount(areas.area, abnormal_bus, len(areas)) + np.bincount(area_of_branch, hot, len(areas))
    worst = np.full(len(areas), NodeStatus.NORMAL.value)
    worst[area_of_branch[branch_status == EdgeStatus.HIGH]] = NodeStatus.HIGH
    worst[areas.area[(status == NodeStatus.HIGH_VOLTAGE) & in_service]] = NodeStatus.HIGH_VOLTAGE
    worst[areas.area[(status == NodeStatus.LOW_VOLTAGE) & in_service]] = NodeStatus.LOW_VOLTAGE
    worst[area_of_branch[branch_status == EdgeStatus.OVERLOAD]] = NodeStatus.OVERLOAD
    worst[areas.area[(status == NodeStatus.DEAD) & in_service]] = NodeStatus.OVERLOAD
    found = np.flatnonzero(count)
    return np.column_stack([found, worst[found], count[found].astype(np.int64)]).tolist()
