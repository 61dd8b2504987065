"""Mobile supply: work at a price where neither one tie nor several carry what an outage leaves dark.

All loads that the outage cuts off are fed by mobile units while the asset is out, as an island of their own; generators
there stay off. What is left of the grid must hold its limits as in any other window. In each week that time of work is
taken at which surcharge, units and energy cost least together.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from grid.flow.powerflow import Injection, PowerFlow
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.maintenance.schedule.outage_states import OutageLimits, solved, state_without
from ml.maintenance.schedule.outage_windows import cut_loads_mw, level_groups, scaled, without_derived_ratings
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER, TIMES, WorkLevels
from ml.maintenance.schedule.work_windows import FedLoads, WorkWindows

MOST_FED = 20  # branches for which mobile supply is tried, the riskiest


def with_mobile_supply(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    levels: WorkLevels,
    branches: IntArray,
    windows: WorkWindows,
    cost_eur: FloatArray,
    hours: FloatArray,
    terms: MaintenanceTerms,
    step: Callable[[float], None] = lambda _: None,
) -> WorkWindows:
    """Windows of branches (n,) with those that mobile units add, for the first MOST_FED that need them.

    cost_eur, hours: (n,) of the jobs. step: told the share that is done, before each branch; what it raises ends it.
    """
    plain, cut_mw = without_derived_ratings(network), cut_loads_mw(network, injection, closed)[branches]
    highest, mean = (np.array([[of(week) for week in weeks] for weeks in levels]) for of in (np.max, np.mean))
    needs = (windows.time == NEVER).any(axis=1) & (cut_mw > 0) & (cut_mw * highest.min() <= terms.mobile_mw)
    rows = np.flatnonzero(needs)[:MOST_FED]
    time, fed = windows.time.copy(), FedLoads.nothing(windows.time.shape)
    judged = _JudgedLevels(plain, injection, closed, levels)
    surcharge = np.array([terms.surcharge(one) for one in TIMES])
    for place, row in enumerate(rows.tolist()):
        step(place / len(rows))
        most_mw, mean_mw, branch = cut_mw[row] * highest, cut_mw[row] * mean, int(branches[row])
        price = cost_eur[row] * surcharge[:, None] + terms.mobile_eur(most_mw, mean_mw * hours[row])
        open_weeks = (windows.time[row] == NEVER) & (most_mw <= terms.mobile_mw)
        price = np.where(open_weeks, price, np.inf)
        price = np.where(judged.holds(branch, np.isfinite(price)), price, np.inf)
        weeks = np.flatnonzero(np.isfinite(price).any(axis=0))
        if not len(weeks):
            continue
        best = price[:, weeks].argmin(axis=0)
        time[row, weeks] = best
        fed.most_mw[row, weeks], fed.mean_mw[row, weeks] = most_mw[best, weeks], mean_mw[best, weeks]
        fed.loads[branch] = dark_loads(plain, injection, closed, branch)
    return replace(windows, time=time, fed=fed)


def dark_loads(network: Network, injection: Injection, closed: BoolArray, branch: int) -> tuple[int, ...]:
    """Loads that take something and have no supply without a branch, but with it."""
    generator, ends = network.generator, network.branch
    sources = np.unique(generator.bus[generator.is_source & injection.generator_on])
    opened = closed.copy()
    opened[branch] = False
    with_it, without = (
        energised_buses(network.n_bus, ends.from_bus, ends.to_bus, state & ends.in_service, sources)
        for state in (closed, opened)
    )
    takes = (injection.load_p_mw != 0) | (injection.load_q_mvar != 0)
    return tuple(np.flatnonzero(takes & (with_it & ~without)[network.load.bus]).tolist())


def holds_fed_at(flow: PowerFlow, injection: Injection, closed: BoolArray, branch: int, level: float) -> bool:
    """Whether the grid holds its limits without a branch at a load level, what that cuts off being fed by units."""
    present = scaled(injection, level)
    before = solved(flow, present, closed)
    if before is None:
        return False
    state = state_without(flow, present, closed, branch, (), before)
    return OutageLimits(flow.network, before).broken(state)[0] <= 0


class _JudgedLevels:
    """Whether outages hold at the lowest and the highest load of each time in each week, levels within 1 % as one."""

    def __init__(self, network: Network, injection: Injection, closed: BoolArray, levels: WorkLevels) -> None:
        self._flow, self._injection, self._closed = PowerFlow(network), injection, closed
        ends = np.array([[(week.min(), week.max()) for week in weeks] for weeks in levels])
        group, self._asked = level_groups(ends.ravel())
        self._group = group.reshape(ends.shape)

    def holds(self, branch: int, asked: BoolArray) -> BoolArray:
        """(T, W) whether the outage of a branch holds; False where it isn't asked."""
        holds = np.zeros(len(self._asked), dtype=bool)
        for group in np.unique(self._group[asked]).tolist():
            level = float(self._asked[group])
            holds[group] = holds_fed_at(self._flow, self._injection, self._closed, branch, level)
        return np.asarray(holds[self._group].all(axis=2) & asked)
