import numpy as np

from ml.forecasting.model.aggregation import REACH_HOURS, pooled_quantiles, regrets_of, weights_of
from ml.forecasting.model.hours import DAY
from ml.forecasting.quality.metrics import pinball
from ml.forecasting.records import LEVELS

PRIOR = np.array([0.5, 0.5])
BOTH = np.ones((2 * DAY, 2), dtype=bool)


def spread(value: np.ndarray) -> np.ndarray:
    """(..., 7) quantiles of a normal distribution's width about values."""
    return value[..., None] + np.array([-1.64, -1.28, -0.67, 0, 0.67, 1.28, 1.64])


def online(actual: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses of the pool (m,) and of each part (m, K), each issue weighed by what came before it."""
    pooled = np.empty((*actual.shape, len(LEVELS)))
    for i in range(len(actual)):
        awake = np.isfinite(parts[i, ..., 0])
        regrets = regrets_of(actual[:i], pooled[:i], parts[:i])
        pooled[i] = pooled_quantiles(parts[i], weights_of(regrets, PRIOR, awake))
    return (
        pinball(actual, pooled).mean(axis=(1, 2)),
        np.stack([pinball(actual, parts[:, :, k]).mean(axis=(1, 2)) for k in range(2)], axis=1),
    )


def test_the_pool_comes_to_the_better_part_and_follows_it_when_the_other_becomes_better() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(0, 1, (400, 2 * DAY))
    off = np.where(np.arange(400) < 200, 3.0, 0.0)[:, None] + np.zeros(2 * DAY)
    parts = np.stack([spread(off), spread(3.0 - off)], axis=2)
    mine, alone = online(actual, parts)
    for days in (slice(30, 200), slice(290, 400)):
        assert mine[days].mean() < 1.03 * alone[days].mean(axis=0).min()


def test_two_parts_that_err_apart_are_better_together() -> None:
    rng = np.random.default_rng(2)
    actual = rng.normal(0, 0.3, (200, 2 * DAY))
    parts = np.stack([spread(rng.normal(0, 1.5, actual.shape)) for _ in range(2)], axis=2)
    mine, alone = online(actual, parts)
    assert mine.mean() < 0.9 * alone.mean(axis=0).min()


def test_each_lead_hour_has_weights_of_its_own() -> None:
    rng = np.random.default_rng(3)
    actual = rng.normal(0, 1, (100, 2 * DAY))
    first = np.where(np.arange(2 * DAY) < DAY, 0.0, 4.0) + np.zeros_like(actual)
    parts = np.stack([spread(first), spread(4.0 - first)], axis=2)
    pooled = spread(np.full(actual.shape, 2.0))
    found = weights_of(regrets_of(actual, pooled, parts), PRIOR, BOTH)
    assert found[:DAY, 0].min() > 0.9
    assert found[DAY:, 1].min() > 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_part_that_sleeps_has_no_weight_and_what_is_unknown_counts_for_nothing() -> None:
    rng = np.random.default_rng(4)
    actual = rng.normal(0, 1, (50, 2 * DAY))
    parts = np.stack([spread(np.zeros_like(actual)), spread(np.full_like(actual, 5.0))], axis=2)
    parts[:, :10, 0] = np.nan
    awake = np.isfinite(parts[0, ..., 0])
    regrets = regrets_of(actual, parts[:, :, 1], parts)
    assert not regrets[:, :10, 0].any()
    found = weights_of(regrets, PRIOR, awake)
    np.testing.assert_array_equal(found[:10], np.broadcast_to([0.0, 1.0], (10, 2)))
    assert found[10 + REACH_HOURS :, 0].min() > 0.9
    unknown = regrets_of(np.full_like(actual, np.nan), parts[:, :, 1], parts)
    np.testing.assert_allclose(weights_of(unknown, PRIOR, BOTH), 0.5)
    np.testing.assert_allclose(weights_of(unknown[:0], PRIOR, BOTH), 0.5)
