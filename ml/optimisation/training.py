"""The door to learning: an optimiser that learns by REINFORCE. What only answers needs none of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from grid.network import FloatArray, Network
from ml.optimisation.dispatch.optimizer import DispatchOptimizer
from ml.optimisation.dispatch.training import DISPATCH_PARAMETERS, DispatchLearner
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.progress import DecisionGap, Hyperparameters, Progress
from ml.optimisation.radial.grid import operated_radially
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching.training import SwitchingLearner


class Learner(Protocol):
    """What learns for one kind of grid: switching, or dispatch."""

    @property
    def trainer(self) -> Trainer[Any]:
        """What trains the policy."""
        ...

    def train_episode(self, operating_point: OperatingPoint | None, risk_weight: float | None, /) -> Progress:
        """One step of REINFORCE, around the given operating point or the case's own loads."""
        ...


def parameters_for(network: Network, switching_episodes: int, dispatch_episodes: int, seed: int) -> Hyperparameters:
    """Those of the policy that suits a network, for a first training of so many episodes."""
    if operated_radially(network):
        return Hyperparameters(steps=switching_episodes, seed=seed)
    return replace(DISPATCH_PARAMETERS, steps=dispatch_episodes, seed=seed)


class LearningOptimizer(SmartGridOptimizer):
    """Proposes verified plans for one network and learns by REINFORCE. Not for several threads at once.

    failure_probability: (m,) within a year, around which situations are drawn. Raises UnsuitableGridError.
    """

    def __init__(self, network: Network, failure_probability: FloatArray, parameters: Hyperparameters) -> None:
        super().__init__(network, parameters.seed)
        self.parameters = parameters
        self._learner: Learner
        if isinstance(self._chooser, DispatchOptimizer):
            self._learner = DispatchLearner(self._chooser.coordinates, parameters)
        else:
            self._learner = SwitchingLearner(network, failure_probability, parameters)

    @property
    def episodes(self) -> int:
        """How many episodes the policy has been trained for."""
        return self._learner.trainer.steps_done

    @property
    def curve(self) -> Sequence[Progress]:
        """Reward, entropy and loss of every episode."""
        return self._learner.trainer.curve

    @property
    def decision_gaps(self) -> Sequence[DecisionGap]:
        """How far the policy's decisions on fixed situations have been from the best known, every so many episodes."""
        return self._learner.trainer.decision_gaps

    def train_episode(
        self, operating_point: OperatingPoint | None = None, risk_weight: float | None = None
    ) -> Progress:
        """One episode: around the given operating point of the live grid, or around the case's own loads."""
        return self._learner.train_episode(operating_point, risk_weight)

    @property
    def learned(self) -> LearnedPolicy:
        """The policy as it is now; later episodes don't change it."""
        return self._learner.trainer.policy(self.about)

    def take_over(self) -> None:
        """Let proposals use what has been learned since the last time."""
        self.use(self.learned)

    def save(self, cache_dir: Path) -> None:
        """Keep the policy for the next start, with all that training needs to go on."""
        self._learner.trainer.save(self.folder(cache_dir), self.about)

    def resume(self, cache_dir: Path) -> bool:
        """Take up a kept policy; False where there is none for this grid and these parameters."""
        try:
            self._learner.trainer.resume(self.folder(cache_dir), self.about)
        except (OSError, ValueError):
            return False
        self.take_over()
        return True
