"""Worker: a thread beside the requests that goes on until it is stopped."""

import threading
from collections.abc import Callable


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
