"""Search beside the policy: branch exchange, iterated local search, sequential opening.

The optimiser polishes its proposals with the branch exchange that it is judged by.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow import Exchanges, closed_current, loop_impedance
from ml.optimisation.radial.local_search_compiled import open_smallest
from ml.optimisation.radial.trees import Loops

# exchanges that are judged before all others are: of 2,000, the best that improved was always one of the first two;
# over 60 situations of each feeder twice as many end at the same costs, to 0.001 % on average
SCREENED = 6
SCREENED_IN_THE_DARK = 12  # where limits bind, of which predictions know nothing: with six less comes back
JUDGED = 200  # exchanges that are judged at most, those that promise most: 500 end at the same
JUDGED_BLIND = 150  # from configurations that aren't allowed
TOLERATED_KW = (30.0, 100.0, 300.0, 1000.0, 10_000.0)  # of supply for a limit exceeded by its whole size, in turn
CONNECTED, WAYS = 24, 2  # buses without supply that are connected by force, and over how many branches each
SAME = 1e-12  # of a cost, which counts a kW without supply as many: less is no difference


class Objective(Protocol):
    """What is minimised: cost (b,) of configurations opened (b, t), infinite where one is not allowed."""

    def __call__(self, opened: IntArray) -> FloatArray:
        """Costs (b,) of configurations (b, t)."""
        ...


class Prediction(Protocol):
    """What single exchanges are thought to change, for much less than the objective takes to tell."""

    def __call__(self, exchanges: Exchanges) -> FloatArray:
        """Change (k,) of the cost."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchSpace:
    """What a local search walks through: the configurations of loops, what they cost, and what exchanges promise.

    blind_from: costs from here on come from limits that may not be broken, of which predictions know nothing. screened:
    exchanges that are judged before all others are.
    """

    loops: Loops
    costs: Objective
    predicted: Prediction
    blind_from: float = np.inf
    screened: int = SCREENED

    def neighbours(self, opened: IntArray, most: int | None = None) -> IntArray:
        """(k, t) the single exchanges from opened (t,). most: only so many, those that promise most."""
        every = Exchanges.of(self.loops, opened)
        if most is None or len(every) <= most:
            return every.neighbours()
        return every.neighbours(_least(self.predicted(every), most))

    def neighbours_in_turn(self, opened: IntArray, most: int) -> IntArray:
        """(k, t) at most so many single exchanges from opened (t,): what promises most for each branch that is closed,
        then what promises second for each, and so on.

        Where limits are broken, a prediction that knows nothing of them puts all that sheds load last. So each bus has
        its turn to be shed, with what it feeds.
        """
        every = Exchanges.of(self.loops, opened)
        if len(every) <= most:
            return every.neighbours()
        predicted = self.predicted(every)
        by_place = np.lexsort((predicted, every.place))
        first = np.searchsorted(every.place[by_place], every.place)  # where the exchanges of the same branch begin
        turn = np.empty(len(every), dtype=np.int64)
        turn[by_place] = np.arange(len(every)) - first[by_place]
        return every.neighbours(np.lexsort((predicted, turn))[:most])


def _least(values: FloatArray, most: int) -> IntArray:
    """(most,) where the least values are, ascending, the first of equal ones first."""
    largest = np.partition(values, most - 1)[most - 1]
    among = np.flatnonzero(~(values > largest))  # not a number compares as neither
    found: IntArray = among[np.argsort(values[among], kind="stable")[:most]]
    return found


@dataclass(frozen=True, eq=False)
class Found:
    """A configuration opened (t,), its cost, and how many were evaluated to find it."""

    opened: IntArray
    cost: float
    evaluated: int


