"""The REST API's answers: complete, strict JSON, and consistent with each other."""

import re
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from app.shell.endpoints import ENDPOINTS
from grid.telemetry import EventKind
from tests.app.rig import Rig, strict_json

NewRig = Callable[..., Rig]
STATISTICS = ("voltage", "demand", "risk", "temperature", "power_flow", "current", "generation")
NODE = {"id", "name", "type", "voltage", "vm_pu", "demand", "generation", "degree", "x", "y"}
EDGE = {"id", "source", "target", "source_name", "target_name", "resistance", "current", "temperature",
        "loading_percent", "power_flow", "loss", "risk", "in_service"}  # fmt: skip
METRICS = {"total_load", "total_generation", "loss_mw", "loss_percent", "efficiency_percent", "average_risk",
           "total_nodes", "total_edges", "active_alarms"}  # fmt: skip
READS = ("/api/health", "/api/grid/state", "/api/grid/paths", "/api/grid/risk", "/api/grid/loss",
         "/api/grid/statistics", "/api/grid/node/0", "/api/grid/data-source", "/api/events", "/api/alarms",
         "/api/case", "/api/openapi.json")  # fmt: skip


def requires(answer: dict[str, Any], fields: set[str]) -> None:
    assert fields <= answer.keys(), fields - answer.keys()


def test_health(rig: Rig) -> None:
    rig.run(2)
    health = rig.get("/api/health")
    requires(health, {"status", "timestamp", "data_generation", "grid_state", "version", "uptime_s", "cycle"})
    requires(health["cycle"], {"period_s", "last_ms", "p95_ms", "missed"})
    assert (health["status"], health["data_generation"], health["grid_state"]) == ("ok", "running", "fresh")
    assert datetime.fromisoformat(health["timestamp"]).utcoffset() is not None
    assert health["uptime_s"] >= 0
    assert health["cycle"]["last_ms"] > 0
    rig.engine.pause()
    rig.engine.add_event(EventKind.LOAD_SURGE, None, 10.0)
    rig.run()
    health = rig.get("/api/health")
    assert (health["status"], health["data_generation"], health["grid_state"]) == ("degraded", "paused", "stale")


@pytest.mark.parametrize("case", ["city8", "case14", "cigre_mv"])
def test_metrics_equal_the_sums_over_nodes_and_edges(new_rig: NewRig, case: str) -> None:
    rig = new_rig(case)
    state = rig.get("/api/grid/state")
    requires(state, {"iteration", "timestamp", "nodes", "edges", "metrics", "optimization"})
    nodes, edges, metrics = state["nodes"], state["edges"], state["metrics"]
    requires(metrics, METRICS)
    for node in nodes:
        requires(node, NODE)
    for edge in edges:
        requires(edge, EDGE)
        assert edge["source_name"] == nodes[edge["source"]]["name"]
        assert edge["target_name"] == nodes[edge["target"]]["name"]
    assert [node["id"] for node in nodes] == list(range(metrics["total_nodes"]))
    assert [edge["id"] for edge in edges] == list(range(metrics["total_edges"]))
    assert sum(node["demand"] for node in nodes) == pytest.approx(metrics["total_load"])
    assert sum(node["generation"] for node in nodes) == pytest.approx(metrics["total_generation"])
    assert sum(edge["loss"] for edge in edges) == pytest.approx(metrics["loss_mw"])
    assert np.mean([edge["risk"] for edge in edges]) == pytest.approx(metrics["average_risk"])
    assert metrics["loss_percent"] == pytest.approx(100 * metrics["loss_mw"] / metrics["total_generation"])
    assert metrics["efficiency_percent"] + metrics["loss_percent"] == pytest.approx(100)
    assert metrics["active_alarms"] == len(rig.get("/api/alarms")["alarms"])
    degree = np.zeros(len(nodes))
    for edge in edges:
        if edge["in_service"]:
            degree[[edge["source"], edge["target"]]] += 1
    assert [node["degree"] for node in nodes] == degree.tolist()
    for node in nodes:
        assert node["voltage"] == pytest.approx(node["vm_pu"] * node["vn_kv"])


