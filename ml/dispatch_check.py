"""Whether a solved state keeps the limits of a dispatch, read from the state itself and nothing else."""

from dataclasses import dataclass

import numpy as np

from grid.network import FloatArray, Network
from grid.powerflow import GridState, Injection
from ml.dispatch_grid import (
    OVERLOAD_MW_PER_PERCENT,
    POWER_MW_PER_MW,
    REACTIVE_MW_PER_MVAR,
    TOLERANCE_PU,
    VOLTAGE_MW_PER_PU,
    DispatchLimits,
)


@dataclass(frozen=True, eq=False)
class Verdict:
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


def judge(network: Network, injection: Injection, state: GridState, limits: DispatchLimits) -> Verdict:
    """Compare a state, and the injection it was solved for, with limits.

    Active powers are checked of sources and regulating generators, reactive ones of those that hold a voltage, voltages
    of buses with supply, loadings of all branches; what is out of service breaks no limit.
    """
    generator = network.generator
    holding = generator.holds_voltage & injection.generator_on & state.energised[generator.bus]

    def excess(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
        return np.maximum(np.maximum(low - value, value - high), 0.0)

    return Verdict(
        loss_mw=state.total_loss_mw,
        p_excess_mw=holding * excess(state.generator_p_mw, limits.min_p_mw, limits.max_p_mw),
        q_excess_mvar=holding * excess(state.generator_q_mvar, limits.min_q_mvar, limits.max_q_mvar),
        vm_excess_pu=np.nan_to_num(excess(state.vm_pu, limits.min_vm_pu, limits.max_vm_pu)),
        loading_excess_percent=np.maximum(state.loading_percent - limits.max_loading_percent, 0.0),
        base_mva=network.base_mva,
    )
