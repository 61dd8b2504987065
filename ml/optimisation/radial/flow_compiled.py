"""Loops over the buses of radial configurations, compiled by Numba.

A configuration is a tree: from the root, every bus is fed over one branch. In the order of a breadth-first walk, what
branches carry is summed from the leaves to the root, and voltages follow from the root to the leaves (backward/forward
sweep, Shirmohammadi et al. 1988).
"""

import numpy as np
from numba import njit

from grid.network import BoolArray, FloatArray, IntArray

LOWEST_PU = 0.5  # below, a configuration counts as collapsed
TOLERANCE_PU = 1e-7


@njit(cache=True)
def walk_tree(
    closed: BoolArray,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    order: IntArray,
    parent: IntArray,
    fed_by: IntArray,
) -> int:
    """Walk over closed branches (m,) from order[0]; fills order, parent and fed_by (n,), returns how many were reached.

    first (n + 1,) and incident: the branches at each bus, one bus after the other.
    """
    for bus in range(len(parent)):
        parent[bus] = -1
    parent[order[0]] = order[0]
    reached = 1
    for place in range(len(order)):
        if place == reached:
            break
        bus = order[place]
        for branch in incident[first[bus] : first[bus + 1]]:
            other = head[branch] if tail[branch] == bus else tail[branch]
            if closed[branch] and parent[other] < 0:
                parent[other], fed_by[other], order[reached] = bus, branch, other
                reached += 1
    return reached


@njit(cache=True)
def tree_flows(
    closed: BoolArray,
    root: int,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    drawn: FloatArray,
    flow: FloatArray,
) -> int:
    """Fill flow (b, m) along branches of trees closed (b, m), zeros before, with what serves drawn (b, n) losslessly.

    Returns how many buses the tree that reaches fewest has.
    """
    n_bus, fewest = drawn.shape[1], drawn.shape[1]
    order, parent, fed_by = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    for row in range(len(closed)):
        order[0] = root
        reached = walk_tree(closed[row], first, incident, tail, head, order, parent, fed_by)
        fewest = min(fewest, reached)
        carried = drawn[row].copy()
        for place in range(reached - 1, 0, -1):
            bus = order[place]
            branch = fed_by[bus]
            carried[parent[bus]] += carried[bus]
            flow[row, branch] = carried[bus] if tail[branch] == parent[bus] else -carried[bus]
    return fewest


@njit(cache=True, nogil=True)
def solve_trees(
    closed: BoolArray,
    root: int,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    impedance: FloatArray,
    demand: FloatArray,
    source: float,
    iterations: int,
    voltage: FloatArray,
    current: FloatArray,
    loss: FloatArray,
) -> int:
    """Solve trees closed (b, m) under demand (b, n) complex.

    Fills voltage (b, n) complex, current (b, m) complex, zeros before, and loss (b,), infinite before, in p.u. Returns
    how many buses the tree that reaches fewest has.
    """
    n_bus, fewest = demand.shape[1], demand.shape[1]
    order, parent, fed_by = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    carried = np.empty(n_bus, np.complex128)
    for row in range(len(closed)):
        order[0] = root
        reached = walk_tree(closed[row], first, incident, tail, head, order, parent, fed_by)
        fewest = min(fewest, reached)
        volt = voltage[row]
        for bus in range(n_bus):
            volt[bus] = source
        for _ in range(iterations):
            for bus in range(n_bus):
                carried[bus] = (demand[row, bus] / volt[bus]).conjugate()
            for place in range(reached - 1, 0, -1):
                carried[parent[order[place]]] += carried[order[place]]
            moved, lowest = 0.0, np.inf
            for place in range(1, reached):
                bus = order[place]
                after = volt[parent[bus]] - impedance[fed_by[bus]] * carried[bus]
                change = after - volt[bus]
                moved = max(moved, change.real**2 + change.imag**2)
                lowest = min(lowest, after.real**2 + after.imag**2)
                volt[bus] = after
            if lowest < LOWEST_PU**2 or moved < TOLERANCE_PU**2:
                break
        lost = 0.0
        for place in range(1, reached):
            bus = order[place]
            branch = fed_by[bus]
            current[row, branch] = carried[bus] if tail[branch] == parent[bus] else -carried[bus]
            lost += impedance[branch].real * (carried[bus].real ** 2 + carried[bus].imag ** 2)
        if lowest >= LOWEST_PU**2 and moved < TOLERANCE_PU**2 and lost < np.inf:
            loss[row] = lost
    return fewest
