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
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.trees_compiled import draw, draw_by_walks, open_branches

# of Gram-Schmidt, for each step that walks may take: a step takes as long as some forty, but walks give up only once
OPERATIONS_PER_STEP = 16


class NotConnectedError(ValueError):
    """Some buses can't be supplied by any set of usable branches; bus: (k,) which."""

    def __init__(self, bus: IntArray) -> None:
        self.bus = bus
        super().__init__(f"{len(bus)} buses have no usable branch to a source, the first is bus {bus[0]}")


@dataclass(frozen=True, eq=False)
class Loops:
    """The choice that a radial grid has: which branch of each loop to open.

    branch: (c,) the branches that lie on a loop and may be open, by their index in the grid. cycle: (t, m) -1, 0 or 1:
    a basis of the loops over all branches. tree: (m,) bool, the branches of the tree that the loops were found with, of
    n_bus buses. fixed_closed: (m,) bool, usable branches that are closed in every configuration: bridges,
    and those locked closed. A branch between two sources is always open. free_cycle: (t, c) the loops over the free
    branches alone. root: the bus that all sources are merged into. tail and head: (m,) buses at the branches' ends, the
    other sources taken for the root.
    """

    branch: IntArray
    cycle: FloatArray
    tree: BoolArray
    n_bus: int
    fixed_closed: BoolArray
    free_cycle: FloatArray
    root: int
    tail: IntArray
    head: IntArray

    @cached_property
    def walk(self) -> tuple[int, IntArray, IntArray, IntArray, IntArray]:
        """What a walk over closed branches needs: the root, first (n + 1,) and incident, which are the branches at each
        bus one bus after the other, and the branches' ends."""
        between = np.flatnonzero(self.tail != self.head)
        return self.root, *_incidence(self.n_bus, between, self.tail, self.head), self.tail, self.head

    @cached_property
    def n_fed(self) -> int:
        """How many buses, the root among them, every configuration feeds; other sources count as the root."""
        return 1 + int(self.fixed_closed.sum()) + len(self.branch) - self.ties

    @cached_property
    def _all_closed(self) -> BoolArray:
        """(m,) switch states with no loop opened."""
        states = self.fixed_closed.copy()
        states[self.branch] = True
        return states

    @cached_property
    def position(self) -> IntArray:
        """(m,) where each branch stands in branch, -1 where it isn't on a loop or may not be open."""
        position = np.full(self.n_branch, -1)
        position[self.branch] = np.arange(len(self.branch))
        return position

    @cached_property
    def joined(self) -> tuple[int, IntArray, IntArray, IntArray, IntArray]:
        """As walk, of the grid in which buses that fixed branches join are one: incident are positions in branch, and
        the ends (c,) those of the branches that may be open; such as begin and end at one bus are left out."""
        n_bus, fixed = self.n_bus, self.fixed_closed
        graph = coo_array((np.ones(fixed.sum()), (self.tail[fixed], self.head[fixed])), shape=(n_bus, n_bus))
        group = connected_components(graph, directed=False)[1]
        used, ends = np.unique(
            group[[self.root, *self.tail[self.branch], *self.head[self.branch]]], return_inverse=True
        )
        tail, head = ends[1 : 1 + len(self.branch)], ends[1 + len(self.branch) :]
        return int(ends[0]), *_incidence(len(used), np.flatnonzero(tail != head), tail, head), tail, head

    def ways(self) -> BoolArray:
        """(n, m) which branches lead from the root to each bus in tree."""
        ways = np.zeros((self.n_bus, self.n_branch), dtype=bool)
        up = _TreeUp.of(self.n_bus, np.flatnonzero(self.tree), self.tail, self.head, self.root)
        for bus in up.order[1:]:
            ways[bus] = ways[up.parent[bus]]
            ways[bus, up.fed_by[bus]] = True
        return ways

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
        states = np.empty((*opened.shape[:-1], self.n_branch), dtype=np.bool_)
        flat = states.reshape(-1, self.n_branch)
        rows = np.ascontiguousarray(opened, dtype=np.int64).reshape(len(flat), opened.shape[-1])
        open_branches(self._all_closed, self.branch, rows, flat)
        return states

    def opened(self, closed: BoolArray) -> IntArray:
        """Positions in branch (t,) that switch states (m,) open. ValueError where they aren't radial."""
        positions = np.flatnonzero(~closed[self.branch])
        if len(positions) != self.ties or abs(float(np.linalg.det(self.cycle[:, self.branch[positions]]))) < 0.5:
            raise ValueError(f"{len(positions)} open branches leave a loop or an island; {self.ties} make it radial")
        return positions


def _incidence(n_bus: int, branch: IntArray, tail: IntArray, head: IntArray) -> tuple[IntArray, IntArray]:
    """first (n + 1,) and incident: which of branch (k,) are at each bus, one bus after the other."""
    bus = np.concatenate([tail[branch], head[branch]])
    incident = np.concatenate([branch, branch])[np.argsort(bus, kind="stable")]
    return np.searchsorted(np.sort(bus), np.arange(n_bus + 1)), incident


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
    taken = _spanning_forest(n_bus, tail[order], head[order])
    tree, ties = order[taken], order[~taken]
    between_sources = usable & (tail == head)
    if locked[ties].any() or (locked & between_sources).any():
        raise ValueError("branches that are locked closed form a loop")
    up = _TreeUp.of(n_bus, tree, tail, head, int(sources[0]))
    unreached = np.flatnonzero(~np.isin(root, up.order))
    if len(unreached):
        raise NotConnectedError(unreached)
    cycle = np.zeros((len(ties), len(usable)))
    for row, tie in enumerate(ties.tolist()):
        up.add_way(cycle[row], int(tail[tie]), int(head[tie]))
        cycle[row, tie] = -1.0
    in_tree = np.zeros(len(usable), dtype=bool)
    in_tree[tree] = True
    free = np.flatnonzero((cycle != 0).any(axis=0) & ~locked)
    fixed = usable & ~between_sources
    fixed[free] = False
    return Loops(free, cycle, in_tree, n_bus, fixed, cycle[:, free], int(sources[0]), tail, head)


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


