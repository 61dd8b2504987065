"""Switching beyond the ceiling: verified plans of few pairs, restoration in blocks, no policy, and what isn't done."""

from pathlib import Path

import numpy as np
import pytest

from grid.capabilities import LARGE_PLAN_PAIRS, SWITCHING
from grid.cases.cases import load_file
from grid.network import Network
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.plan import Constraint, NoPlan, NoPlanKind, OutcomeKind, Requirements
from ml.optimisation.plans.verification import Verifier
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from tests.benchmarks.large import write_large
from tests.ml.operating_points import operating_point_at

BUSES, TIES = SWITCHING.most + 100, 150


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("large")
    write_large(folder / "large.m", BUSES, TIES)
    return load_file(folder / "large.m", folder).network


@pytest.fixture(scope="module")
def optimizer(network: Network) -> SmartGridOptimizer:
    return SmartGridOptimizer(network)


def most_feeding(network: Network, rank: int) -> int:
    """The branch that feeds most, or the next ones."""
    grid = RadialGrid.of(network)
    loops = grid.loops()
    start = loops.opened(network.branch.closed)
    fed = RadialFlow(loops, grid.impedance_pu).tree_flow(start[None], grid.load_pu[None])[0]
    return int(np.argsort(-np.abs(fed))[rank])


def test_a_plan_saves_losses_with_few_pairs_each_step_verified(network: Network, optimizer: SmartGridOptimizer) -> None:
    answer = optimizer.propose(operating_point_at(network), Requirements())
    plan = answer.plan
    assert plan is not None
    assert not optimizer.in_full
    assert "no policy" in answer.policy
    assert 0 < plan.pairs <= LARGE_PLAN_PAIRS
    assert plan.after.loss_kw < plan.before.loss_kw
    assert plan.after.unsupplied_kw == 0
    assert [len(few.actions) for few in answer.limited] == sorted(len(few.actions) for few in answer.limited)
    closed = network.branch.closed.copy()
    for action in plan.actions:
        closed[action.branch] = action.close
        verdict = Verifier(network).verdict(operating_point_at(network), closed, Requirements())
        assert verdict is not None
        assert verdict.unsupplied_kw == 0
    assert (closed == plan.after.closed).all()


@pytest.mark.parametrize("rank", [0, 3, 20])
def test_what_is_dark_comes_back_or_the_limit_is_named(
    network: Network, optimizer: SmartGridOptimizer, rank: int
) -> None:
    point = operating_point_at(network, out=(most_feeding(network, rank),))
    outcome = optimizer.propose(point, Requirements()).outcome
    if outcome.kind is OutcomeKind.ALL_RESTORED:
        assert outcome.unsupplied_kw == pytest.approx(outcome.out_of_reach_kw, abs=1)
    elif outcome.restored_kw + outcome.out_of_reach_kw < outcome.restored_kw + outcome.unsupplied_kw - 1:
        assert outcome.binding is not None or outcome.hindrance is not None


def test_part_is_restored_where_not_all_can_be(network: Network, optimizer: SmartGridOptimizer) -> None:
    outcomes = (
        optimizer.propose(operating_point_at(network, out=(most_feeding(network, rank),)), Requirements()).outcome
        for rank in range(4)
    )
    outcome = next(one for one in outcomes if one.kind is OutcomeKind.PART_RESTORED)
    assert outcome.restored_kw > 0
    assert outcome.unsupplied_kw > 0
    assert outcome.binding is not None or outcome.hindrance is not None


def test_n_minus_1_is_refused_with_the_ceiling(network: Network, optimizer: SmartGridOptimizer) -> None:
    answer = optimizer.propose(operating_point_at(network), Requirements(n_minus_1=True))
    assert answer.plan is None
    assert answer.conflict is Constraint.N_MINUS_1
    assert answer.reason == NoPlan(kind=NoPlanKind.TOO_LARGE_FOR_OUTAGES, buses=BUSES, most=SWITCHING.most)


def test_other_risk_weights_are_not_tried(network: Network, optimizer: SmartGridOptimizer) -> None:
    assert optimizer.pareto(operating_point_at(network), Requirements()) == ()


@pytest.mark.long
def test_the_same_moment_has_the_same_answer(network: Network, optimizer: SmartGridOptimizer) -> None:
    point = operating_point_at(network)
    first, again = (optimizer.propose(point, Requirements(risk_weight=0.1)) for _ in range(2))
    assert first.plan is not None
    assert again.plan is not None
    assert first.plan.actions == again.plan.actions


def test_a_large_case_is_written_as_it_is_read(tmp_path: Path) -> None:
    write_large(tmp_path / "small.m", 50, 5)
    network = load_file(tmp_path / "small.m", tmp_path).network
    assert (network.n_bus, network.n_branch, int((~network.branch.closed).sum())) == (50, 54, 5)
