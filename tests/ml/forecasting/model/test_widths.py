import numpy as np
import pytest

from ml.forecasting.model.widths import stretched, width_factors
from ml.forecasting.records import LEVELS

NORMAL = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])


@pytest.mark.parametrize("true_width", [0.5, 1.0, 1.4])
def test_bands_cover_in_the_long_run_whatever_their_width_was(true_width: float) -> None:
    rng = np.random.default_rng(1)
    actual = true_width * (rng.normal(0, 0.7, (365, 48)) + rng.normal(0, 0.71, (365, 1)))  # days differ as a whole
    issued = np.empty((365, 48, len(LEVELS)))
    for i in range(365):
        known = actual[:i].copy()
        known[-1:, 24:] = np.nan  # of yesterday's issue the second day hasn't ended
        issued[i] = stretched(np.broadcast_to(NORMAL, (48, 7)), width_factors(known, issued[:i]))
    for lead in (slice(0, 24), slice(24, 48)):
        inside = (actual[:, lead] >= issued[:, lead, 0]) & (actual[:, lead] <= issued[:, lead, -1])
        assert 100 * inside[100:].mean() == pytest.approx(90, abs=1.5)


def test_what_is_unknown_certain_or_at_a_quantile_stretches_nothing() -> None:
    issued = np.broadcast_to(np.maximum(NORMAL, 0), (30, 48, 7)).copy()
    zero = width_factors(np.zeros((30, 48)), issued)
    np.testing.assert_allclose(zero[:, :4], 1)  # zero is where these quantiles are
    assert (zero[:, 4:] < 1).all()
    np.testing.assert_array_equal(width_factors(np.full((30, 48), np.nan), issued), 1)
    issued[:, :24] = 5.0
    np.testing.assert_array_equal(width_factors(np.full((30, 48), 9.0), issued)[:24], 1)
    np.testing.assert_array_equal(width_factors(np.zeros((0, 48)), issued[:0]), 1)


def test_the_median_stays_and_quantiles_stay_sorted() -> None:
    factors = np.exp(np.random.default_rng(2).normal(0, 1, (48, 7)))
    found = stretched(np.broadcast_to(NORMAL, (48, 7)), factors)
    assert (np.diff(found, axis=1) >= 0).all()
    np.testing.assert_array_equal(found[:, 3], 0)
