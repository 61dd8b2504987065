"""Sequential opening, compiled by Numba."""

import numpy as np
from numba import njit

from grid.network import FloatArray, IntArray


@njit(cache=True, nogil=True)
def open_smallest(
    current: FloatArray, admittance: FloatArray, loop: IntArray, member: IntArray, along: IntArray, opened: IntArray
) -> None:
    """Fill opened (t,) with branches (c,) on loops, each time the one of the smallest current.

    current: (c,) complex, in the closed grid. admittance: (t, t) the inverse of what loop currents meet, both changed
    in place. loop, member and along: (s,) which branch each loop has, 1 along it or -1 against it. Loops answer a
    voltage in the opened branch with currents that cancel its own, and admittance loses what went through it (a
    rank-one update).
    """
    ties, columns = len(admittance), len(current)
    basis, through = np.zeros((ties, columns), np.int8), np.zeros(columns, np.int64)  # loops that remain
    for entry in range(len(loop)):
        basis[loop[entry], member[entry]] = along[entry]
        through[member[entry]] += 1
    for step in range(ties):
        branch, least = -1, np.inf
        for column in range(columns):
            size = current[column].real ** 2 + current[column].imag ** 2
            if through[column] > 0 and (branch < 0 or size < least):
                branch, least = column, size
        opened[step] = branch
        _avoid(basis, through, branch)
        answer, around = np.zeros(ties), np.zeros(columns)
        for entry in range(len(loop)):
            if member[entry] == branch:
                for row in range(ties):
                    answer[row] += along[entry] * admittance[loop[entry], row]
        for entry in range(len(loop)):
            around[member[entry]] += along[entry] * answer[loop[entry]]
        share = current[branch] / around[branch]
        for column in range(columns):
            current[column] -= share * around[column]
        for row in range(ties):
            factor = answer[row] / around[branch]
            for column in range(ties):
                admittance[row, column] -= factor * answer[column]


@njit(cache=True, nogil=True)
def _avoid(basis: IntArray, through: IntArray, branch: int) -> None:
    """Make loops basis (t, c) avoid a branch: one of its loops goes, and makes up for it in the others.

    through: (c,) how many loops each branch is on.
    """
    pivot = -1
    for row in range(len(basis)):
        if basis[row, branch] == 0:
            continue
        if pivot < 0:
            pivot = row
            continue
        factor = basis[row, branch] * basis[pivot, branch]
        for column in range(basis.shape[1]):
            if basis[pivot, column] != 0:
                before = basis[row, column]
                basis[row, column] = before - factor * basis[pivot, column]
                through[column] += (basis[row, column] != 0) - (before != 0)
    for column in range(basis.shape[1]):
        through[column] -= basis[pivot, column] != 0
        basis[pivot, column] = 0
