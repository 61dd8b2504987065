"""Forecasts, look-ahead, losses and performance as JSON: complete, adding up, and null where nothing is known."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from app.analytics.files import forecast_csv, losses_csv
from app.analytics.models import LookAheadAnswer
from app.analytics.payloads import ENERGY_COLUMNS, losses, performance
from app.analytics.payloads_forecast import QUANTILES, Shown, forecasts, look_ahead
from app.forecasting.report import ForecastReport
from app.web.bodies import to_json
from components.common.doubts import Doubts
from grid.network import Network
from ml.forecasting.live.chances import ChanceLedger
from tests.app.analyticsdata import (
    EUR_PER_MWH,
    HOUR,
    empty_report,
    ledger_of,
    losses_of,
    report_of,
)
from tests.app.rig import Rig

NewRig = Callable[..., Rig]


def plain(answer: Any) -> Any:
    """What a client reads; NaN isn't JSON."""
    return json.loads(to_json(answer))


def shown_of(report: ForecastReport, horizon: int = 48) -> list[Shown]:
    return [Shown(one, one.forecast, np.full(0 if one.forecast is None else horizon, np.nan)) for one in report.series]


def with_names(network: Network, name: str) -> Network:
    """The network with one name for all."""
    bus = replace(network.bus, name=(name,) * network.n_bus)
    return replace(network, title=name, bus=bus, branch=replace(network.branch, name=(name,) * network.n_branch))


def test_a_forecast_has_ascending_quantiles_by_hour_with_source_limit_and_drift(rig: Rig) -> None:
    answer = plain(forecasts(report_of(rig.now), shown_of(report_of(rig.now), 5), Doubts()))
    assert [one["code"] for one in answer["series"]] == ["load", "pv", "wind"]
    load, pv, wind = answer["forecasts"]
    assert [len(one["hours"]) for one in (load, pv, wind)] == [5, 5, 0]
    assert load["hours"][0]["time"] == load["issued_at"] == "2026-01-15T06:00:00+00:00"
    assert load["hours"][4]["time"] == "2026-01-15T10:00:00+00:00"
    for hour in load["hours"]:
        values = [hour[name] for name in QUANTILES]
        assert values == sorted(values)
        assert hour["actual_mw"] is None
    assert (QUANTILES[0], QUANTILES[3], QUANTILES[-1]) == ("q05_mw", "q50_mw", "q95_mw")
    assert (load["installed_mw"], pv["installed_mw"]) == (None, 12.5)
    assert load["limit_mw"] > 0
    assert load["drift"]["found"] is True
    assert load["drift"]["mae_mw"] == 3.2
    assert (pv["limit_mw"], pv["limit_words"], pv["drift"]) == (None, None, None)
    assert (wind["issued_at"], wind["source"], wind["learned"]) == (None, None, None)


def test_before_the_first_look_everything_is_null_or_empty(rig: Rig) -> None:
    report = empty_report(rig.now)
    answer = plain(forecasts(report, [], Doubts()))
    assert (answer["forecasts"], answer["series"], answer["simulated_time"]) == ([], [], None)
    ahead = plain(look_ahead(report, 25, Doubts()))
    assert (ahead["start"], ahead["worst"], ahead["hours"], ahead["alerts"]) == (None, None, [], [])
    assert ahead["chances"] is None
    lost = plain(losses(report, None, rig.now.simulated_at, 24, 25))
    assert (lost["hours_recorded"], lost["total"], lost["assets"]) == (0, None, [])
    unknown = {column: np.full(3, np.nan) for column in ENERGY_COLUMNS}
    shown = plain(performance(report, rig.now.simulated_at, unknown))
    assert (shown["today"], shown["mix"], shown["loss_kw"]) == (None, None, [None, None, None])


