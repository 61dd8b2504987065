"""When within a week a job is done: on working days, at the weekend or in nights, and what the grid carries then.

A job that takes longer than a shift is split: the asset is back in service between shifts.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from grid.network import FloatArray, IntArray
from ml.maintenance.records import WorkTime
from ml.maintenance.schedule.terms import MaintenanceTerms

PROFILE_BEGINS = date(2026, 1, 1)  # whose days of the week grid.sources.demand.yearly_load_mw has
SATURDAY = 5


@dataclass(frozen=True)
class Shift:
    """Hours of the day at which work begins and ends, and on which days.

    weekend: on Saturday and Sunday, else from Monday to Friday. begin after end: over midnight.
    """

    begin: int
    end: int
    weekend: bool

    @property
    def hours(self) -> int:
        """Length."""
        return (self.end - self.begin) % 24

    def covers(self, hour: FloatArray) -> FloatArray:
        """(k,) whether hours of the day are within it."""
        if self.begin < self.end:
            return np.asarray((hour >= self.begin) & (hour < self.end))
        return np.asarray((hour >= self.begin) | (hour < self.end))


SHIFTS = {
    WorkTime.DAYS: Shift(7, 19, weekend=False),
    WorkTime.WEEKEND: Shift(7, 19, weekend=True),
    WorkTime.NIGHTS: Shift(22, 6, weekend=False),
}
TIMES = tuple(SHIFTS)
NEVER = -1  # instead of a place in TIMES
WorkLevels = tuple[tuple[FloatArray, ...], ...]
"""By time in TIMES and by week: the load over the present one at each of its moments."""


def shifts_of(hours: float, time: WorkTime) -> int:
    """How many shifts a job of so many hours takes."""
    return max(1, int(np.ceil(hours / SHIFTS[time].hours)))


def surcharge_of(place: IntArray, terms: MaintenanceTerms) -> FloatArray:
    """(...) share of its cost that each time in TIMES adds to a job; 0 for NEVER."""
    return np.append([terms.surcharge(time) for time in TIMES], 0.0)[place]


def cheapest_first(terms: MaintenanceTerms) -> tuple[int, ...]:
    """Places in TIMES by what they add to the cost of work."""
    return tuple(sorted(range(len(TIMES)), key=lambda place: terms.surcharge(TIMES[place])))


def moments_of(time: WorkTime, first_day: date, week: int, per_day: int) -> IntArray:
    """(k,) places of a week's moments within a time, in a year of per_day moments a day from 1 January."""
    begins = (first_day - date(first_day.year, 1, 1)).days + 7 * week
    place = np.arange(begins * per_day, (begins + 7) * per_day) % (365 * per_day)
    day, hour = place // per_day, 24.0 * (place % per_day) / per_day
    weekend = np.array([(PROFILE_BEGINS + timedelta(days=int(one))).weekday() >= SATURDAY for one in day])
    shift = SHIFTS[time]
    return np.asarray(place[shift.covers(hour) & (weekend == shift.weekend)])


def work_levels(yearly_mw: FloatArray, first_day: date, n_week: int, present_mw: float) -> WorkLevels:
    """Load over the present one at all moments of each of TIMES in each week.

    yearly_mw: (k,) total load at moments spread evenly over a year from 1 January (grid.sources.demand.yearly_load_mw),
    at least every three hours. first_day of the first week. present_mw: the load that the present injection takes,
    above 0, else ValueError.
    """
    if present_mw <= 0:
        raise ValueError(f"present_mw is {present_mw}; levels are shares of a load that there is")
    per_day = len(yearly_mw) // 365
    return tuple(
        tuple(yearly_mw[moments_of(time, first_day, week, per_day)] / present_mw for week in range(n_week))
        for time in TIMES
    )
