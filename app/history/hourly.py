"""Hours: what cycles measured, as means of whole hours, for forecasts and for the record of losses.

The engine appends every cycle, so that no hour lacks one because somebody was busy; the forecast worker takes
closed hours.
"""

import threading
from collections import deque
from datetime import datetime

from app.engine.board import Snapshot
from grid.flow.loss_breakdown import BranchLevels
from grid.network import FloatArray, Network
from grid.telemetry import Points
from ml.forecasting.live.hourly import Hour, hour_of_means, values_to_mean

HOURS_WAITING = 400  # for the forecast worker, which takes them several times a second


class HourlyMeans:
    """Cycles of one network, gathered into hours. The engine thread appends, any thread may take."""

    def __init__(self, network: Network) -> None:
        self._network, self._levels = network, BranchLevels.of(network)
        self._lock = threading.Lock()
        self._closed: deque[Hour] = deque(maxlen=HOURS_WAITING)
        self._start: datetime | None = None
        self._sum: list[FloatArray] = []
        self._cycles = 0
        self._last: datetime | None = None

    def append(self, snapshot: Snapshot) -> None:
        """Add a cycle; one of the same moment as the last, as while paused, doesn't count again."""
        now = snapshot.simulated_at
        if now == self._last:
            return
        self._last = now
        start = now.replace(minute=0, second=0, microsecond=0)
        if start != self._start:
            self._close()
            self._start = start
        fed_in, delivered = _total(snapshot.measured.frame.generator.p_mw), _total(snapshot.measured.frame.load.p_mw)
        values = values_to_mean(self._network, snapshot.solved.injection, snapshot.solved.state, fed_in, delivered)
        self._sum = values if not self._cycles else [one + other for one, other in zip(self._sum, values, strict=True)]
        self._cycles += 1

    def take(self) -> list[Hour]:
        """The hours that were closed since the last call, the earliest first."""
        with self._lock:
            taken = list(self._closed)
            self._closed.clear()
        return taken

    def _close(self) -> None:
        if self._start is None or not self._cycles:
            return
        mean = [values / self._cycles for values in self._sum]
        hour = hour_of_means(self._network, self._levels, self._start, self._cycles, mean)
        with self._lock:
            self._closed.append(hour)
        self._cycles = 0


def _total(points: Points | None) -> float:
    """The sum of what meters show, NaN where one is missing or there are none."""
    return float("nan") if points is None else float(points.value.sum())
