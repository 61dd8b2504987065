"""Lookout: the worker that keeps forecasts, looks ahead, warns, and keeps the record of hours.

It takes the hours that the engine has closed and never holds up a cycle. Each hour all series are forecast anew and
their courses solved; between hours models are trained, one series at a time.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from app.engine.board import Snapshot, WorstHour
from app.engine.commands import UnknownIdError
from app.engine.engine import Engine
from app.engine.worker import Worker
from app.forecasting.live_forecasts import Watchpost
from app.forecasting.report import LookoutReport
from app.history.ring import History, SnapshotStore
from app.optimisation.worker import Planner
from app.settings import Settings
from components.analytics.words import contest_words
from grid.network import FloatArray, Network
from grid.studies.renewable_share import energy_mix
from ml.forecasting.live.hourly import ONE_HOUR, Hour, loss_record
from ml.forecasting.live.series import series_of
from ml.forecasting.records import Accuracy, Forecast, LossRecord

log = logging.getLogger(__name__)
IDLE_S = 0.25
KEPT_EVERY_HOURS = 24


@dataclass(frozen=True, eq=False)
class _Told:
    """A report with what can be asked beside it."""

    report: LookoutReport
    forecasts: Mapping[str, Mapping[datetime, Forecast]]
    actual_mw: Mapping[str, tuple[datetime, FloatArray]]
    accuracy: Mapping[str, Accuracy | None]
    hours: tuple[Hour, ...]


class Lookout:
    """Owns forecasts and the hourly record. Every public method may be called from any thread."""

    def __init__(self, settings: Settings, engine: Engine, store: SnapshotStore, planner: Planner) -> None:
        self._settings, self._engine, self._store, self._planner = settings, engine, store, planner
        self._lock = threading.Lock()  # held while the ledger is written or read
        self._worker = Worker("lookout", self._run)
        self._post: Watchpost | None = None
        self._told: _Told | None = None
        self._failure, self._news, self._versions = "", "", 0
        self._seen = -1
        self._waiting: deque[Hour] = deque()  # closed and not recorded yet
        self._shares: list[float] = []  # of losses that plans would have left, in this hour's cycles

    # --- what others ask for -------------------------------------------------------------------------------------

    @property
    def latest(self) -> LookoutReport:
        """The latest report; an empty one where the lookout hasn't looked at the present network yet."""
        told = self._now
        return _nothing_yet(self._store.latest.network, self._failure) if told is None else told.report

    def actual(self, code: str, start: datetime, hours: int) -> FloatArray:
        """(hours,) MW of a series, means of hours, NaN where unknown. UnknownIdError for another code."""
        told = self._about(code)
        found = np.full(hours, np.nan)
        if told is not None:
            first, values = told.actual_mw[code]
            rows = (start - first) // ONE_HOUR + np.arange(hours)
            inside = (rows >= 0) & (rows < len(values))
            found[inside] = values[rows[inside]]
        return found

    def issue_times(self, code: str) -> tuple[datetime, ...]:
        """When the forecasts that are kept were issued, the earliest first. UnknownIdError for another code."""
        told = self._about(code)
        return () if told is None else tuple(told.forecasts[code])

    def forecast(self, code: str, issued_at: datetime) -> Forecast | None:
        """A forecast that is kept, None where there is none of that time. UnknownIdError for another code."""
        told = self._about(code)
        return None if told is None else told.forecasts[code].get(issued_at)

    def accuracy(self, code: str) -> Accuracy | None:
        """How a series' forecasts turned out; None before one has. UnknownIdError for another code."""
        told = self._about(code)
        return None if told is None else told.accuracy[code]

    def hourly_kw(self, column: str, start: datetime, hours: int) -> FloatArray:
        """(hours,) mean of loss_kw, load_kw, generation_kw or renewable_kw, NaN where nothing was recorded."""
        post = self._post
        if post is None or self._now is None:
            return np.full(hours, np.nan)
        with self._lock:
            return post.ledger.hourly_kw(start, hours, column)

    def losses(self, start: datetime, hours: int) -> LossRecord | None:
        """Losses of the recorded hours of a range, the last month at most; None where none was recorded."""
        told = self._now
        if told is None:
            return None
        return loss_record(told.report.network, told.hours, start, hours, self._settings.price_per_mwh)

    def start(self) -> None:
        """Begin working in a thread of its own."""
        self._worker.start()

    def stop(self, timeout_s: float = 1.5) -> None:
        """Finish the present step, if it isn't a training, end the thread and keep the ledger."""
        self._worker.stop(timeout_s)
        self._keep(1)

    @property
    def _now(self) -> _Told | None:
        """What was told of the present network."""
        told = self._told
        return told if told is not None and told.report.network is self._store.latest.network else None

    def _about(self, code: str) -> _Told | None:
        told = self._now
        infos = series_of(self._store.latest.network).infos if told is None else [
            one.info for one in told.report.series
        ]  # fmt: skip
        if code not in {info.code for info in infos}:
            raise UnknownIdError(f"no series {code!r}; there are {', '.join(info.code for info in infos)}")
        return told

    # --- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._worker.stopping:
            if not self.attempt():
                self._worker.rest(IDLE_S)

    def attempt(self) -> bool:
        """A step whose failure is logged and shown, never raised; whether there may be more to do at once."""
        busy = False
        try:
            busy = self.step()
            self._tell("")
        except Exception as error:
            log.exception("the lookout failed")
            self._tell(f"Forecasts failed: {error}")
        return busy

    def step(self) -> bool:
        """Take in what is new, or else train one series; whether there may be more to do at once."""
        snapshot, history = self._store.with_history
        if self._post is None or self._post.network is not snapshot.network:
            self._take_up(snapshot, history)
            return True
        self._count_plan(snapshot)
        self._waiting.extend(history.hours.take())
        if self._waiting:
            self._take(self._post, snapshot)
            return True
        now = snapshot.simulated_at.replace(minute=0, second=0, microsecond=0)
        untrained = self._post.desk.untrained
        if untrained:
            self._post.desk.train(untrained[0], now)
            latest = self._store.latest  # time has passed meanwhile
            if latest.network is self._post.network:
                self._look(self._post, latest)
            return True
        news = self._post.desk.renew_one(now)
        if news is not None:
            series, contest = news
            self._news = f"{series.name}: {contest_words(contest)}"
            self._publish(self._post, snapshot)
        return news is not None

    def _take_up(self, snapshot: Snapshot, history: History) -> None:
        """Begin with a network."""
        self._keep(1)
        self._news, self._shares = "", []
        self._waiting.clear()
        post = Watchpost(snapshot, history.past, self._settings)
        with self._lock:
            self._post = post
        self._look(post, snapshot)

    def _take(self, post: Watchpost, snapshot: Snapshot) -> None:
        """Record the hours that wait, and forecast from the present one on; a failure costs one hour at most."""
        share = float(np.mean(self._shares)) if self._shares else np.nan
        self._shares = []
        while self._waiting:
            hour = self._waiting.popleft()
            with self._lock:
                post.take(hour, share)
            post.observe(hour)
        self._look(post, snapshot)
        self._keep(KEPT_EVERY_HOURS)

    def _look(self, post: Watchpost, snapshot: Snapshot) -> None:
        post.look(snapshot, self._settings.price_per_mwh)
        if post.situation is not None:
            ahead = post.situation.ahead
            worst = WorstHour(ahead.start + ahead.worst.hour * ONE_HOUR, post.situation.worst_injection)
            self._engine.expect(post.network, ahead.outlook, worst)
        self._publish(post, snapshot)

    def _keep(self, every_hours: int) -> None:
        if self._post is not None:
            try:
                with self._lock:
                    self._post.keep(every_hours)
            except OSError as error:
                log.warning("the hourly ledger can't be kept: %s", error)

    def _count_plan(self, snapshot: Snapshot) -> None:
        """What the latest plan would leave of the losses: once a cycle, while plans are made."""
        proposal = self._planner.latest.proposal
        if snapshot.version == self._seen or snapshot.stale or proposal is None or proposal.requirements.worst_hour:
            return
        self._seen = snapshot.version
        present_kw, plan = proposal.present.loss_kw, proposal.plan
        if present_kw > 0:
            self._shares.append(1.0 if plan is None else plan.after.loss_kw / present_kw)

    def _tell(self, failure: str) -> None:
        """Show a failure, or that the last one is over."""
        if failure != self._failure:
            self._failure = failure
            snapshot = self._store.latest
            if self._post is not None and self._post.network is snapshot.network:
                self._publish(self._post, snapshot)

    def _publish(self, post: Watchpost, snapshot: Snapshot) -> None:
        self._versions += 1
        report = _report(post, snapshot, self._versions, self._status(post), self._failure)
        codes = [info.code for info in post.series.infos]
        desk = post.desk
        self._told = _Told(
            report,
            {code: desk.forecasts(code) for code in codes},
            {code: desk.actual_mw(code) for code in codes},
            {code: desk.accuracy(code) for code in codes},
            tuple(post.hours),
        )

    def _status(self, post: Watchpost) -> str:
        waiting, total = len(post.desk.untrained), len(post.series.infos)
        if waiting:
            return f"Learning: {total - waiting} of {total} series have a model"
        return self._news or f"Forecasts of {total} series, anew each hour"


def _report(post: Watchpost, snapshot: Snapshot, version: int, status: str, problem: str) -> LookoutReport:
    return LookoutReport(
        network=post.network,
        version=version,
        simulated_at=snapshot.simulated_at,
        status=status,
        problem=problem,
        series=post.reports(),
        ahead=None if post.situation is None else post.situation.ahead,
        performance=post.ledger.performance(snapshot.simulated_at),
        mix=energy_mix(post.network, snapshot.state.generator_p_mw),
        hosting=None if post.situation is None else post.situation.hosting,
        group_of_load=post.series.group_of_load,
    )


def _nothing_yet(network: Network, problem: str) -> LookoutReport:
    """The report before the first look at a network."""
    groups = series_of(network).group_of_load
    return LookoutReport(network, 0, None, "Waiting for the grid", problem, (), None, None, None, None, groups)
