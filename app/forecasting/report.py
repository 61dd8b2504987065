"""What the lookout tells: forecasts of every series, what they mean for the grid, and today's losses.

Times are simulated ones with a zone; a value of an hour holds from its beginning to its end.
"""

from dataclasses import dataclass
from datetime import datetime

from grid.network import IntArray, Network
from grid.studies.hosting import HostingMargin
from grid.studies.renewable_share import EnergyMix
from ml.forecasting.live.ledger import Performance
from ml.forecasting.records import Ahead, SeriesReport


@dataclass(frozen=True, eq=False)
class LookoutReport:
    """What the lookout knows of a network; version rises with each report. status: what it does or waits for.

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
