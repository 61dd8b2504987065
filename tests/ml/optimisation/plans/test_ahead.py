"""A plan on courses of the next hours: each one and each step by pandapower, pick-up by hand."""

from dataclasses import replace
from math import erf, sqrt

import networkx as nx
import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.network import Network
from grid.protection.cold_load import ColdLoadModel, PickUp
from grid.studies.lookahead import Samples
from ml.optimisation.plans.ahead import FuturePlan, PlanAhead, Restored, SourceWander, plan_ahead, steps_until
from ml.optimisation.plans.plan import Constraint, Plan, Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at, pv_feeder

HOURS, COURSES = 4, 12
PICK_UP = PickUp(factor=2.0, gain_minutes=1e-6, hold_minutes=30.0, decay_minutes=1e-6)  # twice for half an hour
COLD = ColdLoadModel(by_class={}, others=PICK_UP, spread=0.0)
NO_PICK_UP = ColdLoadModel(scale=0.0)
STEADY = SourceWander(spread_pu=0.0, noise_pu=0.0)


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


def at_once(plan: Plan) -> list[float]:
    return [2.0] * len(plan.actions)


def future_of(plan: Plan, dark_minutes: float = 60.0) -> FuturePlan:
    dark = np.full(len(plan.network.load), dark_minutes)
    return FuturePlan.of(plan, Restored.by(plan, dark, at_once(plan)))


def followed(
    network: Network, future: FuturePlan, samples: Samples, hours: int, cold: ColdLoadModel, minute: float = 0.0
) -> PlanAhead:
    """With voltages of sources that stay as they are."""
    return plan_ahead(network, future, samples, minute, hours, cold, STEADY)


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
    assert steps_until(1).tolist() == [0, 15, 30, 45, 60]
    assert steps_until(8).tolist() == [*range(0, 360, 15), 360, 420, 480]


