"""Cold-load pick-up: its course against the delayed exponential by hand."""

import numpy as np
import pytest

from grid.network import Energy
from grid.protection.cold_load import CLASS_PICK_UP, ColdLoadModel, PickUp, waits_to_reconnect

PLAIN = ColdLoadModel(
    by_class={"home": PickUp(factor=3.0, gain_minutes=30.0, hold_minutes=20.0, decay_minutes=60.0)},
    others=PickUp(factor=1.0, gain_minutes=30.0, hold_minutes=0.0, decay_minutes=10.0),
)


def test_a_long_interruption_holds_and_then_decays() -> None:
    factor = PLAIN.factor(["home"], 1e6, np.array([[0.0], [20.0], [80.0], [1e6]]))
    np.testing.assert_allclose(factor[:, 0], [3, 3, 1 + 2 / np.e, 1], atol=1e-9)


def test_the_excess_grows_with_the_interruption() -> None:
    first = PLAIN.factor(["home"] * 4, np.array([0.0, 30.0, 60.0, 1e6]), 0.0)
    np.testing.assert_allclose(first, [1, 1 + 2 * (1 - np.exp(-1)), 1 + 2 * (1 - np.exp(-2)), 3])
    assert (PLAIN.factor(["no such class"], 90.0, np.arange(30.0)[:, None]) == 1).all()


def test_loads_that_were_never_dark_take_what_they_take() -> None:
    factor = PLAIN.factor(["home", "home"], np.array([60.0, 60.0]), np.array([np.inf, 0.0]))
    assert factor[0] == 1
    assert factor[1] > 1


def test_the_expected_demand_is_the_course_times_the_factor_and_scales() -> None:
    course, minutes = np.array([[2.0, 1.0], [4.0, 1.0]]), np.array([0.0, 80.0])
    found = PLAIN.expected_mw(["home", "other"], np.array([1e6, 1e6]), course, minutes)
    np.testing.assert_allclose(found, [[6.0, 1.0], [4 * (1 + 2 / np.e), 1.0]])
    none = ColdLoadModel(scale=0.0).expected_mw(["residential", ""], np.array([90.0, 90.0]), course, minutes)
    np.testing.assert_array_equal(none, course)


@pytest.mark.parametrize("profile", CLASS_PICK_UP)
def test_every_class_falls_monotonously_to_its_diversified_demand(profile: str) -> None:
    factor = ColdLoadModel().factor([profile], 120.0, np.arange(0.0, 600.0, 5.0)[:, None])[:, 0]
    assert (np.diff(factor) <= 0).all()
    assert factor[0] > 1
    assert factor[-1] == pytest.approx(1, abs=0.01)


def test_what_stands_for_a_grid_doesnt_wait() -> None:
    waits = waits_to_reconnect([Energy.GRID, Energy.PV, Energy.THERMAL], np.array([False, False, True]))
    assert waits.tolist() == [False, True, False]
