"""Plans for random states with outages and photovoltaics: radial, supplied, verified by pandapower, never worse."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandapower
import pytest

from grid.flow.powerflow import PowerFlow
from grid.flow.topology import is_radial
from grid.network import BoolArray, Network
from ml.optimisation.plans.limits import Merit
from ml.optimisation.plans.plan import Constraint, OutcomeKind, Plan, Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.progress import Hyperparameters
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.training import LearningOptimizer
from tests.ml.operating_points import (
    operating_point_at,
    pv_feeder,
    pv_net,
    random_configurations,
    solved_by_pandapower,
    varied,
)


@cache
def untrained() -> LearningOptimizer:
    network = pv_feeder()
    return LearningOptimizer(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=2))


def operating_points(count: int, seed: int, most_out: int = 2, level: float = 0.6) -> list[OperatingPoint]:
    """States of their own: loads, sun, which switches are open, failure probabilities, and up to two outages."""
    network, rng = pv_feeder(), np.random.default_rng(seed)
    found = []
    for closed in random_configurations(network, count, seed):
        states = network.branch.closed if rng.uniform() < 0.3 else closed
        out = tuple(rng.choice(network.n_branch, rng.integers(0, most_out + 1), replace=False).tolist())
        found.append(varied(operating_point_at(network, states, level, out), rng))
    return found


def reachable(network: Network, operating_point: OperatingPoint) -> BoolArray:
    """(n,) buses that branches in service could supply."""
    grid = RadialGrid.of(network, operating_point.injection)
    return replace(grid, usable=grid.usable & operating_point.available).reachable()


def radial(network: Network, closed: BoolArray) -> bool:
    branch = network.branch
    return is_radial(network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses)


def check_the_way(operating_point: OperatingPoint, plan: Plan, lowest: float) -> None:
    """Every state on the way, solved from scratch: nobody who has supply loses it, and voltages hold."""
    newton, closed = PowerFlow(pv_feeder()), operating_point.closed.copy()
    before = newton.solve(operating_point.injection, closed).energised
    for action in plan.actions:
        closed[action.branch] = action.close
        state = newton.solve(operating_point.injection, closed)
        assert action.loss_kw == pytest.approx(1000 * state.total_loss_mw, abs=1e-2)
        assert not (before & ~state.energised).any()
        assert np.nanmin(state.vm_pu) >= lowest - 1e-5
        before = state.energised
    np.testing.assert_array_equal(closed, plan.after.closed)


def check_the_end(net: pandapower.pandapowerNet, operating_point: OperatingPoint, plan: Plan) -> None:
    """What pandapower says of the state that the plan leads to."""
    solved_by_pandapower(net, operating_point.injection, plan.after.closed)
    assert plan.after.loss_kw == pytest.approx(1000 * net.res_line.pl_mw.sum(), abs=1e-2)
    assert plan.after.min_vm_pu == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-6)
    assert net.res_bus.vm_pu.max() <= 1.1
    np.testing.assert_array_equal(net.res_bus.vm_pu.notna(), reachable(pv_feeder(), operating_point))


@pytest.mark.parametrize("states", [15, pytest.param(60, marks=pytest.mark.long)])
def test_plans_of_random_states_are_radial_supplied_verified_and_never_worse(states: int) -> None:
    network, net, optimizer = pv_feeder(), pv_net(), untrained()
    planned = restored = 0
    for operating_point in operating_points(states, 1):
        proposal = optimizer.propose(operating_point, Requirements(risk_weight=0.02))
        plan, present = proposal.plan, proposal.present
        if plan is None:
            assert proposal.reason
            continue
        planned, restored = planned + 1, restored + (present.unsupplied_kw > 1)
        assert radial(network, plan.after.closed)
        assert not (plan.after.closed & ~operating_point.available).any()
        assert Merit.of(plan.after) < Merit.of(present)
        if present.unsupplied_kw < 1 and not present.violation:
            assert plan.after.objective_kw < present.objective_kw
        check_the_way(operating_point, plan, min(0.9, present.min_vm_pu))
        check_the_end(net, operating_point, plan)
    assert planned >= 0.7 * states
    assert restored >= 0.2 * states


@pytest.mark.long
def test_locked_switches_and_few_pairs_hold_in_random_states() -> None:
    network, optimizer, rng = pv_feeder(), untrained(), np.random.default_rng(5)
    planned = 0
    for operating_point in operating_points(20, 2, most_out=0):
        locked = frozenset(rng.choice(network.n_branch, 12, replace=False).tolist())
        for wanted in (Requirements(locked=locked), Requirements(locked=locked, most_pairs=int(rng.integers(1, 3)))):
            plan = optimizer.propose(operating_point, wanted).plan
            if plan is None:
                continue
            planned += 1
            assert not locked & {action.branch for action in plan.actions}
            assert wanted.most_pairs is None or plan.pairs <= wanted.most_pairs
            assert radial(network, plan.after.closed)
    assert planned >= 20


def test_few_pairs_hold_while_loads_are_without_supply() -> None:
    optimizer = untrained()
    for operating_point in operating_points(12, 3, most_out=1):
        plan = optimizer.propose(operating_point, Requirements(most_pairs=1)).plan
        assert plan is None or plan.pairs == 1


def test_where_a_limit_forbids_to_restore_all_the_largest_part_is_restored_and_the_limit_is_named() -> None:
    network = pv_feeder()
    operating_point = operating_point_at(
        network, out=(1,)
    )  # the feeder's second line: all else is a single long way round
    proposal = untrained().propose(operating_point, Requirements())
    assert proposal.present.unsupplied_kw == pytest.approx(3255)
    assert reachable(network, operating_point).all()
    outcome = proposal.outcome
    assert proposal.plan is not None
    assert outcome.kind is OutcomeKind.PART_RESTORED
    assert outcome.restored_kw + outcome.unsupplied_kw == pytest.approx(3255)
    assert outcome.restored_kw > 1900
    assert outcome.out_of_reach_kw == 0
    assert outcome.binding is not None
    assert outcome.binding.constraint is Constraint.LOW_VOLTAGE
    check_the_way(operating_point, proposal.plan, 0.9)


def test_a_state_with_a_loop_is_made_radial_again() -> None:
    network, optimizer = pv_feeder(), untrained()
    closed = network.branch.closed.copy()
    closed[[32, 35]] = True
    operating_point = operating_point_at(network, closed, 0.5)
    plan = optimizer.propose(operating_point, Requirements()).plan
    assert plan is not None
    assert radial(network, plan.after.closed)
    assert plan.after.state.energised.all()


def test_a_proposal_depends_on_its_own_moment_alone() -> None:
    optimizer, first = untrained(), operating_points(1, 4)[0]
    before = optimizer.propose(first, Requirements())
    for operating_point in operating_points(4, 7):
        optimizer.propose(operating_point, Requirements(min_vm_pu=0.95))
    again = optimizer.propose(first, Requirements())
    assert again.present.loss_kw == before.present.loss_kw
    assert before.plan is not None
    assert again.plan is not None
    assert again.plan.after.loss_kw == pytest.approx(before.plan.after.loss_kw, rel=1e-3)
