"""The spanning-tree policy: a distribution over radial configurations that is radial by construction.

A grid that is operated radially opens as many branches as it has independent loops. With weights w_e = exp(phi_e) the
set S of open branches has the probability

    P(S) = prod over S of w_e / det(C W C^T)

where C holds one row a loop (fundamental cycles, all sources merged into one root). Sets that leave a loop or an island
have probability zero, because the determinant of their columns of C is zero (Cauchy-Binet); the others' is one. It is a
projection determinantal point process (Kulesza & Taskar 2012, section 2.4): logarithm of the probability, entropy,
inclusion probabilities and samples are exact.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from torch import Tensor

from grid.network import BoolArray, FloatArray, IntArray


class NotConnectedError(ValueError):
    """Some buses can't be supplied by any set of usable branches; bus: (k,) which."""

    def __init__(self, bus: IntArray) -> None:
        self.bus = bus
        super().__init__(f"{len(bus)} buses have no usable branch to a source, the first is bus {bus[0]}")


@dataclass(frozen=True, eq=False)
class Loops:
    """The choice that a radial grid has: which branch of each loop to open.

    branch: (c,) the branches that lie on a loop and may be open, by their index in the grid. cycle: (t, m) -1, 0 or 1:
    a basis of the loops over all branches. path: (n, m) -1, 0 or 1: the way from the root to each bus in the tree that
    the loops were found with. fixed_closed: (m,) bool, usable branches that are closed in every configuration: bridges,
    and those locked closed. A branch between two sources is always open.
    """

    branch: IntArray
    cycle: FloatArray
    path: FloatArray
    fixed_closed: BoolArray
    free_cycle: Tensor  # (t, c) the loops over the free branches alone

    @property
    def n_branch(self) -> int:
        """Branches of the grid, m."""
        return int(self.cycle.shape[1])

    @property
    def ties(self) -> int:
        """How many branches every configuration opens."""
        return len(self.cycle)

    def closed(self, opened: IntArray) -> BoolArray:
        """Switch states (..., m) of opened (..., t): positions in branch."""
        states = np.zeros((*opened.shape[:-1], self.n_branch), dtype=bool)
        states[..., self.fixed_closed] = True
        states[..., self.branch] = True
        np.put_along_axis(states, self.branch[opened], False, axis=-1)
        return states

    def opened(self, closed: BoolArray) -> IntArray:
        """Positions in branch (t,) that switch states (m,) open. ValueError where they aren't radial."""
        positions = np.flatnonzero(~closed[self.branch])
        if len(positions) != self.ties or abs(float(np.linalg.det(self.cycle[:, self.branch[positions]]))) < 0.5:
            raise ValueError(f"{len(positions)} open branches leave a loop or an island; {self.ties} make it radial")
        return positions


def find_loops(
    n_bus: int,
    from_bus: IntArray,
    to_bus: IntArray,
    usable: BoolArray,
    sources: IntArray,
    locked_closed: BoolArray | None = None,
) -> Loops:
    """The loops of a grid whose branches (m,) are usable or not, with sources (s,) merged into one root.

    locked_closed: (m,) branches that may not be opened. Raises NotConnectedError for buses that no usable branch
    reaches, ValueError where locked branches alone form a loop.
    """
    locked = np.zeros(len(usable), dtype=bool) if locked_closed is None else locked_closed & usable
    root = np.arange(n_bus)
    root[sources] = sources[0]
    tail, head = root[from_bus], root[to_bus]
    candidates = np.flatnonzero(usable & (tail != head))
    # locked branches enter the tree first, so that each remaining one closes a loop of its own
    order = candidates[np.argsort(~locked[candidates], kind="stable")]
    in_tree = _spanning_forest(n_bus, tail[order], head[order])
    tree, ties = order[in_tree], order[~in_tree]
    between_sources = usable & (tail == head)
    if locked[ties].any() or (locked & between_sources).any():
        raise ValueError("branches that are locked closed form a loop")
    path = np.zeros((n_bus, len(usable)))
    path[:, tree] = _paths_from_root(n_bus, tail[tree], head[tree], int(sources[0]))[root]
    unreached = np.flatnonzero(np.isnan(path).any(axis=1))
    if len(unreached):
        raise NotConnectedError(unreached)
    cycle = path[head[ties]] - path[tail[ties]]
    cycle[np.arange(len(ties)), ties] = -1.0
    free = np.flatnonzero((cycle != 0).any(axis=0) & ~locked)
    fixed = usable & ~between_sources
    fixed[free] = False
    return Loops(free, cycle, path, fixed, torch.as_tensor(cycle[:, free]))


def _spanning_forest(n_bus: int, tail: IntArray, head: IntArray) -> BoolArray:
    """(k,) which branches a greedy walk through them, in their order, takes into a forest (Kruskal)."""
    group = list(range(n_bus))

    def find(bus: int) -> int:
        while group[bus] != bus:
            group[bus] = group[group[bus]]
            bus = group[bus]
        return bus

    taken = np.zeros(len(tail), dtype=bool)
    for position, (a, b) in enumerate(zip(tail.tolist(), head.tolist(), strict=True)):
        one, other = find(a), find(b)
        if one != other:
            group[one] = other
            taken[position] = True
    return taken


