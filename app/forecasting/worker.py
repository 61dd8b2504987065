"""ForecastWorker: the worker that keeps forecasts, looks ahead, warns, and keeps the record of hours.

It takes the hours that the engine has closed and never holds up a cycle. Each hour all series are forecast anew and
their scenarios solved; between hours models are trained, one series at a time.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

import numpy as np

from app.engine.board import Board, BoardStore, Snapshot, WorstHour
from app.engine.engine import Engine
from app.engine.quality import ProblemCause
from app.engine.worker import GridWorker
from app.forecasting.live_forecasts import LiveForecasts
from app.forecasting.report import ForecastReport
from app.settings import Settings
from components.analytics.words import contest_words
from grid.network import FloatArray, Network
from grid.studies.renewable_share import energy_mix
from ml.forecasting.live.hourly import ONE_HOUR, Hour, loss_record
from ml.forecasting.live.series import series_of
from ml.forecasting.records import LossRecord

log = logging.getLogger(__name__)
KEPT_EVERY_HOURS = 24
PlannedShare = Callable[[Board], float | None]  # of the present losses, that the plan would leave


class ForecastWorker(GridWorker[ForecastReport]):
    """Owns forecasts and the hourly record. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, boards: BoardStore, planned_share: PlannedShare) -> None:
        super().__init__("forecasting", engine, boards)
        self._settings, self._engine, self._planned_share = settings, engine, planned_share
        self._lock = threading.Lock()  # held while the ledger is written or read
        self._live: LiveForecasts | None = None
        self._news, self._seen = "", -1
        self._waiting: deque[Hour] = deque()  # closed and not recorded yet
        self._shares: list[float] = []  # of losses that plans would have left, in this hour's cycles

    # --- what others ask for -------------------------------------------------------------------------------------

    def hourly_kw(self, network: Network, column: str, start: datetime, hours: int) -> FloatArray:
        """(hours,) mean of loss_kw, load_kw, generation_kw or renewable_kw, NaN where nothing was recorded."""
        live = self._live
        if live is None or live.network is not network:
            return np.full(hours, np.nan)
        with self._lock:
            return live.ledger.hourly_kw(start, hours, column)

    def losses(self, told: ForecastReport, start: datetime, hours: int) -> LossRecord | None:
        """Losses of a report's recorded hours in a range, the last month at most; None where none was recorded."""
        return loss_record(told.network, told.recorded_hours, start, hours, self._settings.price_per_mwh)

    def stop(self, timeout_s: float = 1.5) -> None:
        """Finish the present step, if it isn't a training, end the thread and keep the ledger."""
        super().stop(timeout_s)
        self._keep(1)

    # --- the thread ----------------------------------------------------------------------------------------------

    def nothing_yet(self, network: Network) -> ForecastReport:
        """No series, and what hinders."""
        return nothing_yet(network, self._hindrance)

    def take_up(self, board: Board) -> None:
        """Begin with a network."""
        self._keep(1)
        self._news, self._shares = "", []
        self._waiting.clear()
        live = LiveForecasts(board.snapshot, board.history.past, self._settings)
        with self._lock:
            self._live = live
        self._look(live, board)

    def step(self, board: Board) -> bool:
        """Take in what is new, or else train one series; whether there may be more to do at once."""
        live, snapshot = self._live, board.snapshot
        if live is None or live.network is not board.network:
            self.take_up(board)
            self._network = board.network
            return True
        self._count_plan(board)
        self._waiting.extend(board.history.hours.take())
        if self._waiting:
            self._take(live, board)
            return True
        now = snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
        untrained = live.forecasters.untrained
        if untrained:
            live.forecasters.train(untrained[0], now)
            latest = self._boards.latest  # time has passed meanwhile
            if latest.network is live.network:
                self._look(live, latest)
            return True
        news = live.forecasters.renew_one(now)
        if news is not None:
            series, contest = news
            self._news = f"{series.name}: {contest_words(contest)}"
            self._publish(live, board)
        return news is not None

    def failed(self, board: Board) -> None:
        """Show a failure, or that the last one is over."""
        if self._live is not None and self._live.network is board.network:
            self._publish(self._live, board)

    @property
    def _hindrance(self) -> str:
        return f"Forecasts failed: {self.failure}" if self.failure else ""

    def _take(self, live: LiveForecasts, board: Board) -> None:
        """Record the hours that wait, and forecast from the present one on; a failure costs one hour at most."""
        share = float(np.mean(self._shares)) if self._shares else np.nan
        self._shares = []
        while self._waiting:
            hour = self._waiting.popleft()
            with self._lock:
                live.take(hour, share)
            live.observe(hour)
        self._look(live, board)
        self._keep(KEPT_EVERY_HOURS)

    def _look(self, live: LiveForecasts, board: Board) -> None:
        live.look(board.snapshot, self._settings.price_per_mwh)
        if live.situation is not None:
            ahead = live.situation.ahead
            worst = WorstHour(ahead.start + ahead.worst.hour * ONE_HOUR, live.situation.worst_injection)
            self._engine.expect(live.network, ahead.outlook, worst)
        self._publish(live, board)

    def _keep(self, every_hours: int) -> None:
        if self._live is not None:
            try:
                with self._lock:
                    self._live.keep(every_hours)
            except OSError as error:
                log.warning("the hourly ledger can't be kept: %s", error)
                self.tell(ProblemCause.NOT_KEPT, str(error), "hourly ledger")
            else:
                self.tell(ProblemCause.NOT_KEPT, "")

    def _count_plan(self, board: Board) -> None:
        """What the latest plan would leave of the losses: once a cycle, while plans are made."""
        snapshot = board.snapshot
        share = self._planned_share(board)
        if snapshot.version == self._seen or snapshot.stale or share is None:
            return
        self._seen = snapshot.version
        self._shares.append(share)

    def _publish(self, live: LiveForecasts, board: Board) -> None:
        report = _report(live, board.snapshot, self._version + 1, self._status(live), self._hindrance)
        self.publish(report, board)

    def _status(self, live: LiveForecasts) -> str:
        waiting, total = len(live.forecasters.untrained), len(live.series.infos)
        if waiting:
            return f"Learning: {total - waiting} of {total} series have a model"
        return self._news or f"Forecasts of {total} series, anew each hour"


def _report(live: LiveForecasts, snapshot: Snapshot, version: int, status: str, problem: str) -> ForecastReport:
    forecasters, codes = live.forecasters, [info.code for info in live.series.infos]
    return ForecastReport(
        network=live.network,
        version=version,
        simulated_at=snapshot.simulated_at,
        status=status,
        problem=problem,
        series=live.reports(),
        ahead=None if live.situation is None else live.situation.ahead,
        performance=live.ledger.performance(snapshot.simulated_at),
        mix=energy_mix(live.network, snapshot.state.generator_p_mw),
        hosting=None if live.situation is None else live.situation.hosting,
        group_of_load=live.series.group_of_load,
        forecasts={code: forecasters.forecasts(code) for code in codes},
        actual_mw={code: forecasters.actual_mw(code) for code in codes},
        accuracy={code: forecasters.accuracy(code) for code in codes},
        recorded_hours=tuple(live.hours),
    )


def nothing_yet(network: Network, problem: str) -> ForecastReport:
    """The report before the first look at a network."""
    groups = series_of(network).group_of_load
    return ForecastReport(network, 0, None, "Waiting for the grid", problem, (), None, None, None, None, groups)
