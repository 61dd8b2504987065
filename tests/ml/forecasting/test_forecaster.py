import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ml.forecasting.backtest import (
    alone,
    backtest,
    by_source,
    daily_issues,
    naive_backtest,
    naive_mae,
    scores,
    table_of,
)
from ml.forecasting.forecaster import COLUMNS, Forecaster, ForecastSource, model_share
from ml.forecasting.model.hours import ForecastError
from ml.forecasting.model.model import ModelSettings, Parts, fit_ridges
from tests.ml.series import hourly, quick


def at(frame: pd.DataFrame, day: int, hour: int = 0) -> pd.Timestamp:
    return frame.index[24 * day + hour]


@pytest.mark.parametrize("shrunk", [False, True])
def test_a_forecast_is_the_same_to_the_bit_whatever_is_measured_after_its_issue(shrunk: bool) -> None:
    frame = hourly(230, weather=True)
    until, issue = 24 * 190, 24 * 205
    noised = frame.copy()
    rng = np.random.default_rng(9)
    noised.loc[noised.index[issue:], ["target", "temperature"]] = rng.normal(500, 400, (len(frame) - issue, 2))
    found = []
    for one in (frame, noised):
        made = quick(shrunk=shrunk).fit(one, one.index[until])
        earlier = made.predict(one.index[issue - 48])
        found.append((made.predict(one.index[issue]), earlier))
    for first, second in zip(*found, strict=True):
        pd.testing.assert_frame_equal(first, second, check_exact=True)


@pytest.mark.parametrize("shrunk", [False, True])
def test_calibration_and_training_read_nothing_after_their_moment(shrunk: bool) -> None:
    frame = hourly(230)
    until = 24 * 200
    noised = frame.copy()
    noised.iloc[until:, 0] = np.random.default_rng(1).normal(1e5, 1e4, len(frame) - until)
    first, second = (quick(shrunk=shrunk).fit(one, one.index[until]) for one in (frame, noised))
    for mine, other in zip(first.residuals(first.hours_, until), second.residuals(second.hours_, until), strict=True):
        np.testing.assert_array_equal(mine, other)
    row = np.array([until])
    np.testing.assert_array_equal(first.issue(row).quantiles, second.issue(row).quantiles)


def test_what_is_measured_before_the_issue_does_change_the_calibration() -> None:
    frame = hourly(230)
    changed = frame.copy()
    changed.iloc[24 * 201 : 24 * 204, 0] += 20
    issue = frame.index[24 * 215]
    found = [quick().fit(one, one.index[24 * 200]).predict(issue)[list(COLUMNS)].to_numpy() for one in (frame, changed)]
    assert np.abs(found[0] - found[1]).max() > 0.1


@pytest.mark.parametrize("shrunk", [False, True])
def test_two_fits_and_single_or_joint_issues_give_the_same_forecasts(shrunk: bool) -> None:
    frame = hourly(220)
    first, second = (quick(shrunk=shrunk).fit(frame, at(frame, 200)) for _ in range(2))
    rows = daily_issues(first.hours_, at(frame, 200), at(frame, 215))
    together = first.issue(rows).quantiles
    single = np.stack([second.issue(rows[i : i + 1]).quantiles[0] for i in range(len(rows))])
    np.testing.assert_array_equal(together, single)


def test_a_forecast_tells_its_issue_time_its_source_and_sorted_quantiles() -> None:
    frame = hourly(220, zone="Europe/Berlin")
    made = quick().fit(frame)
    found = made.predict(frame.index[-1] + pd.Timedelta(hours=1), 12)
    assert list(found.columns) == ["q05", "q10", "q25", "q50", "q75", "q90", "q95", "issue_time", "source"]
    assert (found["issue_time"] == found.index[0]).all()
    assert set(found["source"]) == {"model"}
    assert (np.diff(found[list(COLUMNS)].to_numpy(), axis=1) >= 0).all()
    assert (len(found), str(found.index.tz)) == (12, "Europe/Berlin")


