"""The operating point that the optimiser is told of, from a snapshot."""

from dataclasses import replace

import numpy as np

from app.engine.board import Snapshot
from grid.telemetry import EventKind
from ml.optimisation.optimizer import problem_with, problem_with_plan
from ml.optimisation.plans.plan import Plan, PlanProblem, PlanProblemKind, Requirements
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
    return OperatingPoint(
        injection=snapshot.solved.injection,
        closed=snapshot.solved.state.closed & available,
        available=available,
        failure_probability=snapshot.assessed.risk.failure_probability,
        loss_hours_per_year=snapshot.assessed.loss_hours_per_year,
        price_per_mwh=price_per_mwh,
    )


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
        return PlanProblem(kind=PlanProblemKind.OTHER_NETWORK)
    present = operating_point_of(snapshot, price_per_mwh)
    if not (wanted.worst_hour and plan.actions):
        return problem_with_plan(network, present, plan, count)
    then = problem_with_plan(network, operating_point_for(snapshot, price_per_mwh, wanted), plan, count)
    return then or problem_with(Verifier(network), present, wanted, plan.actions[:count])
