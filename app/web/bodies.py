"""What the API accepts: request bodies as strict models, and answers in strict JSON."""

import json
from typing import Annotated, Any, Literal, TypeVar

from flask import Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from grid.limits import LimitedKind
from grid.telemetry import EventKind
from ml.optimisation.plans.tags import TaggedKind, TagKind

MAX_BODY_BYTES = 1_000_000
MAX_DEPTH = 20
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _whole(value: object) -> object:
    """A whole number that came with a point: to JSON, 3.0 is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class BadRequestError(ValueError):
    """A request that can't be answered as asked; field names where."""

    def __init__(self, message: str, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.field, self.status = field, status


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class EventBody(_Body):
    """POST /api/events: magnitude is a factor for a surge, kelvin for a heat wave, and unused otherwise."""

    kind: Annotated[EventKind, Field(strict=False)]
    target: Whole | None = None
    magnitude: Finite = 1.0


class RemovalBody(_Body):
    """DELETE /api/events. id: null or left out where the address has it."""

    id: Whole | None = None


class AcknowledgeBody(_Body):
    """POST /api/alarms/<id>/ack."""

    person: str = Field(min_length=1, max_length=80)


class CaseBody(_Body):
    """POST /api/case: a built-in name or code; files are sent as multipart form data, field `file`."""

    case: str = Field(min_length=1, max_length=200)


class ReloadBody(_Body):
    """POST /api/maintenance/model: read the model files again."""

    reload: Literal[True]


class OptimizeBody(_Body):
    """POST /api/grid/optimize: what this plan must keep, where it differs from what all plans must.

    risk_weight: kW of losses for one kW of demand expected to be interrupted within a year. locked: ids of edges whose
    switches stay as they are. most_pairs: of switches that change. null for min_vm_pu, max_vm_pu and most_pairs: the
    case's own limits, and any number. worst_hour: for the worst of the coming hours instead of now.
    emergency_loading_percent, emergency_min_vm_pu, emergency_max_vm_pu: how far a plan that restores supply may go, no
    narrower than the normal limits, null for these; emergency_minutes: until it must be back within them, 1 to 1,380.
    keep: let all plans from now on be made so.
    """

    risk_weight: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    min_vm_pu: Finite | None = None
    max_vm_pu: Finite | None = None
    max_loading_percent: Finite | None = None
    locked: list[Whole] | None = None
    most_pairs: Whole | None = None
    n_minus_1: bool | None = None
    worst_hour: bool | None = None
    emergency_loading_percent: Finite | None = None
    emergency_min_vm_pu: Finite | None = None
    emergency_max_vm_pu: Finite | None = None
    emergency_minutes: Finite | None = None
    keep: bool = False


class ApplyBody(_Body):
    """POST /api/grid/apply: the latest plan's first actions, or back. count: of actions, all where it is left out.

    code: of the plan that is meant, as POST /api/grid/optimize answers it; refused where the latest is another one.
    """

    count: Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None = None
    undo: bool = False
    code: Annotated[str, Field(max_length=10_000)] | None = None


class OperationBody(_Body):
    """POST /api/operations/preview: a branch to close or open, or whose tap changer to move to a whole position, or a
    generator to hold at a power or a voltage."""

    kind: Annotated[TaggedKind, Field(strict=False)]
    target: Whole
    close: bool | None = None
    p_mw: Finite | None = None
    vm_pu: Finite | None = None
    tap_pos: Finite | None = None


class OperateBody(OperationBody):
    """POST /api/operations. person: who does it. code: of the effect that was seen, as the preview answers it; refused
    where it would have another one by now."""

    person: str = Field(min_length=1, max_length=80)
    code: Annotated[str, Field(max_length=200)] | None = None


class TagBody(_Body):
    """POST /api/tags: a note or a do-not-operate tag, on a branch or a generator."""

    kind: Annotated[TagKind, Field(strict=False)] = TagKind.DO_NOT_OPERATE
    on: Annotated[TaggedKind, Field(strict=False)]
    target: Whole
    reason: str = Field(min_length=1, max_length=200)
    person: str = Field(min_length=1, max_length=80)


class TagRemovalBody(_Body):
    """DELETE /api/tags. person: who takes the tag off."""

    id: Whole
    person: str = Field(min_length=1, max_length=80)


class LimitBody(_Body):
    """POST /api/limits: the band of a bus, both ends, or the rating of a branch. person: who sets it."""

    on: Annotated[LimitedKind, Field(strict=False)]
    target: Whole
    min_vm_pu: Finite | None = None
    max_vm_pu: Finite | None = None
    rating_ka: Finite | None = None
    person: str = Field(min_length=1, max_length=80)


class PriorityBody(_Body):
    """POST /api/priorities: how much a kW of a bus's loads counts beside others, an ordinary one 1. person: who sets
    it."""

    target: Whole
    priority: Finite
    person: str = Field(min_length=1, max_length=80)


class PinBody(_Body):
    """A job settled by hand: id of its branch, and its week from 1 on, null for deferred."""

    id: Whole
    week: Whole | None


class ScheduleBody(_Body):
    """POST /api/maintenance/schedule: all jobs that are settled by hand; the others are arranged around them."""

    pins: Annotated[list[PinBody], Field(max_length=10_000)] = []


Model = TypeVar("Model", bound=BaseModel)


def read_body(request: Request, model: type[Model]) -> Model:
    """The request's JSON body as a model. BadRequestError names the field that is wrong."""
    text = _read_limited(request)
    try:
        data = json.loads(text or b"{}", parse_constant=refuse_constant)
    except RecursionError:
        raise BadRequestError("the body is nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequestError(f"the body isn't JSON: {error}") from None
    if depth_of(data) > MAX_DEPTH:
        raise BadRequestError(f"the body is nested deeper than {MAX_DEPTH} levels")
    if not isinstance(data, dict):
        raise BadRequestError("the body must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadRequestError(f"{field or 'the body'}: {first['msg']}", field, status=422) from None


def answer(data: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(to_json(data), status, mimetype="application/json", headers={"Cache-Control": "no-store"})


def _read_limited(request: Request) -> bytes:
    """The body, which may come without its length; one byte more than allowed is read, to know that there is more."""
    request.max_content_length = MAX_BODY_BYTES + 1
    text: bytes | None
    try:
        text = request.get_data(cache=False)
    except RequestEntityTooLarge:
        text = None
    if text is None or len(text) > MAX_BODY_BYTES:
        raise BadRequestError(f"the body is over {MAX_BODY_BYTES} bytes", status=413)
    return text


def refuse_constant(name: str) -> Any:
    """ValueError for NaN and infinity, which Python's reader of JSON takes for numbers."""
    raise ValueError(f"{name} is not a JSON number")


def depth_of(data: object) -> int:
    """Levels of lists and objects, counted without recursion."""
    level, depth = [data], 0
    while level:
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
            if isinstance(child, dict | list)
        ]
        depth += 1
    return depth


def to_json(data: object) -> bytes:
    """Strict JSON: ValueError where a NaN got through."""
    return json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()
