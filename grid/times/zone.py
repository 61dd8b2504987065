"""Local times on a clock that is put forward and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grid.times.column import ColumnTimes
from grid.times.words import Flags, Moments, shown

IN_ORDER = 0.9
"""Share of steps in one direction from which on rows are in the order of time, or in its reverse."""
NIGHT_HOURS = 3
"""Clocks are put back on Sundays, in the hours up to this one, in most zones that do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ZonedTimes:
    """(n,) times in UTC, NaT where the local clock never showed one or nothing tells which of two, and notes."""

    utc: Moments
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Passes:
    """Of times that the clock showed twice, (n,) each: in the second pass, untold which, there once of two."""

    second: Flags
    unknown: Flags
    once: Flags


def in_zone(times: ColumnTimes, zone: str | None) -> ZonedTimes:
    """A column's times in UTC. zone: whose clock showed those without an offset; they are in UTC where None.

    An hour that the clock showed twice is told apart by the order of rows. zone must be known to zoneinfo.
    """
    if times.absolute:
        return ZonedTimes(utc=times.wall, notes=())
    if zone is None:
        note = "times have no offset and no zone was given: they are taken for UTC, and so is the calendar"
        return ZonedTimes(utc=times.wall, notes=(note, *_clock_changes(times.wall)))
    index = pd.DatetimeIndex(times.wall)
    every = np.ones(len(index), dtype=bool)
    summer, winter = (_localized(index, zone, first) for first in (every, ~every))
    never = np.isnat(summer)
    passes = _passes(times.wall, ~never & (summer != winter))
    utc = np.where(passes.second, winter, summer)
    utc[passes.unknown] = np.datetime64("NaT")
    apart = ~never & (summer != winter) & ~passes.unknown & ~passes.once
    shown_twice = f"times lie in hours that the clock of {zone} showed twice (it was put back)"
    told = {
        f"times never were on the clock of {zone} (it was put forward), e.g. {{at}}: left out": never,
        f"{shown_twice}, first {{at}}: of two passes the earlier one is summer time, by the order of rows": apart,
        f"{shown_twice} and stand there once, first {{at}}: taken for summer time, the next is unknown": passes.once,
        f"{shown_twice}, first {{at}}, and rows aren't in the order of time, which would tell them apart: left out; "
        "write times with an offset": passes.unknown,
    }
    notes = [
        f"{flags.sum()} {words.format(at=shown(times.wall[flags][0]))}" for words, flags in told.items() if flags.any()
    ]
    if never.any() and passes.once.any():
        notes.append(
            f"days on which the clock of {zone} was changed have as many hours as others: either these were filled in "
            "and left out, or the times know no daylight saving and are an hour off in summer; then give their offset "
            "alone as the zone, e.g. Etc/GMT-1 for UTC+1"
        )
    return ZonedTimes(utc=utc, notes=tuple(notes))


def _localized(index: pd.DatetimeIndex, zone: str, summer: Flags) -> Moments:
    """(n,) moments in UTC of local times, NaT where the clock never showed them."""
    local = index.tz_localize(zone, ambiguous=summer, nonexistent="NaT")
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]")


def _passes(wall: Moments, twice: Flags) -> _Passes:
    """A fall within such an hour divides the passes; where there is none, or several, equal times follow each other."""
    second, unknown, once = (np.zeros(len(wall), dtype=bool) for _ in range(3))
    steps = np.diff(wall).astype(np.int64)
    forwards = float((steps[steps != 0] > 0).mean()) if steps.any() else 1.0
    rows = np.flatnonzero(twice)[:: 1 if forwards >= 0.5 else -1]
    days = wall[rows].astype("datetime64[D]")
    for day in np.unique(days):
        here = rows[days == day]
        times = pd.Series(wall[here])
        falls = np.flatnonzero(np.diff(wall[here]).astype(np.int64) < 0)
        if max(forwards, 1 - forwards) < IN_ORDER:
            unknown[here] = True
        elif len(falls) == 1:
            second[here[falls[0] + 1 :]] = True
        else:
            second[here] = times.groupby(times).cumcount().to_numpy() > 0
            once[here] = ~times.duplicated(keep=False).to_numpy()
    return _Passes(second=second, unknown=unknown, once=once)


def _clock_changes(wall: Moments) -> tuple[str, ...]:
    """A word where single hours of Sunday nights stand there twice, as where a clock is put back."""
    again = pd.Series(wall).duplicated().to_numpy()
    hours = np.unique(wall[again].astype("datetime64[h]"))
    if not len(hours):
        return ()
    days = hours.astype("datetime64[D]")
    sunday = (days.astype(np.int64) + 4) % 7 == 0  # 1970 began on a Thursday
    night = (hours - days).astype(np.int64) <= NIGHT_HOURS
    years = int(np.ptp(wall.astype("datetime64[Y]").astype(np.int64))) + 1
    if len(hours) > years or not (sunday & night).all():
        return ()
    told = f"the hour from {shown(hours[0])} stands there twice, as where a clock is put back"
    return (f"{told}: if these are local times, give their zone, or summer is an hour off",)
