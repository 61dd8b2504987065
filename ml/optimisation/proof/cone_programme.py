"""Minimum-loss radial reconfiguration as a mixed-integer cone programme, written as rows for a MILP solver.

Every bus but the root has one parent. An arc is a branch in one direction, with binary z (it feeds its head), the power
P + jQ at its sending end, squared current l, and w, the squared voltage v of its tail where z is one, else zero. The
branch flow equations (Baran & Wu 1989) are linear in these except for the current:

    sum in (P - r l) - sum out P = p,   the same for Q,   v = sum in (w - 2 (r P + x Q) + |z|^2 l),   l w >= P^2 + Q^2

The cone (Jabr et al. 2012, Taylor & Hover 2012, Farivar & Low 2013) is an equality in every power flow, so each radial
configuration satisfies all of this, and the minimum is a lower bound of all their losses. Since w vanishes with z, no
row needs a constant that is merely large. A tangent of the cone is homogeneous: for any slopes a and b

    l >= 2 a P + 2 b Q - (a^2 + b^2) w,   equal to the cone where P = a w and Q = b w.

Binary s is one where a configuration is described; where it is zero, so is everything else, and nothing is claimed. The
model is that of series impedances, as in ml.optimisation.radial.flow, and as there a voltage below 0.5 p.u. counts as a
collapse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array, hstack, vstack
from scipy.sparse.csgraph import connected_components

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.flow_compiled import LOWEST_PU
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.trees import Loops

TOTAL_DEMAND = 10.0  # of the model's unit of power: HiGHS reads to 1e-6, and takes coefficients below 1e-9 for zero
LEAST_WEIGHT = 1e-3  # of a tangent's row, so that branches of next to no impedance have coefficients, too
BLOCKS = ("z", "p", "q", "l", "w", "f", "v", "s")


@dataclass(frozen=True, eq=False)
class Arcs:
    """k branches in a direction in which some radial configuration may use them.

    below: (k, n) the buses that may be fed through each, its head among them.
    """

    branch: IntArray
    tail: IntArray
    head: IntArray
    below: BoolArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Linear constraints lower <= matrix @ variables <= upper."""

    matrix: csr_array
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def stacked(cls, parts: Sequence["Rows"]) -> "Rows":
        """The rows of all parts."""
        return cls(
            vstack([part.matrix for part in parts], format="csr"),
            np.concatenate([part.lower for part in parts]),
            np.concatenate([part.upper for part in parts]),
        )


def find_arcs(grid: RadialGrid) -> Arcs:
    """The arcs of a grid, all sources as one root; an arc whose head lies on every way to its tail feeds nobody."""
    source, merged = grid.source_bus[0], _merged(grid)
    tail, head = merged[grid.from_bus], merged[grid.to_bus]
    branch = np.flatnonzero(grid.usable & (tail != head))
    tail, head = np.concatenate([tail[branch], head[branch]]), np.concatenate([head[branch], tail[branch]])
    branch = np.tile(branch, 2)
    useful, below = head != source, np.zeros((len(branch), grid.n_bus), dtype=bool)
    for bus in range(grid.n_bus):
        island = _islands(grid.n_bus, tail, head, [bus])
        useful &= (head != bus) | (island[tail] == island[source])
        island = _islands(grid.n_bus, tail, head, [bus, source])
        below[tail == bus] = island[head[tail == bus]][:, None] == island
    return Arcs(branch[useful], tail[useful], head[useful], below[useful])


def _merged(grid: RadialGrid) -> IntArray:
    """(n,) every bus by its number, the sources by that of the first."""
    number = np.arange(grid.n_bus)
    number[grid.source_bus] = grid.source_bus[0]
    return number


def _islands(n_bus: int, tail: IntArray, head: IntArray, without: Sequence[int]) -> IntArray:
    """(n,) labels of the islands that remain without some buses, each of which is an island of its own."""
    stays = ~np.isin(tail, without) & ~np.isin(head, without)
    graph = coo_array((np.ones(stays.sum()), (tail[stays], head[stays])), shape=(n_bus, n_bus))
    labels: IntArray = connected_components(graph, directed=False)[1]
    return labels


