"""Emergency values: what they add to a restoration, judged by pandapower; when they may be used, and how it is told."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.network import Network
from grid.protection.cold_load import ColdLoadModel, PickUp
from grid.studies.lookahead import Samples
from ml.optimisation.optimizer import SmartGridOptimizer, problem_with_plan
from ml.optimisation.plans.ahead import FuturePlan, PlanAhead, Restored, SourceWander, plan_ahead
from ml.optimisation.plans.limits import BoundsOf, Merit, broken
from ml.optimisation.plans.outages import restored_outage
from ml.optimisation.plans.plan import Constraint, OutcomeKind, Plan, Proposal, Requirements
from ml.optimisation.plans.timeline import FieldWork
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.plans.whole_time import Preference, WholeTime, for_whole_time
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at, solved_by_pandapower

OUTAGES = (1, 2, 28)  # lines of the rated feeder after which normal ratings don't allow all supply
NORMAL, WIDE = Requirements(), Requirements(emergency_loading_percent=120.0, emergency_minutes=60.0)
STEADY = SourceWander(spread_pu=0.0, noise_pu=0.0)
NO_PICK_UP = ColdLoadModel(scale=0.0)
HOURS = 4


@cache
def rated_net() -> pandapower.pandapowerNet:
    """The judge's, which is solved in one state after another."""
    return new_rated_net()


def new_rated_net() -> pandapower.pandapowerNet:
    """The 33-bus feeder with ratings that bind after outages, and voltages that don't."""
    net = pandapower.networks.case33bw()
    pandapower.runpp(net)
    net.line["max_i_ka"] = np.maximum(0.09, 1.25 * net.res_line.i_ka)
    net.bus["min_vm_pu"], net.bus["max_vm_pu"] = 0.8, 1.1
    return net


@cache
def feeder() -> Network:
    return network_from_pandapower(new_rated_net(), "33 rated", "33-bus feeder with ratings", state_is_secure=True)


@cache
def optimizer(spec: str = "") -> SwitchingOptimizer:
    return SwitchingOptimizer(network_of(spec) if spec else feeder(), 1)


def trip(out: int, level: float = 1.0) -> OperatingPoint:
    return operating_point_at(feeder(), level=level, out=(out,))


@cache
def proposed(out: int, wanted: Requirements) -> Proposal:
    return optimizer().propose(trip(out), wanted)


def plan_of(proposal: Proposal) -> Plan:
    assert proposal.plan is not None
    return proposal.plan


def by_pandapower(plan: Plan, closed: np.ndarray) -> tuple[np.ndarray, float]:
    """(m,) loading in percent, and supplied kW, of switch states."""
    net = rated_net()
    solved_by_pandapower(net, plan.after.injection, closed)
    loading = net.res_line.loading_percent.to_numpy()
    alive = net.res_bus.vm_pu.notna()[net.load.bus].to_numpy()
    return np.nan_to_num(loading), 1000 * float(net.load.p_mw[alive].sum())


@pytest.mark.parametrize("out", OUTAGES)
def test_emergency_ratings_restore_more_and_are_kept_on_the_way(out: int) -> None:
    normal, wide = plan_of(proposed(out, NORMAL)), plan_of(proposed(out, WIDE))
    closed = wide.before.closed.copy()
    for action in wide.actions:
        closed[action.branch] = action.close
        loading, _ = by_pandapower(wide, closed)
        assert loading.max() <= 120 + 0.01
    np.testing.assert_array_equal(closed, wide.after.closed)
    _, within_kw = by_pandapower(normal, normal.after.closed)
    loading, supplied_kw = by_pandapower(wide, closed)
    assert supplied_kw > within_kw + 1
    assert loading.max() > 100
    assert by_pandapower(normal, normal.after.closed)[0].max() <= 100 + 0.01


@pytest.mark.parametrize("out", OUTAGES)
def test_a_plan_says_what_it_brings_beyond_normal_limits(out: int) -> None:
    plan, farthest = plan_of(proposed(out, WIDE)), np.zeros(feeder().n_branch)
    closed = plan.before.closed.copy()
    for action in plan.actions:
        closed[action.branch] = action.close
        farthest = np.maximum(farthest, by_pandapower(plan, closed)[0])
    said = {use.element: use.value for use in plan.emergency}
    assert set(said) == set(np.flatnonzero(farthest > 100 + 0.01).tolist())
    for element, value in said.items():
        assert value == pytest.approx(farthest[element], abs=0.01)
    assert [use.value for use in plan.emergency] == sorted(said.values(), reverse=True)
    assert {(use.constraint, use.limit, use.emergency) for use in plan.emergency} == {
        (Constraint.LOADING, 100.0, 120.0)
    }


