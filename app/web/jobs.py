"""Requests whose work may take long: the answer itself where it comes in time, else 202 and the job to look at."""

from http import HTTPStatus
from typing import Any

from flask import Response

from app.engine.jobs import BackgroundJob, JobKind, JobRoom, JobState, Work
from app.web.bodies import answer
from app.web.errors import error_answer, error_body
from app.web.plain import stamp

JOBS_PATH = "/api/jobs"


def answer_or_job(jobs: JobRoom, kind: JobKind, work: Work, status: int = HTTPStatus.OK) -> Response:
    """What the work answers, with this status, or why not; 202 with the job where that takes longer than the patience.

    The work runs in a thread of the room, beyond the request: it holds all that it needs.
    """
    job = jobs.wait(jobs.start(kind, work).id)
    if not job.ended:
        return job_accepted(job)
    jobs.forget(job.id)
    if job.state is JobState.DONE:
        return answer(job.result, status)
    return error_answer(job.failure) if job.failure else job_accepted(job)


def job_accepted(job: BackgroundJob) -> Response:
    """202 with a job and where it is found."""
    response = answer(job_payload(job), HTTPStatus.ACCEPTED)
    response.headers["Location"] = job_location(job)
    return response


def job_location(job: BackgroundJob) -> str:
    """The path of a job."""
    return f"{JOBS_PATH}/{job.id}"


def job_payload(job: BackgroundJob) -> dict[str, Any]:
    """A job as plain data."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "cancelling": job.cancelling,
        "progress": job.progress,
        "asked_at": stamp(job.asked_at),
        "started_at": None if job.started_at is None else stamp(job.started_at),
        "ended_at": None if job.ended_at is None else stamp(job.ended_at),
        "result": job.result,
        "error": None if job.failure is None else error_body(job.failure),
    }
