"""Plans over the API: every requirement, wrong ones, carrying out one action a cycle, refusals, and going back."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grid.capabilities import ANY_SWITCHING
from grid.telemetry import EventKind
from ml.optimisation.plans.plan import Constraint, NoPlan, NoPlanKind, Requirements
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind
from tests.app.rig import Rig, make_rig

OPTIMIZE, APPLY = "/api/grid/optimize", "/api/grid/apply"
USUAL = {"risk_weight": 0.05, "min_vm_pu": None, "max_vm_pu": None, "max_loading_percent": 100.0, "locked": [],
         "most_pairs": None, "n_minus_1": False, "worst_hour": False, "emergency_loading_percent": None,
         "emergency_min_vm_pu": None, "emergency_max_vm_pu": None, "emergency_minutes": 60.0}  # fmt: skip


@pytest.fixture
def city(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, training_episodes=2)


@pytest.fixture
def feeder(tmp_path: Path) -> Rig:
    """The 33-bus feeder, whose best plan has several pairs."""
    return make_rig(tmp_path, "case33bw", training_episodes=2)


def plan(rig: Rig) -> Any:
    """What the planner's thread does with a new snapshot."""
    rig.services.planner.plan_once(rig.board, rig.services.planner.requirements)
    found = rig.services.planner.plan
    assert found is not None
    return found


def closed(rig: Rig) -> list[bool]:
    return [edge["in_service"] for edge in rig.get("/api/grid/state")["edges"]]


def test_a_plan_lists_its_actions_savings_and_methods(city: Rig) -> None:
    answer = city.post(OPTIMIZE, {})
    found, present = answer["plan"], answer["present"]
    assert answer["success"] is True
    assert answer["requirements"] == USUAL
    assert found["saved_kw"] == pytest.approx(present["loss_kw"] - found["after"]["loss_kw"])
    assert present["loss_kw"] == pytest.approx(1000 * city.now.assessed.metrics.loss_mw, rel=1e-3)
    assert found["saved_eur_per_year"] == pytest.approx(80 * found["saved_mwh_per_year"])
    assert found["pairs"] == 1
    states = closed(city)
    for action in found["actions"]:
        assert states[action["edge"]] == (action["action"] == "open")
        assert city.now.case.network.branch.name[action["edge"]] == action["name"]
        states[action["edge"]] = action["action"] == "close"
    assert found["after"]["open_edges"] == [index for index, state in enumerate(states) if not state]
    assert {method["method"] for method in answer["methods"]} >= {"Present state", "Policy", "Branch exchange"}
    assert all(item["pairs"] <= 3 for item in answer["limited"])


@pytest.mark.parametrize(
    ("body", "conflict"),
    [
        ({"risk_weight": 0.0}, None),
        ({"min_vm_pu": 0.95}, None),
        ({"min_vm_pu": 1.025}, "low voltage"),
        ({"max_vm_pu": 1.05}, None),
        ({"max_vm_pu": 1.0}, "high voltage"),
        ({"max_loading_percent": 90.0}, None),
        ({"locked": [9, 13]}, None),
        ({"most_pairs": 1}, None),
        ({"n_minus_1": True, "max_loading_percent": 300.0, "min_vm_pu": 0.6}, None),
    ],
)
def test_every_requirement_is_taken(city: Rig, body: dict[str, Any], conflict: str | None) -> None:
    answer = city.post(OPTIMIZE, body)
    assert answer["requirements"] == USUAL | body
    assert answer["conflict"] == conflict
    assert (answer["plan"] is None) == (conflict is not None)
    assert city.services.planner.requirements == Requirements(risk_weight=0.05)
    if answer["plan"] is not None:
        assert not {action["edge"] for action in answer["plan"]["actions"]} & set(body.get("locked", []))
        assert answer["plan"]["after"]["max_loading_percent"] <= body.get("max_loading_percent", 100)