@pytest.mark.parametrize("out", OUTAGES)
def test_the_answer_within_normal_limits_stands_beside_it(out: int) -> None:
    normal, wide = proposed(out, NORMAL), proposed(out, WIDE)
    assert wide.within_normal is not None
    beside, own = plan_of(wide.within_normal), plan_of(normal)
    assert beside.code == own.code
    assert not beside.emergency
    assert [one.code for one in wide.limited] == [one.code for one in normal.limited]
    assert normal.within_normal is None


def test_what_stands_against_more_is_the_emergency_value() -> None:
    outcome = proposed(1, WIDE).outcome
    assert outcome.kind is OutcomeKind.PART_RESTORED
    assert outcome.binding is not None
    assert (outcome.binding.constraint, outcome.binding.limit) == (Constraint.LOADING, 120.0)
    assert outcome.binding.value > 120


def test_no_outage_has_less_supply_by_them() -> None:
    for out in (*OUTAGES, 6, 10, 17, 24, 30):
        normal, wide = proposed(out, NORMAL), proposed(out, WIDE)
        left = [(one.present if one.plan is None else one.plan.after) for one in (normal, wide)]
        assert Merit.of(left[1]).unsupplied <= Merit.of(left[0]).unsupplied
        if Merit.of(left[1]).unsupplied == Merit.of(left[0]).unsupplied and wide.plan is not None:
            assert wide.plan.code == plan_of(normal).code
            assert not wide.plan.emergency


def test_voltages_have_emergency_values_too() -> None:
    network, wanted = network_of("case33bw"), Requirements(emergency_min_vm_pu=0.88)
    moment = operating_point_at(network, out=(1,))
    normal, wide = (plan_of(optimizer("case33bw").propose(moment, one)) for one in (NORMAL, wanted))
    net = pandapower.networks.case33bw()
    solved_by_pandapower(net, wide.after.injection, wide.after.closed)
    lowest = net.res_bus.vm_pu.min()
    assert 0.88 - 1e-6 <= lowest < 0.9
    assert wide.after.unsupplied_kw < normal.after.unsupplied_kw - 1
    assert {use.constraint for use in wide.emergency} == {Constraint.LOW_VOLTAGE}
    assert min(use.value for use in wide.emergency) == pytest.approx(lowest, abs=1e-5)
    for use in wide.emergency:
        assert (use.limit, use.emergency) == (pytest.approx(0.9), pytest.approx(0.88))


@pytest.mark.parametrize("spec", ["city8", "case33bw"])
def test_calm_plans_are_the_same_with_and_without_them(spec: str) -> None:
    """A line above its rating is calm, too, as long as everybody has supply: it is relieved, not loaded further."""
    wanted = Requirements(
        emergency_loading_percent=150.0, emergency_min_vm_pu=0.8, emergency_max_vm_pu=1.2, emergency_minutes=5.0
    )
    for level in (0.5, 0.8, 1.0, 1.2):
        moment = operating_point_at(network_of(spec), level=level)
        normal, wide = (optimizer(spec).propose(moment, one) for one in (NORMAL, wanted))
        assert (wide.plan is None) == (normal.plan is None)
        if normal.plan is not None and wide.plan is not None:
            assert wide.plan.code == normal.plan.code
            assert [one.loss_kw for one in wide.plan.actions] == [one.loss_kw for one in normal.plan.actions]
            assert wide.plan.after.objective_kw == normal.plan.after.objective_kw
            assert not wide.plan.emergency
        assert [one.code for one in wide.limited] == [one.code for one in normal.limited]
        assert (wide.conflict, wide.reason, wide.outcome) == (normal.conflict, normal.reason, normal.outcome)
        assert wide.within_normal is None


def test_a_dispatch_restores_nothing_and_never_uses_them() -> None:
    network = network_of("case14")
    moment = operating_point_at(network)
    wanted = Requirements(emergency_loading_percent=150.0, emergency_min_vm_pu=0.8, emergency_max_vm_pu=1.2)
    normal, wide = (SmartGridOptimizer(network).propose(moment, one) for one in (NORMAL, wanted))
    assert (wide.plan is None) == (normal.plan is None)
    assert (wide.reason, wide.conflict) == (normal.reason, normal.conflict)
    if normal.plan is not None and wide.plan is not None:
        assert wide.plan.set_points == normal.plan.set_points


def test_without_values_a_duration_changes_nothing() -> None:
    once, again = (optimizer().propose(trip(2), Requirements(emergency_minutes=minutes)) for minutes in (60.0, 5.0))
    assert plan_of(once).actions == plan_of(again).actions == plan_of(proposed(2, NORMAL)).actions


