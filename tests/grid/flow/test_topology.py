"""Topology against networkx and against opening every branch in turn."""

import networkx as nx
import numpy as np
import pandapower.networks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.flow.topology import energised_buses, interrupted_power_mw, is_radial

Grid = tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Draw a small multigraph: self-loops, parallel branches, islands, open branches, 0 to 3 sources."""
    n_bus = draw(st.integers(1, 12))
    bus = st.integers(0, n_bus - 1)
    branches = draw(st.lists(st.tuples(bus, bus, st.sampled_from([True, True, True, False])), max_size=20))
    sources = draw(st.lists(bus, max_size=3))
    table = np.array(branches, dtype=np.int64).reshape(-1, 3)
    return n_bus, table[:, 0], table[:, 1], table[:, 2].astype(bool), np.array(sources, dtype=np.int64)


def merged_graph(grid: Grid) -> nx.MultiGraph:
    """Return the closed grid as a networkx multigraph with a root, -1, in place of all sources."""
    n_bus, from_bus, to_bus, closed, sources = grid
    node = {bus: -1 if bus in sources else bus for bus in range(n_bus)}
    graph = nx.MultiGraph()
    graph.add_nodes_from([-1, *node.values()])
    for branch in np.flatnonzero(closed):
        graph.add_edge(node[from_bus[branch]], node[to_bus[branch]], branch)
    return graph


@settings(max_examples=200, deadline=None)
@given(grids())
def test_energised_buses_are_those_that_networkx_reaches(grid: Grid) -> None:
    reached = nx.node_connected_component(merged_graph(grid), -1)
    expected = [bus in reached or bus in grid[4] for bus in range(grid[0])]
    assert energised_buses(*grid).tolist() == expected


@settings(max_examples=200, deadline=None)
@given(grids())
def test_radial_means_that_the_energised_part_is_a_tree(grid: Grid) -> None:
    graph = merged_graph(grid)
    fed = graph.subgraph(nx.node_connected_component(graph, -1))
    assert is_radial(*grid) == (grid[4].size > 0 and nx.is_tree(fed))


@settings(max_examples=300, deadline=None)
@given(grids())
def test_interrupted_power_equals_opening_each_branch(grid: Grid) -> None:
    n_bus, from_bus, to_bus, closed, sources = grid
    demand_mw = np.arange(1.0, n_bus + 1)
    before = demand_mw[energised_buses(*grid)].sum()
    expected = []
    for branch in range(from_bus.size):
        opened = closed & (np.arange(from_bus.size) != branch)
        expected.append(before - demand_mw[energised_buses(n_bus, from_bus, to_bus, opened, sources)].sum())
    assert interrupted_power_mw(*grid, demand_mw) == pytest.approx(np.array(expected), abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(grids())
def test_branches_that_interrupt_are_the_bridges_of_networkx(grid: Grid) -> None:
    n_bus, from_bus, to_bus, _, sources = grid
    graph = merged_graph(grid)
    simple = nx.Graph(graph.subgraph(nx.node_connected_component(graph, -1)))
    simple.remove_edges_from(list(nx.selfloop_edges(simple)))
    bridges = {frozenset(ends) for ends in nx.bridges(simple) if graph.number_of_edges(*ends) == 1}
    interrupting = np.flatnonzero(interrupted_power_mw(*grid, np.ones(n_bus)))
    node = np.where(np.isin(np.arange(n_bus), sources), -1, np.arange(n_bus))
    ends = [frozenset((int(node[from_bus[k]]), int(node[to_bus[k]]))) for k in interrupting]
    assert len(ends) == len(bridges)
    assert set(ends) == bridges


def test_each_branch_of_a_feeder_interrupts_what_is_behind_it() -> None:
    feeder = (4, np.array([0, 1, 2]), np.array([1, 2, 3]), np.ones(3, dtype=bool), np.array([0]))
    assert interrupted_power_mw(*feeder, np.array([9.0, 1.0, 2.0, 3.0])).tolist() == [6.0, 5.0, 3.0]
    fed_from_both_ends = (*feeder[:4], np.array([0, 3]))
    assert interrupted_power_mw(*fed_from_both_ends, np.ones(4)).tolist() == [0.0, 0.0, 0.0]
    assert is_radial(*feeder)
    assert not is_radial(*fed_from_both_ends)


@pytest.mark.parametrize(
    ("from_bus", "closed", "sources", "demand_mw", "said"),
    [
        ([0, 7], [True, True], [0], [1, 1, 1], r"from_bus\[1\] is 7, it must be 0 to 2"),
        ([0, 1], [True], [0], [1, 1, 1], "one length"),
        ([0, 1], [True, True], [-1], [1, 1, 1], r"sources\[0\] is -1"),
        ([0, 1], [True, True], [0], [1, 1], "one value a bus"),
    ],
)
def test_wrong_arrays_are_named(
    from_bus: list[int], closed: list[bool], sources: list[int], demand_mw: list[float], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        interrupted_power_mw(
            3, np.array(from_bus), np.array([1, 2]), np.array(closed), np.array(sources), np.array(demand_mw)
        )


@pytest.mark.parametrize("shape", ["pegase", "chain"])
def test_bridges_of_a_european_grid_and_of_a_long_chain(shape: str) -> None:
    if shape == "pegase":
        net = pandapower.networks.case9241pegase()
        position = {bus: i for i, bus in enumerate(net.bus.index)}
        ends = np.vstack([net.line[["from_bus", "to_bus"]], net.trafo[["hv_bus", "lv_bus"]]])
        from_bus, to_bus = np.vectorize(position.__getitem__)(ends).T
        n_bus, sources = len(net.bus), np.array([position[net.ext_grid.bus.iloc[0]]])
    else:
        n_bus, sources = 9241, np.array([0])
        from_bus, to_bus = np.arange(9240), np.arange(1, 9241)
    arguments = (n_bus, from_bus, to_bus, np.ones(from_bus.size, dtype=bool), sources)
    demand_mw = np.ones(n_bus)
    interrupted = interrupted_power_mw(*arguments, demand_mw)
    bridges = nx.bridges(nx.Graph(zip(from_bus.tolist(), to_bus.tolist(), strict=True)))
    parallel = nx.MultiGraph(zip(from_bus.tolist(), to_bus.tolist(), strict=True))
    assert np.count_nonzero(interrupted) == sum(parallel.number_of_edges(*ends) == 1 for ends in bridges)
