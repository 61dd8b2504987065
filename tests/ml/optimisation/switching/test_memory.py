"""The memory of good configurations: what it recalls, what it leaves out, and that a checkpoint keeps it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.optimisation.progress import Hyperparameters
from ml.optimisation.radial.flow import exchange_neighbours, is_radial_batch
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.reinforce import Trainer
from ml.optimisation.switching import memory
from ml.optimisation.switching.memory import TreeMemory
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations
from ml.optimisation.training import LearningOptimizer
from tests.ml.operating_points import network_of, operating_point_at
from tests.ml.varieties import LOADS_ONLY

SITUATIONS, SAMPLES = 4, 8


@cache
def problem() -> SwitchingProblem:
    grid = RadialGrid.of(network_of("case33bw"))
    return SwitchingProblem(grid, np.full(len(grid.usable), 0.01), LOADS_ONLY)


def drawn(seed: int, outage: int | None = None) -> tuple[SwitchingSituations, torch.Tensor, np.ndarray]:
    """Situations, what was sampled in them, and what that costs."""
    loops = problem().whole if outage is None else problem().grid.loops(np.array([outage]))
    seen = problem().situations(*problem().demand(SITUATIONS, np.random.default_rng(seed)), loops=loops)
    policy = TreePolicy(loops, torch.zeros(SITUATIONS, len(loops.branch), dtype=torch.float64))
    actions = policy.sample(SAMPLES, torch.Generator().manual_seed(seed))
    return seen, actions, problem().cost(seen, actions)


def test_what_it_recalls_is_the_best_that_it_keeps_and_no_exchange_improves_what_it_keeps_anew() -> None:
    kept = TreeMemory(problem())
    assert kept.recall(*drawn(0)) is None
    for seed in range(1, 8):
        seen, actions, cost = drawn(seed)
        before = kept.state().numpy()
        recalled = kept.recall(seen, actions, cost)
        assert recalled is not None
        opened, recalled_cost = recalled[0][:, 0].numpy(), recalled[1][:, 0]
        assert is_radial_batch(problem().whole, opened).all()
        for row in range(SITUATIONS):
            assert recalled_cost[row] == np.float64(seen.total_kw(opened[row : row + 1], row)[0])
            assert recalled_cost[row] <= seen.total_kw(before, row).min()
        newest = kept.state().numpy()[-1]
        neighbours = exchange_neighbours(problem().whole, newest)
        assert seen.total_kw(newest[None], 0)[0] <= seen.total_kw(neighbours, 0).min() * (1 + 1e-9)


def test_after_an_outage_nothing_is_kept_or_recalled() -> None:
    kept = TreeMemory(problem())
    kept.recall(*drawn(0))
    before = kept.state()
    assert kept.recall(*drawn(1, outage=int(problem().whole.branch[3]))) is None
    torch.testing.assert_close(kept.state(), before)


def test_it_keeps_so_many_and_lets_the_longest_unused_go() -> None:
    kept = TreeMemory(problem())
    policy = TreePolicy(problem().whole, torch.zeros(1, len(problem().whole.branch), dtype=torch.float64))
    random = policy.sample(memory.KEPT, torch.Generator().manual_seed(9))[0]
    kept.restore(random)
    kept.recall(*drawn(1))
    held = kept.state()
    assert len(held) == memory.KEPT
    assert not (held == random[0]).all(dim=1).any()


def trainer(steps: int) -> Trainer[SwitchingSituations]:
    torch.manual_seed(1)
    net, parameters = SwitchingNet(hidden=16, layers=1), Hyperparameters(steps=steps)
    return Trainer(net, problem(), parameters, TreeMemory(problem()))


def test_a_resumed_training_remembers(tmp_path: Path) -> None:
    whole, first, second = trainer(6), trainer(6), trainer(6)
    whole.train()
    for _ in range(3):
        first.step()
    first.save(tmp_path, {})
    second.resume(tmp_path, {})
    second.train()
    assert [step.loss for step in second.curve] == [step.loss for step in whole.curve]


def test_a_checkpoint_without_a_memory_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    torch.manual_seed(2)
    forgetful = Trainer(SwitchingNet(hidden=16, layers=1), problem(), Hyperparameters(steps=6))
    forgetful.step()
    forgetful.save(tmp_path, {})
    remembering, untouched = trainer(6), trainer(6)
    with pytest.raises(ValueError, match="memory"):
        remembering.resume(tmp_path, {})
    remembering.train()
    untouched.train()
    assert [step.loss for step in remembering.curve] == [step.loss for step in untouched.curve]


def test_the_product_learns_with_a_memory_around_the_case_and_keeps_it(tmp_path: Path) -> None:
    network = network_of("case33bw")
    optimizer = LearningOptimizer(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=4))
    for _ in range(4):
        optimizer.train_episode()
    optimizer.train_episode(operating_point_at(network), 0.0)
    optimizer.save(tmp_path)
    kept = torch.load(optimizer.folder(tmp_path) / "weights.pt", weights_only=True)["memory"]
    assert is_radial_batch(problem().whole, kept.numpy()).all()
    assert 1 <= len(kept) <= 4  # of an operating point's loops it keeps nothing


def test_what_is_recalled_becomes_more_probable() -> None:
    """Of a policy that is all but certain of other configurations."""
    seen, actions, cost = drawn(1)
    kept = TreeMemory(problem())
    kept.recall(seen, actions, cost)
    target = kept.state()[:1].expand(SITUATIONS, 1, -1)

    class Always(SwitchingProblem):
        def draw(self, count: int, rng: np.random.Generator) -> SwitchingSituations:
            return seen

    own = problem()
    always = Always(own.grid, np.full(len(own.grid.usable), 0.01), LOADS_ONLY)
    torch.manual_seed(1)
    learner = Trainer(SwitchingNet(hidden=16, layers=1), always, Hyperparameters(steps=40, rollouts=4), kept)
    before = own.distribution(learner.net, seen).log_prob(target).detach()[0]
    learner.train()
    assert own.distribution(learner.net, seen).log_prob(target).detach()[0] > before
