"""Whether the plan holds in the hours to come: followed in the process beside, told by page and API."""

from datetime import datetime
from pathlib import Path

import pytest

from app.optimisation.tick import ahead_line, overview_words
from app.optimisation.view import ahead_words, headline_of
from grid.telemetry import EventKind
from ml.optimisation.plans.ahead import LimitAtRisk
from ml.optimisation.plans.plan import Constraint
from tests.app.rig import Rig, make_rig

AHEAD = "/api/grid/plan/ahead"
EVENING = datetime(2026, 1, 15, 18)


@pytest.fixture
def city(tmp_path: Path) -> Rig:
    return make_rig(tmp_path, training_episodes=2, history_days=3, plan_hours=6)


def planned(rig: Rig) -> None:
    """A plan and a look ahead for the present snapshot."""
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)
    for _ in range(3):
        rig.services.forecast_worker.attempt()
    assert rig.services.forecast_worker.latest.ahead is not None


def followed(rig: Rig) -> None:
    assert rig.services.ahead_worker.attempt() is False
    assert rig.services.ahead_worker.failure == ""


def switches(code: str) -> set[str]:
    """What a plan does, in whatever order: that may change with the loads."""
    return set(code.split("-"))


def test_nothing_is_told_before_there_is_a_forecast(city: Rig) -> None:
    planner = city.services.planner
    planner.plan_once(city.board, planner.requirements)
    followed(city)
    found = city.get(AHEAD)
    assert (found["code"], found["chance"], found["hours"]) == (None, None, 6)
    assert ahead_line(city.services.ahead_worker.latest, planner.latest, city.board) == ""


def test_the_latest_plan_is_followed_for_the_hours_of_the_settings(city: Rig) -> None:
    planned(city)
    followed(city)
    found, plan = city.get(AHEAD), city.services.planner.plan
    assert plan is not None
    assert found["code"] == plan.code
    assert found["by"][-1]["minute"] == 360
    chances = [one["chance"] for one in found["by"]]
    assert chances == sorted(chances)
    assert found["chance"] == chances[-1]
    assert found["courses"] == 100
    assert found["loads_back"] == 0
    words = ahead_line(city.services.ahead_worker.latest, city.services.planner.latest, city.board)
    assert "6 hours to come" in words
    assert "100 courses" in words


def test_what_comes_back_with_a_restoration_is_told(city: Rig) -> None:
    city.engine.add_event(EventKind.LINE_OUTAGE, city.branch("Campus Line"), None)
    city.run(3)
    planned(city)
    followed(city)
    plan, found = city.services.planner.plan, city.get(AHEAD)
    assert plan is not None
    back = plan.after.supplied_loads & ~plan.before.supplied_loads
    assert found["loads_back"] == back.sum() > 0
    assert found["code"] == plan.code


def test_a_plan_that_is_gone_is_followed_no_more(city: Rig) -> None:
    planned(city)
    followed(city)
    first = city.services.ahead_worker.latest
    followed(city)
    assert city.services.ahead_worker.latest is first  # the same plan isn't followed each cycle
    city.services.planner._publish(city.board, None)
    followed(city)
    assert city.get(AHEAD)["code"] is None


def test_a_limit_that_breaks_is_named_with_its_time(city: Rig) -> None:
    planned(city)
    followed(city)
    report, plan = city.services.ahead_worker.latest, city.services.planner.plan
    assert plan is not None
    assert report.found is not None
    risky = LimitAtRisk(constraint=Constraint.LOADING, element=city.branch("Mall Line"), chance=0.2, minute=60.0)
    broken = report.found.broken_by.copy()
    broken[4:] = 0.25
    found = type(report.found)(**{**vars(report.found), "broken_by": broken, "worst": risky})
    words = ahead_words(type(report)(**{**vars(report), "found": found}), plan)
    assert "chance of 25" in words
    assert "highest loading at Mall Line" in words
    assert "07:00 on" in words


