"""AC power flow of many radial configurations at once, for rewards and for screening proposals.

Loads draw j = conj(s / v): a fixed point that backward/forward sweeps find (ml/optimisation/radial/flow_compiled.py).

It is exact for series impedances and constant powers, so for feeders. Where a grid has charging, taps or phase shifts
it leaves them out and only ranks; plans are always verified by grid.flow.powerflow.
"""

from dataclasses import dataclass

import numpy as np

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow_compiled import solve_trees, tree_flows
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
        demand = np.array(np.broadcast_to(demand_pu, (rows, len(loops.path))), dtype=complex, order="C")
        voltage, current = np.empty(demand.shape, dtype=complex), np.zeros((rows, loops.n_branch), dtype=complex)
        loss = np.full(rows, np.inf)
        fewest = solve_trees(
            loops.closed(opened), *loops.walk, self._impedance, demand, self._source, iterations, voltage, current, loss
        )
        self._check(fewest)
        return RadialStates(loss, np.abs(voltage), current)

    def tree_flow(self, opened: IntArray, drawn: FloatArray) -> FloatArray:
        """(b, m) what flows along each branch to serve what buses draw (b, n), if nothing is lost on the way."""
        flow = np.zeros((len(opened), self._loops.n_branch), dtype=drawn.dtype)
        self._check(tree_flows(self._loops.closed(opened), *self._loops.walk, drawn.copy(), flow))
        return flow

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
    radial = np.conj(demand_pu) @ loops.path
    meshed = loop_impedance(loops, resistance_pu)
    loop = -np.linalg.solve(meshed, loops.cycle @ (resistance_pu * radial).T).T
    return radial + loop @ loops.cycle


def exchange_neighbours(loops: Loops, opened: IntArray) -> IntArray:
    """(k, t) every configuration that differs from opened (t,) in one pair: one branch closed, another one opened.

    Closing open branch a makes one loop; opening any other branch of it keeps the grid radial.
    """
    branch = loops.branch[opened]
    own_loop = np.linalg.inv(loops.cycle[:, branch]) @ loops.cycle[:, loops.branch]
    place, candidate = np.nonzero(np.abs(own_loop) > 0.5)
    other = candidate != opened[place]
    neighbours = np.tile(opened, (int(other.sum()), 1))
    neighbours[np.arange(len(neighbours)), place[other]] = candidate[other]
    return neighbours


@dataclass(frozen=True, eq=False)
class Exchanges:
    """k single exchanges from one configuration with t open branches.

    around: (t, m) the loop that closing each open branch makes, 1 along a branch, -1 against it. place: (k,) which of
    them is closed; opens: (k,) the branch of its loop that is opened.
    """

    around: FloatArray
    place: IntArray
    opens: IntArray

    @classmethod
    def of(cls, loops: Loops, opened: IntArray, neighbours: IntArray) -> "Exchanges":
        """Those that lead from opened (t,) to neighbours (k, t)."""
        around = np.linalg.inv(loops.cycle[:, loops.branch[opened]]) @ loops.cycle
        place_of = np.full(len(loops.branch), -1)
        place_of[opened] = np.arange(len(opened))
        new = neighbours[place_of[neighbours] < 0]
        closed = opened.sum() - (neighbours.sum(axis=1) - new)  # all others are the same
        return cls(around, place_of[closed], loops.branch[new])

    def shift(self, flow: FloatArray) -> FloatArray:
        """(k,) what exchanges make flow around the loops that they close.

        flow: (m,) currents or powers in the present configuration. Opening a branch of the loop that was closed carries
        its flow around the loop; exact for what buses draw now.
        """
        shifted: FloatArray = -flow[self.opens] / self.around[self.place, self.opens]
        return shifted

    def loss_change(self, flow: FloatArray, resistance: FloatArray) -> FloatArray:
        """(k,) by how much exchanges change the sum of resistance (m,) times flow (m,) squared."""
        shifted = self.shift(flow)
        along = (self.around * resistance) @ flow
        change = 2 * (np.conj(shifted) * along[self.place]).real
        return change + np.abs(shifted) ** 2 * (self.around**2 @ resistance)[self.place]

    def weighted_change(self, flow: FloatArray, weight: FloatArray) -> FloatArray:
        """(k,) by how much exchanges change the sum of weight (m,) times the size of flow (m,)."""
        shifted, change = self.shift(flow), np.empty(len(self.place))
        for place in np.unique(self.place).tolist():  # a loop has few of all branches
            own, members = self.place == place, np.flatnonzero(np.abs(self.around[place]) > 0.5)
            before, loop = flow[members], self.around[place, members]
            after = np.abs(before + shifted[own, None] * loop) @ weight[members]
            change[own] = after - np.abs(before) @ weight[members]
        return change


def is_radial_batch(loops: Loops, opened: IntArray) -> BoolArray:
    """(b,) whether configurations opened (b, t) are radial and supply every bus."""
    matrices = loops.cycle[:, loops.branch[opened]].transpose(1, 0, 2)
    return np.abs(np.abs(np.linalg.det(matrices)) - 1.0) < 0.5
