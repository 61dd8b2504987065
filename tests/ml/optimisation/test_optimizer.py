"""The optimiser's promises: the known optimum, limits and conflicts, few actions, risk, stale plans, kept policies."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from grid.capabilities import ANY_SWITCHING
from grid.flow.powerflow import PowerFlow, PowerFlowDivergedError
from grid.network import Network
from ml.optimisation.optimizer import SmartGridOptimizer, UnsuitableGridError, problem_with
from ml.optimisation.plans.limits import Merit
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    NoPlan,
    NoPlanKind,
    Plan,
    PlanProblem,
    PlanProblemKind,
    Proposal,
    Requirements,
)
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.progress import Hyperparameters
from ml.optimisation.training import LearningOptimizer
from tests.ml.operating_points import HOURS, PRICE, network_of, operating_point_at

OPTIMUM_KW = 139.5513
OPEN_AT_OPTIMUM = [7, 9, 14, 32, 37]  # numbered from 1, as published
ANY_VOLTAGE = Requirements(min_vm_pu=0.5, max_vm_pu=1.5)


@cache
def untrained(spec: str = "case33bw") -> LearningOptimizer:
    network = network_of(spec)
    return LearningOptimizer(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=2))


def uneven(network: Network, level: float = 1.0) -> OperatingPoint:
    """Failure probabilities that differ, so that risk asks for something else than losses."""
    operating_point = operating_point_at(network, level=level)
    return replace(
        operating_point, failure_probability=0.01 * np.random.default_rng(9).lognormal(0, 1.2, network.n_branch)
    )


def opened(plan: Plan) -> list[int]:
    return (1 + np.flatnonzero(~plan.after.closed)).tolist()


def plan_of(proposal: Proposal) -> Plan:
    assert proposal.plan is not None, proposal.reason
    assert proposal.conflict is None
    return proposal.plan


def test_the_published_optimum_is_found_without_training() -> None:
    network = network_of()
    proposal = untrained().propose(operating_point_at(network), Requirements())
    plan = plan_of(proposal)
    assert opened(plan) == OPEN_AT_OPTIMUM
    assert plan.after.loss_kw == pytest.approx(OPTIMUM_KW, abs=1e-3)
    assert (plan.pairs, len(plan.actions)) == (4, 8)
    assert plan.saved_kw == pytest.approx(202.677 - OPTIMUM_KW, abs=1e-3)
    assert plan.saved_mwh_per_year == pytest.approx(plan.saved_kw * HOURS / 1000)
    assert plan.saved_money_per_year == pytest.approx(plan.saved_mwh_per_year * PRICE)
    assert {"Present state", "Policy", "Sequential opening", "Branch exchange"} <= {
        method.name for method in proposal.methods
    }
    assert min(method.loss_kw for method in proposal.methods) >= OPTIMUM_KW - 1e-3


def test_at_the_optimum_nothing_is_proposed() -> None:
    network = network_of()
    closed = np.ones(network.n_branch, dtype=bool)
    closed[np.array(OPEN_AT_OPTIMUM) - 1] = False
    proposal = untrained().propose(operating_point_at(network, closed), Requirements())
    assert (proposal.plan, proposal.limited, proposal.conflict) == (None, (), None)
    assert proposal.reason == NoPlan(kind=NoPlanKind.BEST_FOUND)


def test_plans_of_few_actions_keep_to_them_and_gain_less() -> None:
    network = network_of()
    operating_point, optimizer = operating_point_at(network), untrained()
    free = optimizer.propose(operating_point, Requirements())
    losses = [plan.after.loss_kw for plan in free.limited]
    assert [plan.pairs for plan in free.limited] == [1, 2, 3]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] > plan_of(free).after.loss_kw
    for pairs, loss in enumerate(losses, start=1):
        plan = plan_of(optimizer.propose(operating_point, Requirements(most_pairs=pairs)))
        assert plan.pairs <= pairs
        assert plan.after.loss_kw == pytest.approx(loss, rel=2e-3)
    best = min(
        loss
        for tie in np.flatnonzero(~operating_point.closed)
        for loss in exchanged_kw(network, operating_point, int(tie))
        if loss
    )
    assert losses[0] == pytest.approx(best, abs=1e-3)


def test_the_plan_that_people_see_stays_until_another_is_clearly_better() -> None:
    network = network_of()
    operating_point, optimizer = operating_point_at(network), untrained()
    free = optimizer.propose(operating_point, Requirements())
    best = plan_of(free)
    again = [plan_of(optimizer.propose(operating_point, Requirements(), shown)) for shown in free.limited]
    stays = [1.05 * shown.saved_kw >= best.saved_kw for shown in free.limited]
    assert stays == [False, False, True]  # three pairs save nearly as much as four
    assert [plan.code == shown.code for plan, shown in zip(again, free.limited, strict=True)] == stays
    assert {plan.code for plan, stay in zip(again, stays, strict=True) if not stay} == {best.code}
    lighter = plan_of(optimizer.propose(operating_point_at(network, level=0.5), Requirements(), free.limited[2]))
    assert lighter.code == free.limited[2].code
    assert lighter.saved_kw < free.limited[2].saved_kw  # of this operating point, not of the one that it was made for


def test_a_plan_seen_that_is_no_longer_possible_or_allowed_gives_way() -> None:
    network = network_of()
    operating_point, optimizer = operating_point_at(network), untrained()
    best = plan_of(optimizer.propose(operating_point, Requirements()))
    fewer = plan_of(optimizer.propose(operating_point, Requirements(most_pairs=2), best))
    assert fewer.pairs <= 2
    closing = next(action.branch for action in best.actions if action.close)
    locked = plan_of(optimizer.propose(operating_point, Requirements(locked=frozenset({closing})), best))
    assert not locked.after.closed[closing]


def exchanged_kw(network: Network, operating_point: OperatingPoint, tie: int) -> list[float]:
    """Losses of every state that closing a tie and opening another branch leaves supplied."""
    newton, found = PowerFlow(network), []
    for branch in np.flatnonzero(operating_point.closed):
        closed = operating_point.closed.copy()
        closed[[tie, branch]] = True, False
        try:
            state = newton.solve(operating_point.injection, closed)
        except PowerFlowDivergedError:
            continue
        if state.energised.all():
            found.append(1000 * state.total_loss_mw)
    return found


def test_locked_switches_stay_as_they_are() -> None:
    network, optimizer = network_of(), untrained()
    for locked in ({6, 32}, {8, 13, 34}, set(range(20))):
        plan = plan_of(optimizer.propose(operating_point_at(network), Requirements(locked=frozenset(locked))))
        assert not locked & {action.branch for action in plan.actions}
        assert plan.after.loss_kw > OPTIMUM_KW
    everything = frozenset(range(network.n_branch))
    proposal = optimizer.propose(operating_point_at(network), Requirements(locked=everything))
    assert proposal.plan is None
    assert proposal.reason


def test_supply_is_restored_after_every_outage_that_leaves_a_way() -> None:
    network, restored = network_of(), 0
    for out in (5, 9, 13, 19, 22, 27, 30):
        operating_point = operating_point_at(network, level=0.6, out=(out,))
        proposal = untrained().propose(operating_point, Requirements())
        assert proposal.present.unsupplied_kw > 0
        plan = plan_of(proposal)
        assert plan.after.unsupplied_kw == 0
        assert out not in {action.branch for action in plan.actions}
        restored += 1
    assert restored == 7


def test_a_limit_that_nothing_keeps_is_named() -> None:
    network, optimizer = network_of(), untrained()
    proposal = optimizer.propose(operating_point_at(network), Requirements(min_vm_pu=0.999))
    assert (proposal.plan, proposal.conflict) == (None, Constraint.LOW_VOLTAGE)
    assert proposal.reason is not None
    assert proposal.reason.kind is NoPlanKind.NEAREST_CONFIGURATION
    assert proposal.reason.margin is not None
    assert proposal.reason.margin.value < proposal.reason.margin.limit == 0.999
    proposal = optimizer.propose(operating_point_at(network), Requirements(max_vm_pu=0.99))
    assert (proposal.plan, proposal.conflict) == (None, Constraint.HIGH_VOLTAGE)


def test_a_loading_that_nothing_keeps_is_named() -> None:
    proposal = untrained("city8").propose(operating_point_at(network_of("city8")), Requirements(max_loading_percent=40))
    assert (proposal.plan, proposal.conflict) == (None, Constraint.LOADING)


def test_a_limit_that_the_present_breaks_is_reached_where_it_can_be() -> None:
    network = network_of()
    wanted = Requirements(min_vm_pu=0.935)  # the present has 0.913, the optimum 0.938
    plan = plan_of(untrained().propose(operating_point_at(network), wanted))
    assert plan.before.violation.keys() == {Constraint.LOW_VOLTAGE}
    assert PowerFlow(network).solve(operating_point_at(network).injection, plan.after.closed).vm_pu.min() >= 0.935


def test_locks_that_cut_off_loads_are_a_conflict() -> None:
    network = network_of()
    operating_point = operating_point_at(network, level=0.6, out=(9,))
    proposal = untrained().propose(operating_point, Requirements(locked=frozenset(range(32, 37))))
    assert (proposal.plan, proposal.conflict) == (None, Constraint.LOCKED)
    assert proposal.reason is not None
    assert proposal.reason.kind is NoPlanKind.CUT_OFF
    assert proposal.reason.buses > 0


def test_an_outage_at_the_head_leaves_no_choice() -> None:
    network = network_of()
    proposal = untrained().propose(operating_point_at(network, out=(0,)), Requirements())
    assert proposal.plan is None
    assert proposal.reason


def test_n_minus_1_is_kept_or_named() -> None:
    network, optimizer = network_of(), untrained()
    wanted = Requirements(n_minus_1=True)
    proposal = optimizer.propose(operating_point_at(network), wanted)
    assert (proposal.plan, proposal.conflict) == (None, Constraint.N_MINUS_1)
    light = operating_point_at(network, level=0.3)
    plan = plan_of(optimizer.propose(light, wanted))
    newton, closed = PowerFlow(network), plan.after.closed
    for branch in np.flatnonzero(closed)[1:]:  # the first line is the only one that leaves the source
        lowest = []
        for tie in np.flatnonzero(~closed):
            after = closed.copy()
            after[[tie, branch]] = True, False
            state = newton.solve(light.injection, after)
            lowest.append(state.vm_pu.min() if state.energised.all() else 0.0)
        assert max(lowest) >= 0.9


def test_more_risk_weight_never_costs_less_losses_or_more_risk() -> None:
    network, found = network_of(), []
    operating_point = uneven(network)
    for weight in (0.0, 0.05, 0.2, 1.0, 5.0, 50.0):
        proposal = untrained().propose(operating_point, replace(ANY_VOLTAGE, risk_weight=weight))
        state = proposal.present if proposal.plan is None else proposal.plan.after
        found.append((state.loss_kw, state.expected_interrupted_kw))
    losses, interrupted = np.array(found).T
    assert (np.diff(losses) >= -1e-3 * losses[0]).all()
    assert (np.diff(interrupted) <= 1e-3 * interrupted[0]).all()
    assert losses[-1] > 1.05 * losses[0]
    assert interrupted[-1] < 0.95 * interrupted[0]


def test_no_point_of_the_front_is_worse_in_both() -> None:
    points = untrained().pareto(uneven(network_of()), ANY_VOLTAGE)
    assert len(points) >= 3
    losses = [point.loss_kw for point in points]
    risks = [point.expected_interrupted_kw for point in points]
    assert losses == sorted(losses)
    assert risks == sorted(risks, reverse=True)
    assert len(set(zip(losses, risks, strict=True))) == len(points)


def action(branch: int, close: bool) -> Action:
    return Action(branch, close, 0.0, 0.0, 0.0)


def test_plans_that_no_longer_hold_are_refused_with_a_reason() -> None:
    network = network_of("city8")
    verifier, wanted, kind = Verifier(network), Requirements(), PlanProblemKind
    plan = plan_of(untrained("city8").propose(operating_point_at(network), wanted))

    def problem(
        operating_point: OperatingPoint, actions: tuple[Action, ...] = plan.actions, must_improve: bool = True
    ) -> PlanProblem | None:
        return problem_with(verifier, operating_point, wanted, actions, must_improve=must_improve)

    first, last = plan.actions[0].branch, plan.actions[-1].branch
    now = operating_point_at(network)
    assert problem(now) is None
    assert problem(operating_point_at(network, plan.after.closed)) == PlanProblem(
        kind=kind.SWITCHED_ALREADY, branch=first, close=True
    )
    assert problem(operating_point_at(network, out=(first,))) == PlanProblem(
        kind=kind.OUT_OF_SERVICE, branch=first, close=True
    )
    assert problem(operating_point_at(network, out=(last,))) == PlanProblem(kind=kind.SWITCHED_ALREADY, branch=last)
    assert problem(now, (action(last, False),)) == PlanProblem(kind=kind.INTERRUPTION, branch=last)
    assert problem(operating_point_at(network, level=6.0)) == PlanProblem(kind=kind.NO_PRESENT_SOLUTION)
    back = tuple(action(done.branch, not done.close) for done in reversed(plan.actions))
    there = operating_point_at(network, plan.after.closed)
    assert problem(there, back) == PlanProblem(kind=kind.NO_IMPROVEMENT)
    assert problem(there, back, must_improve=False) is None


def test_a_radial_grid_too_large_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.optimisation.optimizer.ANY_SWITCHING", replace(ANY_SWITCHING, most=32))
    with pytest.raises(UnsuitableGridError) as refused:
        SmartGridOptimizer(network_of("case33bw"))
    assert refused.value.reason == NoPlan(kind=NoPlanKind.TOO_LARGE_TO_SWITCH, buses=33, most=32)


def trained(network: Network, steps: int = 3, seed: int = 1) -> LearningOptimizer:
    return LearningOptimizer(network, np.full(network.n_branch, 0.01), Hyperparameters(steps=steps, seed=seed))


def test_a_kept_policy_is_taken_up_again_and_only_where_it_fits(tmp_path: Path) -> None:
    network = network_of("city8")
    first = trained(network)
    assert not first.resume(tmp_path)
    for _ in range(3):
        first.train_episode()
    first.take_over()
    first.save(tmp_path)
    second = trained(network)
    assert second.resume(tmp_path)
    assert (second.episodes, list(second.curve)) == (3, list(first.curve))
    operating_point = operating_point_at(network)
    one, other = (item.propose(operating_point, Requirements()) for item in (first, second))
    assert one.policy == other.policy
    assert Merit.of(plan_of(one).after) == Merit.of(plan_of(other).after)
    assert not trained(network, steps=4).resume(tmp_path)
    assert not trained(network, seed=2).resume(tmp_path)
    assert not trained(network_of("cigre_mv")).resume(tmp_path)


@pytest.mark.parametrize("name", ["weights.pt", "metadata.json"])
@pytest.mark.parametrize("content", [b"", b"not a policy", b"{}", b"\x80\x02garbage", None])
def test_a_damaged_policy_file_counts_as_none(tmp_path: Path, name: str, content: bytes | None) -> None:
    optimizer = trained(network_of("city8"))
    optimizer.train_episode()
    optimizer.save(tmp_path)
    file = optimizer.folder(tmp_path) / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if content is None else content)
    fresh = trained(network_of("city8"))
    assert not fresh.resume(tmp_path)
    assert fresh.episodes == 0
    fresh.train_episode()
    assert plan_of(fresh.propose(operating_point_at(network_of("city8")), Requirements())).saved_kw > 0


@pytest.mark.parametrize("spec", ["case33bw", "case14"])
def test_others_may_go_first_many_times_in_an_answer_which_stays_the_same(spec: str) -> None:
    network, pauses = network_of(spec), []
    operating_point = operating_point_at(network, level=0.9)
    alone = SmartGridOptimizer(network).propose(operating_point, Requirements())
    beside = SmartGridOptimizer(network, between=lambda: pauses.append(1)).propose(operating_point, Requirements())
    assert len(pauses) >= 10
    assert plan_of(beside).code == plan_of(alone).code
    assert beside.present.loss_kw == alone.present.loss_kw
