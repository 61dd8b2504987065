"""Wrong requests get a 4xx answer in JSON that says what is wrong; none is answered with a 500."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.settings import Settings
from app.shell.api import api_blueprint
from app.web.bodies import MAX_BODY_BYTES
from app.web.services import Services
from tests.app.rig import Rig, strict_json
from tests.cases import shared_case

POSTS = ("/api/grid/optimize", "/api/events", "/api/alarms/1/ack", "/api/case")
MANY_DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/grid/node/8", 404),
        ("GET", "/api/grid/node/-1", 404),
        ("GET", "/api/grid/node/x", 404),
        ("GET", "/api/grid/node/1.0", 404),
        ("GET", f"/api/grid/node/{MANY_DIGITS}", 404),
        ("GET", "/api/grid/node/²", 404),
        ("DELETE", "/api/events?id=5", 404),
        ("DELETE", "/api/events?id=x", 422),
        ("DELETE", "/api/events?id=-1", 422),
        ("DELETE", "/api/events?id=", 422),
        ("DELETE", f"/api/events?id={MANY_DIGITS}", 422),
        ("DELETE", "/api/events", 422),
        ("POST", "/api/alarms/77/ack", 404),
        ("POST", "/api/alarms/x/ack", 404),
        ("POST", f"/api/alarms/{MANY_DIGITS}/ack", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/grid/state/", 404),
        ("POST", "/api/grid/state", 405),
        ("DELETE", "/api/case", 405),
    ],
)
def test_unknown_ids_routes_and_methods(rig: Rig, method: str, path: str, status: int) -> None:
    body = {"person": "Ann"} if method == "POST" else None
    answer = strict_json(rig.client.open(path, method=method, json=body), status)
    assert answer["error"]
    assert answer["status"] == status
    assert len(answer["error"]) < 6000


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/grid/optimize", {"risk_weight": -1}, "risk_weight"),
        ("/api/grid/optimize", {"risk_weight": True}, "risk_weight"),
        ("/api/grid/optimize", {"risk_weight": "5"}, "risk_weight"),
        ("/api/grid/optimize", {"risk_weight": 10**400}, "risk_weight"),
        ("/api/grid/optimize", {"risk": 1}, "risk"),
        ("/api/events", {}, "kind"),
        ("/api/events", {"kind": "meteorite"}, "kind"),
        ("/api/events", {"kind": 3}, "kind"),
        ("/api/events", {"kind": "line_outage", "target": True}, "target"),
        ("/api/events", {"kind": "line_outage", "target": 1.5}, "target"),
        ("/api/events", {"kind": "line_outage", "target": "1"}, "target"),
        ("/api/events", {"kind": "heat_wave", "magnitude": True}, "magnitude"),
        ("/api/events", {"kind": "heat_wave", "magnitude": 31}, "magnitude"),
        ("/api/events", {"kind": "heat_wave", "magnitude": 0}, "magnitude"),
        ("/api/events", {"kind": "load_surge", "magnitude": -0.1}, "magnitude"),
        ("/api/events", {"kind": "load_surge", "magnitude": 10**400}, "magnitude"),
        ("/api/events", {"kind": "load_surge", "magnitude": [1]}, "magnitude"),
        ("/api/events", {"kind": "heat_wave", "why": 1}, "why"),
        ("/api/alarms/1/ack", {}, "person"),
        ("/api/alarms/1/ack", {"person": ""}, "person"),
        ("/api/alarms/1/ack", {"person": 7}, "person"),
        ("/api/alarms/1/ack", {"person": "x" * 81}, "person"),
        ("/api/case", {}, "case"),
        ("/api/case", {"case": None}, "case"),
        ("/api/case", {"case": "nowhere"}, "case"),
        ("/api/case", {"case": "nul\0"}, "case"),
        ("/api/case", {"case": "simbench:nowhere"}, "case"),
        ("/api/case", {"case": "synthetic:1:1"}, "case"),
    ],
)
def test_a_wrong_field_is_named(rig: Rig, path: str, body: object, field: str) -> None:
    answer = rig.post(path, body, 422)
    assert answer["field"] == field
    assert answer["error"]


@pytest.mark.parametrize("target", [14, -1, None, 10**300])
def test_a_target_that_does_not_exist_is_not_found(rig: Rig, target: int | None) -> None:
    answer = rig.post("/api/events", {"kind": "line_outage", "target": target}, 404)
    assert "0 to 13" in answer["error"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not json", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b'{"magnitude": NaN}', 400),
        (b'{"magnitude": -Infinity}', 400),
        (b'{"risk_weight": 1e999}', 422),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b'{"a":' + b"9" * 6000 + b"}", 400),
        (b"\xff\xfe\xfa", 400),
        (b"\x00", 400),
        (b'{"\\ud800": 1}', 422),
        (b'{"person": "\\ud800", "case": "\\ud800", "kind": "\\ud800", "risk_weight": "\\ud800"}', 422),
    ],
)
def test_a_body_that_is_no_plain_object_is_refused(rig: Rig, path: str, body: bytes, status: int) -> None:
    answer = strict_json(rig.client.post(path, data=body, content_type="application/json"), status)
    assert answer["error"]


@pytest.mark.parametrize("path", POSTS)
def test_a_body_over_the_limit_is_refused_with_and_without_its_length(rig: Rig, path: str) -> None:
    body = b'{"person": "' + b"x" * MAX_BODY_BYTES + b'"}'
    strict_json(rig.client.post(path, data=body, content_type="application/json"), 413)
    environ = EnvironBuilder(path, method="POST", content_type="application/json").get_environ()
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    environ.pop("CONTENT_LENGTH", None)
    pieces, status, _ = run_wsgi_app(rig.client.application, environ)
    assert status.startswith("413")
    assert json.loads(b"".join(pieces))["status"] == 413


def test_before_the_first_cycle_the_answer_is_not_ready(cache_dir: Path) -> None:
    values: dict[str, Any] = {"cache_dir": cache_dir}
    config = Settings(_env_file=None, **values)
    server = Flask("test")
    server.register_blueprint(api_blueprint(Services.around(config, shared_case("city8"))))
    for path in ("/api/health", "/api/grid/state", "/metrics"):
        assert "no cycle" in strict_json(server.test_client().get(path), 503)["error"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["kind", "target", "magnitude", "person", "risk_weight", "id", "case", "other"])
WORDS = st.sampled_from(["line_outage", "load_surge", "heat_wave", "generator_trip", "sensor_gone", "x.json", "../x.m"])
BODIES = st.dictionaries(FIELDS, JSON | WORDS | st.integers(-1, 20), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([*POSTS, "/api/events"]), body=BODIES | JSON, delete=st.booleans())
def test_no_body_makes_the_server_fail(rig: Rig, path: str, body: object, delete: bool) -> None:
    call: Callable[..., Any] = rig.client.delete if delete and path == "/api/events" else rig.client.post
    response = call(path, data=json.dumps(body).encode(), content_type="application/json")
    assert response.status_code in (200, 202, 400, 404, 422)
    strict_json(response, response.status_code)
    rig.run()
    assert rig.now.control.cycle.failed == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), body=st.binary(max_size=60))
def test_no_bytes_make_the_server_fail(rig: Rig, path: str, body: bytes) -> None:
    response = rig.client.post(path, data=body, content_type="application/json")
    strict_json(response, response.status_code)
    assert response.status_code in (200, 400, 404, 422)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=30), content=st.binary(max_size=40))
def test_no_upload_makes_the_server_fail(rig: Rig, name: str, content: bytes) -> None:
    response = rig.client.post("/api/case", data={"file": (io.BytesIO(content), name + ".json")})
    assert response.status_code == 422
