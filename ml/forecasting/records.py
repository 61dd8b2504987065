"""What is told of forecasts: the series, their forecasts, how good they were, and what they mean for the grid.

Times are simulated ones with a zone; a value of an hour holds from its beginning to its end.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from grid.alarms.predictive import Outlook
from grid.alarms.trouble import WorstTrouble
from grid.flow.loss_breakdown import BranchLevels, NonTechnical
from grid.network import FloatArray
from grid.studies.loadability import Loadability
from grid.studies.lookahead import LookAhead

HOUR = np.timedelta64(3600, "s")
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])  # of the quantiles forecast
DRIFT_DAYS, CONTEST_DAYS = 7, 28
LEAST_DAYS = 60  # of history below which no model is fitted
FLAT_HOURS = 24
CORRECTED_FROM_DAYS, CORRECTED_FROM_OVERLOADS = 14, 20  # of a record of chances that they are corrected by


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
    """Quantiles of the h hours from issued_at on, (h, 7) in MW at LEVELS; source: by what made."""

    issued_at: datetime
    quantiles_mw: FloatArray
    source: str

    @property
    def time(self) -> np.ndarray:
        """(h,) beginnings of the hours, datetime64[s]."""
        return datetime64_of(self.issued_at) + np.arange(len(self.quantiles_mw)) * HOUR


class DriftKind(StrEnum):
    """What is wrong with the last seven days."""

    FLAT = "flat"  # the last hours all have one value
    COVERAGE = "coverage"  # too few or too many of the hours lie in the 80 % band
    ERROR = "error"  # above that of the naive forecast


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What was found over the last seven days; coverage in percent.

    Coverage and errors are None where too few hours were measured. flat_value: what the last FLAT_HOURS all are, None
    where they differ.
    """

    coverage_80: float | None = None
    mae: float | None = None
    naive_mae: float | None = None
    flat_value: float | None = None
    kinds: tuple[DriftKind, ...] = ()

    @property
    def found(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.kinds)


class ContestVerdict(StrEnum):
    """How a new model and the one in use were decided between."""

    NO_WORSE = "no_worse"  # the new one is taken
    WORSE = "worse"
    TOO_FEW_HOURS = "too_few_hours"  # that can be compared
    NOT_COMPARABLE = "not_comparable"  # the model in use has learned from the days to compare
    NONE_IN_USE = "none_in_use"  # the new one is taken


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Mean pinball losses of two models on the same hours, NaN where they weren't compared, and the verdict.

    days: compared at most. hours: that both have forecast.
    """

    verdict: ContestVerdict
    current_loss: float = np.nan
    candidate_loss: float = np.nan
    days: int = 0
    hours: int = 0

    @property
    def taken(self) -> bool:
        """Whether the new model is taken."""
        return self.verdict in (ContestVerdict.NO_WORSE, ContestVerdict.NONE_IN_USE)


class ForecastStatusKind(StrEnum):
    """What forecasting does or waits for."""

    WAITING_FOR_GRID = "waiting_for_grid"
    WAITING_FOR_LEARNING = "waiting_for_learning"  # to start
    LEARNING = "learning"  # series have no model yet
    RENEWED = "renewed"  # a model was trained anew
    FORECASTING = "forecasting"  # anew each hour


@dataclass(frozen=True, kw_only=True)
class ForecastStatus:
    """How forecasting stands. series: how many there are, learned: how many of them have a model while they learn.

    renewed: the name of the series whose model was trained anew last, and contest what came of that.
    """

    kind: ForecastStatusKind
    series: int = 0
    learned: int = 0
    renewed: str = ""
    contest: Contest | None = None


class ForecastHindranceKind(StrEnum):
    """Why forecasts stand as they were."""

    FAILED = "failed"
    LEARNING_DOWN = "learning_down"  # it starts again by itself


@dataclass(frozen=True, kw_only=True)
class ForecastHindrance:
    """Why forecasts stand as they were. failure: what the error says, where they have failed."""

    kind: ForecastHindranceKind
    failure: str = ""


class LearnedKind(StrEnum):
    """From what the model of a series has learned."""

    TOO_FEW_DAYS = "too_few_days"  # nothing yet
    FAILED = "failed"  # nothing: its training has failed, and is tried again in a week
    DAYS = "days"


@dataclass(frozen=True, kw_only=True)
class Learned:
    """From what the model of a series has learned: so many days until a time."""

    kind: LearnedKind
    days: int = 0
    until: datetime | None = None


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """A series as it stands now. forecast: the latest, None while nothing has been forecast yet.

    limit: where the first limit of the grid would be exceeded if this series of loads alone grew, None where that isn't
    asked; learned: from what the model has learned, None where that isn't told; drift: None before a week.
    """

    info: SeriesInfo
    forecast: Forecast | None
    limit: Loadability | None
    learned: Learned | None
    drift: Drift | None

    @property
    def limit_mw(self) -> float:
        """Demand at which the first limit is exceeded; NaN where that isn't known or there is none."""
        return np.nan if self.limit is None else self.limit.demand_mw


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


@dataclass(frozen=True, kw_only=True)
class ChanceBin:
    """Chances of overload from low up to high: how many were said, their mean, and the share in which it came.

    A case is one branch in one hour of one look; shares are NaN without any.
    """

    low: float
    high: float
    cases: int
    said: float
    came: float


@dataclass(frozen=True, kw_only=True)
class ChanceLead:
    """Hours first to last ahead, whose chances have their log-odds stretched by slope, then shifted.

    is_known: whether these hours themselves have told enough; otherwise it is what all hours have, or none.
    """

    first: int
    last: int
    shift: float
    slope: float
    is_known: bool


@dataclass(frozen=True, kw_only=True)
class ChanceRecord:
    """Chances of overload that were said, against what came in hours that are over, of days.

    brier: mean squared error of scored cases, usual_brier: that of how often each branch was overloaded at that hour of
    earlier days; NaN before there are some.
    """

    hours: int
    days: int
    bins: tuple[ChanceBin, ...]
    scored: int
    brier: float
    usual_brier: float
    leads: tuple[ChanceLead, ...]

    @property
    def skill(self) -> float:
        """Brier skill over the hour of the day; NaN where nothing was scored, or nothing ever varied."""
        return 1 - self.brier / self.usual_brier if self.usual_brier > 0 else np.nan


@dataclass(frozen=True, eq=False)
class Ahead:
    """The hours from start on if nothing is switched. curtailed_mw: (h,) of the median scenario."""

    start: datetime
    look: LookAhead
    outlook: Outlook
    renewable_mw: FloatArray  # (e, h) medians of renewables in the order of `energies`
    energies: tuple[str, ...]
    load_mw: FloatArray  # (h,) median
    curtailed_mw: FloatArray
    worst: WorstTrouble


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


def datetime64_of(time: datetime) -> np.datetime64:
    """datetime64[s] of simulated time."""
    return np.datetime64(time.replace(tzinfo=None), "s")