@pytest.mark.parametrize("case", ["city8", "case14"])
def test_paths_lead_from_each_load_to_a_generator_over_closed_branches(new_rig: NewRig, case: str) -> None:
    rig = new_rig(case)
    answer, state = rig.get("/api/grid/paths"), rig.get("/api/grid/state")
    requires(answer, {"paths", "loss_percent", "avg_risk", "total_demand"})
    closed = {frozenset((edge["source"], edge["target"])) for edge in state["edges"] if edge["in_service"]}
    for path in answer["paths"]:
        requires(path, {"load_node", "load_name", "generator_node", "generator_name", "path", "demand", "loss", "risk"})
        assert (path["path"][0], path["path"][-1]) == (path["load_node"], path["generator_node"])
        assert all(frozenset(pair) in closed for pair in pairwise(path["path"]))
        assert 0 <= path["risk"] <= 1
        assert path["demand"] == pytest.approx(state["nodes"][path["load_node"]]["demand"])
        assert sum(supplier["share"] for supplier in path["supplied_by"]) == pytest.approx(1, abs=0.01)
    loads = {node["id"] for node in state["nodes"] if node["demand"] > 0}
    assert {path["load_node"] for path in answer["paths"]} == loads
    assert sum(path["loss"] for path in answer["paths"]) == pytest.approx(state["metrics"]["loss_mw"], rel=1e-6)
    assert sum(path["demand"] for path in answer["paths"]) == pytest.approx(answer["total_demand"])


def test_optimize_answers_with_the_present_operation(rig: Rig) -> None:
    answer = rig.post("/api/grid/optimize", {})
    requires(answer, {"success", "episode_result", "plan", "present", "methods", "reason", "timestamp"})
    result, paths = answer["episode_result"], rig.get("/api/grid/paths")
    assert set(result) == {"paths", "loss_percent", "total_demand", "avg_risk", "reward"}
    assert answer["success"] is True
    assert (result["paths"], result["loss_percent"]) == (paths["paths"], paths["loss_percent"])
    assert result["reward"] < 0
    strict_json(rig.client.post("/api/grid/optimize"), 200)  # without a body too


def test_the_reward_is_minus_loss_and_expected_interruption(rig: Rig) -> None:
    rig.run()
    state = rig.get("/api/grid/state")
    expected_kw = 1000 * sum(edge["risk"] for edge in state["edges"])
    objective = 1000 * state["metrics"]["loss_mw"] + state["optimization"]["risk_weight"] * expected_kw
    assert state["optimization"]["reward"] == pytest.approx(-objective)


def test_risk_is_sorted_and_the_product_of_probability_and_demand(rig: Rig) -> None:
    answer = rig.get("/api/grid/risk")
    for rows in (answer["nodes"], answer["edges"]):
        risks = [row["risk"] or 0.0 for row in rows]
        assert risks == sorted(risks, reverse=True)
    for edge in answer["edges"]:
        assert edge["risk"] == pytest.approx(edge["failure_probability"] * edge["interrupted_mw"])
    assert len(answer["nodes"]) == 8
    assert len(answer["edges"]) == 14


def test_loss_tells_the_course_of_the_cycles(rig: Rig) -> None:
    rig.run(5)
    answer = rig.get("/api/grid/loss")
    requires(answer, {"history", "risk_history", "reward_history", "current_loss_percent", "current_avg_risk",
                      "best_loss", "worst_loss"})  # fmt: skip
    history = answer["history"]
    assert len(history) == len(answer["risk_history"]) == len(answer["reward_history"]) == len(answer["time"]) == 6
    assert history[-1] == answer["current_loss_percent"]
    assert (answer["best_loss"], answer["worst_loss"]) == (min(history), max(history))
    assert answer["time"] == sorted(answer["time"])


def test_statistics_summarise_nodes_and_edges(rig: Rig) -> None:
    answer, state = rig.get("/api/grid/statistics"), rig.get("/api/grid/state")
    for name in STATISTICS:
        summary = answer[name]
        assert summary["min"] <= summary["mean"] <= summary["max"]
        assert summary["std"] >= 0
    voltage = [node["vm_pu"] for node in state["nodes"]]
    assert answer["voltage"]["mean"] == pytest.approx(np.mean(voltage))
    assert answer["voltage"]["std"] == pytest.approx(np.std(voltage))
    assert answer["current"]["max"] == pytest.approx(max(edge["current"] for edge in state["edges"]))
    assert answer["demand"]["max"] == pytest.approx(max(node["demand"] for node in state["nodes"]))


def test_a_node_comes_with_its_neighbours(rig: Rig) -> None:
    bus = rig.bus("Downtown Substation")
    node, state = rig.get(f"/api/grid/node/{bus}"), rig.get("/api/grid/state")
    requires(node, NODE | {"neighbor_details"})
    assert {key: node[key] for key in state["nodes"][bus]} == state["nodes"][bus]
    touching = [edge for edge in state["edges"] if bus in (edge["source"], edge["target"])]
    assert [detail["edge"] for detail in node["neighbor_details"]] == touching
    for detail in node["neighbor_details"]:
        assert {detail["node"]["id"], bus} == {detail["edge"]["source"], detail["edge"]["target"]}


