"""AC power flow of many radial configurations at once, for rewards and for screening proposals.

Loads draw j = conj(s / v): a fixed point that backward/forward sweeps find (ml/optimisation/radial/flow_compiled.py).

It is exact for series impedances and constant powers, so for feeders. Where a grid has charging, taps or phase shifts
it leaves them out and only ranks; plans are always verified by grid.flow.powerflow.
"""

from dataclasses import dataclass

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.exchanges_compiled import close_loops, loss_changes, weighted_changes
from ml.optimisation.radial.flow_compiled import solve_trees, tree_flows, weighted_flows
from ml.optimisation.radial.trees import Loops


@dataclass(frozen=True, eq=False)
class RadialStates:
    """b solved configurations.

    loss_pu: (b,) active power lost, infinite where there is no solution. vm_pu: (b, n). current_pu: (b, m) complex,
    along each branch from its from to its to end.
    """

    loss_pu: FloatArray
    vm_pu: FloatArray
    current_pu: FloatArray


class RadialFlow:
    """Solves configurations of one set of loops; impedance_pu (m,) complex, source_vm_pu the root's voltage."""

    def __init__(self, loops: Loops, impedance_pu: FloatArray, source_vm_pu: float = 1.0) -> None:
        self._loops, self._impedance, self._source = loops, impedance_pu, source_vm_pu

    @property
    def resistance_pu(self) -> FloatArray:
        """(m,) of the branches."""
        return self._impedance.real

    def solve(self, opened: IntArray, demand_pu: FloatArray, iterations: int = 15) -> RadialStates:
        """Solve configurations opened (b, t), as positions in Loops.branch, under demand_pu (n,) or (b, n) complex.

        A configuration is done when none of its voltages moves by more than 1e-7 p.u.; one that still moves after the
        last sweep, or falls below half the voltage, has an infinite loss. ValueError where one isn't radial.
        """
        loops, rows = self._loops, len(opened)
        demand = np.ascontiguousarray(np.atleast_2d(demand_pu), dtype=complex)
        size, current = np.empty((rows, loops.n_bus)), np.zeros((rows, loops.n_branch), dtype=complex)
        loss = np.full(rows, np.inf)
        fewest = solve_trees(
            loops.closed(opened), *loops.walk, self._impedance, demand, self._source, iterations, size, current, loss
        )
        self._check(fewest)
        return RadialStates(loss, size, current)

    def tree_flow(self, opened: IntArray, drawn: FloatArray) -> FloatArray:
        """(b, m) what flows along each branch to serve what buses draw (b, n), if nothing is lost on the way."""
        flow = np.zeros((len(opened), self._loops.n_branch), dtype=drawn.dtype)
        self._check(tree_flows(self._loops.closed(opened), *self._loops.walk, drawn.copy(), flow))
        return flow

    def weighted_flow(self, opened: IntArray, drawn: FloatArray, weight: FloatArray) -> FloatArray:
        """(b,) the sum of weight (m,) times the size of tree_flow, for drawn (n,) or (b, n), real."""
        total = np.empty(len(opened))
        rows = np.ascontiguousarray(np.atleast_2d(drawn), dtype=float)
        self._check(weighted_flows(self._loops.closed(opened), *self._loops.walk, rows, weight, total))
        return total

    def _check(self, fewest: int) -> None:
        if fewest < self._loops.n_fed:
            raise ValueError(f"a configuration isn't radial: it feeds {fewest} of {self._loops.n_fed} buses")


def loop_impedance(loops: Loops, impedance_pu: FloatArray) -> FloatArray:
    """(t, t) complex: what a current around each loop meets along each other one."""
    return (loops.cycle * impedance_pu) @ loops.cycle.T


def closed_current(loops: Loops, resistance_pu: FloatArray, demand_pu: FloatArray) -> FloatArray:
    """Currents (b, m) of the grid with all switches closed and resistances only, linear in demand_pu (b, n).

    The closed network minimises losses; a branch that carries little there is a good one to open (sequential opening,
    Merlin & Back 1975).
    """
    radial = np.zeros((len(demand_pu), loops.n_branch), dtype=complex)
    trees = np.broadcast_to(loops.tree, radial.shape)
    tree_flows(np.ascontiguousarray(trees), *loops.walk, np.conj(demand_pu).astype(complex), radial)
    meshed = loop_impedance(loops, resistance_pu)
    loop = -np.linalg.solve(meshed, loops.cycle @ (resistance_pu * radial).T).T
    return radial + loop @ loops.cycle


@dataclass(frozen=True, eq=False)
class Exchanges:
    """The k single exchanges from configuration opened (t,): close one of its branches, open another of the loop.

    place: (k,) which of opened is closed. opens: (k,) what is opened instead, as position in Loops.branch. Any branch
    of the loop that closing makes may be opened, and the grid stays radial. Ordered by place, then by opens.
    """

    opened: IntArray
    place: IntArray
    opens: IntArray
    _loops: tuple[IntArray, IntArray, FloatArray]  # begin, member and along of close_loops
    _at: IntArray  # (k,) which member each exchange opens

    @classmethod
    def of(cls, loops: Loops, opened: IntArray) -> "Exchanges":
        """All from opened (t,). ValueError where it isn't radial."""
        own = loops.branch[opened]
        begin, member, along = close_loops(loops.closed(opened), *loops.walk, own, loops.n_fed)
        if begin[-1] < 0:
            raise ValueError("a configuration isn't radial: there are no exchanges from it")
        place = np.repeat(np.arange(len(opened)), np.diff(begin))
        at = np.flatnonzero((loops.position[member] >= 0) & (member != own[place]))
        return cls(opened, place[at], loops.position[member[at]], (begin, member, along), at)

    def __len__(self) -> int:
        return len(self.place)

    def neighbours(self, which: IntArray | slice = slice(None)) -> IntArray:
        """(j, t) the configurations that they lead to. which: (j,) some of them, by default all."""
        place = self.place[which]
        found = np.tile(self.opened, (len(place), 1))
        found[np.arange(len(place)), place] = self.opens[which]
        return found

    def loss_change(self, flow: FloatArray, resistance: FloatArray) -> FloatArray:
        """(k,) by how much exchanges change the sum of resistance (m,) times flow (m,) squared.

        flow: complex currents in the present configuration. Opening a branch of the loop that was closed carries its
        flow around the loop; exact for what buses draw now.
        """
        change: FloatArray = loss_changes(*self._loops, flow, resistance)[self._at]
        return change

    def weighted_change(self, flow: FloatArray, weight: FloatArray) -> FloatArray:
        """(k,) by how much exchanges change the sum of weight (m,) times the size of flow (m,), real."""
        change: FloatArray = weighted_changes(*self._loops, flow, weight)[self._at]
        return change


def exchange_neighbours(loops: Loops, opened: IntArray) -> IntArray:
    """(k, t) every configuration that differs from opened (t,) in one pair: one branch closed, another one opened."""
    return Exchanges.of(loops, opened).neighbours()


def is_radial_batch(loops: Loops, opened: IntArray) -> BoolArray:
    """(b,) whether configurations opened (b, t) are radial and supply every bus."""
    matrices = loops.cycle[:, loops.branch[opened]].transpose(1, 0, 2)
    return np.abs(np.abs(np.linalg.det(matrices)) - 1.0) < 0.5
