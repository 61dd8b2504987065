"""What the lookout tells: forecasts of every series, what they mean for the grid, how good they were, where power went.

Times are simulated ones with a zone; a value of an hour holds from its beginning to its end.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from app.forecasting.ledger import Performance
from grid.alarms.predictive import Outlook
from grid.flow.loss_breakdown import BranchLevels, NonTechnical
from grid.network import FloatArray, IntArray, Network
from grid.studies.lookahead import LookAhead
from grid.studies.renewable_share import EnergyMix
from ml.forecasting.quality.drift import Drift

HOUR = np.timedelta64(3600, "s")


class SeriesKind(StrEnum):
    """What is forecast."""

    LOAD = "load"  # the total
    GROUP = "group"  # some loads
    PV = "pv"
    WIND = "wind"
    RENEWABLE = "renewable"  # of a kind that the case doesn't name


@dataclass(frozen=True)
class SeriesInfo:
    """One hourly series. code: such as load, group-3, pv. installed_mw: of plants, NaN for loads."""

    code: str
    name: str
    kind: SeriesKind
    installed_mw: float


@dataclass(frozen=True, eq=False)
class Forecast:
    """Quantiles of the h hours from issued_at on, (h, 7) in MW at LEVELS of the model; source: by what made."""

    issued_at: datetime
    quantiles_mw: FloatArray
    source: str

    @property
    def time(self) -> np.ndarray:
        """(h,) beginnings of the hours, datetime64[s]."""
        return moment64(self.issued_at) + np.arange(len(self.quantiles_mw)) * HOUR


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """A series as it stands now. forecast: the latest, None while nothing has been forecast yet.

    limit_mw: where the first limit of the grid would be exceeded if this series alone grew, NaN where that isn't known
    or nothing is exceeded within limit_words; learned: from what the model has learned; drift: None before a week.
    """

    info: SeriesInfo
    forecast: Forecast | None
    limit_mw: float
    limit_words: str
    learned: str
    drift: Drift | None


@dataclass(frozen=True, eq=False)
class Accuracy:
    """How forecasts of a series turned out, by lead of 1 to h hours, arrays (h,) except for the last two.

    naive: the same hour a week before. NaN where nothing can be compared yet.
    """

    issues: int
    mae_mw: FloatArray
    naive_mae_mw: FloatArray
    coverage_80_percent: FloatArray
    coverage_90_percent: FloatArray
    level: FloatArray  # (7,) nominal, 0 to 1
    frequency: FloatArray  # (7,) share of the hours of the first day that lay below, 0 to 1


@dataclass(frozen=True, eq=False)
class Ahead:
    """The hours from start on, as the grid will be if nothing is switched. curtailed_mw: (h,) of the median course."""

    start: datetime
    look: LookAhead
    outlook: Outlook
    renewable_mw: FloatArray  # (e, h) medians of renewables in the order of `energies`
    energies: tuple[str, ...]
    load_mw: FloatArray  # (h,) median
    curtailed_mw: FloatArray
    worst_hour: int  # with the largest chance of trouble, then the highest loading
    worst_words: str


@dataclass(frozen=True, eq=False)
class LossRecord:
    """Losses of k recorded hours, in MWh; causes in the order of grid.flow.loss_breakdown.LossCause, c of them."""

    time: np.ndarray  # (k,) datetime64[s]
    levels: BranchLevels  # v of them
    level_mwh: FloatArray  # (k, v, c)
    branch_mwh: FloatArray  # (m,) over all hours
    shunt_mwh: FloatArray  # (k,)
    non_technical: NonTechnical
    price_per_mwh: float


@dataclass(frozen=True, eq=False)
class LookoutReport:
    """What the lookout knows of a network; version rises with each report. status: what it does or waits for.

    problem: what failed, empty where nothing did. mix: of the latest snapshot. hosting_mw: (n,) how much more could be
    fed in at each bus now, NaN where it wasn't asked; hosting_words: what limits there, by bus.
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
    hosting_mw: FloatArray
    hosting_words: tuple[str, ...]
    group_of_load: IntArray  # (l,) place among the series of kind GROUP


def moment64(time: datetime) -> np.datetime64:
    """datetime64[s] of simulated time."""
    return np.datetime64(time.replace(tzinfo=None), "s")
