"""What stands against an outage that no week allows: the limit that it breaks, with the tie that comes nearest.

Judged as the windows are (ml.maintenance.schedule.outage_windows), each state by a power flow of its own.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from grid.flow.contingency import FULL_LOAD_PERCENT
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.maintenance.schedule.outage_windows import cut_loads_mva, is_tie, scaled, without_derived_ratings
from ml.maintenance.schedule.problem import HindranceKind, OutageHindrance

MOST_TIES = 20  # that are tried for one outage, the nearest in voltage first
NO_STATE = OutageHindrance(kind=HindranceKind.NO_STATE)


def outage_hindrances(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    level: float,
    branches: IntArray,
    step: Callable[[float], None] = lambda _: None,
) -> tuple[OutageHindrance, ...]:
    """What stands against taking out each of branches (n,) at a load level, as outage_windows takes them.

    Where the outage leaves loads dark, of the ties that supply all of them the one that breaks its limit least is
    named. step: told the share that is done, before each; what it raises ends the work.
    """
    plain, present = without_derived_ratings(network), scaled(injection, level)
    try:
        before = PowerFlow(plain).solve(present, closed)
    except PowerFlowDivergedError:
        return (NO_STATE,) * len(branches)
    cut_mva = cut_loads_mva(plain, present, closed)
    needed = bool((cut_mva[branches] > 0).any())
    ties = np.flatnonzero(is_tie(plain, closed, before.energised) & needed)
    gap = np.abs(before.vm_pu[plain.branch.from_bus[ties]] - before.vm_pu[plain.branch.to_bus[ties]])
    order = ties[np.argsort(gap, kind="stable")].tolist()
    cut_with = {tie: cut_loads_mva(plain, present, _with(closed, tie)) for tie in order}
    limits, found = _Limits(plain, before), []
    for place, branch in enumerate(branches.tolist()):
        step(place / len(branches))
        tried = [tie for tie in order if cut_with[tie][branch] <= 0][:MOST_TIES] if cut_mva[branch] > 0 else [-1]
        if not tried:
            found.append(OutageHindrance(kind=HindranceKind.SUPPLY, value=float(cut_mva[branch]), ties=len(order)))
            continue
        states = [limits.broken(_solved(plain, present, closed, branch, tie, before)) for tie in tried]
        best = int(np.argmin([excess for excess, _ in states]))
        found.append(replace(states[best][1], tie=tried[best], ties=len(tried) if tried[0] >= 0 else 0))
    return tuple(found)


class _Limits:
    """How far states lie beyond the limits, or beyond what the state without the outage breaks already."""

    def __init__(self, network: Network, before: GridState) -> None:
        self._bus = network.bus
        self._most_percent = max(FULL_LOAD_PERCENT, float(before.loading_percent.max(initial=0.0)))
        self._most_outside_pu = max(0.0, float(np.nanmax(self._outside(before), initial=0.0)))

    def broken(self, state: GridState | None) -> tuple[float, OutageHindrance]:
        """The larger excess, as a share of the rating or of the band, and what it is of."""
        if state is None:
            return np.inf, OutageHindrance(kind=HindranceKind.NO_SOLUTION)
        loading, outside = np.nan_to_num(state.loading_percent), np.nan_to_num(self._outside(state), nan=-np.inf)
        branch, bus = int(np.argmax(loading)), int(np.argmax(outside))
        band = float(self._bus.max_vm_pu[bus] - self._bus.min_vm_pu[bus])
        thermal = float(loading[branch]) / self._most_percent - 1
        voltage = (float(outside[bus]) - self._most_outside_pu) / band
        if thermal >= voltage:
            return thermal, OutageHindrance(kind=HindranceKind.LOADING, at=branch, value=float(loading[branch]))
        return voltage, OutageHindrance(kind=HindranceKind.VOLTAGE, at=bus, value=float(state.vm_pu[bus]))

    def _outside(self, state: GridState) -> FloatArray:
        return np.asarray(np.fmax(self._bus.min_vm_pu - state.vm_pu, state.vm_pu - self._bus.max_vm_pu))


def _with(closed: BoolArray, tie: int) -> BoolArray:
    looped = closed.copy()
    looped[tie] = True
    return looped


def _solved(
    network: Network, injection: Injection, closed: BoolArray, branch: int, tie: int, before: GridState
) -> GridState | None:
    """The state without a branch and with a tie, -1 for none; None without a solution."""
    switches = closed.copy() if tie < 0 else _with(closed, tie)
    switches[branch] = False
    try:
        return PowerFlow(network).solve(injection, switches, before.voltage)
    except PowerFlowDivergedError:
        return None
