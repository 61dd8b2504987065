"""Plain records of maintenance, for those who read them without the libraries that models are made with."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np

from grid.network import FloatArray, IntArray


class WhyNotKind(StrEnum):
    """Why an asset has no learned prognosis."""

    NO_MODEL = "no_model"
    STALE = "stale"  # measurements
    NOT_AN_ASSET = "not_an_asset"  # that models know
    SIGNALS_MISSING = "signals_missing"
    OUTSIDE = "outside"  # the range of a trait that training had
    UNLIKE = "unlike"  # every asset of training, in its traits together


@dataclass(frozen=True, kw_only=True)
class WhyNot:
    """Why an asset has no learned prognosis. missing: how many of its condition signals are.

    trait: the feature that lies outside; value, lowest, highest: what it is, and training's range.
    """

    kind: WhyNotKind
    missing: int = 0
    trait: str = ""
    value: float = math.nan
    lowest: float = math.nan
    highest: float = math.nan


class WorkTime(StrEnum):
    """Times of a week at which work is done, the cheapest first."""

    DAYS = "days"
    WEEKEND = "weekend"
    NIGHTS = "nights"


@dataclass(frozen=True, kw_only=True)
class MobileSupply:
    """Loads (positions) that mobile units feed while an asset is out: MW at most, hours, MWh in all, and the price."""

    loads: tuple[int, ...]
    mw: float
    hours: float
    mwh: float
    units: int
    eur: float


@dataclass(frozen=True)
class Work:
    """When in its week a job is done, in how many shifts, what that adds to its cost, and ties that it needs closed.

    ties: none where one or none is enough (ml.maintenance.schedule.outage_windows). mobile: None where no loads need
    it; its price is in surcharge_eur.
    """

    time: WorkTime
    shifts: int
    surcharge_eur: float
    ties: tuple[int, ...]
    mobile: MobileSupply | None = None


class PlanChange(StrEnum):
    """Why a schedule came in the place of another."""

    FIRST = "first"  # there was none
    ASKED = "asked"  # by a person
    CHEAPER = "cheaper"  # by more than the share that it is changed for
    INFEASIBLE = "infeasible"  # the one before breaks a rule, or an outage that it needs is not possible any more


@dataclass(frozen=True, kw_only=True)
class PlanStanding:
    """Since when a schedule stands (simulated) and why, when one was last made anew to compare, what that saves."""

    since: datetime
    checked_at: datetime
    change: PlanChange
    fresh_saves_eur: float = 0.0


class RiskClass(StrEnum):
    """How much an asset's risk matters; the words that the table and the matrix show. From little to much."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"
    VERY_HIGH = "Very high"


CLASS_FROM_EUR = {  # expected consequence of a year's failures from which a class begins; our own round figures
    RiskClass.LOW: 0.0,
    RiskClass.MEDIUM: 1e3,
    RiskClass.HIGH: 1e4,
    RiskClass.VERY_HIGH: 1e5,
}
HYSTERESIS = 0.2  # a class changes once the risk is past its limit by this share
NO_CLASS = -1


def class_places(risk_eur_per_year: FloatArray, before: IntArray | None = None) -> IntArray:
    """(n,) place of each risk's class in RiskClass, NO_CLASS for NaN. before (n,): what holds on near a limit."""
    place = _places(risk_eur_per_year)
    if before is None:
        return place
    up, down = _places(risk_eur_per_year / (1 + HYSTERESIS)), _places(risk_eur_per_year / (1 - HYSTERESIS))
    held = np.clip(before, up, down)
    return np.where((place == NO_CLASS) | (before == NO_CLASS), place, held)


def class_at(place: int) -> RiskClass | None:
    """The class at a place; None for NO_CLASS."""
    return None if place == NO_CLASS else tuple(RiskClass)[place]


def _places(risk: FloatArray) -> IntArray:
    limits = np.array(list(CLASS_FROM_EUR.values()))
    return np.where(np.isfinite(risk), np.searchsorted(limits, np.nan_to_num(risk), side="right") - 1, NO_CLASS)


