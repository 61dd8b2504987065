"""OutageTrier: what single outages come to, worked out in the process beside so that plans aren't slower for it."""

from functools import singledispatchmethod
from typing import Any

import numpy as np

from app.learning.requests import BeginOutages, BegunOutages, LearningRequest, TryOutages
from grid.network import Network
from ml.optimisation.optimizer import SmartGridOptimizer, UnsuitableGridError
from ml.optimisation.plans.outages import SingleOutage, meshed_outages, outages_untried, restored_outage
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.radial.grid import operated_radially


class OutageTrier:
    """Owned by one thread. In a radial grid it restores by an optimiser of its own."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._optimizer: SmartGridOptimizer | None = None
        self._episodes = 0  # of the policy that it restores by

    def stop(self) -> None:
        """Nothing goes on in the background."""

    @singledispatchmethod
    def answer(self, request: LearningRequest[Any]) -> Any:
        """What the request asks."""
        raise TypeError(f"not a request to outages: {request!r}")

    @answer.register
    def _begin(self, request: BeginOutages) -> BegunOutages:
        self._network, self._optimizer, self._episodes = request.network, None, 0
        if operated_radially(request.network):
            try:
                self._optimizer = SmartGridOptimizer(request.network, request.seed)
            except UnsuitableGridError as error:
                self._network = None
                return BegunOutages(why_not=error.reason)
            if not self._optimizer.in_full:
                self._network = None
                return BegunOutages(why_not=outages_untried(request.network))
        return BegunOutages(why_not=None)

    @answer.register
    def _try(self, request: TryOutages) -> tuple[SingleOutage, ...]:
        network, optimizer = self._network, self._optimizer
        if network is None:
            raise LookupError("no network has been begun with")
        if optimizer is None:
            branches = np.array(request.branches, dtype=np.int64)
            return tuple(meshed_outages(network, request.moment, branches, request.customers, request.work))
        self._use(optimizer, request.policy)
        return tuple(
            restored_outage(
                network, request.moment, one, request.wanted, optimizer.answer, request.customers, request.work
            )
            for one in request.branches
        )

    def _use(self, optimizer: SmartGridOptimizer, policy: LearnedPolicy | None) -> None:
        """Restore by a policy, where it has learned something since."""
        if policy is not None and policy.episodes != self._episodes:
            optimizer.use(policy)
            self._episodes = policy.episodes
