"""Calls of callbacks that the page wouldn't make are answered with 4xx and change nothing; bugs within stay 500."""

import copy
import json
import logging
from typing import Any

import numpy as np
import pytest
from dash import Input, Output, html
from dash.development.base_component import Component
from flask import Flask

from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.shell.frame import layout
from app.shell.pages import PAGES
from app.web.bodies import BadRequestError
from app.web.callbacks import Clicked, Clicks, Look, Pages, Position, Sent, outputs_of, typed
from app.web.guard import CALLBACKS
from app.web.ids import Id
from components.common.theme import Scheme
from tests.app.rig import Rig, make_rig, resident_bytes, strict_json
from tests.app.web.test_guard import unchanged

VIEW = {"page": "overview", "layer": "loading", "asset": "branch-1", "paths": [], "plan": True}
FORM_VALUES = {
    "weight": 4, "pairs": "free", "case": True, "band": [0.95, 1.05], "loading": 100, "n1": False, "worst": False,
    "em_loading": 100, "em_low": 0.95, "em_high": 1.05, "em_minutes": 60,
}  # fmt: skip
STORED: dict[str, object] = {  # what scripts put into stores, and people into fields
    Id.VIEW: VIEW,
    Id.SEEN: None,
    Id.SCHEME: "light",
    Id.NETWORK: "n",
    Id.URL: "/maintenance",
    Id.EVENT_REMOVE_REQUEST: {"id": {"type": "event-remove", "event": 1}, "clicks": 1, "at": 1},
    Id.ACKNOWLEDGE_REQUEST: {"id": {"type": "acknowledge", "alarm": 1, "place": "list"}, "clicks": 1, "at": 1},
    Id.OPERATE_REQUEST: {"id": {"type": "operate", "branch": 1, "close": 0}, "clicks": 1, "at": 1},
    Id.UNDO_REQUEST: {"id": {"type": "operate-undo", "place": "drawer"}, "clicks": 1, "at": 1},
    Id.UNTAG_REQUEST: {"id": {"type": "untag", "tag": 1}, "clicks": 1, "at": 1},
    Id.UNLOCK_REQUEST: {"id": {"type": "unlock", "branch": 1}, "clicks": 1, "at": 1},
    Id.LOCK_REQUEST: {"code": "branch-1", "at": 1},
    Id.FORM_REQUEST: {"changed": ["weight"], "values": FORM_VALUES, "at": 1},
    Id.PREVIEWED: {"kind": "branch", "target": 1, "close": True, "code": "x", "network": "y"},
    Id.CASE_JOB: {"id": "0" * 16, "wanted": "case14"},
    Id.CASE_SPEC: "nowhere",
    Id.EVENT_TARGET: "1",
    Id.OPERATE_PERSON: "Ann",
    Id.OPERATOR: "Ann",
    Id.TAG_REASON: "crew",
    Id.GENERATOR: "0",
    Id.GENERATOR_P: 1.5,
    Id.GENERATOR_V: 1.01,
    Id.TAP_POSITION: 1,
    Id.LIMIT_LOW: 0.9,
    Id.LIMIT_HIGH: 1.1,
    Id.LIMIT_RATING: 0.4,
    Id.PRIORITY: 2,
    Id.SERIES: "load",
    Id.ISSUE_CHOSEN: "2026-01-15T06:00:00+00:00",
}
JUNK: tuple[object, ...] = (
    None, True, False, 0, -1, 3, 10**30, 10**400, 1.5, -1e308, 1e-320, "", "x", "0", "-1", "9" * 5000, "nan", "inf",
    "1e999", "\ud800", "\0", "😀" * 300, "../../etc/passwd", "<script>", "__class__", "branch-1", "branch-99999999",
    "bus-²", "light",
    [], {}, [[]], [None] * 50, {"": None}, {"id": None}, {"id": {"type": None}}, [{"id": "tick", "property": "data"}],
    {"page": []}, {"layer": {}}, "2026-13-45", "0001-01-01T00:00:00", "line_outage", ["load"], {"changed": ["weight"]},
)  # fmt: skip
LOG_BYTES, MEMORY_SHARE = 100_000, 1.05


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """city8 with its pages, and with what all workers have to tell."""
    rig = make_rig(tmp_path_factory.mktemp("called"), pages=True, training_episodes=1)
    rig.services.maintainer.load_or_train()
    for _ in range(2):
        for worker in rig.services.workers:
            worker.turn(rig.board)
    rig.client.get("/")
    return rig


