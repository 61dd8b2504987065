"""Map coordinates for every bus: the case's own where it has them, computed once and cached where it hasn't."""

import hashlib
import logging
import os
import random
from dataclasses import replace
from pathlib import Path

import igraph
import numpy as np

from grid.network import FloatArray, Network

KAMADA_KAWAI_UP_TO = 400  # beyond, what is faster than cubic
SPRING_ROUNDS = 200
SEED = 1
log = logging.getLogger(__name__)


def with_layout(network: Network, cache_dir: Path) -> Network:
    """The network with finite, distinct x and y (n,) for every bus. cache_dir: where computed layouts are kept."""
    points = np.column_stack([network.bus.x, network.bus.y])
    own = has_own_layout(network)
    if not own:
        points = _cached_layout(network, cache_dir)
    points = _spread(_beside_neighbours(network, points), network)
    bus = replace(network.bus, x=points[:, 0], y=points[:, 1], placed_by_case=own and network.bus.placed_by_case)
    return replace(network, bus=bus)


def has_own_layout(network: Network) -> bool:
    """Whether the case gives coordinates to at least half of its buses."""
    return bool((np.isfinite(network.bus.x) & np.isfinite(network.bus.y)).mean() >= 0.5)


def _cached_layout(network: Network, cache_dir: Path) -> FloatArray:
    edges = np.column_stack([network.branch.from_bus, network.branch.to_bus])
    digest = hashlib.sha256(np.int64(network.n_bus).tobytes() + edges.astype(np.int64).tobytes()).hexdigest()[:24]
    file = cache_dir / "layouts" / f"{digest}.npy"
    points = _read_layout(file, network.n_bus)
    if points is not None:
        return points
    points = computed_layout(network.n_bus, edges)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f"{digest}.{os.getpid()}.unfinished.npy")
        np.save(unfinished, points)
        unfinished.replace(file)  # all or nothing: another process may be reading it
    except OSError as error:
        log.warning("the layout isn't cached: %s", error)
    return points


def _read_layout(file: Path, n_bus: int) -> FloatArray | None:
    """A cached layout (n_bus, 2); None where there is none or the file is damaged."""
    try:
        points = np.load(file, allow_pickle=False)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError) as error:
        log.warning("the cached layout is computed anew: %s", error)
        return None
    return points if points.shape == (n_bus, 2) and np.isfinite(points).all() else None


def computed_layout(n_bus: int, edges: np.ndarray) -> FloatArray:
    """(n, 2) positions of a graph with edges (m, 2), the same in every run.

    Larger ones are drawn as trees around their busiest bus, as feeders are, which springs then bend: half a second for
    12,000 buses, where DrL takes ten and lays feeders over each other.
    """
    graph = igraph.Graph(n=n_bus, edges=edges.tolist()).simplify()
    igraph.set_random_number_generator(random.Random(SEED))
    try:
        layout = graph.layout_kamada_kawai() if n_bus <= KAMADA_KAWAI_UP_TO else _bent_tree(graph)
    finally:
        igraph.set_random_number_generator(random)
    return np.asarray(layout.coords, dtype=float).reshape(n_bus, 2)


def _bent_tree(graph: igraph.Graph) -> igraph.Layout:
    degree = np.array(graph.degree())
    roots = [part[int(np.argmax(degree[part]))] for part in graph.connected_components()]
    tree = graph.layout_reingold_tilford_circular(root=roots)
    return graph.layout_fruchterman_reingold(niter=SPRING_ROUNDS, grid=True, seed=tree.coords)


def _beside_neighbours(network: Network, points: FloatArray) -> FloatArray:
    """Give buses without a position the mean of their neighbours', again and again; unconnected ones the centre."""
    points = points.copy()
    f, t = network.branch.from_bus, network.branch.to_bus
    ends, others = np.concatenate([f, t]), np.concatenate([t, f])
    while True:
        known = np.isfinite(points).all(axis=1)
        useful = known[others] & ~known[ends]
        if not useful.any():
            break
        count = np.bincount(ends[useful], minlength=network.n_bus)
        for axis in (0, 1):
            total = np.bincount(ends[useful], points[others[useful], axis], network.n_bus)
            points[count > 0, axis] = total[count > 0] / count[count > 0]
    points[~known] = points[known].mean(axis=0) if known.any() else 0.0
    return points


def _spread(points: FloatArray, network: Network) -> FloatArray:
    """Move buses that share one place (a substation's voltage levels) onto a small circle around it."""
    lengths = np.hypot(*(points[network.branch.from_bus] - points[network.branch.to_bus]).T)
    positive = lengths[lengths > 0]
    unit = float(np.median(positive)) if positive.size else 1.0
    _, place, count = np.unique(np.round(points / (0.05 * unit)), axis=0, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    order = np.argsort(place, kind="stable")
    rank = np.empty(len(points), dtype=int)
    rank[order] = np.arange(len(points)) - np.repeat(np.cumsum(count) - count, count)
    angle = 2 * np.pi * rank / count[place] + np.pi / 4
    radius = np.where(count[place] > 1, 0.35 * unit, 0.0)
    return points + (radius * np.vstack([np.cos(angle), np.sin(angle)])).T
