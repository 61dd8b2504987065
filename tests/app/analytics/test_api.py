"""Forecasts, look-ahead, losses and performance over the API of a running grid, and what it says to odd questions."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from app.analytics.payloads_forecast import QUANTILES
from app.shell.openapi import openapi
from tests.app.rig import Rig, make_rig

FORECAST, LOOKAHEAD = "/api/forecast", "/api/forecast/lookahead"
LOSSES, PERFORMANCE, REPORT = "/api/analytics/losses", "/api/analytics/performance", "/api/analytics/report"
NewRig = Callable[..., Rig]


def watch(rig: Rig, hours: int = 4) -> Rig:
    """Let hours pass, each seen by the forecast worker as its thread would."""
    rig.services.forecast_worker.turn(rig.board)
    for _ in range(hours):
        rig.run(12)
        rig.services.forecast_worker.turn(rig.board)
    return rig


@pytest.fixture(scope="module")
def city(cache_dir: Path) -> Rig:
    return watch(make_rig(cache_dir))


def test_all_series_have_their_latest_forecast(city: Rig) -> None:
    answer = city.get(FORECAST)
    codes = [one["code"] for one in answer["series"]]
    assert {"load", "pv", "wind"} <= set(codes)
    assert [one["code"] for one in answer["forecasts"]] == codes
    for one in answer["forecasts"]:
        assert one["issued_at"] == "2026-01-15T10:00:00+00:00"
        assert len(one["hours"]) == 48
        assert one["source"]
        for hour in one["hours"]:
            values = [hour[name] for name in QUANTILES]
            assert values == sorted(values)


def test_a_series_has_the_forecasts_that_are_kept_beside_what_was_measured(city: Rig) -> None:
    answer = city.get(f"{FORECAST}?series=load")
    assert answer["issues"] == [f"2026-01-15T{hour:02d}:00:00+00:00" for hour in (6, 7, 8, 9, 10)]
    early = answer["issues"][0]
    (first,) = city.get(f"{FORECAST}?series=load&horizon=6&issued_at={quote(early)}")["forecasts"]
    assert (first["issued_at"], len(first["hours"])) == (early, 6)
    measured = [hour["actual_mw"] for hour in first["hours"]]
    assert all(value > 0 for value in measured[:4])
    assert measured[4:] == [None, None]
    assert city.get(f"{FORECAST}?series=load&horizon=6&issued_at={early}")["forecasts"] == [first]  # + is a space
    assert city.get(f"{FORECAST}?series=load&horizon=6&issued_at=2026-01-15T07:00:00%2B01:00")["forecasts"] == [first]
    assert city.get(f"{FORECAST}?series=load&horizon=6&issued_at=2026-01-15T06:00Z")["forecasts"] == [first]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("horizon=0", "horizon"), ("horizon=49", "horizon"), ("horizon=x", "horizon"), ("horizon=", "horizon"),
        ("horizon=1.5", "horizon"), ("horizon=٣", "horizon"), (f"horizon={'9' * 5000}", "horizon"),
        ("series=load&issued_at=yesterday", "issued_at"), ("series=load&issued_at=", "issued_at"),
        ("series=load&issued_at=0001-01-01T00:00%2B14:00", "issued_at"),
        ("series=load&issued_at=9999-12-31T23:00-14:00", "issued_at"),
        ("issued_at=2026-01-15T06:00", "issued_at"), ("format=xml", "format"),
    ],
)  # fmt: skip
def test_wrong_questions_about_forecasts_are_refused_with_their_field(city: Rig, query: str, field: str) -> None:
    answer = city.get(f"{FORECAST}?{query}", 422)
    assert answer["field"] == field
    assert answer["error"].startswith(field)
    assert len(answer["error"]) < 200


def test_unknown_series_and_issues_are_not_found(city: Rig) -> None:
    assert "load" in city.get(f"{FORECAST}?series=nonsense", 404)["error"]
    assert city.get(f"{FORECAST}?series=%00%F0%9F%92%A1", 404)
    error = city.get(f"{FORECAST}?series=pv&issued_at=2020-01-01", 404)["error"]
    assert "2026-01-15T06:00:00" in error  # what is kept
    city.get(f"{FORECAST}?series=pv&issued_at=2026-01-15T06:30", 404)


def test_forecasts_and_losses_come_as_tables(city: Rig) -> None:
    response = city.client.get(f"{FORECAST}?series=pv&horizon=3&format=csv")
    assert (response.mimetype, response.status_code) == ("text/csv", 200)
    assert 'filename="forecast-2026-01-15.csv"' in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["time"][11:16] for row in rows] == ["10:00", "11:00", "12:00"]
    lost = city.client.get(f"{LOSSES}?format=csv&hours=3")
    table = list(csv.DictReader(io.StringIO(lost.text)))
    answer = city.get(f"{LOSSES}?hours=3")
    branches = sum(float(row["loss_mwh"]) for row in table if row["cause"] != "shunt")
    assert branches == pytest.approx(answer["total"]["loss_mwh"], rel=1e-4)


def test_the_look_ahead_begins_now(city: Rig) -> None:
    answer = city.get(LOOKAHEAD)
    assert answer["start"] == answer["hours"][0]["time"] == "2026-01-15T10:00:00+00:00"
    assert answer["worst"]["time"] in [hour["time"] for hour in answer["hours"]]
    for hour in answer["hours"]:
        assert hour["loss_low_mw"] <= hour["loss_mw"] <= hour["loss_high_mw"]
        assert hour["load_mw"] > 0
    assert len(city.get(f"{LOOKAHEAD}?limit=1")["branches"]) <= 1
    assert city.get(f"{LOOKAHEAD}?limit=-1", 422)["field"] == "limit"


def test_losses_of_the_day_are_those_of_the_ledger(city: Rig) -> None:
    answer = city.get(f"{LOSSES}?start=2026-01-15T06:20&hours=4")
    assert (answer["start"], answer["hours_recorded"]) == ("2026-01-15T06:00:00+00:00", 4)
    hourly = city.get(f"{PERFORMANCE}?start=2026-01-15T06:00&hours=4")["loss_kw"]
    assert [1000 * hour["loss_mwh"] for hour in answer["hours"]] == pytest.approx(hourly, rel=1e-6)
    assert answer["total"]["loss_eur"] == pytest.approx(80 * answer["total"]["loss_mwh"])
    assert len(city.get(f"{LOSSES}?limit=2")["assets"]) == 2
    assert city.get(LOSSES)["start"] == "2026-01-14T10:00:00+00:00"
    assert city.get(f"{LOSSES}?hours=5")["start"] == "2026-01-15T05:00:00+00:00"


@pytest.mark.parametrize("start", ["1900-01-01", "2199-12-31T23:59", "2027-06-01T12:00%2B02:00"])
def test_hours_that_nobody_recorded_are_empty(city: Rig, start: str) -> None:
    answer = city.get(f"{LOSSES}?start={start}&hours=336")
    assert (answer["hours_recorded"], answer["total"]) == (0, None)
    assert city.client.get(f"{LOSSES}?start={start}&format=csv").text.splitlines() == [
        "time,area,level,cause,loss_mwh,loss_eur"
    ]
    shown = city.get(f"{PERFORMANCE}?start={start}&hours=17568")
    assert len(shown["load_kw"]) == 17568
    assert set(shown["load_kw"]) == {None}


@pytest.mark.parametrize("path", [LOSSES, PERFORMANCE])
@pytest.mark.parametrize(
    ("query", "field"),
    [("hours=0", "hours"), ("hours=20000", "hours"), ("start=x", "start"), ("start=2200-01-01", "start"),
     ("start=1899-12-31", "start"), ("start=2026-02-30", "start")],
)  # fmt: skip
def test_wrong_ranges_are_refused_with_their_field(city: Rig, path: str, query: str, field: str) -> None:
    assert city.get(f"{path}?{query}", 422)["field"] == field


def test_performance_compares_the_hours_that_days_share(city: Rig) -> None:
    answer = city.get(PERFORMANCE)
    assert answer["today"]["hours"] >= 4
    periods = {one["period"]: one for one in answer["comparisons"]}
    assert set(periods) == {"yesterday", "last_week", "last_year"}
    assert answer["mix"]["renewable_percent"] is not None
    assert len(answer["time"]) == answer["hours"] == 24


def test_before_the_lookout_has_looked_nothing_is_made_up(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    assert rig.get(FORECAST)["forecasts"] == []
    assert "yet" in rig.get(f"{FORECAST}?series=load", 503)["error"]
    rig.get(f"{FORECAST}?series=nonsense", 404)
    assert rig.get(LOOKAHEAD)["start"] is None
    assert rig.get(LOSSES)["total"] is None
    assert rig.get(PERFORMANCE)["today"] is None
    assert "Nothing has been looked ahead yet" in rig.client.get(REPORT).text


@pytest.mark.parametrize("case", ["case14", "cigre_mv"])
def test_grids_with_few_or_unknown_renewables_answer_too(new_rig: NewRig, case: str) -> None:
    rig = watch(new_rig(case, history_days=0), 1)
    assert rig.get(FORECAST)["series"][0]["code"] == "load"
    rig.get(LOOKAHEAD)
    assert rig.get(LOSSES)["hours_recorded"] >= 1
    if case == "case14":
        assert rig.get(PERFORMANCE)["mix"]["renewable_percent"] is None
    assert rig.client.get(REPORT).status_code == 200


def test_the_document_says_what_may_be_asked() -> None:
    parameters = {
        path: [one["name"] for one in item["get"].get("parameters", [])]
        for path, item in openapi()["paths"].items() if "get" in item
    }  # fmt: skip
    assert parameters[FORECAST] == ["series", "issued_at", "horizon", "format"]
    assert parameters[LOSSES] == ["start", "hours", "limit", "format"]
    assert list(openapi()["paths"][FORECAST]["get"]["responses"]) == ["200", "404", "421", "422", "503"]
    assert list(openapi()["paths"][REPORT]["get"]["responses"]["200"]["content"]) == ["text/html"]