def test_a_plan_holds_while_nothing_changes(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    found = followed(feeder, future_of(plan), courses(trip, np.ones((5, HOURS))), HOURS, NO_PICK_UP)
    assert found.chance == 0
    assert found.worst is None
    assert np.isnan(found.first_minute)


@pytest.mark.parametrize(
    "cold", [pytest.param(NO_PICK_UP, marks=pytest.mark.long), COLD], ids=["no pick-up", "pick-up"]
)
def test_every_course_and_step_breaks_where_pandapowers_voltage_does(
    feeder: Network, trip: OperatingPoint, plan: Plan, cold: ColdLoadModel
) -> None:
    level = np.random.default_rng(5).uniform(1.0, 3.2, (COURSES, HOURS + 1))
    samples, future = courses(trip, level), future_of(plan)
    found = followed(feeder, future, samples, HOURS, cold)
    net, restored = pandapower.networks.case33bw(), future.restored.load
    assert restored.any()
    net.line["in_service"] = plan.after.closed
    own, middles = trip.injection, [0.0, *(60 * np.arange(1, HOURS + 1) + 30.0)]
    begins = np.where(restored, (level[:, 0] / np.median(level[:, 0]))[:, None], 1.0)  # what is lit is known now
    broken = np.zeros((COURSES, len(found.minutes)), dtype=bool)
    for step, minute in enumerate(found.minutes):
        for course in range(COURSES):
            line = np.array([np.interp(minute, middles, [begin, *level[course, 1:]]) for begin in begins[course]])
            more = np.where(restored & (minute <= 30) & (cold is COLD), 2.0, 1.0)
            net.load["p_mw"] = more * line * own.load_p_mw
            net.load["q_mvar"] = more * line * own.load_q_mvar
            pandapower.runpp(net, tolerance_mva=1e-8)
            broken[course, step] = net.res_bus.vm_pu.min() < feeder.bus.min_vm_pu.min() - 2e-6
    expected = np.logical_or.accumulate(broken, axis=1).mean(axis=0)
    assert expected[-1] > 0
    np.testing.assert_allclose(found.broken_by, expected)
    assert found.worst is not None
    assert found.worst.constraint is Constraint.LOW_VOLTAGE
    assert found.picks_up == restored.sum()


def test_loads_come_back_with_the_step_that_supplies_them(feeder: Network, plan: Plan) -> None:
    """By the reach of closed branches from the source, step by step, of networkx."""
    minutes = [3.0 * (step + 1) for step in range(len(plan.actions))]
    restored = Restored.by(plan, np.full(len(feeder.load), 60.0), minutes)
    closed, first = plan.before.closed.copy(), np.full(len(feeder.load), np.nan)
    for action, minute in zip(plan.actions, minutes, strict=True):
        closed[action.branch] = action.close
        ends = zip(feeder.branch.from_bus[closed].tolist(), feeder.branch.to_bus[closed].tolist(), strict=True)
        reach = nx.node_connected_component(nx.Graph(ends), int(feeder.generator.bus[0]))
        live = np.isin(feeder.load.bus, list(reach))
        first = np.where(live & np.isnan(first), minute, first)
    back = restored.load
    assert back.any()
    assert first[back].max() < minutes[-1]  # the plan goes on after they are back
    np.testing.assert_allclose(restored.dark_minutes[back], 60.0 + first[back])
    np.testing.assert_allclose(restored.since_minutes[back], minutes[-1] - first[back])
    assert not restored.dark_minutes[~back].any()
    assert not restored.since_minutes[~back].any()


def test_pick_up_breaks_no_fewer_courses(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    level = np.random.default_rng(7).uniform(0.9, 1.1, (COURSES, HOURS + 1))
    future = future_of(plan)
    low = np.full(feeder.n_bus, plan.after.min_vm_pu - 0.003)
    near = replace(future, bounds=replace(future.bounds, low=low))
    without, with_it = (followed(feeder, near, courses(trip, level), HOURS, cold) for cold in (NO_PICK_UP, COLD))
    assert (with_it.broken_by >= without.broken_by).all()
    assert with_it.chance > without.chance


def test_courses_go_straight_from_now_to_the_middle_of_the_next_hour(
    feeder: Network, trip: OperatingPoint, plan: Plan
) -> None:
    """The next hour is three times too much: when a limit breaks follows from the level at which one does."""
    future, verifier, own = future_of(plan), Verifier(feeder), trip.injection

    def breaks(level: float) -> bool:
        more = replace(own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar)
        verdict = verifier.verdict(trip, plan.after.closed, Requirements(), None, more)
        return verdict is None or any((verdict.excess.of(one) > most + 1e-5).any() for one, most in future.most.items())

    low, high = 1.0, 3.0
    for _ in range(30):
        low, high = ((low + high) / 2, high) if not breaks((low + high) / 2) else (low, (low + high) / 2)
    level = np.ones((3, HOURS + 1))
    level[:, 1:] = 3.0
    for begun, middle in ((50.0, 40.0), (0.0, 90.0)):
        found = followed(feeder, future, courses(trip, level), HOURS, NO_PICK_UP, begun)
        assert found.first_minute == 15 * np.ceil((low - 1) / 2 * middle / 15)


def test_pick_up_that_nobody_knows_gives_chances_between(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    """One course a hundred times: the courses differ by their drawn pick-up alone, and twice is the median."""
    future, level = future_of(plan), np.ones((100, HOURS + 1))
    sure = [followed(feeder, future, courses(trip, up * level), HOURS, COLD).chance for up in (1.0, 2.6)]
    assert sure == [0.0, 1.0]
    unsure = replace(COLD, spread=0.5)
    chances = [followed(feeder, future, courses(trip, up * level), HOURS, unsure) for up in (1.0, 1.0)]
    assert chances[0].chance == chances[1].chance  # one moment has one answer
    drawn = [unsure.drawn(np.random.default_rng(seed)).others for seed in range(400)]
    excess = np.array([one.factor - 1 for one in drawn])
    assert np.median(excess) == pytest.approx(1.0, abs=0.08)
    assert np.log(excess).std() == pytest.approx(0.5, abs=0.05)


def test_voltages_of_sources_wander_around_the_cases(feeder: Network, trip: OperatingPoint, plan: Plan) -> None:
    """A limit that the plan keeps by half a percent breaks in courses whose source falls by more, and later on."""
    future, level = future_of(plan), np.ones((200, HOURS + 1))
    lowest = plan.after.min_vm_pu
    near = replace(future, bounds=replace(future.bounds, low=np.full(feeder.n_bus, lowest - 0.005)))
    assert followed(feeder, near, courses(trip, level), HOURS, NO_PICK_UP).chance == 0
    once = SourceWander(noise_pu=0.0, memory_minutes=1e-3)  # each step another draw
    found = plan_ahead(feeder, near, courses(trip, level), 0.0, 1, NO_PICK_UP, once)
    falls = 0.005 / lowest * 0.9  # constant powers draw more current at a lower voltage
    below = _below(-falls / once.spread_pu)
    assert found.broken_by[0] == 0  # the present voltage is known
    for told, draws in ((1, 3), (4, 12)):  # every five minutes is solved
        assert found.broken_by[told] == pytest.approx(1 - (1 - below) ** draws, abs=0.1)


def _below(deviations: float) -> float:
    return 0.5 * (1 + erf(deviations / sqrt(2)))


def test_generators_that_come_back_feed_in_once_they_have_waited() -> None:
    """A generator that went dark is off now: it counts from its reconnection on, one that has tripped never does."""
    network = pv_feeder()
    moment = operating_point_at(network, level=0.6, out=(24,))
    off = np.isin(np.arange(len(network.generator)), (6, 7))  # those behind the outage
    dark = replace(moment, injection=replace(moment.injection, generator_on=~off))
    plan = plan_at(network, dark)
    tripped = np.arange(len(network.generator)) == 7
    zero = np.zeros(len(network.load))
    restored = Restored.by(plan, zero, at_once(plan), tripped)
    np.testing.assert_array_equal(restored.generator, off & ~tripped)
    samples = courses(dark, np.ones((2, 3)))
    samples.generator_p_mw[:, :, off] = 40.0  # so much that voltages rise beyond the band
    near = replace(NO_PICK_UP, reconnection_minutes=30.0)
    assert followed(network, FuturePlan.of(plan, restored), samples, 1, near).first_minute == 30.0
    everything = Restored.by(plan, zero, at_once(plan), off)
    assert followed(network, FuturePlan.of(plan, everything), samples, 1, near).chance == 0


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
    found = followed(network, future, courses(moment, np.full((1, 3), level)), 2, NO_PICK_UP)
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
        found = followed(network, only, courses(moment, np.full((1, 3), level)), 2, NO_PICK_UP)
        assert found.worst is not None
        assert found.worst.constraint is Constraint.GENERATION
        assert verdict.excess.generation[found.worst.element] > 0
        just = replace(only, most={**only.most, Constraint.GENERATION: verdict.excess.generation + 1e-4})
        assert followed(network, just, courses(moment, np.full((1, 3), level)), 2, NO_PICK_UP).chance == 0
        return
    pytest.fail("no level brings a source beyond its bound")


def test_courses_of_another_grid_are_refused(feeder: Network, plan: Plan) -> None:
    other = operating_point_at(network_of("city8"))
    with pytest.raises(ValueError, match="the courses have"):
        plan_ahead(feeder, future_of(plan), courses(other, np.ones((1, 2))), 0.0, 1, NO_PICK_UP)
