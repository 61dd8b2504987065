"""LiveForecasts: what is kept of one network: its hours, forecasts of its series, and what comes of them."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app.engine.board import Snapshot
from app.engine.operating_point import operating_point_of
from app.settings import Settings
from grid.capabilities import FULL_LOOK_AHEAD, HOSTING
from grid.fingerprint import fingerprint
from grid.flow.powerflow import Injection, PowerFlowDivergedError
from grid.network import FloatArray
from grid.sources.past import Past
from grid.studies.hosting import HostingMargin, hosting_margin
from grid.studies.loadability import Loadability, loadability
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.ledger import HourlyLedger, HourlyRecord
from ml.forecasting.live.look_ahead import HOURS, injection_at, make_ahead, samples_wanted
from ml.forecasting.live.past import solved_hours, wanted_hours
from ml.forecasting.live.scenarios import RecentLoads, scenarios_of
from ml.forecasting.live.series import series_of
from ml.forecasting.live.series_forecasters import SeriesForecasters
from ml.forecasting.records import Ahead, Forecast, SeriesKind, SeriesReport

RECENT_HOURS = 14 * 24
A_YEAR_AND_A_DAY = 366 * 24
MOST_HOURS, VALUES_KEPT = 31 * 24, 24_000_000  # float32 of hours: 96 MB on the largest grids, where fewer are kept


@dataclass(frozen=True, eq=False)
class LookAheadSituation:
    """What the latest look ahead found. worst_injection: the median scenario in its worst hour."""

    ahead: Ahead
    worst_injection: Injection
    limits: tuple[Loadability, ...]  # of the total load and the groups, in order; empty where the grid is too large
    hosting: HostingMargin | None


class LiveForecasts:
    """Owned by one thread; ledger, which pages read, is told of under the forecast worker's lock."""

    def __init__(self, snapshot: Snapshot, past: Past | None, settings: Settings) -> None:
        network, now = snapshot.network, snapshot.simulated_at
        self.network, self.series = network, series_of(network)
        self._seed = settings.seed
        self._file = settings.cache_dir / "ledgers" / f"{fingerprint(network)}.npz"
        self.ledger = HourlyLedger.load(self._file)
        load, generator = network.load, network.generator
        per_hour = 2 * len(load) + len(generator) + network.n_branch
        self.hours: deque[Hour] = deque(maxlen=max(48, min(MOST_HOURS, VALUES_KEPT // per_hour)))
        self.recent = RecentLoads.unknown(len(load))
        self.situation: LookAheadSituation | None = None
        self._behind = 0  # hours since the ledger was kept
        first, values = now.replace(minute=0, second=0, microsecond=0), np.zeros((0, len(self.series.infos)))
        if past is not None and settings.history_days:
            first, values = self._recall(past, 24 * settings.history_days)
        expected = self.series.expected_mw(network, snapshot.yearly_load_mw)
        self.forecasters = SeriesForecasters(self.series.infos, first, values, expected)

    def _recall(self, past: Past, hours: int) -> tuple[datetime, FloatArray]:
        """Take in the simulated past: the last days of loads, hours with losses, and the series' values."""
        found = past.hours(max(hours, A_YEAR_AND_A_DAY))
        known = len(found.load_p_mw)
        for place in range(max(0, known - RECENT_HOURS), known):
            self.recent.put(found.start + timedelta(hours=place), found.load_p_mw[place], found.load_q_mvar[place])
        for hour in solved_hours(self.network, found, wanted_hours(self.network, past.end, known)):
            self.take(hour, np.nan)
        first = max(0, known - hours)
        values = self.series.values_mw(found.load_p_mw[first:], found.generator_p_mw[first:])
        return found.start + timedelta(hours=first), values

    def take(self, hour: Hour, planned_share: float) -> None:
        """Record an hour. planned_share: the losses that plans would have had, over those that were; NaN without."""
        self.hours.append(hour)
        loss_kw = 1000 * hour.loss_mw
        self.ledger.append(
            HourlyRecord(
                hour.start,
                loss_kw,
                1000 * hour.load_mw,
                1000 * hour.generation_mw,
                1000 * hour.renewable_mw,
                planned_share * loss_kw,
            )
        )

    def observe(self, hour: Hour) -> None:
        """Let forecasters take in an hour."""
        self.recent.put(hour.start, hour.load_p_mw, hour.load_q_mvar)
        values = self.series.values_mw(hour.load_p_mw[None, :], hour.generator_p_mw[None, :])
        self.forecasters.observe(hour.start, values[0])
        self._behind += 1

    def keep(self, every_hours: int = 1) -> None:
        """Write the ledger if so many hours are new. Raises OSError."""
        if self._behind >= every_hours:
            self._behind = 0
            self.ledger.save(self._file)

    def look(self, snapshot: Snapshot, price_per_mwh: float) -> None:
        """Forecast all series from the present hour on and solve their scenarios."""
        start = snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
        self.forecasters.issue(start)
        operating_point, network = operating_point_of(snapshot, price_per_mwh), self.network
        rng = np.random.default_rng([self._seed, int(start.timestamp()) // 3600])
        drawn = self.forecasters.sample(start, HOURS, samples_wanted(network), rng)
        is_held = snapshot.operations.set_points_done
        samples = scenarios_of(network, operating_point.injection, self.series, self.recent, start, drawn, is_held, rng)
        previous = None if self.situation is None else self.situation.ahead.outlook
        ahead = make_ahead(
            network, operating_point.injection, operating_point.closed, self.series, samples, drawn, start, previous
        )
        worst = injection_at(operating_point.injection, samples, ahead.worst.hour)
        self.situation = LookAheadSituation(
            ahead, worst, *self._margins(operating_point.injection, operating_point.closed)
        )

    def _margins(
        self, injection: Injection, closed: np.ndarray
    ) -> tuple[tuple[Loadability, ...], HostingMargin | None]:
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

    # --- what is told --------------------------------------------------------------------------------------------

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
