"""The switching problem for the trainer: a grid with varied loads, outages, failure probabilities and risk weights."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn

from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow import Exchanges, RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.objective import INTERRUPTION, Costs, Limits, RadialObjective, Shedding
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.radial.trees import Loops, NotConnectedError, TreeDistribution
from ml.optimisation.switching.situation import Situation, situation

REGIONS = 4
OUTAGES_KEPT = 64
DRAWS_TRIED = 8  # for each restoration that is wanted


@dataclass(frozen=True)
class Variety:
    """How situations vary. Levels multiply all loads; a deviation is one standard deviation of a factor."""

    lowest_level: float = 0.3
    highest_level: float = 1.1
    regional_deviation: float = 0.25
    nodal_deviation: float = 0.25
    pv_share: float = 0.3  # of situations
    pv_largest: float = 0.6  # of a load's own peak, at four buses in ten
    outage_share: float = 0.3  # of draws
    risk_share: float = 0.3  # of draws that have a risk weight
    lowest_risk: float = 0.1  # expected interruption, weighted, over losses
    highest_risk: float = 3.0
    restoration_share: float = 0.15  # of draws, where a problem knows restorations
    heaviest_restoration: float = 1.5  # of the level: limits must bind, or there is nothing to choose


@dataclass(frozen=True, eq=False)
class SwitchingSituations:
    """b situations that differ in demand_pu (b, n) complex and load_pu (b, n) real, and share everything else."""

    seen: Situation
    objective: RadialObjective
    demand_pu: FloatArray
    load_pu: FloatArray

    def costs(self, opened: IntArray, row: int) -> Costs:
        """Parts of the objective of configurations (b, t) in one of the situations."""
        return self.objective.costs(opened, self.demand_pu[row], self.load_pu[row])

    def total_kw(self, opened: IntArray, row: int) -> FloatArray:
        """(b,) objective of configurations (b, t) in one of the situations."""
        return self.objective.total_kw(opened, self.demand_pu[row], self.load_pu[row])

    def tolerant_kw(self, opened: IntArray, row: int, tolerated_kw: float) -> FloatArray:
        """As total_kw, where limits may be exceeded at a price, see RadialObjective."""
        tolerant = replace(self.objective, tolerated_kw=tolerated_kw)
        return tolerant.total_kw(opened, self.demand_pu[row], self.load_pu[row])

    @property
    def virtual(self) -> BoolArray | None:
        """(c,) which of Loops.branch stand for a bus left without supply, None where supply is no choice."""
        shedding = self.objective.shedding
        return None if shedding is None else shedding.virtual[self.objective.loops.branch] > 0

    @property
    def dark_kw(self) -> FloatArray:
        """(b,) load without supply that may stay so."""
        shedding = self.objective.shedding
        if shedding is None:
            return np.zeros(len(self.load_pu))
        dark: FloatArray = 1000 * self.objective.base_mva * self.load_pu[:, shedding.weight == 1.0].sum(axis=1)
        return dark

    def predicted_change_kw(self, exchanges: Exchanges, row: int) -> FloatArray:
        """(k,) by how much single exchanges would change it, see RadialObjective."""
        return self.objective.predicted_change_kw(exchanges, self.demand_pu[row], self.load_pu[row])


@dataclass(frozen=True, eq=False, kw_only=True)
class Restoring:
    """What restorations are drawn from: switch states (m,) before an outage, limits, and what may not be exceeded."""

    closed: BoolArray
    limits: Limits
    permitted: Limits


@dataclass(frozen=True, eq=False, kw_only=True)
class Restoration:
    """The choice after an outage: what it leaves without supply (n,) may stay without."""

    grid: RadialGrid
    loops: Loops
    dark: BoolArray


class SwitchingProblem:
    """Draws situations of a grid and judges configurations.

    failure_probability: (m,) within a year. limits: voltages and currents, by default none. risk_weight: of all draws;
    None draws another one for each. restoring: None where supply is never a choice.
    """

    def __init__(
        self,
        grid: RadialGrid,
        failure_probability: FloatArray,
        variety: Variety,
        risk_weight: float | None = None,
        limits: Limits | None = None,
        restoring: Restoring | None = None,
    ) -> None:
        self.grid, self.variety, self._restoring = grid, variety, restoring
        self._restorations: dict[int, Restoration | None] = {}
        self._probability, self._risk_weight = failure_probability, risk_weight
        self._limits = limits or Limits.none(grid.n_bus, len(grid.usable))
        self.whole = grid.loops()
        self._after_outage: dict[int, Loops | None] = {}
        self._region = _regions(self.whole)
        self.usual_risk_weight = self._balance()

    def draw(self, count: int, rng: np.random.Generator) -> SwitchingSituations:
        """Situations after one outage or none, with new loads each."""
        demand, load = self.demand(count, rng)
        if self._restoring is not None and rng.uniform() < self.variety.restoration_share:
            restoration = self._drawn_restoration(self._restoring, rng)
            if restoration is not None:
                level = rng.uniform(1.0, self.variety.heaviest_restoration)
                return self._restored(self._restoring, restoration, level * demand, level * load)
        loops = self._drawn_loops(rng)
        if self._risk_weight is not None:
            return self.situations(demand, load, loops, self._probability, self._risk_weight)
        if rng.uniform() >= self.variety.risk_share:
            return self.situations(demand, load, loops, self._probability, 0.0)
        probability = self._probability * rng.lognormal(0.0, 0.5, len(self._probability))
        ratio = np.exp(rng.uniform(np.log(self.variety.lowest_risk), np.log(self.variety.highest_risk)))
        return self.situations(demand, load, loops, probability, float(ratio) * self.usual_risk_weight)

    def fixed_draws(self, draws: int, count: int, seed: int) -> list[SwitchingSituations]:
        """So many draws of count situations each, the same for a seed whatever has been drawn before; all supplied."""
        own = copy(self)
        own._after_outage, own._restoring = {}, None
        rng = np.random.default_rng(seed)
        return [own.draw(count, rng) for _ in range(draws)]

    def fixed_restorations(self, draws: int, count: int, seed: int) -> list[SwitchingSituations]:
        """As fixed_draws, of restorations; fewer or none where hardly an outage leaves anything to restore."""
        if self._restoring is None:
            return []
        own, rng = copy(self), np.random.default_rng(seed)
        own._restorations = {}
        drawn = (own._drawn_restoration(self._restoring, rng) for _ in range(draws * DRAWS_TRIED))
        found = [restoration for restoration in drawn if restoration is not None][:draws]
        level = self.variety.heaviest_restoration
        pairs = [(level * demand, level * load) for demand, load in (self.demand(count, rng) for _ in found)]
        return [self._restored(self._restoring, one, *pair) for one, pair in zip(found, pairs, strict=True)]

    def situations(
        self,
        demand_pu: FloatArray,
        load_pu: FloatArray,
        loops: Loops | None = None,
        failure_probability: FloatArray | None = None,
        risk_weight: float = 0.0,
    ) -> SwitchingSituations:
        """Situations with given demand (b, n), complex, and load (b, n), real, in p.u."""
        grid, loops = self.grid, loops or self.whole
        probability = self._probability if failure_probability is None else failure_probability
        seen = situation(grid, loops, demand_pu, load_pu, risk_weight * probability)
        flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
        objective = RadialObjective(loops, flow, self._limits, probability, risk_weight, grid.base_mva)
        return SwitchingSituations(seen, objective, demand_pu, load_pu)

    def demand(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(count, n) p.u.: complex demand and real load; level, regions and buses vary, some with photovoltaics."""
        variety, grid = self.variety, self.grid
        level = rng.uniform(variety.lowest_level, variety.highest_level, (count, 1))
        regional = np.clip(1 + variety.regional_deviation * rng.standard_normal((count, REGIONS)), 0.3, 1.8)
        nodal = np.clip(1 + variety.nodal_deviation * rng.standard_normal((count, grid.n_bus)), 0.1, 2.0)
        factor = level * regional[:, self._region] * nodal
        sunny = rng.uniform(size=(count, 1)) < variety.pv_share
        equipped = rng.uniform(size=grid.n_bus) < 0.4
        fed = sunny * equipped * variety.pv_largest * rng.uniform(size=(count, grid.n_bus)) * grid.load_pu
        return factor * grid.demand_pu - fed, factor * grid.load_pu

    def distribution(self, net: nn.Module, seen: SwitchingSituations) -> TreePolicy:
        """The policy's distributions."""
        return TreePolicy(seen.objective.loops, net(seen.seen))

    def cost(self, seen: SwitchingSituations, actions: Tensor) -> FloatArray:
        """(b, k) objective in kW of configurations (b, k, t)."""
        situations, count, ties = actions.shape
        demand, load = np.repeat(seen.demand_pu, count, axis=0), np.repeat(seen.load_pu, count, axis=0)
        return seen.objective.total_kw(actions.numpy().reshape(-1, ties), demand, load).reshape(situations, count)

    def _drawn_loops(self, rng: np.random.Generator) -> Loops:
        if rng.uniform() >= self.variety.outage_share:
            return self.whole
        branch = int(rng.choice(self.whole.branch))
        if branch not in self._after_outage and len(self._after_outage) < OUTAGES_KEPT:
            self._after_outage[branch] = _loops_without(self.grid, branch)
        return self._after_outage.get(branch) or self.whole

    def _drawn_restoration(self, restoring: Restoring, rng: np.random.Generator) -> Restoration | None:
        """The choice after the outage of some branch; None where it leaves nothing that could be supplied again."""
        branch = int(rng.choice(np.flatnonzero(restoring.closed & self.grid.usable)))
        if branch not in self._restorations:
            if len(self._restorations) >= OUTAGES_KEPT:
                self._restorations.pop(next(iter(self._restorations)))
            self._restorations[branch] = _restoration(self.grid, restoring.closed, branch)
        return self._restorations[branch]

    def _restored(
        self, restoring: Restoring, restoration: Restoration, demand_pu: FloatArray, load_pu: FloatArray
    ) -> SwitchingSituations:
        """Situations of a restoration under demand_pu (b, n), complex, and load_pu (b, n), real."""
        grid, loops = restoration.grid, restoration.loops
        fed = grid.load_pu != 0
        demand, load = np.where(fed, demand_pu, 0.0), np.where(fed, load_pu, 0.0)
        limits, permitted = (_with_virtual(each, grid.virtual) for each in (restoring.limits, restoring.permitted))
        objective = RadialObjective(
            loops=loops,
            flow=RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu),
            limits=limits,
            failure_probability=np.zeros(len(grid.usable)),
            risk_weight=0.0,
            base_mva=grid.base_mva,
            permitted=permitted,
            shedding=Shedding(
                virtual=grid.is_virtual.astype(float), weight=np.where(restoration.dark, 1.0, INTERRUPTION)
            ),
        )
        return SwitchingSituations(
            situation(grid, loops, demand, load, np.zeros(len(grid.usable))), objective, demand, load
        )

    def _balance(self) -> float:
        """The risk weight at which losses and expected interruption count alike, for the grid's own demand."""
        seen = self.situations(self.grid.demand_pu[None], self.grid.load_pu[None])
        opened = TreeDistribution(self.whole, seen.seen.prior[:, self.whole.branch].astype(float)).mode()
        costs = seen.costs(opened, 0)
        loss, interrupted = float(costs.loss_kw[0]), float(costs.interrupted_kw[0])
        return loss / interrupted if np.isfinite(loss) and interrupted > 0 else 0.0