def branch_exchange(space: SearchSpace, start: IntArray, thorough: bool = True) -> Iterator[Found]:
    """Steepest descent over single exchanges (Civanlar 1988; Baran & Wu 1989): close one branch, open another.

    start: (t,). Gives where it stands after each batch of neighbours, so that it can be left when time is over. The
    exchanges that promise most are judged first, but for those from a configuration that isn't allowed. thorough: all
    others, or JUDGED where there are more, are judged before it ends, so that it ends at a configuration that none of
    them improves.
    """
    opened, cost, evaluated = start, float(space.costs(start[None])[0]), 1
    screened = improvable = True
    yield Found(np.sort(opened), cost, evaluated)
    while improvable:
        allowed = cost < space.blind_from
        screened &= allowed
        if allowed:
            neighbours = space.neighbours(opened, space.screened if screened else JUDGED)
        else:
            neighbours = space.neighbours_in_turn(opened, JUDGED_BLIND)
        costs = space.costs(neighbours)
        evaluated += len(neighbours)
        best = int(np.argmin(costs)) if len(costs) else -1
        if best >= 0 and costs[best] < cost * (1 - SAME):
            opened, cost, screened = neighbours[best], float(costs[best]), True
        else:
            screened, improvable = False, screened and thorough
        yield Found(np.sort(opened), cost, evaluated)


def exchange_from(space: SearchSpace, starts: IntArray) -> Found:
    """Branch exchange from each of starts (k, t), of which the best end is exchanged thoroughly."""
    ends = [last(branch_exchange(space, start, thorough=False)) for start in starts]
    found = last(branch_exchange(space, min(ends, key=lambda end: end.cost).opened))
    return replace(found, evaluated=found.evaluated + sum(end.evaluated for end in ends))


@dataclass(frozen=True, eq=False, kw_only=True)
class SupplySearch:
    """Branch exchange where supply is a choice: which buses are supplied, and over which way.

    virtual: (c,) which of Loops.branch stand for a bus left without supply. tolerant: costs where exceeding a limit by
    its whole size is worth so many kW of supply. known: ends of searches by where they began, as several starts often
    come to the same place on their way.
    """

    space: SearchSpace
    virtual: BoolArray
    tolerant: Callable[[float], Objective]
    known: dict[tuple[float, bytes], Found] = field(default_factory=dict)

    def run(self, start: IntArray) -> Found:
        """From start (t,): exchange under limits that become dearer step by step, then force what still lacks supply.

        Where limits are forbidden from the beginning, the first configuration that keeps them is kept, and it sheds
        what breaks most. Where they are cheap at first, what is shed is what breaks most for its size.
        """
        start = np.sort(start)
        at, evaluated = start, 0
        for tolerated_kw in TOLERATED_KW:
            found = self._once(tolerated_kw, at, partial(self._eased, tolerated_kw))
            at, evaluated = found.opened, evaluated + found.evaluated
        ends = [self._once(np.inf, begin, self.forced) for begin in (at, start)]
        best = min(ends, key=lambda end: end.cost)
        return replace(best, evaluated=evaluated + sum(end.evaluated for end in ends))

    def _once(self, tolerated_kw: float, start: IntArray, search: Callable[[IntArray], Found]) -> Found:
        """What a search from start (t,) ends with; nothing is evaluated again where that is known."""
        key = tolerated_kw, start.tobytes()
        if key in self.known:
            return replace(self.known[key], evaluated=0)
        self.known[key] = search(start)
        return self.known[key]

    def _eased(self, tolerated_kw: float, start: IntArray) -> Found:
        eased = replace(self.space, costs=self.tolerant(tolerated_kw), blind_from=0.0)
        return last(branch_exchange(eased, start, thorough=False))

    def forced(self, start: IntArray) -> Found:
        """From start (t,): supply is forced where exchange alone finds no more.

        Exchange stops where every further supply breaks a limit, though another part could make room for it. So from
        there each bus without supply is connected in turn, over the one or two branches that break least, and exchange
        repairs the rest; the best of these ends is the next start, until none is better.
        """
        best = last(branch_exchange(self.space, start))
        evaluated, better = best.evaluated, True
        while better:
            connected = self._connected(best.opened)
            ends = [last(branch_exchange(self.space, begin, thorough=False)) for begin in connected]
            evaluated += sum(end.evaluated for end in ends)
            nearest = min(ends, key=lambda end: end.cost, default=best)
            better = nearest.cost < best.cost * (1 - SAME)
            if better:
                best = last(branch_exchange(self.space, nearest.opened))
                evaluated += best.evaluated
        return replace(best, evaluated=evaluated)

    def _connected(self, opened: IntArray) -> IntArray:
        """(k, t) what opened (t,) becomes when one more bus is supplied, those that break least first."""
        every = Exchanges.of(self.space.loops, opened)
        supplies = np.flatnonzero(self.virtual[every.opens] & ~self.virtual[opened[every.place]])
        if not len(supplies):
            return opened[None][:0]
        neighbours = every.neighbours(supplies)
        order = np.argsort(self.space.costs(neighbours), kind="stable")
        bus = every.opens[supplies][order]
        rank = np.array([int((bus[:place] == bus[place]).sum()) for place in range(len(bus))])
        found: IntArray = neighbours[order[rank < WAYS][:CONNECTED]]
        return found


