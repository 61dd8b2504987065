"""Snapshot: the one immutable record of a cycle that everything outside the engine reads."""

from dataclasses import dataclass
from datetime import datetime

from grid.alarms.book import Alarm
from grid.assets.register import AssetRegister
from grid.flow.metrics import Metrics
from grid.flow.powerflow import GridState, Injection, Suspect
from grid.network import BoolArray, FloatArray, Network
from grid.telemetry import Event, Frame
from ml.maintenance.model.features import Observation
from ml.maintenance.model.risk import AssetRisk
from ml.optimisation.plans.plan import Action, PlanProblem, Requirements
from ml.optimisation.supply.supply import Supply


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
    """What has been switched by plans and what is still to be done, in order. stopped: why it did, if so.

    set_points_done: whether generators are held at set-points of plans, which can be undone.
    """

    done: tuple[Action, ...]
    pending: tuple[Action, ...]
    stopped: PlanProblem | None = None
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
