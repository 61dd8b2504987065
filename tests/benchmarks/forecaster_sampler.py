"""The dashboard's forecasts as a sampler that a calibration can judge."""

from datetime import UTC, datetime, timedelta

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import Network
from grid.studies.lookahead import Samples
from ml.forecasting.live.look_ahead import HOURS, samples_wanted
from ml.forecasting.live.scenarios import RecentLoads, scenarios_of
from ml.forecasting.live.series import series_of
from ml.forecasting.live.series_forecasters import SeriesForecasters
from tests.benchmarks.calibration import DAY, Course


class ForecasterSampler:
    """Forecasts every midnight by what the forecasters know then; what is known must grow from call to call."""

    def __init__(self, network: Network, base: Injection, first: datetime) -> None:
        self._network, self._base, self._first = network, base, first.replace(tzinfo=UTC)
        self._series = series_of(network)
        self._recent = RecentLoads.unknown(len(network.load))
        self._forecasters: SeriesForecasters | None = None
        self._known = 0
        self._rng = np.random.default_rng(1)

    def __call__(self, known: Course) -> Samples:
        """Samples of the 24 hours after the last one known."""
        hours = known.days * DAY
        now = self._first + timedelta(hours=hours)
        values = self._series.values_mw(known.load_p_mw, known.generator_p_mw)
        forecasters = self._forecasters
        if forecasters is None:
            forecasters = self._forecasters = SeriesForecasters(
                self._series.infos, self._first, values, values.mean(axis=0)
            )
            for code in forecasters.untrained:
                forecasters.train(code, now)
        else:
            forecasters.observe(self._first + timedelta(hours=self._known), values[self._known :])
        for hour in range(max(self._known, hours - 14 * DAY), hours):
            at = self._first + timedelta(hours=hour)
            self._recent.put(at, known.load_p_mw[hour], known.load_q_mvar[hour])
        self._known = hours
        while forecasters.renew_one(now) is not None:
            pass
        drawn = forecasters.sample(now, HOURS, samples_wanted(self._network), self._rng)
        present = known.injection(self._base, hours - 1)
        return scenarios_of(
            self._network, present, self._series, self._recent, now, drawn, is_held=False, rng=self._rng
        )
