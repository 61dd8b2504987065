"""LiveForecasts: forecasts of all series of one network, and what they mean for the grid's next hours."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np

from grid.capabilities import FULL_LOOK_AHEAD, HOSTING
from grid.fingerprint import fingerprint
from grid.flow.contingency import FULL_LOAD_PERCENT
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network
from grid.sources.past import Past
from grid.studies.hosting import HostingMargin, hosting_margin
from grid.studies.loadability import Loadability, loadability
from grid.studies.lookahead import LookAhead, Samples, anchored
from ml.forecasting.live.chances import ChanceLedger, key_of
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.look_ahead import HOURS, injection_at, make_ahead, samples_wanted
from ml.forecasting.live.past import solved_hours, wanted_hours
from ml.forecasting.live.scenarios import RecentLoads, scenarios_of
from ml.forecasting.live.series import series_of
from ml.forecasting.live.series_forecasters import SeriesForecasters
from ml.forecasting.records import Ahead, ChanceRecord, Forecast, SeriesKind, SeriesReport

log = logging.getLogger(__name__)
RECENT_HOURS = 14 * 24
A_YEAR_AND_A_DAY = 366 * 24
KEPT_EVERY_HOURS = 24


@dataclass(frozen=True, eq=False)
class LookAheadSituation:
    """What the latest look ahead found, on which courses. worst_injection: the median scenario in its worst hour."""

    ahead: Ahead
    samples: Samples
    worst_injection: Injection
    limits: tuple[Loadability, ...]  # of the total load and the groups, in order; empty where the grid is too large
    hosting: HostingMargin | None


@dataclass(frozen=True, eq=False)
class _Present:
    """What a look takes as it is for all hours: injection and closed (m,); mark: what must not change meanwhile."""

    injection: Injection
    closed: BoolArray
    mark: bytes

    @classmethod
    def of(cls, injection: Injection, closed: BoolArray, held: bool) -> "_Present":
        """At one moment: what is closed, which generators run, and whether they are held at set-points of plans."""
        mark = hashlib.sha256(closed.tobytes() + injection.generator_on.tobytes() + bytes([held])).digest()
        return cls(injection, closed, mark)


class LiveForecasts:
    """Owned by one thread. Times are simulated ones in UTC.

    yearly_load_mw: (k,) total load of the load profile, spread evenly over a year. past: of which history_days are
    learned from; None where nothing is known. past_hours: its last hours with their losses, the earliest first.
    cache_dir: where said chances and what came of them are kept.
    """

    def __init__(
        self,
        network: Network,
        now: datetime,
        yearly_load_mw: FloatArray,
        past: Past | None,
        history_days: int,
        seed: int,
        cache_dir: Path,
    ) -> None:
        self.network, self.series, self._seed = network, series_of(network), seed
        self.recent = RecentLoads.unknown(len(network.load))
        self.situation: LookAheadSituation | None = None
        self.past_hours: tuple[Hour, ...] = ()
        first, values = now.replace(minute=0, second=0, microsecond=0), np.zeros((0, len(self.series.infos)))
        if past is not None and history_days:
            first, values = self._recall(past, 24 * history_days)
        expected = self.series.expected_mw(network, yearly_load_mw)
        self.forecasters = SeriesForecasters(self.series.infos, first, values, expected)
        self._chances: ChanceLedger | None = None  # once all series that can be are learned
        self._chances_file = cache_dir / "chances" / f"{fingerprint(network)}.npz"
        self._chances_unkept = 0  # hours
        self._looked: _Present | None = None

    def _recall(self, past: Past, hours: int) -> tuple[datetime, FloatArray]:
        """Take in the simulated past: the last days of loads, hours with losses, and the series' values."""
        found = past.hours(max(hours, A_YEAR_AND_A_DAY))
        known = len(found.load_p_mw)
        for place in range(max(0, known - RECENT_HOURS), known):
            self.recent.put(found.start + timedelta(hours=place), found.load_p_mw[place], found.load_q_mvar[place])
        self.past_hours = tuple(solved_hours(self.network, found, wanted_hours(self.network, past.end, known)))
        first = max(0, known - hours)
        values = self.series.values_mw(found.load_p_mw[first:], found.generator_p_mw[first:])
        return found.start + timedelta(hours=first), values

    def observe(self, hours: Sequence[Hour]) -> None:
        """Let forecasters take in hours that are over."""
        for hour in hours:
            self.recent.put(hour.start, hour.load_p_mw, hour.load_q_mvar)
            values = self.series.values_mw(hour.load_p_mw[None, :], hour.generator_p_mw[None, :])
            self.forecasters.observe(hour.start, values[0])
            self._compare(hour)

    def _compare(self, hour: Hour) -> None:
        """Solve an hour as the last look saw the grid, and compare what was said of it; one without a state is left."""
        looked, chances = self._looked, self._chances
        if looked is None or chances is None:
            return
        injection = replace(
            looked.injection,
            load_p_mw=hour.load_p_mw.astype(float),
            load_q_mvar=hour.load_q_mvar.astype(float),
            generator_p_mw=hour.generator_p_mw.astype(float),
        )
        try:
            state = self._flow.solve(injection, looked.closed)
        except PowerFlowDivergedError:
            return
        chances.compare(hour.start, state.loading_percent > FULL_LOAD_PERCENT, looked.mark)
        self._chances_unkept += 1
        if self._chances_unkept >= KEPT_EVERY_HOURS:
            self._chances_unkept = 0
            try:
                chances.save(self._chances_file)
            except OSError as error:
                log.warning("the ledger of chances can't be kept: %s", error)

    @cached_property
    def _flow(self) -> PowerFlow:
        """Of the grid, for the hours that are compared: what it prepares takes longer than an hour's solution."""
        return PowerFlow(self.network)

    def look(self, now: datetime, injection: Injection, closed: BoolArray, held: bool) -> LookAheadSituation:
        """Forecast all series from the present hour on and solve their scenarios; the present hour's lie around now.

        injection and closed (m,): of the present moment. held: whether generators are held at set-points of plans.
        """
        start = now.replace(minute=0, second=0, microsecond=0)
        network = self.network
        drawn, samples = self.courses(start, injection, held)
        present = self._looked = _Present.of(injection, closed, held)
        previous = None if self.situation is None else self.situation.ahead.outlook
        ahead = make_ahead(
            network, injection, closed, self.series, samples, drawn, start, previous, self._told(start, present.mark)
        )
        worst = injection_at(injection, samples, ahead.worst.hour)
        self.situation = LookAheadSituation(ahead, samples, worst, *self._margins(injection, closed))
        return self.situation

    def _told(self, start: datetime, situation: bytes) -> Callable[[LookAhead], LookAhead]:
        """What makes chances to be said of those counted, and notes them; while series are to be learned, nothing."""
        if self.forecasters.untrained:
            return lambda look: look
        key = key_of(self.network, " ".join(self.forecasters.modelled))
        chances = self._chances
        if chances is None or chances.key != key:
            chances = self._chances = ChanceLedger(self.network.n_branch, key)
            chances.load(self._chances_file)
        return lambda look: chances.tell(look, start, situation)

    @property
    def chances(self) -> ChanceRecord | None:
        """What came of chances that were said; None while the models that they rest on are learned."""
        return None if self._chances is None else self._chances.record()

    def courses(self, start: datetime, injection: Injection, held: bool) -> tuple[FloatArray, Samples]:
        """Forecast all series from an hour on: what is drawn of them in MW (c, s - 1, h), and the courses of that.

        injection: of the present moment, around which the first hour lies.
        """
        self.forecasters.issue(start)
        network = self.network
        rng = np.random.default_rng([self._seed, int(start.timestamp()) // 3600])
        drawn = self.forecasters.sample(start, HOURS, samples_wanted(network), rng)
        forecast = scenarios_of(network, injection, self.series, self.recent, start, drawn, held, rng)
        return drawn, anchored(forecast, injection)

    def _margins(self, injection: Injection, closed: BoolArray) -> tuple[tuple[Loadability, ...], HostingMargin | None]:
        network = self.network
        if network.n_bus > FULL_LOOK_AHEAD.most:
            return (), None
        members = [self.series.group_of_load == group for group in range(self.series.groups)]
        limits = loadability(network, injection, closed, [np.ones(len(network.load), dtype=bool), *members])
        if network.n_bus > HOSTING.most:
            return limits, None
        try:
            return limits, hosting_margin(network, injection, closed, np.arange(network.n_bus))
        except PowerFlowDivergedError:
            return limits, None

    def reports(self) -> tuple[SeriesReport, ...]:
        """Of all series."""
        limits = () if self.situation is None else self.situation.limits
        found = []
        for place, info in enumerate(self.series.infos):
            is_load = info.kind in (SeriesKind.LOAD, SeriesKind.GROUP)
            limit = limits[place] if is_load and place < len(limits) else None
            issued = self.forecasters.forecasts(info.code)
            latest: Forecast | None = issued[next(reversed(issued))] if issued else None
            found.append(
                SeriesReport(
                    info, latest, limit, self.forecasters.learned(info.code), self.forecasters.drift(info.code)
                )
            )
        return tuple(found)
