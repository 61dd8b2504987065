"""What decides by compiled passes and a NumPy Generator proposes the plans that torch would."""

import numpy as np
import pytest
import torch

from grid.network import FloatArray, IntArray
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.progress import Hyperparameters
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.radial.trees import Loops
from ml.optimisation.switching import optimizer as deciding
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from ml.optimisation.switching.situation import Situation
from ml.optimisation.switching.training import SwitchingLearner
from tests.ml.operating_points import network_of, operating_point_at, varied


class TorchTrees:
    """A TreeDistribution by the policy as it learns, with a generator of torch's own."""

    generator = torch.Generator()

    def __init__(self, loops: Loops, phi: FloatArray) -> None:
        self._policy = TreePolicy(loops, torch.as_tensor(phi))

    def mode(self) -> IntArray:
        return self._policy.mode()

    def sample(self, count: int, _rng: np.random.Generator) -> IntArray:
        sampled: IntArray = self._policy.sample(count, self.generator).numpy()
        return sampled


class TorchForward:
    """A Forward by torch's own net in single precision."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._net = SwitchingNet()
        self._net.load_state_dict({name: torch.as_tensor(weight) for name, weight in weights.items()})

    def __call__(self, seen: Situation) -> FloatArray:
        with torch.no_grad():
            found: FloatArray = self._net(seen).numpy()
        return found


@pytest.mark.parametrize("case", ["city8", "case33bw"])
def test_the_best_plan_is_the_one_that_torch_finds(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(case)
    learner = SwitchingLearner(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=40))
    for _ in range(10):
        learner.train_episode()
    policy = learner.trainer.policy({})
    numpy_way, rng = SwitchingOptimizer(network, 1), np.random.default_rng(5)
    numpy_way.use(policy)
    monkeypatch.setattr(deciding, "Forward", TorchForward)
    torch_way = SwitchingOptimizer(network, 1)
    torch_way.use(policy)
    usual = operating_point_at(network, level=0.8)
    plans = 0
    for moment in [usual, *(varied(usual, rng) for _ in range(3))]:
        for wanted in (Requirements(risk_weight=0.0), Requirements(risk_weight=1.0)):
            found = numpy_way.propose(moment, wanted).plan
            with monkeypatch.context() as patched:
                patched.setattr(deciding, "TreeDistribution", TorchTrees)
                expected = torch_way.propose(moment, wanted).plan
            assert (found is None) == (expected is None)
            if found is not None and expected is not None:
                plans += 1
                np.testing.assert_array_equal(found.after.closed, expected.after.closed)
                assert found.code == expected.code
    assert plans >= 4
