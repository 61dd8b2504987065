import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ml.forecasting.groups import GroupForecaster, at_place
from ml.forecasting.records import LEVELS
from tests.ml.series import hourly, quick

DAYS = 260


@pytest.fixture(scope="module")
def groups() -> GroupForecaster:
    """Two groups that rise and fall together, and one on its own."""
    rng = np.random.default_rng(1)
    shared = np.repeat(rng.normal(0, 6, DAYS), 24)
    base = hourly(DAYS)["target"] * 0 + 100 + 20 * np.sin(np.arange(24 * DAYS) * 2 * np.pi / 24)
    frames = {
        "one": pd.DataFrame({"target": base + shared + rng.normal(0, 1.5, len(base))}),
        "two": pd.DataFrame({"target": 2 * base + 2 * shared + rng.normal(0, 3, len(base))}),
        "own": pd.DataFrame({"target": base + np.repeat(rng.normal(0, 6, DAYS), 24)}),
    }
    return GroupForecaster(quick(window_days=90)).fit(frames, base.index[24 * 190])


def issue(groups: GroupForecaster, day: int) -> pd.Timestamp:
    hours = groups.members_["one"].hours_
    return hours.times(np.array([24 * day]))[0]


def test_samples_keep_the_correlation_between_groups_and_between_hours(groups: GroupForecaster) -> None:
    drawn = groups.sample(issue(groups, 258), 24, 4000, np.random.default_rng(2))
    assert drawn.shape == (4000, 3, 24)
    noon = np.corrcoef(drawn[:, :, 12].T)
    assert noon[0, 1] > 0.75
    assert abs(noon[0, 2]) < 0.35
    assert np.corrcoef(drawn[:, 0, 11], drawn[:, 0, 13])[0, 1] > 0.7


def test_samples_have_the_forecast_s_quantiles(groups: GroupForecaster) -> None:
    at = issue(groups, 258)
    drawn = groups.sample(at, 24, 20_000, np.random.default_rng(3))
    for i, forecast in enumerate(groups.predict(at).values()):
        width = (forecast["q95"] - forecast["q05"]).to_numpy()
        for level, name in ((0.1, "q10"), (0.5, "q50"), (0.9, "q90")):
            found = np.quantile(drawn[:, i], level, axis=0)
            assert (np.abs(found - forecast[name]) / width).max() < 0.06


def test_the_sum_of_samples_is_wider_than_if_groups_were_drawn_apart(groups: GroupForecaster) -> None:
    drawn = groups.sample(issue(groups, 258), 24, 4000, np.random.default_rng(2))
    together = (drawn[:, 0] + drawn[:, 1]).std(axis=0).mean()
    rng = np.random.default_rng(5)
    apart = (drawn[:, 0] + drawn[rng.permutation(4000), 1]).std(axis=0).mean()
    assert together > 1.15 * apart


def test_one_seed_gives_one_set_of_samples(groups: GroupForecaster) -> None:
    first, second = (groups.sample(issue(groups, 258), 12, 5, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_past_days_are_drawn_as_often_as_one_another(groups: GroupForecaster) -> None:
    """So that a chance of 10 % isn't found to be 6 or 14 % by the draw alone."""
    at = issue(groups, 258)
    median = groups.predict(at)["own"]["q50"].to_numpy()
    above = [
        (groups.sample(at, 24, 100, np.random.default_rng(seed))[:, 2] > median).mean(axis=0) for seed in range(20)
    ]
    assert np.std(above, axis=0).max() < 0.5 * np.sqrt(0.25 / 100)  # a half of what independent draws scatter by


def test_with_too_few_days_groups_rise_and_fall_together() -> None:
    frames = {name: hourly(12, seed=seed) for seed, name in enumerate("ab")}
    made = GroupForecaster(quick()).fit(frames)
    at = frames["a"].index[-1] + pd.Timedelta(hours=1)
    drawn = made.sample(at, 24, 200, np.random.default_rng(1))
    assert (np.argsort(drawn[:, 0, 3]) == np.argsort(drawn[:, 1, 20])).all()


def test_samples_without_a_model_come_from_the_naive_forecast_s_errors() -> None:
    frames = {name: hourly(50, seed=seed) for seed, name in enumerate("ab")}
    made = GroupForecaster(quick()).fit(frames)
    drawn = made.sample(frames["a"].index[-1] + pd.Timedelta(hours=1), 24, 500, np.random.default_rng(1))
    assert np.isfinite(drawn).all()
    assert abs(np.corrcoef(drawn[:, :, 12].T)[0, 1]) < 0.6


def test_places_between_quantiles_are_straight_and_tails_go_on() -> None:
    quantiles = 100 + 5 * norm.ppf(LEVELS)[None]
    np.testing.assert_allclose(at_place(quantiles, LEVELS[:, None])[:, 0], quantiles[0])
    middle = at_place(quantiles, np.array([[0.375]]))[0, 0]
    assert middle == pytest.approx((quantiles[0, 2] + quantiles[0, 3]) / 2)
    assert at_place(quantiles, np.array([[0.99]]))[0, 0] == pytest.approx(100 + 5 * norm.ppf(0.99), abs=1)
    assert at_place(np.array([[0.0, 0, 1, 2, 3, 4, 5]]), np.array([[0.001]]))[0, 0] == 0
