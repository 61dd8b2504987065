"""Board: one immutable record of one network and one version, which everything outside the engine reads.

It holds the snapshot of the latest cycle, the history that belongs to it, what each worker has reported of that
network, and what all of it is worth. A reader takes one reference and never joins two truths.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from app.engine.quality import BoardProblem, BoardQuality
from grid.alarms.book import Alarm
from grid.alarms.cards import AlarmCard, StandingLimit
from grid.assets.failure_log import FailureLog
from grid.assets.register import AssetRegister
from grid.files.findings import ImportReport
from grid.flow.metrics import Metrics
from grid.flow.powerflow import GridState, Injection, Suspect
from grid.limits import LimitEdit
from grid.network import BoolArray, FloatArray, Network
from grid.protection.cold_load import ColdLoadModel
from grid.protection.records import LocatedFault
from grid.reliability.customers import Customers
from grid.reliability.indices import ReliabilityIndices
from grid.reliability.priorities import Priorities
from grid.sources.past import Past
from grid.sources.seams import SourceOffers
from grid.telemetry import Event, Frame
from ml.maintenance.model.features import Observation
from ml.maintenance.model.risk import AssetRisk
from ml.optimisation.plans.by_hand import Operation
from ml.optimisation.plans.plan import Action, PlanProblem, Requirements
from ml.optimisation.plans.tags import Tags
from ml.optimisation.plans.timeline import FieldWork
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


@dataclass(frozen=True, kw_only=True)
class StateFigures:
    """What a plan is judged by, of one state; NaN where it isn't known."""

    loss_kw: float
    unsupplied_kw: float
    min_vm_pu: float
    max_loading_percent: float  # of the branches whose ratings count for the plan


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """What a plan has promised, and what was measured in the first cycle after it was carried out.

    code: of the plan. actions: of it that were carried out, none where it sets generators alone. Times are simulated.
    """

    code: str
    actions: tuple[Action, ...]
    ordered_at: datetime
    measured_at: datetime
    promised: StateFigures
    measured: StateFigures


@dataclass(frozen=True, kw_only=True)
class HandOperation:
    """An operation by hand that was carried out. ordered_at: simulated. dark_kw: load that it was to cut off.

    taken_back: whether it was undone since.
    """

    id: int  # rising, of one network
    operation: Operation
    person: str
    ordered_at: datetime
    dark_kw: float
    taken_back: bool = False


@dataclass(frozen=True)
class Operations:
    """What has been switched by plans and by hand and what is still to be done, in order. stopped: why it did, if so.

    set_points_done: whether generators are held at set-points, which can be undone. followed: the last plans that were
    carried out, the last one last. by_hand: the last operations by hand, also those that were taken back. taps_done:
    whether taps were moved by hand, which can be undone.
    """

    done: tuple[Action, ...]
    pending: tuple[Action, ...]
    stopped: PlanProblem | None = None
    set_points_done: bool = False
    followed: tuple[FollowUp, ...] = ()
    by_hand: tuple[HandOperation, ...] = ()
    taps_done: bool = False

    @property
    def may_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self.done) or self.set_points_done or self.taps_done


@dataclass(frozen=True, eq=False)
class WorstHour:
    """The worst of the coming hours: its beginning, and its median injections."""

    time: datetime
    injection: Injection


@dataclass(frozen=True, eq=False, kw_only=True)
class WatchedCase:
    """What stays as long as one network is watched."""

    network: Network
    report: ImportReport  # how its reading ended
    register: AssetRegister
    is_asset: BoolArray  # (m,) branches that failure models know
    failures: FailureLog | None  # that its assets really had; None where nobody says
    temperature_limit_c: FloatArray  # (m,)
    standing: tuple[StandingLimit, ...]  # what the published state of a built-in case breaks itself
    customers: Customers
    priorities: Priorities  # of supply, by the file and by people
    cold_load: ColdLoadModel  # what is expected to come back with supply
    limit_edits: tuple[LimitEdit, ...]  # by people, the first first
    field_work: FieldWork  # how switches are worked, and how long repairs take
    yearly_load_mw: FloatArray  # (k,) total load of the load profile, spread evenly over a year from 1 January


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredCycle:
    """What came in, and from where."""

    frame: Frame
    source: str


@dataclass(frozen=True, eq=False, kw_only=True)
class SolvedCycle:
    """The AC state of what was measured; a stale one is the last that could be solved, and says why."""

    injection: Injection  # with what loads without supply would take, without pick-up
    state: GridState
    stale: bool
    stale_because: BoardProblem | None
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class AssessedCycle:
    """What the state means."""

    temperature_c: FloatArray  # (m,) conductor or hot spot
    risk: AssetRisk
    condition: Observation  # what the condition sensors of the branches show
    supply: Supply
    metrics: Metrics
    alarms: tuple[Alarm, ...]  # all that are not normal
    alarm_cards: tuple[AlarmCard, ...]  # the same, consequences folded under their root causes
    loss_hours_per_year: float  # hours at the present load that lose as much as a year of the load profile
    worst_hour: WorstHour | None  # once the forecast worker has looked ahead
    dark_minutes: FloatArray  # (l,) how long loads have been without supply, 0 with it
    reliability: ReliabilityIndices  # since this network is watched
    faults: tuple[LocatedFault, ...]  # trips whose fault isn't repaired, with what is known of the place


