"""Jobs: their states, what is told of them, cancelling between steps, and that neither they nor threads pile up."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.engine.commands import UnknownIdError
from app.engine.jobs import (
    BackgroundJob,
    JobDropCause,
    JobEndedError,
    JobFailure,
    JobKind,
    JobRoom,
    JobState,
    JobTicket,
    TooManyJobsError,
)

LONG_S = 60.0  # that nothing here takes: events end the waiting


class Held:
    """Work that says when it has begun, waits until it is let go, and asks its ticket before it ends."""

    def __init__(self, result: object = "result") -> None:
        self.began, self.go, self.result = threading.Event(), threading.Event(), result

    def __call__(self, ticket: JobTicket) -> object:
        ticket.step(0.25)
        self.began.set()
        assert self.go.wait(LONG_S)
        ticket.step(0.75)
        return self.result


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 15, 6, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def works() -> Iterator[Callable[[], Held]]:
    """Makes held work, which is let go at the end."""
    made: list[Held] = []

    def make() -> Held:
        made.append(Held())
        return made[-1]

    yield make
    for work in made:
        work.go.set()


def room(**changes: object) -> JobRoom:
    return JobRoom(**{"patience_s": LONG_S, **changes})  # type: ignore[arg-type]


def ended(jobs: JobRoom, job: BackgroundJob) -> BackgroundJob:
    """A job at its end."""
    found = jobs.wait(job.id)
    assert found.ended
    return found


def test_a_job_goes_from_queued_through_running_to_done(works: Callable[[], Held]) -> None:
    watch = Watch()
    jobs, first, second = room(threads=1, clock=watch), works(), works()
    one = jobs.start(JobKind.CASE, first)
    assert first.began.wait(LONG_S)
    running = jobs.get(one.id)
    assert (running.state, running.progress, running.started_at, running.ended_at) == (
        JobState.RUNNING, 0.25, watch.now, None,
    )  # fmt: skip
    other = jobs.start(JobKind.CASE, second)
    waiting = jobs.get(other.id)
    assert (waiting.state, waiting.started_at, waiting.result) == (JobState.QUEUED, None, None)
    watch.now += timedelta(seconds=7)
    first.go.set()
    done = ended(jobs, one)
    assert (done.state, done.result, done.progress, done.failure) == (JobState.DONE, "result", 0.75, None)
    assert done.ended_at == done.asked_at + timedelta(seconds=7)
    second.go.set()
    assert ended(jobs, other).started_at == watch.now


def test_who_waits_no_longer_than_the_patience_sees_the_job_as_it_is(works: Callable[[], Held]) -> None:
    jobs = room(patience_s=0.0)
    assert not jobs.wait(jobs.start(JobKind.CASE, works()).id).ended


def test_no_more_threads_work_than_there_may(works: Callable[[], Held]) -> None:
    jobs, held = room(threads=2), [works() for _ in range(3)]
    started = [jobs.start(JobKind.CASE, work) for work in held]
    assert held[0].began.wait(LONG_S)
    assert held[1].began.wait(LONG_S)
    assert jobs.get(started[2].id).state is JobState.QUEUED
    held[0].go.set()
    assert held[2].began.wait(LONG_S)


def test_one_that_waits_is_cancelled_at_once_and_never_begins(works: Callable[[], Held]) -> None:
    jobs, first, second, third = room(threads=1), works(), works(), works()
    jobs.start(JobKind.CASE, first)
    assert first.began.wait(LONG_S)
    waiting = jobs.start(JobKind.CASE, second)
    assert jobs.cancel(waiting.id).state is JobState.CANCELLED
    last = jobs.start(JobKind.CASE, third)
    first.go.set()
    third.go.set()
    assert ended(jobs, last).state is JobState.DONE
    assert not second.began.is_set()
    with pytest.raises(JobEndedError, match="cancelled"):
        jobs.cancel(waiting.id)


def test_one_that_runs_ends_after_its_step(works: Callable[[], Held]) -> None:
    jobs, work = room(), works()
    job = jobs.start(JobKind.CASE, work)
    assert work.began.wait(LONG_S)
    asked = jobs.cancel(job.id)
    assert (asked.state, asked.cancelling) == (JobState.RUNNING, True)
    assert jobs.cancel(job.id).cancelling  # twice is no error
    work.go.set()
    found = ended(jobs, job)
    assert (found.state, found.result, found.failure, found.cancelling) == (JobState.CANCELLED, None, None, False)


@pytest.mark.parametrize("dropped", [None, JobDropCause.OTHER_SCHEDULE])
def test_who_cancels_after_the_last_step_comes_too_late(dropped: JobDropCause | None) -> None:
    jobs = room()
    ticket = jobs.open(JobKind.SCHEDULE)

    def work() -> str:
        ticket.step(1.0)
        ticket.cancel(dropped)
        return "made"

    assert ticket.run(work) == "made"
    found = jobs.get(ticket.job.id)
    assert (found.state, found.result, found.failure, found.cancelling) == (JobState.DONE, "made", None, False)


def test_a_failure_is_kept_as_words_and_the_room_works_on() -> None:
    jobs = room(threads=1)

    def fails(_: JobTicket) -> object:
        raise ZeroDivisionError("no bus")

    job = jobs.start(JobKind.CASE, fails)
    found = ended(jobs, job)
    assert (found.state, found.result) == (JobState.FAILED, None)
    assert found.failure == JobFailure(detail="ZeroDivisionError: no bus", status=500)
    assert ended(jobs, jobs.start(JobKind.CASE, lambda _: 1)).result == 1


def test_what_can_not_be_told_is_a_failure() -> None:
    jobs = room()
    ticket = jobs.open(JobKind.SCHEDULE, lambda made: made["missing"])
    with pytest.raises(KeyError):
        ticket.run(dict)
    assert jobs.get(ticket.job.id).state is JobState.FAILED


def test_an_unknown_job_is_named() -> None:
    with pytest.raises(UnknownIdError, match="no job 0123"):
        room().get("0123")


def test_no_more_jobs_are_taken_than_may_wait_or_run(works: Callable[[], Held]) -> None:
    jobs, work = room(threads=1, most_active=2), works()
    first = jobs.start(JobKind.CASE, work)
    second = jobs.open(JobKind.SCHEDULE)
    with pytest.raises(TooManyJobsError, match="2 jobs"):
        jobs.start(JobKind.CASE, works())
    jobs.cancel(second.job.id)
    work.go.set()
    assert ended(jobs, first).state is JobState.DONE
    assert ended(jobs, jobs.start(JobKind.CASE, lambda _: 3)).result == 3


def test_of_jobs_that_have_ended_the_last_ones_are_kept_for_a_time() -> None:
    watch = Watch()
    jobs = room(most_kept=3, kept_for=timedelta(minutes=10), clock=watch)
    ids = []
    for number in range(5):
        watch.now += timedelta(minutes=1)
        ids.append(ended(jobs, jobs.start(JobKind.CASE, lambda _, number=number: number)).id)
    for gone in ids[:2]:
        with pytest.raises(UnknownIdError):
            jobs.get(gone)
    assert [jobs.get(kept).result for kept in ids[2:]] == [2, 3, 4]
    watch.now += timedelta(minutes=9)
    with pytest.raises(UnknownIdError):
        jobs.get(ids[2])
    assert jobs.get(ids[4]).result == 4


def test_one_that_waits_or_runs_is_kept_however_old(works: Callable[[], Held]) -> None:
    watch = Watch()
    jobs, work = room(most_kept=1, kept_for=timedelta(minutes=1), clock=watch), works()
    job = jobs.start(JobKind.CASE, work)
    for _ in range(3):
        watch.now += timedelta(hours=1)
        ended(jobs, jobs.start(JobKind.CASE, lambda _: None))
    assert not jobs.get(job.id).ended


def test_one_of_another_thread_is_cancelled_with_a_reason() -> None:
    jobs = room()
    ticket = jobs.open(JobKind.SCHEDULE)
    ticket.cancel(JobDropCause.OTHER_SCHEDULE)
    found = jobs.get(ticket.job.id)
    assert (found.state, found.failure) == (
        JobState.CANCELLED, JobFailure(dropped=JobDropCause.OTHER_SCHEDULE, status=409),
    )  # fmt: skip
    assert ticket.run(lambda: pytest.fail("it was cancelled")) is None


def test_at_the_end_all_are_cancelled(works: Callable[[], Held]) -> None:
    jobs, first, second = room(threads=1), works(), works()
    runs = jobs.start(JobKind.CASE, first)
    assert first.began.wait(LONG_S)
    waits = jobs.start(JobKind.CASE, second)
    jobs.stop()
    assert jobs.get(waits.id).state is JobState.CANCELLED
    first.go.set()
    assert ended(jobs, runs).state is JobState.CANCELLED
    assert not second.began.is_set()


def test_threads_go_with_the_work() -> None:
    jobs = room(threads=2)
    for _ in range(5):
        ended(jobs, jobs.start(JobKind.CASE, lambda _: None))
    for thread in [thread for thread in threading.enumerate() if thread.name == "jobs"]:
        assert thread.daemon
        thread.join(LONG_S)
        assert not thread.is_alive()
