"""What the published state of a case itself breaks: told once, and alarmed only where it gets worse.

Limits stay what the case gives; only the values from which an alarm is raised move with the published state.
"""

from dataclasses import dataclass

import numpy as np

from grid.alarms.book import AssetKind
from grid.alarms.cards import StandingCause, StandingLimit
from grid.flow.compensation import compensation_of, injection_at
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import FloatArray, Network

LOADING_LIMIT_PERCENT = 100.0
AT_LIMIT_PU = 0.005  # nearer to its limit than regulators hold a voltage: it stands on the limit
WORSE_BY_PU, WORSE_BY_PERCENT = 0.02, 5.0  # beyond what stands by more is an alarm


@dataclass(frozen=True, eq=False, kw_only=True)
class AlarmLimits:
    """From where on values raise alarms, min_vm_pu and max_vm_pu (n,) and max_loading_percent (m,), and what stands."""

    min_vm_pu: FloatArray
    max_vm_pu: FloatArray
    max_loading_percent: FloatArray
    standing: tuple[StandingLimit, ...] = ()


def own_limits(network: Network) -> AlarmLimits:
    """The network's limits as they are."""
    return AlarmLimits(
        min_vm_pu=network.bus.min_vm_pu,
        max_vm_pu=network.bus.max_vm_pu,
        max_loading_percent=np.full(network.n_branch, LOADING_LIMIT_PERCENT),
    )


def limits_of_published_state(network: Network) -> AlarmLimits:
    """The limits of a network whose own state is published: what that breaks stands, and is alarmed where it is worse.

    Raises PowerFlowDivergedError where the network's own state, or a load level of its day, has no solution.
    """
    bus, own = network.bus, own_limits(network)
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    vm, loading = state.vm_pu, state.loading_percent
    lowest, highest = _voltages_of_day(network, vm)
    is_low = (vm < bus.min_vm_pu + AT_LIMIT_PU) | (lowest < bus.min_vm_pu)
    is_high = (vm > bus.max_vm_pu - AT_LIMIT_PU) | (highest > bus.max_vm_pu)
    is_over = loading > LOADING_LIMIT_PERCENT
    standing = [_of_bus(network, vm, i, is_low=True) for i in np.flatnonzero(is_low).tolist()]
    standing += [_of_bus(network, vm, i, is_low=False) for i in np.flatnonzero(is_high).tolist()]
    standing += [
        StandingLimit(
            cause=StandingCause.PUBLISHED,
            asset_kind=AssetKind.BRANCH,
            asset_id=i,
            asset_name=network.branch.name[i],
            value=float(loading[i]),
            limit=LOADING_LIMIT_PERCENT,
            is_low=False,
        )
        for i in np.flatnonzero(is_over).tolist()
    ]
    return AlarmLimits(
        min_vm_pu=np.where(is_low, np.fmin(own.min_vm_pu, lowest - WORSE_BY_PU), own.min_vm_pu),
        max_vm_pu=np.where(is_high, np.fmax(own.max_vm_pu, highest + WORSE_BY_PU), own.max_vm_pu),
        max_loading_percent=np.where(is_over, loading + WORSE_BY_PERCENT, own.max_loading_percent),
        standing=tuple(standing),
    )


def _voltages_of_day(network: Network, vm_pu: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) lowest and highest p.u. over the load levels of a day, the published vm_pu (n,) among them."""
    compensation = compensation_of(network)
    lowest, highest = vm_pu.copy(), vm_pu.copy()
    if compensation is None:
        return lowest, highest
    power_flow, start = PowerFlow(network), network.base_voltage
    for level in compensation.level[compensation.level <= 1.0][::-1].tolist():
        state = power_flow.solve(injection_at(network, compensation, level), network.branch.closed, start)
        start = state.voltage
        lowest, highest = np.fmin(lowest, state.vm_pu), np.fmax(highest, state.vm_pu)
    return lowest, highest


def _of_bus(network: Network, vm_pu: FloatArray, bus: int, is_low: bool) -> StandingLimit:
    limit, value = float((network.bus.min_vm_pu if is_low else network.bus.max_vm_pu)[bus]), float(vm_pu[bus])
    inside = value - limit if is_low else limit - value
    cause = StandingCause.PUBLISHED
    if inside >= 0:
        cause = StandingCause.ON_LIMIT if inside < AT_LIMIT_PU else StandingCause.PART_LOAD
    return StandingLimit(
        cause=cause,
        asset_kind=AssetKind.BUS,
        asset_id=bus,
        asset_name=network.bus.name[bus],
        value=value,
        limit=limit,
        is_low=is_low,
    )
