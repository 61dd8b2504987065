"""The API's description: every answer is what its model says, and the README's table is what the endpoints say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.shell.endpoints import ENDPOINTS, Endpoint
from app.shell.openapi import openapi
from app.web.models import ErrorAnswer
from grid.telemetry import EventKind
from tests.app.rig import Rig, make_rig
from tests.benchmarks.answers import answers
from tests.paths import ROOT

BY_REQUEST = {f"{endpoint.method.upper()} {endpoint.path}": endpoint for endpoint in ENDPOINTS}


def judge(request: str, body: object) -> None:
    """An answer holds exactly what its model says, of the types that it says; ValidationError says what differs."""
    answer = BY_REQUEST[request].answer
    assert answer is not None
    assert answer.model_config["extra"] == "forbid"
    answer.model_validate_json(json.dumps(body))


@pytest.mark.parametrize("case", ["city8", "case14"])
def test_every_answer_is_what_its_model_says(case: str) -> None:
    told = {request.removeprefix("then "): found for request, found in answers(case).items() if "then" not in request}
    judged = set()
    for request, (status, body) in told.items():
        name = " ".join(request.split(" ")[:2])
        if status < 400 and BY_REQUEST[name].mimetype == "application/json":
            assert status == BY_REQUEST[name].status
            judge(name, body)
            judged.add(name)
    reads = {name for name, one in BY_REQUEST.items() if one.method == "get" and one.answer is not None}
    assert judged >= reads - {"GET /api/jobs/{id}"} | {"POST /api/grid/optimize", "POST /api/events"}


def test_answers_to_commands_and_of_a_troubled_grid_are_what_their_models_say(rig: Rig) -> None:
    event = rig.post("/api/events", {"kind": "line_outage", "target": rig.branch("Campus Line")}, 202)
    judge("POST /api/events", event)
    rig.run(2)
    alarm = rig.now.assessed.alarms[0].id
    judge("POST /api/alarms/{id}/ack", rig.post(f"/api/alarms/{alarm}/ack", {"person": "Ann"}, 202))
    fault = rig.post("/api/events", {"kind": "branch_fault", "target": rig.branch("Ridge Line")}, 202)["event"]["id"]
    rig.run()
    judge("GET /api/faults", rig.get("/api/faults"))
    judge("POST /api/faults/{id}/isolate", rig.post(f"/api/faults/{fault}/isolate", {}, 202))
    for station in ("North Power Plant", "South Thermal Station"):
        rig.engine.add_event(EventKind.GENERATOR_TRIP, rig.generator(station), 1.0)
    rig.engine.add_event(EventKind.HEAT_WAVE, None, 5.0)
    rig.run(2)
    for path in ("state", "paths", "risk", "loss", "statistics", "node/{id}"):
        judge(f"GET /api/grid/{path}", rig.get(f"/api/grid/{path}".replace("{id}", "0")))
    judge("GET /api/alarms", rig.get("/api/alarms"))
    judge("GET /api/faults", rig.get("/api/faults"))
    judge("GET /api/events", rig.get("/api/events"))
    judge("POST /api/grid/optimize", rig.post("/api/grid/optimize", {}))  # there is no source: no plan, and a reason
    judge("DELETE /api/events", rig.client.delete(f"/api/events?id={event['event']['id']}").get_json())
    judge("POST /api/case", rig.post("/api/case", {"case": "case14"}, 202))
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    rig.run(2)
    judge("GET /api/grid/state", rig.get("/api/grid/state"))
    judge("GET /api/health", rig.get("/api/health"))
    judge("GET /api/ready", rig.client.get("/api/ready").get_json())


def test_a_plan_that_is_carried_out_and_taken_back_is_answered_as_its_model_says(rig: Rig) -> None:
    rig.services.planner.plan_once(rig.board, rig.services.planner.requirements)
    judge("POST /api/grid/apply", rig.post("/api/grid/apply", {}, 202))
    rig.run()
    judge("GET /api/grid/state", rig.get("/api/grid/state"))
    judge("POST /api/grid/apply", rig.post("/api/grid/apply", {"undo": True}, 202))


def test_an_answer_to_pins_is_what_its_model_says(rig: Rig) -> None:
    rig.services.maintainer.load_or_train()
    rig.services.maintainer.turn(rig.board)
    rig.services.maintainer.turn(rig.board)
    job = rig.get("/api/maintenance/schedule")["jobs"][0]["id"]
    pins = {"pins": [{"id": job, "week": None}]}
    answer = rig.post("/api/maintenance/schedule", pins, 202)
    judge("POST /api/maintenance/schedule", answer)
    judge("GET /api/jobs/{id}", rig.get(f"/api/jobs/{answer['job']}"))
    rig.services.maintainer.turn(rig.board)
    judge("GET /api/jobs/{id}", rig.get(f"/api/jobs/{answer['job']}"))
    judge("GET /api/maintenance/schedule", rig.get("/api/maintenance/schedule"))


def test_a_card_and_forecasts_are_what_their_models_say(cache_dir: Path, models_folder: Path) -> None:
    rig = make_rig(cache_dir, models_dir=models_folder)
    rig.services.maintainer.load_or_train()
    rig.services.maintainer.turn(rig.board)
    card = rig.get("/api/maintenance/model")
    assert card["card"]["metrics"]["365"]["types"]
    judge("GET /api/maintenance/model", card)
    rig.services.forecast_worker.turn(rig.board)
    one = rig.get("/api/forecast?series=load")
    assert one["issues"]
    assert list(one["forecasts"][0]["hours"][0])[1:-1] == [f"q{round(100 * level):02d}_mw" for level in one["levels"]]
    judge("GET /api/forecast", one)


def test_errors_are_what_their_model_says(rig: Rig) -> None:
    for path in ("/api/grid/node/99", "/api/forecast?horizon=0", "/api/nothing"):
        ErrorAnswer.model_validate_json(rig.client.get(path).data)


def models(schema: Any) -> set[str]:
    return set(re.findall(r"#/components/schemas/(\w+)", json.dumps(schema)))


def test_every_field_of_an_answer_has_a_type_and_answers_hold_nothing_else() -> None:
    document = openapi()
    schemas = document["components"]["schemas"]
    for endpoint in ENDPOINTS:
        if endpoint.answer is not None:
            schema = schemas[endpoint.answer.__name__]
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) == set(schema["properties"])
            for field in schema["properties"].values():
                assert field.keys() & {"type", "$ref", "anyOf", "const", "enum"}
    assert models(document) <= schemas.keys()


def test_parameters_have_types_and_what_lies_outside_is_refused(rig: Rig) -> None:
    for path, item in openapi()["paths"].items():
        for parameter in item.get("get", {}).get("parameters", []):
            kind = parameter["schema"]
            wrong = {"enum": "xml", "maximum": kind.get("maximum", 0) + 1, "format": "soon"}
            for bound in wrong.keys() & kind.keys():
                if parameter["in"] == "query":
                    response = rig.client.get(f"{path}?{parameter['name']}={wrong[bound]}")
                    assert (response.status_code, response.get_json()["field"]) == (422, parameter["name"])


def row(endpoint: Endpoint) -> str:
    """An operation in the README's table."""
    asked = [f"`{one.name}`" for one in endpoint.query]
    if endpoint.body is not None:
        asked += [f"`{name}`" for name in endpoint.body.model_fields if f"`{name}`" not in asked]
    return f"| {endpoint.method.upper()} | `{endpoint.path}` | {endpoint.summary} | {', '.join(asked)} |"


def test_the_readme_lists_the_endpoints() -> None:
    table = "\n".join(["| method | path | answers | may ask |", "|---|---|---|---|", *map(row, ENDPOINTS)])
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## API\n")[2].partition("\n## ")[0]
    written = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert written == table, f"the README's table of endpoints should be:\n{table}"


def test_models_are_frozen_and_strict() -> None:
    for endpoint in ENDPOINTS:
        if endpoint.answer is not None:
            assert issubclass(endpoint.answer, BaseModel)
            assert endpoint.answer.model_config["frozen"]
            assert endpoint.answer.model_config["strict"]
