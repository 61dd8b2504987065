"""The return to normal: which switch states are normal through a disturbance, and the verified way back to them."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.powerflow import PowerFlow
from grid.network import BoolArray
from ml.optimisation.optimizer import problem_with_plan
from ml.optimisation.plans.normal import NormalSwitching, way_back
from ml.optimisation.plans.plan import Constraint, PlanProblemKind, Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from tests.ml.operating_points import network_of, operating_point_at

BEFORE, RESTORED, OTHER = (np.array(states, dtype=bool) for states in ([1, 1, 0], [0, 1, 1], [1, 0, 1]))


FAULTY, DARK, SWITCHING, CALM = (True, False, False), (False, True, False), (False, False, True), (False,) * 3


def watched(*cycles: tuple[BoolArray, tuple[bool, bool, bool]]) -> list[BoolArray | None]:
    """What is said in each cycle of switch states with whether something is faulty, dark, or switched."""
    normal = NormalSwitching()
    return [normal.observe(closed, *flags) for closed, flags in cycles]


def test_what_held_before_a_disturbance_is_normal_until_it_holds_again() -> None:
    told = watched(
        (BEFORE, CALM),
        (RESTORED, FAULTY),
        (RESTORED, CALM),  # repaired
        (RESTORED, CALM),
        (OTHER, SWITCHING),  # on the way back
        (BEFORE, CALM),
        (BEFORE, CALM),
    )
    assert [one is None for one in told] == [True, True, False, False, False, True, True]
    assert all((one == BEFORE).all() for one in told if one is not None)


def test_who_switches_otherwise_after_the_repair_chooses_another_normal_state() -> None:
    told = watched((BEFORE, CALM), (RESTORED, FAULTY), (RESTORED, CALM), (OTHER, CALM))
    assert [one is None for one in told] == [True, True, False, True]
    told = watched((BEFORE, CALM), (OTHER, CALM), (RESTORED, FAULTY), (RESTORED, CALM))
    assert told[-1] is not None
    assert (told[-1] == OTHER).all()


def test_a_second_disturbance_does_not_make_the_restored_state_normal() -> None:
    told = watched((BEFORE, CALM), (RESTORED, FAULTY), (RESTORED, CALM), (OTHER, FAULTY), (OTHER, CALM))
    assert told[-1] is not None
    assert (told[-1] == BEFORE).all()


def test_what_is_still_dark_after_the_repair_is_a_reason_to_go_back() -> None:
    told = watched((BEFORE, CALM), (RESTORED, FAULTY), (RESTORED, DARK), (OTHER, DARK), (BEFORE, CALM))
    assert [one is None for one in told] == [True, True, False, False, True]  # a crew's switching chooses nothing
    told = watched((BEFORE, CALM), (OTHER, DARK))  # somebody has cut load off
    assert told[-1] is not None
    assert (told[-1] == BEFORE).all()


def test_a_grid_that_begins_in_trouble_has_no_normal_state_to_go_back_to() -> None:
    for trouble in (FAULTY, DARK):
        assert watched((RESTORED, trouble), (RESTORED, CALM), (OTHER, CALM)) == [None] * 3
    told = watched((RESTORED, DARK), (OTHER, CALM), (RESTORED, FAULTY), (RESTORED, CALM))
    assert told[-1] is not None
    assert (told[-1] == OTHER).all()


@pytest.fixture(scope="module")
def restored() -> OperatingPoint:
    """case33bw fed through a tie in place of one of its lines, which is whole again."""
    network = network_of("case33bw")
    closed = network.branch.closed.copy()
    closed[[6, 32]] = ~closed[[6, 32]]  # a line of the main feeder, and the tie that takes its place
    return operating_point_at(network, closed, 0.6)


def test_the_way_back_is_safe_and_needn_t_save_anything(restored: OperatingPoint) -> None:
    network = network_of("case33bw")
    normal, verifier = network.branch.closed, Verifier(network)
    for here, there in ((restored.closed, normal), (normal, restored.closed)):  # one of the two costs losses
        moment = replace(restored, closed=here)
        plan = way_back(verifier, moment, Requirements(), there).plan
        assert plan is not None
        closed, newton = here.copy(), PowerFlow(network)
        for action in plan.actions:
            closed[action.branch] = action.close
            assert newton.solve(moment.injection, closed).energised.all()
        np.testing.assert_array_equal(closed, there)
        losses = [1000 * newton.solve(moment.injection, states).total_loss_mw for states in (here, there)]
        assert plan.saved_kw == pytest.approx(losses[0] - losses[1], abs=1e-3)
        assert problem_with_plan(network, moment, plan, None) is None
        worse = problem_with_plan(network, moment, replace(plan, returns=False), None)
        assert (worse is not None and worse.kind is PlanProblemKind.NO_IMPROVEMENT) == (plan.saved_kw < 0)


def test_what_stands_against_the_way_back_is_named(restored: OperatingPoint) -> None:
    network = network_of("case33bw")
    normal, verifier = network.branch.closed, Verifier(network)
    assert way_back(verifier, restored, Requirements(locked=frozenset({6})), normal).barred == (6,)
    out = restored.available.copy()
    out[6] = False
    assert way_back(verifier, replace(restored, available=out), Requirements(), normal).barred == (6,)
    lowest = PowerFlow(network).solve(restored.injection, restored.closed).vm_pu.min()
    back = way_back(verifier, restored, Requirements(min_vm_pu=float(lowest) + 0.02), normal)
    assert back.plan is None
    assert back.broken == (Constraint.LOW_VOLTAGE,)
