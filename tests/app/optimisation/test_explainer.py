"""Why the plan is what it is, over the API: shares that add up, why not, what binds, promised and measured."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.jobs import JobState
from ml.optimisation.plans.plan import Plan
from tests.app.rig import Rig, make_rig, wait_for

EXPLANATION, WHY_NOT, APPLIED = "/api/grid/plan/explanation", "/api/grid/plan/why-not", "/api/grid/plan/applied"
PARTS = ("supply_kw", "violation", "loss_kw", "expected_interrupted_kw")


@pytest.fixture
def feeder(tmp_path: Path) -> Rig:
    """The 33-bus feeder, whose best plan has several pairs."""
    return make_rig(tmp_path, "case33bw", training_episodes=2)


@pytest.fixture
def city(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, training_episodes=2)


def planned(rig: Rig) -> Plan:
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    assert planner.plan is not None
    return planner.plan


def sums(answer: Any) -> list[float]:
    return [sum(pair["share"][part] for pair in answer["pairs"]) for part in PARTS]


def test_shares_add_up_to_what_the_plan_on_the_board_gains(feeder: Rig) -> None:
    plan = planned(feeder)
    answer = feeder.get(EXPLANATION)
    assert answer["code"] == plan.code
    assert answer["method"] == "exact"
    assert answer["whole"]["loss_kw"] == pytest.approx(plan.saved_kw, abs=1e-9)
    assert sums(answer) == pytest.approx([answer["whole"][part] for part in PARTS], abs=1e-6)
    told = [action["edge"] for pair in answer["pairs"] for action in pair["actions"]]
    assert sorted(told) == sorted(action.branch for action in plan.actions)
    assert feeder.get(EXPLANATION) == answer  # kept for the proposal


def test_the_explanation_is_of_the_moment_that_the_plan_was_made_for(feeder: Rig) -> None:
    plan = planned(feeder)
    made_at = feeder.now.simulated_at
    feeder.run(3)  # nobody has planned since
    answer = feeder.get(EXPLANATION)
    assert answer["made_at"] == made_at.isoformat()
    assert answer["whole"]["loss_kw"] == pytest.approx(plan.saved_kw, abs=1e-9)
    assert sums(answer)[2] == pytest.approx(plan.saved_kw, abs=1e-6)


def test_why_not_answers_for_every_branch(feeder: Rig) -> None:
    plan = planned(feeder)
    for branch in (0, *np.flatnonzero(~plan.after.closed).tolist()):
        answer = feeder.get(f"{WHY_NOT}/{branch}")
        assert answer["name"] == feeder.now.case.network.branch.name[branch]
        if plan.after.closed[branch]:
            assert (answer["kind"], answer["plan"]) == ("in_use", None)
            continue
        assert answer["kind"] == "possible"
        assert branch not in answer["plan"]["after"]["open_edges"]
        cost_kw = answer["plan"]["after"]["loss_kw"] - plan.after.loss_kw
        assert -answer["gain"]["loss_kw"] == pytest.approx(cost_kw, abs=1e-9)
        assert answer["name"] in answer["words"]


def test_a_lock_and_few_pairs_have_prices(feeder: Rig) -> None:
    free = planned(feeder)
    tie = next(action.branch for action in free.actions if action.close)
    feeder.post("/api/grid/optimize", {"locked": [tie], "most_pairs": 2, "keep": True})
    plan = planned(feeder)
    binds = {item["constraint"]: item for item in feeder.get(EXPLANATION)["binds"]}
    assert binds["switching actions"]["limit"] == 2
    more = feeder.post("/api/grid/optimize", {"locked": [tie], "most_pairs": 3})["plan"]
    saved_kw = plan.after.loss_kw - more["after"]["loss_kw"]
    assert binds["switching actions"]["gain"]["loss_kw"] == pytest.approx(saved_kw, abs=1e-6)
    assert feeder.get(f"{WHY_NOT}/{tie}")["kind"] == "locked"


def test_what_cannot_be_explained_says_why(city: Rig, tmp_path: Path) -> None:
    assert "no plan has been made yet" in city.get(EXPLANATION, 409)["error"]
    planned(city)
    count = city.now.case.network.n_branch
    for wrong in (str(count), "-1", "x", "9" * 30):
        assert f"numbered 0 to {count - 1}" in city.get(f"{WHY_NOT}/{wrong}", 404)["error"]
    meshed = make_rig(tmp_path / "meshed", "case14", dispatch_episodes=2)
    meshed.services.planner.plan_once(meshed.board, meshed.services.planner.requirements)
    assert "switch nothing" in meshed.get(EXPLANATION, 409)["error"]
    assert "switch nothing" in meshed.get(f"{WHY_NOT}/0", 409)["error"]


def test_without_a_better_plan_a_tie_is_judged_against_the_present(city: Rig) -> None:
    city.engine.apply(planned(city))
    city.run(3)
    planner = city.services.planner
    planner.plan_once(city.board, planner.requirements)
    assert planner.plan is None
    assert "there is no plan" in city.get(EXPLANATION, 409)["error"]
    tie = int(np.flatnonzero(~city.now.solved.state.closed)[0])
    answer = city.get(f"{WHY_NOT}/{tie}")
    if answer["kind"] == "possible":
        assert answer["gain"]["loss_kw"] < 1e-3 * city.now.assessed.metrics.loss_mw * 1000


def test_a_long_explanation_is_a_job_that_ends_with_the_same_answer(feeder: Rig) -> None:
    planned(feeder)
    feeder.services.jobs.patience_s = 0.0
    job = feeder.get(EXPLANATION, 202)
    assert wait_for(lambda: feeder.get(f"/api/jobs/{job['id']}")["state"] == JobState.DONE)
    result = feeder.get(f"/api/jobs/{job['id']}")["result"]
    feeder.services.jobs.patience_s = 5.0
    assert result == feeder.get(EXPLANATION)


def test_an_applied_plan_is_told_with_what_was_measured(city: Rig) -> None:
    plan = planned(city)
    assert city.get(APPLIED)["plans"] == []
    city.post("/api/grid/apply", {}, 202)
    city.run(len(plan.actions), timedelta(0))
    (told,) = city.get(APPLIED)["plans"]
    assert (told["code"], [step["edge"] for step in told["actions"]]) == (
        plan.code,
        [action.branch for action in plan.actions],
    )
    assert told["promised"]["loss_kw"] == plan.after.loss_kw
    assert told["measured"]["loss_kw"] == pytest.approx(1000 * city.now.assessed.metrics.loss_mw)
    assert told["measured_at"] == city.now.simulated_at.isoformat()
