"""What failures would interrupt in the mean of a week: a year's failures come at any hour, and not at this one."""

from datetime import datetime, timedelta

import numpy as np

from grid.network import BoolArray, FloatArray
from ml.maintenance.model.week import TIME_CONSTANT_DAYS


class UsualInterruption:
    """Mean demand behind each of m branches, with weights that fall by 1/e in seven days. Not thread-safe.

    It is of the branches that are closed: once others are, what is behind a branch is another thing, and the mean
    begins with that moment.
    """

    def __init__(self) -> None:
        self._closed: BoolArray | None = None
        self._time: datetime | None = None
        self._mean: FloatArray = np.zeros(0)
        self._days = 0.0  # that the mean stands for

    def take(self, interrupted_mw: FloatArray, closed: BoolArray, time: datetime) -> FloatArray:
        """(m,) the mean with what failures would interrupt at a simulated time, MW (m,), by what is closed (m,)."""
        if self._closed is None or self._time is None or not np.array_equal(closed, self._closed):
            self._closed, self._time = closed.copy(), time
            self._mean, self._days = interrupted_mw.copy(), 0.0
            return self._mean
        days = max(time - self._time, timedelta(0)) / timedelta(days=1)
        kept = np.exp(-days / TIME_CONSTANT_DAYS)
        weight = TIME_CONSTANT_DAYS * (1 - kept)  # of the time since, and what is left of that before
        before = kept * self._days
        self._days = before + weight
        if self._days > 0:
            self._mean = (before * self._mean + weight * interrupted_mw) / self._days
        self._time = time
        return self._mean
