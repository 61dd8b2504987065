"""Courtesy: background work lets requests that are being answered go first, for so long and no longer."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

QUIET_S = 1.0  # without a request
LOOK_S = 0.01


class RequestPriority:
    """Knows whether somebody is asking. For any thread.

    A lock alone isn't fair: a thread that gives it back and takes it again at once comes before all that wait.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep, self._guard = clock, sleep, threading.Lock()
        self._asking, self._asked_at = 0, -QUIET_S

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a request is being answered."""
        with self._guard:
            self._asking += 1
        try:
            yield
        finally:
            with self._guard:
                self._asking -= 1
                self._asked_at = self._clock()

    @property
    def asked(self) -> bool:
        """Whether a request is being answered."""
        return self._asking > 0

    @property
    def quiet(self) -> bool:
        """Whether nobody has asked for a second."""
        return not self._asking and self._clock() - self._asked_at >= QUIET_S

    def give_way(self, most_s: float) -> None:
        """Wait while a request is being answered, for so long at most: who asks without a pause must not stop work."""
        until = self._clock() + most_s
        while self._asking and self._clock() < until:
            self._sleep(LOOK_S)


class Patience:
    """Of one piece of work that pauses often: it gives way for so long in all. Owned by the thread that works."""

    def __init__(self, priority: RequestPriority, most_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._priority, self._most_s, self._clock, self._left_s = priority, most_s, clock, most_s

    def renew(self) -> None:
        """Another piece of work begins."""
        self._left_s = self._most_s

    def give_way(self) -> None:
        """Wait while a request is being answered, as long as there is patience left."""
        if self._left_s > 0 and self._priority.asked:
            began = self._clock()
            self._priority.give_way(self._left_s)
            self._left_s -= self._clock() - began
