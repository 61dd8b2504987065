"""The operating point that the optimiser is told of, from a snapshot."""

from dataclasses import dataclass, replace

import numpy as np

from app.engine.board import Snapshot
from app.engine.commands import OperationRefusal, OperationRefusalKind
from grid.telemetry import EventKind
from ml.optimisation.optimizer import problem_with, problem_with_plan
from ml.optimisation.plans.by_hand import Effect, Operation, effect_of
from ml.optimisation.plans.plan import Plan, PlanProblem, PlanProblemKind, Requirements
from ml.optimisation.plans.tags import TaggedKind, Tags, locked, tag_against
from ml.optimisation.plans.verification import OperatingPoint, Verifier


def operating_point_of(snapshot: Snapshot, price_per_mwh: float) -> OperatingPoint:
    """Switch states, loads and failure probabilities of a snapshot.

    Branches with an outage can't be closed, nor can those that isolate a located fault: they count as open, which
    whoever carries out a plan sees to first.
    """
    available = snapshot.case.network.branch.in_service.copy()
    out = [event.target for event in snapshot.control.events if event.kind is EventKind.LINE_OUTAGE]
    out += isolating_of(snapshot)
    available[np.array(out, dtype=np.int64)] = False
    priorities = snapshot.case.priorities
    return OperatingPoint(
        injection=snapshot.solved.injection,
        closed=snapshot.solved.state.closed & available,
        available=available,
        failure_probability=snapshot.assessed.risk.failure_probability,
        loss_hours_per_year=snapshot.assessed.loss_hours_per_year,
        price_per_mwh=price_per_mwh,
        priority=priorities.of_load if priorities.differ else None,
    )


def actual_point_of(snapshot: Snapshot, price_per_mwh: float) -> OperatingPoint:
    """As operating_point_of, with switch states as they are: nobody sees to a fault first for what is done by hand."""
    found = operating_point_of(snapshot, price_per_mwh)
    return replace(found, closed=snapshot.solved.state.closed.copy())


@dataclass(frozen=True, eq=False, kw_only=True)
class Preview:
    """What an operation by hand would do to a snapshot's state, and why it can't be done, if so."""

    snapshot: Snapshot
    effect: Effect
    refusal: OperationRefusal | None


def preview_of(snapshot: Snapshot, price_per_mwh: float, operation: Operation) -> Preview:
    """What an operation by hand would do; what a located fault may be in must not be energised."""
    network, control, kind = snapshot.case.network, snapshot.control, OperationRefusalKind
    faulty = np.zeros(network.n_bus, dtype=bool)
    for fault in snapshot.assessed.faults:
        if fault.sections:
            faulty[list(fault.sections[0].buses)] = True
    effect = effect_of(Verifier(network), actual_point_of(snapshot, price_per_mwh), operation, faulty)
    refusal, tag = None, tag_against(operation, network, control.tags)
    if not control.offers.orders:
        source = snapshot.measured.source
        refusal = OperationRefusal(kind=kind.ADVICE_ONLY, network=network, operation=operation, source=source)
    elif tag is not None:
        refusal = OperationRefusal(kind=kind.TAGGED, network=network, operation=operation, tag=tag)
    elif effect.problem is not None:
        refusal = OperationRefusal(kind=kind.PROBLEM, network=network, operation=operation, problem=effect.problem)
    return Preview(snapshot=snapshot, effect=effect, refusal=refusal)


def isolating_of(snapshot: Snapshot) -> list[int]:
    """Branches that must be open until faults are repaired, after the most probable section of each."""
    return sorted({branch for fault in snapshot.assessed.faults for branch in fault.isolating})


def operating_point_for(snapshot: Snapshot, price_per_mwh: float, wanted: Requirements) -> OperatingPoint:
    """The operating point that plans are made for: now, or the worst of the coming hours as soon as that is known."""
    operating_point, worst = operating_point_of(snapshot, price_per_mwh), snapshot.assessed.worst_hour
    if worst is None or not wanted.worst_hour:
        return operating_point
    now_mw, then_mw = (float(each.load_p_mw.sum()) for each in (operating_point.injection, worst.injection))
    hours = operating_point.loss_hours_per_year * (now_mw / then_mw) ** 2 if then_mw > 0 else 0.0
    return replace(operating_point, injection=worst.injection, loss_hours_per_year=hours)


def problem_now(snapshot: Snapshot, price_per_mwh: float, plan: Plan, count: int | None) -> PlanProblem | None:
    """Why a plan's first actions, by default all, can't be carried out now; None where they can.

    A plan for the worst of the coming hours must still help then, and keep the limits now.
    """
    network, wanted = snapshot.case.network, plan.requirements
    if plan.network is not network:
        same = plan.network.is_same_grid(network)
        return PlanProblem(kind=PlanProblemKind.CHANGED_SINCE if same else PlanProblemKind.OTHER_NETWORK)
    tagged = _tagged(plan, snapshot.control.tags, count)
    if tagged is not None:
        return tagged
    present = operating_point_of(snapshot, price_per_mwh)
    if not (wanted.worst_hour and plan.actions):
        return problem_with_plan(network, present, plan, count)
    then = problem_with_plan(network, operating_point_for(snapshot, price_per_mwh, wanted), plan, count)
    return then or problem_with(Verifier(network), present, wanted, plan.actions[:count], restoring=plan.restores)


def _tagged(plan: Plan, tags: Tags, count: int | None) -> PlanProblem | None:
    """A tag that forbids one of a plan's first actions, or one of its set-points: it has come after the plan."""
    branches, generators = locked(tags, TaggedKind.BRANCH), locked(tags, TaggedKind.GENERATOR)
    for action in plan.actions[:count]:
        if action.branch in branches:
            return PlanProblem(kind=PlanProblemKind.TAGGED, branch=action.branch, close=action.close)
    for point in plan.set_points:
        if point.generator in generators:
            return PlanProblem(kind=PlanProblemKind.TAGGED, generator=point.generator)
    return None
