"""Loadability: at how much demand the first limit of a grid is exceeded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, Network

MOST_TIMES = 8.0  # of the present demand
ROUNDS = 14  # of halving: to a two-thousandth of the present demand


@dataclass(frozen=True)
class Loadability:
    """Demand of some loads at which the first limit is met, MW, and what that is; NaN with the reason if none is."""

    demand_mw: float
    words: str


def loadability(
    network: Network, injection: Injection, closed: BoolArray, groups: Sequence[BoolArray]
) -> tuple[Loadability, ...]:
    """For each of groups (l,) of loads: how far it can grow, or must shrink, alone and in proportion.

    Limits are full load of branches, the lower voltage limits and that there is a solution; generators stay as they
    are and sources make up the balance. closed: (m,). One bisection a group, ROUNDS power flows each.
    """
    flow = PowerFlow(network)
    return tuple(_one(network, flow, injection, closed, group) for group in groups)


def _one(network: Network, flow: PowerFlow, injection: Injection, closed: BoolArray, group: BoolArray) -> Loadability:
    present = float(injection.load_p_mw[group].sum())

    def met(times: float) -> str:
        factor = np.where(group, times, 1.0)
        grown = replace(injection, load_p_mw=injection.load_p_mw * factor, load_q_mvar=injection.load_q_mvar * factor)
        try:
            return _exceeded(network, flow.solve(grown, closed))
        except PowerFlowDivergedError:
            return "no power flow solution beyond"

    if present <= 0:
        return Loadability(float("nan"), "takes nothing at present")
    now = met(1.0)
    low, high, words = (0.0, 1.0, now) if now else (1.0, MOST_TIMES, met(MOST_TIMES))
    if not words:
        return Loadability(float("nan"), f"no limit up to {MOST_TIMES:g} times the present demand")
    if now and met(low):
        return Loadability(float("nan"), f"a limit is exceeded already, and also without it: {now}")
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        found = met(middle)
        low, high, words = (low, middle, found) if found else (middle, high, words)
    return Loadability(low * present, words)


def _exceeded(network: Network, state: GridState) -> str:
    """The limit that is exceeded most, "" where all are kept."""
    loading = np.where(np.isfinite(state.loading_percent), state.loading_percent, 0.0)
    under = np.nan_to_num(network.bus.min_vm_pu - BAND_TOLERANCE_PU - state.vm_pu, nan=-1.0)
    branch, bus = int(np.argmax(loading)) if len(loading) else -1, int(np.argmax(under))
    over = loading[branch] / FULL_LOAD_PERCENT - 1 if branch >= 0 else -1.0
    if max(over, under[bus]) <= 0:
        return ""
    return (
        f"{network.branch.name[branch]} at full load" if over >= under[bus] else f"{network.bus.name[bus]}: low voltage"
    )
