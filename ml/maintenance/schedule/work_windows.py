"""Work windows: at which time of which week each branch can be out for its job, and which ties carry its load then.

The cheapest time is taken at which the outage holds at the lowest and at the highest load of its moments (what lies
between was tried in docs/benchmarks/schedule_grids.md). A branch that no single tie makes possible
(ml.maintenance.schedule.outage_windows) may have several at night: the tie after which the least is broken is closed,
then the next, until the state holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.maintenance.records import WorkTime
from ml.maintenance.schedule.outage_states import OutageLimits, solved, state_without, with_ties
from ml.maintenance.schedule.outage_windows import (
    cut_loads_mva,
    is_tie,
    level_groups,
    outage_windows,
    scaled,
    without_derived_ratings,
)
from ml.maintenance.schedule.work_times import NEVER, TIMES, WorkLevels

MOST_TIES = 3  # that carry the load of one outage
NEAREST_TIES = 20  # that are tried, the nearest in voltage first
TRIED_LEVELS = 4  # at which ties are looked for
MOST_TRANSFERS = 20  # branches for which several ties are tried
SINGLY_SHARE = 0.7  # of the work, as far as progress is told
NIGHTS = TIMES.index(WorkTime.NIGHTS)
Step = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class FedLoads:
    """most_mw, mean_mw (n, W): what mobile units feed at a window's hours, 0 where nothing; by branch which loads."""

    most_mw: FloatArray
    mean_mw: FloatArray
    loads: dict[int, tuple[int, ...]]

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> "FedLoads":
        """No mobile supply."""
        return cls(np.zeros(shape), np.zeros(shape), {})

    def of_rows(self, rows: IntArray) -> "FedLoads":
        """With rows in another order."""
        return FedLoads(self.most_mw[rows], self.mean_mw[rows], self.loads)


@dataclass(frozen=True, eq=False)
class WorkWindows:
    """time (n, W): the cheapest place in TIMES at which a branch can be out, NEVER where there is none.

    transfers: of branches that need several ties, those that are closed, in this order. fed: by mobile units
    (ml.maintenance.schedule.mobile_supply), None where they take no part.
    """

    time: IntArray
    transfers: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    fed: FedLoads | None = None

    @classmethod
    def unasked(cls, count: int, weeks: int) -> "WorkWindows":
        """Any branch at any time: nobody was asked."""
        return cls(np.zeros((count, weeks), dtype=np.int64))

    def of_rows(self, rows: IntArray) -> "WorkWindows":
        """With the rows of time in another order."""
        return WorkWindows(self.time[rows], self.transfers, None if self.fed is None else self.fed.of_rows(rows))


def work_windows(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    levels: WorkLevels,
    branches: IntArray,
    step: Step = lambda _: None,
    order: Sequence[int] = range(len(TIMES)),
) -> WorkWindows:
    """Windows of branches (n,), the first of which are tried with several ties. levels: of work_levels.

    order: places in TIMES, the cheapest first. step: told the share that is done, before each part; what it raises ends
    the work.
    """
    time = np.full((len(branches), len(levels[0])), NEVER)
    for asked, place in enumerate(order):
        rows, weeks = np.flatnonzero((time == NEVER).any(axis=1)), levels[place]
        if not len(rows):
            break

        def told(done: float, before: int = asked) -> None:
            step(SINGLY_SHARE * (before + done) / len(TIMES))

        ends = outage_windows(network, injection, closed, _ends(weeks).ravel(), branches[rows], told)
        holds = ends.reshape(len(rows), -1, 2).all(axis=2)
        time[rows] = np.where((time[rows] == NEVER) & holds, place, time[rows])
    never = np.flatnonzero((time == NEVER).all(axis=1))[:MOST_TRANSFERS]
    flow, transfers = PowerFlow(without_derived_ratings(network)), {}
    for count, row in enumerate(never.tolist()):
        step(SINGLY_SHARE + (1 - SINGLY_SHARE) * count / len(never))
        branch = int(branches[row])
        ties, nights = _by_several(flow, injection, closed, _ends(levels[NIGHTS]), branch)
        if nights.any():
            time[row, nights], transfers[branch] = NIGHTS, ties
    return WorkWindows(time, transfers)


def _ends(weeks: Sequence[FloatArray]) -> FloatArray:
    """(W, 2) lowest and highest level of each week."""
    return np.array([(week.min(), week.max()) for week in weeks])


def _by_several(
    flow: PowerFlow, injection: Injection, closed: BoolArray, levels: FloatArray, branch: int
) -> tuple[tuple[int, ...], BoolArray]:
    """Ties that carry a branch's load in the weeks (W,) of the highest load in which some do, and all those weeks.

    levels: (W, 2) lowest and highest.
    """
    group, asked = level_groups(levels.ravel())
    highest = np.sort(levels[:, 1])[::-1]
    for level in highest[:: max(1, len(highest) // TRIED_LEVELS)].tolist():
        ties = _transfer(flow, scaled(injection, level), closed, branch)
        if not ties:
            continue
        at = np.array([holds_at(flow, injection, closed, branch, ties, one) for one in asked.tolist()])
        weeks = at[group].reshape(levels.shape).all(axis=1)
        if weeks.any():
            return ties, weeks
    return (), np.zeros(len(levels), dtype=bool)


def holds_at(
    flow: PowerFlow, injection: Injection, closed: BoolArray, branch: int, ties: tuple[int, ...], level: float
) -> bool:
    """Whether a branch may be out with ties closed at a load level: all loads supplied, no limit broken further."""
    present = scaled(injection, level)
    network = flow.network
    before = solved(flow, present, closed)
    if before is None or cut_loads_mva(network, present, with_ties(closed, ties))[branch] > 0:
        return False
    state = state_without(flow, present, closed, branch, ties, before)
    return OutageLimits(network, before).broken(state)[0] <= 0


def _transfer(flow: PowerFlow, injection: Injection, closed: BoolArray, branch: int) -> tuple[int, ...]:
    """Ties that together carry a branch's load at an injection, none where MOST_TIES don't."""
    network = flow.network
    before = solved(flow, injection, closed)
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
            limits.broken(state_without(flow, injection, closed, branch, [*chosen, tie], before))[0] for tie in rest
        ]
        best = int(np.argmin(excess))
        chosen.append(rest.pop(best))
        if excess[best] <= 0:
            return tuple(chosen)
    return ()
