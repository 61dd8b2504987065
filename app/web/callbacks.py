"""The one door of all callbacks: a call has the form that the page gives it, and values of the types that the function
names. Anything else is answered with 4xx and a sentence; an error within a callback is a bug, logged and a 500."""

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

import dash
from dash.exceptions import DependencyException
from flask import Response, request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.engine.jobs import JobFailure
from app.web.bodies import BadRequestError
from app.web.errors import REFUSALS, error_answer, failure_of
from app.web.guard import CALLBACKS
from components.common.theme import Scheme


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Look = Annotated[Scheme, Field(strict=False)]
Clicks = int | None
"""A button's n_clicks; None where another input called."""
Position = Annotated[str, Field(pattern="^[0-9]{0,9}$")]
"""What is chosen of a list, by its position; empty where nothing is."""
Moment = Annotated[str, AfterValidator(_moment)]
"""A time in ISO 8601."""
Typed = float | str | None
"""What stands in a field for numbers: text where it isn't one yet."""


class Sent(BaseModel):
    """What a store in the browser keeps and sends."""

    model_config = ConfigDict(strict=True, frozen=True)


MANY = ".."  # before the names of a callback's outputs, where it may have several
Button = TypeVar("Button", bound=Sent)


class Clicked(Sent, Generic[Button]):
    """A click on one of many buttons, as `clicked` in assets/page.js has it. id: of the button."""

    id: Button


class Pages(dash.Dash):
    """A Dash app whose callbacks are typed: `callback` is where each is registered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.server.before_request(self._check_call)
        for kind in REFUSALS:
            self.server.register_error_handler(kind, _refused)
        self.server.register_error_handler(DependencyException, _no_file)

    def callback(self, *arguments: Any, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function as Dash's own does; its annotations say what it takes."""
        register = super().callback(*arguments, **options)

        def take(function: Callable[..., Any]) -> Callable[..., Any]:
            register(typed(function))
            return function

        return take

    def _check_call(self) -> None:
        """BadRequestError for what isn't a call of one of the callbacks, as Dash's renderer makes it."""
        if request.path != CALLBACKS or request.method != "POST":
            return
        call = request.get_json()
        if not isinstance(call, dict):
            raise _wrong("the body must be a JSON object")
        called = call.get("output")
        known = self.callback_map.get(called) if isinstance(called, str) else None
        if not isinstance(called, str) or known is None or "callback" not in known:
            raise BadRequestError("there is no such callback", "output", HTTPStatus.NOT_FOUND)
        props = _check_props(call, "inputs", known["inputs"]) | _check_props(call, "state", known["state"])
        outputs = [] if known["no_output"] else outputs_of(called)
        told = call.get("outputs") or []
        if _named(told if called.startswith(MANY) or not outputs else [told]) != outputs:
            raise _wrong("these aren't the outputs of the callback", "outputs")
        changed = call.get("changedPropIds", [])
        if not isinstance(changed, list) or not all(isinstance(one, str) and one in props for one in changed):
            raise _wrong("not all of these are inputs of the callback", "changedPropIds")


def typed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called with values checked against its annotations, strictly: text is no number.

    What isn't of its type is a BadRequestError that names the argument.
    """
    parameters = inspect.signature(function).parameters.values()
    hints = get_type_hints(function, include_extras=True)
    fixed = [one for one in parameters if one.kind is not one.VAR_POSITIONAL]
    rest = [hints[one.name] for one in parameters if one.kind is one.VAR_POSITIONAL]
    names = [one.name.lstrip("_") for one in fixed]
    adapters: dict[int, TypeAdapter[Any]] = {}

    def adapter(count: int) -> TypeAdapter[Any]:
        if count not in adapters:
            kinds = (*(hints[one.name] for one in fixed), *rest * (count - len(fixed)))
            adapters[count] = TypeAdapter(tuple[kinds], config=ConfigDict(strict=True))  # type: ignore[valid-type]
        return adapters[count]

    @wraps(function)
    def call(*values: Any) -> Any:
        try:
            taken = adapter(len(values)).validate_python(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            position, *within = first["loc"]
            named = names[position] if isinstance(position, int) and position < len(names) else "arguments"
            field = ".".join([named, *(str(part) for part in within)])
            raise _wrong(f"{field}: {first['msg']}", field) from None
        return function(*taken)

    return call


def outputs_of(callback: str) -> list[tuple[str, str]]:
    """Ids and properties of a callback's outputs, from its name in calls."""
    names = callback[2:-2].split("...") if callback.startswith(MANY) else [callback]
    return [(name.rpartition(".")[0], name.rpartition(".")[2]) for name in names]


def _check_props(call: dict[str, Any], part: str, known: list[dict[str, Any]]) -> set[str]:
    """Names of the inputs or states in a call. BadRequestError where they aren't those of the callback."""
    expected = [(str(one["id"]), one["property"]) for one in known]
    if _named(call.get(part, [])) != expected:
        raise _wrong(f"these aren't the {part} of the callback", part)
    return {f"{name}.{prop}" for name, prop in expected}


def _named(parts: object) -> list[tuple[object, object]]:
    """Ids and properties of what a list names, None for what names nothing."""
    listed = parts if isinstance(parts, list) else [None]
    return [(one.get("id"), one.get("property")) if isinstance(one, dict) else (None, None) for one in listed]


def _wrong(words: str, field: str = "") -> BadRequestError:
    return BadRequestError(words, field, HTTPStatus.UNPROCESSABLE_ENTITY)


def _refused(error: Exception) -> Response:
    return error_answer(failure_of(error))


def _no_file(_error: DependencyException) -> Response:
    return error_answer(JobFailure(detail="there is no such file", status=HTTPStatus.NOT_FOUND))
