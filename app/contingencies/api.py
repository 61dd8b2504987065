"""The endpoint of the N-1 list."""

from typing import Any

from flask import Blueprint, Response, request

from app.contingencies.worker import OutageReport
from app.web.bodies import answer
from app.web.plain import number, stamp
from app.web.query import whole
from app.web.services import Services
from components.optimisation.words import no_plan_words
from grid.network import Network
from ml.optimisation.plans.outages import SingleOutage

LISTED, MOST = 25, 10_000


def register_contingencies(api: Blueprint, services: Services) -> None:
    """GET /api/grid/contingencies."""

    @api.get("/api/grid/contingencies")
    def contingencies() -> Response:
        limit, board = whole(request.args, "limit", LISTED, 0, MOST), services.boards.latest
        return answer(listed(services.outage_worker.report_on(board), board.network, limit))


def listed(report: OutageReport, network: Network, limit: int) -> dict[str, Any]:
    """The list as plain data, the worst first."""
    return {
        "outages": [outage(row, network) for row in report.rows[:limit]],
        "radial": report.radial,
        "tried": report.done,
        "total": report.total,
        "complete": 0 < report.total == report.done,
        "made_at": None if report.made_at is None else stamp(report.made_at),
        "reason": "" if report.why_not is None else no_plan_words(network, report.why_not),
    }


def outage(row: SingleOutage, network: Network) -> dict[str, Any]:
    """One outage as plain data."""
    return {
        "edge": row.branch,
        "name": network.branch.name[row.branch],
        "solved": row.solved,
        "lost_kw": row.lost_kw,
        "lost_customers": row.lost_customers,
        "dark_kw": row.dark_kw,
        "dark_customers": row.dark_customers,
        "restored_kw": row.restored_kw,
        "restored_minutes": row.restored_minutes,
        "repair_minutes": row.repair_minutes,
        "unsupplied_kwh": row.unsupplied_kwh,
        "outcome": None if row.outcome is None else row.outcome.value,
        "binding": None if row.binding is None else row.binding.constraint.value,
        "binding_element": None if row.binding is None else row.binding.element,
        "close": [action.branch for action in row.actions if action.close],
        "open": [action.branch for action in row.actions if not action.close],
        "worst_loading_percent": number(row.worst_loading_percent),
        "loaded_edge": None if row.loaded_branch < 0 else row.loaded_branch,
        "band_excess_pu": number(row.band_excess_pu),
        "band_node": None if row.band_bus < 0 else row.band_bus,
    }