def test_a_conflict_names_the_constraint_its_asset_and_the_outage(city: Rig) -> None:
    names = [edge["name"] for edge in city.get("/api/grid/state")["edges"]]
    ties = [place for place, is_closed in enumerate(closed(city)) if not is_closed]
    assert city.post(OPTIMIZE, {})["conflict_detail"] is None

    held = city.post(OPTIMIZE, {"locked": ties})
    assert (held["plan"], held["conflict"]) == (None, "locked switches")
    assert held["outcome"]["kind"] == "conflict"
    assert held["conflict_detail"]["edges"] == [{"edge": tie, "name": names[tie]} for tie in ties]
    assert names[ties[0]] in held["conflict_detail"]["message"]

    insecure = city.post(OPTIMIZE, {"n_minus_1": True})["conflict_detail"]
    assert (insecure["constraint"], insecure["asked"]) == ("n-1", True)
    assert insecure["outage"]["name"] == names[insecure["outage"]["edge"]]
    assert insecure["outages"] >= 1
    assert insecure["margin"]["constraint"] in {"low voltage", "loading"}
    assert insecure["margin"]["element"]
    assert f"After the outage of {insecure['outage']['name']}" in insecure["message"]

    high = city.post(OPTIMIZE, {"max_vm_pu": 0.9})["conflict_detail"]
    assert (high["constraint"], high["margin"]["limit"]) == ("high voltage", 0.9)
    assert high["margin"]["element"] in {node["name"] for node in city.get("/api/grid/state")["nodes"]}

    both = city.post(OPTIMIZE, {"max_vm_pu": 0.9, "max_loading_percent": 10.0})["conflict_detail"]
    assert {both["constraint"], *both["also"]} == {"high voltage", "loading"}
    assert "would have to give way as well" in both["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"risk_weight": -0.1}, "risk_weight"),
        ({"min_vm_pu": 0.3}, "min_vm_pu"),
        ({"min_vm_pu": "1"}, "min_vm_pu"),
        ({"max_vm_pu": 1.6}, "max_vm_pu"),
        ({"min_vm_pu": 1.05, "max_vm_pu": 1.0}, "min_vm_pu"),
        ({"max_loading_percent": 9.9}, "max_loading_percent"),
        ({"max_loading_percent": True}, "max_loading_percent"),
        ({"emergency_loading_percent": 99.0}, "emergency_loading_percent"),
        ({"emergency_loading_percent": 301.0}, "emergency_loading_percent"),
        ({"max_loading_percent": 130.0, "emergency_loading_percent": 120.0}, "emergency_loading_percent"),
        ({"emergency_min_vm_pu": 0.95}, "emergency_min_vm_pu"),  # the case's own is 0.94
        ({"emergency_min_vm_pu": 0.4}, "emergency_min_vm_pu"),
        ({"min_vm_pu": 0.9, "emergency_min_vm_pu": 0.92}, "emergency_min_vm_pu"),
        ({"emergency_max_vm_pu": 1.05}, "emergency_max_vm_pu"),
        ({"max_vm_pu": 1.1, "emergency_max_vm_pu": 1.08}, "emergency_max_vm_pu"),
        ({"emergency_minutes": 0.5}, "emergency_minutes"),
        ({"emergency_minutes": 1381}, "emergency_minutes"),
        ({"emergency_minutes": "60"}, "emergency_minutes"),
        ({"locked": [14]}, "locked"),
        ({"locked": [-1]}, "locked"),
        ({"locked": [0, "1"]}, "locked.1"),
        ({"locked": 3}, "locked"),
        ({"most_pairs": 0}, "most_pairs"),
        ({"most_pairs": 4}, "most_pairs"),
        ({"most_pairs": 1.5}, "most_pairs"),
        ({"n_minus_1": 1}, "n_minus_1"),
        ({"keep": "yes"}, "keep"),
        ({"switches": 1}, "switches"),
    ],
)
def test_a_wrong_requirement_is_named_and_nothing_is_kept(city: Rig, body: dict[str, Any], field: str) -> None:
    answer = city.post(OPTIMIZE, {"keep": True} | body, 422)
    assert answer["field"] == field
    assert answer["error"].startswith(field)
    assert city.services.planner.requirements == Requirements(risk_weight=0.05)