def test_chances_that_came_true_or_not_are_told_with_what_is_not_known(rig: Rig) -> None:
    ledger = ChanceLedger(rig.now.case.network.n_branch, "key")
    report = replace(report_of(rig.now), chances=ledger.record())
    told = plain(look_ahead(report, 3, Doubts()))["chances"]
    assert (told["hours"], told["scored"], told["brier_skill"]) == (0, 0, None)
    assert [lead["last"] for lead in told["leads"]] == [0, 5, 11, 23]
    assert {(one["said"], one["came"]) for one in told["bins"]} == {(None, None)}
    LookAheadAnswer.model_validate_json(to_json(look_ahead(report, 3, Doubts())))


def test_the_look_ahead_ranks_what_is_threatened_and_says_when(rig: Rig) -> None:
    report = report_of(rig.now, stress=2.2)
    answer = plain(look_ahead(report, 3, Doubts()))
    assert len(answer["hours"]) == 24
    assert answer["hours"][1]["time"] == "2026-01-15T07:00:00+00:00"
    for hour in answer["hours"]:
        assert hour["loss_low_mw"] <= hour["loss_mw"] <= hour["loss_high_mw"]
        assert set(hour["renewable_mw"]) == {"pv", "wind"}
    assert 0 < len(answer["branches"]) <= 3
    chances = [row["chance_percent"] for row in answer["branches"]]
    assert chances == sorted(chances, reverse=True)
    for row in answer["branches"]:
        assert len(row["overload_probability"]) == 24
        known = [value for value in row["overload_probability_of_solved"] if value is not None]
        assert 100 * max(known) == pytest.approx(row["chance_percent"])
    assert answer["alerts"]
    for alert in answer["alerts"]:
        assert datetime.fromisoformat(alert["begins_at"]) < datetime.fromisoformat(alert["ends_at"])
        assert alert["asset_name"] in alert["text"]
    assert answer["worst"]["words"]
    assert plain(look_ahead(report, 0, Doubts()))["branches"] == []


def test_a_quiet_grid_threatens_nothing(rig: Rig) -> None:
    answer = plain(look_ahead(report_of(rig.now, stress=0.3), 25, Doubts()))
    assert (answer["branches"], answer["alerts"]) == ([], [])


def test_hours_without_any_solution_are_null_and_not_an_error(rig: Rig) -> None:
    answer = plain(look_ahead(report_of(rig.now, stress=40.0), 25, Doubts()))
    worst = max(answer["hours"], key=lambda hour: hour["unsolved_share"])
    assert (worst["unsolved_share"], worst["loss_mw"]) == (1.0, None)
    assert answer["alerts"][0]["kind"] == "expected_divergence"
    assert (answer["alerts"][0]["asset_id"], answer["alerts"][0]["peak"]) == (None, None)


@pytest.mark.parametrize("case", ["city8", "case14", "cigre_mv"])
def test_losses_add_up_whichever_way_they_are_split(new_rig: NewRig, case: str) -> None:
    rig = new_rig(case)
    record = losses_of(rig.now, rig.now.simulated_at, 6)
    answer = plain(losses(report_of(rig.now), record, rig.now.simulated_at, 24, 10_000))
    total = answer["total"]["loss_mwh"]
    assert total > 0
    assert answer["total"]["loss_eur"] == pytest.approx(total * EUR_PER_MWH)
    for part in ("levels", "causes", "hours", "assets"):
        assert sum(row["loss_mwh"] for row in answer[part]) == pytest.approx(total), part
    parts = answer["transmission"]["loss_mwh"] + answer["distribution"]["loss_mwh"]
    assert parts == pytest.approx(total)
    for row in answer["levels"]:
        assert sum(cause["loss_mwh"] for cause in row["causes"]) == pytest.approx(row["loss_mwh"])
    assert answer["hours_recorded"] == len(answer["hours"]) == 6
    assert answer["hours"][0]["time"] == answer["start"]
    assert answer["end"] == "2026-01-16T06:00:00+00:00"
    lost = [row["loss_mwh"] for row in answer["assets"]]
    assert lost == sorted(lost, reverse=True)
    assert sum(row["share_percent"] for row in answer["assets"]) == pytest.approx(100)
    hidden = answer["non_technical"]
    assert (hidden["hours_known"], hidden["estimate"]) == (6, True)
    assert hidden["non_technical_mwh"] > 0


