"""The loops that closing open branches of a tree makes, and what exchanges along them change, compiled by Numba.

Closing a branch of a tree makes one loop: the branch and the ways from its two ends up to where they meet. So all
exchanges of a configuration are listed by walking along them, in a time that grows with how many there are.
"""

import numpy as np
from numba import njit

from grid.network import BoolArray, FloatArray, IntArray
from ml.optimisation.radial.flow_compiled import walk_tree


@njit(cache=True)
def _sort(values: IntArray) -> None:
    """Sort values in place by insertion: loops are short, and NumPy's sort takes a second to compile."""
    for place in range(1, len(values)):
        value, below = values[place], place
        while below > 0 and values[below - 1] > value:
            values[below] = values[below - 1]
            below -= 1
        values[below] = value


@njit(cache=True)
def close_loops(
    closed: BoolArray,
    root: int,
    first: IntArray,
    incident: IntArray,
    tail: IntArray,
    head: IntArray,
    opened: IntArray,
    n_fed: int,
) -> tuple[IntArray, IntArray, FloatArray]:
    """The loops that closing each of the branches opened (t,) makes in the tree closed (m,).

    Returns begin (t + 1,), member and along (s,): the branches of each loop, ascending, one loop after the other, 1
    where they point around it as the branch that is closed does, -1 against it. begin ends with -1 where the tree
    feeds other than n_fed buses.
    """
    n_bus, ties = len(first) - 1, len(opened)
    order, parent, fed_by = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    begin, depth = np.zeros(ties + 1, np.int64), np.zeros(n_bus, np.int64)
    order[0] = root
    reached = walk_tree(closed, first, incident, tail, head, order, parent, fed_by)
    if reached != n_fed:
        begin[ties] = -1
        return begin, np.empty(0, np.int64), np.empty(0)
    for place in range(1, reached):
        depth[order[place]] = depth[parent[order[place]]] + 1
    for place in range(ties):
        one, other, size = tail[opened[place]], head[opened[place]], 1
        while one != other:
            if depth[one] < depth[other]:
                one, other = other, one
            one = parent[one]
            size += 1
        begin[place + 1] = begin[place] + size
    member, along = np.empty(begin[ties], np.int64), np.empty(begin[ties])
    for place in range(ties):
        key = member[begin[place] : begin[place + 1]]
        key[0] = 2 * opened[place] + 1  # branch and direction in one number, to be sorted together
        back, ahead = tail[opened[place]], head[opened[place]]
        for step in range(1, len(key)):
            if depth[ahead] >= depth[back]:  # around the loop, a step from the head up the tree
                branch = fed_by[ahead]
                key[step] = 2 * branch + (1 if tail[branch] == ahead else 0)
                ahead = parent[ahead]
            else:  # a step that comes down to the tail
                branch = fed_by[back]
                key[step] = 2 * branch + (1 if head[branch] == back else 0)
                back = parent[back]
        _sort(key)
        for step in range(len(key)):
            along[begin[place] + step] = 1.0 if key[step] % 2 else -1.0
            key[step] //= 2
    return begin, member, along


@njit(cache=True)
def loss_changes(
    begin: IntArray, member: IntArray, along: FloatArray, flow: FloatArray, resistance: FloatArray
) -> FloatArray:
    """(s,) by how much opening each member of a loop changes the sum of resistance (m,) times flow (m,) squared.

    flow: complex, in the tree. What an opened member carried goes around its loop the other way.
    """
    change = np.empty(len(member))
    for loop in range(len(begin) - 1):
        places = range(begin[loop], begin[loop + 1])
        whole, real, imag = 0.0, 0.0, 0.0
        for place in places:
            branch = member[place]
            whole += resistance[branch]
            real += along[place] * resistance[branch] * flow[branch].real
            imag += along[place] * resistance[branch] * flow[branch].imag
        for place in places:
            carried = flow[member[place]]
            square = carried.real**2 + carried.imag**2
            change[place] = whole * square - 2 * along[place] * (carried.real * real + carried.imag * imag)
    return change


@njit(cache=True)
def weighted_changes(
    begin: IntArray, member: IntArray, along: FloatArray, flow: FloatArray, weight: FloatArray
) -> FloatArray:
    """(s,) by how much opening each member of a loop changes the sum of weight (m,) times the size of flow (m,)."""
    change = np.empty(len(member))
    for loop in range(len(begin) - 1):
        own = member[begin[loop] : begin[loop + 1]]
        around, heavy = along[begin[loop] : begin[loop + 1]] * flow[own], weight[own]
        before = 0.0
        for place in range(len(own)):
            before += heavy[place] * abs(around[place])
        for opened in range(len(own)):
            after = 0.0
            for place in range(len(own)):
                after += heavy[place] * abs(around[place] - around[opened])
            change[begin[loop] + opened] = after - before
    return change
