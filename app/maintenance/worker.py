"""Maintainer: the worker that keeps the failure models, a prognosis for the latest snapshot, and the schedule.

It reads snapshots and never holds up a cycle. Models are trained on simulated fleets in a process of its own when there
are none yet; until they are there, and wherever they can't be believed, the published hazard stands in.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from app.engine.board import Board, BoardStore, Snapshot
from app.engine.engine import Engine
from app.engine.jobs import JobTicket
from app.engine.quality import ProblemCause
from app.engine.worker import GridWorker
from app.learning.training import FleetTraining
from app.maintenance.schedule import first_monday, make_schedule
from app.settings import Settings
from grid.network import FloatArray, Network
from ml.maintenance.model.features import FEATURES, Observation, features_of
from ml.maintenance.model.files import ModelFileError
from ml.maintenance.model.prognosis import Prognosis, prognose
from ml.maintenance.model.store import ModelBundle, load, put_aside, save
from ml.maintenance.schedule.economics import ScheduleView, moved_pins

log = logging.getLogger(__name__)
RATE_HORIZON_DAYS = 90  # of the failure rate that paths, plans and the map count with: the days that plans are for
POINTS_KEPT = 240  # of the trends of probabilities
VALUES_KEPT = 6_000_000  # float32: 24 MB on the largest grids, where fewer points are kept
HOURS_BETWEEN_POINTS = 1.0
OTHER_NETWORK = "another grid is watched by now"


@dataclass(frozen=True)
class TrainingState:
    """Of the fleet models: whether it runs, the step it is at of how many, and what it does."""

    running: bool
    step: int
    steps: int
    words: str


@dataclass(frozen=True, eq=False)
class MaintenanceReport:
    """What the maintainer knows about a network, arrays in the order of its branches. version rises with each report.

    problem: why a model file was refused, or a training or schedule failed; empty where nothing did. schedule: None
    until one was made. bundle: the models behind the prognosis, None where there are none.
    """

    network: Network
    version: int
    simulated_at: datetime | None
    prognosis: Prognosis | None
    seen: Observation | None
    bundle: ModelBundle | None
    training: TrainingState
    problem: str
    schedule: ScheduleView | None
    scheduling: bool

    def drivers(self, branch: int) -> Mapping[str, float]:
        """What each feature adds to XGBoost's log-odds of failure within 365 days; empty where it wasn't asked."""
        if self.bundle is None or self.seen is None or self.prognosis is None:
            return {}
        if not self.prognosis.learned[branch]:
            return {}
        frame = features_of(self.seen).iloc[[branch]]
        values = self.bundle.horizons[365].contributions(frame).iloc[0]
        return {name: float(values[name]) for name in FEATURES}


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

    def drop(self, why: str) -> None:
        """It isn't made any more."""
        if self.job is not None:
            self.job.cancel(why)


NOT_TRAINING = TrainingState(False, 0, 0, "")


