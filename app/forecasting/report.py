"""What the forecast worker tells: forecasts of every series, what they mean for the grid, and today's losses.

Times are simulated ones with a zone; a value of an hour holds from its beginning to its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from app.engine.commands import UnknownIdError
from grid.network import FloatArray, IntArray, Network
from grid.studies.hosting import HostingMargin
from grid.studies.renewable_share import EnergyMix
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.ledger import Performance
from ml.forecasting.live.series import series_of
from ml.forecasting.records import (
    Accuracy,
    Ahead,
    ChanceRecord,
    Forecast,
    ForecastHindrance,
    ForecastStatus,
    SeriesReport,
)


@dataclass(frozen=True, eq=False)
class ForecastReport:
    """What the forecast worker knows of a network; version rises with each report. status: what it does or waits for.

    hindrance: None where nothing hinders. mix: of the latest snapshot. hosting: how much more could be fed in at each
    bus now, None where it wasn't asked. chances: what came of those said, None while models they rest on are learned.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    status: ForecastStatus
    hindrance: ForecastHindrance | None
    series: tuple[SeriesReport, ...]
    ahead: Ahead | None
    performance: Performance | None
    mix: EnergyMix | None
    hosting: HostingMargin | None
    group_of_load: IntArray  # (l,) place among the series of kind GROUP
    forecasts: Mapping[str, Mapping[datetime, Forecast]] = field(default_factory=dict)  # by code and time of issue
    actual_mw: Mapping[str, tuple[datetime, FloatArray]] = field(default_factory=dict)  # first hour and hourly means
    accuracy: Mapping[str, Accuracy | None] = field(default_factory=dict)
    chances: ChanceRecord | None = None
    recorded_hours: tuple[Hour, ...] = ()

    def actual_of(self, code: str, start: datetime, hours: int) -> FloatArray:
        """(hours,) MW of a series, means of hours, NaN where unknown. UnknownIdError for another code."""
        self._check(code)
        found = np.full(hours, np.nan)
        if code in self.actual_mw:
            first, values = self.actual_mw[code]
            rows = (start - first) // timedelta(hours=1) + np.arange(hours)
            inside = (rows >= 0) & (rows < len(values))
            found[inside] = values[rows[inside]]
        return found

    def issue_times(self, code: str) -> tuple[datetime, ...]:
        """When the forecasts that are kept were issued, the earliest first. UnknownIdError for another code."""
        self._check(code)
        return tuple(self.forecasts.get(code, ()))

    def forecast_of(self, code: str, issued_at: datetime) -> Forecast | None:
        """A forecast that is kept, None where there is none of that time. UnknownIdError for another code."""
        self._check(code)
        return self.forecasts.get(code, {}).get(issued_at)

    def accuracy_of(self, code: str) -> Accuracy | None:
        """How a series' forecasts turned out; None before one has. UnknownIdError for another code."""
        self._check(code)
        return self.accuracy.get(code)

    def _check(self, code: str) -> None:
        infos = [one.info for one in self.series] if self.series else series_of(self.network).infos
        if code not in {info.code for info in infos}:
            raise UnknownIdError(f"no series {code!r}; there are {', '.join(info.code for info in infos)}")
