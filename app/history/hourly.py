"""Hours: what cycles measured, as means of whole hours, for forecasts; and the losses of recorded hours.

The engine appends every cycle, so that no hour lacks one because somebody was busy; the lookout takes closed hours.
"""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app.engine.board import Snapshot
from app.forecasting.report import LossRecord, moment64
from grid.flow.loss_breakdown import BranchLevels, by_level, no_load_mw, non_technical
from grid.flow.powerflow import GridState, Injection
from grid.network import FloatArray, Network
from grid.studies.renewable_share import energy_mix

ONE_HOUR = timedelta(hours=1)
HOURS_WAITING = 400  # for the lookout, which takes them several times a second


@dataclass(frozen=True, eq=False)
class Hour:
    """Means of one hour; arrays by load (l,), generator (g,) and branch (m,), float32.

    fed_in_mw and delivered_mw: by the meters at generators and loads, NaN where a reading was missing. renewable_mw:
    NaN where the case doesn't say what some of its generators are.
    """

    start: datetime
    cycles: int
    load_p_mw: FloatArray
    load_q_mvar: FloatArray
    generator_p_mw: FloatArray
    branch_loss_mw: FloatArray
    level_mw: FloatArray  # (v, c) losses by levels and causes
    shunt_mw: float
    loss_mw: float
    load_mw: float
    generation_mw: float
    renewable_mw: float
    fed_in_mw: float
    delivered_mw: float


class HourBook:
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
        values = self._values(snapshot)
        self._sum = values if not self._cycles else [one + other for one, other in zip(self._sum, values, strict=True)]
        self._cycles += 1

    def take(self) -> list[Hour]:
        """The hours that were closed since the last call, the earliest first."""
        with self._lock:
            taken = list(self._closed)
            self._closed.clear()
        return taken

    def _values(self, snapshot: Snapshot) -> list[FloatArray]:
        state, injection = snapshot.state, snapshot.injection
        fed_in, delivered = snapshot.frame.generator_p_mw.value.sum(), snapshot.frame.load_p_mw.value.sum()
        return [
            np.array(injection.load_p_mw), np.array(injection.load_q_mvar), np.array(state.generator_p_mw),
            no_load_mw(self._network, state), np.array(state.loss_mw),
            np.array([state.shunt_mva.real.sum(), state.total_load_mw, state.total_generation_mw, fed_in, delivered]),
        ]  # fmt: skip

    def _close(self) -> None:
        if self._start is None or not self._cycles:
            return
        mean = [values / self._cycles for values in self._sum]
        hour = _hour(self._network, self._levels, self._start, self._cycles, mean)
        with self._lock:
            self._closed.append(hour)
        self._cycles = 0


def hour_of_state(
    network: Network, levels: BranchLevels, start: datetime, injection: Injection, state: GridState
) -> Hour:
    """An hour that is known by one state alone and in which nothing was metered."""
    unknown = np.array([state.shunt_mva.real.sum(), state.total_load_mw, state.total_generation_mw, np.nan, np.nan])
    values = [injection.load_p_mw, injection.load_q_mvar, state.generator_p_mw, no_load_mw(network, state),
              state.loss_mw, unknown]  # fmt: skip
    return _hour(network, levels, start, 1, values)


def loss_record(
    network: Network, recorded: Sequence[Hour], start: datetime, hours: int, price_per_mwh: float
) -> LossRecord | None:
    """The losses of those of the recorded hours that are within `hours` from start on; None where there is none."""
    end = start + timedelta(hours=hours)
    found = [hour for hour in recorded if start <= hour.start < end]
    if not found:
        return None
    shunt = np.array([hour.shunt_mw for hour in found])
    technical = np.array([hour.loss_mw for hour in found]) + shunt
    fed_in, delivered = (np.array([[one] for one in values]) for values in zip(
        *((hour.fed_in_mw, hour.delivered_mw) for hour in found), strict=True
    ))  # fmt: skip
    return LossRecord(
        time=np.array([moment64(hour.start) for hour in found]),
        levels=BranchLevels.of(network),
        level_mwh=np.stack([hour.level_mw for hour in found]),
        branch_mwh=np.sum([hour.branch_loss_mw for hour in found], axis=0, dtype=float),
        shunt_mwh=shunt,
        non_technical=non_technical(fed_in, delivered, technical),
        price_per_mwh=price_per_mwh,
    )


def _hour(network: Network, levels: BranchLevels, start: datetime, cycles: int, mean: Sequence[FloatArray]) -> Hour:
    load_p, load_q, generator_p, no_load, loss, totals = mean
    shunt, load, generation, fed_in, delivered = totals.tolist()
    mix = energy_mix(network, generator_p)
    return Hour(
        start=start,
        cycles=cycles,
        load_p_mw=load_p.astype(np.float32),
        load_q_mvar=load_q.astype(np.float32),
        generator_p_mw=generator_p.astype(np.float32),
        branch_loss_mw=loss.astype(np.float32),
        level_mw=by_level(network, levels, no_load, loss),
        shunt_mw=shunt,
        loss_mw=float(loss.sum()),
        load_mw=load,
        generation_mw=generation,
        renewable_mw=mix.renewable_percent / 100 * mix.total,
        fed_in_mw=fed_in,
        delivered_mw=delivered,
    )
