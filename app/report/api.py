"""The endpoint of the daily report."""

from flask import Blueprint, Response, request

from app.report.content import gather
from app.report.page import page
from app.web.query import day
from app.web.services import Services


def register_report(api: Blueprint, services: Services) -> None:
    """GET of the daily report as one HTML file."""

    @api.get("/api/analytics/report")
    def report() -> Response:
        board = services.boards.latest
        wanted = day(request.args, "day", board.snapshot.simulated_at.date())
        html = page(gather(services, board, wanted))
        headers = {"Cache-Control": "no-store"}
        return Response(html.encode(errors="replace"), mimetype="text/html", headers=headers)
