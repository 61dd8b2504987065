"""Learning in the test's own process and thread: the very learners, without the pipes."""

import math
import threading
from collections.abc import Callable
from typing import TypeVar

from app.engine.quality import WorkerHealth
from app.learning.learners import Learners
from app.learning.process import LearningDownError
from app.learning.requests import LearningRequest

Answer = TypeVar("Answer")


class LearningHere:
    """Answers at once. A test may take it down and up again; what it learned and hasn't kept is forgotten then."""

    def __init__(self) -> None:
        self._learners, self._starts, self._up = Learners(), 1, True
        self._turns = threading.RLock()  # a test may run workers in threads of their own

    @property
    def generation(self) -> int:
        return self._starts if self._up else 0

    def ask(
        self, request: LearningRequest[Answer], waiting: Callable[[], None] = lambda: None, most_s: float = math.inf
    ) -> Answer:
        if not self._up:
            raise LearningDownError("the test has taken it down")
        with self._turns:
            return self._learners.answer(request)

    @property
    def health(self) -> WorkerHealth:
        return WorkerHealth(name="learning", running=True, beat_s=0.0, problems=(), last_failure="", computed_from=0)

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        self._up = False
        self._learners.stop()

    def come_back(self) -> None:
        self._learners, self._up = Learners(), True
        self._starts += 1
