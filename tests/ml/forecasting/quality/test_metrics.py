import numpy as np
import pytest
from scipy.stats import norm

from ml.forecasting.quality.drift import contest, drift
from ml.forecasting.quality.metrics import (
    BAND_80,
    BAND_90,
    covered,
    pinball,
    range_of,
    score,
    share_inside,
    shares_below,
)
from ml.forecasting.records import LEVELS, ContestVerdict, DriftKind


def test_pinball_loss_as_by_hand() -> None:
    # value 10; the 10 % quantile 8 is below it: 0.1 * 2; the 90 % quantile 13 above it: (1 - 0.9) * 3
    found = pinball(np.array([10.0]), np.array([[8.0, 13.0]]), np.array([0.1, 0.9]))
    np.testing.assert_allclose(found, [[0.2, 0.3]])
    # above the upper quantile by 1: 0.9 * 1
    np.testing.assert_allclose(pinball(np.array([14.0]), np.array([[8.0, 13.0]]), np.array([0.1, 0.9])), [[0.6, 0.9]])


def test_scores_of_a_known_distribution() -> None:
    rng = np.random.default_rng(1)
    actual = rng.normal(100, 5, 40_000)
    found = score(actual, np.broadcast_to(100 + 5 * norm.ppf(LEVELS), (40_000, 7)), naive_mae=10.0, series_range=20.0)
    assert found.coverage_80 == pytest.approx(80, abs=0.6)
    assert found.coverage_90 == pytest.approx(90, abs=0.5)
    mae = 5 * np.sqrt(2 / np.pi)
    assert found.mae == pytest.approx(mae, rel=0.01)
    assert found.r_mae == pytest.approx(mae / 10, rel=0.01)
    exact = np.mean([5 * norm.pdf(norm.ppf(level)) for level in LEVELS])  # expected pinball loss at a true quantile
    assert found.r_crps == pytest.approx(2 * exact / 20, rel=0.01)
    assert found.mape_percent == pytest.approx(mae, rel=0.02)


def test_a_value_that_ties_with_quantiles_lies_below_them_by_a_share() -> None:
    quantiles = np.array([0.0, 0, 0, 1, 2, 3, 4])
    np.testing.assert_allclose(
        shares_below(np.array([0.0]), quantiles), [np.minimum(LEVELS / 0.375, 1)]
    )  # zero has any place up to half way from 25 to 50 %
    np.testing.assert_array_equal(shares_below(np.array([2.5]), quantiles), [[0, 0, 0, 0, 0, 1, 1]])
    top = shares_below(np.array([4.0]), np.array([0.0, 0, 0, 1, 2, 4, 4]))
    np.testing.assert_allclose(top, [[0, 0, 0, 0, 0, (0.90 - 0.825) / 0.175, (0.95 - 0.825) / 0.175]])


def test_right_forecasts_of_a_value_that_is_often_zero_have_the_share_inside_that_they_promise() -> None:
    drawn = np.random.default_rng(1).random(100_000)
    actual, quantiles = np.maximum(drawn - 0.375, 0), np.maximum(LEVELS - 0.375, 0)
    for band, share in ((BAND_80, 0.8), (BAND_90, 0.9)):
        assert share_inside(actual, quantiles, band).mean() == pytest.approx(share, abs=0.005)
        assert covered(actual, quantiles, band).mean() > share + 0.04
    np.testing.assert_array_equal(
        share_inside(drawn, LEVELS, BAND_80), covered(drawn, LEVELS, BAND_80)
    )  # without ties as covered


def test_hours_without_a_value_are_not_scored_and_near_zero_there_is_no_mape() -> None:
    actual = np.array([0.0, 10, np.nan, 20])
    found = score(actual, np.repeat(np.array([[0.0], [10], [5], [20]]), 7, axis=1), 1.0, 10.0)
    assert (found.hours, found.mae, found.mape_percent) == (3, 0.0, None)
    with pytest.raises(ValueError, match="no hour"):
        score(np.array([np.nan]), np.zeros((1, 7)), 1.0, 1.0)
    with pytest.raises(ValueError, match="constant"):
        range_of(np.ones(10))


def normal(hours: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    actual = np.random.default_rng(seed).normal(100, 5, hours)
    return actual, np.broadcast_to(100 + 5 * norm.ppf(LEVELS), (hours, 7))


def test_forecasts_that_hold_are_not_flagged() -> None:
    actual, quantiles = normal(400, 1)
    found = drift(actual, quantiles, np.roll(actual, 24))
    assert not found.found
    assert found.mae < found.naive_mae


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda y, q, n: (y, 100 + 0.3 * (q - 100), n), DriftKind.COVERAGE),
        (lambda y, q, n: (y, 100 + 4 * (q - 100), n), DriftKind.COVERAGE),
        (lambda y, q, n: (y, q, y), DriftKind.ERROR),
        (lambda y, q, n: (np.concatenate([y[:-24], np.full(24, 97.0)]), q, n), DriftKind.FLAT),
    ],
)
def test_drift_is_named(change: object, kind: DriftKind) -> None:
    actual, quantiles = normal(400, 1)
    found = drift(*change(actual, quantiles, np.roll(actual, 24)))  # type: ignore[operator]
    assert kind in found.kinds
    assert found.flat_value == (97.0 if kind is DriftKind.FLAT else None)


def test_drift_looks_at_the_last_seven_days_only_and_says_nothing_of_unmeasured_ones() -> None:
    actual, quantiles = normal(400, 1)
    early = actual.copy()
    early[:200] += 1000
    assert not drift(early, quantiles, np.roll(actual, 24)).found
    assert drift(np.full(400, np.nan), quantiles, actual).coverage_80 is None


def test_a_new_model_is_taken_only_if_it_is_no_worse() -> None:
    actual, quantiles = normal(40 * 24, 3)
    y, good = actual.reshape(40, 24), quantiles.reshape(40, 24, 7)
    assert contest(y, good + 3, good).taken
    assert contest(y, good, good).taken
    refused = contest(y, good, good + 3)
    assert not refused.taken
    assert refused.candidate_loss > refused.current_loss
    assert refused.verdict is ContestVerdict.WORSE


def test_days_before_the_last_28_don_t_decide_and_too_few_keep_what_is() -> None:
    actual, quantiles = normal(40 * 24, 3)
    y, good = actual.reshape(40, 24), quantiles.reshape(40, 24, 7)
    once_bad = good.copy()
    once_bad[:12] += 500
    assert contest(y, good, once_bad).taken
    few = contest(y[:10], good[:10] + 5, good[:10])
    assert (few.verdict, few.hours, few.taken) == (ContestVerdict.TOO_FEW_HOURS, 240, False)
