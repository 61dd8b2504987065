"""The optimisation page's part of a tick: what has changed of the answer, the requirements and the figures.

Each part has a key; a browser says which keys it shows, and gets only the parts whose keys are others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from app.engine.board import Board, Snapshot
from app.map.network_view import NetworkView
from app.map.page import PagePart, PageRequest
from app.map.tick import JSON
from app.optimisation.ahead_worker import AheadReport
from app.optimisation.form import form_of, weight_words
from app.optimisation.view import (
    ahead_words,
    back_words,
    beyond_plans,
    comparison_of,
    course_of,
    headline_of,
    limited_of,
    methods_of,
    offered,
    plan_timeline,
    planned_steps_of,
    promise_of,
    proposal_for,
    rooms_of,
    set_points_of,
    status_of,
    steps_of,
    timeline_words,
)
from app.optimisation.view_marks import locks, marks, path_marks, proposed_map, tag_marks
from app.optimisation.worker import PlanReport, PlanWorker
from app.web.browser_view import View
from app.web.ids import unlock_id
from components.common.ceiling import beyond_notes
from components.optimisation.explanation import promise_table
from components.optimisation.figures import (
    EntropyPoint,
    Front,
    FrontPoint,
    GapPoint,
    Learning,
    SupplyCourse,
    course_traces,
    front_traces,
    learning_traces,
    method_traces,
)
from components.optimisation.form import locked_list
from components.optimisation.plan import ADVICE_ONLY, TONES, StepState, Tone, headline, saving_words, step_table
from components.optimisation.tables import (
    STALE,
    MethodRow,
    comparison_table,
    limited_table,
    methods_table,
    not_judged,
    room_table,
    set_point_table,
)
from grid.capabilities import SWITCHING
from grid.network import Network
from ml.optimisation.optimizer import ParetoPoint
from ml.optimisation.plans.plan import Plan, Requirements
from ml.optimisation.plans.status import PlanStatusKind
from ml.optimisation.plans.tags import Tags, keeping


def optimisation_tick(request: PageRequest) -> PagePart:
    """The page's part for a browser: what has changed of the plan, and what its present map marks."""
    planner, board, shown, view = request.services.planner, request.board, request.shown, request.view
    return PagePart(
        keys=plan_keys(planner.report_on(board), planner.requirements_on(board), board.snapshot, shown),
        data=lambda: {
            "plan": plan_tick(planner, board, shown, view, request.parts),
            "held": ahead_line(request.services.ahead_worker.report_on(board), planner.report_on(board), board),
        },
        marks=lambda: plan_marks(planner, board, shown, view),
    )


def ahead_line(ahead: AheadReport, report: PlanReport, board: Board) -> str:
    """Whether the plan that is offered holds in the hours to come."""
    proposal = offered(report, board.snapshot)
    return ahead_words(ahead, None if proposal is None else proposal.plan)


def plan_keys(
    report: PlanReport, requirements: Requirements, snapshot: Snapshot, shown: NetworkView
) -> dict[str, object]:
    """The key of each part that tells of the plan."""
    return {
        "answer": answer_key(report, snapshot, shown),
        "form": form_key(requirements, shown, snapshot.control.tags),
        "figures": figure_key(report, snapshot, shown),
    }


def plan_tick(planner: PlanWorker, board: Board, shown: NetworkView, view: View, seen: Mapping[str, object]) -> JSON:
    """The part of a tick that tells of the plan. seen: the keys of the parts that the browser shows."""
    snapshot, report, requirements = board.snapshot, planner.report_on(board), planner.requirements_on(board)
    keys = plan_keys(report, requirements, snapshot, shown)
    part: JSON = {"keys": keys, "status": status_of(report, snapshot.case.network)}
    if seen.get("answer") != keys["answer"]:
        part["answer"] = answer_parts(report, snapshot)
        part["proposed"] = proposed_map(snapshot, report, shown, view)
    if seen.get("form") != keys["form"]:
        part["form"] = [form_of(requirements, snapshot.case.network), form_words(requirements, snapshot)]
    if seen.get("figures") != keys["figures"]:
        figures = figures_of(report, snapshot)
        part["figures"] = [
            course_traces(figures.course),
            method_traces(figures.methods),
            front_traces(figures.front),
            learning_traces(figures.learning),
        ]
    return part


