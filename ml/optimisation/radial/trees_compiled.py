"""Switch states of spanning trees, and samples of them by Gram-Schmidt and by random walks, compiled by Numba."""

import math

import numpy as np
from numba import njit

from grid.network import BoolArray, FloatArray, IntArray


@njit(cache=True)
def open_branches(all_closed: BoolArray, branch: IntArray, opened: IntArray, states: BoolArray) -> None:
    """Fill states (b, m): all_closed (m,), but for what opened (b, t), positions in branch (c,), opens."""
    for row in range(len(opened)):
        states[row] = all_closed
        for position in opened[row]:
            states[row, branch[position]] = False


@njit(cache=True)
def _drawn(share: FloatArray, uniform: float) -> int:
    """A position drawn with probabilities in proportion to share (c,), negative ones counting as zero."""
    total = 0.0
    for value in share:
        total += max(value, 0.0)
    target, reached = uniform * total, 0.0
    for position in range(len(share)):
        reached += max(share[position], 0.0)
        if reached > target:
            return position
    return len(share) - 1


@njit(cache=True)
def _led_apart(direction: FloatArray, earlier: FloatArray) -> None:
    """Make direction (t,) orthogonal to earlier (s, t), orthonormal rows, twice for rounding, and of length one."""
    overlap = np.empty(len(earlier))
    for _ in range(2):
        for row in range(len(earlier)):
            overlap[row] = 0.0
            for place in range(len(direction)):
                overlap[row] += earlier[row, place] * direction[place]
        for row in range(len(earlier)):
            for place in range(len(direction)):
                direction[place] -= overlap[row] * earlier[row, place]
    length = 0.0
    for value in direction:
        length += value * value
    for place in range(len(direction)):
        direction[place] /= math.sqrt(length)


@njit(cache=True, nogil=True)
def draw(basis: FloatArray, uniform: FloatArray, picked: IntArray) -> None:
    """Fill picked (b, k, t): k samples of each of b distributions, by as many Gram-Schmidt steps as there are loops.

    basis: (b, t, c) orthonormal rows, the squared norm of a column is the probability that it is picked. uniform:
    (t, b, k) random numbers from 0 to 1.
    """
    situations, ties, columns = basis.shape
    chosen, along, whole = np.empty((ties, ties)), np.empty(columns), np.empty(columns)
    for situation in range(situations):
        rows = basis[situation]
        for column in range(columns):
            whole[column] = 0.0
            for row in range(ties):
                whole[column] += rows[row, column] ** 2
        for sample in range(picked.shape[1]):
            remaining, own = whole.copy(), picked[situation, sample]
            for step in range(ties):
                own[step] = _drawn(remaining, uniform[step, situation, sample])
                for row in range(ties):
                    chosen[step, row] = rows[row, own[step]]
                _led_apart(chosen[step], chosen[:step])
                for column in range(columns):
                    along[column] = 0.0
                for row in range(ties):
                    for column in range(columns):
                        along[column] += chosen[step, row] * rows[row, column]
                for column in range(columns):
                    remaining[column] -= along[column] ** 2
                for earlier in own[: step + 1]:
                    remaining[earlier] = 0.0


@njit(cache=True, nogil=True)
def draw_by_walks(
    root: int,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    weight: FloatArray,
    most: int,
    rng: np.random.Generator,
    picked: IntArray,
) -> int:
    """Fill picked (k, t) with what spanning trees leave open that are drawn in proportion to their product of weight.

    Wilson's algorithm: from each bus in turn a random walk until it meets the tree; its last way out of each bus joins
    the tree. first (n + 1,) and incident: the branches at each bus, one bus after the other, by their position in tail,
    head and weight (c,). Ends before the first sample that would take more than most steps, and returns how many are
    filled.
    """
    n_bus = len(first) - 1
    reaching, way = np.empty(len(incident)), np.empty(n_bus, np.int64)
    for bus in range(n_bus):
        total = 0.0
        for place in range(first[bus], first[bus + 1]):
            total += weight[incident[place]]
            reaching[place] = total
    for sample in range(len(picked)):
        in_tree, closed, steps = np.zeros(n_bus, np.bool_), np.zeros(len(tail), np.bool_), 0
        in_tree[root] = True
        for begin in range(n_bus):
            bus = begin
            while not in_tree[bus]:
                if steps == most:
                    return sample
                steps += 1
                place, last = first[bus], first[bus + 1] - 1
                target = rng.random() * reaching[last]
                while place < last and reaching[place] <= target:
                    place += 1
                way[bus] = incident[place]
                bus = head[way[bus]] if tail[way[bus]] == bus else tail[way[bus]]
            bus = begin
            while not in_tree[bus]:
                in_tree[bus], closed[way[bus]] = True, True
                bus = head[way[bus]] if tail[way[bus]] == bus else tail[way[bus]]
        count = 0
        for branch in range(len(tail)):
            if not closed[branch]:
                picked[sample, count] = branch
                count += 1
    return len(picked)
