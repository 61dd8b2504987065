"""What a moment, or a course of moments, means to demand and weather: day of the year, hour, weekend."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grid.network import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Clock:
    """Arrays of one shape: day of the year (1 on 1 January), local solar hour 0 to 24, Saturday or Sunday."""

    day: FloatArray
    hour: FloatArray
    weekend: BoolArray


def clock_at(time: datetime) -> Clock:
    """One moment, arrays of shape ()."""
    hour = time.hour + time.minute / 60
    return Clock(np.array(time.timetuple().tm_yday, float), np.array(hour), np.array(time.weekday() >= 5))


def hourly_clock(start: datetime, hours: int, step_hours: int = 1) -> Clock:
    """Moments from start, step_hours apart, arrays of shape (hours,)."""
    times = np.datetime64(start.replace(tzinfo=None), "h") + step_hours * np.arange(hours)
    days = times.astype("datetime64[D]")
    day = (days - times.astype("datetime64[Y]").astype("datetime64[D]")).astype(float) + 1
    weekend = (days.astype(np.int64) + 3) % 7 >= 5  # 1970 began on a Thursday, and Monday is 0
    return Clock(day, (times - days).astype(float), weekend)
