"""What the forecast worker tells: forecasts of every series, what they mean for the grid, and today's losses.

Times are simulated ones with a zone; a value of an hour holds from its beginning to its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from grid.network import FloatArray, IntArray, Network
from grid.studies.hosting import HostingMargin
from grid.studies.renewable_share import EnergyMix
from ml.forecasting.live.hourly import Hour
from ml.forecasting.live.ledger import Performance
from ml.forecasting.records import Accuracy, Ahead, Forecast, SeriesReport


@dataclass(frozen=True, eq=False)
class ForecastReport:
    """What the forecast worker knows of a network; version rises with each report. status: what it does or waits for.

    problem: what failed, empty where nothing did. mix: of the latest snapshot. hosting: how much more could be fed in
    at each bus now, None where it wasn't asked.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    status: str
    problem: str
    series: tuple[SeriesReport, ...]
    ahead: Ahead | None
    performance: Performance | None
    mix: EnergyMix | None
    hosting: HostingMargin | None
    group_of_load: IntArray  # (l,) place among the series of kind GROUP
    forecasts: Mapping[str, Mapping[datetime, Forecast]] = field(default_factory=dict)  # by code and time of issue
    actual_mw: Mapping[str, tuple[datetime, FloatArray]] = field(default_factory=dict)  # first hour and hourly means
    accuracy: Mapping[str, Accuracy | None] = field(default_factory=dict)
    recorded_hours: tuple[Hour, ...] = ()
