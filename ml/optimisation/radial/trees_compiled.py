"""Samples of a projection determinantal point process and its mode, compiled by Numba."""

import math

import numpy as np
from numba import njit

from grid.network import FloatArray, IntArray


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


@njit(cache=True)
def pick_independent(rows: FloatArray, order: IntArray, picked: IntArray) -> None:
    """Fill picked (t,) with the first columns of rows (t, c), in the given order, that are linearly independent.

    Gauss-Jordan on entries -1, 0 and 1, in place; the matrix is totally unimodular, so they stay so and nothing is
    rounded.
    """
    free = np.ones(len(rows), np.bool_)
    count = 0
    for column in order:
        pivot = -1
        for row in range(len(rows)):
            if free[row] and rows[row, column] != 0:
                pivot = row
                break
        if pivot < 0:
            continue
        sign = rows[pivot, column]
        for row in range(len(rows)):
            factor = rows[row, column] * sign
            if row != pivot and factor != 0:
                for place in range(rows.shape[1]):
                    rows[row, place] -= factor * rows[pivot, place]
        free[pivot] = False
        picked[count] = column
        count += 1
        if count == len(rows):
            break
