"""What learns switching: the net, the situations it is trained on, and what it is measured by."""

from dataclasses import replace

import torch

from grid.network import FloatArray, Network
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.progress import Hyperparameters, Progress
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching.memory import TreeMemory
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations, Variety
from ml.optimisation.switching.yardstick import SwitchingYardstick

LIVE_VARIETY = Variety(lowest_level=0.6, highest_level=1.4)  # around the present state


class SwitchingLearner:
    """Trains the policy of one network. failure_probability: (m,) within a year."""

    def __init__(self, network: Network, failure_probability: FloatArray, parameters: Hyperparameters) -> None:
        self.network = network
        torch.manual_seed(parameters.seed)
        problem = SwitchingProblem(RadialGrid.of(network), failure_probability, Variety())
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
                grid, operating_point.failure_probability, LIVE_VARIETY, risk_weight
            )
        return self.trainer.step()
