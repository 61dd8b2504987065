"""What stands against an outage that no week allows: the limit that it breaks, with the tie that comes nearest.

Judged as the windows are (ml.maintenance.schedule.outage_windows), each state by a power flow of its own.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BoolArray, IntArray, Network
from ml.maintenance.schedule.outage_states import OutageLimits, solved, state_without, with_ties
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
    flow = PowerFlow(plain)
    before = solved(flow, present, closed)
    if before is None:
        return (NO_STATE,) * len(branches)
    cut_mva = cut_loads_mva(plain, present, closed)
    needed = bool((cut_mva[branches] > 0).any())
    ties = np.flatnonzero(is_tie(plain, closed, before.energised) & needed)
    gap = np.abs(before.vm_pu[plain.branch.from_bus[ties]] - before.vm_pu[plain.branch.to_bus[ties]])
    order = ties[np.argsort(gap, kind="stable")].tolist()
    cut_with = {tie: cut_loads_mva(plain, present, with_ties(closed, [tie])) for tie in order}
    limits, found = OutageLimits(plain, before), []
    for place, branch in enumerate(branches.tolist()):
        step(place / len(branches))
        tried = [tie for tie in order if cut_with[tie][branch] <= 0][:MOST_TIES] if cut_mva[branch] > 0 else [-1]
        if not tried:
            found.append(OutageHindrance(kind=HindranceKind.SUPPLY, value=float(cut_mva[branch]), ties=len(order)))
            continue
        states = [
            limits.broken(state_without(flow, present, closed, branch, [tie] if tie >= 0 else [], before))
            for tie in tried
        ]
        best = int(np.argmin([excess for excess, _ in states]))
        found.append(replace(states[best][1], tie=tried[best], ties=len(tried) if tried[0] >= 0 else 0))
    return tuple(found)
