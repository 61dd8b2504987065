"""The reliability indices of IEEE Std 1366 of a running time, accumulated from what is supplied cycle by cycle."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from grid.network import BoolArray, FloatArray

LONGEST_MOMENTARY = timedelta(minutes=5)
"""Interruptions that last longer are sustained (IEEE Std 1366-2012, 3.14 and 3.25)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReliabilityIndices:
    """Indices of a time from start to end. Major event days (IEEE 1366, 3.5) aren't taken out: there are too few days.

    saifi, maifi: sustained and momentary interruptions of a mean customer. saidi_minutes: its minutes without supply in
    sustained interruptions. caidi_minutes: of a mean sustained interruption, NaN where there is none. Interruptions
    that still last count with what they have lasted. ens_mwh: energy not supplied, in all interruptions.
    """

    start: datetime
    end: datetime
    customers: float
    interrupted_now: float
    saifi: float
    saidi_minutes: float
    caidi_minutes: float
    maifi: float
    ens_mwh: float


@dataclass(frozen=True, eq=False, kw_only=True)
class InterruptionRecord:
    """What was interrupted since start, for each of l loads, (l,).

    dark: without supply at time; lasted_minutes: how long by then, 0 with supply. sustained, momentary: interruptions
    that have ended, of either kind. minutes: of those that were sustained. unserved_mw: power that the dark loads would
    take at time.
    """

    start: datetime
    time: datetime
    dark: BoolArray
    lasted_minutes: FloatArray
    sustained: FloatArray
    momentary: FloatArray
    minutes: FloatArray
    unserved_mw: float
    ens_mwh: float

    @classmethod
    def begin(cls, time: datetime, dark: BoolArray, expected_mw: FloatArray) -> "InterruptionRecord":
        """A record that begins now. dark: (l,), expected_mw: (l,) that loads take or would take.

        What is dark from the beginning, as loads that no closed branch reaches, counts from the beginning on.
        """
        zero = np.zeros(len(dark))
        return cls(
            start=time,
            time=time,
            dark=dark,
            lasted_minutes=zero,
            sustained=zero,
            momentary=zero,
            minutes=zero,
            unserved_mw=_unserved_mw(dark, expected_mw),
            ens_mwh=0.0,
        )

    def after(self, time: datetime, dark: BoolArray, expected_mw: FloatArray) -> "InterruptionRecord":
        """The record at a later moment; until then what was dark stayed dark.

        Energy is that of the mean of the powers at both moments for loads that are dark at both, else of the first.
        ValueError where time runs backwards.
        """
        if time < self.time:
            raise ValueError(f"time runs backwards, from {self.time} to {time}")
        hours = (time - self.time) / timedelta(hours=1)
        lasted = np.where(self.dark, self.lasted_minutes + 60 * hours, 0.0)
        ended = self.dark & ~dark
        is_sustained = lasted > LONGEST_MOMENTARY / timedelta(minutes=1)
        unserved_mw = _unserved_mw(dark, expected_mw)
        until_mw = 0.5 * (self.unserved_mw + unserved_mw) if np.array_equal(self.dark, dark) else self.unserved_mw
        return replace(
            self,
            time=time,
            dark=dark,
            lasted_minutes=np.where(dark, lasted, 0.0),
            sustained=self.sustained + (ended & is_sustained),
            momentary=self.momentary + (ended & ~is_sustained),
            minutes=self.minutes + np.where(ended & is_sustained, lasted, 0.0),
            unserved_mw=unserved_mw,
            ens_mwh=self.ens_mwh + until_mw * hours,
        )

    def indices(self, customers: FloatArray) -> ReliabilityIndices:
        """The indices by now. customers: (l,) of each load."""
        total = float(customers.sum())
        lasting = self.lasted_minutes > LONGEST_MOMENTARY / timedelta(minutes=1)
        interruptions = float(customers @ (self.sustained + lasting))
        minutes = float(customers @ (self.minutes + np.where(lasting, self.lasted_minutes, 0.0)))
        return ReliabilityIndices(
            start=self.start,
            end=self.time,
            customers=total,
            interrupted_now=float(customers[self.dark].sum()),
            saifi=interruptions / total if total > 0 else 0.0,
            saidi_minutes=minutes / total if total > 0 else 0.0,
            caidi_minutes=minutes / interruptions if interruptions > 0 else np.nan,
            maifi=float(customers @ self.momentary) / total if total > 0 else 0.0,
            ens_mwh=self.ens_mwh,
        )


def _unserved_mw(dark: BoolArray, expected_mw: FloatArray) -> float:
    return float(expected_mw[dark].clip(min=0).sum())
