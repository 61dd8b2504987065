"""What failures would interrupt in the mean of a week: a year's failures come at any hour, and not at this one."""

from datetime import datetime, timedelta

import numpy as np

from grid.network import BoolArray, FloatArray
from ml.maintenance.model.week import ForgettingMeans

FIRST_LOOK_DAYS = 1 / 96  # that a first look stands for: a quarter of an hour


class UsualInterruption:
    """Mean demand behind each of m branches, with weights that fall by 1/e in seven days. Not thread-safe.

    It is of the branches that are closed: once others are, what is behind a branch is another thing, and the mean
    begins with that moment.
    """

    def __init__(self) -> None:
        self._closed: BoolArray | None = None
        self._time: datetime | None = None
        self._means = ForgettingMeans(1, 0)

    def take(self, interrupted_mw: FloatArray, closed: BoolArray, time: datetime) -> FloatArray:
        """(m,) the mean with what failures would interrupt at a simulated time, MW (m,), by what is closed (m,)."""
        if self._closed is None or self._time is None or not np.array_equal(closed, self._closed):
            self._closed, self._means = closed.copy(), ForgettingMeans(1, len(closed))
            days = FIRST_LOOK_DAYS
        else:
            days = max(time - self._time, timedelta(0)) / timedelta(days=1)
        self._time = time
        self._means.take(interrupted_mw[None], days)
        return np.asarray(self._means.now()[0])
