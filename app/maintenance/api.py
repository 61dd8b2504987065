"""The maintenance endpoints: prognoses, the schedule with its files, and the model card."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus

from flask import Blueprint, Response, request

from app.engine.board import NotReadyError
from app.engine.commands import UnknownIdError
from app.engine.jobs import JobKind, JobTicket
from app.maintenance import payloads as maintpayloads
from app.maintenance.view import Maintained, maintained_on
from app.web.bodies import BadRequestError, ReloadBody, ScheduleBody, answer, read_body
from app.web.jobs import answer_or_job, job_location
from app.web.query import position
from app.web.services import Services
from components.maintenance.words import conflict_words, work_words
from ml.maintenance.records import ModelFileError
from ml.maintenance.schedule.economics import ScheduleView
from ml.maintenance.schedule.files import schedule_csv, schedule_ics
from ml.maintenance.schedule.problem import DEFERRED
from ml.maintenance.schedule.solve import Schedule

FORMATS = ("json", "csv", "ics")
MIMETYPE = {"csv": "text/csv", "ics": "text/calendar"}


def register_maintenance(api: Blueprint, services: Services) -> None:
    """GET of assets, one asset, schedule and model; POST of pins, and to read the model files again."""

    @api.get("/api/maintenance/assets")
    def assets() -> Response:
        return answer(maintpayloads.assets(_now(services)))

    @api.get("/api/maintenance/assets/<asset_id>")
    def one_asset(asset_id: str) -> Response:
        now = _now(services)
        return answer(maintpayloads.one_asset(now, _branch(asset_id, now)))

    @api.get("/api/maintenance/schedule")
    def schedule() -> Response:
        kind = request.args.get("format", "json")
        if kind not in FORMATS:
            raise BadRequestError(f"format: must be one of {', '.join(FORMATS)}", "format", status=422)
        now = _now(services)
        return answer(maintpayloads.schedule(now)) if kind == "json" else _file(now, kind)

    @api.post("/api/maintenance/schedule")
    def solve() -> Response:
        body, now = read_body(request, ScheduleBody), _now(services)
        try:
            pins = pins_of_weeks(((pin.id, pin.week) for pin in body.pins), _made(now))
        except ValueError as error:
            raise BadRequestError(str(error), "pins", status=422) from None
        ticket = services.jobs.open(JobKind.SCHEDULE, maintpayloads.solved)
        services.maintainer.reschedule(now.report, pins, ticket)
        wanted = [pin.model_dump() for pin in body.pins]
        response = answer({"success": True, "pins": wanted, "job": ticket.job.id}, HTTPStatus.ACCEPTED)
        response.headers["Location"] = job_location(ticket.job)
        return response

    @api.get("/api/maintenance/model")
    def model() -> Response:
        return answer(maintpayloads.model(_now(services)))

    @api.post("/api/maintenance/model")
    def reload() -> Response:
        read_body(request, ReloadBody)

        def work(_: JobTicket) -> maintpayloads.JSON:
            try:
                services.maintainer.reload()
            except ModelFileError as error:
                raise BadRequestError(f"refused, the running models stay: {error}", "reload", status=409) from None
            return {"success": True, "trained": True}

        return answer_or_job(services.jobs, JobKind.MODELS, work)


def pins_of_weeks(weeks: Iterable[tuple[int, int | None]], made: ScheduleView) -> dict[int, int]:
    """Pins by branch, weeks from 0, of (branch, week from 1 or None for deferred). ValueError says what is wrong."""
    pins: dict[int, int] = {}
    for branch, week in weeks:
        if branch not in made.branches:
            raise ValueError(f"pins: branch {branch} has no job in this schedule")
        if week is not None and not 1 <= week <= made.problem.n_week:
            raise ValueError(f"pins: week {week} of branch {branch} is not from 1 to {made.problem.n_week}, or null")
        if branch in pins:
            raise ValueError(f"pins: branch {branch} is pinned twice")
        pins[branch] = DEFERRED if week is None else week - 1
    return pins


def _now(services: Services) -> Maintained:
    return maintained_on(services.boards.latest, services)


def _branch(asset_id: str, now: Maintained) -> int:
    """The branch of an id. UnknownIdError where it is none, or no asset."""
    branches = now.branches
    branch = position(asset_id)
    if branch is None or branch not in branches:
        raise UnknownIdError(f"no asset {asset_id[:18]}; GET /api/maintenance/assets lists their ids")
    return branch


def _made(now: Maintained) -> ScheduleView:
    if now.report.schedule is None:
        raise NotReadyError("no schedule has been made yet")
    return now.report.schedule


def _file(now: Maintained, kind: str) -> Response:
    """The schedule as a download."""
    made = _made(now)
    found: Schedule | None = made.schedule
    if found is None:
        words = conflict_words(() if made.conflict is None else made.conflict.violations)
        raise BadRequestError(f"there is no schedule, pins contradict one another: {words}", "pins", status=409)
    network, weeks = now.snapshot.case.network, found.week.tolist()
    when = [work_words(network, made.work_of(job, week)) for job, week in enumerate(weeks)]
    if kind == "csv":
        content = schedule_csv(made.problem, found.judgement, made.first_day, when, made.share_of_draws)
    else:
        title = f"Maintenance of {network.title}"
        content = schedule_ics(made.problem, found.judgement, made.first_day, datetime.now(UTC), title, when)
    headers = {
        "Content-Disposition": f'attachment; filename="maintenance-{made.first_day.isoformat()}.{kind}"',
        "Cache-Control": "no-store",
    }
    return Response(content, mimetype=MIMETYPE[kind], headers=headers)