def app_of(rig: Rig) -> Pages:
    """The app that checks the calls of a rig's server."""
    checks = rig.client.application.before_request_funcs[None]
    (app,) = {check.__self__ for check in checks if isinstance(getattr(check, "__self__", None), Pages)}
    return app


def props_of(rig: Rig) -> dict[str, dict[str, Any]]:
    """Properties of all components of all pages, by id."""
    services = PageServices(**vars(rig.services), views=NetworkViews())
    found: dict[str, dict[str, Any]] = {}
    for tree in (layout(services), *(page.layout(services) for page in PAGES)):
        for part in (tree, *tree._traverse()):
            if isinstance(part, Component) and isinstance(getattr(part, "id", None), str):
                found[str(part.id)] = part.to_plotly_json()["props"]
    return found


def calls_of(rig: Rig) -> list[dict[str, Any]]:
    """A call of every callback, as a page may make it."""
    props = props_of(rig)

    def value(name: str, prop: str) -> object:
        if prop in {"n_clicks", "n_intervals"}:
            return 1
        if name in STORED and prop in ("data", "value", "pathname"):
            return STORED[name]
        held = props.get(name, {}).get(prop)
        return json.loads(json.dumps(held, default=str))

    def named(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"id": one["id"], "property": one["property"], "value": value(one["id"], one["property"])} for one in parts
        ]

    calls = []
    for callback, known in app_of(rig).callback_map.items():
        if "callback" in known:
            outputs = [{"id": name, "property": prop} for name, prop in outputs_of(callback)]
            inputs = named(known["inputs"])
            call = {
                "output": callback,
                "outputs": None if known["no_output"] else outputs if callback.startswith("..") else outputs[0],
                "inputs": inputs,
                "state": named(known["state"]),
                "changedPropIds": [f"{inputs[0]['id']}.{inputs[0]['property']}"],
            }
            calls.append(call)
    return calls