def test_states_that_restore_nothing_keep_normal_limits() -> None:
    """The same state, seen from one that supplies as much, breaks the limit."""
    plan = plan_of(proposed(2, WIDE))
    present, after = plan.before, plan.after
    assert not broken(after, present, WIDE)
    normal = (replace(one, excess=replace(one.excess, headroom={})) for one in (after, present))
    assert broken(*normal, NORMAL) == (Constraint.LOADING,)
    lit = replace(present, supplied_loads=after.supplied_loads)
    assert broken(after, lit, WIDE) == (Constraint.LOADING,)
    assert not broken(after, lit, WIDE, restoring=True)


def test_a_relaxed_limit_is_relaxed_in_an_emergency_too() -> None:
    """So that the price of a limit is that of the one that binds."""
    for relaxed, most in ((frozenset(), 120.0), (frozenset({Constraint.LOADING}), 121.2)):
        bounds = BoundsOf(feeder(), radial=True).at(replace(WIDE, relaxed=relaxed))
        np.testing.assert_allclose(bounds.loading * (1 + bounds.headroom[Constraint.LOADING]), most)


def test_values_narrower_than_normal_limits_change_nothing() -> None:
    """As those of single buses may be, where a file gives each its own."""
    wanted = Requirements(emergency_loading_percent=90.0, emergency_min_vm_pu=1.0, emergency_max_vm_pu=1.0)
    bounds = BoundsOf(feeder(), radial=True).at(wanted)
    assert not any(room.any() for room in bounds.headroom.values())


def test_such_a_plan_can_be_carried_out_and_one_beyond_the_values_cannot() -> None:
    plan = plan_of(proposed(2, WIDE))
    assert problem_with_plan(feeder(), trip(2), plan, None) is None
    heavier = problem_with_plan(feeder(), trip(2, level=1.1), plan, None)
    assert heavier is not None
    assert heavier.constraint is Constraint.LOADING


def test_conflicts_name_what_a_person_has_asked() -> None:
    """Nothing can be restored while the loading that is asked for, and its emergency value, is so low."""
    wanted = Requirements(max_loading_percent=30.0, emergency_loading_percent=35.0)
    chooser = SmartGridOptimizer(feeder())
    normal, wide = (chooser.propose(trip(2), one) for one in (Requirements(max_loading_percent=30.0), wanted))
    assert normal.plan is None
    assert wide.plan is None
    assert wide.conflict is normal.conflict is Constraint.LOADING
    assert wide.reason is not None
    assert wide.reason.margin is not None
    assert wide.reason.margin.value > 35
    assert wide.reason.margin.limit == 35


def test_the_list_of_outages_is_of_normal_limits() -> None:
    moment, customers = operating_point_at(feeder()), np.ones(len(feeder().load))
    work = FieldWork()
    rows = [restored_outage(feeder(), moment, 2, one, optimizer().propose, customers, work) for one in (NORMAL, WIDE)]
    assert rows[0].dark_kw == rows[1].dark_kw > 0


# --- the hours to come --------------------------------------------------------------------------------------------


def courses(moment: OperatingPoint, level: np.ndarray) -> Samples:
    """Loads times levels (h,) of the hours, in ten courses alike."""
    own = moment.injection
    shape = (10, len(level), 1)
    p, q = (np.tile(level[:, None] * one, (10, 1, 1)) for one in (own.load_p_mw, own.load_q_mvar))
    return Samples(p, q, np.tile(own.generator_p_mw, shape))


class Follow:
    """Loads as a share of the present ones: at the middles of the hours, straight between them."""

    def __init__(self, level: np.ndarray, cold: ColdLoadModel = NO_PICK_UP, out: int = 2) -> None:
        self._samples, self._cold = courses(trip(out), level), cold

    def __call__(self, plan: Plan) -> PlanAhead:
        back = Restored.by(plan, np.full(len(plan.network.load), 60.0), [0.0] * len(plan.actions))
        future = FuturePlan.of(plan, back)
        return plan_ahead(plan.network, future, self._samples, 0.0, HOURS, self._cold, STEADY)


def whole_time(proposal: Proposal, follow: Follow, out: int = 2) -> WholeTime:
    found = for_whole_time(Verifier(feeder()), trip(out), proposal, optimizer().propose, follow)
    assert found is not None
    return found


FALLING = np.array([1.0, 0.8, 0.5, 0.5, 0.5, 0.5])  # 80 % from the middle of the next hour on
SAME = np.ones(6)


def within(minutes: float) -> Requirements:
    return replace(WIDE, emergency_minutes=minutes)


