"""The way that current takes from the sources to each bus and branch, as a tree of both."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from grid.flow.topology import ancestors, pair_key
from grid.network import BoolArray, FloatArray, IntArray, Network


@dataclass(frozen=True, eq=False, kw_only=True)
class SupplyTree:
    """Elements are buses, 0 to n - 1, and then branches, n to n + m - 1.

    parent: (n + m,) the branch that feeds a bus, the bus that feeds a branch, -1 at sources and without supply.
    fed_at_to: (m,) whether a branch is fed at its to end. energised: (n + m,).
    """

    n_bus: int
    parent: IntArray
    fed_at_to: BoolArray
    energised: BoolArray

    def along(self, gain: FloatArray) -> FloatArray:
        """(n + m,) sums of gain (n + m,) over each element and all that lie on the way to it."""
        total = gain.copy()
        for above in ancestors(self.parent):
            total = total + np.where(above >= 0, total[above], 0.0)
        return total

    def passed(self, element: int) -> BoolArray:
        """(m, 2) whether fault current to an element flows through the from and the to end of each branch."""
        through = np.zeros((len(self.fed_at_to), 2), dtype=bool)
        while element >= 0:
            above = int(self.parent[element])
            if element >= self.n_bus:
                branch = element - self.n_bus
                through[branch, int(self.fed_at_to[branch])] = True
            elif above >= 0:
                branch = above - self.n_bus
                through[branch, int(not self.fed_at_to[branch])] = True
            element = above
        return through

    def at_feeding_end(self, value: FloatArray) -> FloatArray:
        """(n + m,) of value (m, 2) by branch end: of a branch at the end that feeds it, of a bus at the far end of the
        branch that feeds the bus; 0 where there is none."""
        branch = np.arange(len(self.fed_at_to))
        near, far = self.fed_at_to.astype(int), 1 - self.fed_at_to.astype(int)
        of_branch = np.where(self.parent[self.n_bus :] >= 0, value[branch, near], 0.0)
        feeding = self.parent[: self.n_bus] - self.n_bus
        of_bus = np.where(feeding >= 0, value[feeding, far[feeding]], 0.0) if len(branch) else np.zeros(self.n_bus)
        return np.concatenate([of_bus, of_branch])


def supply_tree(network: Network, closed: BoolArray, sources: IntArray) -> SupplyTree:
    """The tree of fewest branches from source buses (s,) over closed branches (m,).

    In a radial grid it is the only one. A closed branch that isn't in it hangs at its end that is nearer to a source.
    """
    n_bus, branch = network.n_bus, network.branch
    conducting = np.flatnonzero(closed & (branch.from_bus != branch.to_bus))
    tail, head = branch.from_bus[conducting], branch.to_bus[conducting]
    root = np.full(len(sources), n_bus)
    row, column = np.concatenate([tail, head, root]), np.concatenate([head, tail, sources])
    graph = csr_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=(n_bus + 1, n_bus + 1))
    order, before = breadth_first_order(graph, n_bus)
    rank = np.full(n_bus, n_bus + 1)
    rank[order[1:]] = np.arange(len(order) - 1)
    above = before[:n_bus]
    parent = np.full(n_bus + network.n_branch, -1)
    fed = np.flatnonzero((above >= 0) & (above != n_bus))
    key, first = np.unique(pair_key(n_bus, tail, head), return_index=True)
    feeding = conducting[first[np.searchsorted(key, pair_key(n_bus, fed, above[fed]))]]
    parent[fed] = n_bus + feeding
    live = conducting[rank[tail] <= n_bus]
    fed_at_to = np.zeros(network.n_branch, dtype=bool)
    fed_at_to[live] = rank[branch.to_bus[live]] < rank[branch.from_bus[live]]
    parent[n_bus + live] = np.where(fed_at_to[live], branch.to_bus[live], branch.from_bus[live])
    energised = np.zeros(n_bus + network.n_branch, dtype=bool)
    energised[order[1:]], energised[n_bus + live] = True, True
    return SupplyTree(n_bus=n_bus, parent=parent, fed_at_to=fed_at_to, energised=energised)
