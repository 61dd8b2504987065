"""What the process that answers asks of the process that learns, and what it is told. Plain records, without torch.

A request names in its type what answers it: `learning.ask(TrainPolicy(...))` is a PolicyNews. Networks go over once,
with the requests that begin something; nothing that comes back holds one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

import pandas as pd

from grid.flow.powerflow import Injection
from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel
from grid.sources.past import Past
from grid.studies.hosting import HostingMargin
from ml.forecasting.live.hourly import Hour
from ml.forecasting.records import Accuracy, Ahead, ChanceRecord, Contest, Forecast, SeriesInfo, SeriesReport
from ml.maintenance.model.card import ModelCard
from ml.maintenance.model.features import Observation
from ml.maintenance.model.prognosis import Prognosis
from ml.maintenance.records import FleetStep, RefusedModels
from ml.optimisation.plans.ahead import FuturePlan, PlanAhead
from ml.optimisation.plans.outages import SingleOutage
from ml.optimisation.plans.plan import NoPlan, Requirements
from ml.optimisation.plans.timeline import FieldWork
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.progress import DecisionGap, Progress

Answer = TypeVar("Answer")


class LearnerName(StrEnum):
    """Who learns. Each answers its own requests one after the other; they don't wait for each other."""

    POLICIES = "policies"
    FAILURE_MODELS = "failure models"
    FORECASTS = "forecasts"
    OUTAGES = "outages"  # which don't learn, but work as long


class LearningRequest(Generic[Answer]):
    """What is asked of one learner."""

    learner: ClassVar[LearnerName]


# --- policies --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class PolicyNews:
    """How far a policy is. curve: of all episodes, thinned out evenly. policy: what has been learned so far.

    not_kept: why the policy couldn't be written for the next start; empty where it could, or needn't.
    """

    episodes: int
    wanted: int
    seconds: float
    curve: tuple[Progress, ...]
    gaps: tuple[DecisionGap, ...]
    policy: LearnedPolicy
    not_kept: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class BeginPolicy(LearningRequest[PolicyNews]):
    """Learn for another network from now on, from where it was kept. failure_probability: (m,) within a year."""

    learner = LearnerName.POLICIES
    network: Network
    failure_probability: FloatArray
    switching_episodes: int
    dispatch_episodes: int
    seed: int
    cache_dir: Path


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainPolicy(LearningRequest[PolicyNews]):
    """Go on: with the first training for so many seconds, afterwards one episode around an operating point."""

    learner = LearnerName.POLICIES
    most_s: float
    operating_point: OperatingPoint
    risk_weight: float


# --- failure models --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainingState:
    """Of the fleet models: whether it runs, the step it is at of how many, and what it does, None where nothing."""

    running: bool
    step: int
    steps: int
    doing: FleetStep | None


NOT_TRAINING = TrainingState(False, 0, 0, None)


@dataclass(frozen=True, kw_only=True)
class ModelsState:
    """What is known of the failure models. card: of those in use, None without.

    refused: kept ones that can't be used, None where they can. failure: why a training failed, not_kept: why trained
    ones couldn't be written, as the error says it; empty where it isn't so.
    """

    card: ModelCard | None
    training: TrainingState
    refused: RefusedModels | None = None
    failure: str = ""
    not_kept: str = ""


@dataclass(frozen=True, kw_only=True)
class BeginModels(LearningRequest[ModelsState]):
    """Take the kept models, or train where there are none; damaged ones are put aside. fleets: 0 trains nothing."""

    learner = LearnerName.FAILURE_MODELS
    folder: Path
    seed: int
    fleets: int
    assets: int


@dataclass(frozen=True, kw_only=True)
class AskModels(LearningRequest[ModelsState]):
    """What is known of the models now."""

    learner = LearnerName.FAILURE_MODELS


@dataclass(frozen=True, kw_only=True)
class ReloadModels(LearningRequest[ModelsState]):
    """Read the kept models again. Raises ModelFileError where they are refused: the present ones stay."""

    learner = LearnerName.FAILURE_MODELS
    folder: Path


@dataclass(frozen=True, eq=False, kw_only=True)
class PrognosisNews:
    """A prognosis, and the models that it was made by."""

    prognosis: Prognosis
    models: ModelsState


