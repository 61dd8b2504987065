"""What dark loads are expected to take, against the simulated grid's own course, which nobody sees then."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from grid.estimation.dark_loads import DarkLoads

START = datetime(2026, 3, 2, tzinfo=UTC)
STEP = timedelta(minutes=5)


def course(time: datetime) -> np.ndarray:
    """Two loads with a day of their own."""
    hour = time.hour + time.minute / 60
    return np.array([2 + np.sin(2 * np.pi * hour / 24), 5 + 3 * np.cos(2 * np.pi * hour / 24)])


def run(loads: DarkLoads, start: datetime, hours: float, dark: tuple[int, ...] = (), factor: float = 1.0) -> datetime:
    time = start
    while time < start + timedelta(hours=hours):
        time += STEP
        supplied = np.ones(2, dtype=bool)
        supplied[list(dark)] = False
        measured = np.where(supplied, factor * course(time), 0.0)
        loads.step(time, supplied, measured, 0.5 * measured)
    return time


def test_a_dark_load_follows_its_own_day_at_its_own_level() -> None:
    loads = DarkLoads(np.ones(2), np.ones(2))
    time = run(loads, START, 24)
    time = run(loads, time, 5.5, factor=1.2)  # today it takes a fifth more than yesterday
    for _ in range(8):
        time = run(loads, time, 0.5, dark=(0,))
        expected = 1.2 * course(time)
        assert loads.p_mw[0] == pytest.approx(expected[0], rel=0.03)
        assert loads.q_mvar[0] == pytest.approx(0.5 * expected[0], rel=0.03)
        assert loads.p_mw[1] == course(time)[1]  # supplied: as measured


def test_hours_before_the_start_are_taken_over() -> None:
    loads = DarkLoads(np.ones(2), np.ones(2))
    hourly = np.array([course(START - timedelta(hours=48 - k) + timedelta(minutes=30)) for k in range(48)])
    loads.remember(START - timedelta(hours=48), hourly)
    time = run(loads, START, 0.5)
    time = run(loads, time, 4, dark=(0, 1))
    np.testing.assert_allclose(loads.p_mw, course(time), rtol=0.02)


def test_without_a_known_day_the_last_value_stays() -> None:
    loads = DarkLoads(np.ones(2), np.ones(2))
    assert loads.p_mw.tolist() == [1, 1]
    time = run(loads, START, 0.5)
    last = loads.p_mw.copy()
    run(loads, time, 3, dark=(0, 1))
    np.testing.assert_array_equal(loads.p_mw, last)


def test_pick_up_is_no_part_of_the_course() -> None:
    loads = DarkLoads(np.ones(2), np.ones(2))
    time = run(loads, START, 30)
    time = run(loads, time, 1, dark=(0,))
    time = run(loads, time, 0.5, factor=2.5)  # it is back and takes far more for a while
    assert loads.p_mw[0] == pytest.approx(2.5 * course(time)[0])
    time = run(loads, time, 0.5, dark=(0,))
    assert loads.p_mw[0] == pytest.approx(course(time)[0], rel=0.03)
