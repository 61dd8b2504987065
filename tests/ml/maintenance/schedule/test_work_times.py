"""When within a week work is done: the moments of each time, their loads, shifts and surcharges."""

from datetime import date, timedelta

import numpy as np
import pytest

from grid.sources.demand import yearly_load_mw
from ml.maintenance.records import WorkTime
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER, SHIFTS, TIMES, moments_of, shifts_of, surcharge_of, work_levels
from tests.cases import shared_case

MONDAY = date(2026, 1, 5)


def told(time: WorkTime, week: int = 0, per_day: int = 24) -> list[tuple[str, int]]:
    """Weekday and hour of each moment."""
    year = date(2026, 1, 1)
    return [
        ((year + timedelta(days=int(place) // per_day)).strftime("%a"), 24 * (int(place) % per_day) // per_day)
        for place in moments_of(time, MONDAY, week, per_day)
    ]


def test_working_days_weekends_and_nights_have_their_hours() -> None:
    assert told(WorkTime.DAYS) == [(day, hour) for day in ("Mon", "Tue", "Wed", "Thu", "Fri") for hour in range(7, 19)]
    assert told(WorkTime.WEEKEND) == [(day, hour) for day in ("Sat", "Sun") for hour in range(7, 19)]
    nights = told(WorkTime.NIGHTS)
    assert {hour for _, hour in nights} == {22, 23, 0, 1, 2, 3, 4, 5}
    assert {day for day, _ in nights} == {"Mon", "Tue", "Wed", "Thu", "Fri"}


def test_moments_of_three_hours_and_of_the_turn_of_the_year_are_there() -> None:
    assert {hour for _, hour in told(WorkTime.DAYS, per_day=8)} == {9, 12, 15, 18}
    assert {hour for _, hour in told(WorkTime.NIGHTS, per_day=8)} == {0, 3}
    days = set((moments_of(WorkTime.DAYS, date(2026, 12, 28), 0, 24) // 24).tolist())
    assert days == {361, 362, 363, 364, 0, 1}  # from Monday on; 1 January is a Thursday of the profile's year again


def test_levels_are_those_of_their_moments() -> None:
    yearly = np.arange(365 * 24.0)
    levels = work_levels(yearly, MONDAY, 2, 10.0)
    for place, time in enumerate(TIMES):
        for week in range(2):
            moments = yearly[moments_of(time, MONDAY, week, 24)]
            np.testing.assert_allclose(levels[place][week], moments / 10)
    with pytest.raises(ValueError, match="present_mw"):
        work_levels(yearly, MONDAY, 3, 0.0)


def test_a_case_carries_less_at_night_and_at_the_weekend() -> None:
    network = shared_case("city8").network
    levels = work_levels(yearly_load_mw(network.load, None), MONDAY, 26, float(network.load.p_mw.sum()))
    days, weekend, nights = np.array([[week.max() for week in weeks] for weeks in levels])
    assert (nights < weekend).all()
    assert (weekend < days).all()
    assert days[0] > days[20]  # winter


def test_a_job_takes_as_many_shifts_as_its_hours_need() -> None:
    assert [shifts_of(hours, WorkTime.NIGHTS) for hours in (0.5, 8, 8.5, 20)] == [1, 1, 2, 3]
    assert [shifts_of(hours, WorkTime.DAYS) for hours in (12, 20)] == [1, 2]
    assert SHIFTS[WorkTime.NIGHTS].hours == 8


def test_each_time_is_dearer_than_the_one_before() -> None:
    surcharges = surcharge_of(np.array([*range(len(TIMES)), NEVER]), MaintenanceTerms())
    assert (np.diff(surcharges[:-1]) > 0).all()
    assert (surcharges[0], surcharges[-1]) == (0.0, 0.0)
