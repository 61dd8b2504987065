"""Prognoses, schedule, files and model card over the API."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

from tests.app.rig import Rig, make_rig

ASSETS, SCHEDULE, MODEL = "/api/maintenance/assets", "/api/maintenance/schedule", "/api/maintenance/model"


def watch(rig: Rig) -> None:
    """What the maintainer's thread does with a new snapshot."""
    rig.services.maintainer.look(rig.board)
    rig.services.maintainer.schedule_once(rig.board)


@pytest.fixture
def city(cache_dir: Path) -> Rig:
    rig = make_rig(cache_dir)
    watch(rig)
    return rig


def test_assets_are_ranked_and_riskier_the_longer_one_waits(city: Rig) -> None:
    rows = city.get(ASSETS)["assets"]
    assert [row["id"] for row in rows] != []
    risks = [row["risk_eur_per_year"] for row in rows]
    assert risks == sorted(risks, reverse=True)
    for row in rows:
        chances = row["failure_probability"]
        assert 0 < chances["30"] < chances["90"] < chances["365"] < 1
        assert chances == row["published_probability"]
        assert (row["source"], row["why_not_model"]) == ("CNAIM", "no trained model")
        assert row["risk_eur_per_year"] == pytest.approx(chances["365"] * row["consequence_eur"])
        assert row["novelty"] is None
    assert city.get(f"{ASSETS}/0")["why_no_drivers"] == "no model judges it"


def test_one_asset_has_its_signals_trend_and_drivers(cache_dir: Path, models_folder: Path) -> None:
    rig = make_rig(cache_dir, models_dir=models_folder)
    rig.services.maintainer.load_or_train()
    watch(rig)
    answer = rig.get(f"{ASSETS}/3")
    assert answer["name"] == rig.now.case.network.branch.name[3]
    assert len(answer["signals"]) == 10
    assert {len(answer["trend"][name]) for name in ("time", "probability", "low", "high", "published")} == {1}
    assert len(answer["drivers"]) == 5
    assert answer["why_no_drivers"] is None
    assert (answer["source"], answer["why_not_model"]) == ("model", None)
    assert sum(answer["failure_types"].values()) == pytest.approx(1, abs=1e-4)
    assert answer["failure_probability_low"]["365"] <= answer["failure_probability_high"]["365"]
    card = rig.get(MODEL)
    assert (card["trained"], card["simulated_data"]) == (True, True)
    assert card["card"]["data"].startswith("Simulated fleets")
    assert set(card["card"]["reliability"]) == {"30", "90", "365"}


def test_before_the_first_prognosis_everything_answers_with_null(rig: Rig) -> None:
    row = rig.get(f"{ASSETS}/3")
    assert row["failure_probability"] == {"30": None, "90": None, "365": None}
    assert (row["source"], row["risk_class"], row["unusual"]) == (None, None, None)
    assert rig.get(SCHEDULE)["jobs"] == []
    assert rig.get(MODEL)["card"] is None
    assert "no schedule" in rig.get(f"{SCHEDULE}?format=csv", 503)["error"]
    assert "no schedule" in rig.post(SCHEDULE, {"pins": []}, 503)["error"]


@pytest.mark.parametrize("asset", ["-1", "9999", "x", "3.0", "٣", "9" * 40])
def test_an_asset_that_does_not_exist_is_a_404(city: Rig, asset: str) -> None:
    assert "no asset" in city.get(f"{ASSETS}/{asset}", 404)["error"]


def test_the_schedule_adds_up(city: Rig) -> None:
    answer = city.get(SCHEDULE)
    costs = answer["costs"]["proposed"]
    assert costs["expected_cost_eur"] == pytest.approx(costs["work_eur"] + costs["risk_eur"] + costs["residual_eur"])
    assert costs["expected_cost_eur"] == pytest.approx(sum(job["expected_cost_eur"] for job in answer["jobs"]))
    for crew in answer["crews"]:
        hours = [0.0] * answer["weeks"]
        for job in answer["jobs"]:
            if job["week"] is not None and job["crew"] == crew["crew"]:
                hours[job["week"] - 1] += job["hours"]
        assert crew["load_hours"] == pytest.approx(hours)
        assert all(load <= most + 1e-3 for load, most in zip(hours, crew["capacity_hours"], strict=True))


