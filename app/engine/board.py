"""Snapshot: the one immutable record of a cycle that everything outside the engine reads."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from grid.alarms.book import Alarm
from grid.assets.register import AssetRegister
from grid.flow.powerflow import GridState, Injection, Suspect
from grid.network import BoolArray, FloatArray, Network
from grid.telemetry import Event, Frame
from ml.maintenance.model.features import Observation
from ml.optimisation.plans.plan import Action, Requirements
from ml.optimisation.supply.paths import SupplyPaths


@dataclass(frozen=True)
class Metrics:
    """Totals of a state; a value that isn't known is NaN."""

    load_mw: float
    generation_mw: float
    renewable_percent: float  # of generation; NaN where the case doesn't say what its generators are
    loss_mw: float
    loss_percent: float  # of generation
    efficiency_percent: float
    average_risk: float  # mean over branches of risk in MW interrupted, expected within a year
    unsupplied_mw: float
    active_alarms: int


@dataclass(frozen=True, eq=False)
class AssetRisk:
    """Per branch, (m,)."""

    failure_probability: FloatArray  # within one year
    interrupted_mw: FloatArray  # demand that loses supply if the branch fails now
    risk_mw: FloatArray  # the product: MW interrupted, expected within a year
    year_built: FloatArray
    year_generated: BoolArray  # drawn from the seed, because the case doesn't say
    learned: BoolArray  # the probability is the trained models'; the others' is CNAIM's
    model: str


@dataclass(frozen=True, eq=False)
class Supply:
    """How loads are supplied."""

    paths: SupplyPaths
    risk_weight: float
    group_generator: np.ndarray  # (k,) generator index of each share column, -1: all others together
    shares: FloatArray  # (n, k) share of each bus's supply that a generator gives, by tracing the solved flows
    loss_mw: FloatArray  # (n,) branch losses that each bus's demand causes, by tracing


@dataclass(frozen=True)
class CycleStats:
    """How the engine's own clock runs."""

    period_s: float
    last_ms: float
    p95_ms: float
    missed: int  # cycles that were due while an earlier one still ran
    failed: int
    last_error: str


@dataclass(frozen=True)
class Operations:
    """What has been switched by plans and what is still to be done, in order. note: why it stopped, if it did.

    set_points_done: whether generators are held at set-points of plans, which can be undone.
    """

    done: tuple[Action, ...]
    pending: tuple[Action, ...]
    note: str
    set_points_done: bool = False


@dataclass(frozen=True, eq=False)
class WorstHour:
    """The worst of the coming hours: its beginning, and its median injections."""

    time: datetime
    injection: Injection


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything about one cycle. A stale one shows the last state that could be solved, and says why."""

    version: int
    iteration: int
    created_at: datetime  # wall clock, UTC
    simulated_at: datetime
    network: Network
    frame: Frame
    injection: Injection  # with what loads without supply took last
    state: GridState
    stale: bool
    stale_reason: str
    suspects: tuple[Suspect, ...]
    temperature_c: FloatArray  # (m,) conductor or hot spot
    temperature_limit_c: FloatArray  # (m,)
    risk: AssetRisk
    condition: Observation  # what the condition sensors of the branches show
    is_asset: BoolArray  # (m,) branches that failure models know
    register: AssetRegister
    supply: Supply
    metrics: Metrics
    alarms: tuple[Alarm, ...]
    events: tuple[Event, ...]
    operations: Operations
    requirements: Requirements  # that plans are made by
    yearly_load_mw: FloatArray  # (k,) total load of the load profile, spread evenly over a year from 1 January
    loss_hours_per_year: float  # hours at the present load that lose as much as a year of the load profile
    speed_minutes_per_s: float
    paused: bool
    source: str
    cycle: CycleStats
    worst_hour: WorstHour | None = None  # once the lookout has looked ahead
