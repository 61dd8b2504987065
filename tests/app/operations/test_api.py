"""Operations by hand over the API: looked at, done, taken back; tags refuse them, and plans keep tags."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.commands import PlanRefusedError, UnknownIdError
from grid.errors import CaseError
from ml.optimisation.plans.plan import PlanProblemKind
from tests.app.rig import Rig, strict_json

PERSON, REASON = "Ann Weber", "crew at work"
LINE = "Campus Line"


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    """One for each test: tags are kept there."""
    return tmp_path


def switching(rig: Rig, name: str, close: bool) -> dict[str, Any]:
    return {"kind": "branch", "target": rig.branch(name), "close": close}


def setting(rig: Rig, generator: int, **held: float) -> dict[str, Any]:
    return {"kind": "generator", "target": generator, **held}


def operate(rig: Rig, body: dict[str, Any], status: int = 202) -> Any:
    return rig.post("/api/operations", body | {"person": PERSON}, status)


def hang(rig: Rig, on: str, target: int, kind: str = "do_not_operate") -> int:
    body = {"on": on, "target": target, "kind": kind, "reason": REASON, "person": PERSON}
    placed = rig.post("/api/tags", body, 202)["tag"]
    rig.run()
    assert isinstance(placed["id"], int)
    return placed["id"]


def closed_lines(rig: Rig) -> list[int]:
    return np.flatnonzero(rig.now.solved.state.closed).tolist()


def test_what_is_looked_at_is_what_happens(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    before, seen = rig.now, rig.post("/api/operations/preview", switching(rig, LINE, close=False))
    rig.run(2)
    assert rig.now.solved.state.closed[line["target"]]  # looking does nothing
    assert seen["dark_kw"] > 0
    assert seen["dark_customers"] > 0
    assert seen["refused"] is None
    assert operate(rig, line)["person"] == PERSON
    after = rig.run()
    assert not after.solved.state.closed[line["target"]]
    went_dark = before.solved.state.energised & ~after.solved.state.energised
    assert set(np.flatnonzero(went_dark).tolist()) >= set(seen["dark_nodes"])
    lost_kw = 1000 * (after.assessed.metrics.unsupplied_mw - before.assessed.metrics.unsupplied_mw)
    assert lost_kw == pytest.approx(seen["dark_kw"], rel=0.05)  # loads go on meanwhile
    (done,) = rig.get("/api/operations")["operations"]
    assert (done["person"], done["operation"]["name"], done["taken_back"]) == (PERSON, LINE, False)
    strict_json(rig.client.delete("/api/operations"), 202)
    back = rig.run()
    assert back.solved.state.closed[line["target"]]
    assert back.solved.state.energised.all()
    told = rig.get("/api/operations")
    assert told["may_undo"] is False
    assert [item["taken_back"] for item in told["operations"]] == [True]
    strict_json(rig.client.delete("/api/operations"), 409)


def test_an_effect_that_has_changed_is_refused(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    code = rig.post("/api/operations/preview", line)["code"]
    operate(rig, line)
    rig.run()
    twice = rig.post("/api/operations/preview", line)
    assert "open already" in twice["refused"]
    assert "open already" in operate(rig, line | {"code": code}, 409)["error"]
    back = switching(rig, LINE, close=True)
    assert "something else by now" in operate(rig, back | {"code": code}, 409)["error"]
    operate(rig, back | {"code": rig.post("/api/operations/preview", back)["code"]})
    assert rig.run().solved.state.closed[line["target"]]


def test_a_tagged_switch_is_refused_to_everybody(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    tag = hang(rig, "branch", line["target"])
    refused = rig.post("/api/operations/preview", line)["refused"]
    for part in (LINE, REASON, PERSON):
        assert part in refused
    assert operate(rig, line, 409)["error"] == refused
    assert rig.run().solved.state.closed[line["target"]]
    (shown,) = rig.get("/api/tags")["tags"]
    assert (shown["id"], shown["name"], shown["reason"], shown["person"]) == (tag, LINE, REASON, PERSON)
    strict_json(rig.client.delete("/api/tags", json={"id": tag + 1, "person": PERSON}), 404)
    strict_json(rig.client.delete("/api/tags", json={"id": tag, "person": " "}), 422)
    strict_json(rig.client.delete("/api/tags", json={"id": tag, "person": PERSON}), 202)
    rig.run()
    assert rig.get("/api/tags") == {"tags": []}
    operate(rig, line)
    assert not rig.run().solved.state.closed[line["target"]]


def test_a_note_forbids_nothing(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    hang(rig, "branch", line["target"], "note")
    assert rig.post("/api/operations/preview", line)["refused"] is None
    operate(rig, line)
    assert not rig.run().solved.state.closed[line["target"]]


def test_a_tag_that_comes_before_the_order_is_carried_out_still_stops_it(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    rig.post("/api/tags", {"on": "branch", "target": line["target"], "reason": REASON, "person": PERSON}, 202)
    operate(rig, line)  # both wait for the same cycle
    after = rig.run()
    assert after.solved.state.closed[line["target"]]
    assert after.control.operations.stopped is not None
    assert after.control.operations.stopped.kind is PlanProblemKind.TAGGED
    assert "do not operate" in rig.get("/api/operations")["note"]


def test_what_is_tagged_is_not_taken_back(rig: Rig) -> None:
    line = switching(rig, LINE, close=False)
    operate(rig, line)
    rig.run()
    tag = hang(rig, "branch", line["target"])
    strict_json(rig.client.delete("/api/operations"), 202)
    assert not rig.run().solved.state.closed[line["target"]]
    rig.engine.remove_tag(tag, PERSON)
    rig.run()
    strict_json(rig.client.delete("/api/operations"), 202)
    assert rig.run().solved.state.closed[line["target"]]


def test_plans_keep_tagged_switches_as_they_are(rig: Rig) -> None:
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    plan = planner.plan
    assert plan is not None
    for action in plan.actions:
        hang(rig, "branch", action.branch)
        with pytest.raises(PlanRefusedError):
            rig.engine.apply(plan)  # made before the tag was there
    planner.plan_once(rig.board, planner.requirements)
    tagged = {action.branch for action in plan.actions}
    report = planner.report_on(rig.board)
    assert report.proposal is not None
    assert report.proposal.requirements.locked == tagged
    assert planner.requirements.locked == frozenset()  # what people ask of plans is theirs
    if planner.plan is not None:
        assert tagged.isdisjoint(action.branch for action in planner.plan.actions)
    asked = rig.post("/api/grid/optimize", {"locked": []})
    assert set(asked["requirements"]["locked"]) == tagged
    for tag in rig.now.control.tags:
        rig.engine.remove_tag(tag.id, PERSON)
    rig.run()
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    assert planner.plan.code == plan.code


def test_an_operation_by_hand_ends_a_plan_under_way(rig: Rig) -> None:
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    rig.engine.apply(planner.plan)
    untouched = next(i for i in closed_lines(rig) if all(i != action.branch for action in planner.plan.actions))
    operate(rig, {"kind": "branch", "target": untouched, "close": False})
    after = rig.run()
    assert not after.solved.state.closed[untouched]
    assert after.control.operations.pending == ()
    assert after.control.operations.stopped is not None
    assert after.control.operations.stopped.kind is PlanProblemKind.BY_HAND


def test_what_is_done_is_taken_back_in_turn_whatever_it_is(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig("case14")
    generator = rig.now.case.network.generator
    free = int(np.flatnonzero(generator.is_regulating)[0])
    branch = 3
    held = 0.5 * float(generator.p_bounds_mw[1][free])
    seen = rig.post("/api/operations/preview", setting(rig, free, p_mw=held))
    assert seen["dark_kw"] == 0
    operate(rig, setting(rig, free, p_mw=held))
    assert rig.run().solved.state.generator_p_mw[free] == pytest.approx(held, rel=0.05)
    operate(rig, {"kind": "branch", "target": branch, "close": False})
    assert not rig.run().solved.state.closed[branch]
    operate(rig, setting(rig, free, vm_pu=1.02))
    rig.run()
    actuator = rig.engine._pipeline.parts.actuator
    assert actuator is not None
    assert actuator.held.vm_pu[free] == pytest.approx(1.02)
    rig.engine.undo()
    assert np.isnan(rig_held(rig).vm_pu[free])
    assert rig_held(rig).p_mw[free] == pytest.approx(held)
    assert not rig.now.solved.state.closed[branch]
    rig.engine.undo()
    assert rig.run(2).solved.state.closed[branch]
    assert rig_held(rig).p_mw[free] == pytest.approx(held)
    assert [item["taken_back"] for item in rig.get("/api/operations")["operations"]] == [True, True, False]
    rig.engine.undo()
    assert np.isnan(rig_held(rig).p_mw).all()
    assert all(item["taken_back"] for item in rig.get("/api/operations")["operations"])


def rig_held(rig: Rig) -> Any:
    """What generators are held at after the next cycle."""
    rig.run()
    actuator = rig.engine._pipeline.parts.actuator
    assert actuator is not None
    return actuator.held


def test_dispatch_leaves_tagged_generators_as_they_are(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig("case14", dispatch_episodes=3)
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    tagged = planner.plan.set_points[0].generator
    hang(rig, "generator", tagged)
    with pytest.raises(PlanRefusedError):
        rig.engine.apply(planner.plan)
    planner.plan_once(rig.board, planner.requirements)
    found = planner.report_on(rig.board).proposal
    assert found is not None
    if found.plan is not None:
        assert tagged not in [point.generator for point in found.plan.set_points]
    assert "do not operate" in operate(rig, setting(rig, tagged, vm_pu=1.0), 409)["error"]


def test_a_source_without_an_actuator_is_looked_at_only(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig()
    parts = rig.engine._pipeline.parts
    rig.engine._pipeline.parts = type(parts)(source=parts.source, clock=parts.clock)
    rig.run()
    seen = rig.post("/api/operations/preview", switching(rig, LINE, close=False))
    assert seen["dark_kw"] > 0
    assert "carries out no orders" in seen["refused"]
    assert operate(rig, switching(rig, LINE, close=False), 409)["error"] == seen["refused"]


def test_load_is_shed_by_hand_where_the_grid_has_no_solution(rig: Rig) -> None:
    """The state is stale then: who looks is told so, and the order goes out all the same."""
    surge = rig.post("/api/events", {"kind": "load_surge", "target": None, "magnitude": 10.0}, 202)
    assert rig.run().solved.stale
    line = switching(rig, LINE, close=False)
    seen = rig.post("/api/operations/preview", line)
    assert seen["stale"] is True
    operate(rig, line)
    rig.run()
    actuator = rig.engine._pipeline.parts.actuator
    assert actuator is not None
    assert not actuator.closed[line["target"]]
    strict_json(rig.client.delete(f"/api/events?id={surge['event']['id']}"), 202)
    after = rig.run()
    assert not after.solved.stale
    assert not after.solved.state.energised[rig.bus("University Campus")]


def test_what_is_taken_back_may_not_cut_off_load(rig: Rig) -> None:
    line, tie = switching(rig, LINE, close=False), switching(rig, "College Tie", close=True)
    operate(rig, line)
    rig.run()
    operate(rig, tie)  # gives the campus supply from elsewhere
    assert rig.run().solved.state.energised.all()
    strict_json(rig.client.delete("/api/operations"), 202)
    after = rig.run()
    assert after.solved.state.closed[tie["target"]]
    assert after.control.operations.stopped is not None
    assert after.control.operations.stopped.kind is PlanProblemKind.INTERRUPTION


def test_a_switch_that_isolates_a_fault_is_not_closed_before_the_repair(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig(indicator_missed=0.0, indicator_false=0.0)
    event = {"kind": "branch_fault", "target": rig.branch("Mall Line")}
    fault = rig.post("/api/events", event, 202)["event"]["id"]
    rig.run()
    (found,) = rig.get("/api/faults")["faults"]
    rig.post(f"/api/faults/{found['id']}/isolate", {}, 202)
    rig.run()
    for branch in found["sections"][0]["switches"]:
        body = {"kind": "branch", "target": branch, "close": True}
        refused = rig.post("/api/operations/preview", body)["refused"]
        assert refused is not None
        assert operate(rig, body, 409)["error"] == refused
    strict_json(rig.client.delete(f"/api/events?id={fault}"), 202)
    rig.run()
    body = {"kind": "branch", "target": found["sections"][0]["switches"][0], "close": True}
    assert rig.post("/api/operations/preview", body)["refused"] is None


def test_tags_stay_with_their_grid(rig: Rig) -> None:
    tag = hang(rig, "branch", rig.branch(LINE))
    rig.post("/api/case", {"case": "case14"}, 202)
    rig.run()
    assert rig.get("/api/tags") == {"tags": []}
    with pytest.raises(UnknownIdError):
        rig.engine.remove_tag(tag, PERSON)
    other = hang(rig, "branch", 0)
    assert other > tag
    rig.post("/api/case", {"case": "city8"}, 202)
    rig.run()
    (kept,) = rig.get("/api/tags")["tags"]
    assert (kept["id"], kept["name"]) == (tag, LINE)


def test_tags_outlast_the_process(rig: Rig, new_rig: Callable[..., Rig]) -> None:
    line = switching(rig, LINE, close=False)
    tag = hang(rig, "branch", line["target"])
    started_anew = new_rig()
    assert started_anew.get("/api/tags") == rig.get("/api/tags")
    assert "do not operate" in operate(started_anew, line, 409)["error"]
    assert hang(started_anew, "branch", 0) > tag
    started_anew.engine.remove_tag(tag, PERSON)
    started_anew.run()
    assert [kept["name"] for kept in new_rig().get("/api/tags")["tags"]] == ["Ridge Line"]


def test_tags_that_cannot_be_written_are_told_and_hang_all_the_same(rig: Rig, cache_dir: Path) -> None:
    (cache_dir / "tags").write_text("a file where the folder should be")
    hang(rig, "branch", rig.branch(LINE))
    problems = [problem["cause"] for problem in rig.get("/api/health")["problems"]]
    assert "not_kept" in problems
    assert "do not operate" in operate(rig, switching(rig, LINE, close=False), 409)["error"]
    (cache_dir / "tags").unlink()
    hang(rig, "branch", 0)
    assert "not_kept" not in [problem["cause"] for problem in rig.get("/api/health")["problems"]]


@pytest.mark.parametrize("text", ["{", "[{}]", '[{"id": 1, "kind": "lock"}]'])
def test_tags_that_cannot_be_read_are_not_taken_for_none(rig: Rig, new_rig: Callable[..., Rig], text: str) -> None:
    hang(rig, "branch", rig.branch(LINE))
    file = rig.engine._pipeline.tag_store.file
    file.write_text(text)
    with pytest.raises(CaseError, match="tags can't be read"):
        new_rig()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "branch", "target": 0}, "close"),
        ({"kind": "branch", "target": 0, "close": True, "p_mw": 1.0}, "p_mw"),
        ({"kind": "branch", "target": 9999, "close": True}, "target"),
        ({"kind": "generator", "target": 0, "close": True}, "close"),
        ({"kind": "generator", "target": 9999, "p_mw": 1.0}, "target"),
        ({"kind": "tap", "target": 0}, "kind"),
    ],
)
def test_what_is_wrong_names_its_field(rig: Rig, body: dict[str, Any], field: str) -> None:
    assert rig.post("/api/operations/preview", body, 422)["field"] == field
    assert operate(rig, body, 422)["field"] == field
