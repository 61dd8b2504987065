"""What studies of the hours ahead found, in words: every kind has its own, with its numbers and names."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from components.analytics.words import (
    contest_words,
    drift_words,
    forecast_hindrance_words,
    forecasting_words,
    hosting_words,
    limit_words,
    loadability_words,
    worst_words,
)
from components.common.doubts import Doubts
from grid.alarms.trouble import TroubleKind, WorstTrouble
from grid.cases.cases import load_case
from grid.network import Network
from grid.studies.hosting import HostingLimit
from grid.studies.loadability import Loadability, LoadabilityFinding, LoadLimit
from ml.forecasting.records import (
    Contest,
    ContestVerdict,
    Drift,
    DriftKind,
    ForecastHindrance,
    ForecastHindranceKind,
    ForecastStatus,
    ForecastStatusKind,
    SeriesInfo,
    SeriesKind,
    SeriesReport,
)

START = datetime(2026, 1, 15, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def city() -> Network:
    return load_case("city8", Path("var")).network


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (TroubleKind.NO_SOLUTION, "Thu 07:00: no power flow solution, 40\u202f% chance"),
        (TroubleKind.OVERLOAD, "Thu 07:00: {branch}, 40\u202f% chance of overload"),
        (TroubleKind.VOLTAGE, "Thu 07:00: {bus}, 40\u202f% chance of voltage limits missed"),
        (TroubleKind.HIGHEST_LOADING, "Thu 07:00: {branch}, at most 40\u202f% loaded; no limit in danger"),
        (TroubleKind.NOTHING, "no branch carries anything"),
    ],
)
def test_the_worst_hour(city: Network, kind: TroubleKind, words: str) -> None:
    worst = WorstTrouble(hour=1, kind=kind, asset=2, percent=40.0)
    named = words.format(branch=city.branch.name[2], bus=city.bus.name[2])
    assert worst_words(city, START, worst, Doubts()) == named


@pytest.mark.parametrize("doubts", [Doubts(stale=True), Doubts(load_lost=True), Doubts(alarms=True)])
def test_nothing_sounds_reassuring_while_there_is_trouble(city: Network, doubts: Doubts) -> None:
    worst = WorstTrouble(hour=1, kind=TroubleKind.HIGHEST_LOADING, asset=2, percent=40.0)
    name = city.branch.name[2]
    assert worst_words(city, START, worst, doubts) == f"Thu 07:00: {name}, at most 40\u202f% loaded; {doubts.words}"
    grows = loadability_words(city, Loadability(finding=LoadabilityFinding.NO_LIMIT, limit=None, at=1), doubts)
    assert grows == f"none found up to 8 times the present demand; {doubts.words}"
    assert hosting_words(city, HostingLimit.NONE, 3, doubts).endswith(f"; {doubts.words}")


def test_lost_supply_comes_first(city: Network) -> None:
    worst = WorstTrouble(
        hour=1, kind=TroubleKind.HIGHEST_LOADING, asset=2, percent=40.0, unsupplied_mw=37.0, unsupplied_hour=12
    )
    said = worst_words(city, START, worst, Doubts())
    assert said.startswith(
        "up to 37.0\u202fMW without supply, Thu 18:00, if nothing is restored or repaired; Thu 07:00"
    )
    assert "no limit" not in said


def test_what_growing_demand_meets_first(city: Network) -> None:
    def said(finding: LoadabilityFinding, limit: LoadLimit | None = None) -> str:
        return loadability_words(city, Loadability(finding=finding, limit=limit, at=1), Doubts())

    branch, bus = city.branch.name[1], city.bus.name[1]
    assert said(LoadabilityFinding.FOUND, LoadLimit.LOADING) == f"{branch} at full load"
    assert said(LoadabilityFinding.FOUND, LoadLimit.VOLTAGE) == f"{bus}: low voltage"
    assert said(LoadabilityFinding.FOUND, LoadLimit.NO_SOLUTION) == "no power flow solution beyond"
    assert said(LoadabilityFinding.NO_DEMAND) == "takes nothing at present"
    assert said(LoadabilityFinding.NO_LIMIT) == "no limit up to 8 times the present demand"
    already = f"a limit is exceeded already, and also without it: {branch} at full load"
    assert said(LoadabilityFinding.NOT_THEIRS, LoadLimit.LOADING) == already


def test_a_limit_is_asked_of_loads_only(city: Network) -> None:
    load, pv = (SeriesInfo(kind.value, kind.value, kind, np.nan) for kind in (SeriesKind.GROUP, SeriesKind.PV))
    assert limit_words(city, SeriesReport(load, None, None, None, None), Doubts()) == "not asked"
    assert limit_words(city, SeriesReport(pv, None, None, None, None), Doubts()) == ""


def test_what_more_power_at_a_bus_meets_first(city: Network) -> None:
    said = {limit: hosting_words(city, limit, 3, Doubts()) for limit in HostingLimit}
    assert said == {
        HostingLimit.LOADING: f"{city.branch.name[3]} at full load",
        HostingLimit.VOLTAGE: f"{city.bus.name[3]}: high voltage",
        HostingLimit.NO_SOLUTION: "no power flow solution beyond",
        HostingLimit.NONE: "nothing up to the most that was asked",
    }


def test_drift_names_all_that_is_wrong() -> None:
    found = Drift(coverage_80=62.4, mae=3.25, naive_mae=2.9, flat_value=97.0, kinds=tuple(DriftKind))
    assert drift_words(found) == (
        "the last 24 hours all are 97",
        "62 % of the last 7 days lie in the 80 % band",
        "the error, 3.25, is above that of the naive forecast, 2.9",
    )
    assert drift_words(Drift()) == ()


def test_a_contest_says_whether_the_new_model_is_taken() -> None:
    for verdict in ContestVerdict:
        contest = Contest(verdict=verdict, current_loss=2.0, candidate_loss=1.5, days=28, hours=100)
        said = contest_words(contest)
        assert contest.taken == ("taken" in said) != ("stays" in said)
    few = contest_words(Contest(verdict=ContestVerdict.TOO_FEW_HOURS, hours=100))
    assert few == "100 hours can be compared, half of 28 days are needed: the model in use stays"
    better = Contest(verdict=ContestVerdict.NO_WORSE, current_loss=2.0, candidate_loss=1.5, days=28)
    assert contest_words(better) == "loss 1.5 against 2 over 28 days, no worse: taken"


def test_how_forecasting_stands() -> None:
    contest = Contest(verdict=ContestVerdict.NONE_IN_USE)
    statuses = [
        ForecastStatus(kind=kind, series=19, learned=4, renewed="Town", contest=contest) for kind in ForecastStatusKind
    ]
    assert {status.kind: forecasting_words(status) for status in statuses} == {
        ForecastStatusKind.WAITING_FOR_GRID: "Waiting for the grid",
        ForecastStatusKind.WAITING_FOR_LEARNING: "Waiting for what learns to start",
        ForecastStatusKind.LEARNING: "Learning: 4 of 19 series have a model",
        ForecastStatusKind.RENEWED: "Town: no model was in use: the new one is taken",
        ForecastStatusKind.FORECASTING: "Forecasts of 19 series, anew each hour",
    }


def test_why_forecasts_stand_as_they_were() -> None:
    said = {
        kind: forecast_hindrance_words(ForecastHindrance(kind=kind, failure="no weather"))
        for kind in ForecastHindranceKind
    }
    assert said == {
        ForecastHindranceKind.FAILED: "Forecasts failed: no weather",
        ForecastHindranceKind.LEARNING_DOWN: (
            "Forecasts stand as they were: what learns is down and starts again by itself."
        ),
    }
    assert forecast_hindrance_words(None) == ""
