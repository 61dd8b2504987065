"""What is dark in a large grid is cut into blocks of about the same load, each of which hangs together."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from grid.flow.topology import energised_buses
from ml.optimisation.radial import blocks
from ml.optimisation.radial.blocks import dark_blocks
from ml.optimisation.radial.grid import RadialGrid
from tests.ml.operating_points import network_of


@pytest.mark.parametrize("most", [1, 4, 40])
@pytest.mark.parametrize("tripped", [0, 1, 5, 17])
def test_blocks_hang_together_and_cover_what_is_dark(monkeypatch: pytest.MonkeyPatch, most: int, tripped: int) -> None:
    monkeypatch.setattr(blocks, "MOST_BLOCKS", most)
    network = network_of()
    grid = RadialGrid.of(network)
    closed = network.branch.closed.copy()
    closed[tripped] = False
    dark = ~energised_buses(grid.n_bus, grid.from_bus, grid.to_bus, closed, grid.source_bus)
    joined, heads = dark_blocks(grid, closed, dark)

    assert not (joined & ~closed).any()
    graph = coo_array((np.ones(joined.sum()), (grid.from_bus[joined], grid.to_bus[joined])), shape=(33, 33))
    group = connected_components(graph, directed=False)[1]
    assert sorted(group[heads]) == sorted(set(group[dark].tolist()))  # one head each
    assert joined.sum() == dark.sum() - len(heads)  # trees
    assert len(heads) <= most + 1


def test_parts_without_load_and_without_closed_branches_are_blocks_too() -> None:
    grid = replace(RadialGrid.of(network_of()), load_pu=np.zeros(33))
    dark = np.zeros(33, dtype=bool)
    dark[[3, 20]] = True
    joined, heads = dark_blocks(grid, network_of().branch.closed, dark)
    assert heads.tolist() == [3, 20]
    assert not joined.any()
