import numpy as np
import pandas as pd
import pytest

from ml.forecasting.model.features import FIRST_ISSUE, Scale, design, lag_rows, scale_of
from ml.forecasting.model.hours import ForecastError, fill_from_past, hours_of
from tests.ml.series import hourly

STEPS = np.arange(48)
PLAIN = Scale(False, 1.0)


def test_features_don_t_change_with_anything_measured_after_the_issue() -> None:
    frame = hourly(40, weather=True).assign(clear=1.0)
    issue = 30 * 24 + 7
    noised = frame.copy()
    rng = np.random.default_rng(5)
    noised.loc[noised.index[issue:], ["target", "temperature"]] = rng.normal(0, 1e4, (len(frame) - issue, 2))
    made = [design(hours_of(one, ahead=("clear",)), np.array([issue]), STEPS, PLAIN) for one in (frame, noised)]
    np.testing.assert_array_equal(made[0].ridge, made[1].ridge)
    np.testing.assert_array_equal(made[0].trees, made[1].trees)
    np.testing.assert_array_equal(made[0].level, made[1].level)


def test_features_use_what_was_measured_in_the_last_hour_before_the_issue() -> None:
    frame = hourly(40, weather=True)
    issue = 30 * 24
    other = frame.copy()
    other.iloc[issue - 1, 0] += 50
    first, second = (design(hours_of(one), np.array([issue]), STEPS, PLAIN) for one in (frame, other))
    at = first.ridge_names.index("last_1")
    np.testing.assert_allclose(second.ridge[0, :, at] - first.ridge[0, :, at], 50 - 50 / 168)


def test_a_forecast_made_with_others_has_the_features_of_one_made_alone() -> None:
    hours = hours_of(hourly(60, weather=True))
    issues = np.arange(FIRST_ISSUE, FIRST_ISSUE + 24 * 20, 24)
    together = design(hours, issues, STEPS, PLAIN)
    for i in (0, 7, 19):
        np.testing.assert_array_equal(design(hours, issues[i : i + 1], STEPS, PLAIN).ridge[0], together.ridge[i])


def test_lags_lie_before_the_issue_and_on_the_same_hour_of_the_clock() -> None:
    hours = hours_of(hourly(120, start="2024-01-01", zone="Europe/Berlin"))
    issues = np.flatnonzero(hours.hour[: 100 * 24] == 0)
    issues = issues[issues > FIRST_ISSUE]
    rows = issues[:, None] + np.arange(24)
    found = lag_rows(hours, issues, rows, 1)
    assert (found < issues[:, None]).all()
    assert (hours.hour[found] == hours.hour[rows]).mean() > 0.999
    assert len(set(hours.shift_hours[:2400])) == 2, "the clock is put forward in March"


def test_the_day_of_23_hours_and_that_of_25_are_forecast_by_the_clock() -> None:
    spring = hours_of(hourly(40, start="2024-03-01", zone="Europe/Berlin"))
    assert (pd.Series(spring.times(np.arange(24 * 38)).date).value_counts() == 23).sum() == 1
    autumn = hours_of(hourly(60, start="2024-10-01", zone="Europe/Berlin"))
    days = pd.Series(autumn.times(np.arange(24 * 58)).date).value_counts()
    assert (days == 25).sum() == 1
    monday = autumn.row(pd.Timestamp("2024-10-28", tz="Europe/Berlin"))
    noon = lag_rows(autumn, np.array([monday]), np.array([[monday + 12]]), 7)
    assert monday + 12 - int(noon[0, 0]) == 169, "a week earlier the clock was an hour ahead"


def test_the_leap_day_is_a_day_like_others() -> None:
    hours = hours_of(hourly(70, start="2024-01-01"))
    issue = hours.row(pd.Timestamp("2024-02-29", tz="UTC"))
    made = design(hours, np.array([issue]), STEPS, PLAIN)
    assert np.isfinite(made.ridge).all()
    assert hours.yearday[issue] == 60


def test_gaps_are_filled_from_the_past_only() -> None:
    values = np.arange(400.0)
    values[200:230] = np.nan
    filled = fill_from_past(values)
    np.testing.assert_array_equal(filled[200:230], np.arange(32.0, 62.0))
    early = np.array([np.nan, 3.0, np.nan, np.nan])
    np.testing.assert_array_equal(fill_from_past(early)[1:], [3, 3, 3])


def test_a_series_that_comes_near_zero_isn_t_modelled_in_logarithms() -> None:
    assert scale_of(np.array([80.0, 100, 120])).logarithmic
    assert not scale_of(np.array([0.0, 100, 120])).logarithmic
    assert not scale_of(np.array([-5.0, 100, 120])).logarithmic
    for scale in (Scale(True, 7.0), Scale(False, 7.0)):
        np.testing.assert_allclose(scale.back(scale.forward(np.array([1.0, 20, 300]))), [1, 20, 300])


def test_holidays_come_from_the_country_unless_the_frame_says() -> None:
    frame = hourly(3, start="2024-12-24")
    assert hours_of(frame, country="DE").holiday[24]
    assert not hours_of(frame).holiday[24]
    assert not hours_of(frame.assign(holiday=0.0), country="DE").holiday[24]
    with pytest.raises(ForecastError, match="'XX' is not known"):
        hours_of(frame, country="XX")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda frame: frame.tz_localize(None), "time zone"),
        (lambda frame: pd.concat([frame, frame.iloc[-1:]]), "comes twice"),
        (lambda frame: frame.rename(columns={"target": "load"}), "'target' is missing; found load"),
        (lambda frame: frame.iloc[:0], "no rows"),
        (lambda frame: frame.set_axis(frame.index.delete(5).insert(5, frame.index[5] + pd.Timedelta("7min"))), "hour"),
    ],
)
def test_what_can_t_be_read_is_named(wrong: object, words: str) -> None:
    with pytest.raises(ForecastError, match=words):
        hours_of(wrong(hourly(3)))  # type: ignore[operator]
