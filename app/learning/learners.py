"""Learners: all that learn in one process, each loaded when it is first asked something."""

import threading
from typing import Any, Protocol, TypeVar

from app.learning.requests import LearnerName, LearningRequest

Answer = TypeVar("Answer")


class AnsweringLearner(Protocol):
    """Answers the requests of one kind, one after the other."""

    def answer(self, request: LearningRequest[Any]) -> Any:
        """What the request asks; raises what hinders."""
        ...

    def stop(self) -> None:
        """End what goes on in the background."""
        ...


class Learners:
    """Different learners may be asked by different threads at once."""

    def __init__(self) -> None:
        self._learners: dict[LearnerName, AnsweringLearner] = {}
        self._loading = threading.Lock()  # two threads that import one library at once may find a half of it

    def answer(self, request: LearningRequest[Answer]) -> Answer:
        """What the request asks; raises what hinders."""
        with self._loading:
            learner = self._learners.get(request.learner)
            if learner is None:
                learner = self._learners[request.learner] = _learner(request.learner)
        answer: Answer = learner.answer(request)
        return answer

    def stop(self) -> None:
        """End what goes on in the background."""
        for learner in self._learners.values():
            learner.stop()


def _learner(name: LearnerName) -> AnsweringLearner:
    match name:
        case LearnerName.POLICIES:
            from app.learning.policies import PolicyLearner

            return PolicyLearner()
        case LearnerName.FAILURE_MODELS:
            from app.learning.failure_models import FailureModelLearner

            return FailureModelLearner()
        case LearnerName.FORECASTS:
            from app.learning.forecasts import ForecastLearner

            return ForecastLearner()
        case LearnerName.OUTAGES:
            from app.learning.outages import OutageTrier

            return OutageTrier()