def test_a_plan_that_fails_later_gives_way_on_page_and_api(tmp_path: Path) -> None:
    """The feeder's ties hold what comes back now, and not with the pick-up after an hour in the dark."""
    rig = make_rig(tmp_path, "case33bw", training_episodes=2, history_days=3, plan_hours=4, start=EVENING)
    rig.engine.add_event(EventKind.LINE_OUTAGE, 28, None)
    rig.run(13)
    planned(rig)
    first = rig.services.planner.plan
    followed(rig)
    told, report = rig.get(AHEAD), rig.services.ahead_worker.latest
    assert first is not None
    assert report.instead_of is not None
    assert told["instead_of"]["code"] == first.code
    assert told["instead_of"]["chance"] > told["chance"]
    assert switches(told["code"]) != switches(first.code)
    rig.run()
    planner = rig.services.planner
    planner.plan_once(rig.board, planner.requirements)  # what is followed holds for the next plans
    plan = planner.plan
    assert plan is not None
    assert switches(plan.code) == switches(told["code"])
    assert rig.post("/api/grid/optimize", {})["plan"]["code"] == plan.code
    words = ahead_line(report, planner.latest, rig.board)
    assert "Better for the whole time than the best plan for now" in words
    assert f"with a chance of {100 * told['instead_of']['chance']:.0f}\u202f%" in words
    followed(rig)
    assert rig.services.ahead_worker.latest is report  # the same situation, not followed each cycle
    rig.engine.apply(plan, None)
    rig.run(len(plan.actions) + 2)
    followed(rig)
    planner.plan_once(rig.board, planner.requirements)
    assert planner.latest.proposal is not None
    assert planner.latest.proposal.instead_of is None


def restoring(tmp_path: Path, minutes: float) -> Rig:
    """The city in the evening without Campus Line: its ties restore all by emergency values alone."""
    rig = make_rig(tmp_path, training_episodes=2, history_days=3, plan_hours=2, start=EVENING)
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), None)
    rig.run(3)
    wanted = {"emergency_loading_percent": 200.0, "emergency_min_vm_pu": 0.8, "emergency_minutes": minutes}
    rig.post("/api/grid/optimize", {**wanted, "keep": True})
    rig.run()
    planned(rig)
    return rig


def test_a_plan_on_emergency_limits_says_how_long_it_needs_them(tmp_path: Path) -> None:
    rig = restoring(tmp_path, 600.0)
    plan, planner = rig.services.planner.plan, rig.services.planner
    assert plan is not None
    assert plan.emergency
    assert "Not looked ahead yet" in ahead_line(rig.services.ahead_worker.latest, planner.latest, rig.board)
    shown = headline_of(planner.latest, rig.now)
    assert shown.emergency.startswith("Uses emergency")
    assert "for 600 minutes at most" in shown.emergency
    assert any(not kept and "within emergency ones" in words for kept, words in shown.checks)
    assert shown.emergency in overview_words(planner.latest, rig.now)[2]
    followed(rig)
    told = rig.get(AHEAD)
    assert told["hours"] == 11  # an hour longer than they may last
    assert told["code"] == plan.code
    worst = told["emergency"][0]
    assert told["emergency_minutes"] <= 600
    assert worst["chance"] > 0.05
    words = ahead_line(rig.services.ahead_worker.latest, planner.latest, rig.board)
    assert f"{worst['element']} (up to" in words
    assert "min are allowed" in words.replace("\u202f", " ")


def test_a_plan_that_needs_emergency_limits_too_long_gives_way_to_the_normal_one(tmp_path: Path) -> None:
    rig = restoring(tmp_path, 1.0)
    planner = rig.services.planner
    first = planner.plan
    assert first is not None
    assert first.emergency
    followed(rig)
    told = rig.get(AHEAD)
    assert told["instead_of"]["code"] == first.code
    assert told["instead_of"]["overstays"]
    rig.run()
    planner.plan_once(rig.board, planner.requirements)
    plan, proposal = planner.plan, planner.latest.proposal
    assert plan is not None
    assert proposal is not None
    assert not plan.emergency
    assert proposal.instead_of is not None
    assert plan.after.unsupplied_kw > proposal.instead_of.after.unsupplied_kw
    answer = rig.post("/api/grid/optimize", {})
    assert answer["plan"]["emergency"] == []
    assert answer["within_normal"] is None
    words = ahead_line(rig.services.ahead_worker.latest, planner.latest, rig.board)
    assert "in the place of a plan on emergency limits" in words
    assert headline_of(planner.latest, rig.now).emergency == ""
