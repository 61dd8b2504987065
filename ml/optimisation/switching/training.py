"""What learns switching: the net, the situations it is trained on, and what it is measured by."""

from dataclasses import replace

import numpy as np
import torch

from grid.flow.powerflow import Injection
from grid.network import FloatArray, Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.progress import Hyperparameters, Progress
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching.choice import ranking_limits
from ml.optimisation.switching.memory import TreeMemory
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import Restoring, SwitchingProblem, SwitchingSituations, Variety
from ml.optimisation.switching.yardstick import SwitchingYardstick

LIVE_VARIETY = Variety(lowest_level=0.6, highest_level=1.4)  # around the present state


class SwitchingLearner:
    """Trains the policy of one network. failure_probability: (m,) within a year."""

    def __init__(self, network: Network, failure_probability: FloatArray, parameters: Hyperparameters) -> None:
        self.network = network
        torch.manual_seed(parameters.seed)
        self._verifier = Verifier(network)
        grid = RadialGrid.of(network)
        own = operating_point_of_case(network, failure_probability)
        problem = SwitchingProblem(grid, failure_probability, Variety(), restoring=self._restoring(grid, own))
        self.trainer: Trainer[SwitchingSituations] = Trainer(SwitchingNet(), problem, parameters, TreeMemory(problem))
        self.trainer.yardstick = SwitchingYardstick(problem)

    def train_episode(
        self, operating_point: OperatingPoint | None = None, risk_weight: float | None = None
    ) -> Progress:
        """One step of REINFORCE on situations around the given operating point, or else around the case's own loads.

        Only the latter have a memory of good configurations: an operating point's loops are its own.
        """
        if operating_point is not None:
            grid = RadialGrid.of(self.network, operating_point.injection)
            grid = replace(grid, usable=grid.usable & operating_point.available).without_unreachable()
            self.trainer.problem = SwitchingProblem(
                grid,
                operating_point.failure_probability,
                LIVE_VARIETY,
                risk_weight,
                restoring=self._restoring(grid, operating_point),
            )
        return self.trainer.step()

    def _restoring(self, grid: RadialGrid, operating_point: OperatingPoint) -> Restoring | None:
        """What restorations around an operating point are drawn from; None where it has no solution or no supply."""
        wanted, closed = Requirements(), operating_point.closed & operating_point.available
        present = self._verifier.verdict(operating_point, closed, wanted)
        if present is None or not present.state.energised.any():
            return None
        bounds, shift = self._verifier.bounds.at(wanted), np.zeros(self.network.n_bus)
        limits, permitted = ranking_limits(self.network, grid, bounds, present.excess, wanted, shift)
        return Restoring(closed=closed, limits=limits, permitted=permitted)


def operating_point_of_case(network: Network, failure_probability: FloatArray) -> OperatingPoint:
    """A case's own state; of prices and hours nothing depends on it."""
    branch = network.branch
    injection = Injection.of_case(network)
    return OperatingPoint(injection, branch.closed, branch.in_service, failure_probability, 0.0, 0.0)
