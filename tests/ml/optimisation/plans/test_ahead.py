"""A plan on courses of the next hours: each one and each step by pandapower, pick-up by hand."""

from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.network import Network
from grid.protection.cold_load import ColdLoadModel, PickUp
from grid.studies.lookahead import Samples
from ml.optimisation.plans.ahead import FuturePlan, Restored, plan_ahead, steps_until
from ml.optimisation.plans.plan import Constraint, Plan, Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at

HOURS, COURSES = 4, 12
PICK_UP = PickUp(factor=2.0, gain_minutes=1e-6, hold_minutes=30.0, decay_minutes=1e-6)  # twice for half an hour
COLD = ColdLoadModel(by_class={}, others=PICK_UP)
NO_PICK_UP = ColdLoadModel(scale=0.0)


def plan_at(network: Network, moment: OperatingPoint) -> Plan:
    plan = SwitchingOptimizer(network, 1).propose(moment, Requirements()).plan
    assert plan is not None
    return plan


def courses(moment: OperatingPoint, level: np.ndarray) -> Samples:
    """Loads times levels (s, h)."""
    own = moment.injection
    shape = (*level.shape, len(own.generator_p_mw))
    return Samples(
        level[..., None] * own.load_p_mw, level[..., None] * own.load_q_mvar,
        np.broadcast_to(own.generator_p_mw, shape).copy(),
    )  # fmt: skip


def future_of(plan: Plan, dark_minutes: float = 60.0) -> FuturePlan:
    dark = np.full(len(plan.network.load), dark_minutes)
    return FuturePlan.of(plan, Restored.by(plan, dark, 2.0))


@pytest.fixture(scope="module")
def feeder() -> Network:
    return network_of("case33bw")


@pytest.fixture(scope="module")
def trip(feeder: Network) -> OperatingPoint:
    return operating_point_at(feeder, level=0.6, out=(24,))


@pytest.fixture(scope="module")
def plan(feeder: Network, trip: OperatingPoint) -> Plan:
    return plan_at(feeder, trip)


def test_steps_are_short_at_first() -> None:
    assert steps_until(4).tolist() == [0, 15, 30, 45, 60, 75, 90, 105, 120, 180, 240]
    assert steps_until(1).tolist() == [0, 15, 30, 45]


