"""Loadability: at how much demand the first limit of a grid is exceeded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, Network

MOST_TIMES = 8.0  # of the present demand
ROUNDS = 14  # of halving: to a two-thousandth of the present demand


class LoadLimit(StrEnum):
    """What growing demand meets first."""

    LOADING = "loading"
    VOLTAGE = "voltage"
    NO_SOLUTION = "no_solution"


class LoadabilityFinding(StrEnum):
    """Whether the demand is known at which the first limit is met, and why not."""

    FOUND = "found"
    NO_DEMAND = "no_demand"  # the loads take nothing at present
    NO_LIMIT = "no_limit"  # up to MOST_TIMES the present demand
    NOT_THEIRS = "not_theirs"  # a limit is exceeded already, and also without these loads


@dataclass(frozen=True, kw_only=True)
class Loadability:
    """Demand of some loads at which the first limit is met, MW, NaN where there is none.

    limit: what is met, or exceeded already where it is NOT_THEIRS, else None; at: which branch or bus, -1 for none.
    """

    finding: LoadabilityFinding
    demand_mw: float = float("nan")
    limit: LoadLimit | None = None
    at: int = -1


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

    def met(times: float) -> tuple[LoadLimit, int] | None:
        factor = np.where(group, times, 1.0)
        grown = replace(injection, load_p_mw=injection.load_p_mw * factor, load_q_mvar=injection.load_q_mvar * factor)
        try:
            return _exceeded(network, flow.solve(grown, closed))
        except PowerFlowDivergedError:
            return LoadLimit.NO_SOLUTION, -1

    if present <= 0:
        return Loadability(finding=LoadabilityFinding.NO_DEMAND)
    now = met(1.0)
    low, high, first = (0.0, 1.0, now) if now else (1.0, MOST_TIMES, met(MOST_TIMES))
    if not first:
        return Loadability(finding=LoadabilityFinding.NO_LIMIT)
    if now and met(low):
        return Loadability(finding=LoadabilityFinding.NOT_THEIRS, limit=now[0], at=now[1])
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        found = met(middle)
        low, high, first = (low, middle, found) if found else (middle, high, first)
    limit, at = first
    return Loadability(finding=LoadabilityFinding.FOUND, demand_mw=low * present, limit=limit, at=at)


def _exceeded(network: Network, state: GridState) -> tuple[LoadLimit, int] | None:
    """The limit that is exceeded most, and at which branch or bus; None where all are kept."""
    loading = np.where(np.isfinite(state.loading_percent), state.loading_percent, 0.0)
    under = np.nan_to_num(network.bus.min_vm_pu - BAND_TOLERANCE_PU - state.vm_pu, nan=-1.0)
    branch, bus = int(np.argmax(loading)) if len(loading) else -1, int(np.argmax(under))
    over = loading[branch] / FULL_LOAD_PERCENT - 1 if branch >= 0 else -1.0
    if max(over, under[bus]) <= 0:
        return None
    return (LoadLimit.LOADING, branch) if over >= under[bus] else (LoadLimit.VOLTAGE, bus)
