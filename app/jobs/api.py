"""Jobs over the API: how they are, and to cancel them."""

from flask import Blueprint, Response

from app.web.bodies import answer
from app.web.jobs import job_accepted, job_payload
from app.web.services import Services


def register_jobs(api: Blueprint, services: Services) -> None:
    """GET and DELETE of /api/jobs/<id>."""

    @api.get("/api/jobs/<job_id>")
    def job(job_id: str) -> Response:
        return answer(job_payload(services.jobs.get(job_id)))

    @api.delete("/api/jobs/<job_id>")
    def cancel(job_id: str) -> Response:
        return job_accepted(services.jobs.cancel(job_id))
