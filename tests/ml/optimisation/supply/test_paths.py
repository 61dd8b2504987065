"""Supply paths against networkx; tracing against the balances of pandapower's solutions and by hand."""

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pandapower as pp
import pandapower.networks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.optimisation.supply.paths import SupplyPaths, supply_paths
from ml.optimisation.supply.tracing import trace

# pandapower on its own case files
pytestmark = pytest.mark.filterwarnings("ignore:tap_dependency_table:DeprecationWarning")

Arguments = dict[str, Any]


@st.composite
def weighted_grids(draw: st.DrawFn) -> tuple[int, Arguments]:
    """Draw a small multigraph with zero and equal costs, branches out of service, 0 to 3 generators."""
    n_bus = draw(st.integers(1, 10))
    bus = st.integers(0, n_bus - 1)
    branch = st.tuples(bus, bus, st.booleans(), st.integers(0, 5), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    table = np.array(draw(st.lists(branch, max_size=20)), dtype=float).reshape(-1, 5).T
    arguments = {
        "from_bus": table[0].astype(np.int64),
        "to_bus": table[1].astype(np.int64),
        "in_service": table[2].astype(bool),
        "resistance_ohm": table[3],
        "failure_probability": table[4],
        "generator_bus": np.array(draw(st.lists(bus, max_size=3)), dtype=np.int64),
    }
    return n_bus, arguments


@settings(max_examples=200, deadline=None)
@given(weighted_grids(), st.sampled_from([0.0, 1.0, 7.5]))
def test_cost_path_and_risk_agree_with_networkx(grid: tuple[int, Arguments], risk_weight: float) -> None:
    n_bus, given_arrays = grid
    paths = supply_paths(n_bus, **given_arrays, risk_weight=risk_weight)
    branch_cost = given_arrays["resistance_ohm"] + risk_weight * given_arrays["failure_probability"]
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(n_bus))
    for k in np.flatnonzero(given_arrays["in_service"]):
        graph.add_edge(given_arrays["from_bus"][k], given_arrays["to_bus"][k], weight=branch_cost[k])
    roots = set(given_arrays["generator_bus"].tolist())
    reached = nx.multi_source_dijkstra_path_length(graph, roots) if roots else {}
    for bus in range(n_bus):
        buses, branches = paths.path_buses(bus), paths.path_branches(bus)
        assert paths.cost[bus] == pytest.approx(reached.get(bus, np.inf), abs=1e-9)
        if bus not in reached:
            assert (buses, branches, paths.generator_bus[bus]) == ([], [], -1)
            assert np.isnan(paths.path_risk[bus])
            continue
        assert (buses[0], buses[-1]) == (bus, paths.generator_bus[bus])
        assert buses[-1] in roots
        for branch, ends in zip(branches, pairwise(buses), strict=True):
            assert given_arrays["in_service"][branch]
            assert {given_arrays["from_bus"][branch], given_arrays["to_bus"][branch]} == set(ends)
        assert branch_cost[branches].sum() == pytest.approx(paths.cost[bus], abs=1e-9)
        survival = np.prod(1.0 - given_arrays["failure_probability"][branches])
        assert paths.path_risk[bus] == pytest.approx(1.0 - survival, abs=1e-12)


def ring(risk_weight: float) -> SupplyPaths:
    """Return the paths of a ring 0-1-2 with a doubled branch 0-1; branch 2 is short but likely to fail."""
    return supply_paths(
        3,
        from_bus=np.array([0, 0, 0, 1]),
        to_bus=np.array([1, 1, 2, 2]),
        in_service=np.ones(4, dtype=bool),
        resistance_ohm=np.array([2.0, 1.0, 1.0, 1.0]),
        failure_probability=np.array([0.0, 0.1, 0.5, 0.1]),
        generator_bus=np.array([0]),
        risk_weight=risk_weight,
    )


