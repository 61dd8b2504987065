"""LiveForecasts: forecasts of all series of one network, and what they mean for the grid's next hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from grid.capabilities import FULL_LOOK_AHEAD, HOSTING
from grid.flow.powerflow import Injection, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, Network
from grid.sources.past import Past
from grid.studies.hosting import HostingMargin, hosting_margin
from grid.studies.loadability import Loadability, loadability
from grid.studies.lookahead import Samples, anchored
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.look_ahead import HOURS, injection_at, make_ahead, samples_wanted
from ml.forecasting.live.past import solved_hours, wanted_hours
from ml.forecasting.live.scenarios import RecentLoads, scenarios_of
from ml.forecasting.live.series import series_of
from ml.forecasting.live.series_forecasters import SeriesForecasters
from ml.forecasting.records import Ahead, Forecast, SeriesKind, SeriesReport

RECENT_HOURS = 14 * 24
A_YEAR_AND_A_DAY = 366 * 24


@dataclass(frozen=True, eq=False)
class LookAheadSituation:
    """What the latest look ahead found, on which courses. worst_injection: the median scenario in its worst hour."""

    ahead: Ahead
    samples: Samples
    worst_injection: Injection
    limits: tuple[Loadability, ...]  # of the total load and the groups, in order; empty where the grid is too large
    hosting: HostingMargin | None


class LiveForecasts:
    """Owned by one thread. Times are simulated ones in UTC.

    yearly_load_mw: (k,) total load of the load profile, spread evenly over a year. past: of which history_days are
    learned from; None where nothing is known. past_hours: its last hours with their losses, the earliest first.
    """

    def __init__(
        self,
        network: Network,
        now: datetime,
        yearly_load_mw: FloatArray,
        past: Past | None,
        history_days: int,
        seed: int,
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

    def look(self, now: datetime, injection: Injection, closed: BoolArray, held: bool) -> LookAheadSituation:
        """Forecast all series from the present hour on and solve their scenarios; the present hour's lie around now.

        injection and closed (m,): of the present moment. held: whether generators are held at set-points of plans.
        """
        start = now.replace(minute=0, second=0, microsecond=0)
        network = self.network
        drawn, samples = self.courses(start, injection, held)
        previous = None if self.situation is None else self.situation.ahead.outlook
        ahead = make_ahead(network, injection, closed, self.series, samples, drawn, start, previous)
        worst = injection_at(injection, samples, ahead.worst.hour)
        self.situation = LookAheadSituation(ahead, samples, worst, *self._margins(injection, closed))
        return self.situation

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
