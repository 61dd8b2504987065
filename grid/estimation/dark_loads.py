"""What loads without supply would take: their own recent day goes on, at the level that they had before."""

from datetime import UTC, datetime, timedelta

import numpy as np

from grid.network import BoolArray, FloatArray

DAY = 24
HOUR = timedelta(hours=1)
SETTLING_MINUTES = 120.0  # after a return of supply: what loads take until then is pick-up, not their course


class DarkLoads:
    """Expects the demand of dark loads. Owned by the engine's thread.

    It keeps the last two days of each load by hour; an hour in which a load wasn't supplied throughout is that of the
    day before. A load that goes dark at a level p is expected at p times what it took 24 hours before now over what it
    took 24 hours before it went dark. Where that isn't known its last value stays. p_mw, q_mvar: (l,) of all loads.
    """

    def __init__(self, p_mw: FloatArray, q_mvar: FloatArray) -> None:
        """p_mw, q_mvar: (l,) what stands in for loads that have never had supply: the case's own."""
        self.p_mw, self.q_mvar = p_mw.copy(), q_mvar.copy()
        self._level_p, self._level_q = p_mw.copy(), q_mvar.copy()
        self._at_level = np.full(len(p_mw), np.nan)  # of the load 24 hours before the moment of the level
        self._hours = np.full((2 * DAY, len(p_mw)), np.nan)  # MW by number of the hour
        self._sum, self._count, self._steps = np.zeros(len(p_mw)), np.zeros(len(p_mw)), 0
        self._time: datetime | None = None
        self._since = np.full(len(p_mw), np.inf)  # minutes since supply returned

    def remember(self, start: datetime, hourly_mw: FloatArray) -> None:
        """Take over whole hours (h, l) that came before, MW, the first from start on; the last two days are kept."""
        for place, values in enumerate(hourly_mw):
            self._hours[(_number(start) + place) % (2 * DAY)] = values

    def step(self, time: datetime, supplied: BoolArray, p_mw: FloatArray, q_mvar: FloatArray) -> None:
        """Take what was measured. supplied: (l,); p_mw, q_mvar: (l,), of supplied loads alone."""
        minutes = 0.0 if self._time is None else (time - self._time) / timedelta(minutes=1)
        self._end_hours(time)
        self._time, self._since = time, np.where(supplied, self._since + minutes, 0.0)
        settled = supplied & (self._since > SETTLING_MINUTES)
        self._sum += np.where(settled, p_mw, 0.0)
        self._count += settled
        self._steps += 1
        yesterday = self._day_before(time)
        self._level_p = np.where(settled, p_mw, self._level_p)
        self._level_q = np.where(settled, q_mvar, self._level_q)
        self._at_level = np.where(settled, yesterday, self._at_level)
        known = ~supplied & np.isfinite(yesterday) & np.isfinite(self._at_level) & (np.abs(self._at_level) > 1e-9)
        ratio = np.ones(len(p_mw))
        np.divide(yesterday, self._at_level, out=ratio, where=known)
        self.p_mw = np.where(supplied, p_mw, self._level_p * ratio)
        self.q_mvar = np.where(supplied, q_mvar, self._level_q * ratio)

    def _end_hours(self, time: datetime) -> None:
        """Keep the means of the hours that have ended since the last step."""
        if self._time is None:
            return
        first, now = _number(self._time), _number(time)
        for hour in range(max(first, now - 2 * DAY), now):
            whole = (self._count == self._steps) & (hour == first) & (self._steps > 0)
            mean = np.divide(self._sum, self._count, out=np.zeros_like(self._sum), where=self._count > 0)
            self._hours[hour % (2 * DAY)] = np.where(whole, mean, self._hours[(hour - DAY) % (2 * DAY)])
        if now > first:
            self._sum[:], self._count[:], self._steps = 0.0, 0.0, 0

    def _day_before(self, time: datetime) -> FloatArray:
        """(l,) MW 24 hours before a moment, between the middles of hours."""
        middle = time - DAY * HOUR - 0.5 * HOUR
        share = (middle.minute * 60 + middle.second) / 3600
        hour = _number(middle)
        return np.asarray((1 - share) * self._hours[hour % (2 * DAY)] + share * self._hours[(hour + 1) % (2 * DAY)])


def _number(time: datetime) -> int:
    """Of the hour, counted from a fixed one."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // HOUR
