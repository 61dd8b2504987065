"""The recent past: totals and per-asset trends of the last cycles.

The engine appends; any number of readers look. A reader copies under a lock that is held for microseconds, so it
never waits for a cycle.
"""

import threading

import numpy as np

from app.engine.board import Snapshot, Trend
from app.history.hourly import HourlyMeans
from grid.flow.metrics import Metrics
from grid.network import FloatArray, IntArray, Network
from grid.sources.past import Past

CYCLES_KEPT = 480
VALUES_KEPT = 24_000_000  # per-asset float32 values: 96 MB on the largest grids, where fewer cycles are kept
TOTALS = (
    "load_mw",
    "generation_mw",
    "renewable_percent",
    "loss_mw",
    "loss_percent",
    "efficiency_percent",
    "average_risk",
    "active_alarms",
)


class HistoryRing:
    """A ring of the last cycles of one network. hours: the same by the hour. past: what came before, if it is known."""

    def __init__(self, network: Network, past: Past | None = None) -> None:
        self.network, self.past, self.hours = network, past, HourlyMeans(network)
        per_cycle = network.n_bus + 2 * network.n_branch
        self._capacity = max(24, min(CYCLES_KEPT, VALUES_KEPT // max(per_cycle, 1)))
        self._count = 0
        self._time = np.empty(self._capacity, dtype="datetime64[s]")
        self._total = {name: np.empty(self._capacity) for name in (*TOTALS, "reward")}
        self._vm_pu = np.empty((self._capacity, network.n_bus), dtype=np.float32)
        self._loading = np.empty((self._capacity, network.n_branch), dtype=np.float32)
        self._temperature = np.empty((self._capacity, network.n_branch), dtype=np.float32)
        self._lock = threading.Lock()

    def append(self, snapshot: Snapshot, reward: float) -> None:
        """Add a cycle. reward is minus the optimiser's objective, in kW."""
        self.hours.append(snapshot)
        with self._lock:
            time = np.datetime64(snapshot.simulated_at.replace(tzinfo=None), "s")
            if self._count and self._time[(self._count - 1) % self._capacity] == time:
                self._count -= 1  # the same moment again, as while paused: the newest measurement replaces the last
            row = self._count % self._capacity
            self._time[row] = time
            for name in TOTALS:
                self._total[name][row] = getattr(snapshot.metrics, name)
            self._total["reward"][row] = reward
            self._vm_pu[row] = snapshot.state.vm_pu
            self._loading[row] = snapshot.state.loading_percent
            self._temperature[row] = snapshot.temperature_c
            self._count += 1

    def total(self, name: str) -> Trend:
        """Trend of one of Metrics' fields, or of the reward. KeyError for another name."""
        return self._trend(self._total[name])

    def bus_vm_pu(self, bus: int) -> Trend:
        """Voltage of a bus."""
        return self._trend(self._vm_pu[:, bus])

    def branch_loading_percent(self, branch: int) -> Trend:
        """Loading of a branch."""
        return self._trend(self._loading[:, branch])

    def branch_temperature_c(self, branch: int) -> Trend:
        """Temperature of a branch."""
        return self._trend(self._temperature[:, branch])

    def an_hour_ago(self) -> Metrics | None:
        """Totals of the cycle one simulated hour before the latest; None where none is within a quarter of an hour."""
        with self._lock:
            rows = self._rows()
            if not len(rows):
                return None
            away = np.abs(self._time[rows] - (self._time[rows[-1]] - np.timedelta64(1, "h")))
            nearest = rows[int(np.argmin(away))]
            if away.min() > np.timedelta64(15, "m"):
                return None
            values = {name: float(self._total[name][nearest]) for name in TOTALS}
        active_alarms = int(values.pop("active_alarms"))
        return Metrics(**values, active_alarms=active_alarms, unsupplied_mw=float("nan"))

    def _rows(self) -> IntArray:
        """Rows in use, oldest first."""
        kept = min(self._count, self._capacity)
        return np.arange(self._count - kept, self._count) % self._capacity

    def _trend(self, values: FloatArray) -> Trend:
        with self._lock:
            rows = self._rows()
            return Trend(self._time[rows], values[rows])
