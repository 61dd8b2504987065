"""Shrinkage: what like days are, what share of the unusual is dropped, and what forecasts gain by it."""

import numpy as np
import pandas as pd
import pytest

from ml.forecasting.forecaster import Forecaster
from ml.forecasting.model.features import Scale
from ml.forecasting.model.hours import DAY, hours_of
from ml.forecasting.model.parts import ALL, Part
from ml.forecasting.model.shrinkage import LIKE_DAYS, USUAL_DAYS, deviation, dropped_share, lately, like_days, unusual
from ml.forecasting.quality.metrics import MEDIAN
from tests.ml.series import hourly, quick

PLAIN = Scale(False, 1.0)


def habit(days: int, seed: int = 1) -> pd.DataFrame:
    """Nothing but habit, and noise that is forgotten within the hour."""
    index = pd.date_range("2024-01-01", periods=DAY * days, freq="h", tz="UTC")
    course = 100 + 25 * np.sin(2 * np.pi * (index.hour.to_numpy() - 6) / DAY) - 15 * (index.dayofweek.to_numpy() >= 5)
    return pd.DataFrame({"target": course + np.random.default_rng(seed).normal(0, 4, len(index))}, index)


def test_like_days_are_those_of_the_kind_at_that_hour_before_the_issue() -> None:
    hours = hours_of(habit(140))
    issue = np.array([DAY * 130])
    assert hours.weekday[issue] == 4
    found = like_days(hours, issue, 48, PLAIN)
    by_day = hours.target[: DAY * 140].reshape(140, DAY)
    weekend = np.arange(140) % 7 >= 5
    friday, saturday = (
        by_day[day - LIKE_DAYS : 130][weekend[day - LIKE_DAYS : 130] == is_weekend].mean(axis=0)
        for day, is_weekend in ((130, False), (131, True))
    )
    np.testing.assert_allclose(found[0], np.concatenate([friday, saturday]))


def test_like_days_read_nothing_at_or_behind_the_issue() -> None:
    frame = habit(140)
    changed = frame.copy()
    changed.iloc[DAY * 130 + 7 :] = 1e6
    issue = np.array([DAY * 130 + 7])
    first, second = (like_days(hours_of(one), issue, 48, PLAIN) for one in (frame, changed))
    np.testing.assert_array_equal(first, second)


def test_like_days_follow_the_local_clock_through_its_change() -> None:
    index = pd.date_range("2024-01-10", periods=DAY * 90, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"target": index.hour.to_numpy(dtype=float)}, index)
    hours = hours_of(frame)
    issue = hours.row(pd.Timestamp("2024-04-02", tz="Europe/Berlin"))
    np.testing.assert_allclose(like_days(hours, np.array([issue]), DAY, PLAIN)[0], np.arange(DAY))


def test_without_like_days_nothing_deviates() -> None:
    hours = hours_of(habit(3))
    found = like_days(hours, np.array([0]), 5, PLAIN)
    assert np.isnan(found).all()
    assert not deviation(np.full((1, 5), 7.0), found).any()


def test_usual_is_what_a_model_has_lately_said_of_such_days() -> None:
    np.testing.assert_allclose(unusual(np.array([5.0, 1.0]), np.array([[2.0, 1.0], [2.0, 1.0]])), [2.0, 0.0])
    issues = DAY * np.arange(40)
    assert np.flatnonzero(lately(issues, DAY * 30)).tolist() == list(range(30 - USUAL_DAYS, 30))


@pytest.mark.parametrize(("true_share", "dropped"), [(1.0, 0.0), (0.4, 0.6), (-0.5, 1.0), (1.6, 0.0)])
def test_the_share_that_did_not_come_is_dropped(true_share: float, dropped: float) -> None:
    rng = np.random.default_rng(1)
    excess = rng.normal(0, 2, (200, DAY))
    residuals = 3 + (true_share - 1) * excess + rng.normal(0, 1, excess.shape)
    residuals[rng.random(residuals.shape) < 0.2] = np.nan
    assert dropped_share(excess, residuals, 20) == pytest.approx(dropped, abs=0.03)


def test_little_that_is_known_drops_nothing() -> None:
    excess, residuals = np.ones((19, DAY)), -np.ones((19, DAY))
    assert dropped_share(excess, residuals, 20) == 0
    assert dropped_share(np.zeros((30, DAY)), np.zeros((30, DAY)), 20) == 0


def medians(forecaster: Forecaster, frame: pd.DataFrame, days: range) -> np.ndarray:
    return forecaster.fit(frame, frame.index[DAY * days.start]).issue(DAY * np.array(days)).quantiles[:, :DAY, MEDIAN]


def test_a_forecast_of_habit_scatters_less_than_the_model_alone_shrunk_or_not() -> None:
    frame, days = habit(330), range(250, 320)
    true = habit(330)["target"].to_numpy()
    noiseless = 100 + 25 * np.sin(2 * np.pi * (np.arange(DAY) - 6) / DAY)
    expected = np.stack([noiseless - 15 * (day % 7 >= 5) for day in days])
    error, model = {}, {}
    for shrunk in (False, True):
        issued = quick(shrunk=shrunk).fit(frame, frame.index[DAY * days.start]).issue(DAY * np.array(days))
        found, alone = issued.quantiles[..., MEDIAN], issued.parts[:, :, ALL.index(Part.MODEL), MEDIAN]
        error[shrunk], model[shrunk] = (np.sqrt(np.mean((one - expected) ** 2)) for one in (found, alone))
        assert np.abs(found - true[DAY * days.start : DAY * days.stop].reshape(-1, DAY)).mean() < 4
    assert model[True] < 0.8 * model[False]
    assert max(error.values()) < 0.8 * model[False]


def test_what_days_have_in_common_is_not_shrunk_away() -> None:
    """Noise that lasts more than a day can be forecast, and stays."""
    frame = hourly(300, seed=3)
    frame["target"] = 100 + frame["target"].rolling(36, min_periods=1).mean() * 2
    days = range(240, 290)
    actual = frame["target"].to_numpy()[DAY * days.start : DAY * days.stop].reshape(-1, DAY)
    plain, shrunk = (np.abs(medians(quick(shrunk=one), frame, days) - actual).mean() for one in (False, True))
    assert shrunk < 1.05 * plain
