"""What failures would interrupt in the mean of a week."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.maintenance.interruption import UsualInterruption

START = datetime(2026, 1, 5, tzinfo=UTC)
CLOSED = np.array([True, True, False])


def day(hour: float) -> np.ndarray:
    """Demand behind three branches that swings by half of its mean through a day, MW."""
    return np.array([10.0, 2.0, 0.0]) * (1 + 0.5 * np.sin(2 * np.pi * hour / 24))


def test_after_a_week_the_hour_of_the_day_moves_it_by_a_few_percent() -> None:
    usual = UsualInterruption()
    said = [usual.take(day(h), CLOSED, START + timedelta(hours=h)) for h in range(14 * 24)]
    last = np.array(said[-24:])[:, 0]
    assert last.mean() == pytest.approx(10.0, rel=0.01)
    assert np.ptp(last) / last.mean() < 0.06


def test_steady_demand_is_what_it_says_however_long_the_cycles_are() -> None:
    usual, time = UsualInterruption(), START
    for minutes in (0, 1, 5, 600, 6000, 3):
        time += timedelta(minutes=minutes)
        assert usual.take(np.array([3.0, 0.0, 7.0]), CLOSED, time) == pytest.approx([3.0, 0.0, 7.0])


def test_one_look_weighs_no_more_than_the_time_that_it_stands_for() -> None:
    usual = UsualInterruption()
    for hours in range(72):
        usual.take(np.full(3, 4.0), CLOSED, START + timedelta(hours=hours))
    moved = usual.take(np.full(3, 8.0), CLOSED, START + timedelta(hours=72))
    assert moved == pytest.approx(np.full(3, 4.0), rel=0.02)


def test_it_begins_anew_once_other_branches_are_closed() -> None:
    usual = UsualInterruption()
    for hours in range(72):
        usual.take(day(6), CLOSED, START + timedelta(hours=hours))
    switched = np.array([True, False, True])
    assert usual.take(np.array([1.0, 0.0, 5.0]), switched, START + timedelta(hours=73)) == pytest.approx(
        [1.0, 0.0, 5.0]
    )


def test_a_clock_that_goes_back_adds_nothing() -> None:
    usual = UsualInterruption()
    usual.take(np.full(3, 4.0), CLOSED, START)
    usual.take(np.full(3, 4.0), CLOSED, START + timedelta(days=1))
    assert usual.take(np.full(3, 9.0), CLOSED, START) == pytest.approx(np.full(3, 4.0))
