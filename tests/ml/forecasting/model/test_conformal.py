import numpy as np
import pytest
from scipy.stats import norm

from ml.forecasting.model.conformal import ended_before, offsets, pooled, ranks, residual_quantiles
from ml.forecasting.records import LEVELS


def test_quantiles_of_residuals_are_numpy_s_at_the_widened_levels_without_the_unknown() -> None:
    rng = np.random.default_rng(1)
    residuals = rng.normal(size=(50, 3, 7))
    residuals[rng.random(residuals.shape) < 0.2] = np.nan
    found = residual_quantiles(residuals, LEVELS)
    for step in range(3):
        for i, level in enumerate(LEVELS):
            known = residuals[:, step, i][np.isfinite(residuals[:, step, i])]
            wide = np.clip(0.5 + (level - 0.5) * (1 + 2 / len(known)), 0, 1)
            assert found[step, i] == pytest.approx(np.quantile(known, wide))


def test_moved_quantiles_cover_as_they_say_whatever_the_model_got_wrong() -> None:
    rng = np.random.default_rng(2)
    days = 400
    actual = rng.gamma(2.0, 3.0, (days, 24)) + 10  # skewed, and the quantiles are of something else
    raw = np.broadcast_to(norm.ppf(LEVELS), (days, 24, 7))
    issues = 24 * np.arange(days)
    inside = []
    for day in range(100, days):
        moved = raw[day] + offsets(actual[..., None] - raw, issues, issues[day], LEVELS, 60, 20)
        inside.append((actual[day] >= moved[:, 1]) & (actual[day] <= moved[:, 5]))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.015)


def test_residuals_of_hours_that_had_not_ended_count_for_nothing() -> None:
    rng = np.random.default_rng(3)
    residuals = rng.normal(size=(80, 48, 7))
    issues = 24 * np.arange(80)
    now = 24 * 79
    later = residuals.copy()
    ends = issues[:, None] + np.arange(48)
    later[ends >= now] = 1e6
    before = offsets(residuals, issues, now, LEVELS, 60, 20)
    np.testing.assert_array_equal(before, offsets(later, issues, now, LEVELS, 60, 20))
    assert np.isnan(ended_before(residuals, issues, now)[-1]).all()
    assert np.isfinite(ended_before(residuals, issues, now)[-2, :24]).all()
    assert np.isnan(ended_before(residuals, issues, now)[-2, 24:]).all()


def test_residuals_older_than_the_window_are_forgotten() -> None:
    residuals = np.concatenate([np.full((50, 24, 7), 100.0), np.full((30, 24, 7), 1.0)])
    found = offsets(residuals, 24 * np.arange(80), 24 * 80, LEVELS, 30, 20)
    np.testing.assert_array_equal(found, 1.0)


def test_nothing_is_moved_by_too_few_residuals() -> None:
    residuals = np.ones((5, 24, 7))
    assert not offsets(residuals, 24 * np.arange(5), 24 * 5, LEVELS, 30, 20).any()


def test_a_step_is_pooled_with_its_neighbours() -> None:
    residuals = np.arange(4.0)[None, :, None] * np.ones((1, 4, 1))
    found = pooled(residuals, 1)[:, :, 0]
    assert [sorted(column[np.isfinite(column)]) for column in found.T] == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]


def test_ranks_are_places_between_zero_and_one() -> None:
    found = ranks(np.array([[3.0], [1.0], [np.nan], [2.0]]))[:, 0]
    np.testing.assert_allclose(found, [5 / 6, 1 / 6, np.nan, 3 / 6])