def reactive_loss_bound(impedance_pu: FloatArray, loss_pu: float, current_pu: float) -> float:
    """Most that branches (m,) consume in reactive power if they lose loss_pu together and none exceeds current_pu.

    Branches up to some ratio of reactance to resistance are bounded by the losses, the others by the current; the best
    ratio is taken.
    """
    r, x = impedance_pu.real, impedance_pu.imag
    ratio = np.divide(x, r, out=np.full(len(r), np.inf), where=r > 0)
    order = np.argsort(ratio)
    by_current = np.append(np.cumsum((x * current_pu**2)[order][::-1])[::-1], 0.0)
    by_losses = np.append(0.0, ratio[order] * loss_pu)
    return float((by_losses + by_current).min())


def _column(values: FloatArray) -> csr_array:
    return csr_array(values[:, None])


class ConicModel:
    """Variables, bounds, costs and rows for all configurations that lose at most loss_bound_pu (of the grid's base).

    cost (N,) is in percent of that bound. The variables come in BLOCKS, named as above, each a slice in block; f, the
    number of buses that are fed through an arc, keeps those without load connected. Impedances are not negative.
    """

    def __init__(self, grid: RadialGrid, loops: Loops, loss_bound_pu: float) -> None:
        self.arcs = find_arcs(grid)
        self._grid, self._loops = grid, loops
        self._unit = float(np.abs(grid.demand_pu).sum()) / TOTAL_DEMAND
        self._demand = grid.demand_pu / self._unit
        self._impedance = grid.impedance_pu * self._unit
        self._z = self._impedance[self.arcs.branch]
        self._loss = loss_bound_pu / self._unit
        self._weight = 100.0 * np.abs(self._z) / self._loss
        self._arc_of = self._lookup()
        ends = np.cumsum([0] + [len(self._z)] * 6 + [grid.n_bus, 1])
        self.block = {name: slice(*ends[k : k + 2]) for k, name in enumerate(BLOCKS)}
        self.cost = self._vector(l=100.0 * self._z.real / self._loss)
        self.integrality = self._vector(z=1.0, s=1.0)
        self._set_bounds()
        self.rows = Rows.stacked([*self._bus_rows(), *self._arc_rows(), *self._branch_rows()])

    def _lookup(self) -> IntArray:
        """(2, m) the arc of a branch from its from to its to end, and the other way; -1 where there is none."""
        found = np.full((2, self._loops.n_branch), -1)
        backward = self.arcs.tail != _merged(self._grid)[self._grid.from_bus[self.arcs.branch]]
        found[backward.astype(int), self.arcs.branch] = np.arange(len(backward))
        return found

    def _vector(self, **blocks: FloatArray | float) -> FloatArray:
        values = np.zeros(self.block["s"].stop)
        for name, block in blocks.items():
            values[self.block[name]] = block
        return values

    def _rows(self, lower: FloatArray | float, upper: FloatArray | float, **blocks: csr_array) -> Rows:
        count = next(iter(blocks.values())).shape[0]
        parts = [
            blocks.get(name, csr_array((count, self.block[name].stop - self.block[name].start))) for name in BLOCKS
        ]
        return Rows(hstack(parts, format="csr"), np.full(count, lower), np.full(count, upper))

    def _set_bounds(self) -> None:
        """Ranges of all variables; voltages rise along an arc only by what the buses feed in."""
        grid, arcs, p, q = self._grid, self.arcs, self._demand.real, self._demand.imag
        z, source = self._impedance[grid.usable], grid.source_vm_pu**2
        rise = -2 * (z.real.sum() * p.clip(max=0).sum() + z.imag.sum() * q.clip(max=0).sum())
        is_root = np.isin(np.arange(grid.n_bus), grid.source_bus)
        self._highest = np.where(is_root, source, source + rise)
        self._lowest = np.where(is_root, source, LOWEST_PU**2)
        current = np.abs(self._demand).sum() / LOWEST_PU
        reactive = reactive_loss_bound(z, self._loss, current)
        self._most = [arcs.below @ part.clip(min=0) + lost for part, lost in ((p, self._loss), (q, reactive))]
        self._least = [part[arcs.head].clip(min=0) + arcs.below @ part.clip(max=0) for part in (p, q)]
        r = np.maximum(self._z.real, 1e-12)
        self.lower = self._vector(p=np.minimum(self._least[0], 0), q=np.minimum(self._least[1], 0), v=self._lowest)
        self.upper = self._vector(
            z=1.0,
            p=self._most[0],
            q=self._most[1],
            l=np.minimum(self._loss / r, current**2),
            w=self._highest[arcs.tail],
            f=arcs.below.sum(axis=1),
            v=self._highest,
            s=1.0,
        )

    def _bus_rows(self) -> list[Rows]:
        """One parent, power balances and the voltage drop, for each bus but the sources."""
        grid, arcs = self._grid, self.arcs
        bus = np.setdiff1d(np.arange(grid.n_bus), grid.source_bus)
        into, out = (
            csr_array((np.ones(len(end)), (end, np.arange(len(end)))), shape=(grid.n_bus, len(end)))[bus]
            for end in (arcs.head, arcs.tail)
        )
        r, x = (diags_array(part) for part in (self._z.real, self._z.imag))
        square = diags_array(np.abs(self._z) ** 2)
        own = csr_array((np.ones(len(bus)), (np.arange(len(bus)), bus)), shape=(len(bus), grid.n_bus))
        low, demand = self._lowest[bus], self._demand[bus]
        return [
            self._rows(0.0, 0.0, z=into, s=_column(-np.ones(len(bus)))),
            self._rows(0.0, 0.0, p=into - out, l=-(into @ r), s=_column(-demand.real)),
            self._rows(0.0, 0.0, q=into - out, l=-(into @ x), s=_column(-demand.imag)),
            self._rows(0.0, 0.0, f=into - out, s=_column(-np.ones(len(bus)))),
            self._rows(low, low, v=own, w=-into, p=2 * into @ r, q=2 * into @ x, l=-(into @ square), s=_column(low)),
        ]

    def _arc_rows(self) -> list[Rows]:
        """What an arc carries vanishes unless it feeds its head, and lies within its range if it does."""
        arcs, one, inf = self.arcs, diags_array(np.ones(len(self._z))), np.inf
        tail = csr_array((np.ones(len(arcs.tail)), (np.arange(len(arcs.tail)), arcs.tail)), shape=arcs.below.shape)
        high, low, least = self._highest[arcs.tail], self._lowest[arcs.tail], self._lowest[arcs.head]
        r, x, square = (diags_array(part) for part in (self._z.real, self._z.imag, np.abs(self._z) ** 2))
        return [
            self._rows(-inf, 0.0, w=one, z=diags_array(-high)),
            self._rows(0.0, inf, w=one, z=diags_array(-low)),
            self._rows(-inf, high, v=tail, w=-one, z=diags_array(high)),
            self._rows(low, inf, v=tail, w=-one, z=diags_array(low)),
            self._rows(0.0, inf, w=one, p=-2 * r, q=-2 * x, l=square, z=diags_array(-least)),
            self._rows(-inf, 0.0, p=one, z=diags_array(-self._most[0])),
            self._rows(-inf, 0.0, q=one, z=diags_array(-self._most[1])),
            self._rows(0.0, inf, p=one, l=-r, z=diags_array(-self._least[0])),
            self._rows(0.0, inf, q=one, l=-x, z=diags_array(-self._least[1])),
            self._rows(-inf, 0.0, f=one, z=diags_array(-arcs.below.sum(axis=1).astype(float))),
            self._rows(0.0, inf, f=one, z=-one),
        ]

    def _branch_rows(self) -> list[Rows]:
        """A branch feeds in one direction at most, and does in one where it is closed in every configuration."""
        branch = np.unique(self.arcs.branch)
        row = np.searchsorted(branch, self.arcs.branch)
        either = csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(branch), len(row)))
        fixed = self._loops.fixed_closed[branch].astype(float)
        return [
            self._rows(-np.inf, 0.0, z=either, s=_column(-np.ones(len(branch)))),
            self._rows(0.0, np.inf, z=either, s=_column(-fixed)),
        ]

    def tangents(self, arc: IntArray, slope: FloatArray) -> Rows:
        """Tangents of the cones of arcs (c,) at slopes a + jb (c,), weighted so that a violation is in percent."""
        place = np.arange(len(arc)), arc
        weight = np.maximum(self._weight[arc], LEAST_WEIGHT)
        values = {"l": np.ones(len(arc)), "p": -2 * slope.real, "q": -2 * slope.imag, "w": np.abs(slope) ** 2}
        shape = (len(arc), len(self._z))
        return self._rows(0.0, np.inf, **{name: csr_array((weight * v, place), shape) for name, v in values.items()})

    def violated(self, variables: FloatArray, percent: float) -> tuple[IntArray, FloatArray]:
        """Arcs (c,) whose cones a solution violates by more than some percent, and the slopes there."""
        p, q, current, w = (variables[self.block[name]] for name in "pqlw")
        slope = np.divide(p + 1j * q, w, out=np.zeros(len(w), dtype=complex), where=w > 1e-7)
        arc = np.flatnonzero(self._weight * (np.abs(slope) ** 2 * w - current) > percent)
        return arc, slope[arc]

    def flow_slopes(self, flow: RadialFlow, opened: IntArray) -> tuple[IntArray, FloatArray]:
        """Arcs (c,) of configurations opened (b, t), and their slopes in the exact power flow."""
        grid, states, row = self._grid, flow.solve(opened, self._grid.demand_pu), np.arange(len(opened))[:, None]
        down = flow.tree_flow(opened, np.ones((len(opened), grid.n_bus)))  # buses fed; its sign says which way
        parent, child = np.where(down > 0, grid.from_bus, grid.to_bus), np.where(down > 0, grid.to_bus, grid.from_bus)
        drawn = np.tile(grid.demand_pu, (len(opened), 1))
        np.add.at(drawn, (row, child), grid.impedance_pu * np.abs(states.current_pu) ** 2)
        sent = flow.tree_flow(opened, drawn) * np.sign(down) / self._unit
        used = np.abs(down) > 0.5
        arc = self._arc_of[(down < 0).astype(int), np.arange(len(grid.usable))]
        return arc[used], (sent / states.vm_pu[row, parent] ** 2)[used]

    def spread(self, arc: IntArray, slope: FloatArray, percent: float) -> tuple[IntArray, FloatArray]:
        """Of tangents (c,), one for each cell of slopes so small that the others add at most some percent."""
        cell = np.sqrt(percent / (2 * np.maximum(self._weight[arc], LEAST_WEIGHT)))
        places = np.column_stack([arc, np.round(slope.real / cell), np.round(slope.imag / cell)])
        first = np.unique(places, axis=0, return_index=True)[1]
        return arc[first], slope[first]

    def describes(self, variables: FloatArray) -> bool:
        """Whether a solution is a configuration, and not the choice of describing none."""
        return bool(variables[self.block["s"]][0] > 0.5)

    def closed(self, variables: FloatArray) -> BoolArray:
        """(m,) the switch states of a solution with whole z."""
        states = np.zeros(self._loops.n_branch, dtype=bool)
        states[self.arcs.branch[variables[self.block["z"]] > 0.5]] = True
        return states

    def all_but(self, variables: FloatArray) -> Rows:
        """The row that leaves out the configuration of a solution, and no other."""
        chosen = (variables[self.block["z"]] > 0.5).astype(float)
        return self._rows(-np.inf, chosen.sum() - 1, z=csr_array(chosen[None, :]))
