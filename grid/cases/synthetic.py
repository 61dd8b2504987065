"""Synthetic grids of any size: loads scattered over a plane, fed radially, with normally open ties between branches."""

from collections.abc import Iterator

import numpy as np
import pandapower
from pandapower import (
    create_bus,
    create_empty_network,
    create_ext_grid,
    create_line_from_parameters,
    create_load,
)
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay, cKDTree

from grid.cases.city8 import LYNX, PANTHER, ZEBRA, Conductor

VN_KV = 66.0
SPACING_KM = 3.0
LARGEST_DROP_PU = 0.05
TIES_PER_NODE = 0.4
CLASSES = ("residential", "commercial", "industrial")


def synthetic(nodes: int, generators: int, seed: int = 1) -> pandapower.pandapowerNet:
    """Build a 66 kV net of some substations and stations; two calls with one seed give the same net.

    nodes: 2 to 1,000, stations included. generators: stations, at least 1 and fewer than nodes. Loads are scaled so
    that the largest voltage drop is about 5 %. Raises ValueError for other sizes.
    """
    if not (2 <= nodes <= 1000 and 1 <= generators < nodes):
        raise ValueError(f"synthetic grids have 2 to 1,000 nodes and fewer generators, not {nodes} and {generators}")
    rng = np.random.default_rng(seed)
    points = _points(nodes, generators, rng)
    tree, ties = _edges(points, generators)
    demand = rng.lognormal(0.0, 0.5, nodes)
    demand[:generators] = 0.0
    demand *= _scale(points, tree, demand, generators)
    return _net(points, tree, ties, demand, generators, rng)


def _points(nodes: int, generators: int, rng: np.random.Generator) -> np.ndarray:
    """(nodes, 2) in km, no two close together; the first ones, far from each other, are stations."""
    side = SPACING_KM * np.sqrt(nodes)
    candidates = rng.uniform(0.0, side, (8 * nodes, 2))
    chosen = [0]
    distance = np.full(len(candidates), np.inf)
    for _ in range(nodes - 1):
        distance = np.minimum(distance, np.hypot(*(candidates - candidates[chosen[-1]]).T))
        free = np.flatnonzero(distance > 0.6 * SPACING_KM)
        chosen.append(int(free[0]) if free.size else int(np.argmax(distance)))
    points = candidates[chosen]
    stations = [int(np.argmin(np.hypot(*(points - points.mean(axis=0)).T)))]
    while len(stations) < generators:
        gap = cKDTree(points[stations]).query(points)[0]
        stations.append(int(np.argmax(gap)))
    rest = np.setdiff1d(np.arange(nodes), stations)
    return points[np.concatenate([stations, rest])]


def _edges(points: np.ndarray, generators: int) -> tuple[np.ndarray, np.ndarray]:
    """Tree edges (child, parent) from each node towards its station, and ties (k, 2) among the shortest other ones."""
    n = len(points)
    pairs = _neighbours(points)
    length = np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    graph = csr_array(coo_array((length**1.5, pairs.T), shape=(n, n)))  # long spans are avoided
    _, parent, _ = dijkstra(
        graph, directed=False, indices=np.arange(generators), min_only=True, return_predecessors=True
    )
    child = np.flatnonzero(parent >= 0)
    tree = np.column_stack([child, parent[child]])
    used = {frozenset(pair) for pair in tree.tolist()}
    spare = [
        pair for pair in pairs[np.argsort(length)].tolist() if frozenset(pair) not in used and max(pair) >= generators
    ]
    return tree, np.array(spare[: max(1, round(TIES_PER_NODE * n))], dtype=int).reshape(-1, 2)


def _neighbours(points: np.ndarray) -> np.ndarray:
    n = len(points)
    if n < 4:
        return np.array([(a, b) for a in range(n) for b in range(a + 1, n)])
    corners = Delaunay(points).simplices
    pairs = np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1)
    return np.unique(pairs, axis=0)


def _from_leaves(tree: np.ndarray, points: np.ndarray) -> Iterator[tuple[int, int]]:
    """Tree edges such that every child comes before its parent."""
    parent = dict(tree.tolist())
    depth = {node: 0 for node in range(len(points)) if node not in parent}
    for start in parent:
        path = [start]
        while path[-1] not in depth:
            path.append(parent[path[-1]])
        for node in reversed(path[:-1]):
            depth[node] = depth[parent[node]] + 1
    return ((node, parent[node]) for node in sorted(parent, key=lambda node: -depth[node]))


def _downstream(tree: np.ndarray, points: np.ndarray, demand: np.ndarray) -> np.ndarray:
    """(n,) demand at and below each node."""
    total = demand.copy()
    for child, parent in _from_leaves(tree, points):
        total[parent] += total[child]
    return total


def _scale(points: np.ndarray, tree: np.ndarray, demand: np.ndarray, generators: int) -> float:
    """MW per unit of demand at which the linearised voltage drop reaches its limit, on Zebra conductors."""
    flow = _downstream(tree, points, demand)
    drop = np.zeros(len(points))
    for child, parent in reversed(list(_from_leaves(tree, points))):
        length = np.hypot(*(points[child] - points[parent]))
        drop[child] = drop[parent] + flow[child] * length * (ZEBRA.r_ohm_per_km + 0.25 * ZEBRA.x_ohm_per_km) / VN_KV**2
    thermal_mw = np.sqrt(3.0) * VN_KV * ZEBRA.max_i_ka * 0.9
    return float(min(LARGEST_DROP_PU / drop.max(), thermal_mw / flow[generators:].max()))


def _conductor(flow_mw: float) -> Conductor:
    """The lightest conductor that carries a flow at two thirds of its rating."""
    for conductor in (LYNX, PANTHER):
        if flow_mw <= np.sqrt(3.0) * VN_KV * conductor.max_i_ka * 0.4:
            return conductor
    return ZEBRA


def _net(
    points: np.ndarray,
    tree: np.ndarray,
    ties: np.ndarray,
    demand: np.ndarray,
    generators: int,
    rng: np.random.Generator,
) -> pandapower.pandapowerNet:
    net = create_empty_network("synthetic", sn_mva=100.0)
    names = [f"Station {i + 1}" if i < generators else f"Substation {i - generators + 1}" for i in range(len(points))]
    for name, point in zip(names, points, strict=True):
        create_bus(net, VN_KV, name=name, geodata=tuple(point), min_vm_pu=0.9, max_vm_pu=1.06)
    for station in range(generators):
        create_ext_grid(net, station, vm_pu=1.03, name=names[station])
    net.ext_grid["energy"] = "thermal"
    for node in range(generators, len(points)):
        create_load(net, node, demand[node], 0.25 * demand[node], name=names[node])
    net.load["profile"] = [CLASSES[i] for i in rng.choice(3, len(net.load), p=[0.5, 0.3, 0.2])]
    flow = _downstream(tree, points, demand)
    for closed, pairs in ((True, tree), (False, ties)):
        for a, b in pairs.tolist():
            conductor = _conductor(flow[a] if closed else 0.0)
            length = 1.2 * float(np.hypot(*(points[a] - points[b])))
            create_line_from_parameters(
                net,
                a,
                b,
                length,
                name="" if closed else f"Tie {names[a]} - {names[b]}",
                type="ol",
                in_service=closed,
                **vars(conductor),
            )
    return net
