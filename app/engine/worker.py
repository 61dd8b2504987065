"""Workers: threads beside the requests. A GridWorker takes boards, works in its own time, and publishes one report."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from app.engine.board import Board, BoardStore, Published
from app.engine.quality import BoardProblem, KeptKind, ProblemCause, WorkerHealth
from grid.network import Network
from ml.maintenance.records import RefusedModels

log = logging.getLogger(__name__)
Report = TypeVar("Report")
IDLE_S = 0.25  # between two looks at the board
RESTS = 9.0  # times as long as a long work took, before it is done again for the same state: a tenth of a core


class Worker:
    """Runs a function in a thread of its own, which asks `stopping` in its loop and rests in between."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name, self._work = name, work
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def stopping(self) -> bool:
        """Whether the work has to end."""
        return self._stopping.is_set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin the work."""
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Let the work finish its present step and wait for its end, for so long at most."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """End a rest: there is something to do."""
        self._wake.set()

    def rest(self, most_s: float) -> None:
        """Wait, in the worker's thread, until it is woken, but so long at most."""
        self._wake.wait(most_s)
        self._wake.clear()


class Rest:
    """When what took long may be done again: after times as long, so that it keeps no core busy for ever.

    What has changed in between isn't for it to judge: whoever works may begin anew at any time.
    """

    def __init__(self) -> None:
        self._spent_s = self._ended_at = 0.0

    @contextmanager
    def working(self) -> Iterator[None]:
        """One of the pieces of a work."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._ended_at = time.monotonic()
            self._spent_s += self._ended_at - began

    def over(self, times: float) -> bool:
        """Whether it has lasted so many times as long as all pieces took."""
        return time.monotonic() - self._ended_at >= times * self._spent_s


class Publisher(Protocol):
    """Who puts reports on the board: the engine."""

    def deliver(self, published: Published) -> None:
        """Take a report; returns at once."""
        ...


class GridWorker(ABC, Generic[Report]):
    """A thread that looks at the latest board again and again. What it finds is on the board, nowhere else.

    A worker says what to do with a network that is new to it (take_up), what one step is (step), and what its report
    is before there is one (nothing_yet). Failures, heartbeat, versions and publishing are settled here.
    """

    def __init__(self, name: str, publisher: Publisher, boards: BoardStore) -> None:
        self.name = name
        self._publisher, self._boards = publisher, boards
        self._thread = Worker(name, self._run)
        self._network: Network | None = None  # that was taken up
        self._version = 0  # of the last report
        self._computed_from = 0
        self._started = False
        self._beat = float("nan")
        self._problems: dict[ProblemCause, BoardProblem] = {}
        self._last_failure = ""

    # --- what a worker is --------------------------------------------------------------------------------------------

    @abstractmethod
    def take_up(self, board: Board) -> None:
        """Begin with the network of a board: another one than before."""

    @abstractmethod
    def step(self, board: Board) -> bool:
        """One piece of work; whether there may be more to do at once. What it raises is logged and shown."""

    @abstractmethod
    def nothing_yet(self, network: Network) -> Report:
        """The report before the first one of a network."""

    def failed(self, board: Board) -> None:
        """After a step has failed, or has gone well again: a report may say so."""

    # --- for everybody -----------------------------------------------------------------------------------------------

    def report_on(self, board: Board) -> Report:
        """This worker's report on a board; an empty one where there is none of the board's network."""
        found = board.reports.get(self.name)
        return self.nothing_yet(board.network) if found is None else found.report

    @property
    def latest(self) -> Report:
        """The report on the latest board. Who reads more than that takes one board and asks report_on."""
        return self.report_on(self._boards.latest)

    @property
    def health(self) -> WorkerHealth:
        """How the worker is. For any thread."""
        return WorkerHealth(
            name=self.name,
            running=self._started and not self._thread.stopping,
            beat_s=time.monotonic() - self._beat,
            problems=tuple(self._problems.values()),
            last_failure=self._last_failure,
            computed_from=self._computed_from,
        )

    def start(self) -> None:
        """Begin working in a thread of its own."""
        self._started, self._beat = True, time.monotonic()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Finish the present step and end the thread."""
        self._thread.stop(timeout_s)

    # --- for the worker itself ---------------------------------------------------------------------------------------

    def turn(self, board: Board) -> bool:
        """Take up the board's network if it is new, then one step; whether there may be more to do at once."""
        if self._network is not board.network:
            self.take_up(board)
            self._network = board.network
        return self.step(board)

    def attempt(self) -> bool:
        """A turn with the latest board, whose failure is logged and shown, never raised."""
        self._beat = time.monotonic()
        board, busy, failure = self._boards.latest, False, ""
        try:
            busy = self.turn(board)
        except Exception as error:
            log.exception("%s failed at version %d", self.name, board.snapshot.version)
            failure = f"{error}" or type(error).__name__
        self._beat = time.monotonic()
        if self.tell(ProblemCause.WORKER_FAILED, failure):
            self.failed(board)
        return busy

    def publish(self, report: Report, board: Board) -> None:
        """Put a report on the board; it was made of the given one."""
        self._version += 1
        self._computed_from = board.snapshot.version
        self._publisher.deliver(
            Published(
                worker=self.name,
                network=board.network,
                version=self._version,
                computed_from=board.snapshot.version,
                report=report,
            )
        )

    def beat(self) -> None:
        """Show a sign of life in the middle of a long step."""
        self._beat = time.monotonic()

    def tell(
        self,
        cause: ProblemCause,
        detail: str,
        subject: str = "",
        *,
        kept: KeptKind | None = None,
        refused: RefusedModels | None = None,
    ) -> bool:
        """Show a problem, or with an empty detail that it is over; whether that is news."""
        before = self._problems.get(cause)
        problems = {other: problem for other, problem in self._problems.items() if other is not cause}
        if detail:
            problems[cause] = BoardProblem(
                cause=cause,
                subject=subject or self.name,
                detail=detail,
                kept=kept,
                refused=refused,
                since=datetime.now(UTC) if before is None else before.since,
            )
            self._last_failure = detail
        if problems.get(cause) == before:
            return False
        self._problems = problems  # replaced whole: others read it
        return True

    @property
    def failure(self) -> str:
        """Why the last step failed; empty where it didn't."""
        problem = self._problems.get(ProblemCause.WORKER_FAILED)
        return problem.detail if problem else ""

    def _run(self) -> None:
        while not self._thread.stopping:
            if not self.attempt():
                self._thread.rest(IDLE_S)