@pytest.mark.parametrize(
    ("days", "source"),
    [
        (3, ForecastSource.PROFILE),
        (30, ForecastSource.LAST_WEEK),
        (90, ForecastSource.BLEND),
        (200, ForecastSource.MODEL),
    ],
)
def test_with_the_history_the_source_grows_up_and_is_told(days: int, source: ForecastSource) -> None:
    frame = hourly(days)
    found = quick().fit(frame).predict(frame.index[-1] + pd.Timedelta(hours=1))
    assert set(found["source"]) == {source.value}
    assert np.isfinite(found[list(COLUMNS)].to_numpy()).all()
    assert found["q50"].mean() == pytest.approx(frame["target"].mean(), rel=0.25)


def test_an_empty_history_gives_the_profile_of_the_expected_mean() -> None:
    frame = hourly(1)
    frame["target"] = np.nan
    found = quick(expected_mean=40.0).fit(frame).predict(frame.index[0])
    assert set(found["source"]) == {ForecastSource.PROFILE.value}
    assert found["q50"].mean() == pytest.approx(40, rel=0.3)
    with pytest.raises(ForecastError, match="expected_mean"):
        quick().fit(frame).predict(frame.index[0])


def test_a_model_with_half_of_the_last_days_unmeasured_falls_back_to_last_week_then_to_the_profile() -> None:
    frame = hourly(220)
    gap = frame.copy()
    gap.iloc[24 * 208 : 24 * 210, 0] = np.nan
    made = quick().fit(gap, at(frame, 200))
    assert set(made.predict(at(frame, 205))["source"]) == {"model"}
    week_ago = made.predict(at(frame, 210))
    assert set(week_ago["source"]) == {ForecastSource.LAST_WEEK.value}
    gap.iloc[24 * 203 : 24 * 210, 0] = np.nan
    assert set(quick().fit(gap, at(frame, 200)).predict(at(frame, 210))["source"]) == {ForecastSource.PROFILE.value}


def test_a_missing_day_is_neither_learned_from_nor_in_the_way() -> None:
    frame = hourly(220)
    holes = frame.drop(frame.index[24 * 150 : 24 * 151])
    holes.iloc[24 * 100 : 24 * 101, 0] = np.nan
    found = quick().fit(holes).predict(frame.index[-1] + pd.Timedelta(hours=1))
    assert set(found["source"]) == {"model"}
    whole = quick().fit(frame).predict(frame.index[-1] + pd.Timedelta(hours=1))
    np.testing.assert_allclose(found["q50"], whole["q50"], rtol=0.05)


@pytest.mark.parametrize("shrunk", [False, True])
def test_issues_at_an_hour_that_was_not_learned_from_are_forecast_too(shrunk: bool) -> None:
    frame = hourly(220)
    made = quick(horizon=48, issue_hours=(0, 12), shrunk=shrunk).fit(frame, at(frame, 200))
    found = made.predict(at(frame, 210, 7))
    actual = frame["target"].loc[found.index]
    assert np.abs(found["q50"] - actual).mean() < 1.5 * np.abs(made.predict(at(frame, 210))["q50"] - actual).mean() + 2
    assert len(found) == 48


def test_intervals_cover_and_the_model_beats_the_naive_forecasts() -> None:
    frame = hourly(310, seed=4)
    made = quick()
    found = backtest(made, frame, at(frame, 200), at(frame, 308), "model", months=6)
    week = naive_backtest(found.hours, found.issues, 24, 7)
    figures = scores(found, naive_mae(week))
    assert figures.r_mae < 0.9
    assert figures.coverage_80 == pytest.approx(80, abs=4)
    assert figures.coverage_90 == pytest.approx(90, abs=4)
    assert by_source(found) == {"model": 108}
    table = table_of(found)
    assert (table["issue_time"] <= table["time"]).all()
    assert len(table) == 108 * 24
    ridge = backtest(alone(made, Parts.RIDGE), frame, at(frame, 200), at(frame, 228), "ridge")
    assert scores(ridge, naive_mae(week)).r_mae < 1


