"""The network that gives every branch its phi from the grid's state, in plain torch, as it learns.

Message passing over buses and branches, added to the prior of ml.optimisation.switching.situation. What decides by the
learned weights is ml.optimisation.switching.net_compiled.
"""

import torch
from torch import Tensor, nn

from ml.optimisation.switching.situation import (
    BRANCH_FEATURES,
    BUS_FEATURES,
    PHI_BOUND,
    UNTRAINED_WEIGHT,
    Situation,
)


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
        self.prior_weight = nn.Parameter(torch.tensor(UNTRAINED_WEIGHT))

    def forward(self, seen: Situation) -> Tensor:
        """phi (b, c), bounded so that its distribution can always be factorised."""
        kind, from_bus, to_bus = self.prior_weight.dtype, torch.as_tensor(seen.from_bus), torch.as_tensor(seen.to_bus)
        bus = self.read_bus(torch.as_tensor(seen.bus, dtype=kind))
        branch = self.read_branch(torch.as_tensor(seen.branch, dtype=kind))
        for branch_step, bus_step in zip(self.branch_steps, self.bus_steps, strict=True):
            one, other = bus[:, from_bus], bus[:, to_bus]
            whole = branch.mean(dim=1, keepdim=True).expand_as(branch)
            branch = branch + branch_step(torch.cat([branch, one + other, (one - other).abs(), whole], -1))
            arriving = torch.zeros_like(bus).index_add(1, from_bus, branch).index_add(1, to_bus, branch)
            bus = bus + bus_step(torch.cat([bus, arriving], -1))
        return _bounded(seen, self.prior_weight * torch.as_tensor(seen.prior) + 2.0 * self.correction(branch)[..., 0])


def _bounded(seen: Situation, phi: Tensor) -> Tensor:
    """As ml.optimisation.switching.situation.bounded_phi, differentiable."""
    phi = phi[:, torch.as_tensor(seen.loops.branch)]
    return (PHI_BOUND * torch.tanh((phi - phi.mean(dim=1, keepdim=True)) / PHI_BOUND)).double()


def _step(inputs: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
