"""What everything shown is worth: fresh, degraded because, or stale since. One judgement for pages and API."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ml.maintenance.records import RefusedModels

SILENT_S = 120.0  # without a sign of life from a worker; its longest single step, a training, takes less


class BoardCondition(StrEnum):
    """From good to bad."""

    FRESH = "fresh"
    DEGRADED = "degraded"  # the state is fresh, something beside it is not
    STALE = "stale"  # the state shown is an earlier one


class ProblemCause(StrEnum):
    """Why something shown is worth less than it could be."""

    NO_ANSWER = "no_answer"  # the source doesn't answer
    NO_SOLUTION = "no_solution"  # the measured state has no power flow solution
    CYCLE_FAILED = "cycle_failed"
    SENSORS_MISSING = "sensors_missing"  # readings are missing or can't be right; last good ones stand in
    WORKER_FAILED = "worker_failed"
    WORKER_SILENT = "worker_silent"  # alive or not, it has given no sign for SILENT_S
    NOT_KEPT = "not_kept"  # a file can't be written: what is known is lost at the next start
    MODELS_REFUSED = "models_refused"
    LEARNING_FAILED = "learning_failed"  # what was learned last stands
    LEARNING_DOWN = "learning_down"  # the process that learns; it starts again by itself


class KeptKind(StrEnum):
    """What is kept in files for the next start."""

    POLICY = "policy"
    FAILURE_MODELS = "failure_models"
    TAGS = "tags"  # on switches and generators


@dataclass(frozen=True, kw_only=True)
class BoardProblem:
    """One cause. subject: the worker, file or element. detail: what the error itself says, where there is one, or why
    there is no solution, once that is found.

    kept: what can't be written, where the subject doesn't say. refused: models that are. number: MVA of the largest
    mismatch of a state without solution, buses whose readings are missing, s without a sign of life or a cycle, the
    exit code of a process. of: how many buses there are, s between two cycles. since: wall clock, UTC.
    """

    cause: ProblemCause
    subject: str
    detail: str = ""
    kept: KeptKind | None = None
    refused: RefusedModels | None = None
    number: float = math.nan
    of: float = math.nan
    since: datetime


@dataclass(frozen=True, kw_only=True)
class WorkerHealth:
    """A worker's own account. beat_s: since its last sign of life, NaN before it was started."""

    name: str
    running: bool
    beat_s: float
    problems: tuple[BoardProblem, ...]
    last_failure: str  # also when it is over
    computed_from: int  # version of the snapshot that its report was made of, 0 without one


@dataclass(frozen=True, kw_only=True)
class BoardQuality:
    """The worst of all problems, and the problems. since: of the present condition; None while fresh."""

    condition: BoardCondition
    since: datetime | None
    problems: tuple[BoardProblem, ...]


STALE_CAUSES = frozenset({ProblemCause.NO_ANSWER, ProblemCause.NO_SOLUTION, ProblemCause.CYCLE_FAILED})


def quality_of(
    problems: Iterable[BoardProblem], workers: Iterable[WorkerHealth], now: datetime, before: BoardQuality
) -> BoardQuality:
    """Judge the cycle's problems and the workers' accounts at a moment. before: the last judgement, whose times stay.

    A worker that was never started isn't missed.
    """
    found = list(problems)
    for worker in workers:
        found.extend(worker.problems)
        if worker.running and worker.beat_s > SILENT_S:
            silent = ProblemCause.WORKER_SILENT
            found.append(BoardProblem(cause=silent, subject=worker.name, number=worker.beat_s, since=now))
    known = {(one.cause, one.subject): one.since for one in before.problems}
    kept = tuple(replace(one, since=known.get((one.cause, one.subject), one.since)) for one in found)
    condition = _condition(kept)
    if condition is BoardCondition.FRESH:
        return FRESH
    since = before.since if before.condition is condition else min(one.since for one in kept)
    return BoardQuality(condition=condition, since=since, problems=kept)


def worse(quality: BoardQuality, problem: BoardProblem) -> BoardQuality:
    """A judgement with one more problem."""
    problems = (*quality.problems, problem)
    condition = _condition(problems)
    since = quality.since if quality.condition is condition else problem.since
    return BoardQuality(condition=condition, since=since, problems=problems)


def _condition(problems: tuple[BoardProblem, ...]) -> BoardCondition:
    if any(one.cause in STALE_CAUSES for one in problems):
        return BoardCondition.STALE
    return BoardCondition.DEGRADED if problems else BoardCondition.FRESH


FRESH = BoardQuality(condition=BoardCondition.FRESH, since=None, problems=())