def test_more_weight_on_risk_gives_a_longer_and_safer_path() -> None:
    short, safe = ring(risk_weight=0.0), ring(risk_weight=5.0)
    assert (short.path_buses(2), short.path_branches(2)) == ([2, 0], [2])
    assert (safe.path_buses(2), safe.path_branches(2)) == ([2, 1, 0], [3, 1])
    assert short.path_risk[2] == pytest.approx(0.5)
    assert safe.path_risk[2] == pytest.approx(1 - 0.9 * 0.9)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("resistance_ohm", -1.0, r"resistance_ohm\[0\] is -1.0"),
        ("resistance_ohm", np.nan, r"resistance_ohm\[0\] is nan"),
        ("failure_probability", 1.5, r"failure_probability\[0\] is 1.5, it must be 0 to 1"),
    ],
)
def test_costs_that_dijkstra_cannot_take_are_named(name: str, value: float, said: str) -> None:
    one = np.array([1])
    costs: Arguments = {"resistance_ohm": one * 1.0, "failure_probability": one * 0.1, name: one * value}
    with pytest.raises(ValueError, match=said):
        supply_paths(2, one * 0, one, one > 0, generator_bus=one, risk_weight=1.0, **costs)
    with pytest.raises(ValueError, match="risk_weight"):
        supply_paths(2, one * 0, one, one > 0, one * 1.0, one * 0.1, one, -1.0)


def solved(case: str) -> Arguments:
    """Return the arguments of trace for a case of pandapower, solved by pandapower."""
    net = getattr(pandapower.networks, case)()
    pp.runpp(net)
    position = np.zeros(net.bus.index.max() + 1, dtype=np.int64)
    position[net.bus.index] = np.arange(len(net.bus))
    sources = [(net.gen, net.res_gen), (net.sgen, net.res_sgen), (net.ext_grid, net.res_ext_grid)]
    demand = np.zeros(len(net.bus))
    for table, result in ((net.load, net.res_load), (net.shunt, net.res_shunt)):
        np.add.at(demand, position[table.bus], result.p_mw.to_numpy())
    return {
        "from_bus": position[np.concatenate([net.line.from_bus, net.trafo.hv_bus])],
        "to_bus": position[np.concatenate([net.line.to_bus, net.trafo.lv_bus])],
        "p_from_mw": np.concatenate([net.res_line.p_from_mw, net.res_trafo.p_hv_mw]),
        "p_to_mw": np.concatenate([net.res_line.p_to_mw, net.res_trafo.p_lv_mw]),
        "generator_bus": position[np.concatenate([table.bus.to_numpy(dtype=int) for table, _ in sources])],
        "generation_mw": np.concatenate([result.p_mw.to_numpy(dtype=float) for _, result in sources]),
        "demand_mw": demand,
    }


def throughput_mw(state: Arguments) -> np.ndarray:
    """Return (n_bus,) the power that leaves each bus through branches and as demand."""
    leaving = np.abs(state["demand_mw"])
    np.add.at(leaving, state["from_bus"], np.maximum(state["p_from_mw"], 0.0))
    np.add.at(leaving, state["to_bus"], np.maximum(state["p_to_mw"], 0.0))
    return leaving


def loss_at_sending_bus(state: Arguments) -> np.ndarray:
    """Return (n_bus,) MW lost in the branches that each bus sends into; a branch that is fed from both ends counts at
    both of them."""
    loss = np.zeros(len(state["demand_mw"]))
    for from_bus, to_bus, p_from_mw, p_to_mw in zip(
        *(state[name] for name in ("from_bus", "to_bus", "p_from_mw", "p_to_mw")), strict=True
    ):
        forward, backward = p_from_mw > 1e-9 > -1e-9 > p_to_mw, p_to_mw > 1e-9 > -1e-9 > p_from_mw
        loss[to_bus if backward else from_bus] += p_from_mw if not backward else p_from_mw + p_to_mw
        loss[from_bus if forward else to_bus] += p_to_mw if not backward else 0.0
    return loss


@pytest.mark.parametrize("case", ["case14", "case118", "case9241pegase"])
def test_tracing_keeps_every_balance(case: str) -> None:
    given_arrays = solved(case)
    traced = trace(**given_arrays)
    shares, demand_mw = traced.shares, given_arrays["demand_mw"]
    supplied_bus = throughput_mw(given_arrays) > 1e-6
    assert shares[supplied_bus].sum(axis=1) == pytest.approx(np.ones(supplied_bus.sum()), abs=1e-9)
    assert set(np.unique(shares[~supplied_bus].sum(axis=1).round(9))) <= {0.0, 1.0}
    assert shares.min() >= -1e-12
    total_loss = (given_arrays["p_from_mw"] + given_arrays["p_to_mw"]).sum()
    assert traced.loss_mw_of_bus.sum() == pytest.approx(total_loss, abs=1e-9)
    assert not traced.loss_mw_of_bus[demand_mw <= 0].any() or (given_arrays["generation_mw"] < 0).any()
    output = np.maximum(given_arrays["generation_mw"], 0.0)
    consumed = np.maximum(demand_mw, 0.0)
    pumping = np.maximum(-given_arrays["generation_mw"], 0.0)
    np.add.at(consumed, given_arrays["generator_bus"], pumping)
    supplied = (consumed + loss_at_sending_bus(given_arrays)) @ shares
    named = traced.group_generator >= 0
    assert supplied[named] == pytest.approx(output[traced.group_generator[named]], abs=1e-6)
    assert supplied.sum() == pytest.approx(output.sum() + np.maximum(-demand_mw, 0.0).sum(), abs=1e-4)


