"""Limits with deadband and delays, for all assets of a rule at once.

What is annunciated and who has acknowledged it is the business of grid.alarms.book; this module only says for
which assets the condition begins and ends.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max
_MICROSECOND = timedelta(microseconds=1)


class Direction(StrEnum):
    """On which side of its limits a value is abnormal."""

    ABOVE = "above"
    BELOW = "below"
    OUTSIDE = "outside"


class LimitWatch:
    """The memory of one rule over n assets.

    in_alarm: (n,) bool, the condition holds. value, limit: (n,) the latest known value in alarm (or on
    return) and the limit it is compared with, NaN for assets that never were in alarm. is_low: (n,) bool, it
    is the low limit.
    """

    def __init__(self, size: int, deadband: float, on_delay: timedelta, off_delay: timedelta) -> None:
        self.in_alarm: BoolArray = np.zeros(size, dtype=bool)
        self.is_low: BoolArray = np.zeros(size, dtype=bool)
        self.value: FloatArray = np.full(size, np.nan)
        self.limit: FloatArray = np.full(size, np.nan)
        self._deadband = deadband
        self._delay = (on_delay // _MICROSECOND, off_delay // _MICROSECOND)
        self._origin: datetime | None = None
        self._since: IntArray = np.full(size, _NEVER)

    def update(self, values: FloatArray, low: FloatArray, high: FloatArray, time: datetime) -> tuple[IntArray, bool]:
        """Take one scan; return the positions whose condition began or ended, and whether any record changed.

        values, low, high: (n,) in one unit; no limit is -inf or +inf, an unknown value or limit is NaN. What
        is unknown neither begins nor ends a condition: it leaves the on-delay running (a lost reading must
        not put off an alarm) and starts the off-delay anew (a return needs readings that are back for all
        that time).
        """
        beyond = (values < low) | (values > high)
        inside = (values >= low + self._deadband) & (values <= high - self._deadband)
        known = ~(np.isnan(values) | np.isnan(low) | np.isnan(high))
        changed = self._changed(beyond & known, inside & known, known, time)
        was_in_alarm = self.in_alarm.copy()
        self.in_alarm[changed] ^= True
        shown = np.flatnonzero(known & (was_in_alarm | self.in_alarm))
        return changed, self._record(shown, values, low, high)

    def _changed(self, beyond: BoolArray, inside: BoolArray, known: BoolArray, time: datetime) -> IntArray:
        """Run the delays; return the positions at which one has passed."""
        self._origin = self._origin or time
        now = (time - self._origin) // _MICROSECOND
        toward_change = np.where(self.in_alarm, inside, beyond)
        keeps = toward_change | ~(known | self.in_alarm)
        self._since[~keeps] = _NEVER
        self._since[toward_change] = np.minimum(self._since[toward_change], now)
        delay = np.where(self.in_alarm, self._delay[1], self._delay[0])
        changed = np.flatnonzero(toward_change & (now - self._since >= delay))
        self._since[changed] = _NEVER
        return changed

    def _record(self, shown: IntArray, values: FloatArray, low: FloatArray, high: FloatArray) -> bool:
        """Keep value and limit of the shown positions; return whether one of them is new."""
        value, is_low = values[shown], self.is_low[shown]
        is_low = (value < low[shown]) | (is_low & ~(value > high[shown]))
        limit = np.where(is_low, low[shown], high[shown])
        is_new = bool(((value != self.value[shown]) | (limit != self.limit[shown])).any())
        self.value[shown], self.limit[shown], self.is_low[shown] = value, limit, is_low
        return is_new


def both_limits(
    direction: Direction, size: int, low: FloatArray | None, high: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return (low, high), (size,) each, infinite on the side that is not watched.

    low, high: (size,) in one unit, or None. Raises ValueError when a side that is watched has no limits.
    """
    if direction is Direction.ABOVE:
        low = np.full(size, -np.inf)
    if direction is Direction.BELOW:
        high = np.full(size, np.inf)
    if low is None or high is None:
        missing = "low_limits" if low is None else "high_limits"
        raise ValueError(f"the direction {direction} needs {missing}")
    return low, high