def test_what_is_kept_holds_for_all_plans_and_null_lifts_it(city: Rig) -> None:
    city.post(OPTIMIZE, {"min_vm_pu": 0.96, "most_pairs": 2, "locked": [12], "keep": True})
    city.run()
    assert city.now.control.requirements.most_pairs == 2
    kept = USUAL | {"min_vm_pu": 0.96, "most_pairs": 2, "locked": [12]}
    assert city.post(OPTIMIZE, {})["requirements"] == kept
    assert city.post(OPTIMIZE, {"most_pairs": 1})["requirements"] == kept | {"most_pairs": 1}
    assert city.post(OPTIMIZE, {})["requirements"] == kept
    city.post(OPTIMIZE, {"min_vm_pu": None, "most_pairs": None, "locked": [], "risk_weight": None, "keep": True})
    assert city.post(OPTIMIZE, {})["requirements"] == USUAL


def test_locks_of_another_grid_are_forgotten(feeder: Rig) -> None:
    feeder.post(OPTIMIZE, {"locked": [36], "keep": True})
    feeder.post("/api/case", {"case": "city8"}, 202)
    feeder.run()
    assert feeder.post(OPTIMIZE, {})["requirements"]["locked"] == []


def test_one_action_a_cycle_is_carried_out_and_losses_fall(feeder: Rig) -> None:
    found = plan(feeder)
    assert len(found.actions) >= 6
    before, states = feeder.now, closed(feeder)
    answer = feeder.post(APPLY, {}, 202)
    assert answer["success"] is True
    assert [action["edge"] for action in answer["actions"]] == [action.branch for action in found.actions]
    for count, action in enumerate(found.actions, start=1):
        now = feeder.run()
        states[action.branch] = action.close
        assert closed(feeder) == states
        assert [done.branch for done in now.control.operations.done] == [item.branch for item in found.actions[:count]]
        assert len(now.control.operations.pending) == len(found.actions) - count
        assert now.assessed.metrics.unsupplied_mw == 0
    np.testing.assert_array_equal(feeder.now.measured.frame.branch.closed.value, found.after.closed)
    assert share_lost(feeder.now) < 0.9 * share_lost(before)
    feeder.run()
    assert closed(feeder) == states


def share_lost(snapshot: Any) -> float:
    """Losses over the square of the load, which drifts from cycle to cycle."""
    return float(snapshot.assessed.metrics.loss_mw / snapshot.assessed.metrics.load_mw**2)


def test_undo_restores_the_switch_states(feeder: Rig) -> None:
    plan(feeder)
    before = closed(feeder)
    feeder.post(APPLY, {"count": 4}, 202)
    for _ in range(4):
        feeder.run()
    switched = closed(feeder)
    assert len(feeder.now.control.operations.done) == 4
    answer = feeder.post(APPLY, {"undo": True, "count": 1}, 202)
    assert (answer["undo"], answer["actions"]) == (True, [])
    feeder.run()
    assert len(feeder.now.control.operations.done) == 3
    assert sum(one != other for one, other in zip(switched, closed(feeder), strict=True)) == 1
    feeder.post(APPLY, {"undo": True}, 202)
    for _ in range(3):
        feeder.run()
    assert closed(feeder) == before
    assert feeder.now.control.operations.done == feeder.now.control.operations.pending == ()
    assert "undo" in feeder.post(APPLY, {"undo": True}, 409)["error"]


def test_half_a_plan_is_carried_on_by_the_next_one(city: Rig) -> None:
    plan(city)
    city.post(APPLY, {"count": 1}, 202)
    city.run()
    assert len(city.now.control.operations.done) == 1
    rest = plan(city)  # from a state with a loop
    assert [action.close for action in rest.actions] == [False]
    city.post(APPLY, {}, 202)
    city.run()
    assert city.now.assessed.metrics.unsupplied_mw == 0
    assert len(city.now.control.operations.done) == 2


def test_a_plan_is_refused_where_the_grid_has_changed(city: Rig) -> None:
    found = plan(city)
    first, last = (city.now.case.network.branch.name[found.actions[place].branch] for place in (0, -1))
    for name, word in ((first, "out of service"), (last, "open already")):
        event = city.engine.add_event(EventKind.LINE_OUTAGE, city.branch(name), 1.0)
        before = city.run()
        answer = city.post(APPLY, {}, 409)
        assert name in answer["error"]
        assert word in answer["error"]
        now = city.run(2)
        np.testing.assert_array_equal(now.measured.frame.branch.closed.value, before.measured.frame.branch.closed.value)
        assert now.control.operations.done == now.control.operations.pending == ()
        city.engine.remove_event(event.id)
        city.run()


