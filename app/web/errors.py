"""What is wrong with a request, as one JSON answer, and as what a job tells of its failure."""

from http import HTTPStatus

from flask import Response

from app.engine.board import NotReadyError
from app.engine.commands import (
    NotOfferedError,
    OperationRefusedError,
    PlanRefusedError,
    TooManyEventsError,
    UnknownIdError,
)
from app.engine.jobs import JobDropCause, JobEndedError, JobFailure, TooManyJobsError, in_short
from app.learning.process import LearningDownError
from app.web.bodies import BadRequestError, answer
from app.web.reasons import operation_refusal_words, plan_refusal_words
from grid.errors import CaseError

REFUSALS = (
    BadRequestError,
    CaseError,
    UnknownIdError,
    PlanRefusedError,
    OperationRefusedError,
    NotOfferedError,
    TooManyEventsError,
    JobEndedError,
    NotReadyError,
    TooManyJobsError,
    LearningDownError,
)
DROPPED = {
    JobDropCause.OTHER_SCHEDULE: "another schedule was asked for",
    JobDropCause.OTHER_GRID: "another grid is watched by now",
    JobDropCause.ENDING: "the dashboard is ending",
}


def failure_of(error: Exception) -> JobFailure:
    """What is told of a failure: words, field and status."""
    match error:
        case BadRequestError():
            return JobFailure(detail=str(error), field=error.field, status=error.status)
        case CaseError():
            return JobFailure(detail=str(error), field=error.field or "case", status=HTTPStatus.UNPROCESSABLE_ENTITY)
        case UnknownIdError():
            words = str(error.args[0]) if error.args else "not found"
            return JobFailure(detail=words, status=HTTPStatus.NOT_FOUND)
        case PlanRefusedError():
            return JobFailure(detail=plan_refusal_words(error.refusal), status=HTTPStatus.CONFLICT)
        case OperationRefusedError():
            return JobFailure(detail=operation_refusal_words(error.refusal), status=HTTPStatus.CONFLICT)
        case NotOfferedError() | JobEndedError() | TooManyEventsError():
            return JobFailure(detail=str(error), status=HTTPStatus.CONFLICT)
        case NotReadyError() | TooManyJobsError() | LearningDownError():
            return JobFailure(detail=str(error), status=HTTPStatus.SERVICE_UNAVAILABLE)
        case _:
            return in_short(error)


def error_body(failure: JobFailure) -> dict[str, object]:
    """{error, field, status}."""
    words = failure.detail if failure.dropped is None else DROPPED[failure.dropped]
    return {"error": words, "field": failure.field or None, "status": int(failure.status)}


def error_answer(failure: JobFailure) -> Response:
    """A JSON error: what is wrong, and with which field."""
    return answer(error_body(failure), failure.status)
