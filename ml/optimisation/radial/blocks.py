"""What has no supply in a large grid, in blocks restored as one: a choice for each bus would take gigabytes."""

import numpy as np

from grid.network import BoolArray, IntArray
from ml.optimisation.radial.grid import RadialGrid

MOST_BLOCKS = 40  # of about the same load, beside parts that no closed branch joins


def dark_blocks(grid: RadialGrid, closed: BoolArray, dark: BoolArray) -> tuple[BoolArray, IntArray]:
    """Blocks of the buses dark (n,) that branches closed (m,) join.

    Returns joined (m,), the branches within blocks, and one bus of each block. Feeders are cut from their ends on,
    where what hangs there has come to its share of the load.
    """
    inside = np.flatnonzero(closed & grid.usable & dark[grid.from_bus] & dark[grid.to_bus])
    beside: dict[int, list[tuple[int, int]]] = {bus: [] for bus in np.flatnonzero(dark).tolist()}
    for branch, one, other in zip(
        inside.tolist(), grid.from_bus[inside].tolist(), grid.to_bus[inside].tolist(), strict=True
    ):
        beside[one].append((other, branch))
        beside[other].append((one, branch))
    above: dict[int, tuple[int, int] | None] = {}  # parent and branch to it, in the order of a walk
    for first in beside:
        if first not in above:
            above[first] = None
            _walk(first, beside, above)
    joined, carried = np.zeros(len(grid.usable), dtype=bool), grid.load_pu.copy()
    share, heads = grid.load_pu[dark].sum() / MOST_BLOCKS, []
    for bus, up in reversed(above.items()):
        if up is None or carried[bus] >= share > 0:
            heads.append(bus)
        else:
            parent, branch = up
            carried[parent] += carried[bus]
            joined[branch] = True
    return joined, np.array(sorted(heads), dtype=np.int64)


def _walk(first: int, beside: dict[int, list[tuple[int, int]]], above: dict[int, tuple[int, int] | None]) -> None:
    """Note how each bus that first is joined with hangs below it."""
    waiting = [first]
    for bus in waiting:
        for other, branch in beside[bus]:
            if other not in above:
                above[other] = (bus, branch)
                waiting.append(other)
