"""Jobs: work that may outlast the request that asks for it. It has an id, can be looked at and can be cancelled.

A JobRoom carries jobs out in a few threads of its own, or keeps the account of work that another thread does.
"""

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from app.engine.commands import UnknownIdError

log = logging.getLogger(__name__)
PATIENCE_S = 5.0  # that a request waits for its job
ID_BYTES = 8
LONGEST_ID = 2 * ID_BYTES
Clock = Callable[[], datetime]
Tell = Callable[[Any], object]
Made = TypeVar("Made")


class JobKind(StrEnum):
    """What a job does."""

    CASE = "case"
    EXPLANATION = "explanation"
    MODELS = "models"
    SCHEDULE = "schedule"


class JobState(StrEnum):
    """Where a job is; the last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDS = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class JobDropCause(StrEnum):
    """Why a job isn't wanted any more by itself."""

    OTHER_SCHEDULE = "other_schedule"  # was asked for
    OTHER_GRID = "other_grid"  # is watched by now
    ENDING = "ending"  # the dashboard is


@dataclass(frozen=True, kw_only=True)
class JobFailure:
    """Why there is no result: what the error says, or why the job was dropped.

    field: of the request, that is wrong. status: that says as much.
    """

    detail: str = ""
    dropped: JobDropCause | None = None
    field: str = ""
    status: int = 500


@dataclass(frozen=True, kw_only=True)
class BackgroundJob:
    """One job as it is now. Times are the wall clock's, UTC, None before they come.

    cancelling: it was asked to end and runs to the end of its step. progress: from 0 to 1, None where it isn't known.
    result: plain data, None before the end. failure: also why a job was cancelled, where nobody had asked for that.
    """

    id: str
    kind: JobKind
    asked_at: datetime
    state: JobState = JobState.QUEUED
    cancelling: bool = False
    progress: float | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: object | None = None
    failure: JobFailure | None = None

    @property
    def ended(self) -> bool:
        """Whether it is done, has failed or is cancelled."""
        return self.state in ENDS


class JobCancelledError(Exception):
    """Raised inside a job's work, between two steps, where somebody has cancelled it."""


class JobEndedError(ValueError):
    """A job that has ended can't be cancelled."""


class TooManyJobsError(RuntimeError):
    """As many jobs wait or run as may at once."""


def in_short(error: Exception) -> JobFailure:
    """A failure that nobody knows more of."""
    return JobFailure(detail=f"{type(error).__name__}: {error}")


def as_it_is(made: object) -> object:
    """What was made is plain data already."""
    return made


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


class JobTicket:
    """A job as it is seen by who works on it. For any thread."""

    def __init__(
        self,
        job: BackgroundJob,
        changed: threading.Condition,
        clock: Clock,
        tell: Tell,
        describe: Callable[[Exception], JobFailure],
    ) -> None:
        self._job, self._changed, self._clock, self._tell, self._describe = job, changed, clock, tell, describe

    @property
    def job(self) -> BackgroundJob:
        """The job as it is now."""
        return self._job

    def step(self, progress: float | None = None) -> None:
        """Between two steps: tell how far the work is, from 0 to 1. JobCancelledError where it has to end."""
        with self._changed:
            if self._job.cancelling or self._job.ended:
                raise JobCancelledError(self._job.id)
            if progress is not None:
                self._change(progress=progress)

    def run(self, work: Callable[[], Made]) -> Made | None:
        """Do the work; what it made, None where the job was cancelled before or meanwhile. Raises what it raises."""
        with self._changed:
            if self._job.ended:
                return None
            self._change(state=JobState.RUNNING, started_at=self._clock())
        try:
            made = work()
            result = self._tell(made)
        except JobCancelledError:
            self._end(JobState.CANCELLED)
            return None
        except Exception as error:
            self._end(JobState.FAILED, failure=self._describe(error))
            raise
        self._end(JobState.DONE, result=result, failure=None)  # whoever cancelled it meanwhile came too late
        return made

    def cancel(self, dropped: JobDropCause | None = None) -> None:
        """End the job if it waits, ask it to end if it runs. dropped: why, where nobody has asked for that."""
        failure = JobFailure(dropped=dropped, status=409) if dropped else None
        with self._changed:
            if self._job.state is JobState.QUEUED:
                self._end(JobState.CANCELLED, failure=failure)
            elif not self._job.ended:
                self._change(cancelling=True, failure=failure)

    def _end(self, state: JobState, **values: object) -> None:
        self._change(state=state, ended_at=self._clock(), cancelling=False, **values)

    def _change(self, **values: object) -> None:
        with self._changed:
            self._job = replace(self._job, **values)  # type: ignore[arg-type]
            self._changed.notify_all()


Work = Callable[[JobTicket], object]