class MaintenanceWorker(GridWorker[MaintenanceReport]):
    """Owns the failure models and the schedule. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, boards: BoardStore) -> None:
        super().__init__("maintenance", engine, boards)
        self._settings, self._engine = settings, engine
        self._lock = threading.Lock()  # held while the trend, or the schedule that is wanted, is written or read
        self._bundle: ModelBundle | None = None
        self._problem, self._seen = "", -1
        self._training: FleetTraining | None = None
        self._made: MaintenanceReport | None = None  # the last one, which may still be on its way to the board
        self._schedule: ScheduleView | None = None
        self._tried: tuple[date, bool] | None = None  # first day of the last attempt, and whether models were there
        self._wanted: _WantedSchedule | None = None
        self._trend: deque[tuple[np.datetime64, FloatArray]] = deque()

    # --- what others ask for -------------------------------------------------------------------------------------

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
        self._want(_WantedSchedule(network=report.network, pins=dict(pins), job=job), "another schedule was asked for")
        self._thread.wake()

    def reload(self) -> None:
        """Read the model files again. ModelFileError where they are refused: the running models stay."""
        self._bundle = load(self._settings.models_dir, FEATURES)
        self._problem = ""
        self.tell(ProblemCause.MODELS_REFUSED, "")
        self._thread.wake()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread and a training."""
        super().stop(timeout_s)
        if self._training is not None:
            self._training.stop()

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> MaintenanceReport:
        """No prognosis and no schedule; what is known of the models."""
        return MaintenanceReport(
            network, 0, None, None, None, self._bundle, self._training_state, self._hindrance, None, False
        )

    def begin(self) -> None:
        """Take the kept models, or begin to train."""
        self.load_or_train()

    def take_up(self, board: Board) -> None:
        """Begin with a network: no trend, no schedule."""
        self._schedule, self._tried, self._seen = None, None, -1
        with self._lock:
            self._network = board.network
            self._trend.clear()

    def step(self, board: Board) -> bool:
        """Hear of a training, a prognosis for a snapshot that is new, and the schedule that is due."""
        news, seen = self.watch_training(), self._seen
        self._seen = board.snapshot.version
        if news or self._seen != seen:
            self.look(board)
        self.schedule_once(board)
        return False

    def failed(self, board: Board) -> None:
        """Show a failure, or that the last one is over."""
        latest = self.report_on(board)
        if latest.version:
            self._publish_changed(latest, board, problem=self._hindrance)

    @property
    def _hindrance(self) -> str:
        failure = f"The prognosis or the schedule failed: {self.failure}" if self.failure else ""
        return " ".join(words for words in (self._problem, failure) if words)

    def load_or_train(self) -> None:
        """Take the kept models, or train where there are none; refused ones are put aside, and the reason is shown."""
        folder = self._settings.models_dir
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            try:
                self.reload()
                log.info("failure models taken from %s", folder)
                return
            except ModelFileError as error:
                self._refuse(folder, error)
        if self._settings.training_fleets:
            self._training = FleetTraining(self._settings)

    def _refuse(self, folder: Path, error: ModelFileError) -> None:
        """Put refused models aside where others will be trained; without training they stay where they are."""
        self._problem = f"Refused: {error}."
        if self._settings.training_fleets:
            try:
                aside = put_aside(folder)
                self._problem += f" They are put aside as {aside}, and models are trained anew."
            except OSError as hindrance:
                self._problem += f" They can't be put aside ({hindrance}); models are trained anew all the same."
        self.tell(ProblemCause.MODELS_REFUSED, self._problem, str(folder))
        log.warning(self._problem)

    def watch_training(self) -> bool:
        """Hear how far a training is; whether that has changed."""
        training = self._training
        if training is None or not training.news():
            return False
        if training.running:
            return True
        self._training = None
        try:
            if training.failure:
                self._problem = f"Training failed: {training.failure}"
                self.tell(ProblemCause.LEARNING_FAILED, training.failure, "failure models")
            else:
                self._take(training)
        finally:
            training.clean_up()
        return True

    def _take(self, training: FleetTraining) -> None:
        """Use what was trained, and keep it for the next start; what can't be kept is used all the same."""
        bundle, folder = load(training.folder, FEATURES), self._settings.models_dir
        self._bundle, self._problem = bundle, ""
        for over in (ProblemCause.MODELS_REFUSED, ProblemCause.LEARNING_FAILED, ProblemCause.NOT_KEPT):
            self.tell(over, "")
        try:
            save(bundle, folder)
        except OSError as error:
            log.warning("the failure models can't be kept: %s", error)
            self.tell(ProblemCause.NOT_KEPT, f"the failure models: {error}", str(folder))

    def look(self, board: Board) -> None:
        """Make and publish the prognosis for a board's snapshot, and let the engine count with it."""
        snapshot = board.snapshot
        if self._network is not snapshot.network:
            self.take_up(board)
        found = prognose(self._bundle, snapshot.condition, snapshot.is_asset, snapshot.stale)
        rate = np.where(found.learned, found.rate_per_year(RATE_HORIZON_DAYS), np.nan)
        self._engine.set_failure_rates(snapshot.network, rate)
        self._remember(snapshot, found)
        self._publish(board, found)

    def schedule_once(self, board: Board) -> None:
        """Make the schedule that is asked for, or a first one, or the next week's."""
        snapshot, report = board.snapshot, self._made
        if report is None or report.network is not snapshot.network or snapshot.stale:
            return
        prognosis = report.prognosis
        if prognosis is None:
            return
        asked, due = self._want(None), (first_monday(snapshot), report.bundle is not None)
        if asked is not None and asked.network is not snapshot.network:
            asked.drop(OTHER_NETWORK)
            asked = None
        if asked is not None and asked.cancelled:
            asked = None
        if asked is None and due == self._tried:
            return
        before = self._schedule
        pins = asked.pins if asked is not None else before.pins if before is not None else {}
        self._tried = due
        kept = pins if before is None else moved_pins(pins, before.first_day, due[0])
        self._publish_changed(report, board, scheduling=True)
        try:
            if asked is None or asked.job is None:
                self._schedule = make_schedule(snapshot, prognosis, kept)
            else:
                step = asked.job.step
                made = asked.job.run(lambda: make_schedule(snapshot, prognosis, kept, step))
                self._schedule = self._schedule if made is None else made  # the one before stays where it is cancelled
        finally:
            self._publish_changed(report, board, schedule=self._schedule, scheduling=False)

    def _want(self, wanted: _WantedSchedule | None, why: str = "") -> _WantedSchedule | None:
        """Put this in the place of what was wanted, and drop that where there is a why; what it was."""
        with self._lock:
            before, self._wanted = self._wanted, wanted
        if before is not None and why:
            before.drop(why)
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

    @property
    def _training_state(self) -> TrainingState:
        training = self._training
        if training is None:
            return NOT_TRAINING
        return TrainingState(training.running, training.step, training.steps, training.words)

    def _publish(self, board: Board, found: Prognosis) -> None:
        snapshot = board.snapshot
        report = MaintenanceReport(
            snapshot.network,
            self._version + 1,
            snapshot.simulated_at,
            found,
            snapshot.condition,
            self._bundle,
            self._training_state,
            self._hindrance,
            self._schedule,
            False,
        )
        self._made = report
        self.publish(report, board)

    def _publish_changed(self, report: MaintenanceReport, board: Board, **changes: object) -> None:
        self._made = replace(report, version=self._version + 1, **changes)  # type: ignore[arg-type]
        self.publish(self._made, board)