class Member(StrEnum):
    """The single models, and what they are averaged to; each has its own calibration."""

    AVERAGE = "average"
    XGBOOST = "xgboost"
    RANDOM_FOREST = "random_forest"


class RateMember(StrEnum):
    """What a rate of failures is made of: the parts, and all together as held-out failures bear it out."""

    TOGETHER = "together"
    BY_CAUSE = "by_cause"
    XGBOOST = "xgboost"
    RANDOM_FOREST = "random_forest"


class ModelFileError(ValueError):
    """A file that can't be used as a model: which one, and why."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.reason = file, reason

    def __reduce__(self) -> tuple[type["ModelFileError"], tuple[Path, str]]:
        """From these it is made again in another process."""
        return type(self), (self.file, self.reason)


class RefusedFate(StrEnum):
    """What becomes of kept models that can't be used."""

    LEFT = "left"  # where they are: no others are trained
    PUT_ASIDE = "put_aside"  # others are trained
    IN_THE_WAY = "in_the_way"  # they can't be put aside; others are trained all the same


@dataclass(frozen=True, kw_only=True)
class RefusedModels:
    """Kept models that can't be used: the file, what is wrong with it, and what becomes of them.

    aside: where they were put. failure: what the error says, where they couldn't be put aside.
    """

    file: Path
    reason: str
    fate: RefusedFate
    aside: Path | None = None
    failure: str = ""


class FleetStepKind(StrEnum):
    """What the training on simulated fleets does."""

    STARTING = "starting"
    SIMULATING = "simulating"  # a fleet to fit to or calibrate on
    FITTING = "fitting"  # the model of a horizon
    FITTING_NOVELTY = "fitting_novelty"  # what is unlike healthy assets
    JUDGING = "judging"  # by the last fleet, which is simulated


@dataclass(frozen=True, kw_only=True)
class FleetStep:
    """One step of the training. number: of the fleet, counted from 1, of so many; of FITTING the horizon in days."""

    kind: FleetStepKind
    number: int = 0
    of: int = 0


class Sensed(StrEnum):
    """Features of a week that come from one kind of sensor each."""

    TEMPERATURE = "temperature_residual_k"
    VIBRATION = "vibration_ratio"
    CORROSION = "corrosion"
    DISTORTION = "thd_percent"
    OIL_QUALITY = "oil_quality"


@dataclass(frozen=True)
class SensorDrift:
    """A kind of sensor with which a grid's assets together read high (off > 0) or low, day after day.

    off: in spreads between training's assets of the same kind, age and surroundings. amount: that in the unit of the
    feature, for vibration by which factor. days: since it began.
    """

    sensed: Sensed
    off: float
    amount: float
    assets: int
    days: float


class RateChange(StrEnum):
    """What a grid's own failures say of the rates that it was expected to have."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, kw_only=True)
class OwnFailures:
    """Failures of a grid's assets since a day, against those expected by the rates before they are corrected.

    factor, from low to high with 95 %: by which rates are multiplied for it. change: None where a chart notices none.
    """

    since: datetime
    failures: int
    expected: float
    factor: float
    low: float
    high: float
    change: RateChange | None


class MaintenanceProblemKind(StrEnum):
    """What is wrong beside the prognosis."""

    MODELS_REFUSED = "models_refused"
    TRAINING_FAILED = "training_failed"
    LEARNING_DOWN = "learning_down"  # the last prognosis stands; it starts again by itself
    STEP_FAILED = "step_failed"  # the prognosis or the schedule
    SENSORS_DRIFT = "sensors_drift"  # a kind of sensor reads what training's assets don't
    RATES_DIFFER = "rates_differ"  # the grid's own failures are more or fewer than the rates say


@dataclass(frozen=True, kw_only=True)
class MaintenanceProblem:
    """One thing that is wrong beside the prognosis. failure: what the error says, where something has failed."""

    kind: MaintenanceProblemKind
    refused: RefusedModels | None = None
    failure: str = ""
    drift: SensorDrift | None = None
    own: OwnFailures | None = None
