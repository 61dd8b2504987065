"""Chances beyond a limit by samples, against the distribution that they were drawn from."""

import numpy as np
import pytest
from scipy.stats import norm

from grid.studies.tails import LEAST, chance_above

SAMPLES, TIMES = 100, 4000


def drawn(seed: int = 1) -> np.ndarray:
    """(s, k) of a normal distribution around 80 with deviation 5."""
    return 80 + 5 * np.random.default_rng(seed).standard_normal((SAMPLES, TIMES))


@pytest.mark.parametrize("chance", [0.003, 0.01, 0.03, 0.2, 0.5, 0.97])
def test_chances_are_right_on_average(chance: float) -> None:
    found = chance_above(drawn(), 80 - 5 * norm.ppf(chance))
    assert found.mean() == pytest.approx(chance, rel=0.15)


@pytest.mark.parametrize("chance", [0.003, 0.01, 0.03, 0.2])
def test_they_scatter_less_than_counted_ones(chance: float) -> None:
    values, limit = drawn(), float(80 - 5 * norm.ppf(chance))
    counted = (values > limit).mean(axis=0)
    assert np.abs(chance_above(values, limit) - chance).mean() < 0.95 * np.abs(counted - chance).mean()


def test_rare_is_told_apart_from_never() -> None:
    values = drawn()
    rare, never = chance_above(values, 91.6), chance_above(values, 110.0)  # 1 % and 1e-9
    assert (rare > 0).mean() > 0.99
    assert (never == 0).all()


def test_a_higher_limit_is_exceeded_less() -> None:
    values = drawn()[:, :50]
    chances = np.array([chance_above(values, limit) for limit in np.linspace(60, 100, 30)])
    assert (np.diff(chances, axis=0) <= 0).all()
    assert ((chances == 0) | ((chances >= LEAST) & (chances <= 1))).all()


def test_a_value_without_spread_lies_above_or_not() -> None:
    values = np.repeat([[0.0, 99.0, 101.0]], SAMPLES, axis=0)
    np.testing.assert_array_equal(chance_above(values, 100.0), [0, 0, 1])
    np.testing.assert_array_equal(chance_above(values[:1], 100.0), [0, 0, 1])


def test_without_samples_nothing_is_known() -> None:
    assert np.isnan(chance_above(np.zeros((0, 3)), 100.0)).all()
