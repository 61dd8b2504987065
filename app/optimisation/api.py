"""The optimiser's endpoints: a plan for the present operating point, and carrying it out."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request

from app.engine.board import Board, Snapshot
from app.engine.commands import UnknownIdError, checked_requirements
from app.engine.jobs import JobKind, JobTicket
from app.optimisation import payloads as planpayloads
from app.optimisation.explainer import ProposalBase
from app.optimisation.view import explicable
from app.optimisation.worker import PlanWorker
from app.web import plain as payloads
from app.web.bodies import ApplyBody, BadRequestError, OptimizeBody, answer, read_body
from app.web.jobs import answer_or_job
from app.web.query import position
from app.web.services import Services
from components.optimisation.words import no_plan_words, unsuitable_words
from ml.optimisation.optimizer import UnsuitableGridError
from ml.optimisation.plans.plan import Plan, Proposal, Requirements

EMERGENCY = ("emergency_loading_percent", "emergency_min_vm_pu", "emergency_max_vm_pu")
FIELDS = (
    "risk_weight",
    "min_vm_pu",
    "max_vm_pu",
    "max_loading_percent",
    "most_pairs",
    "n_minus_1",
    "worst_hour",
    *EMERGENCY,
    "emergency_minutes",
)
# where null asks for the case's own limits, any number, or the normal limits
MAY_BE_NULL = {"min_vm_pu", "max_vm_pu", "most_pairs", *EMERGENCY}


def register_plans(api: Blueprint, services: Services) -> None:
    """POST /api/grid/optimize, GET /api/grid/plan/ahead and /normal, and POST /api/grid/apply."""

    @api.post("/api/grid/optimize")
    def optimize() -> Response:
        body, board, planner = read_body(request, OptimizeBody), services.boards.latest, services.planner
        try:
            wanted = checked_requirements(board.network, _requirements(body, planner.requirements_on(board)))
        except ValueError as failure:
            message = str(failure)
            raise BadRequestError(message, message.partition(":")[0], status=422) from None
        try:
            found = planner.propose(board, wanted)
            if body.keep:
                planner.amend(board, lambda present: _requirements(body, present))
        except UnsuitableGridError as failure:
            return answer(_episode(planner, board, None, unsuitable_words(board.network, failure.reason)))
        except ValueError as failure:  # a state without a source or a solution
            return answer(_episode(planner, board, None, str(failure)))
        return answer(_episode(planner, board, found, no_plan_words(board.network, found.reason)))

    @api.get("/api/grid/plan/ahead")
    def ahead() -> Response:
        return answer(planpayloads.ahead(services.ahead_worker.report_on(services.boards.latest)))

    @api.get("/api/grid/plan/normal")
    def normal() -> Response:
        board = services.boards.latest
        back = None if board.snapshot.solved.stale else services.planner.report_on(board).back
        return answer(planpayloads.way_back(back, board.snapshot.case))

    @api.post("/api/grid/apply")
    def apply() -> Response:
        body, board = read_body(request, ApplyBody), services.boards.latest
        if body.undo:
            services.engine.undo(body.count)
            return answer({"success": True, "actions": [], "undo": True}, HTTPStatus.ACCEPTED)
        plan = _chosen(services.planner, board, body.code)
        services.engine.apply(plan, body.count)
        actions = [planpayloads.action(item, plan.network) for item in plan.actions[: body.count]]
        return answer({"success": True, "actions": actions, "undo": False}, HTTPStatus.ACCEPTED)


def register_explanations(api: Blueprint, services: Services) -> None:
    """GET of why the plan is what it is, why it doesn't use a branch, and what carried out plans promised."""

    @api.get("/api/grid/plan/explanation")
    def explanation() -> Response:
        board, explainer = services.boards.latest, services.planner.explainer
        base = _explicable(services.planner, board)
        plan, made_at = _meant(base.proposal.plan, None), services.planner.report_on(board).simulated_at

        def work(ticket: JobTicket) -> planpayloads.JSON:
            shares = explainer.shares(base, plan)
            ticket.step()
            return planpayloads.explanation(
                shares, explainer.prices(base, ticket.step), plan.code, base.network, made_at
            )

        return answer_or_job(services.jobs, JobKind.EXPLANATION, work)

    @api.get("/api/grid/plan/why-not/<branch_id>")
    def why_not(branch_id: str) -> Response:
        board, explainer = services.boards.latest, services.planner.explainer
        branch = _branch(branch_id, board)
        base, made_at = _explicable(services.planner, board), services.planner.report_on(board).simulated_at
        return answer_or_job(
            services.jobs,
            JobKind.EXPLANATION,
            lambda _: planpayloads.why_not(explainer.why_not(base, branch), board.snapshot.case, made_at),
        )

    @api.get("/api/grid/plan/applied")
    def applied() -> Response:
        snapshot = services.boards.latest.snapshot
        plans = planpayloads.applied(snapshot.control.operations.followed, snapshot.case.network)
        return answer({"success": True, "plans": plans, "timestamp": payloads.stamp(snapshot.created_at)})