def test_data_source(rig: Rig) -> None:
    answer = rig.get("/api/grid/data-source")
    requires(answer, {"source", "is_active", "generation_interval", "current_iteration", "simulated_time",
                      "total_episodes_trained"})  # fmt: skip
    assert (answer["source"], answer["is_active"], answer["generation_interval"]) == ("simulator", True, 3.0)
    assert answer["current_iteration"] == rig.now.iteration


def test_an_event_is_injected_listed_and_removed_again(rig: Rig) -> None:
    for by_query in (True, False):
        event = rig.post("/api/events", {"kind": "line_outage", "target": rig.branch("Mall Line")}, 202)["event"]
        assert event["target_name"] == "Mall Line"
        rig.run()
        assert rig.get("/api/events")["events"] == [event]
        if by_query:
            strict_json(rig.client.delete(f"/api/events?id={event['id']}"), 202)
        else:
            strict_json(rig.client.delete("/api/events", json={"id": event["id"]}), 202)
        rig.run()
        assert rig.get("/api/events")["events"] == []


def test_an_event_named_twice_is_named_alike(rig: Rig) -> None:
    event = rig.post("/api/events", {"kind": "line_outage", "target": 3}, 202)["event"]["id"]
    rig.run()
    for body in ({"id": event + 1}, {"id": "x"}, {"other": 1}):
        strict_json(rig.client.delete(f"/api/events?id={event}", json=body), 422)
    assert strict_json(rig.client.delete(f"/api/events?id={event}", json={"id": event}), 202) == {"removed": event}
    assert strict_json(rig.client.delete("/api/events", json={}), 422)["field"] == "id"


def test_a_heat_wave_has_no_place(rig: Rig) -> None:
    for target in (3, -5, None):
        event = rig.post("/api/events", {"kind": "heat_wave", "magnitude": 5.0, "target": target}, 202)["event"]
        assert (event["target"], event["target_name"]) == (None, "whole grid")


def test_a_whole_number_may_come_with_a_point(rig: Rig) -> None:
    event = rig.post("/api/events", {"kind": "line_outage", "target": 3.0}, 202)["event"]
    assert event["target"] == 3
    assert isinstance(event["target"], int)


def test_an_alarm_is_acknowledged_by_a_person(rig: Rig) -> None:
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    rig.run(2)
    alarm = rig.get("/api/alarms")["alarms"][0]
    assert alarm["state"] == "unacknowledged"
    assert rig.post(f"/api/alarms/{alarm['id']}/ack", {"person": " Ann "}, 202)["person"] == "Ann"
    rig.run()
    answered = {item["id"]: item for item in rig.get("/api/alarms")["alarms"]}[alarm["id"]]
    assert (answered["state"], answered["acknowledged_by"]) == ("acknowledged", "Ann")


def test_a_trip_is_one_alarm_with_its_consequences_folded_under_it(rig: Rig) -> None:
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), 1.0)
    rig.run(2)
    told = rig.get("/api/alarms")
    (root,) = told["alarms"]
    assert (told["summary"], told["consequences"]) == ("1 alarm (2 consequences)", 2)
    assert rig.get("/api/grid/state")["metrics"]["active_alarms"] == 1
    assert (root["kind"], root["asset_name"], root["root_id"]) == ("branch_tripped", "Campus Line", None)
    assert {item["asset_name"] for item in root["consequences"]} == {"University Campus", "Shopping Complex"}
    assert {item["root_id"] for item in root["consequences"]} == {root["id"]}
    unsupplied_kw = 1000 * rig.now.assessed.metrics.unsupplied_mw
    assert root["effects"]["lost_kw"] == pytest.approx(unsupplied_kw)
    assert root["if_nothing_is_done"]["value"] == pytest.approx(unsupplied_kw)
    rig.post(f"/api/alarms/{root['id']}/ack", {"person": "Ann"}, 202)
    rig.run()
    (root,) = rig.get("/api/alarms")["alarms"]
    assert {item["state"] for item in (root, *root["consequences"])} == {"acknowledged"}
    assert {item["acknowledged_by"] for item in (root, *root["consequences"])} == {"Ann"}


