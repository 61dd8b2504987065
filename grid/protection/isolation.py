"""Isolation: the nearest switches around what is faulty."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from grid.network import BoolArray, IntArray, Network


def isolating_branches(network: Network, switchable: BoolArray, buses: IntArray, branches: IntArray) -> BoolArray:
    """(m,) branches that must be open so that none of some buses and branches is energised.

    switchable: (m,) branches that can be opened. A faulty branch that can is opened itself; one that can't takes its
    buses with it, and so on over all branches that can't, up to the nearest that can.
    """
    branch = network.branch
    fixed = branch.in_service & ~switchable
    graph = csr_array(
        (np.ones(int(fixed.sum()), dtype=np.int8), (branch.from_bus[fixed], branch.to_bus[fixed])),
        shape=(network.n_bus, network.n_bus),
    )
    _, group = connected_components(graph, directed=False)
    stuck = branches[~switchable[branches]]
    touched = np.unique(group[np.concatenate([buses, branch.from_bus[stuck], branch.to_bus[stuck]])])
    dead = np.isin(group, touched)
    around = switchable & (dead[branch.from_bus] | dead[branch.to_bus])
    around[branches[switchable[branches]]] = True
    return around
