"""What the switching policy sees of the grid's state, and the prior that its answer is added to.

The prior of a branch is minus the logarithm of its current in the closed grid. Features are relative to their own mean,
so the same weights run on another load, another outage and another feeder.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.flow import closed_current
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.trees import Loops

Single = NDArray[np.float32]
PHI_BOUND = 12.0  # exp(24) between the least and the most likely branch is as good as certain, and still factorises
SMALLEST_CURRENT = 1e-3  # of the mean
BUS_FEATURES, BRANCH_FEATURES = 5, 8
UNTRAINED_WEIGHT = 2.0  # of the prior, before anything is learned


@dataclass(frozen=True, eq=False)
class Situation:
    """What the policy sees: b situations of one grid and one set of usable branches.

    bus: (b, n, 5) demand net of generation, reactive demand, load, source, log mean demand. branch: (b, m, 8) prior,
    current in the closed grid, log resistance, x over r, voltage drop, on a loop, and what risk costs over what losses
    cost, for a mean current and for its own. prior: (b, m).
    """

    loops: Loops
    from_bus: IntArray
    to_bus: IntArray
    bus: Single
    branch: Single
    prior: Single


def situation(
    grid: RadialGrid, loops: Loops, demand_pu: FloatArray, load_pu: FloatArray, risk_price: FloatArray
) -> Situation:
    """Features of demand_pu (b, n), complex, and load_pu (b, n), real, in a grid.

    risk_price: (m,) kW of objective for one kW that a branch feeds: risk weight times failure probability.
    """
    real = loops.n_branch - grid.virtual
    resistance = np.maximum(grid.impedance_pu.real, 0.0)
    current = np.abs(closed_current(loops, grid.closed_resistance_pu, demand_pu))
    on_loops = current[:, loops.branch[loops.branch < real]]  # of no branch at all where an outage leaves no loop
    mean_current = np.maximum(on_loops.sum(axis=1, keepdims=True) / max(on_loops.shape[1], 1), 1e-12)
    relative = current / mean_current
    prior = -np.log(relative + SMALLEST_CURRENT)
    mean_demand = np.maximum(np.abs(demand_pu).mean(axis=1, keepdims=True), 1e-12)
    source, on_loop = np.zeros(grid.n_bus), np.zeros(loops.n_branch)
    source[grid.source_bus], on_loop[loops.branch] = 1.0, 1.0
    mean_resistance = max(float(resistance[:real].mean()), 1e-12)
    loss = np.maximum((resistance * current**2).sum(axis=1, keepdims=True), 1e-12)
    bus = [
        demand_pu.real / mean_demand,
        demand_pu.imag / mean_demand,
        load_pu / mean_demand,
        source,
        np.log(mean_demand),
    ]
    branch = [
        prior,
        relative,
        np.log(resistance / mean_resistance + SMALLEST_CURRENT),
        np.clip(grid.impedance_pu.imag / np.maximum(resistance, 1e-12), 0.0, 5.0),
        relative * resistance / mean_resistance,
        on_loop,
        np.log1p(10 * risk_price * mean_current / loss),
        np.log1p(10 * risk_price * current / loss),
    ]
    return Situation(
        loops,
        grid.from_bus,
        grid.to_bus,
        _stacked(bus, demand_pu.shape),
        _stacked(branch, current.shape),
        prior.astype(np.float32),
    )


def _stacked(columns: list[FloatArray], shape: tuple[int, ...]) -> Single:
    return np.stack([np.broadcast_to(column, shape) for column in columns], -1).astype(np.float32)


def bounded_phi(seen: Situation, phi: FloatArray) -> FloatArray:
    """phi (b, c) of the branches that may be open, from values (b, m) of all; it can always be factorised."""
    on_loops = phi[:, seen.loops.branch]
    relative = on_loops - on_loops.sum(axis=1, keepdims=True) / max(on_loops.shape[1], 1)
    bounded: FloatArray = PHI_BOUND * np.tanh(relative / PHI_BOUND)
    return bounded


def prior_phi(seen: Situation) -> FloatArray:
    """phi (b, c) of the untrained prior alone."""
    return bounded_phi(seen, UNTRAINED_WEIGHT * seen.prior.astype(float))