def test_alarms_are_found_by_their_consequences(rig: Rig) -> None:
    for name in ("Campus Line", "Ridge Line"):
        rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch(name), 1.0)
    rig.run(2)
    assert rig.get("/api/alarms")["summary"] == "2 alarms (3 consequences)"
    for query in (
        f"asset_kind=bus&asset_id={rig.bus('Uptown Substation')}",
        f"asset_id={rig.branch('Ridge Line')}&kind=branch_tripped",
    ):
        found = rig.get(f"/api/alarms?{query}")
        assert [item["asset_name"] for item in found["alarms"]] == ["Ridge Line"]
        assert found["summary"] == "1 alarm (1 consequence)"
    assert len(rig.get("/api/alarms?kind=loss_of_supply")["alarms"]) == 2
    assert rig.get("/api/alarms?kind=overload")["alarms"] == []
    assert rig.get("/api/alarms?kind=bored", 422)["field"] == "kind"


def test_what_a_published_case_breaks_is_told_and_not_alarmed(new_rig: NewRig, rig: Rig) -> None:
    told = new_rig("case57").get("/api/alarms")
    assert told["alarms"] == []
    assert [item["asset_name"] for item in told["standing"] if item["cause"] == "published"] == ["Bus 31 V4"]
    assert "1 bus below the band" in told["standing_note"]
    assert rig.get("/api/alarms")["standing_note"] == ""


def test_another_case_is_watched_from_the_next_cycle_on(rig: Rig) -> None:
    assert "case14" in rig.get("/api/case")["cases"]
    answer = rig.post("/api/case", {"case": "case14"}, 202)
    assert (answer["case"], answer["previous"], answer["total_nodes"]) == ("case14", "city8", 14)
    assert rig.get("/api/case")["case"] == "city8"
    rig.run()
    assert rig.get("/api/case")["case"] == "case14"
    assert len(rig.get("/api/grid/state")["nodes"]) == 14


def test_answers_are_strict_json_with_an_island_without_supply(rig: Rig) -> None:
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), 1.0)
    rig.run(2)
    answers = {path: rig.get(path) for path in READS}
    dark = [node for node in answers["/api/grid/state"]["nodes"] if not node["energised"]]
    assert {node["vm_pu"] for node in dark} == {None}
    assert sum(node["demand"] for node in dark) == 0
    assert answers["/api/grid/state"]["metrics"]["unsupplied_mw"] > 0
    for station in ("North Power Plant", "South Thermal Station"):
        rig.engine.add_event(EventKind.GENERATOR_TRIP, rig.generator(station), 1.0)
    rig.run(2)
    assert rig.get("/api/grid/statistics")["voltage"]["mean"] is None
    for path in READS:
        rig.get(path)


def test_the_document_lists_exactly_the_routes(rig: Rig) -> None:
    document = rig.get("/api/openapi.json")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routes = {
        (method, re.sub(r"<[^>]+>", "{id}", rule.rule))
        for rule in rig.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.startswith("api.")
    }
    about_itself = {("GET", "/api/openapi.json"), ("GET", "/api/docs"), ("GET", "/metrics")}
    assert described == routes - about_itself
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


def test_answers_have_the_fields_that_the_document_requires(rig: Rig) -> None:
    document, planner = rig.get("/api/openapi.json"), rig.services.planner
    planner.plan_once(rig.board, planner.requirements)  # some answers are about a plan
    for path, item in document["paths"].items():
        if "get" in item and path != "/api/jobs/{id}":
            content = item["get"]["responses"]["200"]["content"]
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
                requires(rig.get(path.replace("{id}", "0")), set(named["required"]))
            else:
                assert rig.client.get(path).mimetype in content
    references = re.findall(r'"#/components/schemas/(\w+)"', rig.client.get("/api/openapi.json").text)
    assert references
    assert set(references) <= document["components"]["schemas"].keys()
    page = rig.client.get("/api/docs")
    assert page.status_code == 200
    assert all(endpoint.path in page.text for endpoint in ENDPOINTS)
    assert not re.search(r"(src|href)=['\"]?(https?:)?//", page.text)


def test_metrics_are_in_prometheus_text_format(rig: Rig) -> None:
    rig.run(2)
    lines = rig.client.get("/metrics").text.splitlines()
    helps, types, values = [], [], {}
    for line in lines:
        if match := re.fullmatch(r"# HELP (smartgrid_\w+) \S.*", line):
            helps.append(match[1])
        elif match := re.fullmatch(r"# TYPE (smartgrid_\w+) (?:gauge|counter)", line):
            types.append(match[1])
        else:
            name, value = line.split(" ")
            values[name] = float(value)
    assert helps == types == list(values)
    state = rig.get("/api/grid/state")
    assert values["smartgrid_load_megawatts"] == pytest.approx(state["metrics"]["total_load"])
    assert values["smartgrid_loss_megawatts"] == pytest.approx(state["metrics"]["loss_mw"])
    assert values["smartgrid_snapshots_total"] == rig.now.version
    assert values["smartgrid_stale"] == 0
