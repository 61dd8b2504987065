"""Bringing in another case as a job: what the API and the dialog start, and what they are told."""

from typing import Any

from app.engine.case_loading import CaseRead
from app.engine.jobs import JobTicket, Work
from app.web.services import Services
from grid.files.report import plain_report


def case_work(services: Services, read: CaseRead) -> Work:
    """The work of a job that reads a case and lets the engine watch it; its result is the API's answer."""
    previous = services.boards.latest.snapshot.case.network.name

    def load(ticket: JobTicket) -> dict[str, Any]:
        case = services.cases.bring_in(read, ticket.step)
        network = case.network
        return {
            "success": True,
            "case": network.name,
            "title": network.title,
            "total_nodes": network.n_bus,
            "total_edges": network.n_branch,
            "previous": previous,
            "report": plain_report(case.report),
        }

    return load
