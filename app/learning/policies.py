"""PolicyLearner: trains one network's policy by REINFORCE, a slice at a time."""

import logging
import time
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

import torch

from app.learning.requests import BeginPolicy, LearningRequest, PolicyNews, TrainPolicy
from app.memory import give_back
from ml.optimisation.training import LearningOptimizer, parameters_for

log = logging.getLogger(__name__)
CURVE_KEPT = 400
KEPT_EVERY_S = 60.0  # of a first training, so that it goes on where it was when the process has to begin again


class PolicyLearner:
    """Owned by one thread. What was learned is kept in the cache's folder."""

    def __init__(self) -> None:
        torch.set_num_threads(1)  # on small matrices, threads only wait for one another
        self._optimizer: LearningOptimizer | None = None
        self._folder = Path()
        self._seconds, self._kept_at, self._not_kept = 0.0, 0.0, ""

    def stop(self) -> None:
        """Nothing goes on in the background."""

    @singledispatchmethod
    def answer(self, request: LearningRequest[Any]) -> Any:
        """What the request asks."""
        raise TypeError(f"not a request to a policy: {request!r}")

    @answer.register
    def _begin(self, request: BeginPolicy) -> PolicyNews:
        network = request.network
        parameters = parameters_for(network, request.switching_episodes, request.dispatch_episodes, request.seed)
        optimizer = LearningOptimizer(network, request.failure_probability, parameters)
        if optimizer.resume(request.cache_dir):
            log.info("policy of %s taken from the cache: %d episodes", network.name, optimizer.episodes)
        self._optimizer, self._folder = optimizer, request.cache_dir
        self._seconds, self._kept_at, self._not_kept = 0.0, 0.0, ""
        return self._news(optimizer)

    @answer.register
    def _train(self, request: TrainPolicy) -> PolicyNews:
        optimizer = self._optimizer
        if optimizer is None:
            raise LookupError("no network has been begun with")
        began = time.perf_counter()
        if optimizer.episodes >= optimizer.parameters.steps:
            optimizer.train_episode(request.operating_point, request.risk_weight)
        else:
            self._train_first(optimizer, began + request.most_s)
        self._seconds += time.perf_counter() - began
        return self._news(optimizer)

    def _train_first(self, optimizer: LearningOptimizer, until: float) -> None:
        while optimizer.episodes < optimizer.parameters.steps and time.perf_counter() < until:
            optimizer.train_episode()
        if optimizer.episodes >= optimizer.parameters.steps:
            log.info("policy of %s trained: %d episodes", optimizer.network.name, optimizer.episodes)
            self._keep(optimizer)
            give_back()
        elif self._seconds - self._kept_at > KEPT_EVERY_S:
            self._keep(optimizer)

    def _keep(self, optimizer: LearningOptimizer) -> None:
        """Keep the policy for the next start; where that can't be, it is used all the same."""
        self._kept_at, self._not_kept = self._seconds, ""
        try:
            optimizer.save(self._folder)
        except OSError as error:
            log.warning("the policy can't be kept: %s", error)
            self._not_kept = str(error)

    def _news(self, optimizer: LearningOptimizer) -> PolicyNews:
        curve = optimizer.curve
        stride = max(1, len(curve) // CURVE_KEPT)
        return PolicyNews(
            episodes=optimizer.episodes,
            wanted=optimizer.parameters.steps,
            seconds=self._seconds,
            curve=tuple(curve[::stride]),
            gaps=tuple(optimizer.decision_gaps),
            policy=optimizer.learned,
            not_kept=self._not_kept,
        )
