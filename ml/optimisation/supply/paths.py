"""The path from a generator to each bus that is best in resistance and risk together.

The cost of a branch is resistance_ohm + risk_weight * failure_probability; a path costs the sum of its
branches. Such a path is a way to rank routes, not a physical flow: what flows where is the business of
ml.optimisation.supply.tracing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from grid.flow.topology import ancestors, pair_key

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# scipy takes a stored zero for a missing branch; a bus-bar coupler costs this instead of nothing.
LOWEST_COST = 1e-12


@dataclass(frozen=True, eq=False)
class SupplyPaths:
    """The cheapest path of every bus to a generator, kept as a forest rooted at the generators.

    predecessor_bus:     (n,) the next bus towards the generator; -1 at generators and where there is no path
    predecessor_branch:  (n,) the branch to that bus; -1 as above
    generator_bus:       (n,) the bus at which the path ends; -1 where there is no path
    cost:                (n,) ohm; infinite where there is no path
    path_risk:           (n,) probability that at least one branch of the path fails, branches taken as
                         independent, over the horizon of failure_probability; NaN where there is no path
    """

    predecessor_bus: IntArray
    predecessor_branch: IntArray
    generator_bus: IntArray
    cost: FloatArray
    path_risk: FloatArray

    def path_buses(self, bus: int) -> list[int]:
        """Return the buses of the path, the given bus first, the generator last; [] without a path."""
        if self.generator_bus[bus] < 0:
            return []
        path = [bus]
        while (following := int(self.predecessor_bus[path[-1]])) >= 0:
            path.append(following)
        return path

    def path_branches(self, bus: int) -> list[int]:
        """Return the branches of the path in the order of path_buses; [] at a generator or without a path."""
        return [int(self.predecessor_branch[passed]) for passed in self.path_buses(bus)[:-1]]


def supply_paths(
    n_bus: int,
    from_bus: IntArray,
    to_bus: IntArray,
    in_service: BoolArray,
    resistance_ohm: FloatArray,
    failure_probability: FloatArray,
    generator_bus: IntArray,
    risk_weight: float,
) -> SupplyPaths:
    """Find for every bus the cheapest path along branches in service to its generator (Dijkstra 1959).

    from_bus, to_bus: (m,) bus positions. in_service: (m,) bool. resistance_ohm: (m,) ohm, >= 0, all referred
    to one voltage level where the grid has several. failure_probability: (m,) 0..1 over one horizon.
    generator_bus: (g,) bus positions, repeats allowed, g may be 0. risk_weight: ohm that certain failure is
    worth. Of parallel branches the cheapest is taken. Raises ValueError for negative or missing costs of
    branches in service and for probabilities outside 0..1.
    """
    used = np.flatnonzero(in_service & (from_bus != to_bus))
    _check(used, resistance_ohm, failure_probability, risk_weight)
    cost = resistance_ohm[used] + risk_weight * failure_probability[used]
    pair, cheapest = _cheapest_of_parallel(pair_key(n_bus, from_bus[used], to_bus[used]), cost)
    branch = used[cheapest]
    ends = np.stack([from_bus[branch], to_bus[branch]])
    both_ways = np.concatenate([ends, ends[::-1]], axis=1)
    weight = np.tile(np.maximum(cost[cheapest], LOWEST_COST), 2)
    graph = coo_array((weight, tuple(both_ways)), shape=(n_bus, n_bus)).tocsr()
    distance, predecessor, generator = _nearest(graph, generator_bus)
    predecessor_branch = np.full(n_bus, -1)
    fed = np.flatnonzero(predecessor >= 0)
    predecessor_branch[fed] = branch[np.searchsorted(pair, pair_key(n_bus, fed, predecessor[fed]))]
    survival = np.ones(n_bus)
    survival[fed] = 1.0 - failure_probability[predecessor_branch[fed]]
    risk = np.where(generator >= 0, 1.0 - _product_to_root(predecessor, survival), np.nan)
    return SupplyPaths(predecessor, predecessor_branch, generator, distance, risk)


def _cheapest_of_parallel(key: IntArray, cost: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the sorted distinct keys (k,) and for each the position (k,) of its cheapest branch."""
    order = np.lexsort((cost, key))
    pair, first = np.unique(key[order], return_index=True)
    return pair, order[first]


def _nearest(graph: coo_array, generator_bus: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Return cost, next bus and generator bus, (n,) each; infinite, -1 and -1 without a path."""
    n_bus = graph.shape[0]
    if generator_bus.size == 0:
        return np.full(n_bus, np.inf), np.full(n_bus, -1), np.full(n_bus, -1)
    distance, predecessor, generator = dijkstra(
        graph, indices=np.unique(generator_bus), min_only=True, return_predecessors=True
    )
    return distance, np.maximum(predecessor, -1).astype(np.int64), np.maximum(generator, -1).astype(np.int64)


def _product_to_root(parent: IntArray, value: FloatArray) -> FloatArray:
    """Return (n,) the product of value over each node and all nodes above it."""
    product = value
    for above in ancestors(parent):
        product = product * np.where(above >= 0, product[above], 1.0)
    return product


def _check(used: IntArray, resistance_ohm: FloatArray, probability: FloatArray, risk_weight: float) -> None:
    """Raise ValueError, naming the branch, for what Dijkstra's algorithm cannot take."""
    if not risk_weight >= 0.0:
        raise ValueError(f"risk_weight is {risk_weight}, it must be 0 or more")
    wrong = used[~((resistance_ohm[used] >= 0.0) & np.isfinite(resistance_ohm[used]))]
    if wrong.size:
        raise ValueError(f"resistance_ohm[{wrong[0]}] is {resistance_ohm[wrong[0]]}, it must be 0 or more")
    wrong = used[~((probability[used] >= 0.0) & (probability[used] <= 1.0))]
    if wrong.size:
        raise ValueError(f"failure_probability[{wrong[0]}] is {probability[wrong[0]]}, it must be 0 to 1")
