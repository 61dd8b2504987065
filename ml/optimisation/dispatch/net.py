"""The dispatch policy in plain torch, as it learns: a Gaussian over set-points by a network over the loads.

Actions are in the coordinates of ml.optimisation.dispatch.prior, in which losses are as curved in every direction;
limits cut what lies outside them, so a set-point can stand exactly at its limit.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.optimisation.dispatch.policy import DIRECT_GAIN, HEAD_GAIN, MEAN_BOUND

LOG_STD_BELOW, LOG_STD_ABOVE = 4.0, 1.0  # how far the network may move the logarithm of the spread


@dataclass(frozen=True, eq=False)
class GaussianSetPoints:
    """Independent Gaussians in b situations: mean and log_std (b, u)."""

    mean: Tensor
    log_std: Tensor

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(b, count, u) actions in mirrored pairs: what noise costs either way cancels in their difference."""
        situations, size = self.mean.shape
        half = torch.randn((situations, (count + 1) // 2, size), generator=generator, dtype=self.mean.dtype)
        noise = torch.cat([half, -half], dim=1)[:, :count]
        return (self.mean[:, None] + self.log_std.exp()[:, None] * noise).detach()

    def log_prob(self, actions: Tensor) -> Tensor:
        """(b, count) logarithms of the densities of actions (b, count, u), differentiable."""
        away = (actions - self.mean[:, None]) / self.log_std.exp()[:, None]
        return -(0.5 * away**2 + self.log_std[:, None] + 0.5 * math.log(2 * math.pi)).sum(dim=-1)

    def entropy(self) -> Tensor:
        """(b,) nats, differentiable."""
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(dim=-1)


class DispatchNet(nn.Module):
    """Mean and spread of the actions (b, u) from features (b, f): what each bus is fed, standardised.

    Training starts from the prior: the mean is zero, and the spread such that samples cost some 5 % more.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, centre: Tensor, spread: Tensor, size: int, hidden: int = 96) -> None:
        super().__init__()
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)
        self.start = 0.5 * math.log(0.1 / max(size, 1))
        inputs = centre.shape[0]
        self.hidden, self.inputs = hidden, inputs
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.direct = nn.Linear(inputs, size)
        self.head = nn.Linear(hidden, 2 * size)
        for layer in (self.direct, self.head):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> GaussianSetPoints:
        """The distributions over actions."""
        seen = ((features - self.centre) / self.spread).to(self.head.weight.dtype)
        mean, log_std = (HEAD_GAIN / self.hidden * self.head(self.body(seen))).chunk(2, dim=-1)
        mean = mean + DIRECT_GAIN / self.inputs * self.direct(seen)
        mean = MEAN_BOUND * torch.tanh(mean / MEAN_BOUND)
        bounded = torch.clamp(log_std, -LOG_STD_BELOW, LOG_STD_ABOVE)
        return GaussianSetPoints(mean.double(), (self.start + bounded).double())
