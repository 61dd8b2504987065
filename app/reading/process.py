"""ReadingProcess: reads network files beside the process that answers, which no file can slow down or fill.

It starts when a file is expected, holds a file to limits of memory and time, and leaves when none has come for a while.
"""

import contextlib
import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Protocol

import psutil

from app.settings import Settings
from app.wire import Alive, Asked, Message, Told, Wire
from grid.cases.case import Case
from grid.errors import CaseError

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0  # until its libraries are loaded, on a busy machine
IDLE_S = 600.0  # after which it leaves
LOOK_S = 0.05
STOP_S = 5.0


def _nothing() -> None:
    """Nobody asks to stop."""


class FileReader(Protocol):
    """Who reads files that visitors hand in."""

    def prepare(self) -> None:
        """A file may come soon. Returns at once."""
        ...

    def read(self, path: Path, waiting: Callable[[], None] = _nothing) -> Case:
        """The case in a file. CaseError names what is wrong.

        waiting: called again and again meanwhile; what it raises ends the reading.
        """
        ...

    def stop(self) -> None:
        """No file will come."""
        ...


class _Child:
    """One process, with a thread that hears it."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        small = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self._process = subprocess.Popen(  # noqa: S603 our own module
            [sys.executable, "-m", "app.reading", *arguments],
            cwd=ROOT,
            env=os.environ | small,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None  # noqa: S101 both are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._wire = Wire(self._process.stdout, self._process.stdin)
        self._seen = psutil.Process(self._process.pid)
        self.heard: SimpleQueue[Message | None] = SimpleQueue()  # None at its end
        self.ready_bytes = math.inf  # what its libraries take, once they are loaded
        threading.Thread(target=self._hear, name="reading", daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended."""
        return f"exit code {self._process.wait()}"

    def memory_bytes(self) -> int:
        """Its resident memory; 0 where it has gone."""
        try:
            return int(self._seen.memory_info().rss)
        except psutil.NoSuchProcess:
            return 0

    def send(self, message: Message) -> None:
        """Hand over a request. Raises OSError where it is gone."""
        self._wire.send(message)

    def end(self) -> None:
        """At once."""
        self._process.kill()
        self._process.wait(STOP_S)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was still to be sent can't be
                pipe and pipe.close()

    def _hear(self) -> None:
        try:
            while (message := self._wire.receive()) is not None:
                self.heard.put(message)
        except (OSError, ValueError):  # closed while it was read
            log.debug("the reading process is not heard any more")
        self.heard.put(None)


class ReadingProcess:
    """Runs `python -m app.reading`. One file at a time; every method for any thread.

    cache_dir: of computed layouts. memory_mb, most_s: what a file may take beyond the libraries. log_level: of what the
    process logs. idle_s: after which it leaves.
    """

    def __init__(
        self, cache_dir: Path, memory_mb: float, most_s: float, log_level: str = "INFO", idle_s: float = IDLE_S
    ) -> None:
        self._cache_dir, self._memory_mb, self._most_s, self._idle_s = cache_dir, memory_mb, most_s, idle_s
        self._arguments = (str(memory_mb), log_level)
        self._lock = threading.Lock()  # for moments, where the process is begun or let go
        self._reading = threading.Lock()
        self._child: _Child | None = None
        self._leaves: threading.Timer | None = None
        self._number = 0

    @classmethod
    def by(cls, settings: Settings) -> "ReadingProcess":
        """As the settings have it."""
        return cls(settings.cache_dir, settings.reading_mb, settings.reading_seconds, settings.log_level)

    @property
    def running(self) -> bool:
        """Whether there is a process now."""
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def prepare(self) -> None:
        """Start the process if there is none. Returns at once."""
        self._begun()
        self._leave_later()

    def read(self, path: Path, waiting: Callable[[], None] = _nothing) -> Case:
        """The case in a file. CaseError, also where it takes too much memory or time.

        waiting: called again and again meanwhile; what it raises ends the reading, and the process.
        """
        with self._reading:
            child = self._begun()
            try:
                told = self._told(child, path, waiting)
            except BaseException:  # whatever it still does isn't wanted
                self._let_go(child)
                raise
            finally:
                self._leave_later()
        if told.error is None:
            case: Case = told.answer
            return case
        if isinstance(told.error, CaseError):
            raise told.error
        self._let_go(child)  # with all that it had taken
        if isinstance(told.error, MemoryError):
            raise self._too_large(path)
        raise CaseError(path.name, f"reading it failed, which is our fault and stands in the log ({told.error})")

    def stop(self) -> None:
        """End the process."""
        child = self._child
        if child is not None:
            self._let_go(child)

    def _told(self, child: _Child, path: Path, waiting: Callable[[], None]) -> Told:
        self._number += 1
        try:
            child.send(Asked(self._number, (path, self._cache_dir)))
        except OSError as error:
            raise CaseError(path.name, f"the process that reads files has ended ({child.ending})") from error
        until = time.monotonic() + (START_S if math.isinf(child.ready_bytes) else self._most_s)
        while time.monotonic() < until:
            try:
                message = child.heard.get(timeout=LOOK_S)
            except Empty:
                waiting()
                if child.memory_bytes() > child.ready_bytes + 1e6 * self._memory_mb:
                    raise self._too_large(path) from None
                continue
            match message:
                case None:
                    raise CaseError(path.name, f"reading it ended the process that reads files ({child.ending})")
                case Alive():
                    until, child.ready_bytes = time.monotonic() + self._most_s, child.memory_bytes()
                case Told() if message.number == self._number:
                    return message
        raise CaseError(path.name, f"reading it takes more than {self._most_s:g} s")

    def _too_large(self, path: Path) -> CaseError:
        return CaseError(path.name, f"reading it takes more than {self._memory_mb:,.0f} MB of memory")

    def _begun(self) -> _Child:
        """The process, started if there is none."""
        with self._lock:
            if self._child is None or not self._child.alive:
                self._child = _Child(self._arguments)
            return self._child

    def _let_go(self, child: _Child) -> None:
        with self._lock:
            if self._child is child:
                self._child = None
        child.end()

    def _leave_later(self) -> None:
        with self._lock:
            if self._leaves is not None:
                self._leaves.cancel()
            self._leaves = threading.Timer(self._idle_s, self._leave)
            self._leaves.daemon = True
            self._leaves.start()

    def _leave(self) -> None:
        """Nobody has asked for long."""
        if self._reading.acquire(blocking=False):
            try:
                self.stop()
            finally:
                self._reading.release()
