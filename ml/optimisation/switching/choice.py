"""What there is to choose at one operating point: the loops that switches leave open, and what ranks them."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from grid.capabilities import SWITCHING
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.limits import Bounds, BoundsOf, permitted
from ml.optimisation.plans.plan import Constraint, Excess, NoPlan, NoPlanKind, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.blocks import dark_blocks
from ml.optimisation.radial.flow import Exchanges, RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.local_search import Objective
from ml.optimisation.radial.objective import INTERRUPTION, Limits, RadialObjective, Shedding
from ml.optimisation.radial.trees import Loops, find_loops
from ml.optimisation.switching.situation import Situation, situation

LOOPS_KEPT, LOOPS_KEPT_LARGE = 8, 3  # of a grid of 12,000 buses and 300 ties each takes 60 MB


class ConflictError(ValueError):
    """No configuration can keep what is asked; constraint says what stands against it, and reason how."""

    def __init__(self, constraint: Constraint, reason: NoPlan) -> None:
        self.constraint, self.reason = constraint, reason
        super().__init__(f"{constraint}: {reason.kind}")


@dataclass(frozen=True, eq=False)
class Choice:
    """One operating point's choice. left_alone: (m,) branches that no configuration touches. start: the present
    configuration (t,), None where the present state isn't radial, or leaves buses without supply that must have it.
    restorable_kw: load without supply that usable branches reach; locked_out: (n,) buses that only locked switches
    keep from it.
    """

    network: Network
    grid: RadialGrid
    loops: Loops
    seen: Situation
    objective: RadialObjective
    present: BoolArray
    left_alone: BoolArray
    start: IntArray | None
    restorable_kw: float
    locked_out: BoolArray

    def locking_out(self, locked: frozenset[int]) -> tuple[int, ...]:
        """The locked open branches that end at buses which only locked switches keep without supply."""
        branch, out = self.network.branch, self.locked_out
        return tuple(
            place
            for place in sorted(locked)
            if not self.present[place] and (out[branch.from_bus[place]] or out[branch.to_bus[place]])
        )

    @property
    def fixed(self) -> bool:
        """Whether nothing can be exchanged in the present configuration."""
        return self.start is not None and (not self.loops.ties or not len(Exchanges.of(self.loops, self.start)))

    @property
    def sheds(self) -> bool:
        """Whether configurations may leave without supply what has none now."""
        return self.grid.virtual > 0

    def cost(self, opened: IntArray) -> FloatArray:
        """Objective in kW of configurations (b, t), penalties for broken limits included."""
        return self.objective.total_kw(opened, self.grid.demand_pu, self.grid.load_pu)

    def tolerant_cost(self, tolerated_kw: float) -> Objective:
        """As cost, where limits may be exceeded at a price, see RadialObjective."""
        tolerant = replace(self.objective, tolerated_kw=tolerated_kw)
        return lambda opened: tolerant.total_kw(opened, self.grid.demand_pu, self.grid.load_pu)

    def predicted(self, exchanges: Exchanges) -> FloatArray:
        """(k,) predicted change in kW of single exchanges."""
        return self.objective.predicted_change_kw(exchanges, self.grid.demand_pu, self.grid.load_pu)

    @property
    def virtual(self) -> BoolArray | None:
        """(c,) which of Loops.branch stand for a bus left without supply, None where supply is no choice."""
        return self.loops.branch >= len(self.present) if self.sheds else None

    @property
    def open_now(self) -> BoolArray:
        """(c,) which of Loops.branch are open in the present state."""
        states = _with_shed(self.grid, self.present) if self.sheds else self.present
        return ~states[self.loops.branch]

    def closed(self, opened: IntArray) -> BoolArray:
        """Switch states (..., m) of configurations (..., t). Between buses without supply they stay as they are."""
        states = self.loops.closed(opened)[..., : len(self.present)]
        if self.sheds:
            for state in states.reshape(-1, states.shape[-1]):
                dead = ~self._supplied(state)
                apart = dead[self.network.branch.from_bus] & dead[self.network.branch.to_bus]
                state[apart] = self.present[apart]
        return np.where(self.left_alone, self.present, states)

    def opened(self, closed: BoolArray) -> IntArray | None:
        """The configuration (t,) of switch states (m,), ascending; None where they aren't one that can be chosen."""
        return _configuration(self.loops, _with_shed(self.grid, closed) if self.sheds else closed)

    def _supplied(self, closed: BoolArray) -> BoolArray:
        branch = self.network.branch
        return energised_buses(self.network.n_bus, branch.from_bus, branch.to_bus, closed, self.grid.source_bus)


