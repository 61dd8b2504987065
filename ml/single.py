"""One situation from scratch: REINFORCE on phi itself, without a network, then branch exchange from the best sample.

Nothing is learned for other situations; it shows what the policy class and the estimator do on their own.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from grid.network import FloatArray, IntArray
from ml.candidates import Proposer
from ml.policy import PHI_BOUND, prior_phi
from ml.reinforce import Hyperparameters, Trainer
from ml.switching import TreePolicy
from ml.switching_problem import SwitchingProblem, SwitchingSituations

SINGLE_PARAMETERS = Hyperparameters(
    steps=70,
    situations=1,
    rollouts=64,
    risk_seeking=0.75,
    learning_rate=0.3,  # of phi itself
    warm_up_steps=1,
    entropy_end=0.01,
)
POLISHED = 3  # of the best configurations sampled
EXPLORATION = (
    0.1,
    0.3,
)  # bonus for a nat of entropy at the start: one run with each, as grids differ in what they need


class FreePhi(nn.Module):
    """phi (1, c) as the parameter itself, from the prior."""

    def __init__(self, prior: Tensor) -> None:
        super().__init__()
        self.phi = nn.Parameter(prior.clone())

    def forward(self, _seen: object) -> Tensor:
        """phi (1, c), bounded."""
        return PHI_BOUND * torch.tanh(self.phi / PHI_BOUND)


class OneSituation:
    """A trainer's problem that always draws the same situation, and remembers the best configurations sampled."""

    def __init__(self, problem: SwitchingProblem, seen: SwitchingSituations) -> None:
        self._problem, self._seen = problem, seen
        self.best: dict[bytes, tuple[float, IntArray]] = {}

    def draw(self, _count: int, _rng: np.random.Generator) -> SwitchingSituations:
        """The situation."""
        return self._seen

    def distribution(self, net: nn.Module, seen: SwitchingSituations) -> TreePolicy:
        """The policy's distribution."""
        return TreePolicy(seen.objective.loops, net(seen.seen))

    def cost(self, seen: SwitchingSituations, actions: Tensor) -> FloatArray:
        """(1, k) objective in kW of configurations (1, k, t); each is judged once."""
        opened, copies = np.unique(actions[0].numpy(), axis=0, return_inverse=True)
        cost = self._problem.cost(seen, torch.as_tensor(opened)[None])[0]
        for place in np.argsort(cost)[:POLISHED]:
            self.best[opened[place].tobytes()] = float(cost[place]), opened[place]
        self.best = dict(sorted(self.best.items(), key=lambda item: item[1][0])[:POLISHED])
        return cost[copies.reshape(1, -1)]


@dataclass(frozen=True, eq=False)
class SingleResult:
    """Objective in kW of the best sample and after branch exchange, and the configuration (t,) then open."""

    sampled_kw: float
    polished_kw: float
    opened: IntArray


def solve_single(problem: SwitchingProblem, seen: SwitchingSituations, parameters: Hyperparameters) -> SingleResult:
    """The best configuration found for the first of seen: of one run with each start of EXPLORATION."""
    runs = [_run(problem, seen, replace(parameters, entropy_start=start)) for start in EXPLORATION]
    best = min(runs, key=lambda run: run.polished_kw)
    return replace(best, sampled_kw=min(run.sampled_kw for run in runs))


def _run(problem: SwitchingProblem, seen: SwitchingSituations, parameters: Hyperparameters) -> SingleResult:
    one = OneSituation(problem, seen)
    net = FreePhi(prior_phi(seen.seen)[:1])
    Trainer(net, one, parameters).train()
    proposer = Proposer(
        seen.objective.loops,
        lambda opened: seen.total_kw(opened, 0),
        lambda opened, neighbours: seen.predicted_change_kw(opened, neighbours, 0),
    )
    polished = [proposer.exchange("", opened) for _, opened in one.best.values()]
    best = min(polished, key=lambda found: float(found.cost[0]))
    return SingleResult(min(cost for cost, _ in one.best.values()), float(best.cost[0]), best.opened[0])
