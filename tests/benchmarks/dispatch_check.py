"""The limits that a live dispatch has to keep, and whether a state keeps them, read from the state and nothing else."""

from dataclasses import dataclass, replace

import numpy as np

from grid.flow.powerflow import GridState, Injection
from grid.network import FloatArray, Network
from ml.optimisation.dispatch.grid import (
    OVERLOAD_MW_PER_PERCENT,
    POWER_MW_PER_MW,
    REACTIVE_MW_PER_MVAR,
    VOLTAGE_MW_PER_PU,
    DispatchLimits,
)
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.set_points import HARDLY_PERCENT

TOLERANCE_PU = 1e-4  # by which a limit may be missed: 0.01 MVA of 100, 0.01 % of voltage and of loading


@dataclass(frozen=True, eq=False)
class Checked:
    """How far each generator (g,), bus (n,) and branch (m,) lies outside its limits, 0 within, and what that costs."""

    loss_mw: float
    p_excess_mw: FloatArray
    q_excess_mvar: FloatArray
    vm_excess_pu: FloatArray
    loading_excess_percent: FloatArray
    base_mva: float

    @property
    def penalty_mw(self) -> float:
        """What broken limits cost."""
        generators = POWER_MW_PER_MW * self.p_excess_mw.sum() + REACTIVE_MW_PER_MVAR * self.q_excess_mvar.sum()
        branches = OVERLOAD_MW_PER_PERCENT * self.loading_excess_percent.sum()
        return float(generators + VOLTAGE_MW_PER_PU * self.vm_excess_pu.sum() + branches)

    @property
    def cost_mw(self) -> float:
        """Losses and what broken limits cost."""
        return self.loss_mw + self.penalty_mw

    @property
    def feasible(self) -> bool:
        """Whether every limit is kept, to TOLERANCE_PU."""
        power = np.concatenate([self.p_excess_mw, self.q_excess_mvar]) / self.base_mva
        excess = np.concatenate([power, self.vm_excess_pu, self.loading_excess_percent / 100.0])
        return bool((excess <= TOLERANCE_PU).all())


def check(network: Network, injection: Injection, state: GridState, limits: DispatchLimits) -> Checked:
    """Compare a state, and the injection it was solved for, with limits.

    Active powers are checked of sources and regulating generators, reactive ones of those that hold a voltage, voltages
    of buses with supply, loadings of all branches; what is out of service breaks no limit.
    """
    generator = network.generator
    holding = generator.holds_voltage & injection.generator_on & state.energised[generator.bus]

    def excess(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
        return np.maximum(np.maximum(low - value, value - high), 0.0)

    return Checked(
        loss_mw=state.total_loss_mw,
        p_excess_mw=holding * excess(state.generator_p_mw, limits.min_p_mw, limits.max_p_mw),
        q_excess_mvar=holding * excess(state.generator_q_mvar, limits.min_q_mvar, limits.max_q_mvar),
        vm_excess_pu=np.nan_to_num(excess(state.vm_pu, limits.min_vm_pu, limits.max_vm_pu)),
        loading_excess_percent=np.maximum(state.loading_percent - limits.max_loading_percent, 0.0),
        base_mva=network.base_mva,
    )


def enforced_limits(network: Network, wanted: Requirements, present: GridState) -> DispatchLimits:
    """What verification holds a dispatch to: the case's limits, and derived ratings up to what the present loads.

    Without the reserve that the optimiser keeps of its own accord (ml.optimisation.dispatch.optimizer.limits_of), and
    without the permission to leave broken what the present breaks.
    """
    derived_percent = np.where(network.branch.rating_derived, present.loading_percent + HARDLY_PERCENT, 0.0)
    return replace(
        DispatchLimits.of(network), max_loading_percent=np.maximum(wanted.max_loading_percent, derived_percent)
    )


def no_worse(found: Checked, present: Checked) -> bool:
    """Whether of each kind of limit the worst is missed no further than the present misses it, to TOLERANCE_PU."""
    return all(
        after.max(initial=0.0) <= before.max(initial=0.0) + TOLERANCE_PU * unit
        for after, before, unit in (
            (found.p_excess_mw, present.p_excess_mw, found.base_mva),
            (found.q_excess_mvar, present.q_excess_mvar, found.base_mva),
            (found.vm_excess_pu, present.vm_excess_pu, 1.0),
            (found.loading_excess_percent, present.loading_excess_percent, 100.0),
        )
    )
