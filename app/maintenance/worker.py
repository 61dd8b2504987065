"""Maintainer: the worker that keeps a prognosis for the latest snapshot, and the schedule.

It reads snapshots and never holds up a cycle. The failure models are in the process that learns, which trains them on
simulated fleets when there are none yet and makes the prognoses; until they are there, and wherever they can't be
believed, the published hazard stands in. While that process is down, its last prognosis stands.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from app.engine.board import Board, BoardStore, Snapshot
from app.engine.engine import Engine
from app.engine.jobs import JobDropCause, JobTicket
from app.engine.quality import KeptKind, ProblemCause
from app.engine.worker import GridWorker
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import (
    NOT_TRAINING,
    AskModels,
    BeginModels,
    Drivers,
    MakePrognosis,
    ModelsState,
    ReloadModels,
    TrainingState,
)
from app.maintenance.drivers import DriverDesk, DriversFound, DriversState
from app.maintenance.schedule import first_monday, make_schedule, same_windows, terms_of
from app.settings import Settings
from grid.network import FloatArray, IntArray, Network
from ml.maintenance.daily import DailyPrognosis
from ml.maintenance.drift import SensorWatch, set_back
from ml.maintenance.interruption import UsualInterruption
from ml.maintenance.model.card import ModelCard
from ml.maintenance.model.features import Observation, features_of
from ml.maintenance.model.prognosis import HORIZONS, Prognosis, prognose
from ml.maintenance.own_failures import own_failures
from ml.maintenance.records import (
    MaintenanceProblem,
    MaintenanceProblemKind,
    OwnFailures,
    PlanChange,
    SensorDrift,
    class_places,
)
from ml.maintenance.schedule.economics import ScheduleView, failure_cost_eur, moved_pins
from ml.maintenance.schedule.standing import begun, held
from ml.maintenance.schedule.terms import MaintenanceTerms

log = logging.getLogger(__name__)
RATE_HORIZON_DAYS = 90  # of the failure rate that paths, plans and the map count with: the days that plans are for
YEAR_COLUMN = HORIZONS.index(365)
POINTS_KEPT = 240  # of the trends of probabilities
VALUES_KEPT = 6_000_000  # float32: 24 MB on the largest grids, where fewer points are kept
HOURS_BETWEEN_POINTS = 1.0
DRIVERS_S = 3.0  # that a person waits for them at most; an asset is shown without them until they are there


@dataclass(frozen=True, eq=False)
class MaintenanceReport:
    """What the maintainer knows about a network, arrays in the order of its branches. version rises with each report.

    problems: a model file that was refused, a training or schedule that failed. schedule: None until one was made.
    card: of the models behind the prognosis, None where there are none. seen: without what sensors drift by, as the
    models judged it.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    prognosis: Prognosis | None
    seen: Observation | None
    card: ModelCard | None
    training: TrainingState
    problems: tuple[MaintenanceProblem, ...]
    schedule: ScheduleView | None
    scheduling: bool
    classes: IntArray | None = None  # (m,) places in RiskClass, which hold on near a limit; None without a prognosis
    consequence_eur: FloatArray | None = None  # (m,) of a failure, by what is interrupted in the mean of the last week
    own: OwnFailures | None = None  # by which the prognosis is corrected; None without a log of them


@dataclass(frozen=True, eq=False)
class ProbabilityTrend:
    """k points of one asset over simulated time (datetime64[s]): failure within 365 days, its range, and CNAIM's."""

    time: np.ndarray
    probability: FloatArray
    low: FloatArray
    high: FloatArray
    published: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class _WantedSchedule:
    """Pins that a schedule is asked for with, by branch, and the job that tells how it goes, where somebody asks."""

    network: Network
    pins: Mapping[int, int]
    job: JobTicket | None

    @property
    def cancelled(self) -> bool:
        return self.job is not None and self.job.job.ended

    def drop(self, cause: JobDropCause) -> None:
        """It isn't made any more."""
        if self.job is not None:
            self.job.cancel(cause)


def _untold(_: float) -> None:
    """Nobody asks how far a schedule is."""


NO_MODELS = ModelsState(card=None, training=NOT_TRAINING)


