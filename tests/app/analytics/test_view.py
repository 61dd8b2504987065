"""What the analytics page says of a real state of the grid, its part of a tick, and the time ranges it asks for."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from plotly.utils import PlotlyJSONEncoder

from app.analytics.page_forecast import issue_words
from app.analytics.view import (
    HOURS_BEFORE,
    NEEDS_A_WEEK,
    Looked,
    choices_of,
    energy_shares,
    facts_of,
    fan_of,
    forecast_of,
    hosting_of,
    issues_of,
    looked,
    next_day_of,
    plant_shares,
    series_of,
    status_of,
    summary_of,
    threat_of,
)
from app.analytics.view_losses import HOURS, Span, hours_of, range_of, recorded_words, share_of, top_of
from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.shell.poll import answer
from components.common.doubts import Doubts
from ml.forecasting.records import Drift, DriftKind, ForecastHindrance, ForecastHindranceKind
from tests.app.analyticsdata import accuracy_of, empty_report, losses_of, report_of
from tests.app.analyticsdata import forecast_of as made_at
from tests.app.rig import Rig

NOW = datetime(2026, 1, 15, 9, 40, tzinfo=UTC)


@pytest.fixture
def now(rig: Rig) -> Looked:
    """All about a snapshot, and of every series one more forecast from six hours before."""
    report, before = report_of(rig.now), timedelta(hours=6)
    latest = [(one.info.code, one.forecast) for one in report.series if one.forecast is not None]
    kept = {
        code: {one.issued_at - before: made_at(99.0, one.issued_at - before), one.issued_at: one}
        for code, one in latest
    }
    return Looked(rig.now, replace(report, forecasts=kept), rig.services.forecast_worker)


def test_series_are_chosen_by_code_and_the_first_stands_in_for_others(now: Looked) -> None:
    assert [choice["value"] for choice in choices_of(now)] == ["load", "pv", "wind"]
    assert series_of(now, "pv").info.name == "PV"
    assert series_of(now, "nonsense").info.code == "load"
    assert series_of(replace(now, report=empty_report(now.snapshot)), "load") is None


def test_the_fan_joins_two_days_of_actual_values_to_the_forecast(now: Looked) -> None:
    load = series_of(now, "load")
    fan = fan_of(now, load, load.forecast)
    hours = len(load.forecast.quantiles_mw)
    assert len(fan.actual_mw) == len(fan.actual_time) == HOURS_BEFORE + hours
    assert fan.actual_time[HOURS_BEFORE] == fan.time[0]
    assert fan.limit_mw == load.limit_mw
    assert fan_of(now, load, None) is None


def test_an_old_issue_is_shown_and_one_that_is_gone_gives_way_to_the_latest(now: Looked) -> None:
    load = series_of(now, "load")
    early, latest = issues_of(now, load)
    assert forecast_of(now, load, early).quantiles_mw.max() > 99
    assert forecast_of(now, load, latest) is load.forecast
    assert forecast_of(now, load, None) is load.forecast
    assert "6 hours ago" in issue_words(forecast_of(now, load, early), load.forecast, now)
    assert "the latest" in issue_words(load.forecast, load.forecast, now)


def test_facts_say_what_is_not_known_yet(now: Looked) -> None:
    load, pv = series_of(now, "load"), series_of(now, "pv")
    told = dict(facts_of(now.report.network, load, load.forecast, accuracy_of(), Doubts()))
    assert told["Limit"].endswith(f": {now.report.network.branch.name[0]} at full load")
    assert "62\u202f% within the 80 % band" in told["Last 7 days"]
    assert "62 %" in told["Drift"]
    assert "30 forecasts" in told["Compared"]
    assert "Installed" not in told
    young = dict(facts_of(now.report.network, pv, pv.forecast, None, Doubts()))
    assert young["Last 7 days"] == young["Drift"] == NEEDS_A_WEEK
    assert young["Installed"] == "12.5\u202fMW"
    flat = replace(pv, drift=Drift(flat_value=7.0, kinds=(DriftKind.FLAT,)))
    assert dict(facts_of(now.report.network, flat, None, None, Doubts()))["Drift"] == "the last 24 hours all are 7"


def test_the_hours_ahead_in_figures(now: Looked) -> None:
    ahead, network = now.report.ahead, now.snapshot.case.network
    assert threat_of(now, of_buses=False).percent.shape == (24, network.n_branch)
    assert threat_of(now, of_buses=True).percent.shape == (24, network.n_bus)
    day = next_day_of(now)
    assert list(day.renewable_mw) == [2.0] * 24
    assert (day.load_low_mw <= day.load_mw).all()
    assert (day.load_mw <= day.load_high_mw).all()
    found = summary_of(now)
    assert found.expected_mwh == pytest.approx(ahead.look.loss_mw.sum())
    assert found.peak_mw == pytest.approx(ahead.load_mw.max())
    assert found.change_percent == pytest.approx(100 * (1 / 0.99 - 1), rel=0.2)


def test_shares_add_up_and_every_bus_has_a_row(now: Looked) -> None:
    for shares in (plant_shares(now), energy_shares(now)):
        assert sum(one.percent for one in shares) == pytest.approx(100)
        assert sum(one.power_mw for one in shares) == pytest.approx(now.report.mix.total)
    rows = hosting_of(now)
    assert [row.bus for row in rows] == list(now.snapshot.case.network.bus.name)
    assert {row.limit for row in rows} == {f"{now.snapshot.case.network.branch.name[0]} at full load"}
    assert hosting_of(replace(now, report=empty_report(now.snapshot))) == []


def test_before_the_first_look_nothing_is_made_up(now: Looked) -> None:
    blank = replace(now, report=empty_report(now.snapshot))
    assert (threat_of(blank, False), next_day_of(blank)) == (None, None)
    assert plant_shares(blank) == energy_shares(blank) == choices_of(blank) == []
    assert np.isnan(summary_of(blank).expected_mwh)
    assert status_of(blank).words == "Waiting for the grid"
    failure = ForecastHindrance(kind=ForecastHindranceKind.FAILED, failure="no reason")
    failed = replace(blank, report=replace(blank.report, hindrance=failure))
    assert "no reason" in status_of(failed).note


def test_losses_by_level_and_cause_keep_what_was_recorded(now: Looked) -> None:
    asked = range_of(NOW, Span.DAY.value, None)
    record = losses_of(now.snapshot, asked.start, asked.hours)
    share = share_of(record)
    assert share.total_mwh == pytest.approx(record.level_mwh.sum())
    assert hours_of(record).energy_mwh.sum() == pytest.approx(record.level_mwh.sum())
    top = top_of(now, record)
    assert [one.energy_mwh for one in top] == sorted((one.energy_mwh for one in top), reverse=True)
    assert top[0].energy_mwh == pytest.approx(record.branch_mwh.max())
    assert "All 24 hours" in recorded_words(record, asked)
    assert "24 of 168" in recorded_words(record, range_of(NOW, Span.WEEK.value, None))
    assert (share_of(None), hours_of(None), top_of(now, None)) == (None, None, [])
    assert "No hour" in recorded_words(None, asked)


@pytest.mark.parametrize("span", HOURS)
def test_a_range_ends_with_the_last_whole_hour(span: Span) -> None:
    found = range_of(NOW, span.value, None)
    assert found.hours == HOURS[span] == len(found.time)
    assert found.start + timedelta(hours=found.hours) == datetime(2026, 1, 15, 9, tzinfo=UTC)


def test_own_dates_are_whole_days_up_to_now_and_nonsense_is_the_last_day() -> None:
    found = range_of(NOW, "Dates", ["2026-01-12", "2026-01-13"])
    assert (found.start, found.hours) == (datetime(2026, 1, 12, tzinfo=UTC), 48)
    assert range_of(NOW, "Dates", ["2026-01-15", "2026-01-20"]).hours == 9
    for nonsense in (
        None,
        ["2026-01-13", None],
        ["x", "y"],
        ["2027-01-01", "2027-01-02"],
        ["2026-01-13", "2026-01-12"],
    ):
        assert range_of(NOW, "Dates", nonsense) == range_of(NOW, "24 h", None)
    assert range_of(NOW, "a year", None).hours == 24


def test_a_tick_tells_of_another_report_once(rig: Rig) -> None:
    pages = PageServices(**vars(rig.services), views=NetworkViews())
    view: dict[str, object] = {"page": "analytics"}
    first: Any = answer(pages, view, None, {})
    assert first["map"] == {}
    assert first["analytics"].keys() == {"key", "status"}
    assert "kpi" not in first
    assert len(json.dumps(first, cls=PlotlyJSONEncoder)) < 2500
    assert answer(pages, view, first["seen"], {"analytics": first["analytics"]["key"]}) is None
    assert answer(pages, view, first["seen"], {"analytics": "an older one"}) is not None
    overview: Any = answer(pages, {}, None, {})
    assert overview["ahead"] == first["analytics"]["key"]
    known = {"ahead": overview["ahead"], "alarms": overview["seen"]["alarms"], "outages": overview["outages"][-1]}
    assert answer(pages, {}, overview["seen"], known) is None
    assert looked(rig.services) is not None