@dataclass(frozen=True, eq=False, kw_only=True)
class MakePrognosis(LearningRequest[PrognosisNews]):
    """The prognosis from what is seen of n assets. is_asset: (n,) False for what no model was trained on."""

    learner = LearnerName.FAILURE_MODELS
    seen: Observation
    is_asset: BoolArray
    stale: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Drivers(LearningRequest[Mapping[str, float]]):
    """What each feature of one asset (1, f) adds to the log of its failure rate within 365 days; empty without."""

    learner = LearnerName.FAILURE_MODELS
    features: pd.DataFrame


# --- forecasts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class BegunForecasts:
    """hours: the last ones of the simulated past with their losses, the earliest first."""

    hours: tuple[Hour, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class BeginForecasts(LearningRequest[BegunForecasts]):
    """Forecast for another network from now on. past: None where nothing is known of it.

    yearly_load_mw: (k,) total load of the load profile, spread evenly over a year from 1 January. cache_dir: where said
    chances are kept with what came of them.
    """

    learner = LearnerName.FORECASTS
    network: Network
    now: datetime
    yearly_load_mw: FloatArray
    past: Past | None
    history_days: int
    seed: int
    cache_dir: Path


@dataclass(frozen=True, eq=False, kw_only=True)
class ForecastNews:
    """What comes next, by the latest look. waiting: series with history enough for a model and none yet.

    forecasts: those by series and time of issue that are new or another than before; issues: all that are kept.
    worst_injection: the median scenario of the worst hour. contest: of a model that was trained anew just now. chances:
    what came of those said, None while models that they rest on are learned.
    """

    series: tuple[SeriesReport, ...]
    ahead: Ahead
    worst_injection: Injection
    hosting: HostingMargin | None
    forecasts: Mapping[str, Mapping[datetime, Forecast]]
    issues: Mapping[str, tuple[datetime, ...]]
    actual_mw: Mapping[str, tuple[datetime, FloatArray]]
    accuracy: Mapping[str, Accuracy | None]
    chances: ChanceRecord | None
    waiting: int


@dataclass(frozen=True, eq=False, kw_only=True)
class ForecastAnew(LearningRequest[ForecastNews]):
    """Take in hours that are over, then forecast all series from the present hour on and solve their scenarios.

    injection and closed (m,): of the present moment. held: whether generators are held at set-points of plans.
    """

    learner = LearnerName.FORECASTS
    hours: tuple[Hour, ...]
    now: datetime
    injection: Injection
    closed: BoolArray
    held: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class FollowPlan(LearningRequest[PlanAhead | None]):
    """Whether a plan holds on the courses of the latest look; None before there is one of the network of that name.

    now: the simulated moment. hours: to look ahead.
    """

    learner = LearnerName.FORECASTS
    network_name: str
    future: FuturePlan
    now: datetime
    hours: int
    cold_load: ColdLoadModel


@dataclass(frozen=True, kw_only=True)
class SeriesTrained:
    """What one step of training did. due: whether there was anything to do. contest: of a model that is renewed."""

    due: bool
    renewed: SeriesInfo | None = None
    contest: Contest | None = None


@dataclass(frozen=True, kw_only=True)
class TrainSeries(LearningRequest[SeriesTrained]):
    """Train one series that has no model yet, or one whose model is old. Some seconds."""

    learner = LearnerName.FORECASTS
    now: datetime


# --- outages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class BegunOutages:
    """why_not: the optimiser can't restore in this grid; None where it can, and where nothing is switched."""

    why_not: NoPlan | None


@dataclass(frozen=True, eq=False, kw_only=True)
class BeginOutages(LearningRequest[BegunOutages]):
    """Try single outages of a network from now on. seed: of the optimiser that restores."""

    learner = LearnerName.OUTAGES
    network: Network
    seed: int


@dataclass(frozen=True, eq=False, kw_only=True)
class TryOutages(LearningRequest[tuple[SingleOutage, ...]]):
    """What the outages of some branches come to at one moment.

    policy: by which restorations are chosen, None for the prior. customers: (l,) of each load.
    """

    learner = LearnerName.OUTAGES
    branches: tuple[int, ...]
    moment: OperatingPoint
    wanted: Requirements
    policy: LearnedPolicy | None
    customers: FloatArray
    work: FieldWork
