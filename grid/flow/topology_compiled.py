"""Walks over the closed branches of a grid, compiled by Numba; see grid/flow/topology.py.

Arrays of tail, head and closed have a value a branch. Nothing is checked here: positions must exist.
"""

import numpy as np
from numba import njit

from grid.network import BoolArray, FloatArray, IntArray


@njit(cache=True)
def first_wrong(bus: IntArray, n_bus: int) -> int:
    """The first place in bus (k,) that isn't a position from 0 to n_bus - 1; -1 where all are."""
    for place in range(len(bus)):
        if bus[place] < 0 or bus[place] >= n_bus:
            return place
    return -1


@njit(cache=True)
def _group_of(bus: int, group: IntArray) -> int:
    """The bus that stands for a bus's group; the way to it is halved for the next time."""
    while group[bus] != bus:
        group[bus] = group[group[bus]]
        bus = group[bus]
    return bus


@njit(cache=True)
def mark_supplied(tail: IntArray, head: IntArray, closed: BoolArray, sources: IntArray, supplied: BoolArray) -> None:
    """Set supplied (n,), False before, for the buses that closed branches join to sources (s,) (union-find)."""
    group = np.arange(len(supplied))
    for branch in range(len(closed)):
        if closed[branch]:
            one, other = _group_of(tail[branch], group), _group_of(head[branch], group)
            group[max(one, other)] = min(one, other)
    for source in sources:
        supplied[_group_of(source, group)] = True
    for bus in range(len(supplied)):
        supplied[bus] = supplied[_group_of(bus, group)]


@njit(cache=True)
def _incidence(tail: IntArray, head: IntArray, closed: BoolArray, n_bus: int) -> tuple[IntArray, IntArray]:
    """first (n + 1,) and the closed branches at each bus, one bus after the other; none from a bus to itself."""
    first = np.zeros(n_bus + 1, np.int64)
    for branch in range(len(closed)):
        if closed[branch] and tail[branch] != head[branch]:
            first[tail[branch] + 1] += 1
            first[head[branch] + 1] += 1
    for bus in range(n_bus):
        first[bus + 1] += first[bus]
    incident, filled = np.empty(first[n_bus], np.int64), first.copy()
    for branch in range(len(closed)):
        if closed[branch] and tail[branch] != head[branch]:
            for bus in (tail[branch], head[branch]):
                incident[filled[bus]] = branch
                filled[bus] += 1
    return first, incident


@njit(cache=True)
def mark_interrupted(
    tail: IntArray, head: IntArray, closed: BoolArray, root: int, demand: FloatArray, interrupted: FloatArray
) -> None:
    """Set interrupted (m,), zeros before, to the demand (n,) behind each closed branch that is the only way to it.

    Depth first from root: a branch is a bridge where nothing below it leads back to above it (Tarjan 1974).
    """
    n_bus = len(demand)
    first, incident = _incidence(tail, head, closed, n_bus)
    following, behind = first.copy(), demand.copy()
    number, lowest = np.full(n_bus, -1), np.empty(n_bus, np.int64)  # in the order of discovery; reached from below
    fed_by, way = np.full(n_bus, -1), np.empty(n_bus, np.int64)
    number[root], lowest[root], way[0] = 0, 0, root
    found, depth = 1, 0
    while depth >= 0:
        bus = way[depth]
        if following[bus] < first[bus + 1]:
            branch = incident[following[bus]]
            following[bus] += 1
            other = head[branch] if tail[branch] == bus else tail[branch]
            if number[other] < 0:
                number[other], lowest[other], fed_by[other] = found, found, branch
                found, depth = found + 1, depth + 1
                way[depth] = other
            elif branch != fed_by[bus]:
                lowest[bus] = min(lowest[bus], number[other])
        else:
            depth -= 1
            if depth >= 0:
                above = way[depth]
                behind[above] += behind[bus]
                lowest[above] = min(lowest[above], lowest[bus])
                if lowest[bus] > number[above]:
                    interrupted[fed_by[bus]] = behind[bus]