def test_a_plan_that_was_carried_out_is_refused_a_second_time(city: Rig) -> None:
    found = plan(city)
    city.post(APPLY, {}, 202)
    city.run(len(found.actions))
    before = closed(city)
    assert "closed already" in city.post(APPLY, {}, 409)["error"]
    city.run(2)
    assert closed(city) == before


def test_an_outage_on_the_way_stops_the_plan_and_says_why(feeder: Rig) -> None:
    found = plan(feeder)
    feeder.post(APPLY, {}, 202)
    feeder.run()
    third = found.actions[2]
    feeder.engine.add_event(EventKind.LINE_OUTAGE, third.branch, 1.0)
    feeder.run(4)
    operations = feeder.now.control.operations
    assert operations.stopped is not None
    assert feeder.get("/api/grid/state")["optimization"]["note"].startswith("Stopped: ")
    assert operations.pending == ()
    assert len(operations.done) <= 2


def test_there_is_nothing_to_apply_without_a_plan(city: Rig) -> None:
    assert "no plan" in city.post(APPLY, {}, 409)["error"]
    assert "undo" in city.post(APPLY, {"undo": True}, 409)["error"]
    for body, field in (({"count": 0}, "count"), ({"count": "all"}, "count"), ({"undo": 1}, "undo")):
        assert city.post(APPLY, body, 422)["field"] == field


def test_without_any_source_there_is_a_reason_and_no_plan(city: Rig) -> None:
    for station in ("North Power Plant", "South Thermal Station"):
        city.engine.add_event(EventKind.GENERATOR_TRIP, city.generator(station), 1.0)
    city.run(2)
    answer = city.post(OPTIMIZE, {"keep": True})
    assert (answer["success"], answer["plan"]) == (True, None)
    assert answer["reason"]


def test_a_meshed_grid_has_a_reason_or_set_points_but_no_switching(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, "case14", training_episodes=2)
    answer = rig.post(OPTIMIZE, {})
    assert answer["success"] is True
    assert len(answer["episode_result"]["paths"]) == 11
    if answer["plan"] is None:
        assert answer["reason"]
        rig.post(APPLY, {}, 409)
    else:
        assert answer["plan"]["set_points"]
        assert answer["plan"]["actions"] == []


