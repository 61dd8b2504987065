"""Explainer: why the plan on a board is what it is, found when somebody asks, so that no plan waits for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from grid.network import Network
from ml.optimisation.plans.alternatives import prices, why_not
from ml.optimisation.plans.explanation import explained
from ml.optimisation.plans.plan import Plan, Proposal, Requirements
from ml.optimisation.plans.reasons import Explanation, Price, TieUse
from ml.optimisation.plans.verification import OperatingPoint, Verifier

ProposeAt = Callable[[Network, OperatingPoint, Requirements], Proposal]


@dataclass(frozen=True, eq=False, kw_only=True)
class ProposalBase:
    """A proposal with the network and the operating point that it was made for."""

    network: Network
    operating_point: OperatingPoint
    proposal: Proposal


class Explainer:
    """Explains proposals; every method may be called from any thread. The last proposal's answers are kept.

    propose: asks the optimiser of a network, by what it has learned.
    """

    def __init__(self, propose: ProposeAt) -> None:
        self._propose = propose
        self._lock = threading.Lock()
        self._verifier: Verifier | None = None
        self._kept_of: Proposal | None = None
        self._shares: Explanation | None = None
        self._prices: tuple[Price, ...] | None = None
        self._why_not: dict[int, TieUse] = {}

    def shares(self, base: ProposalBase, plan: Plan) -> Explanation:
        """What each pair of a plan brings. plan: of the proposal."""
        with self._lock:
            self._begin(base.proposal)
            if self._shares is None:
                if self._verifier is None or self._verifier.network is not base.network:
                    self._verifier = Verifier(base.network)
                self._shares = explained(self._verifier, base.operating_point, plan)
            return self._shares

    def prices(self, base: ProposalBase, step: Callable[[], None]) -> tuple[Price, ...]:
        """What each limit that binds costs. step: called after each, may raise to end the search."""
        with self._lock:
            self._begin(base.proposal)
            if self._prices is not None:
                return self._prices
        found = []
        for price in prices(self._asking(base.network), base.network, base.operating_point, base.proposal):
            found.append(price)
            step()
        with self._lock:
            if self._kept_of is base.proposal:
                self._prices = tuple(found)
        return tuple(found)

    def why_not(self, base: ProposalBase, branch: int) -> TieUse:
        """What the best plan that uses a branch costs, or what forbids it."""
        with self._lock:
            self._begin(base.proposal)
            if branch in self._why_not:
                return self._why_not[branch]
        found = why_not(self._asking(base.network), base.operating_point, base.proposal, branch)
        with self._lock:
            if self._kept_of is base.proposal:
                self._why_not[branch] = found
        return found

    def _asking(self, network: Network) -> Callable[[OperatingPoint, Requirements], Proposal]:
        return lambda operating_point, wanted: self._propose(network, operating_point, wanted)

    def _begin(self, proposal: Proposal) -> None:
        """Forget what was found for another proposal. The lock is held."""
        if self._kept_of is not proposal:
            self._kept_of, self._shares, self._prices, self._why_not = proposal, None, None, {}
