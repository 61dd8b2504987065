"""AC power flow of many radial configurations at once, for rewards and for screening proposals.

The current of every branch of a radial grid follows from the loads alone. With paths P (n, m) from the root to each bus
over one spanning tree, and the loops C (t, m) of the other branches, a configuration with open branches S carries

    i = P^T j + C^T l,  l such that i_S = 0

and has the voltages v = v_root - P (z i + u), where u, zero except at S, are the voltages across the open branches
such that C (z i + u) = 0. Both conditions are (t, t) systems with the one integer matrix C_S. Loads draw
j = conj(s / v): the fixed point of a backward/forward sweep (Shirmohammadi et al. 1988), here as matrix products over
the whole batch.

It is exact for series impedances and constant powers, so for feeders. Where a grid has charging, taps or phase shifts
it leaves them out and only ranks; plans are always verified by grid.powerflow.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from grid.network import BoolArray, FloatArray, IntArray
from ml.switching import Loops

LOWEST_PU = 0.5  # below, a configuration counts as collapsed
TOLERANCE_PU = 1e-7


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

        A configuration is done when none of its voltages moves by more than 1e-7 p.u., and what is done is left out of
        the sweeps that follow; those that still move after the last one, or fall below half the voltage, have an
        infinite loss.
        """
        branch, inverse = self._loops.branch[opened], self._inverse(opened)
        demand = np.broadcast_to(demand_pu, (len(opened), len(self._loops.path)))
        voltage = np.full(demand.shape, complex(self._source))
        current = np.zeros((len(opened), self._loops.n_branch), dtype=complex)
        solved, left = np.zeros(len(opened), dtype=bool), np.arange(len(opened))
        for _ in range(iterations):
            current[left], after = self._swept(branch[left], inverse[left], demand[left], voltage[left])
            moves = np.abs(after - voltage[left]).max(axis=1) >= TOLERANCE_PU
            collapsed = np.abs(after).min(axis=1) < LOWEST_PU
            voltage[left] = after
            solved[left[~moves & ~collapsed]] = True
            left = left[moves & ~collapsed]
            if not len(left):
                break
        loss = (self._impedance.real * np.abs(current) ** 2).sum(axis=1)
        return RadialStates(np.where(solved, loss, np.inf), np.abs(voltage), current)

    def _swept(
        self, branch: IntArray, inverse: FloatArray, demand_pu: FloatArray, voltage: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Currents (b, m) of what is drawn at voltages (b, n), and the voltages (b, n) that they lead to."""
        current = self._avoiding(branch, inverse, np.conj(demand_pu / voltage))
        drop = self._impedance * current
        across = np.einsum("bij,bj->bi", inverse, _times(drop, self._loops.sparse.cycle))
        drop[np.arange(len(branch))[:, None], branch] -= across
        return current, self._source - _times(drop, self._loops.sparse.path)

    def tree_flow(self, opened: IntArray, drawn: FloatArray) -> FloatArray:
        """(b, m) what flows along each branch to serve what buses draw (b, n), if nothing is lost on the way."""
        return self._avoiding(self._loops.branch[opened], self._inverse(opened), drawn)

    def _inverse(self, opened: IntArray) -> FloatArray:
        """(b, t, t) of the loops' columns at the open branches: integers."""
        columns = self._loops.cycle[:, self._loops.branch[opened]].transpose(1, 0, 2)
        return np.linalg.inv(columns) if self._loops.ties else columns

    def _avoiding(self, branch: IntArray, inverse: FloatArray, drawn: FloatArray) -> FloatArray:
        """(b, m) the flow over the reference tree, led around the open branches (b, t)."""
        radial = _times(drawn, self._loops.sparse.path_t)
        loop = -np.einsum("bij,bi->bj", inverse, np.take_along_axis(radial, branch, 1))
        return radial + _times(loop, self._loops.sparse.cycle_t)


def _times(values: FloatArray, transposed: sparse.csr_array) -> FloatArray:
    """values (b, k), complex or real, times a real matrix (k, j) that is given as its sparse transpose (j, k).

    Complex values are read as pairs of real ones, or SciPy would make the matrix complex first.
    """
    columns = np.ascontiguousarray(values.T)
    product: FloatArray = (transposed @ columns.view(float)).view(columns.dtype).T
    return product


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


def exchange_shift(
    loops: Loops, opened: IntArray, neighbours: IntArray, flow: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """By single exchanges from opened (t,): loops (k, m) that they close, and what flows around them, (k,).

    flow: (m,) currents or powers in the present configuration. Opening a branch of the loop that was closed carries its
    flow around the loop; exact for what buses draw now.
    """
    own_loop = np.linalg.inv(loops.cycle[:, loops.branch[opened]]) @ loops.cycle
    kept = (opened[None, :, None] == neighbours[:, None, :]).any(axis=2)
    around = own_loop[np.argmin(kept, axis=1)]
    opens = loops.branch[neighbours[~np.isin(neighbours, opened)]]
    return around, -flow[opens] / around[np.arange(len(opens)), opens]


def is_radial_batch(loops: Loops, opened: IntArray) -> BoolArray:
    """(b,) whether configurations opened (b, t) are radial and supply every bus."""
    matrices = loops.cycle[:, loops.branch[opened]].transpose(1, 0, 2)
    return np.abs(np.abs(np.linalg.det(matrices)) - 1.0) < 0.5