@dataclass(frozen=True, eq=False)
class _TreeUp:
    """A tree by where each bus goes on to the root: parent, depth and fed_by (n,), the branch to the parent.

    along: (n,) 1 where that branch points away from the root, else -1. order: what the root reaches, itself first.
    """

    order: list[int]
    parent: list[int]
    depth: list[int]
    fed_by: list[int]
    along: list[float]

    @classmethod
    def of(cls, n_bus: int, tree: IntArray, tail: IntArray, head: IntArray, root: int) -> "_TreeUp":
        """The tree of branches tree (k,), of all branches with ends tail and head (m,)."""
        one, other = tail[tree].tolist(), head[tree].tolist()
        graph = coo_array((np.ones(len(tree)), (one, other)), shape=(n_bus, n_bus)).tocsr()
        order, before = breadth_first_order(graph, root, directed=False)
        branch_of = dict(zip(zip(one, other, strict=True), tree.tolist(), strict=True))
        parent, depth, fed_by, along = [-1] * n_bus, [0] * n_bus, [-1] * n_bus, [0.0] * n_bus
        for bus in order[1:].tolist():
            parent[bus] = above = int(before[bus])
            depth[bus] = depth[above] + 1
            along[bus] = 1.0 if (above, bus) in branch_of else -1.0
            fed_by[bus] = branch_of[(above, bus) if along[bus] > 0 else (bus, above)]
        return cls(order.tolist(), parent, depth, fed_by, along)

    def add_way(self, row: FloatArray, begin: int, end: int) -> None:
        """Add to row (m,) the way from one bus to another: 1 along a branch, -1 against."""
        while begin != end:
            if self.depth[end] >= self.depth[begin]:
                row[self.fed_by[end]] += self.along[end]
                end = self.parent[end]
            else:
                row[self.fed_by[begin]] -= self.along[begin]
                begin = self.parent[begin]


class TreeDistribution:
    """The distributions of b situations in one grid, for phi (b, c): what decides.

    What learns is ml.optimisation.radial.tree_policy.TreePolicy, the same distributions differentiable in phi.
    """

    def __init__(self, loops: Loops, phi: FloatArray) -> None:
        self.loops = loops
        self._phi = phi - phi.max(axis=-1, keepdims=True)  # a common shift changes no probability

    @cached_property
    def _weighted(self) -> FloatArray:
        return self.loops.free_cycle * np.exp(self._phi / 2)[:, None, :]

    @cached_property
    def _factor(self) -> FloatArray:
        return np.linalg.cholesky(self._weighted @ self._weighted.mT)

    def log_prob(self, opened: IntArray) -> FloatArray:
        """(b, k) logarithms of the probabilities of configurations opened (b, k, t): positions of phi."""
        situations = np.arange(len(opened))[:, None, None]
        log_det = 2 * np.log(np.diagonal(self._factor, axis1=-2, axis2=-1)).sum(axis=-1)
        logarithm: FloatArray = self._phi[situations, opened].sum(axis=-1) - log_det[:, None]
        return logarithm

    def sample(self, count: int, rng: np.random.Generator) -> IntArray:
        """(b, count, t) independent exact samples: by random walks, and where those take too long, by Gram-Schmidt.

        The branches that a tree closes are as probable as the product of exp(-phi) over them, which is what random
        walks draw (Wilson 1996). How long the walks are says nothing of the tree that they leave (Propp & Wilson 1998,
        section 7: the cycles that are popped and the tree are independent), so giving up favours no tree.
        """
        situations, (ties, columns) = len(self._phi), self.loops.free_cycle.shape
        picked = np.empty((situations, count, ties), dtype=np.int64)
        most = ties * ties * (ties + columns) // OPERATIONS_PER_STEP
        for row, phi in enumerate(self._phi):
            done = draw_by_walks(*self.loops.joined, np.exp(-phi), most, rng, picked[row])
            if done < count:
                basis = solve_triangular(self._factor[row], self._weighted[row], lower=True)
                draw(basis[None], rng.random((ties, 1, count - done)), picked[row : row + 1, done:])
        return np.sort(picked, axis=-1)

    def mode(self) -> IntArray:
        """(b, t) the most probable configuration of each situation."""
        return most_probable(self.loops, self._phi)


def most_probable(loops: Loops, phi: FloatArray) -> IntArray:
    """(b, t) the configuration of the largest sum of phi (b, c) in each situation.

    It closes the spanning tree of the smallest sum: walking through the branches by rising phi, each is closed that
    closes no loop (Kruskal).
    """
    _, first, _, tail, head = loops.joined
    orders = np.argsort(-phi, axis=1, kind="stable")[:, ::-1]
    picked = [order[~_spanning_forest(len(first) - 1, tail[order], head[order])] for order in orders]
    return np.sort(np.array(picked, dtype=np.int64).reshape(len(phi), loops.ties), axis=1)
