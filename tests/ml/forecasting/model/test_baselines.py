import numpy as np
import pandas as pd
import pytest

from ml.forecasting.model.baselines import naive, naive_quantiles, profile
from ml.forecasting.model.hours import ForecastError, hours_of
from tests.ml.series import hourly


def test_the_naive_forecast_is_the_same_hour_a_day_or_a_week_before() -> None:
    frame = hourly(40)
    hours, value = hours_of(frame), frame["target"].to_numpy()
    issue = 30 * 24
    np.testing.assert_array_equal(naive(hours, np.array([issue]), 24, 1)[0], value[issue - 24 : issue])
    np.testing.assert_array_equal(naive(hours, np.array([issue]), 24, 7)[0], value[issue - 168 : issue - 144])
    both = naive(hours, np.array([issue]), 48, 1)[0]
    np.testing.assert_array_equal(both[24:], value[issue - 24 : issue]), "what isn't known yet is taken two days back"


def test_naive_quantiles_cover_what_they_say() -> None:
    rng = np.random.default_rng(1)
    index = pd.date_range("2024-01-01", periods=24 * 200, freq="h", tz="UTC")
    hours = hours_of(pd.DataFrame({"target": rng.normal(50, 3, len(index))}, index=index))
    inside = []
    for day in range(80, 199):
        found = naive_quantiles(hours, day * 24, 24, 7)
        actual = hours.target[day * 24 : day * 24 + 24]
        inside.append((actual >= found[:, 1]) & (actual <= found[:, 5]))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.03)


def test_the_profile_has_the_level_of_what_was_measured() -> None:
    frame = hourly(10)
    found = profile(hours_of(frame), 5 * 24, 48)
    assert found[:, 3].mean() == pytest.approx(frame["target"].iloc[: 5 * 24].mean(), rel=0.15)
    assert (np.diff(found, axis=1) > 0).all()
    assert found[19, 3] > 1.2 * found[3, 3], "evenings take more than nights"


def test_without_any_value_the_profile_needs_a_mean() -> None:
    frame = hourly(3)
    frame["target"] = np.nan
    hours = hours_of(frame)
    assert profile(hours, 0, 24, expected=40.0)[:, 3].mean() == pytest.approx(40, rel=0.3)
    with pytest.raises(ForecastError, match="give expected_mean"):
        profile(hours, 0, 24)


def test_a_column_known_in_advance_may_be_the_profile() -> None:
    frame = hourly(10)
    frame["clear_sky"] = np.maximum(0, np.sin(2 * np.pi * (frame.index.hour - 6) / 24))
    frame["target"] = 5 * frame["clear_sky"]
    hours = hours_of(frame, ahead=("clear_sky",))
    found = profile(hours, 72, 24, "clear_sky")
    np.testing.assert_allclose(found[:, 3], frame["target"].iloc[72:96])
