"""Which plan is better for the whole time: every plan that is followed by the same code, judged by pandapower's states
where one is said to hold, and by hand where supply within limits is counted."""

from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.network import Network
from grid.protection.cold_load import ColdLoadModel, PickUp
from grid.studies.lookahead import Samples
from ml.optimisation.plans.ahead import FuturePlan, PlanAhead, Restored, SourceWander, plan_ahead
from ml.optimisation.plans.plan import OutcomeKind, Plan, Proposal, Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.plans.whole_time import (
    CLEARLY,
    FollowedPlan,
    Preference,
    WholeTime,
    for_whole_time,
    plan_to,
)
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at

HOURS, COURSES = 3, 8
STEADY = SourceWander(spread_pu=0.0, noise_pu=0.0)
HOUR_OF_PICK_UP = ColdLoadModel(
    by_class={},
    others=PickUp(factor=1.9, gain_minutes=1e-6, hold_minutes=60.0, decay_minutes=1e-6),
    spread=0.0,
)
OUT, LEVEL = 24, 1.0  # line 25 of the feeder


@pytest.fixture(scope="module")
def feeder() -> Network:
    return network_of("case33bw")


@pytest.fixture(scope="module")
def trip(feeder: Network) -> OperatingPoint:
    return operating_point_at(feeder, level=LEVEL, out=(OUT,))


@pytest.fixture(scope="module")
def optimizer(feeder: Network) -> SwitchingOptimizer:
    return SwitchingOptimizer(feeder, 1)


@pytest.fixture(scope="module")
def proposal(optimizer: SwitchingOptimizer, trip: OperatingPoint) -> Proposal:
    return optimizer.propose(trip, Requirements())


def courses(moment: OperatingPoint) -> Samples:
    """The present goes on."""
    own, shape = moment.injection, (COURSES, HOURS + 1, 1)
    return Samples(*(np.tile(one, shape) for one in (own.load_p_mw, own.load_q_mvar, own.generator_p_mw)))


def follower(moment: OperatingPoint, cold: ColdLoadModel) -> "Follow":
    return Follow(courses(moment), cold)


class Follow:
    def __init__(self, samples: Samples, cold: ColdLoadModel) -> None:
        self._samples, self._cold, self.asked = samples, cold, 0

    def __call__(self, plan: Plan) -> PlanAhead:
        self.asked += 1
        restored = Restored.by(plan, np.full(len(plan.network.load), 60.0), [2.0] * len(plan.actions))
        return plan_ahead(plan.network, FuturePlan.of(plan, restored), self._samples, 0.0, HOURS, self._cold, STEADY)


@pytest.fixture(scope="module")
def found(feeder: Network, trip: OperatingPoint, proposal: Proposal, optimizer: SwitchingOptimizer) -> WholeTime:
    assert proposal.plan is not None
    result = for_whole_time(Verifier(feeder), trip, proposal, optimizer.propose, follower(trip, HOUR_OF_PICK_UP))
    assert result is not None
    return result


def lowest_vm_pu(plan: Plan, moment: OperatingPoint, times: float) -> float:
    """By pandapower, with what comes back taking so many times its demand."""
    net, own = pandapower.networks.case33bw(), moment.injection
    back = plan.after.supplied_loads & ~plan.before.supplied_loads
    more = np.where(back, times, 1.0)
    net.line["in_service"] = plan.after.closed
    net.load["p_mw"], net.load["q_mvar"] = more * own.load_p_mw, more * own.load_q_mvar
    pandapower.runpp(net, tolerance_mva=1e-8)
    return float(np.nanmin(net.res_bus.vm_pu))


def test_a_plan_that_fails_later_gives_way_to_one_that_holds(
    feeder: Network, trip: OperatingPoint, found: WholeTime
) -> None:
    first, best = found.first, found.best
    least = float(feeder.bus.min_vm_pu.min())
    assert first.ahead.chance == 1.0
    assert lowest_vm_pu(first.plan, trip, 1.0) >= least - 1e-6  # it keeps all limits now,
    assert lowest_vm_pu(first.plan, trip, 1.9) < least  # and not with what picks up
    assert best is not first
    assert best.ahead.chance == 0.0
    assert lowest_vm_pu(best.plan, trip, 1.0) >= least - 1e-6
    assert lowest_vm_pu(best.plan, trip, 1.9) >= least - 1e-6
    assert 0 < best.restored_kw <= first.restored_kw


def test_what_is_restored_within_limits_is_counted(found: WholeTime) -> None:
    first, best = found.first, found.best
    back = best.plan.after.supplied_loads & ~best.plan.before.supplied_loads
    restored_kw = 1000 * best.plan.before.injection.load_p_mw[back].sum()
    assert best.kept_kw(restores=True) == pytest.approx(restored_kw)  # it never breaks a limit
    assert first.kept_kw(restores=True) == 0  # which breaks one at once
    assert all(one.kept_kw(restores=True) <= best.kept_kw(restores=True) for one in found.others)


def test_time_counts_until_a_limit_breaks(found: WholeTime) -> None:
    ahead = found.first.ahead
    minutes = np.array([0.0, 60.0, 120.0, 180.0])
    assert replace(ahead, minutes=minutes, broken_by=np.zeros(4)).kept() == 1
    assert replace(ahead, minutes=minutes, broken_by=np.array([0, 0, 1.0, 1.0])).kept() == pytest.approx(0.5)
    assert replace(ahead, minutes=minutes[:1], broken_by=np.array([0.25])).kept() == 0.75


