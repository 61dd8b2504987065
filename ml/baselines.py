"""The judges of the policy: branch exchange, sequential opening, iterated local search."""

import sys
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from grid.network import FloatArray, IntArray
from ml.radialflow import closed_current, exchange_neighbours
from ml.switching import Loops


class Objective(Protocol):
    """What is minimised: cost (b,) of configurations opened (b, t), infinite where one is not allowed."""

    def __call__(self, opened: IntArray) -> FloatArray:
        """Costs (b,) of configurations (b, t)."""
        ...


@dataclass(frozen=True, eq=False)
class Found:
    """A configuration opened (t,), its cost, and how many were evaluated to find it."""

    opened: IntArray
    cost: float
    evaluated: int


def branch_exchange(objective: Objective, loops: Loops, start: IntArray) -> Found:
    """Steepest descent over single exchanges (Civanlar 1988; Baran & Wu 1989): close one branch, open another."""
    opened, cost, evaluated = start, float(objective(start[None])[0]), 1
    while True:
        neighbours = exchange_neighbours(loops, opened)
        costs = objective(neighbours)
        evaluated += len(neighbours)
        best = int(np.argmin(costs)) if len(costs) else -1
        if best < 0 or not costs[best] < cost * (1 - 1e-9):
            return Found(np.sort(opened), cost, evaluated)
        opened, cost = neighbours[best], float(costs[best])


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


def iterated_local_search(
    objective: Objective, loops: Loops, start: IntArray, rounds: int, rng: np.random.Generator
) -> Found:
    """Branch exchange, then rounds of a kick of two to four random exchanges and branch exchange again."""
    best = branch_exchange(objective, loops, start)
    evaluated = best.evaluated
    for _ in range(rounds):
        kicked = best.opened
        for _ in range(int(rng.integers(2, 5))):
            neighbours = exchange_neighbours(loops, kicked)
            kicked = neighbours[rng.integers(len(neighbours))]
        found = branch_exchange(objective, loops, kicked)
        evaluated += found.evaluated
        if found.cost < best.cost:
            best = found
    return Found(best.opened, best.cost, evaluated)


if __name__ == "__main__":
    from ml.prove import main

    sys.exit(main())
