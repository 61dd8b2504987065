import numpy as np
import pytest

from ml.forecasting.model.widths import stretched, width_factors
from ml.forecasting.records import LEVELS

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
WHOLE = np.ones(365, bool)


@pytest.mark.parametrize("true_width", [0.5, 1.0, 1.4])
def test_bands_cover_in_the_long_run_whatever_their_width_was(true_width: float) -> None:
    rng = np.random.default_rng(1)
    actual = true_width * (rng.normal(0, 0.7, (365, 48)) + rng.normal(0, 0.71, (365, 1)))  # days differ as a whole
    issued = np.empty((365, 48, len(LEVELS)))
    for i in range(365):
        known = actual[:i].copy()
        known[-1:, 24:] = np.nan  # of yesterday's issue the second day hasn't ended
        issued[i] = stretched(np.broadcast_to(NORMAL, (48, 7)), width_factors(known, issued[:i], WHOLE[:i]))
    for lead in (slice(0, 24), slice(24, 48)):
        inside = (actual[:, lead] >= issued[:, lead, 0]) & (actual[:, lead] <= issued[:, lead, -1])
        assert 100 * inside[100:].mean() == pytest.approx(90, abs=1.5)


def test_a_debt_of_bands_before_they_were_calibrated_is_not_paid_back() -> None:
    issued = np.broadcast_to(NORMAL, (60, 48, 7)).copy()
    actual = np.zeros((60, 48))
    actual[:30] = 9.0  # above all
    late = np.arange(60) >= 30
    assert (width_factors(actual, issued, late)[:, [0, 6]] < 1).all()
    assert (width_factors(actual, issued, WHOLE[:60])[:, [0, 6]] > 1).all()


def test_days_that_were_missed_widen_bands_at_once_most_on_their_side_and_are_soon_forgotten() -> None:
    issued = np.broadcast_to(NORMAL, (40, 48, 7)).copy()
    actual = np.tile(NORMAL[[1, 2, 3, 3, 4, 5]] * 0.99, (40, 8))
    none = np.zeros(40, bool)
    before = width_factors(actual, issued, none)
    actual[39] = 9.0
    missed = width_factors(actual, issued, none)
    assert (missed[:, [4, 5, 6]] > before[:, [4, 5, 6]]).all()
    assert (missed[:, 6] > missed[:, 0]).all()
    actual[39], actual[25] = actual[38], 9.0
    np.testing.assert_allclose(width_factors(actual, issued, none), before, rtol=0.01)


def test_zeros_where_quantiles_are_zero_keep_bands_that_say_so() -> None:
    # three in eight values are zero, and three quantiles tie with them
    drawn = np.random.default_rng(3).random((60, 48)) - 0.375
    issued, actual = np.broadcast_to(np.maximum(LEVELS - 0.375, 0), (60, 48, 7)), np.maximum(drawn, 0)
    np.testing.assert_allclose(width_factors(actual, issued, WHOLE[:60]), 1, atol=0.3)
    wider, narrower = (width_factors(share * actual, issued, WHOLE[:60])[:, 6] for share in (1.2, 0.8))
    assert (wider > 1.2).all()
    assert (narrower < 0.9).all()


def test_what_is_unknown_or_certain_stretches_nothing() -> None:
    issued = np.broadcast_to(NORMAL, (30, 48, 7)).copy()
    np.testing.assert_array_equal(width_factors(np.full((30, 48), np.nan), issued, WHOLE[:30]), 1)
    issued[:, :24] = 5.0
    np.testing.assert_array_equal(width_factors(np.full((30, 48), 9.0), issued, WHOLE[:30])[:24], 1)
    np.testing.assert_array_equal(width_factors(np.zeros((0, 48)), issued[:0], WHOLE[:0]), 1)


def test_the_median_stays_and_quantiles_stay_sorted() -> None:
    factors = np.exp(np.random.default_rng(2).normal(0, 1, (48, 7)))
    found = stretched(np.broadcast_to(NORMAL, (48, 7)), factors)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_array_equal(found[:, 3], 0)
