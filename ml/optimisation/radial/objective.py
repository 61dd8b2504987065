"""What is minimised, one for all methods: losses, demand expected to be interrupted, and broken limits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.flow import Exchanges, RadialFlow, RadialStates
from ml.optimisation.radial.flow_compiled import broken_limits
from ml.optimisation.radial.trees import Loops

OVERLOAD_KW_PER_PERCENT = 100.0  # a percent above a branch's rating costs more than any saving is worth
VOLTAGE_KW_PER_PU = 1e5


@dataclass(frozen=True, eq=False)
class Limits:
    """Bounds of a plan: bus voltages (n,) in p.u. and branch currents (m,) in p.u., infinite where there is none."""

    min_vm_pu: FloatArray
    max_vm_pu: FloatArray
    max_current_pu: FloatArray

    @cached_property
    def rated(self) -> tuple[IntArray, FloatArray]:
        """(r,) the branches whose current has a bound, and (r,) that."""
        rated = np.flatnonzero(np.isfinite(self.max_current_pu))
        return rated, self.max_current_pu[rated]

    @classmethod
    def none(cls, n_bus: int, n_branch: int) -> "Limits":
        """No bounds at all."""
        return cls(np.zeros(n_bus), np.full(n_bus, np.inf), np.full(n_branch, np.inf))


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

    failure_probability: (m,) over the horizon that risk is counted for. base_mva: of the p.u. values.
    """

    loops: Loops
    flow: RadialFlow
    limits: Limits
    failure_probability: FloatArray
    risk_weight: float
    base_mva: float

    def costs(self, opened: IntArray, demand_pu: FloatArray, load_pu: FloatArray) -> Costs:
        """Parts of configurations opened (b, t). demand_pu: complex, net of generation; load_pu: real, what loads take;
        both (n,) or (b, n)."""
        states = self.flow.solve(opened, demand_pu)
        return Costs(
            loss_kw=1000 * self.base_mva * states.loss_pu,
            interrupted_kw=1000 * self.base_mva * self.expected_interrupted_pu(opened, load_pu),
            penalty_kw=self._penalty_kw(states),
            risk_weight=self.risk_weight,
        )

    def total_kw(self, opened: IntArray, demand_pu: FloatArray, load_pu: FloatArray) -> FloatArray:
        """(b,) what is minimised; as costs, but interruption is left out where it has no weight."""
        states = self.flow.solve(opened, demand_pu)
        total: FloatArray = 1000 * self.base_mva * states.loss_pu + self._penalty_kw(states)
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
        return 1000 * self.base_mva * change

    def expected_interrupted_pu(self, opened: IntArray, load_pu: FloatArray) -> FloatArray:
        """(b,) load that is expected to be interrupted: of every branch what it feeds, times its probability."""
        return self.flow.weighted_flow(opened, load_pu, self.failure_probability)

    def _penalty_kw(self, states: RadialStates) -> FloatArray:
        limits = self.limits
        beyond, over = np.empty(len(states.loss_pu)), np.empty(len(states.loss_pu))
        broken_limits(states.vm_pu, states.current_pu, limits.min_vm_pu, limits.max_vm_pu, *limits.rated, beyond, over)
        return VOLTAGE_KW_PER_PU * beyond + 100.0 * OVERLOAD_KW_PER_PERCENT * over
