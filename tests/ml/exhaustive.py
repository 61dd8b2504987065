"""The oracle of the optimiser: every radial configuration of a grid, one by one."""

from collections.abc import Iterator

import numpy as np

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.flow import is_radial_batch
from ml.optimisation.radial.local_search import Found, Objective
from ml.optimisation.radial.trees import Loops

MOST_TREES = 500_000
BATCH = 4096


def exhaustive(objective: Objective, loops: Loops) -> Found:
    """The best of all configurations. ValueError where there are more than half a million."""
    count = tree_count(loops)
    if count > MOST_TREES:
        raise ValueError(f"the grid has {count:.3g} radial configurations, at most {MOST_TREES:,} are enumerated")
    best, cost, evaluated = np.zeros(loops.ties, dtype=np.int64), np.inf, 0
    for opened in _configurations(loops):
        costs = objective(opened)
        evaluated += len(costs)
        if costs.min() < cost:
            best, cost = opened[int(np.argmin(costs))], float(costs.min())
    return Found(best, cost, evaluated)


def tree_count(loops: Loops) -> float:
    """How many radial configurations there are: det(C C^T) over the branches that may be open."""
    cycle = loops.cycle[:, loops.branch]
    return float(np.round(np.linalg.det(cycle @ cycle.T)))


def ranked(objective: Objective, loops: Loops) -> tuple[IntArray, FloatArray]:
    """All configurations (k, t) and their cost (k,), the best first."""
    opened = np.concatenate(list(_configurations(loops)))
    cost = np.concatenate([objective(opened[first : first + BATCH]) for first in range(0, len(opened), BATCH)])
    order = np.argsort(cost, kind="stable")
    return opened[order], cost[order]


def _configurations(loops: Loops) -> Iterator[IntArray]:
    """All radial configurations in batches (b, t): one branch a loop, the loops made to differ, repeats left out."""
    cycle = loops.cycle[:, loops.branch]
    partial = np.zeros((1, 0), dtype=np.int64)
    for size in range(1, loops.ties + 1):
        partial = _independent(cycle, _extended(partial, cycle.shape[1]), size)
    for first in range(0, len(partial), BATCH):
        batch = partial[first : first + BATCH]
        yield batch[is_radial_batch(loops, batch)]


def _extended(partial: IntArray, columns: int) -> IntArray:
    """Sets (k, s) with one more column each, larger than the last."""
    last = partial[:, -1] if partial.shape[1] else np.full(len(partial), -1)
    room = columns - 1 - last
    rows = np.repeat(np.arange(len(partial)), room)
    offset = np.arange(len(rows)) - np.repeat(np.cumsum(room) - room, room)
    return np.column_stack([partial[rows], last[rows] + 1 + offset])


def _independent(cycle: FloatArray, columns: IntArray, size: int) -> IntArray:
    """The sets whose columns are linearly independent, by their Gram determinants."""
    kept = []
    for first in range(0, len(columns), 50_000):
        batch = columns[first : first + 50_000]
        part = cycle[:, batch].transpose(1, 0, 2)
        gram = np.einsum("bti,btj->bij", part, part)
        kept.append(batch[np.linalg.det(gram) > 0.5])
    return np.concatenate(kept) if kept else np.zeros((0, size), dtype=np.int64)
