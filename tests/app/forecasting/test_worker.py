"""The forecast worker: forecasts of every series, the look-ahead and its alarms, hours, plans for what comes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app.engine.commands import PlanRefusalKind, PlanRefusedError, UnknownIdError
from app.forecasting.worker import ForecastWorker
from app.optimisation.view import headline_of
from components.analytics.words import learned_words
from components.common.alarm_words import alarm_words
from grid.alarms.book import AlarmKind, AlarmState
from grid.alarms.predictive import KINDS
from grid.telemetry import EventKind
from ml.forecasting.live.ledger import Period
from ml.forecasting.live.live_forecasts import LiveForecasts
from ml.forecasting.records import (
    ForecastHindrance,
    ForecastHindranceKind,
    ForecastStatus,
    ForecastStatusKind,
    SeriesKind,
)
from ml.optimisation.plans.plan import Requirements
from tests.app.rig import Rig, make_rig

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def forecast_worker(rig: Rig) -> ForecastWorker:
    return rig.services.forecast_worker


@pytest.fixture
def watched(rig: Rig) -> Rig:
    """city8 with a simulated past of three weeks, looked at once."""
    forecast_worker(rig).turn(rig.board)
    return rig


def run_hours(rig: Rig, hours: int, elapsed: timedelta = QUARTER) -> None:
    """Simulated hours, which the forecast worker takes as its thread would."""
    for _ in range(round(hours * HOUR / elapsed)):
        rig.run(1, elapsed)
        forecast_worker(rig).turn(rig.board)


def test_before_the_first_look_nothing_is_told(rig: Rig) -> None:
    found, start = forecast_worker(rig), rig.now.simulated_at
    assert (found.latest.version, found.latest.series, found.latest.ahead) == (0, (), None)
    assert found.latest.status == ForecastStatus(kind=ForecastStatusKind.WAITING_FOR_GRID)
    assert np.isnan(found.latest.actual_of("load", start - HOUR, 3)).all()
    assert found.latest.issue_times("load") == ()
    assert found.losses(found.latest, start - HOUR, 5) is None
    assert np.isnan(found.hourly_kw(rig.now.case.network, "loss_kw", start, 2)).all()
    with pytest.raises(UnknownIdError, match="no series 'steam'; there are load, group-0"):
        found.latest.accuracy_of("steam")


def test_every_series_has_a_forecast_of_two_days(watched: Rig) -> None:
    report, network = forecast_worker(watched).latest, watched.now.case.network
    assert [one.info.code for one in report.series][:2] == ["load", "group-0"]
    assert {one.info.kind for one in report.series} >= {SeriesKind.LOAD, SeriesKind.GROUP, SeriesKind.PV}
    assert report.hindrance is None
    for one in report.series:
        assert one.forecast is not None
        assert one.forecast.issued_at == watched.now.simulated_at.replace(minute=0)
        assert one.forecast.quantiles_mw.shape == (48, 7)
        assert (np.diff(one.forecast.quantiles_mw, axis=1) >= 0).all()
        assert one.forecast.source == "same hour last week"
    total, *groups = (one.forecast.quantiles_mw[:, 3] for one in report.series if one.info.kind in ("load", "group"))
    np.testing.assert_allclose(np.sum(groups, axis=0), total, rtol=0.1)
    assert len(groups) == len(network.load)


def test_the_look_ahead_follows_the_forecast(watched: Rig) -> None:
    report = forecast_worker(watched).latest
    assert report.ahead is not None
    median = report.series[0].forecast.quantiles_mw[:24, 3]  # type: ignore[union-attr]
    np.testing.assert_allclose(report.ahead.load_mw[1:], median[1:], rtol=0.08)
    assert report.ahead.look.samples == 100
    assert (report.ahead.look.unsolved_share == 0).all()
    assert (report.ahead.look.loss_low_mw <= report.ahead.look.loss_high_mw).all()
    assert 0 <= report.ahead.worst.hour < 24
    assert report.ahead.renewable_mw.shape == (len(report.ahead.energies), 24)
    assert report.hosting is not None
    assert np.isfinite(report.hosting.margin_mw).any()
    assert all(one.limit is not None for one in report.series if one.info.kind in (SeriesKind.LOAD, SeriesKind.GROUP))


def test_the_present_hour_lies_around_the_present_state(watched: Rig) -> None:
    ahead = forecast_worker(watched).latest.ahead
    assert ahead is not None
    present = watched.now.solved.injection.load_p_mw.sum()
    assert ahead.load_mw[0] == pytest.approx(present, rel=0.01)
    assert ahead.look.loss_mw[0] == pytest.approx(watched.now.solved.state.total_loss_mw, rel=0.05)


def test_chances_that_were_said_are_compared_with_what_came(watched: Rig) -> None:
    found = forecast_worker(watched)
    assert found.latest.chances is not None
    assert found.latest.chances.hours == 0
    run_hours(watched, 3)
    assert found.latest.chances.hours == 3
    branches = len(watched.now.case.network.branch)
    assert sum(one.cases for one in found.latest.chances.bins) == (1 + 2 + 3) * branches


def test_hours_at_other_switch_states_are_not_compared(watched: Rig) -> None:
    found = forecast_worker(watched)
    watched.engine.add_event(EventKind.LINE_OUTAGE, watched.branch("Campus Line"), 3.0)
    run_hours(watched, 1)
    branches = len(watched.now.case.network.branch)
    assert found.latest.chances is not None
    assert sum(one.cases for one in found.latest.chances.bins) <= branches


def test_an_outage_is_in_the_look_ahead_at_once_and_until_it_is_over(watched: Rig) -> None:
    found = forecast_worker(watched)
    assert found.latest.ahead is not None
    assert not found.latest.ahead.look.unsupplied_mw.any()
    event = watched.engine.add_event(EventKind.LINE_OUTAGE, watched.branch("Campus Line"), 1.0)
    watched.run(1, timedelta(minutes=1))
    found.turn(watched.board)
    ahead, lost_mw = found.latest.ahead, watched.now.assessed.metrics.unsupplied_mw
    assert ahead is not None
    assert lost_mw > 0
    assert ahead.look.unsupplied_mw[0] == pytest.approx(lost_mw, rel=0.01)
    assert (ahead.look.unsupplied_mw > 0).all()
    watched.engine.remove_event(event.id)
    watched.run(1, timedelta(minutes=1))
    found.turn(watched.board)
    assert found.latest.ahead is not None
    assert not found.latest.ahead.look.unsupplied_mw.any()


def test_each_hour_is_forecast_anew_and_the_last_one_is_known(watched: Rig) -> None:
    found = forecast_worker(watched)
    before, start = found.latest.version, watched.now.simulated_at
    run_hours(watched, 3)
    assert found.latest.version >= before + 3
    times = found.latest.issue_times("load")
    assert len(times) == 4
    assert set(np.diff(times)) == {HOUR}
    kept = found.latest.forecast_of("load", times[0])
    assert kept is not None
    assert kept.issued_at == times[0]
    assert found.latest.forecast_of("load", start - timedelta(days=300)) is None
    known = found.latest.actual_of("load", start.replace(minute=0) - HOUR, 6)
    assert np.isfinite(known[:4]).all()
    assert np.isnan(known[4:]).all()
    record = found.losses(found.latest, start.replace(minute=0), 3)
    assert record is not None
    assert record.non_technical.hours_known == 3
    assert record.level_mwh.sum() == pytest.approx(record.branch_mwh.sum(), rel=1e-4)
    assert abs(record.non_technical.percent_of_fed_in) < 1.5  # meters of class 1, nobody steals
    accuracy = found.latest.accuracy_of("load")
    assert accuracy is not None
    assert accuracy.issues == 3
    assert np.isfinite(accuracy.mae_mw[0])


def test_the_ledger_has_the_cycles_of_an_hour_in_kw(watched: Rig) -> None:
    start = watched.now.simulated_at.replace(minute=0) + HOUR
    seen = []
    while watched.now.simulated_at < start + HOUR:
        watched.run(1, QUARTER)
        seen += [watched.now.assessed.metrics] if start <= watched.now.simulated_at < start + HOUR else []
    forecast_worker(watched).turn(watched.board)
    measured = {
        "loss_kw": [1000 * one.loss_mw for one in seen],
        "load_kw": [1000 * one.load_mw for one in seen],
        "generation_kw": [1000 * one.generation_mw for one in seen],
        "renewable_kw": [10 * one.renewable_percent * one.generation_mw for one in seen],
    }
    assert len(seen) == 4
    for column, values in measured.items():
        assert forecast_worker(watched).hourly_kw(watched.now.case.network, column, start, 1)[0] == pytest.approx(
            np.mean(values), rel=1e-5
        )


def test_hours_before_the_start_are_there_to_compare_with(watched: Rig) -> None:
    performance = forecast_worker(watched).latest.performance
    assert performance is not None
    assert performance.hours == watched.now.simulated_at.hour
    found = {one.period: one for one in performance.comparisons}
    assert all(found[period].hours == performance.hours for period in Period)
    assert 0 < performance.today.loss_percent < 6


def test_what_plans_would_save_is_counted_while_there_are_plans(watched: Rig) -> None:
    planner = watched.services.planner
    planner.plan_once(watched.board, planner.requirements)
    run_hours(watched, 2)
    performance = forecast_worker(watched).latest.performance
    assert performance is not None
    assert performance.avoidable.hours >= 1
    assert 0 < performance.avoidable.avoidable_kwh < 0.5 * performance.avoidable.loss_kwh


def test_nothing_known_before_the_start_is_said_so(cache_dir: Path) -> None:
    new = make_rig(cache_dir, history_days=0)
    forecast_worker(new).turn(new.board)
    report = forecast_worker(new).latest
    assert {one.forecast.source for one in report.series if one.forecast} == {"standard profile"}
    assert {learned_words(one.learned) for one in report.series if one.learned} == {
        "nothing yet: less than 60 days are known"
    }
    total = report.series[0].forecast
    assert total is not None
    assert total.quantiles_mw[:24, 3].mean() == pytest.approx(new.now.case.yearly_load_mw.mean(), rel=0.35)


def test_expected_trouble_is_an_alarm_that_ends_with_it(new_rig: Callable[..., Rig]) -> None:
    """Without Bus 6 - Bus 8 the way over Bus 28, which takes nothing itself, has to carry the load of Bus 8 alone."""
    rig = new_rig("case30")
    forecast_worker(rig).turn(rig.board)
    rig.run(1, QUARTER)
    assert not [alarm for alarm in rig.now.assessed.alarms if alarm.kind in KINDS]
    outage = rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Bus 6 - Bus 8"), 1.0)
    run_hours(rig, 2)
    rig.run(1, QUARTER)
    assert rig.alarms(AlarmKind.EXPECTED_OVERLOAD) == ["Bus 6 - Bus 28", "Bus 8 - Bus 28"]
    expected = [alarm for alarm in rig.now.assessed.alarms if alarm.kind is AlarmKind.EXPECTED_OVERLOAD]
    assert all("chance of overload between" in alarm_words(alarm) for alarm in expected)
    rig.engine.remove_event(outage.id)
    run_hours(rig, 2)
    rig.run(1, QUARTER)
    states = {alarm.state for alarm in rig.now.assessed.alarms if alarm.kind in KINDS}
    assert states == {AlarmState.RETURNED_UNACKNOWLEDGED}


def test_days_that_pass_in_one_cycle_leave_gaps_and_no_failure(watched: Rig) -> None:
    run_hours(watched, 24 * 12, timedelta(days=3))
    report = forecast_worker(watched).latest
    assert report.hindrance is None
    assert report.simulated_at == watched.now.simulated_at
    assert report.series[0].forecast is not None
    assert report.series[0].forecast.issued_at == watched.now.simulated_at.replace(minute=0)
    assert report.series[0].forecast.source == "standard profile"
    known = forecast_worker(watched).latest.actual_of("load", watched.now.simulated_at - timedelta(days=12), 288)
    assert 2 <= np.isfinite(known).sum() < 20


def test_a_failure_is_shown_and_gone_when_it_is_over(watched: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    found = forecast_worker(watched)

    def fails(*_: object) -> None:
        raise RuntimeError("no weather today")

    monkeypatch.setattr(LiveForecasts, "look", fails)
    watched.run(2, HOUR)
    found.attempt()
    failure = ForecastHindrance(kind=ForecastHindranceKind.FAILED, failure="no weather today")
    assert found.latest.hindrance == failure
    assert found.latest.ahead is not None
    monkeypatch.undo()
    watched.run(1, HOUR)
    found.attempt()
    assert found.latest.hindrance is None


def test_another_grid_begins_anew(watched: Rig) -> None:
    found = forecast_worker(watched)
    watched.services.cases.load("case14")
    watched.run(1)
    assert found.latest.version == 0
    found.turn(watched.board)
    assert found.latest.network is watched.now.case.network
    assert len(found.latest.series) == 1 + len(watched.now.case.network.load)


def test_the_record_of_hours_outlives_the_process(cache_dir: Path, new_rig: Callable[..., Rig]) -> None:
    first = new_rig(start="2026-02-01T00:00")
    forecast_worker(first).turn(first.board)
    run_hours(first, 6)
    start = first.now.simulated_at - timedelta(hours=6)
    told = forecast_worker(first).hourly_kw(first.now.case.network, "loss_kw", start, 5)
    forecast_worker(first).start()
    forecast_worker(first).stop()
    again = new_rig(start="2026-03-01T00:00", history_days=0)
    forecast_worker(again).turn(again.board)
    np.testing.assert_allclose(forecast_worker(again).hourly_kw(again.now.case.network, "loss_kw", start, 5), told)


# --- plans for the worst of the coming hours -------------------------------------------------------------------------


def test_plans_can_be_made_for_the_worst_of_the_coming_hours(watched: Rig) -> None:
    watched.run(1)
    worst = watched.now.assessed.worst_hour
    assert worst is not None
    planner = watched.services.planner
    planner.amend(watched.board, lambda present: replace(present, worst_hour=True))
    planner.plan_once(watched.board, planner.requirements)
    latest = planner.latest
    assert latest.made_for == worst.time
    assert latest.proposal is not None
    present = latest.proposal.present
    np.testing.assert_allclose(present.injection.load_p_mw, worst.injection.load_p_mw)
    assert present.loss_kw != pytest.approx(1000 * watched.now.assessed.metrics.loss_mw, rel=0.02)
    assert headline_of(latest, watched.now).note.startswith(f"Made for {worst.time:%d %b %H:%M}")
    answer = watched.post("/api/grid/optimize", {})
    assert answer["made_for"] == worst.time.isoformat()
    assert watched.post("/api/grid/optimize", {"worst_hour": False})["made_for"] is None
    found = planner.plan
    assert found is not None
    watched.engine.apply(found)
    watched.run(len(found.actions) + 1)
    assert len(watched.now.control.operations.done) == len(found.actions)


def test_a_plan_for_later_that_breaks_a_limit_now_is_refused(watched: Rig) -> None:
    watched.run(1)
    planner = watched.services.planner
    wanted = Requirements(risk_weight=0.0, worst_hour=True, max_loading_percent=95.0)
    found = planner.propose(watched.board, wanted).plan
    assert found is not None
    watched.engine.add_event(EventKind.LOAD_SURGE, None, 2.6)
    watched.run(2)
    with pytest.raises(PlanRefusedError) as refused:
        watched.engine.apply(found)
    assert refused.value.refusal.kind is PlanRefusalKind.PROBLEM
    assert refused.value.refusal.problem is not None