def answer_key(report: PlanReport, snapshot: Snapshot, shown: NetworkView) -> str:
    """Changes with the proposal, with what is applied, and where the state becomes stale or fresh again."""
    operations = snapshot.control.operations
    done = f"{len(operations.done)}.{len(operations.pending)}.{operations.may_undo}.{hash(operations.stopped):x}"
    done += f".{hash(operations.followed):x}"
    stale = f"/stale {snapshot.simulated_at}" if snapshot.solved.stale else ""
    beyond = "/beyond" if beyond_plans(report, snapshot.case.network) else ""
    return f"{shown.key}/{_proposal_key(report, snapshot)}/{done}{stale}{beyond}"


def form_key(requirements: Requirements, shown: NetworkView, tags: Tags = ()) -> str:
    """Changes with the requirements and with the tags."""
    return f"{shown.key}/{hash((requirements, tags)):x}"


def figure_key(report: PlanReport, snapshot: Snapshot, shown: NetworkView) -> str:
    """Changes with the proposal and with training."""
    return f"{shown.key}/{_proposal_key(report, snapshot)}/{report.training.episodes}"


def _proposal_key(report: PlanReport, snapshot: Snapshot) -> str:
    """No two proposals take the same time; training makes new reports of the same proposal."""
    proposal = proposal_for(report, snapshot.case.network)
    return "" if proposal is None else f"{report.simulated_at}/{proposal.time_ms:.6f}"


@dataclass(frozen=True)
class Figures:
    """What the figures draw."""

    course: SupplyCourse
    methods: tuple[MethodRow, ...]
    front: Front
    learning: Learning


def figures_of(report: PlanReport, snapshot: Snapshot) -> Figures:
    """What the figures draw of a report."""
    proposal = proposal_for(report, snapshot.case.network)
    plan = None if proposal is None else proposal.plan
    course = SupplyCourse() if plan is None else course_of(plan_timeline(plan, snapshot.case))
    return Figures(course, methods_of(proposal), front_of(report, snapshot), learning_of(report))


def plan_marks(planner: PlanWorker, board: Board, shown: NetworkView, view: View) -> JSON:
    """What the page's present map marks: the plan's switches, and locks."""
    proposal, scope = offered(planner.report_on(board), board.snapshot), shown.scope(view.area)
    plan = None if proposal is None else proposal.plan
    tags = board.snapshot.control.tags
    wanted = keeping(planner.requirements_on(board), tags)
    return {"k": locks(wanted, scope), **tag_marks(tags, scope, board.network), **marks(plan, scope, board.network)}


def overview_marks(planner: PlanWorker, board: Board, shown: NetworkView, view: View) -> JSON:
    """What the overview's map marks where that is wanted: the plan's switches, and its supply paths."""
    proposal, scope = offered(planner.report_on(board), board.snapshot), shown.scope(view.area)
    tags = board.snapshot.control.tags
    tagged = {"k": locks(keeping(Requirements(), tags), scope), **tag_marks(tags, scope, board.network)} if tags else {}
    if not view.plan or proposal is None or proposal.plan is None:
        return tagged
    return {
        **tagged,
        "r": path_marks(proposal.plan, scope, board.network),
        **marks(proposal.plan, scope, board.network),
    }


def overview_words(report: PlanReport, snapshot: Snapshot) -> list[str]:
    """The overview's line about the plan: what kind of answer, what it is for, what is done and what that saves."""
    shown = headline_of(report, snapshot)
    if shown.tone is not Tone.PLAN:
        return [TONES[shown.tone], shown.title, shown.note]
    saving = "" if shown.saving is None else f"{saving_words(shown.saving)}."
    advice = "" if snapshot.control.offers.orders else ADVICE_ONLY
    return [
        TONES[shown.tone],
        shown.title,
        " ".join(filter(None, [f"{shown.steps}.", shown.emergency, saving, advice])),
    ]