def _explicable(planner: PlanWorker, board: Board) -> ProposalBase:
    """The proposal on a board. BadRequestError where there is none that could be explained."""
    base, words = explicable(planner.report_on(board), board.snapshot)
    if base is None:
        raise BadRequestError(words, status=HTTPStatus.CONFLICT)
    return base


def _branch(branch_id: str, board: Board) -> int:
    """The branch of an id. UnknownIdError where there is none."""
    branch = position(branch_id)
    if branch is None or branch >= board.network.n_branch:
        raise UnknownIdError(f"no branch {branch_id[:18]}; they are numbered 0 to {board.network.n_branch - 1}")
    return branch


def _chosen(planner: PlanWorker, board: Board, code: str | None) -> Plan:
    """The plan, or the way back to normal where that is named. BadRequestError where none is meant that there is."""
    named = (plan for plan in planner.plans_on(board) if code is not None and plan.code == code)
    return next(named, None) or _meant(planner.plan_on(board), code)


def _meant(plan: Plan | None, code: str | None) -> Plan:
    """The plan, where it is the one of the code that is named. BadRequestError for another one, and for none."""
    if plan is None:
        words = "there is no plan: the present state is the best one found, or nothing can be chosen"
        raise BadRequestError(words, status=HTTPStatus.CONFLICT)
    if code is not None and code != plan.code:
        words = f"another plan is meant: the plan is {plan.code} by now, not {code}"
        raise BadRequestError(words, status=HTTPStatus.CONFLICT)
    return plan


def _requirements(body: OptimizeBody, present: Requirements) -> Requirements:
    """The requirements of all plans with a request's changes."""
    given = {name: getattr(body, name) for name in FIELDS if name in body.model_fields_set}
    asked = {name: value for name, value in given.items() if value is not None or name in MAY_BE_NULL}
    values = {name: getattr(present, name) for name in FIELDS} | asked
    locked = present.locked if body.locked is None else frozenset(body.locked)
    return Requirements(locked=locked, **values)


def _episode(planner: PlanWorker, board: Board, found: Proposal | None, reason: str) -> dict[str, Any]:
    """The supply paths and totals of the present, and what the optimiser proposes."""
    snapshot, history = board.snapshot, board.history
    present = payloads.paths(snapshot)
    nothing: dict[str, Any] = {
        "plan": None,
        "limited": [],
        "present": None,
        "conflict": None,
        "conflict_detail": None,
        "methods": [],
        "policy": None,
        "outcome": None,
        "unbounded": [],
        "requirements": None,
        "within_normal": None,
        "time_ms": None,
    }
    return {
        "success": True,
        "episode_result": {
            "paths": present["paths"],
            "loss_percent": present["loss_percent"],
            "total_demand": present["total_demand"],
            "avg_risk": present["avg_risk"],
            "reward": payloads.reward(history),
        },
        **(nothing if found is None else planpayloads.proposal(found, snapshot.case)),
        "made_for": None if found is None else _made_for(snapshot, found),
        "reason": reason,
        **planpayloads.training(planner.report_on(board).training),
        "timestamp": payloads.stamp(snapshot.created_at),
    }


def _made_for(snapshot: Snapshot, found: Proposal) -> str | None:
    """The worst of the coming hours, where the proposal is for that; None where it is for now."""
    worst = snapshot.assessed.worst_hour
    return payloads.stamp(worst.time) if found.requirements.worst_hour and worst is not None else None
