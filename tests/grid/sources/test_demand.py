"""A year of load: classes, unknown classes, and a case's own profiles."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from grid.cases.case import Profiles
from grid.network import Loads
from grid.sources.clock import clock_at, hourly_clock
from grid.sources.demand import CLASS_SHARES, CLASSES, class_shapes, profile_row, yearly_load_mw
from grid.sources.weather import season_c

STEPS = 35_136  # quarter hours of a leap year


def loads(*profiles: str, p_mw: float = 2.0) -> Loads:
    count = len(profiles)
    power = np.full(count, p_mw)
    return Loads(tuple(f"Load {k}" for k in range(count)), np.arange(count), power, 0.3 * power, profiles)


def profiles_of(**load_p: np.ndarray) -> Profiles:
    return Profiles(15, load_p, load_p, {})


@pytest.mark.parametrize("position", range(3))
def test_a_class_takes_the_mean_of_its_shape(position: int) -> None:
    year = yearly_load_mw(loads(CLASSES[position]), None)
    hours = [
        datetime(2026, month, day, hour) for month in range(1, 13) for day in (3, 9, 15, 21, 27) for hour in range(24)
    ]
    expected = 2 * np.mean([class_shapes(clock_at(hour), season_c(clock_at(hour)))[position] for hour in hours])
    assert year.mean() == pytest.approx(expected, rel=0.05)
    assert year.min() >= 2 * 0.2
    assert year.max() <= 2 * 1.1


def test_moments_cover_the_year_evenly() -> None:
    year = yearly_load_mw(loads("residential"), None)
    assert len(year) == 365 * 8
    by_day = year.reshape(365, 8)
    assert by_day.std(axis=1).min() > 0  # day and night differ
    assert by_day[:31].mean() > by_day[120:150].mean()  # so do winter and spring


def test_classes_add_up_and_unknown_ones_take_their_mean() -> None:
    alone = np.array([yearly_load_mw(loads(name), None) for name in CLASSES])
    np.testing.assert_allclose(yearly_load_mw(loads(*CLASSES), None), alone.sum(axis=0))
    np.testing.assert_allclose(yearly_load_mw(loads(""), None), CLASS_SHARES @ alone)
    np.testing.assert_allclose(yearly_load_mw(loads("residential", p_mw=6.0), None), 3 * alone[0])


def test_no_load_is_a_year_of_nothing() -> None:
    assert (yearly_load_mw(loads(), None) == 0).all()
    assert (yearly_load_mw(loads(), profiles_of()) == 0).all()


def test_a_profile_is_replayed_from_the_first_of_january() -> None:
    ramp = np.arange(STEPS) / STEPS
    year = yearly_load_mw(loads("H0"), profiles_of(H0=ramp))
    assert len(year) == 365 * 8
    assert year[0] == 0
    assert year[1] == pytest.approx(2 * 12 / STEPS)  # three hours are twelve steps
    assert (np.diff(year) > 0).all()
    assert year.mean() == pytest.approx(2 * ramp.mean(), rel=1e-2)


def test_a_load_without_a_profile_stays_at_its_own_power() -> None:
    half = profiles_of(H0=np.full(STEPS, 0.5))
    np.testing.assert_allclose(yearly_load_mw(loads("H0", "nowhere"), half), 2 * 0.5 + 2)


def test_a_shorter_profile_begins_anew() -> None:
    day = np.repeat([0.2, 0.8], 48)
    year = yearly_load_mw(loads("H0"), profiles_of(H0=day))
    np.testing.assert_allclose(year.reshape(365, 8), np.tile(2 * np.repeat([0.2, 0.8], 4), (365, 1)))


def test_a_years_rows_are_those_that_the_simulator_replays() -> None:
    rng = np.random.default_rng(1)
    shape = rng.uniform(0, 1, STEPS)
    year = yearly_load_mw(loads("H0"), profiles_of(H0=shape))
    for step, moment in ((0, datetime(2026, 1, 1)), (8 * 59, datetime(2026, 3, 1)), (2919, datetime(2026, 12, 31, 21))):
        assert year[step] == pytest.approx(2 * shape[profile_row(moment, 15)])


def test_a_course_of_hours_is_its_moments_one_by_one() -> None:
    start = datetime(2027, 12, 30)
    course = hourly_clock(start, 96)
    for hour in range(96):
        moment = clock_at(start + timedelta(hours=hour))
        assert (course.day[hour], course.hour[hour], course.weekend[hour]) == (moment.day, moment.hour, moment.weekend)
