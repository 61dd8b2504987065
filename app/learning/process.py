"""LearningProcess: where everything learns, in one process beside the one that answers, and watched by it.

It starts with low priority, ends when its parent does, whatever ends that, and is started anew when it ends by itself.
Who asks it while it is down gets LearningDownError and goes on with what was learned last.
"""

import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from app.engine.quality import BoardProblem, ProblemCause, WorkerHealth
from app.learning.requests import LearningRequest
from app.wire import Alive, Asked, Told, Wire

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
ROOT = Path(__file__).resolve().parents[2]
NAME = "learning"
NICENESS = 10
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # before it is started again; doubled each time
LONG_ENOUGH_S = 60.0  # a process that has lived so long has not failed at the start
STOP_S = 5.0
LOOK_S, ALIVE_S = 1.0, 20.0  # it beats every five seconds


class LearningDownError(ConnectionError):
    """The process that learns doesn't answer now. It is started again by itself."""


def _nothing() -> None:
    """Nobody wants to know that it takes long."""


class LearningHost(Protocol):
    """What workers ask."""

    @property
    def generation(self) -> int:
        """Rises whenever what was begun is forgotten: who began something before begins it again. 0 while down."""
        ...

    def ask(
        self, request: LearningRequest[Answer], waiting: Callable[[], None] = _nothing, most_s: float = math.inf
    ) -> Answer:
        """The answer; raises what the learner raised, and LearningDownError, also where none has come after most_s.

        waiting is called every few seconds while what learns shows signs of life.
        """
        ...

    @property
    def health(self) -> WorkerHealth:
        """How the learning is. For any thread."""
        ...

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def stop(self) -> None:
        """End; who waits for an answer gets LearningDownError."""
        ...


@dataclass
class _Wait:
    """Somebody who waits for an answer."""

    over: threading.Event = field(default_factory=threading.Event)
    told: Told | None = None


@dataclass(frozen=True, kw_only=True)
class _Ending:
    """With what the process ended: its exit code, or NaN and the error before it began."""

    exit_code: float = math.nan
    error: str = ""


class LearningProcess:
    """Runs `python -m app.learning` and starts it again when it ends. Every public method for any thread.

    log_level: of what it logs. niceness: by how much it gives way to everybody else.
    """

    def __init__(self, log_level: str = "INFO", niceness: int = NICENESS) -> None:
        self._arguments = (str(niceness), log_level)
        self._lock = threading.Lock()  # held for moments, where it is decided whether the process is up
        self._wire: Wire | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: dict[int, _Wait] = {}
        self._number, self._generation, self._starts = 0, 0, 0
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._run, name=NAME, daemon=True)
        self._started, self._beat = False, time.monotonic()
        self._problem: BoardProblem | None = None
        self._last_failure = ""

    def start(self) -> None:
        """Begin; returns at once."""
        self._started, self._beat = True, time.monotonic()
        self._watch.start()

    def stop(self) -> None:
        """End the process, and let everybody who waits go on."""
        self._stopping.set()
        self._end_process()
        if self._started:
            self._watch.join(STOP_S)

    @property
    def generation(self) -> int:
        """Which of the processes is up, from 1; 0 while none is."""
        return self._generation

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def health(self) -> WorkerHealth:
        """How the process is."""
        return WorkerHealth(
            name=NAME,
            running=self._started and not self._stopping.is_set(),
            beat_s=time.monotonic() - self._beat,
            problems=() if self._problem is None else (self._problem,),
            last_failure=self._last_failure,
            computed_from=0,
        )

    def ask(
        self, request: LearningRequest[Answer], waiting: Callable[[], None] = _nothing, most_s: float = math.inf
    ) -> Answer:
        """The answer; raises what the learner raised, and LearningDownError, also where none has come after most_s.

        waiting is called every second while what learns shows signs of life.
        """
        wait = _Wait()
        with self._lock:
            wire = self._wire
            if wire is None or not self._generation:
                raise LearningDownError("what learns is not up")
            self._number += 1
            number = self._number
            self._waiting[number] = wait
        try:
            wire.send(Asked(number, request))
            until = time.monotonic() + most_s
            while not wait.over.wait(max(0.0, min(LOOK_S, until - time.monotonic()))):
                if time.monotonic() >= until:
                    raise LearningDownError(f"what learns hasn't answered for {most_s:g} s")
                if time.monotonic() - self._beat < ALIVE_S:
                    waiting()
        except LearningDownError:
            raise
        except OSError as error:
            raise LearningDownError(f"what learns is gone: {error}") from error
        finally:
            self._waiting.pop(number, None)
        if wait.told is None:
            raise LearningDownError("what learns has ended before it answered")
        if wait.told.error is not None:
            raise wait.told.error
        answer: Answer = wait.told.answer
        return answer

    # --- the thread that watches -------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            ending = self._live()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > LONG_ENOUGH_S:
                pause_s = FIRST_PAUSE_S
            self._last_failure = ending.error or f"exit code {ending.exit_code}"
            log.warning("the process that learns has ended: %s; started again in %.0f s", self._last_failure, pause_s)
            before = self._problem
            self._problem = BoardProblem(
                cause=ProblemCause.LEARNING_DOWN,
                subject=NAME,
                detail=ending.error,
                number=ending.exit_code,
                since=datetime.now(UTC) if before is None else before.since,
            )
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _live(self) -> _Ending:
        """Start the process and hear it until it ends; with what it ended."""
        try:
            process = _started(self._arguments)
        except OSError as error:
            return _Ending(error=f"{error}" or type(error).__name__)
        assert process.stdin is not None  # noqa: S101 both are pipes
        assert process.stdout is not None  # noqa: S101
        wire = Wire(process.stdout, process.stdin)
        with self._lock:
            self._process, self._wire = process, wire
        if self._stopping.is_set():  # stop may have come before there was anything to stop
            self._end_process()
        try:
            while (message := wire.receive()) is not None:
                self._hear(message)
        except Exception:
            log.exception("what learns has sent something that can't be read")
            process.kill()
        finally:
            self._forget()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)
        return _Ending(exit_code=process.returncode)

    def _hear(self, message: Any) -> None:
        self._beat = time.monotonic()
        if isinstance(message, Told):
            wait = self._waiting.pop(message.number, None)
            if wait is not None:
                wait.told = message
                wait.over.set()
        elif isinstance(message, Alive) and not self._generation:
            with self._lock:
                self._starts += 1
                self._generation = self._starts
            self._problem = None
            log.info("what learns is up: process %s", self.pid)

    def _forget(self) -> None:
        """Nobody is asked any more, and nobody waits."""
        with self._lock:
            self._wire, self._generation = None, 0
            waiting, self._waiting = list(self._waiting.values()), {}
        for wait in waiting:
            wait.over.set()

    def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        _close(process.stdin)  # the end of its input is its sign to leave, with all that it has begun
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _started(arguments: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """The process, with pipes for messages; what it logs goes where our log goes."""
    small = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    return subprocess.Popen(  # noqa: S603 our own module
        [sys.executable, "-m", "app.learning", *arguments],
        cwd=ROOT,
        env=os.environ | small,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
    )


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError as error:  # what was still to be sent can't be
        log.debug("a pipe of what learned is closed already: %s", error)
