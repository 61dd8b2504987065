"""Why something shown is worth less than it could be, in words: what pages and API say of a problem's own account."""

import math

from app.engine.board import Snapshot
from app.engine.commands import OperationRefusal, OperationRefusalKind, PlanRefusal, PlanRefusalKind
from app.engine.quality import BoardProblem, KeptKind, ProblemCause
from components.maintenance.words import refused_words
from components.optimisation.words import problem_words
from grid.flow.powerflow import Suspect, SuspectKind
from grid.network import Network
from ml.optimisation.plans.by_hand import TapMove

KEPT = {
    KeptKind.POLICY: "the policy",
    KeptKind.FAILURE_MODELS: "the failure models",
    KeptKind.TAGS: "tags on switches and generators",
}


def detail_words(problem: BoardProblem) -> str:
    """What a problem's error says and what that is about, or else its numbers in words."""
    if problem.refused is not None:
        return refused_words(problem.refused)
    if problem.cause is ProblemCause.LEARNING_DOWN:
        return f"ended with {_ending(problem)}; it is started again"
    if problem.cause is ProblemCause.NO_SOLUTION:
        return f"power flow found no solution, {no_solution_words(problem)}"
    if problem.detail:
        return problem.detail if problem.kept is None else f"{KEPT[problem.kept]}: {problem.detail}"
    match problem.cause:
        case ProblemCause.SENSORS_MISSING:
            return f"of {problem.number:.0f} of {problem.of:.0f} buses the last good readings stand in"
        case ProblemCause.WORKER_SILENT:
            return f"no sign of life for {problem.number:.0f} s"
        case ProblemCause.CYCLE_FAILED if math.isfinite(problem.number):
            return f"no cycle for {problem.number:.0f} s, one is due every {problem.of:g} s"
        case _:
            return ""


def no_solution_words(problem: BoardProblem) -> str:
    """How far from a solution the last try was, and why there is none, where that is known."""
    return ". ".join(filter(None, [f"largest mismatch {mismatch_words(problem.number)}", problem.detail]))


def _ending(problem: BoardProblem) -> str:
    if math.isfinite(problem.number):
        return f"exit code {problem.number:.0f}"
    return f"an error before it began: {problem.detail}"


def plan_refusal_words(refusal: PlanRefusal) -> str:
    """Why a plan isn't carried out, or nothing is taken back: a sentence."""
    if refusal.kind is PlanRefusalKind.ADVICE_ONLY:
        return f"The plan is advice only: the source ({refusal.source}) carries out no orders."
    if refusal.problem is not None:
        return f"The plan is refused: {problem_words(refusal.network, refusal.problem)}"
    return "There is nothing to undo: nothing of a plan or by hand has been carried out."


def operation_refusal_words(refusal: OperationRefusal) -> str:
    """Why an operation by hand isn't carried out: a sentence."""
    if refusal.kind is OperationRefusalKind.ADVICE_ONLY:
        asked, network = refusal.operation, refusal.network
        tap = ""
        if isinstance(asked, TapMove):
            tap = f"; tap_pos {asked.position:g} of {network.branch.name[asked.branch]} can't be ordered"
        return f"Nothing can be operated: the source ({refusal.source}) carries out no orders{tap}."
    if refusal.tag is not None:
        tag = refusal.tag
        name, day = tag.name_in(refusal.network), f"{tag.placed_at:%d %b %H:%M}"
        return f"{name} is tagged, do not operate: {tag.reason} ({tag.person}, {day})."
    if refusal.problem is not None:
        return f"Not operated: {problem_words(refusal.network, refusal.problem)}"
    return "Not operated: it would do something else by now. Look at it again."


def stale_reason(snapshot: Snapshot) -> str:
    """Why a snapshot is stale; empty for a fresh one."""
    problem = snapshot.solved.stale_because
    if problem is None:
        return ""
    detail = detail_words(problem)
    if problem.cause is ProblemCause.NO_ANSWER:
        return f"the source doesn't answer: {detail}"
    if problem.cause is ProblemCause.CYCLE_FAILED and problem.detail:
        return f"cycle failed: {detail}"
    return detail


def suspect_words(network: Network, suspect: Suspect) -> str:
    """Why a bus may explain that there is no solution."""
    match suspect.kind:
        case SuspectKind.MISMATCH:
            return f"mismatch {mismatch_words(suspect.value)}"
        case SuspectKind.OVERLOADED_BEFORE:
            return f"{network.branch.name[suspect.branch]} at {suspect.value:.0f} % before"
        case SuspectKind.ISLAND:
            return "island without a source"


def mismatch_words(mismatch_mva: float) -> str:
    """Three digits: nobody asks for more of a state that isn't one."""
    return f"{mismatch_mva:.3g} MVA"
