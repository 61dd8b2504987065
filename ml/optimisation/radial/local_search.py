"""Search beside the policy: branch exchange, iterated local search, sequential opening.

The optimiser polishes its proposals with the branch exchange that it is judged by.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.flow import closed_current, exchange_neighbours
from ml.optimisation.radial.trees import Loops

SCREENED = 12  # exchanges that are judged before all others are


class Objective(Protocol):
    """What is minimised: cost (b,) of configurations opened (b, t), infinite where one is not allowed."""

    def __call__(self, opened: IntArray) -> FloatArray:
        """Costs (b,) of configurations (b, t)."""
        ...


class Prediction(Protocol):
    """What single exchanges are thought to change, for much less than the objective takes to tell."""

    def __call__(self, opened: IntArray, neighbours: IntArray) -> FloatArray:
        """Change (k,) of the cost from opened (t,) to its neighbours (k, t)."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchSpace:
    """What a local search walks through: the configurations of loops, what they cost, and what exchanges promise."""

    loops: Loops
    costs: Objective
    predicted: Prediction

    def neighbours(self, opened: IntArray, most: int | None = None) -> IntArray:
        """(k, t) the single exchanges from opened (t,). most: only so many, those that promise most."""
        every = exchange_neighbours(self.loops, opened)
        if most is None or len(every) <= most:
            return every
        return every[np.argsort(self.predicted(opened, every), kind="stable")[:most]]


@dataclass(frozen=True, eq=False)
class Found:
    """A configuration opened (t,), its cost, and how many were evaluated to find it."""

    opened: IntArray
    cost: float
    evaluated: int


def branch_exchange(space: SearchSpace, start: IntArray, thorough: bool = True) -> Iterator[Found]:
    """Steepest descent over single exchanges (Civanlar 1988; Baran & Wu 1989): close one branch, open another.

    start: (t,). Gives where it stands after each batch of neighbours, so that it can be left when time is over. The
    exchanges that promise most are judged first. thorough: all others are judged before it ends, so that it ends at a
    configuration that no exchange improves.
    """
    opened, cost, evaluated = start, float(space.costs(start[None])[0]), 1
    screened = improvable = True
    yield Found(np.sort(opened), cost, evaluated)
    while improvable:
        neighbours = space.neighbours(opened, SCREENED if screened else None)
        costs = space.costs(neighbours)
        evaluated += len(neighbours)
        best = int(np.argmin(costs)) if len(costs) else -1
        if best >= 0 and costs[best] < cost * (1 - 1e-9):
            opened, cost, screened = neighbours[best], float(costs[best]), True
        else:
            screened, improvable = False, screened and thorough
        yield Found(np.sort(opened), cost, evaluated)


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
        neighbours = exchange_neighbours(loops, opened)
        opened = neighbours[rng.integers(len(neighbours))]
    return opened


def last(search: Iterator[Found]) -> Found:
    """What a search ends with, however long it takes."""
    return deque(search, maxlen=1).pop()


def sequential_opening(loops: Loops, resistance_pu: FloatArray, demand_pu: FloatArray) -> IntArray:
    """(t,) from the closed grid, open the branch with the smallest current, again and again (Shirmohammadi 1989).

    Currents are those of resistances only, which makes the closed grid's the optimal one; each opening updates them.
    """
    impedance = resistance_pu.copy()
    weights = np.zeros(loops.n_branch)
    current = np.abs(closed_current(loops, impedance, demand_pu[None])[0])
    basis = loops.cycle.copy()
    opened: list[int] = []
    radial = np.conj(demand_pu) @ loops.path
    while len(opened) < loops.ties:
        weights[:] = np.inf
        on_loop = np.abs(basis[:, loops.branch]).max(axis=0) > 0.5
        weights[loops.branch[on_loop]] = current[loops.branch[on_loop]]
        branch = int(np.argmin(weights))
        opened.append(int(np.flatnonzero(loops.branch == branch)[0]))
        basis, radial = _without(basis, radial, branch)
        if len(basis):
            loop = -np.linalg.solve((basis * impedance) @ basis.T, basis @ (impedance * radial))
            current = np.abs(radial + loop @ basis)
    return np.sort(np.array(opened, dtype=np.int64))


def _without(basis: FloatArray, radial: FloatArray, branch: int) -> tuple[FloatArray, FloatArray]:
    """Loops and a flow that leave a branch open: its own loop carries the flow away, the other loops avoid it."""
    pivot = int(np.flatnonzero(np.abs(basis[:, branch]) > 0.5)[0])
    own = basis[pivot] / basis[pivot, branch]
    rest = np.delete(basis, pivot, axis=0)
    return rest - np.outer(rest[:, branch], own), radial - radial[branch] * own
