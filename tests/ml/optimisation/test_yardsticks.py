"""What training is measured by: fixed situations, their best known against enumeration, decisions beside samples."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection
from grid.network import FloatArray, Network
from ml.optimisation.dispatch.grid import DispatchGrid, DispatchLimits
from ml.optimisation.dispatch.prior import Coordinates
from ml.optimisation.dispatch.problem import DispatchProblem
from ml.optimisation.dispatch.training import DISPATCH_PARAMETERS, DispatchLearner
from ml.optimisation.dispatch.yardstick import DispatchYardstick
from ml.optimisation.progress import Hyperparameters
from ml.optimisation.reinforce import EVALUATED_EVERY, JUDGED_SEED, JUDGED_SITUATIONS, WORST_RATIO, Trainer, bounded
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations
from ml.optimisation.switching.training import SwitchingLearner
from ml.optimisation.switching.yardstick import DRAWS, SwitchingYardstick
from tests.ml.exhaustive import exhaustive

pytestmark = pytest.mark.long  # trainings of their own, to see how decisions are measured

torch.set_num_threads(1)
STEPS = 3 * EVALUATED_EVERY
ABOUT: dict[str, object] = {"case": "city8"}


@cache
def network_of(name: str) -> Network:
    return load_case(name, Path("var")).network


def switching(name: str = "city8", seed: int = 1) -> SwitchingLearner:
    network = network_of(name)
    return SwitchingLearner(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=STEPS, seed=seed))


def dispatch(steps: int = STEPS) -> DispatchLearner:
    network = network_of("case14")
    grid = DispatchGrid(network, Injection.of_case(network), network.branch.closed, DispatchLimits.of(network))
    return DispatchLearner(Coordinates.of(grid), Hyperparameters(**{**vars(DISPATCH_PARAMETERS), "steps": steps}))


def problem_of(trainer: Trainer[SwitchingSituations]) -> SwitchingProblem:
    assert isinstance(trainer.problem, SwitchingProblem)
    return trainer.problem


@cache
def trained() -> Trainer[SwitchingSituations]:
    trainer = switching().trainer
    trainer.train()
    return trainer


def sampling_gap_percent(trainer: Trainer[SwitchingSituations], best: FloatArray) -> float:
    """How much more than the best known training samples cost on the same situations, bounded as training does."""
    problem = problem_of(trainer)
    cost = []
    with torch.no_grad():
        for seen in problem.fixed_draws(DRAWS, JUDGED_SITUATIONS // DRAWS, JUDGED_SEED):
            sampled = problem.distribution(trainer.net, seen).sample(32, torch.Generator().manual_seed(3))
            cost.append(bounded(problem.cost(seen, sampled)).mean(axis=1))
    return 100 * float((np.concatenate(cost) / best - 1).mean())


def test_decisions_are_far_nearer_to_the_best_than_what_training_samples() -> None:
    trainer = trained()
    assert trainer.yardstick is not None
    sampled = sampling_gap_percent(trainer, trainer.yardstick.best_cost[:JUDGED_SITUATIONS])
    last = trainer.decision_gaps[-1]
    assert 1 < sampled < 100
    assert last.gap_percent < 0.01 * sampled
    assert (last.step, last.situations) == (STEPS, JUDGED_SITUATIONS)


def test_the_best_known_is_the_best_of_all_trees() -> None:
    trainer = trained()
    assert trainer.yardstick is not None
    best = [
        exhaustive(lambda opened, seen=seen, row=row: seen.total_kw(opened, row), seen.objective.loops).cost
        for seen in problem_of(trainer).fixed_draws(DRAWS, JUDGED_SITUATIONS // DRAWS, JUDGED_SEED)
        for row in range(JUDGED_SITUATIONS // DRAWS)
    ]
    known = trainer.yardstick.best_cost[:JUDGED_SITUATIONS]  # restorations follow
    assert known == pytest.approx(best, rel=1e-4)
    assert (known >= np.array(best) * (1 - 1e-12)).all()


def test_the_situations_stay_the_same_whatever_is_drawn_and_learned_in_between() -> None:
    optimizer = switching("case33bw")
    problem, net = problem_of(optimizer.trainer), SwitchingNet()
    early = SwitchingYardstick(problem)
    first = early.evaluate(net)
    rng = np.random.default_rng(9)
    for _ in range(50):
        problem.draw(3, rng)
    optimizer.train_episode()
    late = SwitchingYardstick(problem)
    np.testing.assert_array_equal(late.evaluate(net), first)
    np.testing.assert_array_equal(early.evaluate(net), first)
    np.testing.assert_array_equal(early.best_cost, late.best_cost)


def test_one_seed_gives_one_curve_and_measuring_changes_no_training() -> None:
    one, other, unmeasured = (switching("case33bw").trainer for _ in range(3))
    unmeasured.yardstick = None
    for trainer in (one, other, unmeasured):
        for _ in range(EVALUATED_EVERY):
            trainer.step()
    assert [found.step for found in one.decision_gaps] == [0, EVALUATED_EVERY]
    assert one.decision_gaps == other.decision_gaps
    assert unmeasured.decision_gaps == ()
    assert one.curve == unmeasured.curve


@pytest.mark.parametrize("make", [lambda: switching().trainer, lambda: dispatch().trainer])
def test_a_resumed_training_goes_on_with_its_evaluations(make: object, tmp_path: Path) -> None:
    assert callable(make)
    whole, first, second = make(), make(), make()
    for _ in range(EVALUATED_EVERY + 5):
        whole.step()
    for _ in range(7):
        first.step()
    first.save(tmp_path, ABOUT)
    second.resume(tmp_path, ABOUT)
    assert second.evaluations == first.evaluations
    for _ in range(EVALUATED_EVERY - 2):
        second.step()
    assert second.decision_gaps == whole.decision_gaps


def test_a_checkpoint_without_evaluations_begins_to_evaluate_and_one_of_other_situations_is_refused(
    tmp_path: Path,
) -> None:
    old = switching().trainer
    for _ in range(3):
        old.step()
    old.save(tmp_path, ABOUT)
    file = tmp_path / "metadata.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    few = kept | {"best_cost": kept["best_cost"][:4]}
    file.write_text(json.dumps(few), encoding="utf-8")
    with pytest.raises(ValueError, match="4 other situations"):
        switching().trainer.resume(tmp_path, ABOUT)
    del kept["evaluations"], kept["best_cost"]
    for row in kept["curve"]:
        row["gap_percent"] = 12.0  # as curves had it that showed samples
    file.write_text(json.dumps(kept), encoding="utf-8")
    new = switching().trainer
    new.resume(tmp_path, ABOUT)
    assert (new.steps_done, new.decision_gaps) == (3, ())
    new.step()
    assert [found.step for found in new.decision_gaps] == [3]


def test_dispatch_is_measured_against_polished_set_points() -> None:
    optimizer = dispatch()
    optimizer.trainer.train()
    gaps = [found.gap_percent for found in optimizer.trainer.decision_gaps]
    assert [found.step for found in optimizer.trainer.decision_gaps] == list(range(0, STEPS + 1, EVALUATED_EVERY))
    assert 0 <= gaps[-1] < 0.5 * gaps[0]
    problem, yardstick = optimizer.trainer.problem, optimizer.trainer.yardstick
    assert isinstance(problem, DispatchProblem)
    assert yardstick is not None
    deeper = DispatchYardstick(problem, polish_steps=40)
    deeper.evaluate(optimizer.trainer.net)
    assert yardstick.best_cost == pytest.approx(deeper.best_cost, rel=2e-3)


class Fixed:
    """A yardstick whose decisions have no solution in one of three situations, of which one has no best known."""

    def __init__(self) -> None:
        self.best_cost = np.array([10.0, 10.0, np.inf])
        self.dark_cost = np.empty(0)

    def evaluate(self, net: nn.Module) -> FloatArray:
        return np.array([11.0, np.inf, np.inf])


def test_a_decision_without_a_solution_counts_as_the_worst_and_an_unsolvable_situation_not_at_all() -> None:
    trainer = switching().trainer
    trainer.yardstick = Fixed()
    trainer.step()
    (found,) = trainer.decision_gaps
    assert found.situations == 2
    assert found.gap_percent == pytest.approx((10 + 100 * (WORST_RATIO - 1)) / 2)
