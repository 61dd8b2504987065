"""The policy of dispatch in meshed grids: set-points by a Gaussian policy that REINFORCE trains.

A policy belongs to a network in its case's own switch states. Under other switch states, or with generators lost, its
set-points are carried over by generator and bus; what it proposes is polished and verified on the grid as it is
(ml/optimisation/dispatch/optimizer.py). Not for several threads at once: each needs its own policy.
"""

from copy import copy, deepcopy

import torch
from torch import Tensor

from grid.flow.powerflow import Injection
from grid.network import FloatArray, Network
from ml.optimisation.dispatch.grid import DispatchGrid, DispatchLimits
from ml.optimisation.dispatch.polish import one_thread
from ml.optimisation.dispatch.problem import DispatchProblem, DispatchSituations
from ml.optimisation.reinforce import Hyperparameters, Trainer

DISPATCH_PARAMETERS = Hyperparameters(
    steps=1000,
    situations=16,
    rollouts=16,
    risk_seeking=0.0,  # one answer is taken, not the best of several
    learning_rate=8e-3,
    warm_up_steps=20,
    entropy_start=0.002,  # a nat is worth less than in switching, where there are fewer of them
    entropy_end=0.0002,
)


class DispatchPolicy:
    """A net and the problem it was, or will be, trained on."""

    def __init__(
        self, network: Network, limits: DispatchLimits, parameters: Hyperparameters, levels: tuple[float, float]
    ) -> None:
        """levels: of load, the range that training draws from. ValueError where the grid has nothing to dispatch."""
        grid = DispatchGrid(network, Injection.of_case(network), network.branch.closed, limits)
        self.problem = DispatchProblem(grid, *levels)
        torch.manual_seed(parameters.seed)
        self.net = self.problem.new_net()
        self.trainer: Trainer[DispatchSituations] = Trainer(self.net, self.problem, parameters)

    def answering(self) -> "DispatchPolicy":
        """The policy as it is now, with weights of its own that further training doesn't move."""
        other = copy(self)
        other.net = deepcopy(self.net)
        return other

    def set_points(self, rest_pu: FloatArray) -> FloatArray:
        """(b, u) the most likely set-points for what the buses are fed without them, (b, n)."""
        with torch.no_grad(), one_thread():
            seen = self.problem.situations(rest_pu)
            mean: Tensor = self.problem.distribution(self.net, seen).mean
            return self.problem.coordinates.set_points(seen.prior, mean[:, None].numpy())[:, 0]

    def prior(self, injection: Injection) -> Injection:
        """The injection with what an untrained policy would set."""
        grid = self.problem.grid
        return grid.with_set_points(injection, self.problem.coordinates.prior(grid.rest_pu(injection)[None])[0])

    def propose(self, injection: Injection) -> Injection:
        """The injection with the policy's set-points."""
        grid = self.problem.grid
        return grid.with_set_points(injection, self.set_points(grid.rest_pu(injection)[None])[0])
