"""What there is to choose at one operating point: the loops that switches leave open, and what ranks them."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.optimisation.plans.plan import Constraint, NoPlan, NoPlanKind, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.flow import Exchanges, RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.objective import Limits, RadialObjective
from ml.optimisation.radial.trees import Loops, find_loops
from ml.optimisation.switching.situation import Situation, situation

LOOPS_KEPT = 8


class ConflictError(ValueError):
    """No configuration can keep what is asked; constraint says what stands against it, and reason how."""

    def __init__(self, constraint: Constraint, reason: NoPlan) -> None:
        self.constraint, self.reason = constraint, reason
        super().__init__(f"{constraint}: {reason.kind}")


@dataclass(frozen=True, eq=False)
class Choice:
    """One operating point's choice. left_alone: (m,) branches that no configuration touches. start: the present
    configuration (t,), None where the present state isn't radial or leaves buses without supply."""

    grid: RadialGrid
    loops: Loops
    seen: Situation
    objective: RadialObjective
    present: BoolArray
    left_alone: BoolArray
    start: IntArray | None

    def cost(self, opened: IntArray) -> FloatArray:
        """Objective in kW of configurations (b, t), penalties for broken limits included."""
        return self.objective.total_kw(opened, self.grid.demand_pu, self.grid.load_pu)

    def predicted(self, exchanges: Exchanges) -> FloatArray:
        """(k,) predicted change in kW of single exchanges."""
        return self.objective.predicted_change_kw(exchanges, self.grid.demand_pu, self.grid.load_pu)

    def closed(self, opened: IntArray) -> BoolArray:
        """Switch states (..., m) of configurations (..., t)."""
        return np.where(self.left_alone, self.present, self.loops.closed(opened))

    def opened(self, closed: BoolArray) -> IntArray | None:
        """The configuration (t,) of switch states (m,), ascending; None where they aren't one that can be chosen."""
        return _configuration(self.loops, closed)


class Choices:
    """Builds choices for one network; loops are kept, as they rarely change."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: OrderedDict[bytes, Loops] = OrderedDict()

    def at(self, operating_point: OperatingPoint, wanted: Requirements, present: Verdict) -> Choice:
        """The choice at an operating point. ConflictError where locked switches leave none."""
        free = RadialGrid.of(self._network, operating_point.injection)
        free = replace(free, usable=free.usable & operating_point.available)
        locked = np.zeros(self._network.n_branch, dtype=bool)
        locked[list(wanted.locked)] = True
        bound = replace(
            free,
            usable=free.usable & ~(locked & ~operating_point.closed),
            fixed_closed=(free.fixed_closed | (locked & operating_point.closed)) & free.usable,
        )
        cut_off = int((free.reachable() & ~bound.reachable()).sum())
        if cut_off:
            raise ConflictError(Constraint.LOCKED, NoPlan(kind=NoPlanKind.CUT_OFF, buses=cut_off))
        grid = bound.without_unreachable()
        loops = self._loops(grid)
        seen = situation(
            grid,
            loops,
            grid.demand_pu[None],
            grid.load_pu[None],
            wanted.risk_weight * operating_point.failure_probability,
        )
        flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
        start = _configuration(loops, operating_point.closed)
        none = Limits.none(grid.n_bus, self._network.n_branch)
        objective = RadialObjective(
            loops, flow, none, operating_point.failure_probability, wanted.risk_weight, grid.base_mva
        )
        limits = self._limits(objective, grid, start, wanted, present)
        return Choice(grid, loops, seen, replace(objective, limits=limits), operating_point.closed, ~grid.usable, start)

    def _loops(self, grid: RadialGrid) -> Loops:
        key = grid.usable.tobytes() + grid.fixed_closed.tobytes() + grid.source_bus.tobytes()
        if key not in self._kept:
            try:
                self._kept[key] = find_loops(
                    grid.n_bus,
                    grid.from_bus,
                    grid.to_bus,
                    grid.usable,
                    grid.source_bus,
                    grid.fixed_closed & grid.usable,
                )
            except ValueError:
                raise ConflictError(Constraint.LOCKED, NoPlan(kind=NoPlanKind.LOCKED_LOOP)) from None
            if len(self._kept) > LOOPS_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _limits(
        self,
        objective: RadialObjective,
        grid: RadialGrid,
        start: IntArray | None,
        wanted: Requirements,
        present: Verdict,
    ) -> Limits:
        """Limits for the ranking: shifted by what it sees otherwise than the AC power flow in the present state.

        A limit of the case that the present state breaks counts from the present value.
        """
        network = self._network
        bus, branch = network.bus, network.branch
        own_low, own_high = np.nan_to_num(bus.min_vm_pu, nan=0.0), np.nan_to_num(bus.max_vm_pu, nan=9.0)
        low = np.minimum(own_low, present.min_vm_pu) if wanted.min_vm_pu is None else wanted.min_vm_pu
        high = np.maximum(own_high, present.max_vm_pu) if wanted.max_vm_pu is None else wanted.max_vm_pu
        loading = wanted.max_loading_percent
        if loading == Requirements.max_loading_percent and np.isfinite(present.max_loading_percent):
            loading = max(loading, present.max_loading_percent)
        base_ka = network.base_mva / (np.sqrt(3.0) * bus.vn_kv[branch.from_bus])
        most = np.where(branch.rating_derived, np.inf, branch.rating_from_ka / base_ka * loading / 100)
        shift = np.zeros(network.n_bus)
        if start is not None:
            ranked = objective.flow.solve(start[None], grid.demand_pu)
            if np.isfinite(ranked.loss_pu[0]):
                shift = np.nan_to_num(ranked.vm_pu[0] - present.state.vm_pu, nan=0.0)
        return Limits(low + shift, high + shift, most)


def _configuration(loops: Loops, closed: BoolArray) -> IntArray | None:
    try:
        return np.sort(loops.opened(closed))
    except ValueError:
        return None