@dataclass(frozen=True, eq=False, kw_only=True)
class CycleControl:
    """What people and plans have asked for, and how the engine runs."""

    operations: Operations
    requirements: Requirements  # that plans are made by
    tags: Tags  # which plans keep as well
    normal: BoolArray | None  # (m,) switch states to go back to after a repair; None while the present ones are normal
    events: tuple[Event, ...]
    speed_minutes_per_s: float
    paused: bool
    offers: SourceOffers  # what people may ask of the source
    cycle: CycleStats


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """Everything about one cycle, part by part. A stale one shows the last state that could be solved, and says why.

    made_at_s: when it was created by the clock that nobody sets (time.monotonic); ages are counted by it.
    """

    version: int
    iteration: int
    created_at: datetime  # wall clock, UTC
    made_at_s: float
    simulated_at: datetime
    case: WatchedCase
    measured: MeasuredCycle
    solved: SolvedCycle
    assessed: AssessedCycle
    control: CycleControl

    def age_s(self, now_s: float) -> float:
        """Age in s at a moment of the clock that made_at_s is of; never negative, whoever sets the computer's time."""
        return max(0.0, now_s - self.made_at_s)

    @property
    def objective_kw(self) -> float:
        """What the optimiser minimises: losses, and the demand expected to be interrupted, weighted."""
        expected_kw = 1000 * float(self.assessed.risk.risk_mw.sum())
        return 1000 * self.assessed.metrics.loss_mw + self.control.requirements.risk_weight * expected_kw


class Quantity(StrEnum):
    """What is kept of each cycle: totals by the names of Metrics' fields, the reward, and values by bus or branch."""

    LOAD_MW = "load_mw"
    GENERATION_MW = "generation_mw"
    RENEWABLE_PERCENT = "renewable_percent"
    LOSS_MW = "loss_mw"
    LOSS_PERCENT = "loss_percent"
    EFFICIENCY_PERCENT = "efficiency_percent"
    UNSUPPLIED_MW = "unsupplied_mw"
    AVERAGE_RISK = "average_risk"
    ACTIVE_ALARMS = "active_alarms"
    REWARD_KW = "reward_kw"  # minus the optimiser's objective
    BUS_VM_PU = "bus.vm_pu"
    BRANCH_LOADING_PERCENT = "branch.loading_percent"
    BRANCH_TEMPERATURE_C = "branch.temperature_c"


@dataclass(frozen=True)
class Point:
    """A quantity whose past is kept; element: the bus or branch, None where it is of the whole grid."""

    quantity: Quantity
    element: int | None = None


@dataclass(frozen=True, eq=False)
class Trend:
    """k values over simulated time; time is datetime64[s], rising."""

    time: np.ndarray
    value: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class KeptCycle:
    """What is kept of one cycle for the whole grid."""

    simulated_at: datetime
    metrics: Metrics


class History(Protocol):
    """What is kept of a network's past cycles. The engine appends, everybody else reads."""

    hours: Any  # cycles gathered into hours, taken once by the forecasts' worker
    past: Past | None  # what came before the start, where the source knows

    def append(self, snapshot: Snapshot) -> None:
        """Add a cycle. One of the same moment as the last, as while paused, takes its place."""
        ...

    def range(
        self,
        point: Point,
        start: datetime | None = None,
        end: datetime | None = None,
        resolution: timedelta | None = None,
    ) -> Trend:
        """What is kept of a point from start on and before end, by default from the first cycle to the last.

        With a resolution means of intervals that begin at whole multiples of it, each at its beginning; intervals
        without a cycle are left out. LookupError for a point that isn't kept, ValueError for a resolution below 1 s.
        """
        ...

    def at(self, time: datetime) -> KeptCycle | None:
        """The cycle nearest to a simulated time; None where none within a quarter of an hour is kept."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Published:
    """A worker's report: of which network, and of which snapshot's version it was computed."""

    worker: str
    network: Network
    version: int  # of the report, rising
    computed_from: int
    report: Any  # the worker's own record; GridWorker.report_on gives it its type back


@dataclass(frozen=True, eq=False, kw_only=True)
class Board:
    """All that is known at one moment. version rises whenever any part is replaced."""

    version: int
    snapshot: Snapshot
    history: History
    reports: Mapping[str, Published]  # by the worker's name; all of the snapshot's network
    quality: BoardQuality

    @property
    def network(self) -> Network:
        """The network that all parts are of."""
        return self.snapshot.case.network


class NotReadyError(LookupError):
    """There is no snapshot yet."""


class BoardStore:
    """The latest board. One thread, the engine's, replaces it; anybody reads."""

    def __init__(self) -> None:
        self._latest: Board | None = None

    def replace(self, board: Board) -> None:
        """Make this the latest."""
        self._latest = board

    @property
    def ready(self) -> bool:
        """Whether a first snapshot exists."""
        return self._latest is not None

    @property
    def latest(self) -> Board:
        """The latest board. NotReadyError before the first cycle."""
        if self._latest is None:
            raise NotReadyError("no cycle has run yet")
        return self._latest


NO_REPORTS: Mapping[str, Published] = MappingProxyType({})
