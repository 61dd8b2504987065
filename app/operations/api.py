"""Endpoints of operations by hand, of tags and of edited limits."""

import math
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, request

from app.operations import payloads
from app.web.bodies import (
    BadRequestError,
    LimitBody,
    OperateBody,
    OperationBody,
    PriorityBody,
    TagBody,
    TagRemovalBody,
    answer,
    read_body,
)
from app.web.services import Services
from components.optimisation.words import stopped_words
from grid.limits import LimitEdit, LimitedKind
from ml.optimisation.plans.by_hand import Operation, Setting, Switching, TapMove
from ml.optimisation.plans.tags import TaggedKind
from ml.optimisation.radial.grid import operated_radially


def register_operations(api: Blueprint, services: Services) -> None:
    """/api/operations, to look and to do, /api/tags and /api/limits."""
    engine, boards = services.engine, services.boards

    @api.get("/api/operations")
    def operations() -> Response:
        board = boards.latest
        control, network = board.snapshot.control, board.network
        done = [payloads.hand_operation(item, network) for item in reversed(control.operations.by_hand)]
        note, may_undo = stopped_words(network, control.operations.stopped), control.operations.may_undo
        return answer({"operations": done, "may_undo": may_undo, "note": note})

    @api.post("/api/operations/preview")
    def preview() -> Response:
        asked = _operation(read_body(request, OperationBody))
        try:
            seen = engine.preview(asked)
        except ValueError as failure:
            raise _wrong(failure) from None
        radial = operated_radially(seen.snapshot.case.network)
        return answer(payloads.preview(seen.effect, seen.snapshot, seen.refusal, radial))

    @api.post("/api/operations")
    def operate() -> Response:
        body, network = read_body(request, OperateBody), boards.latest.network
        asked = _operation(body)
        try:
            effect = engine.operate(asked, body.person, body.code)
        except ValueError as failure:
            raise _wrong(failure) from None
        done = {"operation": payloads.operation(asked, network), "person": body.person.strip(), "code": effect.code}
        return answer({"success": True, **done}, HTTPStatus.ACCEPTED)

    @api.delete("/api/operations")
    def undo() -> Response:
        engine.undo(1)
        return answer({"success": True}, HTTPStatus.ACCEPTED)

    @api.get("/api/tags")
    def tags() -> Response:
        snapshot = boards.latest.snapshot
        return answer({"tags": [payloads.tag(item, snapshot.case.network) for item in snapshot.control.tags]})

    @api.post("/api/tags")
    def place() -> Response:
        body, network = read_body(request, TagBody), boards.latest.network
        try:
            placed = engine.tag(body.kind, body.on, body.target, body.reason, body.person)
        except ValueError as failure:
            raise _wrong(failure) from None
        return answer({"tag": payloads.tag(placed, network)}, HTTPStatus.ACCEPTED)

    @api.delete("/api/tags")
    def remove() -> Response:
        body, network = read_body(request, TagRemovalBody), boards.latest.network
        try:
            taken_off = engine.remove_tag(body.id, body.person)
        except ValueError as failure:
            raise _wrong(failure) from None
        return answer({"tag": payloads.tag(taken_off, network)}, HTTPStatus.ACCEPTED)

    @api.get("/api/limits")
    def limits() -> Response:
        case = boards.latest.snapshot.case
        return answer({"edits": [payloads.limit_edit(item, case.network) for item in reversed(case.limit_edits)]})

    @api.post("/api/limits")
    def edit_limits() -> Response:
        body, snapshot = read_body(request, LimitBody), boards.latest.snapshot
        try:
            made = engine.edit_limits(_edit(body, snapshot.simulated_at))
        except ValueError as failure:
            raise _wrong(failure) from None
        return answer({"edit": payloads.limit_edit(made, snapshot.case.network)}, HTTPStatus.ACCEPTED)


def register_priorities(api: Blueprint, services: Services) -> None:
    """/api/priorities."""

    @api.get("/api/priorities")
    def priorities() -> Response:
        return answer(payloads.priorities(services.boards.latest.snapshot.case))

    @api.post("/api/priorities")
    def prioritise() -> Response:
        body, network = read_body(request, PriorityBody), services.boards.latest.network
        try:
            made = services.engine.prioritise(body.target, body.priority, body.person)
        except ValueError as failure:
            raise _wrong(failure) from None
        return answer({"edit": payloads.priority_edit(made, network)}, HTTPStatus.ACCEPTED)


def _edit(body: LimitBody, now: datetime) -> LimitEdit:
    """The edit that a body asks for. BadRequestError for limits of another kind."""
    foreign = ("rating_ka",) if body.on is LimitedKind.BUS else ("min_vm_pu", "max_vm_pu")
    for name in foreign:
        if getattr(body, name) is not None:
            raise BadRequestError(f"{name}: a {body.on.value} has no such limit", name, status=422)
    values = {name: getattr(body, name) for name in ("min_vm_pu", "max_vm_pu", "rating_ka")}
    known = {name: math.nan if value is None else value for name, value in values.items()}
    return LimitEdit(on=body.on, target=body.target, person=body.person, edited_at=now, **known)


def _operation(body: OperationBody) -> Operation:
    """The operation that a body names. BadRequestError where something is missing or too much."""
    if body.kind is TaggedKind.BRANCH:
        if body.p_mw is not None or body.vm_pu is not None:
            raise BadRequestError("p_mw, vm_pu: these are of a generator", "p_mw", status=422)
        if body.tap_pos is not None:
            if body.close is not None:
                raise BadRequestError("close: either a switch is operated, or a tap moved", "close", status=422)
            return TapMove(branch=body.target, position=body.tap_pos)
        if body.close is None:
            words = "close: true to close the branch, false to open it; or tap_pos, where to move its tap"
            raise BadRequestError(words, "close", status=422)
        return Switching(branch=body.target, close=body.close)
    for name in ("close", "tap_pos"):
        if getattr(body, name) is not None:
            raise BadRequestError(f"{name}: this is of a branch", name, status=422)
    return Setting(generator=body.target, p_mw=body.p_mw, vm_pu=body.vm_pu)


def _wrong(failure: ValueError) -> ValueError:
    """What is wrong with a field as an answer of 422; what is refused for other reasons stays what it is."""
    if type(failure) is not ValueError:
        return failure
    message = str(failure)
    return BadRequestError(message, message.partition(":")[0], status=422)
