"""Each world of the benchmark really differs from the usual one, and leaves it as it was."""

import numpy as np
import pytest

from ml.maintenance.fleet.fleet import FleetData, simulate
from tests.benchmarks.fleet_shifts import HIGH_KV, SHIFTS, Shift


def fleet_in(shift: Shift) -> FleetData:
    with shift.world():
        return simulate(40, 1, np.random.default_rng(5), 13)


@pytest.fixture(scope="module")
def usual() -> FleetData:
    return fleet_in(SHIFTS[0])


@pytest.mark.parametrize("shift", SHIFTS[1:], ids=lambda shift: shift.name)
def test_a_world_differs_and_is_left_again(usual: FleetData, shift: Shift) -> None:
    found, again = fleet_in(shift), simulate(40, 1, np.random.default_rng(5), 13)
    assert not np.allclose(found.rate_per_year[0], usual.rate_per_year[0]) or not found.features.equals(usual.features)
    np.testing.assert_array_equal(again.rate_per_year, usual.rate_per_year)
    assert again.features.equals(usual.features)


def test_what_is_shifted_is_what_the_name_says(usual: FleetData) -> None:
    by = {shift.name: shift for shift in SHIFTS}
    twice = fleet_in(by["true rate x 2"])
    np.testing.assert_allclose(twice.rate_per_year[0], 2 * usual.rate_per_year[0])
    vibrating = fleet_in(by["vibration + 50 %"]).features["vibration_ratio"]
    first = usual.week == usual.week.min()
    np.testing.assert_allclose(vibrating[first], 1.5 * usual.features["vibration_ratio"][first])
    hotter = fleet_in(by["climate + 8 K"]).features["ambient_c"]
    assert (hotter - usual.features["ambient_c"])[first].mean() == pytest.approx(8, abs=0.5)
    assert set(fleet_in(by["coast"]).features["location"]) == {"coastal"}
    assert HIGH_KV.min() > 100