def test_losses_of_which_nothing_is_known_are_null(rig: Rig) -> None:
    record = losses_of(rig.now, rig.now.simulated_at, 2)
    unknown = replace(
        record,
        level_mwh=record.level_mwh * np.nan,
        branch_mwh=record.branch_mwh * np.nan,
        shunt_mwh=record.shunt_mwh * np.nan,
        non_technical=replace(record.non_technical, hours_known=0),
    )
    answer = plain(losses(report_of(rig.now), unknown, rig.now.simulated_at, 2, 25))
    assert answer["total"] == {"loss_mwh": None, "loss_eur": None}
    assert (answer["assets"], answer["non_technical"]) == ([], None)


def test_performance_is_the_ledgers(rig: Rig) -> None:
    report, ledger, start = report_of(rig.now), ledger_of(rig.now), rig.now.simulated_at - 30 * HOUR
    hourly = {column: ledger.hourly_kw(start, 40, column) for column in ENERGY_COLUMNS}
    answer = plain(performance(report, start, hourly))
    assert answer["today"]["hours"] == 6
    assert answer["today"]["loss_percent"] == pytest.approx(
        100 * answer["today"]["loss_kwh"] / answer["today"]["generation_kwh"]
    )
    changes = {one["period"]: one["loss_change_percent"] for one in answer["comparisons"]}
    assert changes == {"yesterday": pytest.approx(100 / 0.99 - 100, abs=0.3), "last_week": pytest.approx(7.5, abs=0.4),
                       "last_year": None}  # fmt: skip
    assert answer["avoidable"]["avoidable_kwh"] == pytest.approx(0.1 * answer["today"]["loss_kwh"])
    assert len(answer["time"]) == len(answer["loss_kw"]) == answer["hours"] == 40
    assert answer["loss_kw"][30] is not None
    assert answer["loss_kw"][31:] == [None] * 9
    assert sum(row["percent"] for row in answer["mix"]["energies"]) == pytest.approx(100)


def test_a_grid_that_does_not_say_what_generates_has_no_renewable_share(new_rig: NewRig) -> None:
    rig = new_rig("case14")
    answer = plain(performance(report_of(rig.now), rig.now.simulated_at, dict.fromkeys(ENERGY_COLUMNS, np.zeros(1))))
    assert answer["mix"]["renewable_percent"] is None
    assert answer["today"]["renewable_kwh"] is None


def test_tables_hold_the_same_as_the_answers(rig: Rig) -> None:
    report, record = report_of(rig.now), losses_of(rig.now, rig.now.simulated_at, 3)
    shown = shown_of(report, 4)
    rows = list(csv.DictReader(io.StringIO(forecast_csv(shown))))
    assert [row["series"] for row in rows] == ["load"] * 4 + ["pv"] * 4
    first = plain(forecasts(report, shown, Doubts()))["forecasts"][0]["hours"][0]
    assert float(rows[0]["q95_mw"]) == pytest.approx(first["q95_mw"], rel=1e-6)
    assert (rows[0]["time"], rows[0]["actual_mw"]) == (first["time"], "")
    answer = plain(losses(report, record, rig.now.simulated_at, 3, 25))
    table = list(csv.DictReader(io.StringIO(losses_csv(record))))
    branches = [row for row in table if row["cause"] != "shunt"]
    assert sum(float(row["loss_mwh"]) for row in branches) == pytest.approx(answer["total"]["loss_mwh"], rel=1e-5)
    assert {row["time"] for row in table} == {row["time"] for row in answer["hours"]}
    assert {row["area"] for row in branches} == {"distribution" if level["distribution"] else "transmission"
                                                 for level in answer["levels"]}  # fmt: skip


def test_odd_names_stay_as_they_are(rig: Rig) -> None:
    report = report_of(rig.now, stress=2.2)
    named = replace(report, network=with_names(report.network, '<b>"Köln" & ☃\n'))
    assert plain(look_ahead(named, 1, Doubts()))["branches"][0]["name"] == '<b>"Köln" & ☃\n'
