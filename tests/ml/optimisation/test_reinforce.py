"""The trainer: its advantages, its checkpoints, and that training really improves decisions it has never seen."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.optimisation.progress import Hyperparameters
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.reinforce import Trainer, advantages, bounded
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations
from ml.optimisation.switching.situation import prior_phi
from tests.cases import shared_case
from tests.ml.varieties import LOADS_ONLY

torch.set_num_threads(1)  # small matrices: more threads only wait for one another
ABOUT: dict[str, object] = {"case": "case33bw"}


@cache
def problem() -> SwitchingProblem:
    grid = RadialGrid.of(shared_case("case33bw").network)
    return SwitchingProblem(grid, np.full(len(grid.usable), 0.01), LOADS_ONLY)


def trainer(steps: int, seed: int = 1) -> Trainer[SwitchingSituations]:
    torch.manual_seed(seed)
    return Trainer(SwitchingNet(hidden=24, layers=2), problem(), Hyperparameters(steps=steps, seed=seed))


def mean_cost_kw(policy: TreePolicy, seen: SwitchingSituations) -> float:
    """Mean over situations of the best of 16 samples."""
    actions = policy.sample(16, torch.Generator().manual_seed(5))
    return float(problem().cost(seen, actions).min(axis=1).mean())


@pytest.mark.parametrize("steps", [60, pytest.param(150, marks=pytest.mark.long)])
def test_training_beats_the_prior_on_situations_it_has_never_seen(steps: int) -> None:
    held_out = problem().situations(*problem().demand(80, np.random.default_rng(1234)))
    before = mean_cost_kw(TreePolicy(held_out.objective.loops, torch.as_tensor(prior_phi(held_out.seen))), held_out)
    trained = trainer(steps=steps)
    trained.train()
    with torch.no_grad():
        after = mean_cost_kw(problem().distribution(trained.net, held_out), held_out)
    assert after < before
    first, last = trained.curve[:20], trained.curve[-20:]
    assert np.mean([step.entropy for step in last]) < np.mean([step.entropy for step in first])


def test_a_resumed_training_equals_one_that_never_stopped(tmp_path: Path) -> None:
    whole = trainer(steps=6)
    whole.train()
    first = trainer(steps=6)
    for _ in range(3):
        first.step()
    first.save(tmp_path, ABOUT)
    second = trainer(steps=6, seed=1)
    second.resume(tmp_path, ABOUT)
    second.train()
    assert [step.reward for step in second.curve] == [step.reward for step in whole.curve]
    for one, other in zip(second.net.parameters(), whole.net.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    trainer(steps=1).save(tmp_path, ABOUT)
    with pytest.raises(ValueError, match="about"):
        trainer(steps=1).resume(tmp_path, {"case": "another"})
    with pytest.raises(FileNotFoundError):
        trainer(steps=1).resume(tmp_path / "nowhere", ABOUT)


def test_training_stops_early_when_nothing_improves() -> None:
    torch.manual_seed(1)
    parameters = Hyperparameters(steps=1000, learning_rate=1e-12, patience=5)
    stuck = Trainer(SwitchingNet(hidden=8, layers=1), problem(), parameters)
    stuck.train()
    assert stuck.steps_done < 1000


def test_advantages_sum_to_zero_and_prefer_what_costs_less() -> None:
    reward = np.random.default_rng(1).normal(size=(5, 8))
    advantage = advantages(reward, risk_seeking=0.0)
    np.testing.assert_allclose(advantage.sum(axis=1), 0, atol=1e-12)
    np.testing.assert_array_equal(np.argsort(advantage, axis=1), np.argsort(reward, axis=1))


def test_risk_seeking_advantages_tell_only_the_best_apart() -> None:
    reward = np.random.default_rng(1).normal(size=(5, 8))
    advantage = advantages(reward, risk_seeking=0.75)
    np.testing.assert_allclose(advantage.sum(axis=1), 0, atol=1e-12)
    for row, earned in zip(advantage, reward, strict=True):
        order = np.argsort(earned)
        assert np.ptp(row[order[:6]]) < 1e-12
        assert row[order[-1]] > row[order[-2]] > row[order[-3]] - 1e-12


def test_actions_without_a_solution_are_worst_but_finite() -> None:
    cost = np.array([[1.0, 2.0, np.inf, 1.5], [np.inf, np.inf, np.inf, np.inf], [1.0, 1.0, 1.0, 900.0]])
    held = bounded(cost)
    assert np.isfinite(held).all()
    assert held[0, 2] == held[0].max()
    assert (held[1] == held[1, 0]).all()
    assert held[2].max() == 3.0