def test_shares_of_case14_are_the_fixed_point_of_mixing() -> None:
    state = solved("case14")
    shares = np.zeros((14, 2))
    for _ in range(200):
        power = np.zeros((14, 2))
        groups = np.flatnonzero(state["generation_mw"] > 1e-9)
        power[state["generator_bus"][groups], np.arange(2)] = state["generation_mw"][groups]
        ends = zip(*(state[name] for name in ("from_bus", "to_bus", "p_from_mw", "p_to_mw")), strict=True)
        for from_bus, to_bus, p_from_mw, p_to_mw in ends:
            power[to_bus] += max(-p_to_mw, 0.0) * shares[from_bus]
            power[from_bus] += max(-p_from_mw, 0.0) * shares[to_bus]
        through = power.sum(axis=1, keepdims=True)
        shares = np.where(through > 1e-9, power / np.maximum(through, 1e-9), 0.0)  # less is the solver's rounding
    assert trace(**state).shares == pytest.approx(shares, abs=1e-8)


def two_generators_one_junction() -> Arguments:
    """Return 61 MW from bus 0 and 41 MW from bus 1 into bus 2 (load 20) and on to 3 (load 78); 4 is dark."""
    return {
        "from_bus": np.array([0, 2, 2, 3]),
        "to_bus": np.array([2, 1, 3, 4]),
        "p_from_mw": np.array([61.0, -40.0, 80.0, np.nan]),
        "p_to_mw": np.array([-60.0, 41.0, -78.0, np.nan]),
        "generator_bus": np.array([0, 1]),
        "generation_mw": np.array([61.0, 41.0]),
        "demand_mw": np.array([0.0, 0.0, 20.0, 78.0, np.nan]),
    }


def test_a_junction_mixes_and_losses_follow_the_loads() -> None:
    traced = trace(**two_generators_one_junction())
    assert traced.group_generator.tolist() == [0, 1]
    expected = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.4], [0.6, 0.4], [0.0, 0.0]])
    assert traced.shares == pytest.approx(expected, abs=1e-10)
    assert traced.loss_mw_of_bus == pytest.approx(np.array([0.0, 0.0, 0.4, 3.6, 0.0]), abs=1e-10)


def test_small_generators_and_negative_demand_become_others() -> None:
    state = two_generators_one_junction()
    lumped = trace(**state, max_groups=1)
    assert lumped.group_generator.tolist() == [-1]
    state["demand_mw"][0], state["generation_mw"][0] = -61.0, 0.0
    traced = trace(**state)
    assert traced.group_generator.tolist() == [1, -1]
    assert traced.shares[3] == pytest.approx([0.4, 0.6])
    with pytest.raises(ValueError, match="max_groups"):
        trace(**state, max_groups=0)


def test_power_that_only_circulates_is_nobodys() -> None:
    loop: Arguments = {
        "from_bus": np.array([0, 1, 2]),
        "to_bus": np.array([1, 2, 0]),
        "p_from_mw": np.full(3, 5.0),
        "p_to_mw": np.full(3, -5.0),
        "generator_bus": np.array([3]),
        "generation_mw": np.array([1.0]),
        "demand_mw": np.array([0.0, 0.0, 0.0, 1.0]),
    }
    traced = trace(**loop)
    assert traced.shares == pytest.approx(np.array([[0.0], [0.0], [0.0], [1.0]]))
    assert not traced.loss_mw_of_bus.any()


def test_loss_of_a_line_open_at_its_far_end_is_borne_by_the_loads() -> None:
    state: Arguments = {
        "from_bus": np.array([0, 1]),
        "to_bus": np.array([1, 2]),
        "p_from_mw": np.array([11.5, 0.5]),
        "p_to_mw": np.array([-11.0, 0.0]),
        "generator_bus": np.array([0]),
        "generation_mw": np.array([11.5]),
        "demand_mw": np.array([0.0, 10.5, 0.0]),
    }
    assert trace(**state).loss_mw_of_bus == pytest.approx([0.0, 1.0, 0.0])
