"""Loops over the buses of radial configurations, compiled by Numba.

A configuration is a tree: from the root, every bus is fed over one branch. In the order of a breadth-first walk, what
branches carry is summed from the leaves to the root, and voltages follow from the root to the leaves (backward/forward
sweep, Shirmohammadi et al. 1988).
"""

import math

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


@njit(cache=True)
def weighted_flows(
    closed: BoolArray,
    root: int,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    drawn: FloatArray,
    weight: FloatArray,
    total: FloatArray,
) -> int:
    """Fill total (b,) with the sum of weight (m,) times the size of what tree_flows gives.

    drawn: (1, n) or (b, n). Returns how many buses the tree that reaches fewest has.
    """
    n_bus, fewest = drawn.shape[1], drawn.shape[1]
    order, parent, fed_by = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    carried = np.empty(n_bus)
    for row in range(len(closed)):
        order[0] = root
        reached = walk_tree(closed[row], first, incident, tail, head, order, parent, fed_by)
        fewest = min(fewest, reached)
        carried[:] = drawn[row if len(drawn) > 1 else 0]
        total[row] = 0.0
        for place in range(reached - 1, 0, -1):
            bus = order[place]
            carried[parent[bus]] += carried[bus]
            total[row] += weight[fed_by[bus]] * abs(carried[bus])
    return fewest


@njit(cache=True, nogil=True, error_model="numpy")  # without a check at each division
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
    size: FloatArray,
    current: FloatArray,
    loss: FloatArray,
) -> int:
    """Solve trees closed (b, m) under demand (1, n) or (b, n) complex.

    Fills size (b, n) of voltages, current (b, m) complex, zeros before, and loss (b,), infinite before, in p.u. Returns
    how many buses the tree that reaches fewest has. Everything is sorted by the order of the walk, and real apart from
    imaginary, so that sweeps run through memory as it lies.
    """
    n_bus, fewest = demand.shape[1], demand.shape[1]
    order, parent, fed_by = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    place_of, above = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    power, power_imag, ohm, ohm_imag = np.empty(n_bus), np.empty(n_bus), np.empty(n_bus), np.empty(n_bus)
    volt, volt_imag, carried, carried_imag = np.empty(n_bus), np.empty(n_bus), np.empty(n_bus), np.empty(n_bus)
    for row in range(len(closed)):
        order[0] = root
        reached = walk_tree(closed[row], first, incident, tail, head, order, parent, fed_by)
        fewest = min(fewest, reached)
        drawn = demand[row if len(demand) > 1 else 0]
        place_of[root] = 0
        for place in range(reached):
            bus = order[place]
            place_of[bus] = place
            power[place], power_imag[place] = drawn[bus].real, drawn[bus].imag
            volt[place], volt_imag[place] = source, 0.0
            if place:
                above[place] = place_of[parent[bus]]
                ohm[place], ohm_imag[place] = impedance[fed_by[bus]].real, impedance[fed_by[bus]].imag
        moved, lowest = 0.0, np.inf
        for _ in range(iterations):
            for place in range(reached):  # conj(power / volt)
                square = volt[place] * volt[place] + volt_imag[place] * volt_imag[place]
                carried[place] = (power[place] * volt[place] + power_imag[place] * volt_imag[place]) / square
                carried_imag[place] = (power[place] * volt_imag[place] - power_imag[place] * volt[place]) / square
            for place in range(reached - 1, 0, -1):
                carried[above[place]] += carried[place]
                carried_imag[above[place]] += carried_imag[place]
            moved, lowest = 0.0, np.inf
            for place in range(1, reached):
                after = volt[above[place]] - ohm[place] * carried[place] + ohm_imag[place] * carried_imag[place]
                imag = volt_imag[above[place]] - ohm[place] * carried_imag[place] - ohm_imag[place] * carried[place]
                moved = max(moved, (after - volt[place]) ** 2 + (imag - volt_imag[place]) ** 2)
                lowest = min(lowest, after * after + imag * imag)
                volt[place], volt_imag[place] = after, imag
            if lowest < LOWEST_PU**2 or moved < TOLERANCE_PU**2:
                break
        lost = 0.0
        for bus in range(n_bus):
            size[row, bus] = abs(source)
        for place in range(1, reached):
            bus = order[place]
            branch = fed_by[bus]
            sign = 1.0 if tail[branch] == parent[bus] else -1.0
            current[row, branch] = complex(sign * carried[place], sign * carried_imag[place])
            lost += ohm[place] * (carried[place] ** 2 + carried_imag[place] ** 2)
            size[row, bus] = math.sqrt(volt[place] ** 2 + volt_imag[place] ** 2)
        if lowest >= LOWEST_PU**2 and moved < TOLERANCE_PU**2 and lost < np.inf:
            loss[row] = lost
    return fewest


@njit(cache=True, nogil=True, error_model="numpy")
def excess_shares(
    size: FloatArray,
    current: FloatArray,
    lowest: FloatArray,
    highest: FloatArray,
    band: FloatArray,
    rated: IntArray,
    most: FloatArray,
    share: FloatArray,
) -> None:
    """Fill share (b,) with by how much limits are exceeded, all elements together, each as a share of its own limit.

    Voltages size (b, n) count outside lowest and highest (n,), over band (n,). Currents (b, m) of the branches rated
    (r,) count above most (r,), over most.
    """
    for row in range(len(size)):
        share[row] = 0.0
        for bus in range(size.shape[1]):
            below, above = lowest[bus] - size[row, bus], size[row, bus] - highest[bus]
            if below > 0.0:
                share[row] += below / band[bus]
            if above > 0.0:
                share[row] += above / band[bus]
        for place in range(len(rated)):
            flow = current[row, rated[place]]
            over = math.sqrt(flow.real**2 + flow.imag**2) / most[place] - 1.0
            if over > 0.0:
                share[row] += over