def test_a_grid_in_which_nothing_can_be_chosen_says_why(city: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml.optimisation.optimizer.ANY_SWITCHING", replace(ANY_SWITCHING, most=5))
    answer, buses = city.post(OPTIMIZE, {}), city.now.case.network.n_bus
    assert (answer["success"], answer["plan"]) == (True, None)
    assert answer["reason"] == f"the grid has {buses} buses, switching is chosen up to 5"
    planner = city.services.planner
    planner.plan_once(city.board, planner.requirements)
    reason = NoPlan(kind=NoPlanKind.TOO_LARGE_TO_SWITCH, buses=buses, most=5)
    assert planner.latest.status == PlanStatus(kind=PlanStatusKind.UNSUITABLE, reason=reason)


def test_the_state_and_the_source_tell_reward_and_episodes(city: Rig) -> None:
    planner = city.services.planner
    plan(city)
    planner.train_once(city.board, fresh=False)
    while planner.latest.training.running:
        planner.train_once(city.board, fresh=False)
    now = city.run()
    expected_kw = 1000 * float(now.assessed.risk.risk_mw.sum())
    reward = -(1000 * now.assessed.metrics.loss_mw + 0.05 * expected_kw)
    state, source = city.get("/api/grid/state")["optimization"], city.get("/api/grid/data-source")
    assert state["reward"] == pytest.approx(reward)
    assert source["total_episodes_trained"] == state["episodes_trained"] == 2
    answer = city.post(OPTIMIZE, {})
    assert (answer["episodes_trained"], answer["training"]) == (2, False)
    assert answer["episode_result"]["reward"] == pytest.approx(reward)


def test_a_plan_has_its_time_line_with_crews_by_the_settings(tmp_path: Path) -> None:
    rig = make_rig(tmp_path, training_episodes=2, hand_switches="all", crews=1, hand_minutes=20)
    tripped = rig.branch("Campus Line")
    rig.engine.add_event(EventKind.LINE_OUTAGE, tripped, None)
    rig.run()
    found = rig.post(OPTIMIZE, {})["plan"]
    line = found["timeline"]
    assert line["distance"] == "coordinates"
    assert [step["edge"] for step in line["steps"]] == [action["edge"] for action in found["actions"]]
    minutes = [step["minute"] for step in line["steps"]]
    assert all(step["crew"] == 1 and step["minute"] >= 20 for step in line["steps"])
    assert minutes == sorted(minutes)
    assert line["minutes"] == minutes[-1]
    lacking = 1000 * (line["wanted_mw"] - line["steps"][-1]["supplied_mw"])
    assert lacking == pytest.approx(found["after"]["unsupplied_kw"], abs=1e-6)
    assert line["supplied_mw"] < line["steps"][-1]["supplied_mw"] <= line["wanted_mw"]


def test_emergency_values_restore_more_and_the_plan_says_so(tmp_path: Path) -> None:
    """The plan within normal limits stands beside it."""
    city = make_rig(tmp_path, training_episodes=2, start=datetime(2026, 1, 15, 18))
    city.engine.add_event(EventKind.LOAD_SURGE, None, 1.25)
    city.engine.add_event(EventKind.LINE_OUTAGE, city.branch("Campus Line"), 1.0)
    city.run(2)
    wide = {"emergency_loading_percent": 150.0, "emergency_min_vm_pu": 0.85, "emergency_minutes": 30.0}
    normal, found = city.post(OPTIMIZE, {}), city.post(OPTIMIZE, wide)
    assert normal["within_normal"] is None
    assert normal["plan"]["emergency"] == []
    assert found["requirements"] == USUAL | wide
    assert found["outcome"]["restored_kw"] > normal["outcome"]["restored_kw"] + 1
    assert found["within_normal"]["code"] == normal["plan"]["code"]
    uses, names = found["plan"]["emergency"], {node["name"] for node in city.get("/api/grid/state")["nodes"]}
    assert uses
    for use in uses:
        if use["constraint"] == "low voltage":
            assert use["element"] in names
            assert use["emergency"] == 0.85 <= use["value"] < use["limit"]
        else:
            assert use["constraint"] == "loading"
            assert use["element"] in city.now.case.network.branch.name
            assert use["limit"] < use["value"] <= use["emergency"] == 150.0


def test_null_and_the_normal_values_take_emergency_values_back(city: Rig) -> None:
    city.post(OPTIMIZE, {"emergency_loading_percent": 120.0, "emergency_minutes": 90, "keep": True})
    assert city.post(OPTIMIZE, {})["requirements"] == USUAL | {
        "emergency_loading_percent": 120.0,
        "emergency_minutes": 90.0,
    }
    city.post(OPTIMIZE, {"emergency_loading_percent": None, "emergency_minutes": 60, "keep": True})
    assert city.post(OPTIMIZE, {})["requirements"] == USUAL


def test_a_plan_on_emergency_limits_is_carried_out_and_alarmed(tmp_path: Path) -> None:
    """Alarms keep the normal limits, whatever a plan may use."""
    city = make_rig(tmp_path, training_episodes=2, start=datetime(2026, 1, 15, 18))
    city.engine.add_event(EventKind.LOAD_SURGE, None, 1.25)
    city.engine.add_event(EventKind.LINE_OUTAGE, city.branch("Campus Line"), 1.0)
    city.run(2)
    city.post(OPTIMIZE, {"emergency_loading_percent": 250.0, "emergency_min_vm_pu": 0.75, "keep": True})
    city.run()
    found = plan(city)
    assert found.emergency
    dark_mw = city.now.assessed.metrics.unsupplied_mw
    city.post(APPLY, {}, 202)
    now = city.run(len(found.actions) + 1)
    assert now.control.operations.stopped is None
    assert now.assessed.metrics.unsupplied_mw < dark_mw - 1
    roots = city.get("/api/alarms")["alarms"]
    every = [*roots, *(one for root in roots for one in root["consequences"])]
    alarmed = {one["asset_name"]: one["limit"] for one in every if one["unit"] == "p.u."}
    names = city.now.case.network.bus.name
    beyond = {names[use.element] for use in found.emergency if use.constraint is Constraint.LOW_VOLTAGE}
    assert beyond & set(alarmed)
    assert {alarmed[name] for name in beyond & set(alarmed)} == {0.94}  # of the case
