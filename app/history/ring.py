"""The recent past: totals and per-asset trends of the last cycles.

The engine appends; any number of readers look. A reader copies under a lock that is held for microseconds, so it
never waits for a cycle.
"""

import threading
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import numpy as np

from app.engine.board import KeptCycle, Point, Quantity, Snapshot, Trend
from app.history.hourly import HourlyMeans
from grid.flow.metrics import Metrics
from grid.network import FloatArray, IntArray, Network
from grid.sources.past import Past

CYCLES_KEPT = 480
VALUES_KEPT = 24_000_000  # per-asset float32 values: 96 MB on the largest grids, where fewer cycles are kept
NEAR = np.timedelta64(15, "m")
TOTALS = tuple(field.name for field in fields(Metrics))
LEAST_RESOLUTION = timedelta(seconds=1)


class HistoryRing:
    """A ring of the last cycles of one network. hours: the same by the hour. past: what came before, if it is known."""

    def __init__(self, network: Network, past: Past | None = None) -> None:
        self.network, self.past, self.hours = network, past, HourlyMeans(network)
        per_cycle = network.n_bus + 2 * network.n_branch
        self._capacity = max(24, min(CYCLES_KEPT, VALUES_KEPT // max(per_cycle, 1)))
        self._count = 0
        self._time = np.empty(self._capacity, dtype="datetime64[s]")
        self._total = {Quantity(name): np.empty(self._capacity) for name in (*TOTALS, Quantity.REWARD_KW)}
        self._of_element = {
            quantity: np.empty((self._capacity, count), dtype=np.float32)
            for quantity, count in (
                (Quantity.BUS_VM_PU, network.n_bus),
                (Quantity.BRANCH_LOADING_PERCENT, network.n_branch),
                (Quantity.BRANCH_TEMPERATURE_C, network.n_branch),
            )
        }
        self._lock = threading.Lock()

    def append(self, snapshot: Snapshot) -> None:
        """Add a cycle. One of the same moment as the last, as while paused, takes its place."""
        self.hours.append(snapshot)
        with self._lock:
            time = _datetime64(snapshot.simulated_at)
            if self._count and self._time[(self._count - 1) % self._capacity] == time:
                self._count -= 1
            row = self._count % self._capacity
            self._time[row] = time
            for name in TOTALS:
                self._total[Quantity(name)][row] = getattr(snapshot.assessed.metrics, name)
            self._total[Quantity.REWARD_KW][row] = -snapshot.objective_kw
            self._of_element[Quantity.BUS_VM_PU][row] = snapshot.solved.state.vm_pu
            self._of_element[Quantity.BRANCH_LOADING_PERCENT][row] = snapshot.solved.state.loading_percent
            self._of_element[Quantity.BRANCH_TEMPERATURE_C][row] = snapshot.assessed.temperature_c
            self._count += 1

    def range(
        self,
        point: Point,
        start: datetime | None = None,
        end: datetime | None = None,
        resolution: timedelta | None = None,
    ) -> Trend:
        """What is kept of a point from start on and before end, by default from the first cycle to the last.

        With a resolution means of intervals that begin at whole multiples of it, each at its beginning; intervals
        without a cycle are left out. LookupError for a point that isn't kept, ValueError for a resolution below 1 s.
        """
        if resolution is not None and resolution < LEAST_RESOLUTION:
            raise ValueError(f"resolution: 1 s or more, not {resolution}")
        values = self._values(point)
        with self._lock:
            rows = self._rows()
            time = self._time[rows]
            if start is not None or end is not None:
                kept = np.ones(len(time), dtype=bool)
                if start is not None:
                    kept &= time >= _datetime64(start)
                if end is not None:
                    kept &= time < _datetime64(end)
                rows, time = rows[kept], time[kept]
            value = values[rows]
        return Trend(time, value) if resolution is None else _means(time, value, resolution)

    def at(self, time: datetime) -> KeptCycle | None:
        """The cycle nearest to a simulated time; None where none within a quarter of an hour is kept."""
        with self._lock:
            rows = self._rows()
            away = np.abs(self._time[rows] - _datetime64(time))
            if not len(rows) or away.min() > NEAR:
                return None
            nearest = rows[int(np.argmin(away))]
            simulated_at = self._time[nearest].item().replace(tzinfo=UTC)
            values = {name: float(self._total[Quantity(name)][nearest]) for name in TOTALS}
        active_alarms = int(values.pop("active_alarms"))
        return KeptCycle(simulated_at=simulated_at, metrics=Metrics(**values, active_alarms=active_alarms))

    def _rows(self) -> IntArray:
        """Rows in use, oldest first."""
        kept = min(self._count, self._capacity)
        return np.arange(self._count - kept, self._count) % self._capacity

    def _values(self, point: Point) -> FloatArray:
        """What is kept of a point, by row."""
        total, of_element = self._total.get(point.quantity), self._of_element.get(point.quantity)
        if total is not None and point.element is None:
            return total
        if of_element is None or point.element is None or not 0 <= point.element < of_element.shape[1]:
            raise LookupError(f"nothing is kept of {point.quantity} of {point.element}")
        return of_element[:, point.element]


def _datetime64(time: datetime) -> np.datetime64:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "s")


def _means(time: np.ndarray, value: FloatArray, resolution: timedelta) -> Trend:
    """Means of intervals, NaN left out; NaN where an interval has nothing else."""
    step = np.timedelta64(round(resolution.total_seconds()), "s")
    begin, interval = np.unique(time.astype(np.int64) // step.astype(np.int64), return_inverse=True)
    known = np.isfinite(value)
    count = np.bincount(interval, known, len(begin))
    total = np.bincount(interval, np.where(known, value, 0.0), len(begin))
    return Trend(
        (begin * step.astype(np.int64)).astype("datetime64[s]"), np.where(count > 0, total / count.clip(1), np.nan)
    )
