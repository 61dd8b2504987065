"""What pages say of the board's quality: from its records to those that components draw."""

import math

from app.engine.board import Board, Snapshot
from app.engine.quality import BoardCondition, BoardProblem, BoardQuality, ProblemCause
from app.web.reasons import detail_words
from components.common import text
from components.common.doubts import Doubts
from components.common.quality import ShownProblem, Standing, Worth
from grid.alarms.book import AlarmState

STANDINGS = {
    BoardCondition.FRESH: Standing.FRESH,
    BoardCondition.DEGRADED: Standing.DEGRADED,
    BoardCondition.STALE: Standing.STALE,
}
ACTIVE = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)
CAUSES = {
    ProblemCause.NO_ANSWER: "The source ({subject}) doesn't answer.",
    ProblemCause.NO_SOLUTION: "What is measured has no power flow solution.",
    ProblemCause.CYCLE_FAILED: "The cycle fails: no new state is computed.",
    ProblemCause.SENSORS_MISSING: "Readings are missing or can't be right.",
    ProblemCause.WORKER_FAILED: "The worker for {subject} fails.",
    ProblemCause.WORKER_SILENT: "The worker for {subject} gives no sign of life.",
    ProblemCause.NOT_KEPT: "Not kept: {subject} can't be written; what is new is lost at the next start.",
    ProblemCause.MODELS_REFUSED: "Trained models are refused: {subject}.",
    ProblemCause.LEARNING_FAILED: "Learning of {subject} fails: what was learned last stands.",
    ProblemCause.LEARNING_DOWN: "The process that learns is down: what was learned last stands, and it starts again.",
}


def worth_of(board: Board) -> Worth:
    """The judgement of everything on a board."""
    quality = board.quality
    return Worth(
        standing=STANDINGS[quality.condition],
        since=quality.since,
        shown_of=board.snapshot.simulated_at,
        problems=tuple(_shown(one) for one in quality.problems),
    )


def doubts_of(snapshot: Snapshot) -> Doubts:
    """What forbids reassuring sentences now. An alarm that has returned is active no more."""
    metrics, alarms = snapshot.assessed.metrics, snapshot.assessed.alarms
    return Doubts(
        stale=snapshot.solved.stale,
        load_lost=metrics.unsupplied_mw > 0,
        alarms=any(alarm.state in ACTIVE for alarm in alarms),
    )


def quality_key(quality: BoardQuality) -> str:
    """Changes with the condition and with the problems; what a problem says of itself may change every second."""
    causes = ((one.cause, one.subject, one.since, _is_explained(one)) for one in quality.problems)
    told = quality.condition, quality.since, tuple(causes)
    return format(hash(told), "x")


def _is_explained(problem: BoardProblem) -> bool:
    """Whether it is known why there is no solution."""
    return problem.cause is ProblemCause.NO_SOLUTION and bool(problem.detail)


def because_words(snapshot: Snapshot) -> str:
    """Why a stale snapshot is stale, in a line; empty for a fresh one."""
    if snapshot.solved.stale_because is None:
        return ""
    shown = _shown(snapshot.solved.stale_because)
    return ": ".join(filter(None, [shown.words.rstrip("."), shown.detail]))


def _shown(problem: BoardProblem) -> ShownProblem:
    words, detail = CAUSES[problem.cause].format(subject=problem.subject), detail_words(problem)
    if problem.cause is ProblemCause.NO_SOLUTION and math.isfinite(problem.number):
        mismatch = f"largest mismatch {text.rough(problem.number, 'MVA')}"
        detail = ". ".join(filter(None, [mismatch, problem.detail]))
    return ShownProblem(words=words, detail=detail, since=problem.since)
