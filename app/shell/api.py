"""The REST API under /api. Handlers read the latest Snapshot or queue a command; none waits for the engine."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from app.analytics.api import register_analytics
from app.contingencies.api import register_contingencies
from app.engine.board import Board
from app.engine.commands import NotOfferedError, TooManyEventsError, UnknownIdError
from app.engine.jobs import JobFailure, JobKind
from app.export.api import register_export
from app.jobs.api import register_jobs
from app.maintenance.api import register_maintenance
from app.operations.api import register_operations, register_priorities
from app.optimisation import payloads as planpayloads
from app.optimisation.api import register_explanations, register_plans
from app.report.api import register_report
from app.shell.health import register_health
from app.shell.openapi import openapi, openapi_page
from app.shell.prometheus import exposition
from app.web import plain as payloads
from app.web.bodies import (
    AcknowledgeBody,
    BadRequestError,
    CaseBody,
    EventBody,
    RemovalBody,
    answer,
    read_body,
    to_json,
)
from app.web.case_work import case_work
from app.web.errors import REFUSALS, error_answer, failure_of
from app.web.jobs import answer_or_job
from app.web.query import wanted_alarms
from app.web.services import Services
from components.optimisation.words import stopped_words
from grid.files.report import plain_report

UPLOAD_MARGIN_BYTES = 100_000  # what multipart encoding adds to a file
LONGEST_ID = 18  # digits; Python refuses to read numbers of thousands of them


def api_blueprint(services: Services) -> Blueprint:
    """All routes of the API on a blueprint of their own."""
    api = Blueprint("api", __name__)
    _register_errors(api)
    _register_reads(api, services)
    _register_commands(api, services)
    register_health(api, services)
    register_jobs(api, services)
    register_plans(api, services)
    register_explanations(api, services)
    register_operations(api, services)
    register_priorities(api, services)
    register_contingencies(api, services)
    register_maintenance(api, services)
    register_analytics(api, services)
    register_report(api, services)
    register_export(api, services)
    _register_documents(api, services)
    return api


def _register_errors(api: Blueprint) -> None:
    def refused(failure: Exception) -> Response:
        return error_answer(failure_of(failure))

    for kind in REFUSALS:
        api.register_error_handler(kind, refused)

    def error(message: str, status: int) -> Response:
        return error_answer(JobFailure(detail=message, status=status))

    @api.errorhandler(HTTPException)
    def http_error(failure: HTTPException) -> Response:
        return error(failure.description or failure.name, failure.code or 500)

    @api.app_errorhandler(404)
    def no_route(failure: HTTPException) -> Response | HTTPException:
        return error(f"there is no {request.path}", 404) if request.path.startswith("/api") else failure

    @api.app_errorhandler(405)
    def no_method(failure: HTTPException) -> Response | HTTPException:
        return (
            error(f"{request.method} is not answered on {request.path}", 405)
            if request.path.startswith("/api")
            else failure
        )


class _PerVersion:
    """Keeps the last answer of each read while the snapshot stays the same: any number of readers, one encoding."""

    def __init__(self, services: Services) -> None:
        self._boards = services.boards
        self._kept: dict[str, tuple[int, bytes]] = {}

    def __call__(self, name: str, build: Callable[[Board], object]) -> Response:
        board = self._boards.latest
        version, body = self._kept.get(name, (-1, b""))
        if version != board.snapshot.version:
            body = to_json(build(board))
            self._kept[name] = (board.snapshot.version, body)
        return Response(body, mimetype="application/json", headers={"Cache-Control": "no-store"})


def _register_reads(api: Blueprint, services: Services) -> None:
    boards, kept = services.boards, _PerVersion(services)

    @api.get("/api/grid/state")
    def grid_state() -> Response:
        return kept(
            "state",
            lambda board: {
                **payloads.grid_state(board.snapshot),
                "optimization": _optimization(services, board),
            },
        )

    @api.get("/api/grid/paths")
    def paths() -> Response:
        return kept("paths", lambda board: payloads.paths(board.snapshot))

    @api.get("/api/grid/risk")
    def risk() -> Response:
        return kept("risk", lambda board: payloads.ranked_risk(board.snapshot))

    @api.get("/api/grid/loss")
    def loss() -> Response:
        return kept("loss", lambda board: payloads.loss(board.snapshot, board.history))

    @api.get("/api/grid/statistics")
    def statistics() -> Response:
        return kept("statistics", lambda board: payloads.statistics(board.snapshot))

    @api.get("/api/grid/reliability")
    def reliability() -> Response:
        return kept("reliability", lambda board: payloads.reliability(board.snapshot))

    @api.get("/api/grid/node/<node_id>")
    def node(node_id: str) -> Response:
        snapshot = boards.latest.snapshot
        if not (_is_id(node_id) and int(node_id) < snapshot.case.network.n_bus):
            raise UnknownIdError(
                f"no node {node_id[:LONGEST_ID]}; they are numbered 0 to {snapshot.case.network.n_bus - 1}"
            )
        return answer(payloads.node(snapshot, int(node_id)))

    @api.get("/api/grid/data-source")
    def data_source() -> Response:
        return answer(_data_source(services, boards.latest))

    @api.get("/api/alarms")
    def alarms() -> Response:
        wanted = wanted_alarms(request.args)
        if wanted is None:
            return kept("alarms", lambda board: payloads.alarms(board.snapshot))
        return answer(payloads.alarms(boards.latest.snapshot, wanted))

    @api.get("/api/events")
    def events() -> Response:
        return answer({"events": [payloads.event(item) for item in boards.latest.snapshot.control.events]})

    @api.get("/api/faults")
    def faults() -> Response:
        snapshot = boards.latest.snapshot
        return answer({"faults": [payloads.fault(item, snapshot) for item in snapshot.assessed.faults]})

    @api.get("/api/case")
    def case() -> Response:
        watched = boards.latest.snapshot.case
        return answer(
            {
                "case": watched.network.name,
                "title": watched.network.title,
                "cases": services.cases.names(),
                "report": plain_report(watched.report),
            }
        )


def _register_commands(api: Blueprint, services: Services) -> None:
    engine = services.engine

    @api.post("/api/events")
    def add_event() -> tuple[Response, int] | Response:
        body = read_body(request, EventBody)
        try:
            event = engine.add_event(body.kind, body.target, body.magnitude)
        except (NotOfferedError, TooManyEventsError):
            raise
        except ValueError as failure:
            raise BadRequestError(str(failure), "magnitude", status=422) from None
        return answer({"event": payloads.event(event)}, HTTPStatus.ACCEPTED)

    @api.delete("/api/events")
    def remove_event() -> Response:
        identifier = _event_named(request.args.get("id"), read_body(request, RemovalBody).id)
        engine.remove_event(identifier)
        return answer({"removed": identifier}, HTTPStatus.ACCEPTED)

    @api.delete("/api/events/all")
    def remove_all_events() -> Response:
        return answer({"removed": list(engine.remove_all_events())}, HTTPStatus.ACCEPTED)

    @api.post("/api/faults/<int:fault_id>/isolate")
    def isolate(fault_id: int) -> tuple[Response, int] | Response:
        return answer({"fault": fault_id, "switches": list(engine.isolate(fault_id))}, HTTPStatus.ACCEPTED)

    @api.post("/api/alarms/<int:alarm_id>/ack")
    def acknowledge(alarm_id: int) -> Response:
        body = read_body(request, AcknowledgeBody)
        try:
            engine.acknowledge(alarm_id, body.person)
        except ValueError as failure:
            raise BadRequestError(str(failure), "person", status=422) from None
        return answer({"acknowledged": alarm_id, "person": body.person.strip()}, HTTPStatus.ACCEPTED)

    @api.post("/api/case")
    def load_case() -> Response:
        if request.mimetype == "multipart/form-data":
            request.max_content_length = int(services.settings.upload_mb * 1e6) + UPLOAD_MARGIN_BYTES
            upload = request.files.get("file")
            if upload is None:
                raise BadRequestError("file: send the network file in a form field named file", "file", status=422)
            read = services.cases.uploaded(upload.filename or "", upload.read())
        else:
            read = services.cases.named(read_body(request, CaseBody).case)
        return answer_or_job(services.jobs, JobKind.CASE, case_work(services, read), HTTPStatus.ACCEPTED)


def _register_documents(api: Blueprint, services: Services) -> None:
    @api.get("/api/openapi.json")
    def specification() -> Response:
        return answer(openapi())

    @api.get("/api/docs")
    def documentation() -> Response:
        return Response(openapi_page(), mimetype="text/html")

    @api.get("/metrics")
    def prometheus() -> Response:
        return Response(exposition(services.boards.latest.snapshot), mimetype="text/plain; version=0.0.4")


def _event_named(address: str | None, body: int | None) -> int:
    """The id of an event that the address or the body names. BadRequestError where neither does, or they differ."""
    if address is None:
        if body is None:
            raise BadRequestError("id: name the event, in the address or in the body", "id", status=422)
        return body
    if not _is_id(address):
        raise BadRequestError(f"id: must be a whole number of up to {LONGEST_ID} digits", "id", status=422)
    if body not in (None, int(address)):
        raise BadRequestError(f"id: the address names event {address}, the body another one", "id", status=422)
    return int(address)


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_ID


def _data_source(services: Services, board: Board) -> dict[str, Any]:
    snapshot = board.snapshot
    return {
        "source": snapshot.measured.source,
        "is_active": not snapshot.control.paused and not snapshot.solved.stale,
        "generation_interval": snapshot.control.cycle.period_s,
        "speed_minutes_per_s": snapshot.control.speed_minutes_per_s if snapshot.control.offers.clock else None,
        "current_iteration": snapshot.iteration,
        "simulated_time": payloads.stamp(snapshot.simulated_at),
        "total_episodes_trained": services.planner.report_on(board).training.episodes,
    }


def _optimization(services: Services, board: Board) -> dict[str, Any]:
    """How the present operation counts by the optimiser's objective, and how long its policy has learned."""
    snapshot = board.snapshot
    return {
        "reward": payloads.reward(board.history),
        "risk_weight": snapshot.control.requirements.risk_weight,
        "switched": [planpayloads.action(item, snapshot.case.network) for item in snapshot.control.operations.done],
        "to_switch": [planpayloads.action(item, snapshot.case.network) for item in snapshot.control.operations.pending],
        "note": stopped_words(snapshot.case.network, snapshot.control.operations.stopped),
        **planpayloads.training(services.planner.report_on(board).training),
    }
