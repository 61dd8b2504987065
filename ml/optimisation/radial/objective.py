"""What is minimised, one for all methods: losses, demand expected to be interrupted, and broken limits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.flow import Exchanges, RadialFlow, RadialStates
from ml.optimisation.radial.flow_compiled import excess_shares
from ml.optimisation.radial.trees import Loops

# Each price outweighs all that is less important: losses and risk, then violations, then supply, then what is forbidden
VIOLATION_KW = 1e5  # of a limit exceeded by its whole size
SUPPLY_KW = 1e5  # of a kW without supply
INTERRUPTION = 1e4  # kW without supply that a kW counts as which has supply now
FORBIDDEN_KW, FURTHER_KW = 1e12, 1e13  # of any limit broken that may not be, and of its whole size
FORBIDDEN_SHARE = 1e-5  # of a limit: less is rounding


@dataclass(frozen=True, eq=False)
class Limits:
    """Bounds of a plan: bus voltages (n,) in p.u. and branch currents (m,) in p.u., infinite where there is none.

    band_pu: (n,) what violations of voltages are shares of.
    """

    min_vm_pu: FloatArray
    max_vm_pu: FloatArray
    max_current_pu: FloatArray
    band_pu: FloatArray

    @cached_property
    def rated(self) -> tuple[IntArray, FloatArray]:
        """(r,) the branches whose current has a bound, and (r,) that."""
        rated = np.flatnonzero(np.isfinite(self.max_current_pu))
        return rated, self.max_current_pu[rated]

    @classmethod
    def none(cls, n_bus: int, n_branch: int) -> "Limits":
        """No bounds at all."""
        return cls(np.zeros(n_bus), np.full(n_bus, np.inf), np.full(n_branch, np.inf), np.ones(n_bus))

    def excess(self, states: RadialStates) -> FloatArray:
        """(b,) by how much configurations exceed them, as shares, summed."""
        share = np.empty(len(states.loss_pu))
        limits = self.min_vm_pu, self.max_vm_pu, self.band_pu
        excess_shares(states.vm_pu, states.current_pu, *limits, *self.rated, share)
        return share


@dataclass(frozen=True, eq=False)
class Shedding:
    """Supply as a choice, see RadialGrid.with_shedding.

    virtual: (m,) 1 for a branch that stands for a bus left without supply, else 0. weight: (n,) what a kW of load at
    each bus counts without supply: its priority, and more where it has supply now.
    """

    virtual: FloatArray
    weight: FloatArray


@dataclass(frozen=True, eq=False)
class Costs:
    """Parts of the objective in kW, each (b,); infinite losses where a configuration has no solution."""

    loss_kw: FloatArray
    interrupted_kw: FloatArray
    penalty_kw: FloatArray
    risk_weight: float

    @property
    def total(self) -> FloatArray:
        """(b,) what is minimised."""
        return self.loss_kw + self.risk_weight * self.interrupted_kw + self.penalty_kw


@dataclass(frozen=True, eq=False)
class RadialObjective:
    """The objective of radial configurations.

    failure_probability: (m,) over the horizon that risk is counted for. base_mva: of the p.u. values. limits: what
    violations are counted from. permitted: what may not be exceeded, limits themselves by default. tolerated_kw: for a
    search on the way, so many kW of supply are worth exceeding one by its whole size; None where nothing is.
    """

    loops: Loops
    flow: RadialFlow
    limits: Limits
    failure_probability: FloatArray
    risk_weight: float
    base_mva: float
    permitted: Limits | None = None
    shedding: Shedding | None = None
    tolerated_kw: float | None = None

    def costs(self, opened: IntArray, demand_pu: FloatArray, load_pu: FloatArray) -> Costs:
        """Parts of configurations opened (b, t). demand_pu: complex, net of generation; load_pu: real, what loads take;
        both (n,) or (b, n)."""
        states = self.flow.solve(opened, demand_pu)
        return Costs(
            loss_kw=1000 * self.base_mva * states.loss_pu,
            interrupted_kw=1000 * self.base_mva * self.expected_interrupted_pu(opened, load_pu),
            penalty_kw=self._penalty_kw(states) + self._shed_kw(opened, load_pu),
            risk_weight=self.risk_weight,
        )

    def total_kw(self, opened: IntArray, demand_pu: FloatArray, load_pu: FloatArray) -> FloatArray:
        """(b,) what is minimised; as costs, but interruption is left out where it has no weight."""
        states = self.flow.solve(opened, demand_pu)
        total: FloatArray = (
            1000 * self.base_mva * states.loss_pu + self._penalty_kw(states) + self._shed_kw(opened, load_pu)
        )
        if self.risk_weight:
            total += 1000 * self.base_mva * self.risk_weight * self.expected_interrupted_pu(opened, load_pu)
        return total

    def predicted_change_kw(self, exchanges: Exchanges, demand_pu: FloatArray, load_pu: FloatArray) -> FloatArray:
        """(k,) by how much single exchanges change losses and weighted interruption, without limits.

        A prediction: loads are taken to draw the same currents after the exchange (Civanlar et al. 1988, with the
        resistances and complex currents of the whole loop). It costs a hundredth of solving the neighbours.
        """
        opened = exchanges.opened
        current = self.flow.solve(opened[None], demand_pu).current_pu[0]
        change = exchanges.loss_change(current, self.flow.resistance_pu)
        if self.risk_weight:
            fed = self.flow.tree_flow(opened[None], load_pu[None])[0]
            change += self.risk_weight * exchanges.weighted_change(fed, self.failure_probability)
        if self.shedding is not None:
            lacking = self.flow.tree_flow(opened[None], (load_pu * self.shedding.weight)[None])[0]
            change += SUPPLY_KW * exchanges.weighted_change(lacking, self.shedding.virtual)
        return 1000 * self.base_mva * change

    def expected_interrupted_pu(self, opened: IntArray, load_pu: FloatArray) -> FloatArray:
        """(b,) load that is expected to be interrupted: of every branch what it feeds, times its probability."""
        return self.flow.weighted_flow(opened, load_pu, self.failure_probability)

    def unsupplied_kw(self, opened: IntArray, load_pu: FloatArray) -> FloatArray:
        """(b,) load that configurations leave without supply, weighted."""
        if self.shedding is None:
            return np.zeros(len(opened))
        weighted = load_pu * self.shedding.weight
        return 1000 * self.base_mva * self.flow.weighted_flow(opened, weighted, self.shedding.virtual)

    def _shed_kw(self, opened: IntArray, load_pu: FloatArray) -> FloatArray | float:
        return 0.0 if self.shedding is None else SUPPLY_KW * self.unsupplied_kw(opened, load_pu)

    def _penalty_kw(self, states: RadialStates) -> FloatArray:
        share = beyond = self.limits.excess(states)
        if self.permitted is not None and share.any():  # what is permitted is at least as much as the limits
            beyond = self.permitted.excess(states)
        if self.tolerated_kw is not None:
            tolerated: FloatArray = VIOLATION_KW * share + SUPPLY_KW * self.tolerated_kw * beyond
            return tolerated
        forbidden = np.where(beyond > FORBIDDEN_SHARE, FORBIDDEN_KW + FURTHER_KW * beyond, 0.0)
        penalty: FloatArray = VIOLATION_KW * share + forbidden
        return penalty
