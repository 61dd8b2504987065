"""A grid's own failures: doubled and halved rates are noticed, usual ones aren't, and few failures change little."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grid.assets.failure_log import FailureLog
from ml.maintenance.own_failures import PRIOR_FAILURES, own_failures, rate_change
from ml.maintenance.records import RateChange

SINCE, NOW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
RATE = np.array([0.5, 1.0, 2.5, np.nan, 9.0])
IS_ASSET = np.array([True, True, True, True, False])
LOGS = 400


def log_of(days: list[float], branch: int = 0) -> FailureLog:
    time = np.array([SINCE.replace(tzinfo=None) + timedelta(days=day) for day in days], dtype="datetime64[s]")
    return FailureLog(SINCE, np.full(len(days), branch, dtype=np.int64), time)


def steps(rng: np.random.Generator, ratio: float, failures: int) -> np.ndarray:
    """Failures expected until each of so many at a rate that is another one, and none since."""
    return np.append(rng.exponential(1 / ratio, failures), 0.0)


def noticed(ratio: float, failures: int) -> dict[RateChange | None, float]:
    """How often which change is seen by the end of so many failures."""
    rng = np.random.default_rng(1)
    found = [rate_change(steps(rng, ratio, failures)) for _ in range(LOGS)]
    return {change: found.count(change) / LOGS for change in (*RateChange, None)}


def test_a_rate_that_has_doubled_is_noticed_within_60_failures() -> None:
    assert noticed(ratio=2.0, failures=60)[RateChange.HIGHER] > 0.97


def test_a_rate_that_has_halved_is_noticed_within_60_expected() -> None:
    assert noticed(ratio=0.5, failures=30)[RateChange.LOWER] > 0.85


@pytest.mark.parametrize("failures", [5, 60])
def test_rates_that_are_right_raise_few_alarms(failures: int) -> None:
    assert noticed(ratio=1.0, failures=failures)[None] > 0.93


def test_no_failure_at_all_is_noticed_too() -> None:
    assert rate_change(np.array([5.0])) is None
    assert rate_change(np.array([20.0])) is RateChange.LOWER
    assert rate_change(np.array([0.0])) is None


def test_an_alarm_ends_when_failures_are_as_expected_again() -> None:
    bad = np.full(40, 0.3)
    assert rate_change(np.append(bad, 0.0)) is RateChange.HIGHER
    assert rate_change(np.concatenate([bad, np.full(200, 1.0), [0.0]])) is None


def test_the_factor_moves_from_one_to_what_the_log_says() -> None:
    expected = 4.0 * 2192 / 365
    few = own_failures(log_of([]), RATE, IS_ASSET, SINCE + timedelta(days=3))
    many = own_failures(log_of(list(np.linspace(1, 2190, 50))), RATE, IS_ASSET, NOW)
    assert few is not None
    assert many is not None
    assert few.factor == pytest.approx(1.0, abs=0.01)
    assert few.low < 0.4
    assert few.high > 2.0
    assert many.failures == 50
    assert many.expected == pytest.approx(expected, rel=1e-6)
    assert many.factor == pytest.approx((PRIOR_FAILURES + 50) / (PRIOR_FAILURES + many.expected))
    assert many.low < many.factor < many.high
    assert many.change is RateChange.HIGHER


def test_the_interval_covers_the_truth_of_its_prior() -> None:
    rng, inside = np.random.default_rng(2), 0
    for _ in range(LOGS):
        factor = rng.gamma(PRIOR_FAILURES) / PRIOR_FAILURES
        days = np.sort(rng.uniform(0, 2192, rng.poisson(factor * 4.0 * 2192 / 365)))
        found = own_failures(log_of(days.tolist()), RATE, IS_ASSET, NOW)
        assert found is not None
        inside += found.low < factor < found.high
    assert 0.92 < inside / LOGS < 0.98


def test_what_has_no_rate_is_no_asset_or_has_not_happened_yet_does_not_count() -> None:
    for branch in (3, 4):
        found = own_failures(log_of([10.0], branch), RATE, IS_ASSET, NOW)
        assert found is not None
        assert found.failures == 0
    later = own_failures(log_of([10.0, 40.0]), RATE, IS_ASSET, SINCE + timedelta(days=20))
    assert later is not None
    assert later.failures == 1
    assert own_failures(log_of([]), RATE, IS_ASSET, SINCE) is None
    assert own_failures(log_of([]), np.full(5, np.nan), IS_ASSET, NOW) is None