class Choices:
    """Builds choices for one network; loops are kept, as they rarely change."""

    def __init__(self, network: Network, bounds: BoundsOf) -> None:
        self._network, self._bounds = network, bounds
        self._kept: OrderedDict[bytes, Loops] = OrderedDict()

    def at(
        self, operating_point: OperatingPoint, wanted: Requirements, present: Verdict, sheds: bool = False
    ) -> Choice:
        """The choice at an operating point. ConflictError where branches that have to stay closed form a loop, or where
        one that has to be used can't be.

        sheds: whether what has no supply now may stay without it; otherwise every configuration supplies all that
        usable branches reach. What has supply keeps it in either.
        """
        free = self._free(operating_point)
        locked = np.zeros(self._network.n_branch, dtype=bool)
        locked[list(wanted.locked)] = True
        required = np.zeros(self._network.n_branch, dtype=bool)
        required[list(wanted.required_closed)] = True
        bound = replace(
            free,
            usable=free.usable & ~(locked & ~operating_point.closed),
            fixed_closed=(free.fixed_closed | (locked & operating_point.closed) | required) & free.usable,
        )
        dark, reached = ~present.state.energised, bound.reachable()
        grid = bound.without_unreachable()
        left_alone = ~grid.usable
        unused = np.flatnonzero(required & left_alone & ~operating_point.closed)
        if len(unused):
            reason = NoPlan(kind=NoPlanKind.NOT_USABLE, branches=tuple(unused.tolist()))
            raise ConflictError(Constraint.REQUIRED, reason)
        shedding = self._sheddable(grid, operating_point.closed, dark & reached)
        if sheds:
            grid = shedding
        try:
            loops, shift = self._loops(grid), self._shift(shedding, operating_point, present)
        except ValueError:
            raise _loop_conflict(grid, locked & operating_point.closed, required) from None
        probability = np.concatenate([operating_point.failure_probability, np.zeros(grid.virtual)])
        seen = situation(grid, loops, grid.demand_pu[None], grid.load_pu[None], wanted.risk_weight * probability)
        flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
        start = _configuration(loops, _with_shed(grid, operating_point.closed) if sheds else operating_point.closed)
        bounds = self._bounds.at(wanted)
        limits, permitted_now = ranking_limits(self._network, grid, bounds, present.excess, wanted, shift)
        objective = RadialObjective(
            loops=loops,
            flow=flow,
            limits=limits,
            failure_probability=probability,
            risk_weight=wanted.risk_weight,
            base_mva=grid.base_mva,
            permitted=permitted_now,
            shedding=self._shedding(grid, operating_point, present) if sheds else None,
        )
        return Choice(
            network=self._network,
            grid=grid,
            loops=loops,
            seen=seen,
            objective=objective,
            present=operating_point.closed,
            left_alone=left_alone,
            start=start,
            restorable_kw=1000 * grid.base_mva * float(grid.load_pu[dark & reached].sum()),
            locked_out=free.reachable() & ~reached,
        )

    def held(self, operating_point: OperatingPoint, wanted: Requirements) -> tuple[int, ...]:
        """The locked branches on loops, which could be opened or closed if they weren't locked."""
        loops = self._loops(self._free(operating_point).without_unreachable())
        return tuple(branch for branch in sorted(wanted.locked) if loops.position[branch] >= 0)

    def _sheddable(self, grid: RadialGrid, closed: BoolArray, dark: BoolArray) -> RadialGrid:
        """The grid in which what is dark (n,) may stay so: bus by bus, or in blocks where there are many."""
        if self._network.n_bus <= SWITCHING.most:
            return grid.with_shedding(np.flatnonzero(dark))
        joined, heads = dark_blocks(grid, closed, dark)
        return replace(grid, fixed_closed=grid.fixed_closed | joined).with_shedding(heads)

    def _free(self, operating_point: OperatingPoint) -> RadialGrid:
        """The grid in which nothing is locked."""
        grid = RadialGrid.of(self._network, operating_point.injection)
        return replace(grid, usable=grid.usable & operating_point.available)

    def _shedding(self, grid: RadialGrid, operating_point: OperatingPoint, present: Verdict) -> Shedding:
        """What lost supply costs: by priority, and more than anything where a load has supply now."""
        network, load_mw = self._network, operating_point.injection.load_p_mw.clip(min=0)
        weight = np.where(present.supplied_loads, INTERRUPTION, operating_point.priority_of(len(load_mw)))
        weighted, whole = (np.bincount(network.load.bus, mw, network.n_bus) for mw in (load_mw * weight, load_mw))
        return Shedding(grid.is_virtual.astype(float), np.where(whole > 0, weighted / np.where(whole > 0, whole, 1), 0))

    def _loops(self, grid: RadialGrid) -> Loops:
        kept = grid.usable, grid.fixed_closed, grid.source_bus, grid.to_bus[len(grid.to_bus) - grid.virtual :]
        key = b"|".join(array.tobytes() for array in kept)
        if key not in self._kept:
            self._kept[key] = find_loops(
                grid.n_bus, grid.from_bus, grid.to_bus, grid.usable, grid.source_bus, grid.fixed_closed & grid.usable
            )
            if len(self._kept) > (LOOPS_KEPT if self._network.n_bus <= SWITCHING.most else LOOPS_KEPT_LARGE):
                self._kept.popitem(last=False)
        return self._kept[key]

    def _shift(self, grid: RadialGrid, operating_point: OperatingPoint, present: Verdict) -> FloatArray:
        """(n,) p.u. by which the ranking sees voltages above those of the AC power flow, in the present state.

        grid: with supply as a choice, so that the present state is one of its configurations, unless it has loops.
        """
        shift = np.zeros(self._network.n_bus)
        loops = self._loops(grid)
        start = _configuration(loops, _with_shed(grid, operating_point.closed))
        if start is None:
            return shift
        ranked = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu).solve(start[None], grid.demand_pu)
        if not np.isfinite(ranked.loss_pu[0]):
            return shift
        shift = ranked.vm_pu[0] - present.state.vm_pu
        alive = np.isfinite(shift)  # what has no supply is seen as what has most, on the safe side
        return np.where(alive, shift, max(0.0, shift[alive].max(initial=0.0)))


