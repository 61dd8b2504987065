"""Areas: a large grid cut into some 40 to 120 parts that are dense inside and joined by few branches.

A map of ten thousand buses shows nothing; a map of its areas shows where to look, and each area fits a screen.
"""

import random
from dataclasses import dataclass

import igraph
import numpy as np

from grid.flow.topology import pair_key
from grid.network import FloatArray, IntArray, Network

FEWEST, MOST = 40, 120
SEED = 1
RESOLUTION = 2.0  # gives 48 areas for 1,888 buses and 83 for 9,241
LONGEST_SEARCH = 6


@dataclass(frozen=True, eq=False)
class Areas:
    """k areas and the c corridors that join them; a corridor is all branches between two areas.

    area: (n,) of each bus. corridor: (m,) of each branch, -1 inside an area. corridor_from, corridor_to: (c,) areas,
    from < to. direction: (m,) +1 where the branch points from corridor_from to corridor_to, -1 the other way, 0 inside.
    x, y: (k,) the middle of the area's buses. name: k, after the area's most connected bus.
    """

    area: IntArray
    corridor: IntArray
    corridor_from: IntArray
    corridor_to: IntArray
    direction: IntArray
    x: FloatArray
    y: FloatArray
    name: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.name)

    def buses(self, area: int) -> IntArray:
        """The positions of an area's buses."""
        return np.flatnonzero(self.area == area)


def partition(network: Network) -> Areas:
    """Cut a network into areas, the same in every run. Branches count whether open or closed.

    Communities after V. A. Traag, L. Waltman and N. J. van Eck, "From Louvain to Leiden: guaranteeing
    well-connected communities", Scientific Reports 9, 2019, on modularity. Buses need map coordinates.
    """
    area = _at_most(MOST, _communities(network), np.column_stack([network.bus.x, network.bus.y]))
    n_area = int(area.max(initial=-1)) + 1
    from_area, to_area = area[network.branch.from_bus], area[network.branch.to_bus]
    joins = from_area != to_area
    corridor = np.full(network.n_branch, -1)
    keys, corridor[joins] = np.unique(pair_key(n_area, from_area[joins], to_area[joins]), return_inverse=True)
    size = np.bincount(area, minlength=n_area)
    return Areas(
        area=area,
        corridor=corridor,
        corridor_from=keys // max(n_area, 1),
        corridor_to=keys % max(n_area, 1),
        direction=np.sign(to_area - from_area),
        x=np.bincount(area, network.bus.x, n_area) / size,
        y=np.bincount(area, network.bus.y, n_area) / size,
        name=_names(network, area, n_area),
    )


def _communities(network: Network) -> IntArray:
    """(n,) community of each bus; a higher resolution is tried while there are too few."""
    edges = np.column_stack([network.branch.from_bus, network.branch.to_bus])
    graph = igraph.Graph(n=network.n_bus, edges=edges.tolist()).simplify()
    igraph.set_random_number_generator(random.Random(SEED))
    try:
        for attempt in range(LONGEST_SEARCH):
            found = graph.community_leiden("modularity", resolution=RESOLUTION * 2**attempt, n_iterations=4)
            if len(found) >= min(FEWEST, network.n_bus // 10):
                break
    finally:
        igraph.set_random_number_generator(random)
    return np.asarray(found.membership, dtype=np.int64)


def _at_most(most: int, community: IntArray, points: FloatArray) -> IntArray:
    """(n,) areas numbered by size, largest first; buses of communities beyond the most join the nearest area."""
    size = np.bincount(community)
    order = np.argsort(-size, kind="stable")
    number = np.empty_like(order)
    number[order] = np.arange(order.size)
    area = number[community]
    kept = min(most, order.size)
    total = np.column_stack([np.bincount(area, points[:, axis]) for axis in (0, 1)])[:kept]
    middle = total / size[order][:kept, None]
    for bus in np.flatnonzero(area >= kept):
        area[bus] = np.argmin(((middle - points[bus]) ** 2).sum(axis=1))
    return area


def _names(network: Network, area: IntArray, n_area: int) -> tuple[str, ...]:
    """The name of the bus at which most branches meet, for each area."""
    degree = network.bus_degree(np.ones(network.n_branch, dtype=bool))
    order = np.lexsort((-degree, area))
    first = order[np.searchsorted(area[order], np.arange(n_area))]
    return tuple(network.bus.name[bus] for bus in first)
