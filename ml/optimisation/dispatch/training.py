"""What learns dispatch: the net, the loads it is trained on, and what it is measured by."""

import numpy as np
import torch

from grid.network import Network
from ml.optimisation.dispatch.optimizer import POLISH_STEPS
from ml.optimisation.dispatch.prior import Coordinates
from ml.optimisation.dispatch.problem import DispatchProblem, DispatchSituations
from ml.optimisation.dispatch.yardstick import DispatchYardstick
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.progress import Hyperparameters, Progress
from ml.optimisation.reinforce import Trainer

LEVELS = (0.3, 1.1)  # of the case's own loads, for the first training
LIVE_LEVELS = (0.6, 1.4)  # of the present loads
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


class DispatchLearner:
    """Trains the policy of one network in the coordinates that it decides in."""

    def __init__(self, coordinates: Coordinates, parameters: Hyperparameters) -> None:
        self.network: Network = coordinates.grid.network
        self.problem = DispatchProblem(coordinates, *LEVELS)
        torch.manual_seed(parameters.seed)
        self.trainer: Trainer[DispatchSituations] = Trainer(self.problem.new_net(), self.problem, parameters)
        self.trainer.yardstick = DispatchYardstick(self.problem, POLISH_STEPS)

    def train_episode(
        self, operating_point: OperatingPoint | None = None, _risk_weight: float | None = None
    ) -> Progress:
        """One step of REINFORCE on loads around the given operating point's, or else around the case's own.

        The policy is one for the case's own switch states with all generators running; in an operating point of others
        it goes on learning around the case.
        """
        problem = self.problem
        if operating_point is not None and self._is_usual(operating_point):
            problem = problem.around(operating_point.injection, *LIVE_LEVELS)
        self.trainer.problem = problem
        return self.trainer.step()

    def _is_usual(self, operating_point: OperatingPoint) -> bool:
        branch = self.network.branch
        usual = np.array_equal(operating_point.closed, branch.closed & branch.in_service)
        return usual and bool(operating_point.injection.generator_on.all())