def test_each_planned_job_says_when_in_its_week_it_is_done_and_why(city: Rig) -> None:
    jobs = city.get(SCHEDULE)["jobs"]
    planned = [job for job in jobs if job["week"] is not None]
    assert {job["work_time"] for job in planned} > {"nights"}
    for job in planned:
        assert job["shifts"] == -(-job["hours"] // (8 if job["work_time"] == "nights" else 12))
        assert (job["surcharge_eur"] > 0) == (job["work_time"] != "days")
        assert "saves" in job["reason"]
        assert ("night" in job["reason"]) == (job["work_time"] == "nights")
    (several,) = [job for job in planned if job["ties_closed"]]
    assert several["name"] == "Harbour Line"
    assert all(tie in several["reason"] for tie in several["ties_closed"])
    for job in jobs:
        if job["week"] is None:
            assert (job["work_time"], job["shifts"], job["reason"], job["ties_closed"]) == (None, None, None, [])


def test_the_terms_are_those_of_the_settings(cache_dir: Path) -> None:
    rig = make_rig(
        cache_dir,
        lost_load_eur_per_mwh=20_000,
        job_crews_line=2,
        crew_week_hours=36,
        job_hours_line=9,
        job_least_eur=5e6,
        repair_hours_cable=7,
    )
    watch(rig)
    answer = rig.get(SCHEDULE)
    terms = answer["terms"]
    assert (terms["lost_load_eur_per_mwh"], terms["repair_hours"]["cable"], terms["least_job_eur"]) == (20_000, 7, 5e6)
    assert (terms["crews"], terms["crew_hours_per_week"]) == ({"lines": 2, "cables": None, "substations": None}, 36)
    lines = [job for job in answer["jobs"] if job["crew"] == "lines"]
    assert {job["hours"] for job in lines} == {9.0}
    assert all(job["cost_eur"] >= 5e6 for job in answer["jobs"])
    assert next(crew for crew in answer["crews"] if crew["crew"] == "lines")["capacity_hours"][0] == 72


def test_pins_are_kept_when_it_is_solved_again(city: Rig) -> None:
    first, second = city.get(SCHEDULE)["jobs"][:2]
    pins = [{"id": first["id"], "week": 11}, {"id": second["id"], "week": None}]
    asked = city.post(SCHEDULE, {"pins": pins}, 202)
    assert asked == {"success": True, "pins": pins, "job": asked["job"]}
    watch(city)
    answer = city.get(SCHEDULE)
    assert sorted(answer["pins"], key=lambda pin: pin["id"]) == sorted(pins, key=lambda pin: pin["id"])
    jobs = {job["id"]: job for job in answer["jobs"]}
    assert [(jobs[pin["id"]]["week"], jobs[pin["id"]]["pinned"]) for pin in pins] == [(11, True), (None, True)]
    city.post(SCHEDULE, {}, 202)
    watch(city)
    assert city.get(SCHEDULE)["pins"] == []


@pytest.mark.parametrize(
    ("pin", "words"),
    [({"id": 9999, "week": 1}, "no job"), ({"id": 0, "week": 0}, "week 0"), ({"id": 0, "week": 27}, "week 27"),
     ({"id": 0, "week": 1.5}, "pins"), ({"id": 0}, "pins"), ({"id": "0", "week": 1}, "pins")],
)  # fmt: skip
def test_wrong_pins_are_refused_and_named(city: Rig, pin: dict[str, Any], words: str) -> None:
    answer = city.post(SCHEDULE, {"pins": [pin]}, 422)
    assert words in answer["error"]
    assert answer["field"].startswith("pins")
    assert city.get(SCHEDULE)["pins"] == []


def test_pins_that_contradict_one_another_are_told_and_leave_no_file(city: Rig) -> None:
    pins = [{"id": job["id"], "week": 1} for job in city.get(SCHEDULE)["jobs"]]
    city.post(SCHEDULE, {"pins": pins}, 202)
    watch(city)
    answer = city.get(SCHEDULE)
    assert answer["conflict"]
    assert answer["method"] is None
    assert answer["costs"] == {}
    assert "contradict" in city.get(f"{SCHEDULE}?format=ics", 409)["error"]


def test_files_hold_every_planned_job(city: Rig) -> None:
    jobs = city.get(SCHEDULE)["jobs"]
    table = city.client.get(f"{SCHEDULE}?format=csv")
    assert table.mimetype == "text/csv"
    assert "attachment" in table.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["asset"] for row in rows] == [job["name"] for job in jobs]
    assert [float(row["share_of_draws"]) for row in rows] == pytest.approx([job["share_of_draws"] for job in jobs])
    assert all(0 <= job["share_of_draws"] <= 1 for job in jobs)
    assert max(job["share_of_draws"] for job in jobs) > 0.5
    assert [row["week"] for row in rows] == ["" if job["week"] is None else str(job["week"]) for job in jobs]
    calendar = city.client.get(f"{SCHEDULE}?format=ics")
    assert calendar.mimetype == "text/calendar"
    starts = sorted(re.findall(r"DTSTART;VALUE=DATE:(\d+)", calendar.text))
    assert starts == sorted(job["week_starts"].replace("-", "") for job in jobs if job["week"] is not None)
    assert "json, csv, ics" in city.get(f"{SCHEDULE}?format=pdf", 422)["error"]
