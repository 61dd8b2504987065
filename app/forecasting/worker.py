"""ForecastWorker: the worker that keeps forecasts, looks ahead, warns, and keeps the record of hours.

It takes the hours that the engine has closed and never holds up a cycle. Forecasts are made, and their models trained,
in the process that learns: each hour, and where anything is switched, all series anew, with their scenarios solved;
between hours one series after the other is trained. Hours are recorded here, also while that process is down.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np

from app.engine.board import Board, BoardStore, WorstHour
from app.engine.engine import Engine
from app.engine.operating_point import operating_point_of
from app.engine.quality import ProblemCause
from app.engine.worker import GridWorker
from app.forecasting.recorded_hours import RecordedHours
from app.forecasting.report import ForecastReport
from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import BeginForecasts, ForecastAnew, ForecastNews, TrainSeries
from app.settings import Settings
from grid.network import BoolArray, FloatArray, Network
from grid.studies.renewable_share import energy_mix
from ml.forecasting.live.hourly import ONE_HOUR, Hour, loss_record
from ml.forecasting.live.series import series_of
from ml.forecasting.records import (
    Contest,
    Forecast,
    ForecastHindrance,
    ForecastHindranceKind,
    ForecastStatus,
    ForecastStatusKind,
    LossRecord,
)

log = logging.getLogger(__name__)
KEPT_EVERY_HOURS = 24
PlannedShare = Callable[[Board], float | None]  # of the present losses, that the plan would leave


class ForecastWorker(GridWorker[ForecastReport]):
    """Owns the report of forecasts and the hourly record. Every public method may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        boards: BoardStore,
        learning: LearningHost,
        planned_share: PlannedShare,
    ) -> None:
        super().__init__("forecasting", engine, boards)
        self._settings, self._engine, self._learning = settings, engine, learning
        self._planned_share = planned_share
        self._lock = threading.Lock()  # held while the ledger is written or read
        self._recorded: RecordedHours | None = None
        self._begun: tuple[Network, int] | None = None  # what learns for which network, and in which generation
        self._news: ForecastNews | None = None  # the latest, of the present network
        self._forecasts: dict[str, dict[datetime, Forecast]] = {}
        self._untold: list[Hour] = []  # recorded, and not yet taken in by what learns
        self._renewed: tuple[str, Contest] | None = None  # the series whose model was trained anew last
        self._seen = -1
        self._all_trained = False  # until the next look
        self._looked: tuple[BoolArray, BoolArray] | None = None  # closed (m,) and energised (n,) of the last look
        self._waiting: deque[Hour] = deque()  # closed and not recorded yet
        self._shares: list[float] = []  # of losses that plans would have left, in this hour's cycles
        self._hindered: ForecastHindrance | None = None  # what the last report says that hinders

    # --- what others ask for -------------------------------------------------------------------------------------

    def hourly_kw(self, network: Network, column: str, start: datetime, hours: int) -> FloatArray:
        """(hours,) mean of loss_kw, load_kw, generation_kw or renewable_kw, NaN where nothing was recorded."""
        recorded = self._recorded
        if recorded is None or recorded.network is not network:
            return np.full(hours, np.nan)
        with self._lock:
            return recorded.ledger.hourly_kw(start, hours, column)

    def losses(self, told: ForecastReport, start: datetime, hours: int) -> LossRecord | None:
        """Losses of a report's recorded hours in a range, the last month at most; None where none was recorded."""
        return loss_record(told.network, told.recorded_hours, start, hours, self._settings.price_per_mwh)

    def stop(self, timeout_s: float = 1.5) -> None:
        """Finish the present step, end the thread and keep the ledger."""
        super().stop(timeout_s)
        self._keep(1)

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> ForecastReport:
        """No series, and what hinders."""
        return nothing_yet(network, self._hindrance)

    def take_up(self, board: Board) -> None:
        """Begin with a network."""
        self._keep(1)
        self._renewed, self._all_trained, self._shares = None, False, []
        self._begun, self._news, self._forecasts, self._untold, self._looked = None, None, {}, [], None
        self._waiting.clear()
        recorded = RecordedHours(board.network, self._settings.cache_dir)
        with self._lock:
            self._recorded = recorded

    def step(self, board: Board) -> bool:
        """Take in what is new, or else have one series trained; whether there may be more to do at once."""
        recorded = self._recorded
        if recorded is None or recorded.network is not board.network:
            self.take_up(board)
            self._network = board.network
            return True
        self._count_plan(board)
        self._waiting.extend(board.history.hours.take())
        hours_over = bool(self._waiting)
        if hours_over:
            self._record(recorded)
        try:
            busy = self._learn(recorded, board, hours_over)
        except LearningDownError as error:
            log.info("no forecast now: %s", error)
            busy = False
        if (hours_over and self._learning.generation == 0) or self._hindered != self._hindrance:
            self._publish(recorded, board)
        return busy

    def failed(self, board: Board) -> None:
        """Show a failure, or that the last one is over."""
        if self._recorded is not None and self._recorded.network is board.network:
            self._publish(self._recorded, board)

    @property
    def _hindrance(self) -> ForecastHindrance | None:
        if self.failure:
            return ForecastHindrance(kind=ForecastHindranceKind.FAILED, failure=self.failure)
        if self._begun is not None and not self._learning.generation:
            return ForecastHindrance(kind=ForecastHindranceKind.LEARNING_DOWN)
        return None

    def _record(self, recorded: RecordedHours) -> None:
        """Record the hours that wait; a failure costs one hour at most."""
        share = float(np.mean(self._shares)) if self._shares else np.nan
        self._shares = []
        while self._waiting:
            hour = self._waiting.popleft()
            self._untold.append(hour)
            with self._lock:
                recorded.take(hour, share)
        self._keep(KEPT_EVERY_HOURS)

    def _learn(self, recorded: RecordedHours, board: Board, hours_over: bool) -> bool:
        """Look ahead where something is new, or else have a series trained; whether there may be more to do."""
        generation = self._learning.generation
        if not generation:
            return False
        if self._begun != (board.network, generation):
            self._begin_learning(recorded, board, generation)
            self._look(recorded, board)
            return True
        if hours_over or self._untold or self._switched(board):
            self._look(recorded, board)
            return True
        if self._all_trained:
            return False
        now = board.snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
        done = self._learning.ask(TrainSeries(now=now), self.beat)
        self._all_trained = not done.due
        if done.renewed is not None and done.contest is not None:
            self._renewed = done.renewed.name, done.contest
        latest = self._boards.latest  # time has passed meanwhile
        if not self._all_trained and latest.network is recorded.network:
            self._look(recorded, latest)
        return not self._all_trained

    def _begin_learning(self, recorded: RecordedHours, board: Board, generation: int) -> None:
        """Have forecasts begun for the board's network; hours since the start are told again where that is needed."""
        snapshot = board.snapshot
        begun = self._learning.ask(
            BeginForecasts(
                network=board.network,
                now=snapshot.simulated_at,
                yearly_load_mw=snapshot.case.yearly_load_mw,
                past=board.history.past,
                history_days=self._settings.history_days,
                seed=self._settings.seed,
                cache_dir=self._settings.cache_dir,
            ),
            self.beat,
        )
        if self._begun is None:
            with self._lock:
                recorded.recall(begun.hours)
        self._untold = list(recorded.live_hours)
        self._begun, self._all_trained, self._forecasts = (board.network, generation), False, {}

    def _look(self, recorded: RecordedHours, board: Board) -> None:
        snapshot = board.snapshot
        present = operating_point_of(snapshot, self._settings.price_per_mwh)
        told = tuple(self._untold)
        news = self._learning.ask(
            ForecastAnew(
                hours=told,
                now=snapshot.simulated_at,
                injection=present.injection,
                closed=present.closed,
                held=snapshot.control.operations.set_points_done,
            ),
            self.beat,
        )
        self._looked = snapshot.solved.state.closed, snapshot.solved.state.energised
        self._untold = self._untold[len(told) :]
        self._all_trained = self._all_trained and not told
        self._news = news
        self._forecasts = {
            code: _kept(self._forecasts.get(code, {}), news.forecasts[code], issues)
            for code, issues in news.issues.items()
        }
        worst = WorstHour(news.ahead.start + news.ahead.worst.hour * ONE_HOUR, news.worst_injection)
        self._engine.expect(board.network, news.ahead.outlook, worst)
        self._publish(recorded, board)

    def _switched(self, board: Board) -> bool:
        """Whether the last look was at other switch states or supply: what it said of limits is so no more."""
        solved, looked = board.snapshot.solved, self._looked
        if solved.stale or looked is None:
            return False
        now = solved.state.closed, solved.state.energised
        return any(bool((is_so != was).any()) for is_so, was in zip(now, looked, strict=True))

    def _keep(self, every_hours: int) -> None:
        if self._recorded is not None:
            try:
                with self._lock:
                    self._recorded.keep(every_hours)
            except OSError as error:
                log.warning("the hourly ledger can't be kept: %s", error)
                self.tell(ProblemCause.NOT_KEPT, str(error), "hourly ledger")
            else:
                self.tell(ProblemCause.NOT_KEPT, "")

    def _count_plan(self, board: Board) -> None:
        """What the latest plan would leave of the losses: once a cycle, while plans are made."""
        snapshot = board.snapshot
        share = self._planned_share(board)
        if snapshot.version == self._seen or snapshot.solved.stale or share is None:
            return
        self._seen = snapshot.version
        self._shares.append(share)

    def _publish(self, recorded: RecordedHours, board: Board) -> None:
        news, snapshot = self._news, board.snapshot
        self._hindered = self._hindrance
        report = ForecastReport(
            network=recorded.network,
            version=self._version + 1,
            simulated_at=snapshot.simulated_at,
            status=self._status(news),
            hindrance=self._hindered,
            series=() if news is None else news.series,
            ahead=None if news is None else news.ahead,
            performance=recorded.ledger.performance(snapshot.simulated_at),
            mix=energy_mix(recorded.network, snapshot.solved.state.generator_p_mw),
            hosting=None if news is None else news.hosting,
            group_of_load=recorded.group_of_load,
            forecasts=self._forecasts,
            actual_mw={} if news is None else news.actual_mw,
            accuracy={} if news is None else news.accuracy,
            chances=None if news is None else news.chances,
            recorded_hours=tuple(recorded.hours),
        )
        self.publish(report, board)

    def _status(self, news: ForecastNews | None) -> ForecastStatus:
        if news is None:
            return ForecastStatus(kind=ForecastStatusKind.WAITING_FOR_LEARNING)
        total = len(news.series)
        if news.waiting:
            return ForecastStatus(kind=ForecastStatusKind.LEARNING, series=total, learned=total - news.waiting)
        if self._renewed is None:
            return ForecastStatus(kind=ForecastStatusKind.FORECASTING, series=total, learned=total)
        renewed, contest = self._renewed
        return ForecastStatus(
            kind=ForecastStatusKind.RENEWED, series=total, learned=total, renewed=renewed, contest=contest
        )


def _kept(
    before: dict[datetime, Forecast], new: Mapping[datetime, Forecast], issues: tuple[datetime, ...]
) -> dict[datetime, Forecast]:
    """Forecasts by the time of issue, the earliest first."""
    return {time: new[time] if time in new else before[time] for time in issues}


def nothing_yet(network: Network, hindrance: ForecastHindrance | None) -> ForecastReport:
    """The report before the first look at a network."""
    groups, waiting = series_of(network).group_of_load, ForecastStatus(kind=ForecastStatusKind.WAITING_FOR_GRID)
    return ForecastReport(network, 0, None, waiting, hindrance, (), None, None, None, None, groups)