def answer_parts(report: PlanReport, snapshot: Snapshot) -> JSON:
    """The page's texts and tables as components, by name."""
    network, proposal = snapshot.case.network, offered(report, snapshot)
    plan, back = None if proposal is None else proposal.plan, None if report.back is None else report.back.plan
    shown = headline_of(report, snapshot)
    running, operations = shown.tone is Tone.RUNNING, snapshot.control.operations
    undoable = operations.may_undo
    if snapshot.solved.stale:
        return _parts_without(snapshot, headline(shown), undoable, STALE)
    if beyond := beyond_plans(report, network):
        return _parts_without(snapshot, headline(shown), undoable, beyond)
    return {
        "head": headline(shown),
        "steps": _steps(snapshot, plan),
        "compare": comparison_table(() if proposal is None else comparison_of(proposal, network)),
        "rooms": room_table(*rooms_of(proposal)),
        "limited": limited_table(None if proposal is None else limited_of(proposal, network)),
        "methods": [methods_table(methods_of(proposal)), *_reduced(report, network)],
        "promised": promise_table(*promise_of(network, operations.followed)),
        "back": back_words(report.back, plan, snapshot.case),
        "code": "" if plan is None else plan.code,
        "back_code": "" if back is None else back.code,
        "title": "Proposed" if plan is not None else "Proposed: as present",
        "disabled": [*[running or plan is None] * 2, *[not undoable] * 2, running or back is None],
    }


def _reduced(report: PlanReport, network: Network) -> list[Component]:
    """What plans of a large radial grid lack."""
    return beyond_notes((SWITCHING, network.n_bus)) if report.status.kind is PlanStatusKind.NO_POLICY else []


def _parts_without(snapshot: Snapshot, head: list[Component], undoable: bool, why: str) -> JSON:
    """The answer without a plan for now: what has been done and what waits, and why nothing is judged."""
    steps = (
        _steps(snapshot, None)
        if snapshot.control.operations.done or snapshot.control.operations.pending
        else [not_judged(why)]
    )
    judged = {name: not_judged(why) for name in ("compare", "rooms", "limited", "methods")}
    disabled = [True, True, not undoable, not undoable, True]
    promised = promise_table(*promise_of(snapshot.case.network, snapshot.control.operations.followed))
    return {
        "head": head,
        "steps": steps,
        **judged,
        "promised": promised,
        "back": "",
        "code": "",
        "back_code": "",
        "title": "No plan: as present",
        "disabled": disabled,
    }


def _steps(snapshot: Snapshot, plan: Plan | None) -> list[Component]:
    operations, network = snapshot.control.operations, snapshot.case.network
    shown: list[Component] = []
    if operations.done or operations.pending:
        applied = (
            *steps_of(network, operations.done, StepState.DONE),
            *steps_of(network, operations.pending, StepState.PENDING),
        )
        shown.append(step_table(applied))
    if plan is not None and plan.actions:
        timeline = plan_timeline(plan, snapshot.case)
        shown += [
            step_table(planned_steps_of(network, timeline)),
            html.P(timeline_words(timeline), className="quiet-line"),
        ]
    if plan is not None and plan.set_points:
        shown.append(set_point_table(set_points_of(plan, network)))
    return shown or [step_table(())]


def form_words(requirements: Requirements, snapshot: Snapshot) -> list[object]:
    """What stands beside the form's inputs: the weight in words, and what is locked or tagged."""
    names = snapshot.case.network.branch.name
    locked = [(branch, names[branch]) for branch in sorted(requirements.locked) if branch < len(names)]
    forbidding = (tag for tag in snapshot.control.tags if tag.forbids)
    tagged = [(tag.name_in(snapshot.case.network), tag.reason) for tag in forbidding]
    return [weight_words(requirements.risk_weight), locked_list(locked, unlock_id, tagged)]


def front_of(report: PlanReport, snapshot: Snapshot) -> Front:
    """The front with the present state of its operating point."""
    proposal = proposal_for(report, snapshot.case.network)
    if proposal is None or report.status.kind is PlanStatusKind.NO_POLICY:
        return Front((), None, 0.0)
    present = None if report.present is None else _front_point(report.present)
    return Front(tuple(_front_point(point) for point in report.pareto), present, proposal.requirements.risk_weight)


def learning_of(report: PlanReport) -> Learning:
    """The curve of training."""
    training = report.training
    return Learning(
        tuple(GapPoint(**vars(found)) for found in training.gaps),
        tuple(EntropyPoint(progress.step, progress.entropy) for progress in training.curve),
    )


def _front_point(point: ParetoPoint) -> FrontPoint:
    return FrontPoint(point.risk_weight, point.loss_kw, point.expected_interrupted_kw)