def test_nothing_else_is_followed_while_the_plan_holds(
    feeder: Network, trip: OperatingPoint, proposal: Proposal, optimizer: SwitchingOptimizer
) -> None:
    follow = follower(trip, ColdLoadModel(scale=0.0))
    assert proposal.plan is not None
    result = for_whole_time(Verifier(feeder), trip, proposal, optimizer.propose, follow)
    assert result is not None
    assert result.best is result.first
    assert follow.asked == 1
    assert Preference.of(result) is None


def test_a_plan_that_cannot_be_followed_says_nothing(
    feeder: Network, trip: OperatingPoint, proposal: Proposal, optimizer: SwitchingOptimizer
) -> None:
    assert proposal.plan is not None
    assert for_whole_time(Verifier(feeder), trip, proposal, optimizer.propose, lambda _: None) is None


def test_a_plan_that_restores_nothing_takes_no_restorations_place(found: WholeTime) -> None:
    idle = replace(found.best.plan, after=replace(found.best.plan.before))
    nothing = FollowedPlan(plan=idle, ahead=found.best.ahead)
    assert nothing.restored_kw == 0
    assert WholeTime(first=found.first, others=(nothing,)).best is found.first


def test_another_plan_must_be_clearly_better(found: WholeTime) -> None:
    best = found.best
    share = np.full(len(best.ahead.minutes), 0.5 * CLEARLY)
    first = replace(best, ahead=replace(best.ahead, broken_by=share))
    assert WholeTime(first=first, others=(best,)).best is first
    worse = replace(best, ahead=replace(best.ahead, broken_by=4 * share))
    assert WholeTime(first=worse, others=(best,)).best is best


def test_the_plan_that_people_see_stays_until_another_is_clearly_better(
    feeder: Network, trip: OperatingPoint, proposal: Proposal, optimizer: SwitchingOptimizer, found: WholeTime
) -> None:
    best, steps = found.best, len(found.best.ahead.minutes)

    def broken(share: float) -> FollowedPlan:
        return replace(best, ahead=replace(best.ahead, broken_by=np.full(steps, share)))

    shown, nearly, clearly = broken(0.03), broken(0.03 - 0.5 * CLEARLY), broken(0.0)
    assert WholeTime(first=broken(0.031), shown=shown).best is shown
    first = broken(0.029)
    assert WholeTime(first=first, shown=shown).best is first
    assert WholeTime(first=broken(0.9), others=(nearly,), shown=shown).best is shown
    assert WholeTime(first=broken(0.9), others=(clearly,), shown=shown).best is clearly
    assert proposal.plan is not None
    follow, seen = follower(trip, ColdLoadModel(scale=0.0)), replace(proposal, plan=best.plan, instead_of=proposal.plan)
    again = for_whole_time(Verifier(feeder), trip, seen, optimizer.propose, follow)
    assert again is not None
    assert again.shown is not None
    assert again.shown.binding is proposal.outcome.binding
    assert follow.asked == 2
    assert again.best is again.first or again.shown.restored_kw > again.first.restored_kw


def test_the_better_plan_is_offered_in_the_same_state_alone(
    feeder: Network, trip: OperatingPoint, proposal: Proposal, found: WholeTime
) -> None:
    preference, verifier = Preference.of(found), Verifier(feeder)
    assert preference is not None
    offered = preference.applied(verifier, trip, proposal)
    assert offered.plan is not None
    assert offered.plan.code == found.best.plan.code
    assert offered.instead_of is proposal.plan
    outcome = offered.outcome
    assert outcome.restored_kw == pytest.approx(found.best.restored_kw)
    assert outcome.unsupplied_kw == pytest.approx(offered.plan.after.unsupplied_kw)
    whole = outcome.unsupplied_kw <= proposal.outcome.unsupplied_kw + 0.01
    assert outcome.kind is (proposal.outcome.kind if whole else OutcomeKind.PART_RESTORED)
    for changed in (
        replace(preference, first=preference.closed),
        replace(preference, before=~preference.before),
        replace(preference, requirements=Requirements(risk_weight=9.0)),
    ):
        assert changed.applied(verifier, trip, proposal) is proposal
    barred = replace(trip, available=trip.available & ~(found.best.plan.after.closed & ~trip.closed))
    assert preference.applied(verifier, barred, proposal) is proposal


def test_a_way_to_other_switch_states_is_verified(feeder: Network, trip: OperatingPoint, found: WholeTime) -> None:
    verifier, closed, wanted = Verifier(feeder), found.best.plan.after.closed, Requirements()
    plan = plan_to(verifier, trip, wanted, closed)
    assert plan is not None
    state = trip.closed.copy()
    for action in plan.actions:
        state[action.branch] = action.close
    np.testing.assert_array_equal(state, closed)
    assert plan_to(verifier, trip, wanted, trip.closed) is None  # no better than the present
    tie = int(np.flatnonzero(closed & ~trip.closed)[0])
    assert plan_to(verifier, trip, replace(wanted, locked=frozenset({tie})), closed) is None
    assert plan_to(verifier, trip, replace(wanted, min_vm_pu=0.99), closed) is None