def test_a_plan_holds_while_nothing_changes(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    found = plan_ahead(feeder, future_of(plan), courses(trip, np.ones((5, HOURS))), 0.0, HOURS, NO_PICK_UP)
    assert found.chance == 0
    assert found.worst is None
    assert np.isnan(found.first_minute)


@pytest.mark.parametrize("cold", [NO_PICK_UP, COLD], ids=["no pick-up", "pick-up"])
def test_every_course_and_step_breaks_where_pandapowers_voltage_does(
    feeder: Network, trip: OperatingPoint, plan: Plan, cold: ColdLoadModel
) -> None:
    level = np.random.default_rng(5).uniform(1.0, 3.2, (COURSES, HOURS + 1))
    samples, future = courses(trip, level), future_of(plan)
    found = plan_ahead(feeder, future, samples, 0.0, HOURS, cold)
    net, restored = pandapower.networks.case33bw(), future.restored.load
    assert restored.any()
    net.line["in_service"] = plan.after.closed
    broken = np.zeros((COURSES, len(found.minutes)), dtype=bool)
    for step, minute in enumerate(found.minutes):
        for course in range(COURSES):
            more = np.where(restored & (minute <= 30) & (cold is COLD), 2.0, 1.0)
            net.load["p_mw"] = more * samples.load_p_mw[course, int(minute // 60)]
            net.load["q_mvar"] = more * samples.load_q_mvar[course, int(minute // 60)]
            pandapower.runpp(net, tolerance_mva=1e-8)
            broken[course, step] = net.res_bus.vm_pu.min() < feeder.bus.min_vm_pu.min() - 2e-6
    expected = np.logical_or.accumulate(broken, axis=1).mean(axis=0)
    assert expected[-1] > 0
    np.testing.assert_allclose(found.broken_by, expected)
    assert found.worst is not None
    assert found.worst.constraint is Constraint.LOW_VOLTAGE
    assert found.picks_up == restored.sum()


def test_pick_up_breaks_no_fewer_courses(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    level = np.random.default_rng(7).uniform(1.6, 2.3, (COURSES, HOURS + 1))
    without, with_it = (
        plan_ahead(feeder, future_of(plan), courses(trip, level), 0.0, HOURS, cold) for cold in (NO_PICK_UP, COLD)
    )
    assert (with_it.broken_by >= without.broken_by).all()
    assert with_it.chance > without.chance


def test_the_hour_that_has_begun_is_the_first(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    level = np.ones((3, HOURS + 1))
    level[:, 1] = 3.0  # the next hour is too much
    late = plan_ahead(feeder, future_of(plan), courses(trip, level), 50.0, HOURS, NO_PICK_UP)
    assert late.first_minute == 15.0
    early = plan_ahead(feeder, future_of(plan), courses(trip, level), 0.0, HOURS, NO_PICK_UP)
    assert early.first_minute == 60.0


@pytest.mark.parametrize("level", [0.4, 0.8, 1.0, 1.15])
def test_a_single_course_is_judged_as_a_plan_is(level: float) -> None:
    """Loads, several sources with bounds, ratings: what the verification says of the same injection."""
    network = network_of("city8")
    moment = operating_point_at(network, level=0.6)
    plan, verifier = plan_at(network, moment), Verifier(network)
    future = future_of(plan, 0.0)
    own = replace(
        moment.injection, load_p_mw=level * moment.injection.load_p_mw, load_q_mvar=level * moment.injection.load_q_mvar
    )
    verdict = verifier.verdict(moment, plan.after.closed, Requirements(), None, own)
    assert verdict is not None
    found = plan_ahead(network, future, courses(moment, np.full((1, 2), level)), 0.0, 1, NO_PICK_UP)
    beyond = any((verdict.excess.of(one) > future.most[one] + 1e-5).any() for one in future.most)
    assert found.chance == float(beyond)


def test_sources_beyond_their_bounds_are_found_as_the_verification_finds_them() -> None:
    network = network_of("city8")
    moment = operating_point_at(network, level=0.6)
    plan, verifier = plan_at(network, moment), Verifier(network)
    future = future_of(plan, 0.0)
    for level in (1.2, 1.5, 1.8):
        own = replace(
            moment.injection,
            load_p_mw=level * moment.injection.load_p_mw,
            load_q_mvar=level * moment.injection.load_q_mvar,
        )
        verdict = verifier.verdict(moment, plan.after.closed, Requirements(), None, own)
        if verdict is None or not verdict.excess.generation.any():
            continue
        anything = {one: np.full_like(most, 9.0) for one, most in future.most.items()}
        none = np.zeros_like(future.most[Constraint.GENERATION])
        only = replace(future, most={**anything, Constraint.GENERATION: none})
        found = plan_ahead(network, only, courses(moment, np.full((1, 2), level)), 0.0, 1, NO_PICK_UP)
        assert found.worst is not None
        assert found.worst.constraint is Constraint.GENERATION
        assert verdict.excess.generation[found.worst.element] > 0
        just = replace(only, most={**only.most, Constraint.GENERATION: verdict.excess.generation + 1e-4})
        assert plan_ahead(network, just, courses(moment, np.full((1, 2), level)), 0.0, 1, NO_PICK_UP).chance == 0
        return
    pytest.fail("no level brings a source beyond its bound")


def test_courses_of_another_grid_are_refused(feeder: Network, plan: Plan) -> None:
    other = operating_point_at(network_of("city8"))
    with pytest.raises(ValueError, match="the courses have"):
        plan_ahead(feeder, future_of(plan), courses(other, np.ones((1, 2))), 0.0, 1, NO_PICK_UP)