class MaintenanceWorker(GridWorker[MaintenanceReport]):
    """Owns the prognosis and the schedule. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, boards: BoardStore, learning: LearningHost) -> None:
        super().__init__("maintenance", engine, boards)
        self._settings, self._engine, self._learning = settings, engine, learning
        self._terms = terms_of(settings)
        self._lock = threading.Lock()  # held while the trend, or the schedule that is wanted, is written or read
        self._models, self._begun = NO_MODELS, 0  # begun: the generation of what learns that was told to begin
        self._seen = -1
        self._down = False  # what learns doesn't answer
        self._made: MaintenanceReport | None = None  # the last one, which may still be on its way to the board
        self._schedule: ScheduleView | None = None
        self._tried: tuple[date, bool, date] | None = None  # what _due said at the last attempt
        self._wanted: _WantedSchedule | None = None
        self._trend: deque[tuple[np.datetime64, FloatArray]] = deque()
        self._daily = DailyPrognosis()
        self._drivers = DriverDesk(learning)
        self._watch: SensorWatch | None = None
        self._drifts: tuple[SensorDrift, ...] = ()
        self._own: OwnFailures | None = None
        self._classes: IntArray | None = None
        self._interruption = UsualInterruption()
        self._usual_mw: FloatArray | None = None  # what failures would interrupt

    # --- what others ask for -------------------------------------------------------------------------------------

    @property
    def terms(self) -> MaintenanceTerms:
        """What maintenance costs and saves, and who does it."""
        return self._terms

    @property
    def begun(self) -> bool:
        """Whether what learns has been told to read the models, and has answered."""
        return self._begun > 0

    def trend(self, network: Network, branch: int) -> ProbabilityTrend:
        """How an asset's failure probability developed since the watch began."""
        with self._lock:
            points = list(self._trend) if self._network is network else []
        time = np.array([moment for moment, _ in points], dtype="datetime64[s]")
        values = np.array([value[:, branch] for _, value in points], dtype=float).reshape(-1, 4)
        return ProbabilityTrend(time, *values.T)

    def reschedule(self, report: MaintenanceReport, pins: Mapping[int, int], job: JobTicket | None = None) -> None:
        """Make a schedule with jobs of a report's settled by hand: branch to week from 0, or -1 for deferred.

        ValueError for a branch or week that there isn't. Pins of a network that isn't watched any more are dropped, and
        so are those that wait when others are asked for. job: tells how it goes, and what came of it (ScheduleView).
        """
        if report.schedule is not None:
            report.schedule.check_pins(pins)
        self._want(_WantedSchedule(network=report.network, pins=dict(pins), job=job), JobDropCause.OTHER_SCHEDULE)
        self._thread.wake()

    def reload(self) -> None:
        """Read the model files again. ModelFileError where they are refused: the running models stay.

        LearningDownError where what learns doesn't answer.
        """
        self._know(self._learning.ask(ReloadModels(folder=self._settings.models_dir)))
        self._seen = -1
        self._thread.wake()

    def drivers(self, report: MaintenanceReport, branch: int) -> DriversFound:
        """What each feature adds to the log of the failure rate within 365 days, or why that isn't known now."""
        seen, found = report.seen, report.prognosis
        if report.card is None or seen is None or found is None or not found.learned[branch]:
            return DriversFound(DriversState.NO_MODEL)

        def one() -> Drivers:
            return Drivers(features=features_of(seen).iloc[[branch]])

        as_of = (report.simulated_at, report.card.trained_at)
        return self._drivers.of(report.network, branch, as_of, one, DRIVERS_S)

    def drivers_mark(self, network: Network, branch: int) -> str:
        """Another one whenever it is worth asking for an asset's drivers again."""
        return self._drivers.mark(network, branch)

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> MaintenanceReport:
        """No prognosis and no schedule; what is known of the models."""
        return MaintenanceReport(
            network, 0, None, None, None, self._models.card, self._models.training, self._found_wrong, None, False
        )

    def take_up(self, board: Board) -> None:
        """Begin with a network: no trend, no schedule."""
        self._schedule, self._tried, self._seen, self._classes = None, None, -1, None
        self._daily.forget()
        self._interruption, self._usual_mw = UsualInterruption(), None
        self._watch, self._drifts, self._own = None, (), None
        with self._lock:
            self._network = board.network
            self._trend.clear()

    def step(self, board: Board) -> bool:
        """Hear of the models, a prognosis for a snapshot that is new, and the schedule that is due."""
        news, seen = self.hear_of_models(), self._seen
        self._seen = board.snapshot.version
        if news or self._seen != seen:
            self.look(board)
        self.schedule_once(board)
        return False

    def failed(self, board: Board) -> None:
        """Show a failure, or that the last one is over."""
        latest = self.report_on(board)
        if latest.version:
            self._publish_changed(latest, board, problems=self._found_wrong)

    @property
    def _found_wrong(self) -> tuple[MaintenanceProblem, ...]:
        models, kind = self._models, MaintenanceProblemKind
        found = []
        if models.refused is not None:
            found.append(MaintenanceProblem(kind=kind.MODELS_REFUSED, refused=models.refused))
        if models.failure:
            found.append(MaintenanceProblem(kind=kind.TRAINING_FAILED, failure=models.failure))
        if self._down:
            found.append(MaintenanceProblem(kind=kind.LEARNING_DOWN))
        if self.failure:
            found.append(MaintenanceProblem(kind=kind.STEP_FAILED, failure=self.failure))
        found += [MaintenanceProblem(kind=kind.SENSORS_DRIFT, drift=drift) for drift in self._drifts]
        if self._own is not None and self._own.change is not None:
            found.append(MaintenanceProblem(kind=kind.RATES_DIFFER, own=self._own))
        return tuple(found)

    def load_or_train(self) -> None:
        """Have the kept models taken, or others trained where there are none. Raises LearningDownError."""
        settings = self._settings
        begin = BeginModels(
            folder=settings.models_dir,
            seed=settings.seed,
            fleets=settings.training_fleets,
            assets=settings.training_assets,
        )
        generation = self._learning.generation
        self._know(self._learning.ask(begin, self.beat))
        self._begun = generation

    def hear_of_models(self) -> bool:
        """Begin with models where what learns is new, and hear how far a training is; whether anything has changed."""
        before, generation = (self._models, self._down), self._learning.generation
        try:
            if generation and generation != self._begun:
                self.load_or_train()
            elif generation and self._models.training.running:
                self._know(self._learning.ask(AskModels(), self.beat))
            self._down = not generation and bool(self._begun)
        except LearningDownError:
            self._down = True
        return (self._models, self._down) != before

    def _know(self, models: ModelsState) -> None:
        """Take in what is known of the models, and show what is wrong with them."""
        folder, refused = str(self._settings.models_dir), models.refused
        self._models = models
        said = "" if refused is None else f"{refused.file}: {refused.reason}"
        self.tell(ProblemCause.MODELS_REFUSED, said, folder, refused=refused)
        self.tell(ProblemCause.LEARNING_FAILED, models.failure, "failure models")
        self.tell(ProblemCause.NOT_KEPT, models.not_kept, folder, kept=KeptKind.FAILURE_MODELS)

    def look(self, board: Board) -> None:
        """Make and publish the prognosis for a board's snapshot, and let the engine count with it."""
        snapshot = board.snapshot
        if self._network is not snapshot.case.network:
            self.take_up(board)
        self._drifts = self._watched(snapshot)
        looked = snapshot.assessed.condition
        seen = replace(looked, week=set_back(looked.week, self._drifts))
        found = self._prognosis(snapshot, seen)
        if found is None:
            self._publish_changed(self.report_on(board), board, problems=self._found_wrong)
            return
        card = self._models.card
        found = self._daily.take(found, snapshot.simulated_at, "" if card is None else card.trained_at)
        own = self._own = self._own_failures(snapshot, found)
        found = found if own is None else found.multiplied(own.factor)
        consequence_eur = self._consequences(snapshot)
        self._classes = class_places(found.probability[:, YEAR_COLUMN] * consequence_eur, self._classes)
        rate = np.where(found.learned, found.rate_per_year(RATE_HORIZON_DAYS), np.nan)
        self._engine.set_failure_rates(snapshot.case.network, rate, 1.0 if own is None else own.factor)
        self._remember(snapshot, found)
        self._publish(board, found, seen, consequence_eur)

    def _prognosis(self, snapshot: Snapshot, seen: Observation) -> Prognosis | None:
        """By the models, by the published hazard while there are none; None where the last one stands."""
        if self._models.card is not None and self._begun:
            try:
                wanted = MakePrognosis(seen=seen, is_asset=snapshot.case.is_asset, stale=snapshot.solved.stale)
                news = self._learning.ask(wanted, self.beat)
            except LearningDownError:
                self._down = True
                made = self._made
                if made is not None and made.network is snapshot.case.network and made.prognosis is not None:
                    return None
            else:
                self._know(news.models)
                return news.prognosis
        return prognose(None, seen, snapshot.case.is_asset, snapshot.solved.stale)

    def _watched(self, snapshot: Snapshot) -> tuple[SensorDrift, ...]:
        """What sensors drift against the training of the models in use; as before where measurements are stale."""
        card = self._models.card
        if card is None or card.usual is None:
            self._watch = None
            return ()
        if self._watch is None or self._watch.trained_at != card.trained_at:
            self._watch = SensorWatch(card.usual, card.trained_at)
        if snapshot.solved.stale:
            return self._drifts
        return self._watch.take(snapshot.assessed.condition, snapshot.case.is_asset, snapshot.simulated_at)

    def _consequences(self, snapshot: Snapshot) -> FloatArray:
        """(m,) what failures cost, EUR: by the loads of the last week, of which what is stale is no part."""
        if self._usual_mw is None or not snapshot.solved.stale:
            interrupted_mw, closed = snapshot.assessed.risk.interrupted_mw, snapshot.solved.state.closed
            self._usual_mw = self._interruption.take(interrupted_mw, closed, snapshot.simulated_at)
        return failure_cost_eur(snapshot.case.network, snapshot.case.register, self._usual_mw, self._terms)

    def _own_failures(self, snapshot: Snapshot, found: Prognosis) -> OwnFailures | None:
        """What the grid's own log of failures says of the rates, where there is one."""
        log = snapshot.case.failures
        if log is None:
            return None
        rate = found.rate_per_year(HORIZONS[YEAR_COLUMN])
        return own_failures(log, rate, snapshot.case.is_asset, snapshot.simulated_at)

    def schedule_once(self, board: Board) -> None:
        """Make the schedule that is asked for, or a first one; once a simulated day, see whether it still stands.

        Of filtered rates and interruptions (ml.maintenance.daily, ml.maintenance.interruption). Windows are asked for
        anew in another week, with other models, and when switches have changed.
        """
        snapshot, report = board.snapshot, self._made
        if report is None or report.network is not snapshot.case.network or snapshot.solved.stale:
            return
        prognosis, consequence_eur = report.prognosis, report.consequence_eur
        if prognosis is None or consequence_eur is None:
            return
        asked, due = self._want(None), self._due(snapshot, report)
        if asked is not None and asked.network is not snapshot.case.network:
            asked.drop(JobDropCause.OTHER_GRID)
            asked = None
        if asked is not None and asked.cancelled:
            asked = None
        if asked is None and due == self._tried:
            return
        before = self._schedule
        pins = asked.pins if asked is not None else before.pins if before is not None else {}
        same_models = self._tried is not None and self._tried[1] == due[1]  # others may rank other assets first
        self._tried = due
        kept = pins if before is None else moved_pins(pins, before.first_day, due[0])
        at, terms, checked = snapshot.simulated_at, self._terms, asked is None
        known = before if checked and same_models and before and same_windows(snapshot, before) else None
        if known is None:
            self._publish_changed(report, board, scheduling=True)
        try:
            if asked is None or asked.job is None:
                fresh = make_schedule(snapshot, prognosis, consequence_eur, kept, terms, _untold, known)
                change = PlanChange.FIRST if checked else PlanChange.ASKED
                self._schedule = held(before, fresh, at) if checked and before is not None else begun(fresh, at, change)
            else:
                step = asked.job.step
                made = asked.job.run(
                    lambda: begun(
                        make_schedule(snapshot, prognosis, consequence_eur, kept, terms, step), at, PlanChange.ASKED
                    )
                )
                self._schedule = self._schedule if made is None else made  # the one before stays where it is cancelled
        finally:
            self._publish_changed(report, board, schedule=self._schedule, scheduling=False)

    def _due(self, snapshot: Snapshot, report: MaintenanceReport) -> tuple[date, bool, date]:
        """Another one when the schedule is to be looked at again."""
        return first_monday(snapshot), report.card is not None, snapshot.simulated_at.date()

    def _want(self, wanted: _WantedSchedule | None, dropped: JobDropCause | None = None) -> _WantedSchedule | None:
        """Put this in the place of what was wanted, and drop that where there is a cause; what it was."""
        with self._lock:
            before, self._wanted = self._wanted, wanted
        if before is not None and dropped is not None:
            before.drop(dropped)
        return before

    def _remember(self, snapshot: Snapshot, found: Prognosis) -> None:
        now = np.datetime64(snapshot.simulated_at.replace(tzinfo=None), "s")
        with self._lock:
            if self._trend and now - self._trend[-1][0] < np.timedelta64(int(3600 * HOURS_BETWEEN_POINTS), "s"):
                return
            value = np.stack([found.probability[:, -1], found.low[:, -1], found.high[:, -1], found.published[:, -1]])
            self._trend.append((now, value.astype(np.float32)))
            most = max(24, min(POINTS_KEPT, VALUES_KEPT // max(value.size, 1)))
            while len(self._trend) > most:
                self._trend.popleft()

    def _publish(self, board: Board, found: Prognosis, seen: Observation, consequence_eur: FloatArray) -> None:
        snapshot = board.snapshot
        report = MaintenanceReport(
            snapshot.case.network,
            self._version + 1,
            snapshot.simulated_at,
            found,
            seen,
            self._models.card,
            self._models.training,
            self._found_wrong,
            self._schedule,
            False,
            self._classes,
            consequence_eur,
            self._own,
        )
        self._made = report
        self.publish(report, board)

    def _publish_changed(self, report: MaintenanceReport, board: Board, **changes: object) -> None:
        self._made = replace(report, version=self._version + 1, **changes)  # type: ignore[arg-type]
        self.publish(self._made, board)