def test_a_plan_that_is_back_in_time_is_offered_and_says_until_when() -> None:
    plan = plan_of(proposed(2, within(75.0)))
    ahead = Follow(FALLING)(plan)
    assert ahead.chance == 0
    assert {use.element for use in ahead.emergency} == {
        use.element for use in plan.emergency if plan.after.excess.loading[use.element] > 1e-5
    }
    worst = ahead.emergency[0]
    loading = [by_level(plan, minute)[worst.element] for minute in np.arange(0.0, 91.0, 5.0)]
    assert worst.value == pytest.approx(max(loading), abs=0.05)
    back = next(minute for minute, value in zip(np.arange(0.0, 91.0, 5.0), loading, strict=True) if value <= 100)
    assert worst.until == back
    assert 0 < back <= 75
    found = whole_time(proposed(2, within(75.0)), Follow(FALLING))
    assert found.best is found.first
    assert Preference.of(found) is None


def by_level(plan: Plan, minute: float) -> np.ndarray:
    """(m,) loadings by pandapower so many minutes after the plan."""
    level = float(np.interp(minute, [0.0, 90.0], [1.0, 0.8]))
    own = plan.after.injection
    net = rated_net()
    solved_by_pandapower(
        net, replace(own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar), plan.after.closed
    )
    return np.nan_to_num(net.res_line.loading_percent.to_numpy())


@pytest.mark.parametrize(("level", "minutes"), [(FALLING, 15.0), (SAME, 60.0), (SAME, 180.0)])
def test_a_duration_that_is_too_short_gives_the_normal_plan(level: np.ndarray, minutes: float) -> None:
    """Even where most of the time is kept: what isn't back in time isn't offered."""
    proposal, normal = proposed(2, within(minutes)), plan_of(proposed(2, NORMAL))
    found = whole_time(proposal, Follow(level))
    assert found.first.ahead.chance == 1
    assert found.first.ahead.first_minute >= minutes
    assert found.first.overstays
    assert not found.best.plan.emergency
    assert found.best.restored_kw == pytest.approx(normal.before.unsupplied_kw - normal.after.unsupplied_kw)
    preference = Preference.of(found)
    assert preference is not None
    offered = preference.applied(Verifier(feeder()), trip(2), proposal)
    assert plan_of(offered).code == found.best.plan.code
    assert offered.instead_of is proposal.plan
    assert offered.requirements == proposal.requirements
    again = whole_time(offered, Follow(level))  # as it is shown already
    assert again.best is again.shown
    assert Preference.of(again) is not None


def test_where_nothing_holds_by_normal_limits_the_chance_is_said() -> None:
    """The loads beside the outage take all that ratings give: only emergency values restore anything."""
    proposal = proposed(2, within(15.0))
    alone = replace(proposal, limited=(), within_normal=replace(proposal, plan=None, within_normal=None))
    found = for_whole_time(Verifier(feeder()), trip(2), alone, lambda *_: replace(proposal, plan=None), Follow(SAME))
    assert found is not None
    assert found.best is found.first
    assert found.best.ahead.chance == 1


def test_pick_up_may_use_them_for_their_duration() -> None:
    """A plan within normal limits, whose loads take 1.6 times as much for half an hour."""
    cold = ColdLoadModel(
        by_class={}, others=PickUp(factor=1.6, gain_minutes=1e-6, hold_minutes=30.0, decay_minutes=1e-6), spread=0.0
    )
    plan = plan_of(proposed(2, NORMAL))
    assert not plan.emergency
    follow = Follow(SAME, cold)
    normal = follow(plan)
    assert normal.chance == 1
    assert not normal.emergency
    assert Follow(SAME)(plan).chance == 0
    for minutes, chance in ((60.0, 0.0), (15.0, 1.0)):  # as in the answer to these, where normal limits do
        ahead = follow(
            replace(plan, requirements=replace(WIDE, emergency_loading_percent=250.0, emergency_minutes=minutes))
        )
        assert ahead.chance == chance
        assert max(use.until for use in ahead.emergency) == 35.0  # it holds half an hour, and is solved every 5 minutes


def test_the_time_counts_from_the_first_load_that_is_back() -> None:
    plan = plan_of(proposed(2, WIDE))
    minutes = [10.0 * (step + 1) for step in range(len(plan.actions))]
    back = Restored.by(plan, np.zeros(len(feeder().load)), minutes)
    future = FuturePlan.of(plan, back)
    since = back.since_minutes.max()
    assert future.emergency_minutes == 60.0 - since
    assert FuturePlan.of(plan_of(proposed(2, NORMAL)), back).emergency is None
