"""The network that gives every branch its phi from the grid's state, in plain torch.

Message passing over buses and branches, added to a prior: minus the logarithm of a branch's current in the closed grid.
Features are relative to their own mean, so the same weights run on another load, another outage and another feeder.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from grid.network import FloatArray
from ml.optimisation.radial.flow import closed_current
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.trees import Loops

PHI_BOUND = 12.0  # exp(24) between the least and the most likely branch is as good as certain, and still factorises
SMALLEST_CURRENT = 1e-3  # of the mean
BUS_FEATURES, BRANCH_FEATURES = 5, 8


@dataclass(frozen=True, eq=False)
class Situation:
    """What the policy sees: b situations of one grid and one set of usable branches.

    bus: (b, n, 5) demand net of generation, reactive demand, load, source, log mean demand. branch: (b, m, 8) prior,
    current in the closed grid, log resistance, x over r, voltage drop, on a loop, and what risk costs over what losses
    cost, for a mean current and for its own. prior: (b, m).
    """

    loops: Loops
    from_bus: Tensor
    to_bus: Tensor
    bus: Tensor
    branch: Tensor
    prior: Tensor


def situation(
    grid: RadialGrid, loops: Loops, demand_pu: FloatArray, load_pu: FloatArray, risk_price: FloatArray
) -> Situation:
    """Features of demand_pu (b, n), complex, and load_pu (b, n), real, in a grid.

    risk_price: (m,) kW of objective for one kW that a branch feeds: risk weight times failure probability.
    """
    resistance = np.maximum(grid.impedance_pu.real, 0.0)
    current = np.abs(closed_current(loops, np.maximum(resistance, 1e-12), demand_pu))
    on_loops = current[:, loops.branch]  # of no branch at all where an outage leaves no loop
    mean_current = np.maximum(on_loops.sum(axis=1, keepdims=True) / max(on_loops.shape[1], 1), 1e-12)
    relative = current / mean_current
    prior = -np.log(relative + SMALLEST_CURRENT)
    mean_demand = np.maximum(np.abs(demand_pu).mean(axis=1, keepdims=True), 1e-12)
    source, on_loop = np.zeros(grid.n_bus), np.zeros(loops.n_branch)
    source[grid.source_bus], on_loop[loops.branch] = 1.0, 1.0
    mean_resistance = max(float(resistance.mean()), 1e-12)
    loss = np.maximum((resistance * current**2).sum(axis=1, keepdims=True), 1e-12)
    bus = [demand_pu.real / mean_demand, demand_pu.imag / mean_demand, load_pu / mean_demand, source,
           np.log(mean_demand)]  # fmt: skip
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
        torch.as_tensor(grid.from_bus),
        torch.as_tensor(grid.to_bus),
        _stacked(bus, demand_pu.shape),
        _stacked(branch, current.shape),
        torch.as_tensor(prior, dtype=torch.float32),
    )


def _stacked(columns: list[FloatArray], shape: tuple[int, ...]) -> Tensor:
    return torch.as_tensor(np.stack([np.broadcast_to(column, shape) for column in columns], -1), dtype=torch.float32)


class SwitchingNet(nn.Module):
    """phi (b, c) of the branches that may be open, from a Situation."""

    def __init__(self, hidden: int = 48, layers: int = 4) -> None:
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.read_bus = nn.Linear(BUS_FEATURES, hidden)
        self.read_branch = nn.Linear(BRANCH_FEATURES, hidden)
        self.branch_steps = nn.ModuleList(_step(4 * hidden, hidden) for _ in range(layers))
        self.bus_steps = nn.ModuleList(_step(2 * hidden, hidden) for _ in range(layers))
        self.correction = nn.Linear(hidden, 1)
        nn.init.zeros_(self.correction.weight)  # training starts from the prior
        nn.init.zeros_(self.correction.bias)
        self.prior_weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, seen: Situation) -> Tensor:
        """phi (b, c), bounded so that its distribution can always be factorised."""
        bus, branch = self.read_bus(seen.bus), self.read_branch(seen.branch)
        for branch_step, bus_step in zip(self.branch_steps, self.bus_steps, strict=True):
            one, other = bus[:, seen.from_bus], bus[:, seen.to_bus]
            whole = branch.mean(dim=1, keepdim=True).expand_as(branch)
            branch = branch + branch_step(torch.cat([branch, one + other, (one - other).abs(), whole], -1))
            arriving = torch.zeros_like(bus).index_add(1, seen.from_bus, branch).index_add(1, seen.to_bus, branch)
            bus = bus + bus_step(torch.cat([bus, arriving], -1))
        return bounded_phi(seen, self.prior_weight * seen.prior + 2.0 * self.correction(branch)[..., 0])


def bounded_phi(seen: Situation, phi: Tensor) -> Tensor:
    """phi (b, c) of the branches that may be open, from values (b, m) of all."""
    phi = phi[:, torch.as_tensor(seen.loops.branch)]
    return (PHI_BOUND * torch.tanh((phi - phi.mean(dim=1, keepdim=True)) / PHI_BOUND)).double()


def prior_phi(seen: Situation) -> Tensor:
    """phi (b, c) of the untrained prior alone."""
    return bounded_phi(seen, 2.0 * seen.prior)


def _step(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