def iterated_local_search(
    space: SearchSpace, start: IntArray, rounds: int, rng: np.random.Generator
) -> Iterator[Found]:
    """Branch exchange, then rounds of a kick of two to four random exchanges and branch exchange again.

    start: (t,). Gives the best so far after each batch of neighbours, as branch_exchange does. Only the last branch
    exchange is a thorough one: another kick brings more than a look at exchanges that promise little.
    """
    best, evaluated = Found(start, np.inf, 0), 0
    for kicks in range(rounds + 1):
        begin = _kicked(space.loops, best.opened, rng) if kicks else start
        for found in branch_exchange(space, begin, thorough=False):
            best = found if found.cost < best.cost else best
            yield Found(best.opened, best.cost, evaluated + found.evaluated)
        evaluated += found.evaluated
    for found in branch_exchange(space, best.opened):
        yield Found(found.opened, found.cost, evaluated + found.evaluated)


def _kicked(loops: Loops, opened: IntArray, rng: np.random.Generator) -> IntArray:
    for _ in range(int(rng.integers(2, 5))):
        every = Exchanges.of(loops, opened)
        if not len(every):  # all switches on loops are locked
            return opened
        opened = every.neighbours(rng.integers(len(every), size=1))[0]
    return opened


def last(search: Iterator[Found]) -> Found:
    """What a search ends with, however long it takes."""
    return deque(search, maxlen=1).pop()


def towards(space: SearchSpace, opened: IntArray, open_now: BoolArray, most_cost: float) -> IntArray:
    """(k, t) what opened (t,) becomes when its changes are taken back one by one, those that cost least first.

    open_now: (c,) which of Loops.branch are open in the present state. Ends before what would cost more than most_cost.
    """
    chain = []
    while True:
        every = Exchanges.of(space.loops, opened)
        back = np.flatnonzero(open_now[every.opens] & ~open_now[opened[every.place]])
        if not len(back):
            break
        neighbours = every.neighbours(back)
        costs = space.costs(neighbours)
        best = int(np.argmin(costs))
        if costs[best] > most_cost:
            break
        opened = np.sort(neighbours[best])
        chain.append(opened)
    return np.array(chain, dtype=np.int64).reshape(len(chain), len(opened))


def sequential_opening(loops: Loops, resistance_pu: FloatArray, demand_pu: FloatArray) -> IntArray:
    """(t,) from the closed grid, open the branch with the smallest current, again and again (Shirmohammadi 1989).

    Currents are those of resistances only, which makes the closed grid's the optimal one; each opening updates them.
    """
    current = closed_current(loops, resistance_pu, demand_pu[None])[0, loops.branch]
    admittance = np.linalg.inv(loop_impedance(loops, resistance_pu))
    loop, member = np.nonzero(loops.free_cycle)
    opened = np.empty(loops.ties, dtype=np.int64)
    open_smallest(current, admittance, loop, member, loops.free_cycle[loop, member].astype(np.int8), opened)
    return np.sort(opened)
