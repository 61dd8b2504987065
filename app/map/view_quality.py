"""What pages say of the board's quality: from its records to those that components draw."""

from app.engine.board import Board
from app.engine.quality import BoardCondition, BoardProblem, BoardQuality, ProblemCause
from components.common.quality import ShownProblem, Standing, Worth

STANDINGS = {
    BoardCondition.FRESH: Standing.FRESH,
    BoardCondition.DEGRADED: Standing.DEGRADED,
    BoardCondition.STALE: Standing.STALE,
}
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


def quality_key(quality: BoardQuality) -> str:
    """Changes with the condition and with the problems; what a problem says of itself may change every second."""
    told = quality.condition, quality.since, tuple((one.cause, one.subject, one.since) for one in quality.problems)
    return format(hash(told), "x")


def _shown(problem: BoardProblem) -> ShownProblem:
    words = CAUSES[problem.cause].format(subject=problem.subject)
    return ShownProblem(words=words, detail=problem.detail, since=problem.since)
