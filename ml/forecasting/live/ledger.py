"""Today's losses and energy against earlier days, and against what the optimiser would have had.

An hourly ledger of two years: one row of sums for every hour in which there were cycles. Days are compared hour by
hour, and only the hours that both have count, so that a comparison at noon is one of two mornings.
"""

import io
import logging
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np

from grid.network import FloatArray, IntArray

HOURS_KEPT = 2 * 366 * 24
FORMAT = 1
_EPOCH, _HOUR = datetime(1970, 1, 1), timedelta(hours=1)  # noqa: DTZ001 - simulated time has no zone
_COLUMNS = ("loss_kw", "load_kw", "generation_kw", "renewable_kw", "planned_kw", "plan_loss_kw")
_UNREADABLE = (
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    RuntimeError,
    OverflowError,
    MemoryError,
    SyntaxError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

log = logging.getLogger(__name__)


class Period(StrEnum):
    """What today is compared with."""

    YESTERDAY = "yesterday"
    LAST_WEEK = "last_week"  # the same day of last week
    LAST_YEAR = "last_year"  # the same date of last year


@dataclass(frozen=True)
class HourlyRecord:
    """One cycle's part in its hour. plan_loss_kw: the losses if the latest plan were in force; NaN without one."""

    time: datetime
    loss_kw: float
    load_kw: float
    generation_kw: float
    renewable_kw: float
    plan_loss_kw: float = np.nan


@dataclass(frozen=True)
class EnergyTotals:
    """What a number of hours had, in kWh; NaN for what isn't known."""

    loss_kwh: float
    load_kwh: float
    generation_kwh: float
    renewable_kwh: float

    @property
    def loss_percent(self) -> float:
        """Losses over generation; NaN if nothing was generated."""
        return 100 * self.loss_kwh / self.generation_kwh if self.generation_kwh > 0 else np.nan


@dataclass(frozen=True)
class PeriodComparison:
    """Today's whole hours against the same hours of another day: hours that both have, at most 24."""

    period: Period
    hours: int
    today: EnergyTotals
    then: EnergyTotals

    @property
    def loss_change_percent(self) -> float:
        """How much more is lost today; NaN without hours to compare."""
        return 100 * (self.today.loss_kwh / self.then.loss_kwh - 1) if self.then.loss_kwh > 0 else np.nan


@dataclass(frozen=True)
class Avoidable:
    """Today's losses against those of the optimiser's plans, in the cycles that had a plan. An estimate."""

    hours: int
    loss_kwh: float
    plan_loss_kwh: float

    @property
    def avoidable_kwh(self) -> float:
        """What the plans would have saved."""
        return self.loss_kwh - self.plan_loss_kwh


@dataclass(frozen=True)
class Performance:
    """Today so far: its whole hours, what they are compared with, and what could have been saved."""

    hours: int
    today: EnergyTotals
    comparisons: tuple[PeriodComparison, ...]
    avoidable: Avoidable


class HourlyLedger:
    """A ring of two years of hours. For one thread.

    Simulated time may go back, as it does when the process starts again: an hour that comes again is written anew.
    """

    def __init__(self) -> None:
        self._hour: IntArray = np.full(HOURS_KEPT, -1, dtype=np.int64)  # since 1970, -1 where nothing was recorded
        self._cycles: IntArray = np.zeros(HOURS_KEPT, dtype=np.int64)
        self._plans: IntArray = np.zeros(HOURS_KEPT, dtype=np.int64)  # cycles that had a plan
        self._sum: FloatArray = np.zeros((HOURS_KEPT, len(_COLUMNS)))
        self._open_hour = -1
        self._last: datetime | None = None

    @property
    def hours(self) -> int:
        """How many hours are known."""
        return int((self._cycles > 0).sum())

    def append(self, record: HourlyRecord) -> None:
        """Add a cycle to its hour. One without known losses, or of the moment before (as while paused), is left out."""
        time = record.time.replace(tzinfo=None)
        if time == self._last or not np.isfinite([record.loss_kw, record.load_kw, record.generation_kw]).all():
            return
        hour = (time - _EPOCH) // _HOUR
        row = hour % HOURS_KEPT
        if hour != self._open_hour:
            self._hour[row], self._cycles[row], self._plans[row], self._sum[row] = hour, 0, 0, 0.0
        self._open_hour, self._last = hour, time
        has_plan = bool(np.isfinite(record.plan_loss_kw))
        planned = (record.loss_kw, record.plan_loss_kw) if has_plan else (0.0, 0.0)
        self._sum[row] += (record.loss_kw, record.load_kw, record.generation_kw, record.renewable_kw, *planned)
        self._cycles[row] += 1
        self._plans[row] += has_plan

    def performance(self, now: datetime) -> Performance:
        """Today up to the last whole hour before now (simulated time)."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        today = self._rows(midnight, now.hour)
        days = {
            Period.YESTERDAY: midnight - timedelta(days=1),
            Period.LAST_WEEK: midnight - timedelta(days=7),
            Period.LAST_YEAR: a_year_before(midnight),
        }
        return Performance(
            hours=int((today >= 0).sum()),
            today=self._energy(today[today >= 0]),
            comparisons=tuple(self._comparison(period, today, day) for period, day in days.items()),
            avoidable=self._avoidable(today[today >= 0]),
        )

    def hourly_kw(self, start: datetime, hours: int, column: str) -> FloatArray:
        """(hours,) mean of loss_kw, load_kw, generation_kw or renewable_kw, NaN where nothing was recorded."""
        rows = self._rows(start.replace(tzinfo=None), hours)
        known, mean = rows >= 0, np.full(hours, np.nan)
        mean[known] = self._sum[rows[known], _COLUMNS[:4].index(column)] / self._cycles[rows[known]]
        return mean

    def save(self, path: Path) -> None:
        """Write everything to one .npz file, all or nothing. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.stem}.{os.getpid()}.unfinished.npz")
        known = np.flatnonzero(self._cycles)
        try:
            np.savez_compressed(
                unfinished,
                format=FORMAT,
                hour=self._hour[known],
                cycles=self._cycles[known],
                plans=self._plans[known],
                sum=self._sum[known],
                open_hour=self._open_hour,
            )
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ledger, an empty one where there is no file; a damaged file is put aside, named in the log."""
        ledger = cls()
        try:
            content = io.BytesIO(path.read_bytes())  # NumPy leaves a damaged file open that it opens itself
            with np.load(content, allow_pickle=False) as stored:
                ledger._take({name: stored[name] for name in stored.files})
        except FileNotFoundError:
            return ledger
        except _UNREADABLE as error:
            log.warning("the hourly ledger %s is damaged and put aside as %s: %s", path, _put_aside(path), error)
            return cls()
        except OSError as error:
            log.warning("the hourly ledger %s can't be read: %s", path, error)
            return cls()
        return ledger

    def _take(self, stored: dict[str, np.ndarray]) -> None:
        """Fill an empty ledger; KeyError, TypeError or ValueError for what no ledger has written."""
        hour, cycles, plans, sums = (stored[name] for name in ("hour", "cycles", "plans", "sum"))
        if int(stored["format"]) != FORMAT:
            raise ValueError(f"it has format {int(stored['format'])}, not {FORMAT}")
        if not (hour.shape == cycles.shape == plans.shape == (len(sums),) and sums.shape[1:] == (len(_COLUMNS),)):
            raise ValueError(f"columns of other shapes: {hour.shape}, {cycles.shape}, {plans.shape}, {sums.shape}")
        whole = all(np.issubdtype(column.dtype, np.integer) for column in (hour, cycles, plans))
        if not (whole and np.issubdtype(sums.dtype, np.floating)):
            raise ValueError("columns of other types")
        rows = hour % HOURS_KEPT
        is_sound = (hour >= 0) & (cycles > 0) & (plans >= 0) & (plans <= cycles) & ~np.isnan(sums[:, :3]).any(axis=1)
        if not is_sound.all() or len(np.unique(rows)) != len(rows):
            raise ValueError("hours that no ledger can hold")
        self._hour[rows], self._cycles[rows], self._plans[rows], self._sum[rows] = hour, cycles, plans, sums
        self._open_hour = int(stored["open_hour"])

    def _rows(self, start: datetime, hours: int) -> IntArray:
        """(hours,) rows of contiguous hours, -1 where nothing was recorded."""
        hour = (start - _EPOCH) // _HOUR + np.arange(hours)
        row = hour % HOURS_KEPT
        return np.where((self._hour[row] == hour) & (self._cycles[row] > 0), row, -1)

    def _energy(self, rows: IntArray) -> EnergyTotals:
        kwh = (self._sum[rows, :4] / self._cycles[rows, None]).sum(axis=0)
        return EnergyTotals(*map(float, kwh)) if len(rows) else EnergyTotals(*[np.nan] * len(fields(EnergyTotals)))

    def _comparison(self, period: Period, today: IntArray, day: datetime) -> PeriodComparison:
        then = self._rows(day, len(today))
        both = (today >= 0) & (then >= 0)
        return PeriodComparison(period, int(both.sum()), self._energy(today[both]), self._energy(then[both]))

    def _avoidable(self, rows: IntArray) -> Avoidable:
        rows = rows[self._plans[rows] > 0]
        if not len(rows):
            return Avoidable(0, np.nan, np.nan)
        loss, planned = (self._sum[rows, 4:] / self._plans[rows, None]).sum(axis=0)
        return Avoidable(len(rows), float(loss), float(planned))


def a_year_before(midnight: datetime) -> datetime:
    """The same date; 28 February for the 29th."""
    is_leap_day = (midnight.month, midnight.day) == (2, 29)
    return midnight.replace(year=midnight.year - 1, day=28 if is_leap_day else midnight.day)


def _put_aside(path: Path) -> Path:
    """Where a damaged file went; where it is, if it can't be moved."""
    aside = path.with_name(f"{path.stem}.damaged{path.suffix}")
    try:
        return path.replace(aside)
    except OSError:
        return path
