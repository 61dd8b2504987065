"""Recalibration against chances that are known to be off, and what it does where there is little to go by."""

import numpy as np
import pytest
from scipy.special import expit, logit

from grid.network import FloatArray
from ml.forecasting.quality.lookahead_calibration import BINS, EDGES, Recalibration, bin_of, recalibration

Counts = tuple[FloatArray, FloatArray, FloatArray]


def counts(days: int, shift: float, slope: float, of_day: float = 0.0, cases: int = 2000, seed: int = 3) -> Counts:
    """Cases by day and bin whose true log-odds are slope times those said, plus shift, plus a day's own deviation."""
    rng = np.random.default_rng(seed)
    found = np.zeros((3, days, BINS))
    for day in range(days):
        said = expit(rng.normal(-4, 2, cases))
        came = rng.random(cases) < expit(slope * logit(said) + shift + of_day * rng.standard_normal())
        for place, weights in enumerate((np.ones(cases), said, came.astype(float))):
            found[place, day] = np.bincount(bin_of(said), weights, BINS)
    return found[0], found[1], found[2]


def test_bins_hold_what_lies_between_their_edges() -> None:
    np.testing.assert_array_equal(bin_of(EDGES), [*range(BINS), BINS - 1])
    assert (np.diff(bin_of(np.linspace(0, 1, 5000))) >= 0).all()


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (-1.0, 1.0), (0.5, 0.7), (-0.5, 1.4)])
def test_what_is_off_is_found_where_there_are_many_days(shift: float, slope: float) -> None:
    found = recalibration(*counts(60, shift, slope), Recalibration())
    assert found.is_known
    said = np.array([0.01, 0.05, 0.3, 0.8])
    np.testing.assert_allclose(logit(found.of(said)), slope * logit(said) + shift, atol=0.25)


def test_little_data_leaves_what_was_believed() -> None:
    before = Recalibration(shift=-0.2, slope=1.1, is_known=True)
    assert recalibration(*counts(13, -2, 1), before) == Recalibration(shift=-0.2, slope=1.1)
    cases, said, came = counts(60, 0, 1)
    assert not recalibration(cases, said, np.zeros_like(came), before).is_known
    assert not recalibration(np.zeros_like(cases), np.zeros_like(said), np.zeros_like(came), before).is_known


def test_days_that_differ_are_believed_less_than_as_many_independent_cases() -> None:
    alike = recalibration(*counts(20, -1, 1), Recalibration())
    off = [abs(recalibration(*counts(20, 0, 1, of_day=1.5, seed=seed), Recalibration()).shift) for seed in range(20)]
    assert alike.shift < -0.7
    assert np.mean(off) < 0.4


def test_order_and_certainty_stay() -> None:
    found = Recalibration(shift=0.8, slope=0.5, is_known=True)
    said = np.linspace(0, 1, 2001)
    told = found.of(said)
    assert (np.diff(told[said >= 1e-4]) > 0).all()
    assert (told[0], told[-1]) == (0, 1)
    assert np.isnan(found.of(np.array([np.nan]))).all()
    np.testing.assert_allclose(Recalibration().of(said), said, atol=1e-12)
