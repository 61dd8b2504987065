"""Work windows: at which time of which week each branch can be out for its job, and which ties carry its load then.

The cheapest time is taken at which the outage holds at the lowest and at the highest load of its moments. A branch that
no single tie makes possible (ml.maintenance.schedule.outage_windows) may have several at night: the tie after which the
least is broken is closed, then the next, until the state holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.maintenance.records import WorkTime
from ml.maintenance.schedule.outage_states import OutageLimits, state_without, with_ties
from ml.maintenance.schedule.outage_windows import (
    cut_loads_mva,
    is_tie,
    level_groups,
    outage_windows,
    scaled,
    without_derived_ratings,
)
from ml.maintenance.schedule.work_times import NEVER, TIMES

MOST_TIES = 3  # that carry the load of one outage
NEAREST_TIES = 20  # that are tried, the nearest in voltage first
MOST_TRANSFERS = 20  # branches for which several ties are tried
SINGLY_SHARE = 0.7  # of the work, as far as progress is told
NIGHTS = TIMES.index(WorkTime.NIGHTS)
Step = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class WorkWindows:
    """time (n, W): the cheapest place in TIMES at which a branch can be out, NEVER where there is none.

    transfers: of branches that need several ties, those that are closed, in this order.
    """

    time: IntArray
    transfers: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def unasked(cls, count: int, weeks: int) -> "WorkWindows":
        """Any branch at any time: nobody was asked."""
        return cls(np.zeros((count, weeks), dtype=np.int64))

    def of_rows(self, rows: IntArray) -> "WorkWindows":
        """With the rows of time in another order."""
        return WorkWindows(self.time[rows], self.transfers)


def work_windows(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    levels: FloatArray,
    branches: IntArray,
    step: Step = lambda _: None,
) -> WorkWindows:
    """Windows of branches (n,), the first of which are tried with several ties. levels: (3, 2, W) of work_levels.

    step: told the share that is done, before each part; what it raises ends the work.
    """
    weeks = levels.shape[2]
    time = np.full((len(branches), weeks), NEVER, dtype=np.int64)
    for place in range(len(TIMES)):
        open_rows = np.flatnonzero((time == NEVER).any(axis=1))
        if not len(open_rows):
            break

        def told(done: float, before: int = place) -> None:
            step(SINGLY_SHARE * (before + done) / len(TIMES))

        both = outage_windows(network, injection, closed, levels[place].ravel(), branches[open_rows], told)
        holds = both[:, :weeks] & both[:, weeks:]
        time[open_rows] = np.where((time[open_rows] == NEVER) & holds, place, time[open_rows])
    never = np.flatnonzero((time == NEVER).all(axis=1))[:MOST_TRANSFERS]
    transfers = {}
    for count, row in enumerate(never.tolist()):
        step(SINGLY_SHARE + (1 - SINGLY_SHARE) * count / len(never))
        branch = int(branches[row])
        ties, holds = _by_several(network, injection, closed, levels[NIGHTS], branch)
        if holds.any():
            time[row, holds], transfers[branch] = NIGHTS, ties
    return WorkWindows(time, transfers)


def _by_several(
    network: Network, injection: Injection, closed: BoolArray, levels: FloatArray, branch: int
) -> tuple[tuple[int, ...], BoolArray]:
    """Ties that carry a branch's load at the highest of levels (2, W) that some can, and the weeks (W,) they do."""
    plain, highest = without_derived_ratings(network), levels[1]
    for level in np.unique(highest)[::-1][:: max(1, len(highest) // 4)].tolist():
        ties = _transfer(plain, scaled(injection, level), closed, branch)
        if ties:
            group, asked = level_groups(levels.ravel())
            at = np.array([holds_at(plain, injection, closed, branch, ties, one) for one in asked.tolist()])
            holds = at[group].reshape(levels.shape).all(axis=0)
            if holds.any():
                return ties, holds
    return (), np.zeros(levels.shape[1], dtype=bool)


def holds_at(
    network: Network, injection: Injection, closed: BoolArray, branch: int, ties: tuple[int, ...], level: float
) -> bool:
    """Whether a branch may be out with ties closed at a load level: all loads supplied, no limit broken further."""
    present = scaled(injection, level)
    before = _solved(network, present, closed)
    if before is None or cut_loads_mva(network, present, with_ties(closed, ties))[branch] > 0:
        return False
    state = state_without(network, present, closed, branch, ties, before)
    return OutageLimits(network, before).broken(state)[0] <= 0


def _transfer(network: Network, injection: Injection, closed: BoolArray, branch: int) -> tuple[int, ...]:
    """Ties that together carry a branch's load at an injection, none where MOST_TIES don't."""
    before = _solved(network, injection, closed)
    if before is None:
        return ()
    limits, chosen = OutageLimits(network, before), list[int]()
    ends = network.branch.from_bus, network.branch.to_bus
    ties = np.flatnonzero(is_tie(network, closed, before.energised))
    gap = np.abs(before.vm_pu[ends[0][ties]] - before.vm_pu[ends[1][ties]])
    able = [
        tie
        for tie in ties[np.argsort(gap, kind="stable")].tolist()
        if cut_loads_mva(network, injection, with_ties(closed, [tie]))[branch] <= 0
    ]
    rest = able[:NEAREST_TIES]
    while rest and len(chosen) < MOST_TIES:
        excess = [
            limits.broken(state_without(network, injection, closed, branch, [*chosen, tie], before))[0] for tie in rest
        ]
        best = int(np.argmin(excess))
        chosen.append(rest.pop(best))
        if excess[best] <= 0:
            return tuple(chosen)
    return ()


def _solved(network: Network, injection: Injection, closed: BoolArray) -> GridState | None:
    try:
        return PowerFlow(network).solve(injection, closed)
    except PowerFlowDivergedError:
        return None