def places(data: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Ways to all values within."""
    keys: Any = data.keys() if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    return [here, *(place for key in keys for place in places(data[key], (*here, key)))]  # type: ignore[index]


def mutated(call: dict[str, Any], generator: np.random.Generator) -> bytes:
    """A call with one to three things that aren't as the page has them."""
    body: Any = copy.deepcopy(call)
    of_values = generator.random() < 0.7  # or of the call's form
    for _ in range(generator.integers(1, 4)):
        way = [place for place in places(body) if "value" in place or not of_values]
        if not way:
            break
        *to, last = way[generator.integers(len(way))] or (None,)
        holder = body
        for key in to:
            holder = holder[key]
        junk = copy.deepcopy(JUNK[generator.integers(len(JUNK))])
        kind = generator.integers(6)
        if last is None or not isinstance(holder, dict | list):
            body = junk if generator.random() < 0.1 else body
        elif kind == 0 and not of_values:
            del holder[last]
        elif kind == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        elif kind == 2 and isinstance(holder, dict):
            holder[f"{last}x"] = holder.pop(last)
        elif kind == 3 and not of_values:
            holder[last] = [holder[last]]
        elif kind == 4 and not isinstance(holder[last], dict | list):
            holder[last] = str(holder[last])
        else:
            holder[last] = junk
        if not isinstance(body, dict):
            break
    text = json.dumps(body).encode()
    if generator.random() < 0.05:
        text = text[: generator.integers(len(text) + 1)]
    return text


def test_every_callback_answers_what_a_page_asks(watched: Rig) -> None:
    calls = calls_of(watched)
    assert len(calls) > 50
    for call in calls:
        answer = watched.client.post(CALLBACKS, json=call)
        assert answer.status_code in (200, 204), (call, answer.text)
    watched.run()
    assert watched.now.control.cycle.failed == 0


@pytest.mark.parametrize("junk", ["9" * 5000, f"bus-{'9' * 5000}", f"{'9' * 5000}: 5 Jan"])
def test_more_digits_than_python_reads_are_no_error_in_any_value(watched: Rig, junk: str) -> None:
    for call in calls_of(watched):
        for place in places(call):
            if "value" not in place:
                continue
            *to, last = place
            body: Any = copy.deepcopy(call)
            holder = body
            for key in to:
                holder = holder[key]
            holder[last] = junk
            answer = watched.client.post(CALLBACKS, json=body)
            assert answer.status_code < 500, (call["output"], place, answer.text)


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.long)])
def test_mutated_calls_are_no_errors_and_what_is_refused_changes_nothing(
    watched: Rig, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    calls, generator, answered = calls_of(watched), np.random.default_rng(14), {}
    caplog.set_level(logging.INFO)
    memory = 0.0
    for number in range(count):
        body = mutated(calls[number % len(calls)], generator)
        before = unchanged(watched)
        answer = watched.client.post(CALLBACKS, data=body, content_type="application/json")
        answered[answer.status_code] = answered.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code >= 400:
            assert strict_json(answer, answer.status_code)["error"]
            assert unchanged(watched) == before, body
        if number % 20 == 0:
            watched.run()
        if number == count // 5:
            memory = resident_bytes()
    assert {200, 400, 404, 422} <= answered.keys()
    assert watched.now.control.cycle.failed == 0
    assert len(caplog.text.encode()) <= LOG_BYTES
    assert resident_bytes() <= MEMORY_SHARE * memory


class Line(Sent):
    branch: int


def tell(
    _clicks: Clicks, look: Look | None, place: Position | None, clicked: Clicked[Line] | None, *rest: float
) -> object:
    return look, place, clicked, rest


def test_values_come_as_the_types_that_a_function_names() -> None:
    answer = typed(tell)(1, "dark", "12", {"id": {"branch": 3, "type": "x"}, "clicks": 1, "at": 5}, 1, 2.5)
    assert answer == (Scheme.DARK, "12", Clicked[Line](id=Line(branch=3)), (1.0, 2.5))
    assert typed(tell)(None, None, "", None) == (None, "", None, ())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (("1", "dark", "1", None), "clicks"),
        ((True, "dark", "1", None), "clicks"),
        ((1.0, "dark", "1", None), "clicks"),
        ((1, "purple", "1", None), "look"),
        ((1, {}, "1", None), "look"),
        ((1, "dark", "-1", None), "place"),
        ((1, "dark", "²", None), "place"),
        ((1, "dark", 1, None), "place"),
        ((1, "dark", "1", {"id": {"branch": "3"}}), "clicked.id.branch"),
        ((1, "dark", "1", {"id": {}}), "clicked.id.branch"),
        ((1, "dark", "1", []), "clicked"),
        ((1, "dark", "1", None, 1, "2"), "arguments"),
        ((1, "dark", "1", None, 10**400), "arguments"),
        ((1, "dark", "1"), "clicked"),
    ],
)
def test_a_value_of_another_type_is_named(values: tuple[Any, ...], field: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        typed(tell)(*values)
    assert (refused.value.status, refused.value.field) == (422, field)


def small_app() -> Pages:
    app = Pages("small", server=Flask("small"), suppress_callback_exceptions=True)
    app.layout = html.Div()

    @app.callback(Output("share", "children"), Input("parts", "value"))
    def share(parts: int) -> float:
        return 1 / parts

    return app


def share_of(parts: object) -> dict[str, Any]:
    return {
        "output": "share.children",
        "outputs": {"id": "share", "property": "children"},
        "inputs": [{"id": "parts", "property": "value", "value": parts}],
        "changedPropIds": ["parts.value"],
    }


def test_a_bug_within_a_callback_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    client = small_app().server.test_client()
    assert client.post(CALLBACKS, json=share_of(4)).json["response"] == {"share": {"children": 0.25}}
    assert client.post(CALLBACKS, json=share_of("4")).status_code == 422
    assert not caplog.records
    assert client.post(CALLBACKS, json=share_of(0)).status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert "return 1 / parts" in caplog.text


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"output": "nothing.children"}, 404, "output"),
        ({"output": ["share.children"]}, 404, "output"),
        ({"outputs": [{"id": "share", "property": "children"}]}, 422, "outputs"),
        ({"outputs": {"id": "share", "property": "style"}}, 422, "outputs"),
        ({"inputs": []}, 422, "inputs"),
        ({"inputs": [{"id": "parts", "property": "data", "value": 1}]}, 422, "inputs"),
        ({"state": [{"id": "parts", "property": "value", "value": 1}]}, 422, "state"),
        ({"changedPropIds": ["other.value"]}, 422, "changedPropIds"),
        ({"changedPropIds": {}}, 422, "changedPropIds"),
    ],
)
def test_a_call_of_another_form_is_named(change: dict[str, Any], status: int, field: str) -> None:
    answer = small_app().server.test_client().post(CALLBACKS, json=share_of(4) | change)
    assert strict_json(answer, status)["field"] == field


def test_a_file_that_no_component_has_is_not_found(watched: Rig) -> None:
    for path in ("dash/nothing.js", "nopackage/x.js", "dash/dcc/nothing.v1m2.js"):
        assert watched.client.get(f"/_dash-component-suites/{path}").status_code == 404