def _loops_without(grid: RadialGrid, branch: int) -> Loops | None:
    try:
        loops = grid.loops(np.array([branch]))
    except NotConnectedError:
        return None
    return loops if loops.ties else None


def _restoration(grid: RadialGrid, closed: BoolArray, branch: int) -> Restoration | None:
    usable, after = grid.usable.copy(), closed.copy()
    usable[branch] = after[branch] = False
    dark = ~energised_buses(grid.n_bus, grid.from_bus, grid.to_bus, after & usable, grid.source_bus)
    left = replace(grid, usable=usable)
    sheddable = np.flatnonzero(dark & left.reachable())
    if not len(sheddable):
        return None
    extended = left.without_unreachable().with_shedding(sheddable)
    return Restoration(grid=extended, loops=extended.loops(), dark=dark)


def _with_virtual(limits: Limits, count: int) -> Limits:
    """Limits of a grid with so many more branches that carry what they like."""
    return replace(limits, max_current_pu=np.concatenate([limits.max_current_pu, np.full(count, np.inf)]))


def _regions(loops: Loops) -> IntArray:
    """(n,) a region for each bus: neighbours in the order of a walk along the feeders."""
    order = np.lexsort(loops.ways().T)
    region = np.empty(len(order), dtype=np.int64)
    region[order] = np.arange(len(order)) * REGIONS // len(order)
    return region