class JobRoom:
    """Keeps jobs: carries some out in threads of its own, which come with the work and go with it.

    threads: that work at once. most_active: jobs that wait or run. most_kept, kept_for: of those that have ended.
    describe: what is told of a failure.
    """

    def __init__(
        self,
        *,
        threads: int = 2,
        most_active: int = 16,
        most_kept: int = 64,
        kept_for: timedelta = timedelta(hours=1),
        patience_s: float = PATIENCE_S,
        clock: Clock = wall_clock,
        describe: Callable[[Exception], JobFailure] = in_short,
    ) -> None:
        self.patience_s = patience_s
        self._threads, self._most_active, self._most_kept, self._kept_for = threads, most_active, most_kept, kept_for
        self._clock, self._describe = clock, describe
        self._changed = threading.Condition(threading.RLock())
        self._tickets: dict[str, JobTicket] = {}
        self._queue: deque[tuple[JobTicket, Work]] = deque()
        self._working = 0  # threads

    def start(self, kind: JobKind, work: Work) -> BackgroundJob:
        """Have work done, whose result is plain data. It asks its ticket between steps. TooManyJobsError."""
        with self._changed:
            ticket = self.open(kind)
            self._queue.append((ticket, work))
            if self._working < self._threads:
                self._working += 1
                threading.Thread(target=self._serve, name="jobs", daemon=True).start()
        return ticket.job

    def open(self, kind: JobKind, tell: Tell = as_it_is) -> JobTicket:
        """A job that another thread will run. tell: makes plain data of what it has made. TooManyJobsError."""
        with self._changed:
            self._forget_old()
            if sum(not ticket.job.ended for ticket in self._tickets.values()) >= self._most_active:
                raise TooManyJobsError(f"{self._most_active} jobs wait or run already; ask again in a moment")
            job = BackgroundJob(id=secrets.token_hex(ID_BYTES), kind=kind, asked_at=self._clock())
            ticket = JobTicket(job, self._changed, self._clock, tell, self._describe)
            self._tickets[job.id] = ticket
            return ticket

    def get(self, job_id: str) -> BackgroundJob:
        """A job by its id. UnknownIdError where there is none, or none any more."""
        return self._ticket(job_id).job

    def wait(self, job_id: str) -> BackgroundJob:
        """A job, once it has ended or the patience has. UnknownIdError."""
        ticket = self._ticket(job_id)
        with self._changed:
            self._changed.wait_for(lambda: ticket.job.ended, self.patience_s)
        return ticket.job

    def cancel(self, job_id: str) -> BackgroundJob:
        """End a job that waits, ask one that runs to end. UnknownIdError, and JobEndedError where it has ended."""
        with self._changed:
            ticket = self._ticket(job_id)
            if ticket.job.ended:
                raise JobEndedError(f"job {job_id} has ended: {ticket.job.state}")
            ticket.cancel()
            self._queue = deque(waiting for waiting in self._queue if waiting[0] is not ticket)
            return ticket.job

    def forget(self, job_id: str) -> None:
        """Keep a job no longer that has told its result."""
        with self._changed:
            self._tickets.pop(job_id, None)

    def stop(self) -> None:
        """Cancel all jobs; threads end after their present step, or with the process."""
        with self._changed:
            self._queue.clear()
            for ticket in self._tickets.values():
                ticket.cancel(JobDropCause.ENDING)

    def _ticket(self, job_id: str) -> JobTicket:
        with self._changed:
            self._forget_old()
            found = self._tickets.get(job_id)
        if found is None:
            hours = self._kept_for / timedelta(hours=1)
            raise UnknownIdError(f"no job {job_id[:LONGEST_ID]}; ended ones are kept for {hours:g} h at most")
        return found

    def _forget_old(self) -> None:
        """Drop ended jobs that are too old or too many, the first that ended first."""
        ended = [(job.ended_at, job.id) for job in (one.job for one in self._tickets.values()) if job.ended_at]
        ended.sort()
        oldest, surplus = self._clock() - self._kept_for, len(ended) - self._most_kept
        for place, (ended_at, job_id) in enumerate(ended):
            if place < surplus or ended_at < oldest:
                del self._tickets[job_id]

    def _serve(self) -> None:
        while True:
            with self._changed:
                if not self._queue:
                    self._working -= 1
                    return
                ticket, work = self._queue.popleft()
            self._carry_out(ticket, work)
            del ticket, work  # what they hold may be large

    def _carry_out(self, ticket: JobTicket, work: Work) -> None:
        try:
            ticket.run(partial(work, ticket))
        except Exception as error:
            failure = ticket.job.failure
            if failure is None or failure.status >= 500:
                log.exception("job %s (%s) failed", ticket.job.id, ticket.job.kind)
            else:
                log.info("job %s (%s) refused: %s", ticket.job.id, ticket.job.kind, error)