def _paths_from_root(n_bus: int, tail: IntArray, head: IntArray, root: int) -> FloatArray:
    """(n_bus, k) which tree branches lead from the root to each bus: 1 along, -1 against; rows of NaN: not reached."""
    graph = coo_array((np.ones(len(tail)), (tail, head)), shape=(n_bus, n_bus)).tocsr()
    order, parent = breadth_first_order(graph, root, directed=False)
    branch_of = {}
    for index, (a, b) in enumerate(zip(tail.tolist(), head.tolist(), strict=True)):
        branch_of[a, b], branch_of[b, a] = (index, 1.0), (index, -1.0)
    paths = np.full((n_bus, len(tail)), np.nan)
    paths[root] = 0.0
    for bus in order[1:].tolist():
        index, sign = branch_of[int(parent[bus]), bus]
        paths[bus] = paths[parent[bus]]
        paths[bus, index] += sign
    return paths


class TreePolicy:
    """The distribution for given phi (c,), differentiable in phi."""

    def __init__(self, loops: Loops, phi: Tensor) -> None:
        self.loops, self.phi = loops, phi
        self._shift = phi.detach().max() if len(phi) else torch.zeros((), dtype=phi.dtype)
        weight = torch.exp(phi - self._shift)
        self._weighted = loops.free_cycle * weight.sqrt()
        self._factor = torch.linalg.cholesky(self._weighted @ self._weighted.T)

    def _basis(self) -> Tensor:
        """(c, t) orthonormal columns; the squared norm of a row is the probability that its branch is open."""
        return torch.linalg.solve_triangular(self._factor, self._weighted, upper=False).T

    def log_prob(self, opened: Tensor) -> Tensor:
        """Logarithm of the probability (b,) of configurations opened (b, t): positions of phi."""
        log_det = 2 * self._factor.diagonal().log().sum()
        return (self.phi[opened] - self._shift).sum(dim=-1) - log_det

    def open_probability(self) -> Tensor:
        """(c,) probability that each branch is open."""
        return (self._basis() ** 2).sum(dim=1)

    def entropy(self) -> Tensor:
        """Entropy of the distribution in nats."""
        log_det = 2 * self._factor.diagonal().log().sum()
        return log_det - (self.open_probability() * (self.phi - self._shift)).sum()

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, t) independent exact samples: as many Gram-Schmidt steps as there are loops."""
        basis = self._basis()
        remaining = (basis**2).sum(dim=1).expand(count, -1).clone()
        opened = torch.empty((count, self.loops.ties), dtype=torch.long)
        chosen = torch.zeros((count, self.loops.ties, self.loops.ties), dtype=basis.dtype)
        for step in range(self.loops.ties):
            pick = torch.multinomial(remaining.clamp_min(0), 1, generator=generator)[:, 0]
            opened[:, step] = pick
            direction = basis[pick]
            earlier = chosen[:, :step]
            for _ in range(2):  # twice, for rounding
                overlap = torch.einsum("bkt,bt->bk", earlier, direction)
                direction = direction - torch.einsum("bk,bkt->bt", overlap, earlier)
            direction = direction / direction.norm(dim=1, keepdim=True)
            chosen[:, step] = direction
            remaining -= (direction @ basis.T) ** 2
            remaining.scatter_(1, opened[:, : step + 1], 0.0)
        return opened.sort(dim=1).values

    def mode(self) -> IntArray:
        """(t,) the most probable configuration: the branches that a minimum spanning tree on phi leaves out.

        Exchange property of spanning trees: walking through the branches by falling phi, each is opened that the
        others can spare.
        """
        independent = _greedy_basis(self.loops.free_cycle.numpy(), np.argsort(-self.phi.detach().numpy(), kind="stable"))
        return np.sort(independent)


def _greedy_basis(cycle: FloatArray, order: IntArray) -> IntArray:
    """The first columns of cycle (t, c), in the given order, that are linearly independent: t positions.

    Gauss-Jordan on entries -1, 0 and 1; the matrix is totally unimodular, so they stay so and nothing is rounded.
    """
    rows = cycle.copy()
    free = np.ones(len(rows), dtype=bool)
    picked = []
    for column in order:
        usable = np.flatnonzero(free & (rows[:, column] != 0))
        if not usable.size:
            continue
        pivot = usable[0]
        rows[pivot] /= rows[pivot, column]
        others = np.flatnonzero(rows[:, column])
        others = others[others != pivot]
        rows[others] -= np.outer(rows[others, column], rows[pivot])
        free[pivot] = False
        picked.append(column)
        if not free.any():
            break
    return np.array(picked, dtype=np.int64)
