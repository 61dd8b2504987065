"""Which buses have supply, whether the grid is radial, and what hangs on a single branch.

Everything works on plain arrays. A branch conducts when it is closed; a bus is energised when closed branches
connect it to a source bus. All sources together act as one root: a path between two sources is a loop.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

from grid.flow.topology_compiled import first_wrong, mark_interrupted, mark_supplied
from grid.network import BoolArray, FloatArray, IntArray


def energised_buses(
    n_bus: int, from_bus: IntArray, to_bus: IntArray, closed: BoolArray, sources: IntArray
) -> BoolArray:
    """Say of every bus whether closed branches connect it to a source.

    from_bus, to_bus: (m,) bus positions. closed: (m,) bool. sources: (s,) bus positions, s may be 0.
    Returns (n_bus,) bool. Raises ValueError for unequal lengths and for positions outside 0..n_bus-1.
    """
    _check(n_bus, from_bus, to_bus, closed, sources)
    energised = np.zeros(n_bus, dtype=bool)
    mark_supplied(from_bus, to_bus, closed, sources, energised)
    return energised


def is_radial(n_bus: int, from_bus: IntArray, to_bus: IntArray, closed: BoolArray, sources: IntArray) -> bool:
    """Say whether exactly one path of closed branches leads from the sources to each energised bus.

    Arguments and errors as for energised_buses. Buses without supply are left out: whether all buses are
    energised is a question of its own. A grid in which no bus is energised is not radial.
    """
    energised = energised_buses(n_bus, from_bus, to_bus, closed, sources)
    n_live_branch = np.count_nonzero(closed & energised[from_bus])
    n_fed = np.count_nonzero(energised) - len(set(sources.tolist()))
    return bool(energised.any() and n_live_branch == n_fed)


def loop_closed_by(
    n_bus: int, from_bus: IntArray, to_bus: IntArray, closed: BoolArray, sources: IntArray, branch: int
) -> tuple[int, ...]:
    """Return the branches of a shortest loop that closing an open branch would make, that branch first.

    Arguments and errors as for energised_buses. Empty where it makes no loop with supply. A path from one source to
    another is a loop, too.
    """
    live = energised_buses(n_bus, from_bus, to_bus, closed, sources)
    start, end = int(from_bus[branch]), int(to_bus[branch])
    if not (live[start] and live[end]):
        return ()
    node = np.arange(n_bus)
    node[sources] = int(sources[0])
    beside: dict[int, list[tuple[int, int]]] = {}
    for i in np.flatnonzero(closed & live[from_bus]).tolist():
        if i != branch:
            a, b = int(node[from_bus[i]]), int(node[to_bus[i]])
            beside.setdefault(a, []).append((b, i))
            beside.setdefault(b, []).append((a, i))
    start, end = int(node[start]), int(node[end])
    came: dict[int, tuple[int, int]] = {start: (start, -1)}
    waiting = deque([start])
    while waiting and end not in came:
        here = waiting.popleft()
        for there, by in beside.get(here, ()):
            if there not in came:
                came[there] = here, by
                waiting.append(there)
    loop = [branch]
    while end != start:
        end, by = came[end]
        loop.append(by)
    return tuple(loop)


def interrupted_power_mw(
    n_bus: int,
    from_bus: IntArray,
    to_bus: IntArray,
    closed: BoolArray,
    sources: IntArray,
    demand_mw: FloatArray,
) -> FloatArray:
    """Return for each branch the demand in MW that loses supply when that branch alone fails.

    from_bus, to_bus: (m,) bus positions. closed: (m,) bool. sources: (s,) bus positions, s may be 0.
    demand_mw: (n_bus,). Returns (m,) MW: the demand behind a bridge of the energised graph; 0 for branches
    that are open, without supply, parallel to another or in a loop. Raises ValueError as energised_buses
    does.
    """
    _check(n_bus, from_bus, to_bus, closed, sources)
    if demand_mw.shape != (n_bus,):
        raise ValueError(f"demand_mw has shape {demand_mw.shape}, it must be ({n_bus},): one value a bus")
    interrupted = np.zeros(from_bus.size)
    if sources.size:
        node = np.arange(n_bus)
        node[sources] = root = int(sources[0])
        mark_interrupted(node[from_bus], node[to_bus], closed, root, demand_mw, interrupted)
    return interrupted


def ancestors(parent: IntArray) -> Iterator[IntArray]:
    """Yield the 1st, 2nd, 4th, 8th ... ancestor of every node of a forest, as long as any node has one.

    parent: (n,) position of the parent, -1 for a root. Each array yielded is (n,), -1 where there is none.
    With it, sums along paths and over subtrees take log2(depth) vectorised rounds (pointer doubling).
    """
    above = np.append(parent, -1)
    while (above >= 0).any():
        yield above[:-1]
        above = above[above]


def pair_key(n_bus: int, bus: IntArray, other: IntArray) -> IntArray:
    """Return (k,) one number for each unordered pair of buses, the same for parallel branches."""
    return np.minimum(bus, other).astype(np.int64) * n_bus + np.maximum(bus, other)


def _check(n_bus: int, from_bus: IntArray, to_bus: IntArray, closed: BoolArray, sources: IntArray) -> None:
    """Raise ValueError for unequal lengths and for bus positions that do not exist."""
    if not from_bus.shape == to_bus.shape == closed.shape:
        lengths = f"{from_bus.shape}, {to_bus.shape} and {closed.shape}"
        raise ValueError(f"from_bus, to_bus and closed must have one length, they have shapes {lengths}")
    for name, buses in (("from_bus", from_bus), ("to_bus", to_bus), ("sources", sources)):
        wrong = first_wrong(buses, n_bus)
        if wrong >= 0:
            raise ValueError(f"{name}[{wrong}] is {buses[wrong]}, it must be 0 to {n_bus - 1}")