def _loop_conflict(grid: RadialGrid, locked: BoolArray, required: BoolArray) -> ConflictError:
    """What branches that stay closed and form a loop are a conflict with. locked, required: (m,)."""
    fixed, real = grid.fixed_closed & grid.usable, len(locked)
    root = np.full(grid.n_bus, -1)
    root[grid.source_bus] = grid.source_bus[0]
    tail, head = (np.where(root[ends] >= 0, root[ends], ends) for ends in (grid.from_bus, grid.to_bus))

    def joined(without: int) -> bool:
        kept = fixed.copy()
        kept[without] = False
        graph = coo_array((np.ones(kept.sum()), (tail[kept], head[kept])), shape=(grid.n_bus, grid.n_bus))
        group = connected_components(graph, directed=False)[1]
        return bool(group[tail[without]] == group[head[without]])

    chosen = fixed[:real] & (locked | required)
    branches = tuple(branch for branch in np.flatnonzero(chosen).tolist() if joined(branch))
    constraint = Constraint.REQUIRED if required[list(branches)].any() else Constraint.LOCKED
    return ConflictError(constraint, NoPlan(kind=NoPlanKind.LOCKED_LOOP, branches=branches))


def ranking_limits(
    network: Network, grid: RadialGrid, bounds: Bounds, present: Excess, wanted: Requirements, shift: FloatArray
) -> tuple[Limits, Limits]:
    """The limits of a grid, and what may not be exceeded: where the present state breaks a limit, or emergency values
    are given, that is more. Whether a state restores anything, and may use these, is for verification to judge.

    shift: (n,) p.u. by which voltages of the ranking lie above those that the limits are of.
    """
    real = slice(0, network.n_branch)
    base_ka = network.base_mva / (np.sqrt(3.0) * network.bus.vn_kv[network.branch.from_bus])
    most, more = np.full(len(grid.usable), np.inf), np.ones(len(grid.usable))
    most[real] = network.branch.rating_from_ka / base_ka * bounds.loading / 100
    more[real] += permitted(Constraint.LOADING, present, wanted, restoring=True)
    low = permitted(Constraint.LOW_VOLTAGE, present, wanted, restoring=True) * bounds.band
    high = permitted(Constraint.HIGH_VOLTAGE, present, wanted, restoring=True) * bounds.band
    own = Limits(bounds.low + shift, bounds.high + shift, most, bounds.band)
    return own, Limits(own.min_vm_pu - low, own.max_vm_pu + high, most * more, bounds.band)


def _with_shed(grid: RadialGrid, closed: BoolArray) -> BoolArray:
    """(m,) switch states, those of branches that stand for lost supply included, for states (m - v,) of the others.

    Buses without supply are left without it one by one, or together where branches that stay closed join them.
    """
    real = len(closed)
    tail, head = grid.from_bus[:real], grid.to_bus[:real]
    sheddable = grid.to_bus[real:]
    supplied = energised_buses(grid.n_bus, tail, head, closed & grid.usable[:real], grid.source_bus)
    states = np.concatenate([closed & (supplied[tail] | grid.fixed_closed[:real]), np.zeros(len(sheddable), bool)])
    fixed = grid.fixed_closed[:real]
    graph = coo_array((np.ones(fixed.sum()), (tail[fixed], head[fixed])), shape=(grid.n_bus, grid.n_bus))
    group = connected_components(graph, directed=False)[1]
    _, first = np.unique(group[sheddable], return_index=True)
    states[real + first] = ~supplied[sheddable[first]]
    return states


def _configuration(loops: Loops, closed: BoolArray) -> IntArray | None:
    try:
        return np.sort(loops.opened(closed))
    except ValueError:
        return None
