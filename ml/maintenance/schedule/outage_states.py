"""The state without a branch, its load taken over by ties, and how far it lies beyond the limits."""

from collections.abc import Sequence

import numpy as np

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network
from ml.maintenance.schedule.outage_windows import LOADING_TOLERANCE_PERCENT
from ml.maintenance.schedule.problem import HindranceKind, OutageHindrance


class OutageLimits:
    """How far states lie beyond the limits, or beyond what the state without the outage breaks already."""

    def __init__(self, network: Network, before: GridState) -> None:
        self._bus = network.bus
        most_percent = max(FULL_LOAD_PERCENT, float(before.loading_percent.max(initial=0.0)))
        most_outside_pu = max(0.0, float(np.nanmax(self._outside(before), initial=0.0)))
        self._most_percent = most_percent + LOADING_TOLERANCE_PERCENT  # as ml.maintenance.schedule.outage_windows
        self._most_outside_pu = most_outside_pu + BAND_TOLERANCE_PU

    def broken(self, state: GridState | None) -> tuple[float, OutageHindrance]:
        """The larger excess, as a share of the rating or of the band, and what it is of; above 0: it is broken."""
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


def with_ties(closed: BoolArray, ties: Sequence[int]) -> BoolArray:
    """(m,) switch states with ties closed."""
    looped = closed.copy()
    looped[list(ties)] = True
    return looped


def solved(flow: PowerFlow, injection: Injection, closed: BoolArray) -> GridState | None:
    """The state of switches (m,); None without a solution."""
    try:
        return flow.solve(injection, closed)
    except PowerFlowDivergedError:
        return None


def state_without(
    flow: PowerFlow, injection: Injection, closed: BoolArray, branch: int, ties: Sequence[int], before: GridState
) -> GridState | None:
    """The state without a branch and with ties; None without a solution. before: where Newton starts."""
    switches = with_ties(closed, ties)
    switches[branch] = False
    try:
        return flow.solve(injection, switches, before.voltage)
    except PowerFlowDivergedError:
        return None
