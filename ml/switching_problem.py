"""The switching problem for the trainer: situations of one grid with varied loads, outages and probabilities."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from grid.network import BoolArray, FloatArray, IntArray, Network
from ml.objective import Limits, RadialObjective
from ml.policy import Situation, situation
from ml.radialflow import RadialFlow
from ml.switching import Loops, NotConnectedError, TreePolicy, find_loops

LOWEST_LEVEL, HIGHEST_LEVEL = 0.3, 1.1
REGIONS = 4
REGIONAL_SPREAD = NODAL_SPREAD = 0.25  # one standard deviation of a region's and of a bus's factor
PV_SHARE_OF_SITUATIONS, PV_LARGEST_OF_PEAK = 0.3, 0.6
OUTAGE_SHARE_OF_DRAWS = 0.3
OUTAGES_KEPT = 64


@dataclass(frozen=True, eq=False)
class RadialGrid:
    """A grid as the switching policy knows it: series impedances (m,) and demand (n,) in p.u. of base_mva."""

    n_bus: int
    from_bus: IntArray
    to_bus: IntArray
    impedance_pu: FloatArray
    usable: BoolArray
    source_bus: IntArray
    source_vm_pu: float
    demand_pu: FloatArray
    base_mva: float

    @classmethod
    def of(cls, network: Network) -> "RadialGrid":
        """A network's series impedances, its sources as one root, its loads less its fixed generation."""
        branch, generator, load = network.branch, network.generator, network.load
        demand = np.zeros(network.n_bus, dtype=complex)
        np.add.at(demand, load.bus, (load.p_mw + 1j * load.q_mvar) / network.base_mva)
        fixed = ~generator.is_source
        fed = (generator.p_mw[fixed] + 1j * generator.q_mvar[fixed]) / network.base_mva
        np.add.at(demand, generator.bus[fixed], -fed)
        return cls(
            network.n_bus, branch.from_bus, branch.to_bus, -1 / branch.yft, branch.in_service,
            network.source_buses, float(generator.vm_pu[generator.is_source][0]), demand, network.base_mva,
        )  # fmt: skip

    def loops(self, out: IntArray | None = None) -> Loops:
        """The loops while branches out (k,) can't be used. NotConnectedError where they leave buses without supply."""
        usable = self.usable.copy()
        if out is not None:
            usable[out] = False
        return find_loops(self.n_bus, self.from_bus, self.to_bus, usable, self.source_bus)


@dataclass(frozen=True, eq=False)
class SwitchingSituations:
    """b situations that differ in demand_pu (b, n) and share everything else."""

    seen: Situation
    objective: RadialObjective
    demand_pu: FloatArray


class SwitchingProblem:
    """Draws situations of a grid and judges configurations."""

    def __init__(self, grid: RadialGrid, failure_probability: FloatArray, risk_weight: float = 0.0) -> None:
        self.grid, self.risk_weight = grid, risk_weight
        self._probability = failure_probability
        self._whole = grid.loops()
        self._after_outage: dict[int, Loops | None] = {}
        self._region = _regions(self._whole)

    def draw(self, count: int, rng: np.random.Generator) -> SwitchingSituations:
        """Situations after one outage or none, with new loads each."""
        probability = (
            self._probability * rng.lognormal(0.0, 0.5, len(self._probability))
            if self.risk_weight
            else self._probability
        )
        return self.situations(self.demand(count, rng), self._drawn_loops(rng), probability)

    def situations(
        self, demand_pu: FloatArray, loops: Loops | None = None, failure_probability: FloatArray | None = None
    ) -> SwitchingSituations:
        """Situations with given demand (b, n)."""
        grid, loops = self.grid, loops or self._whole
        probability = self._probability if failure_probability is None else failure_probability
        seen = situation(loops, grid.from_bus, grid.to_bus, grid.impedance_pu, probability, grid.source_bus, demand_pu)
        objective = RadialObjective(
            loops, RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu),
            Limits.none(grid.n_bus, len(grid.usable)), probability, self.risk_weight, grid.base_mva,
        )  # fmt: skip
        return SwitchingSituations(seen, objective, demand_pu)

    def demand(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, n) complex p.u.: level, regions and buses vary, some with photovoltaics."""
        level = rng.uniform(LOWEST_LEVEL, HIGHEST_LEVEL, (count, 1))
        regional = np.clip(1 + REGIONAL_SPREAD * rng.standard_normal((count, REGIONS)), 0.3, 1.8)[:, self._region]
        nodal = np.clip(1 + NODAL_SPREAD * rng.standard_normal((count, self.grid.n_bus)), 0.1, 2.0)
        demand = self.grid.demand_pu * level * regional * nodal
        sunny = rng.uniform(size=(count, 1)) < PV_SHARE_OF_SITUATIONS
        share = (
            PV_LARGEST_OF_PEAK * rng.uniform(size=(count, self.grid.n_bus)) * (rng.uniform(size=self.grid.n_bus) < 0.4)
        )
        return demand - sunny * share * np.abs(self.grid.demand_pu.real)

    def _drawn_loops(self, rng: np.random.Generator) -> Loops:
        if rng.uniform() >= OUTAGE_SHARE_OF_DRAWS:
            return self._whole
        branch = int(rng.choice(self._whole.branch))
        if branch not in self._after_outage and len(self._after_outage) < OUTAGES_KEPT:
            self._after_outage[branch] = _loops_without(self.grid, branch)
        return self._after_outage.get(branch) or self._whole

    def distribution(self, net: nn.Module, seen: SwitchingSituations) -> TreePolicy:
        """The policy's distributions."""
        return TreePolicy(seen.objective.loops, net(seen.seen))

    def cost(self, seen: SwitchingSituations, actions: Tensor) -> FloatArray:
        """(b, k) objective in kW of configurations (b, k, t)."""
        situations, count, ties = actions.shape
        demand = np.repeat(seen.demand_pu, count, axis=0)
        return seen.objective.costs(actions.numpy().reshape(-1, ties), demand).total.reshape(situations, count)


def _loops_without(grid: RadialGrid, branch: int) -> Loops | None:
    try:
        loops = grid.loops(np.array([branch]))
    except NotConnectedError:
        return None
    return loops if loops.ties else None


def _regions(loops: Loops) -> IntArray:
    """(n,) a region for each bus: neighbours in the order of a walk along the feeders."""
    order = np.lexsort(np.abs(loops.path).T)
    region = np.empty(len(order), dtype=np.int64)
    region[order] = np.arange(len(order)) * REGIONS // len(order)
    return region
