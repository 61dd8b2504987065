"""Configurations worth verifying: what the policy, the judges and a search around the present state propose."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow import Exchanges, is_radial_batch
from ml.optimisation.radial.local_search import (
    JUDGED,
    SCREENED,
    Found,
    Objective,
    Prediction,
    SearchSpace,
    SupplySearch,
    branch_exchange,
    exchange_from,
    iterated_local_search,
    last,
    sequential_opening,
    towards,
)
from ml.optimisation.radial.objective import FORBIDDEN_KW
from ml.optimisation.radial.trees import Loops, TreeDistribution
from ml.optimisation.switching.situation import PHI_BOUND

SAMPLES = 32
BEAM = 12  # configurations that a search within a number of pairs goes on from
BEAM_SCREENED = 24  # exchanges of each that it judges
PRESENT, PRIOR, POLICY = "Present state", "Untrained prior", "Policy"
SEQUENTIAL, EXCHANGE, POLISHED = "Sequential opening", "Branch exchange", "Policy + branch exchange"
SEQUENTIAL_EXCHANGED = "Sequential opening + branch exchange"
RESTORED, KICKED = "Restored supply", "Iterated local search from the best"


@dataclass(frozen=True, eq=False)
class Candidates:
    """What one method proposes: configurations (k, t), their objective (k,), best first, evaluations, and time."""

    name: str
    opened: IntArray
    cost: FloatArray
    evaluated: int
    time_ms: float


def _any_step(_before: IntArray, _after: IntArray) -> bool:
    return True


class Proposer:
    """Runs methods on one objective. costs: (b,) of configurations (b, t). predicted: see Choice.predicted.

    virtual and tolerant: see SupplySearch, None where supply is no choice. screened: see SearchSpace.
    """

    def __init__(
        self,
        loops: Loops,
        costs: Objective,
        predicted: Prediction,
        virtual: BoolArray | None = None,
        tolerant: Callable[[float], Objective] | None = None,
        screened: int = SCREENED,
    ) -> None:
        self._space = SearchSpace(loops=loops, costs=costs, predicted=predicted, screened=screened)
        self._supply: SupplySearch | None = None
        if virtual is not None and tolerant is not None:
            self._space = replace(self._space, blind_from=FORBIDDEN_KW)
            self._supply = SupplySearch(space=self._space, virtual=virtual, tolerant=tolerant)

    def run(self, name: str, propose: Callable[[], IntArray]) -> Candidates:
        """Time a method and judge what it proposes (k, t)."""
        began = time.perf_counter()
        opened = np.unique(np.sort(propose(), axis=1), axis=0)
        cost = self._space.costs(opened)
        order = np.argsort(cost, kind="stable")
        spent = 1000 * (time.perf_counter() - began)
        return Candidates(name, opened[order], cost[order], len(opened), spent)

    def exchange(self, name: str, start: IntArray, spent_ms: float = 0.0) -> Candidates:
        """Branch exchange from start (t,). spent_ms: time that finding the start took."""
        return self._found(name, lambda: self._exchanged(start), spent_ms)

    def on_the_way(
        self, name: str, start: IntArray, most_evaluated: int, safe: Callable[[IntArray, IntArray], bool] = _any_step
    ) -> Candidates:
        """All that branch exchange from start (t,) passes, the last first, until it has judged so many.

        safe: whether a step from one configuration (t,) to the next may be taken; what one that may not would close
        stays open.
        """
        began, evaluated = time.perf_counter(), 0
        passed, left_open, goes_on = [_judged(self._space, start)], np.empty(0, dtype=np.int64), True
        while goes_on:
            goes_on = False
            for found in branch_exchange(_leaving_open(self._space, left_open), passed[-1].opened):
                if found.cost < passed[-1].cost and safe(passed[-1].opened, found.opened):
                    passed.append(found)
                elif found.cost < passed[-1].cost:
                    left_open, goes_on = np.union1d(left_open, np.setdiff1d(passed[-1].opened, found.opened)), True
                if goes_on or evaluated + found.evaluated >= most_evaluated:
                    break
            evaluated += found.evaluated
            goes_on &= evaluated < most_evaluated
        spent = 1000 * (time.perf_counter() - began)
        opened, cost = np.array([each.opened for each in passed]), np.array([each.cost for each in passed])
        return Candidates(name, opened[::-1], cost[::-1], evaluated, spent)

    def exchange_from(self, name: str, starts: IntArray, spent_ms: float) -> Candidates:
        """The best that branch exchange makes of starts (k, t)."""
        if self._supply is None:
            return self._found(name, lambda: exchange_from(self._space, starts), spent_ms)
        return self._found(
            name, lambda: min((self._exchanged(start) for start in starts), key=lambda end: end.cost), spent_ms
        )

    def _exchanged(self, start: IntArray) -> Found:
        return last(branch_exchange(self._space, start)) if self._supply is None else self._supply.run(start)

    def _found(self, name: str, search: Callable[[], Found], spent_ms: float) -> Candidates:
        began = time.perf_counter()
        found = search()
        spent = spent_ms + 1000 * (time.perf_counter() - began)
        return Candidates(name, found.opened[None], np.array([found.cost]), found.evaluated, spent)

    def kicked(self, name: str, start: IntArray, rounds: int, rng: np.random.Generator) -> Candidates:
        """Iterated local search from start (t,); where supply is a choice, it ends with forcing more of it."""
        return self._found(name, lambda: self._kicked(start, rounds, rng), 0.0)

    def _kicked(self, start: IntArray, rounds: int, rng: np.random.Generator) -> Found:
        found = last(iterated_local_search(self._space, start, rounds, rng))
        if self._supply is None:
            return found
        forced = self._supply.forced(found.opened)
        return replace(forced, evaluated=forced.evaluated + found.evaluated)

    def taken_back(self, opened: IntArray, open_now: BoolArray, most_more: float) -> Candidates:
        """Configurations between opened (t,) and the present one, with at most so much more cost.

        Where no order of switching is safe for all changes, it may be for fewer.
        """
        began, most_cost = time.perf_counter(), float(self._space.costs(opened[None])[0]) + most_more
        found = towards(self._space, opened, open_now, most_cost)
        cost = self._space.costs(found) if len(found) else np.empty(0)
        return Candidates("", found, cost, len(found), 1000 * (time.perf_counter() - began))

    def within_pairs(self, present: IntArray, pairs: int, others: IntArray) -> list[Candidates]:
        """For 1, 2 ... pairs: configurations that differ from present (t,) in at most so many branches.

        A beam search over single exchanges: each level goes on from the best of the level before, and from what lies on
        the way to the configurations others (k, t).
        """
        began, levels = time.perf_counter(), []
        kept, evaluated = present[None], 0
        for level in range(1, pairs + 1):
            most = BEAM_SCREENED if level > 1 else JUDGED
            found = (self._space.neighbours(opened, most) for opened in kept)
            neighbours = np.concatenate([kept, *found])
            near = others[_distance(present, others) <= level]
            reached = np.unique(np.sort(np.concatenate([neighbours, near]), axis=1), axis=0)
            reached = reached[_distance(present, reached) <= level]
            cost = self._space.costs(reached)
            order = np.argsort(cost, kind="stable")[:BEAM]
            kept, evaluated = reached[order], evaluated + len(reached)
            spent = 1000 * (time.perf_counter() - began)
            levels.append(Candidates(f"At most {level} pairs", kept, cost[order], evaluated, spent))
        return levels


def _judged(space: SearchSpace, opened: IntArray) -> Found:
    opened = np.sort(opened)
    return Found(opened, float(space.costs(opened[None])[0]), 1)


def _leaving_open(space: SearchSpace, branch: IntArray) -> SearchSpace:
    """The search in which branches (k,), as positions in Loops.branch, stay open."""
    if not len(branch):
        return space

    def costs(opened: IntArray) -> FloatArray:
        kept = np.array([np.isin(branch, row).all() for row in opened])
        return np.where(kept, space.costs(opened), np.inf)

    def predicted(exchanges: Exchanges) -> FloatArray:
        return np.where(np.isin(exchanges.opened[exchanges.place], branch), np.inf, space.predicted(exchanges))

    return replace(space, costs=costs, predicted=predicted)


def _distance(present: IntArray, others: IntArray) -> IntArray:
    """(k,) in how many open branches configurations (k, t) differ from present (t,)."""
    differ: IntArray = (~np.isin(others, present)).sum(axis=1)
    return differ


def restorations(loops: Loops, opened: IntArray) -> tuple[IntArray, IntArray]:
    """(k, t) single exchanges from opened (t,), and (k,) which branch each opens anew: what restores its outage."""
    exchanges = Exchanges.of(loops, opened)
    return exchanges.neighbours(), exchanges.opens


def from_policy(policy: TreeDistribution, rng: np.random.Generator) -> IntArray:
    """(k, t) the most probable configuration and samples of one situation's distribution."""
    return np.concatenate([policy.mode(), policy.sample(SAMPLES, rng)[0]])


def from_sequential_opening(loops: Loops, resistance_pu: FloatArray, demand_pu: FloatArray) -> IntArray:
    """(1, t)."""
    return sequential_opening(loops, resistance_pu, demand_pu)[None]


def nearest(loops: Loops, closed: BoolArray, phi: FloatArray) -> TreeDistribution:
    """The distribution over what switch states closed (m,) become that aren't radial or leave buses without supply.

    What is closed stays closed where it can; which of the open branches close is drawn from the policy's phi (1, c).
    """
    is_open = ~closed[loops.branch]
    return TreeDistribution(loops, np.where(is_open, phi.clip(0, PHI_BOUND), phi.clip(-PHI_BOUND, 0) - PHI_BOUND))


def completions(loops: Loops, closed: BoolArray, phi: FloatArray, rng: np.random.Generator) -> IntArray:
    """(k, t) configurations nearest to switch states closed (m,), see nearest."""
    opened = from_policy(nearest(loops, closed, phi), rng)
    return opened[is_radial_batch(loops, opened)]