@pytest.mark.parametrize("shrunk", [False, True])
def test_refitting_keeps_the_residuals_of_the_forecasts_that_were_made(shrunk: bool) -> None:
    frame = hourly(260)
    made = quick(shrunk=shrunk).fit(frame, at(frame, 200))
    before = made.residuals(made.hours_, 24 * 230)
    made.refit(at(frame, 230))
    issues, after = made.residuals(made.hours_, 24 * 230)
    np.testing.assert_array_equal(issues[: len(before[0])], before[0])
    np.testing.assert_array_equal(after[issues < 24 * 229], before[1][before[0] < 24 * 229])
    with pytest.raises(ForecastError, match="can't come from a model that learned from values until"):
        made.predict(at(frame, 220))


@pytest.mark.parametrize("shrunk", [False, True])
def test_observed_hours_lead_to_the_forecast_of_one_who_had_them_all_along(shrunk: bool) -> None:
    frame = hourly(220)
    all_along = quick(shrunk=shrunk).fit(frame, at(frame, 200))
    live = quick(shrunk=shrunk).fit(frame.iloc[: 24 * 200])
    for day in range(200, 204):
        live.observe(frame.iloc[24 * day : 24 * (day + 1)])
    pd.testing.assert_frame_equal(live.predict(at(frame, 204)), all_along.predict(at(frame, 204)), check_freq=False)
    with pytest.raises(ForecastError, match="too far from the series"):
        live.predict(at(frame, 219) + pd.Timedelta(days=5))


def test_weather_may_be_handed_to_predict_and_is_yesterday_s_where_it_isn_t() -> None:
    frame = hourly(210, weather=True)
    coming = frame[["temperature_forecast"]].iloc[24 * 200 : 24 * 202]
    cut = frame.iloc[: 24 * 200].copy()
    made = quick().fit(cut)
    issue = at(frame, 200)
    assert set(made.predict(issue)["source"]) == {ForecastSource.PERSISTED_WEATHER.value}
    found = made.predict(issue, ahead=coming)
    assert set(found["source"]) == {"model"}
    hot = made.predict(issue, ahead=coming + 12)
    assert hot["q50"].mean() > found["q50"].mean() + 2


def test_heat_beyond_all_that_was_seen_is_forecast_as_the_greatest_that_was() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, (200, 1, 1))
    found = fit_ridges(x, 3 * x[..., 0], np.ones((200, 1), bool), 1e-6)
    assert found.predict(np.array([[[50.0]]]))[0, 0] == pytest.approx(3 * x.max(), rel=1e-3)
    assert found.predict(np.array([[[0.5]]]))[0, 0] == pytest.approx(1.5, rel=1e-3)


def test_a_blend_is_half_a_model_at_first_and_all_of_it_later() -> None:
    assert [model_share(days) for days in (60, 120, 180, 400)] == [0.5, 0.75, 1.0, 1.0]


def test_wrong_requests_are_named() -> None:
    frame = hourly(30)
    made = quick().fit(frame)
    with pytest.raises(ForecastError, match="1 to 24"):
        made.predict(frame.index[-1], 30)
    with pytest.raises(ForecastError, match="no time zone"):
        made.predict(pd.Timestamp("2024-01-20"))
    with pytest.raises(ForecastError, match="not the beginning of an hour"):
        made.predict(frame.index[-1] + pd.Timedelta(minutes=5))
    with pytest.raises(ForecastError, match="horizon is 72 h"):
        quick(horizon=72).fit(frame)


def test_it_is_an_estimator_as_scikit_learn_has_them() -> None:
    made = Forecaster(zone="UTC", horizon=12, settings=ModelSettings(rounds=3))
    assert clone(made).get_params() == made.get_params()


@pytest.mark.parametrize("shrunk", [False, True])
def test_two_days_are_predicted_in_milliseconds(shrunk: bool) -> None:
    frame = hourly(300)
    made = quick(horizon=48, shrunk=shrunk).fit(frame)
    issue = frame.index[-1] + pd.Timedelta(hours=1)
    made.predict(issue)
    times = []
    for _ in range(9):
        begun = time.process_time()
        made.predict(issue)
        times.append(time.process_time() - begun)
    assert np.median(times) < 0.1
