"""The power flow against pandapower, against Kirchhoff, and at its edges."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandapower
import pandapower.networks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid.cases.cases import BUILT_IN
from grid.errors import CaseError
from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError, SuspectKind, suspects_of
from grid.flow.topology import energised_buses
from grid.network import BranchKind, Network, OpenEnd
from tests.cases import shared_case
from tests.paths import SHARED

FEEDER202 = SHARED / "feeders" / "feeder202.json"
RESULT_TABLES = ("res_line", "res_trafo", "res_trafo3w", "res_impedance")


def pandapower_net(name: str) -> pandapower.pandapowerNet:
    if name.startswith("simbench:"):
        import simbench

        return simbench.get_simbench_net(name.removeprefix("simbench:"))
    return BUILT_IN[name][1]()


def losses_mw(net: pandapower.pandapowerNet) -> float:
    return sum(float(net[table].pl_mw.fillna(0).sum()) for table in RESULT_TABLES if len(net[table]))


def solved(network: Network) -> GridState:
    return PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


def kirchhoff_gap_pu(network: Network, state: GridState) -> float:
    """Largest imbalance of any bus: what generators feed in less what loads, shunts and branches draw."""
    balance = -state.shunt_mva.astype(complex)
    np.add.at(balance, network.generator.bus, state.generator_p_mw + 1j * state.generator_q_mvar)
    np.add.at(balance, network.load.bus, -(state.load_p_mw + 1j * state.load_q_mvar))
    np.add.at(balance, network.branch.from_bus, -(state.p_from_mw + 1j * state.q_from_mvar))
    np.add.at(balance, network.branch.to_bus, -(state.p_to_mw + 1j * state.q_to_mvar))
    return float(np.abs(balance).max()) / network.base_mva


@pytest.mark.parametrize(
    "name",
    [
        *BUILT_IN,
        "simbench:1-MV-urban--0-sw",
        pytest.param("simbench:1-HV-mixed--0-sw", marks=pytest.mark.long),
        pytest.param("simbench:1-LV-rural1--0-sw", marks=pytest.mark.long),
    ],
)
def test_states_equal_pandapowers(name: str) -> None:
    net = pandapower_net(name)
    network = network_from_pandapower(net, name)
    start = np.where(network.base_voltage == 0, 0, np.abs(network.base_voltage) * 1.001)
    start = start * np.exp(1j * np.angle(network.base_voltage))  # near, but not the solution itself
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed, start)

    buses = net._pd2ppc_lookups["bus"][net.bus.index.to_numpy()]
    expected = net.res_bus.vm_pu.to_numpy()
    known = np.isfinite(expected)
    assert np.abs(state.vm_pu[buses][known] - expected[known]).max() <= 1e-6
    assert np.isnan(state.vm_pu[buses][~known]).all()
    assert state.total_loss_mw == pytest.approx(losses_mw(net), abs=1e-6)
    assert kirchhoff_gap_pu(network, state) <= 1e-6


def test_flows_and_loadings_equal_pandapowers_where_ratings_are_given() -> None:
    net = pandapower_net("cigre_mv")
    network = network_from_pandapower(net, "cigre_mv")
    state = solved(network)
    lines = len(net.line)
    assert not network.branch.rating_derived.any()
    np.testing.assert_allclose(state.p_from_mw[:lines], net.res_line.p_from_mw, atol=1e-6)
    np.testing.assert_allclose(state.q_to_mvar[:lines], net.res_line.q_to_mvar, atol=1e-6)
    np.testing.assert_allclose(state.i_ka[:lines], net.res_line.i_ka.fillna(0), atol=1e-6)
    np.testing.assert_allclose(state.loading_percent[:lines], net.res_line.loading_percent.fillna(0), atol=1e-5)
    np.testing.assert_allclose(state.loading_percent[lines:], net.res_trafo.loading_percent, atol=1e-5)


def test_three_winding_transformers_and_open_switches_at_either_end_are_exact() -> None:
    net = pandapower.networks.example_multivoltage()
    net.xward.drop(net.xward.index, inplace=True)
    network = network_from_pandapower(net, "multivoltage")
    state = solved(network)
    assert len(net.trafo3w) > 0
    assert state.total_loss_mw == pytest.approx(losses_mw(net), abs=1e-6)
    assert kirchhoff_gap_pu(network, state) <= 1e-6


def test_a_line_open_at_one_end_still_draws_its_charging_power() -> None:
    net = pandapower.networks.mv_oberrhein()
    network = network_from_pandapower(net, "oberrhein")
    state = solved(network)
    stubs = [i for i, end in enumerate(network.branch.open_end) if end is not OpenEnd.BOTH]
    assert stubs
    charging = state.q_from_mvar[stubs] + state.q_to_mvar[stubs]
    expected = (net.res_line.q_from_mvar + net.res_line.q_to_mvar).to_numpy()[stubs]
    assert (charging < 0).any()
    np.testing.assert_allclose(charging, expected, atol=1e-6)


def test_a_line_may_end_open_at_a_bus_without_any_other_supply() -> None:
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 20.0, name=f"Bus {letter}") for letter in "ABCD"]
    pandapower.create_ext_grid(net, buses[0])
    for start, end in pairwise(buses):
        pandapower.create_line(net, start, end, 5.0, "NAYY 4x150 SE")
    pandapower.create_load(net, buses[2], 0.1, 0.02)
    pandapower.create_load(net, buses[3], 0.3, 0.1)
    pandapower.create_switch(net, buses[3], 2, et="l", closed=False)
    network = network_from_pandapower(net, "open end")
    state = solved(network)
    assert network.bus.name == ("Bus A", "Bus B", "Bus C", "Bus D")
    np.testing.assert_allclose(state.vm_pu, net.res_bus.vm_pu, atol=1e-6)  # NaN at D in both
    assert state.total_loss_mw == pytest.approx(losses_mw(net), abs=1e-6)
    assert state.load_p_mw.tolist() == [pytest.approx(0.1), 0.0]


def test_several_sources_with_different_voltages_are_exact() -> None:
    net = pandapower.networks.case118()
    pandapower.create_ext_grid(net, 10, vm_pu=1.02, va_degree=25.0)
    network = network_from_pandapower(net, "two sources")
    state = solved(network)
    np.testing.assert_allclose(state.vm_pu, net.res_bus.vm_pu, atol=1e-6)
    np.testing.assert_allclose(state.va_degree, net.res_bus.va_degree, atol=1e-5)
    sources = state.generator_p_mw[network.generator.is_source]
    np.testing.assert_allclose(sources, net.res_ext_grid.p_mw, atol=1e-5)


def test_a_net_with_extended_wards_is_pandapowers() -> None:
    net = pandapower.networks.example_multivoltage()
    pandapower.runpp(net)
    published = net.res_bus.vm_pu.to_numpy()
    state = solved(network_from_pandapower(net, "multivoltage"))
    lookup = net._pd2ppc_lookups["bus"][net.bus.index[: len(published)]]
    _, ours = np.unique(net._pd2ppc_lookups["bus"][net.bus.index], return_inverse=True)
    np.testing.assert_allclose(state.vm_pu[ours[: len(lookup)]], published, atol=1e-6)


def test_elements_that_no_power_flow_of_ours_has_are_refused() -> None:
    net = pandapower.networks.case9()
    pandapower.create_svc(net, 4, 1, -1, 1.0, 90)
    with pytest.raises(CaseError, match=r"svc: svc 0|svc 0.*not supported"):
        network_from_pandapower(net, "compensated")


def test_closing_every_tie_of_a_case_equals_pandapower_with_those_lines_in_service() -> None:
    net = pandapower.networks.case33bw()
    network = network_from_pandapower(net, "case33bw")
    state = PowerFlow(network).solve(Injection.of_case(network), np.ones(network.n_branch, dtype=bool))
    net.line["in_service"] = True
    pandapower.runpp(net, numba=False)
    np.testing.assert_allclose(state.vm_pu, net.res_bus.vm_pu, atol=1e-6)
    assert state.total_loss_mw == pytest.approx(losses_mw(net), abs=1e-6)


def test_a_bus_without_supply_is_de_energised_and_comes_back() -> None:
    network = city8()
    flow, injection = PowerFlow(network), Injection.of_case(network)
    before = flow.solve(injection, network.branch.closed)
    closed = network.branch.closed.copy()
    mall = network.branch.name.index("Mall Line")
    closed[mall] = False
    dark = flow.solve(injection, closed, before.voltage)
    shopping = network.bus.name.index("Shopping Complex")
    assert not dark.energised[shopping]
    assert np.isnan(dark.vm_pu[shopping])
    lost = network.load.p_mw[network.load.bus == shopping].sum()
    assert dark.total_load_mw == pytest.approx(before.total_load_mw - lost)
    closed[network.branch.name.index("Market Tie")] = True
    rerouted = flow.solve(injection, closed, dark.voltage)
    assert rerouted.energised.all()
    assert rerouted.total_load_mw == pytest.approx(before.total_load_mw)


def test_without_any_source_everything_is_dark() -> None:
    network = city8()
    off = replace(Injection.of_case(network), generator_on=~network.generator.is_source)
    state = PowerFlow(network).solve(off, network.branch.closed)
    assert not state.energised.any()
    assert state.total_load_mw == state.total_loss_mw == state.total_generation_mw == 0


def test_a_load_that_cannot_be_served_diverges_and_names_buses() -> None:
    network = city8()
    flow, injection = PowerFlow(network), Injection.of_case(network)
    last = flow.solve(injection, network.branch.closed)
    heavy = replace(injection, load_p_mw=20 * injection.load_p_mw)
    with pytest.raises(PowerFlowDivergedError) as caught:
        flow.solve(heavy, network.branch.closed, last.voltage)
    suspects = suspects_of(caught.value, network, last, last.energised)
    assert suspects
    assert suspects[0].kind is SuspectKind.MISMATCH
    assert suspects[0].value == pytest.approx(caught.value.mismatch_mva.max())
    again = flow.solve(injection, network.branch.closed, last.voltage)
    np.testing.assert_allclose(again.vm_pu, last.vm_pu, atol=1e-8)


def test_no_load_at_all_is_solved() -> None:
    network = city8()
    injection = Injection.of_case(network)
    idle = replace(
        injection, load_p_mw=0 * injection.load_p_mw, load_q_mvar=0 * injection.load_q_mvar,
        generator_p_mw=0 * injection.generator_p_mw,
    )  # fmt: skip
    state = PowerFlow(network).solve(idle, network.branch.closed)
    assert state.vm_pu.min() > 1.0
    assert 0 <= state.total_loss_mw < 0.1


def test_outages_equal_pandapower_one_by_one() -> None:
    net = pandapower.networks.case30()
    network = network_from_pandapower(net, "case30")
    outages = np.flatnonzero([kind is BranchKind.LINE for kind in network.branch.kind])[:12]
    flow, injection = PowerFlow(network), Injection.of_case(network)
    for line in outages.tolist():
        closed = network.branch.closed.copy()
        closed[line] = False
        state = flow.solve(injection, closed)
        net.line.loc[net.line.index[line], "in_service"] = False
        pandapower.runpp(net, numba=False)
        known = net.res_bus.vm_pu.notna().to_numpy()
        np.testing.assert_allclose(state.vm_pu[known], net.res_bus.vm_pu[known], atol=1e-6)
        net.line.loc[net.line.index[line], "in_service"] = True


def city8() -> Network:
    return shared_case("city8").network


def grid_of(nodes: int, generators: int, seed: int) -> Network:
    return shared_case(f"synthetic:{nodes}:{generators}:{seed}").network


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([(4, 1, 1), (9, 2, 2), (30, 3, 3), (60, 4, 4)]),
    seed=st.integers(0, 2**32 - 1),
    level=st.floats(0, 1.5),
    outages=st.floats(0, 0.4),
)
def test_kirchhoff_and_power_balance_hold_in_random_grids_under_outages(
    size: tuple[int, int, int], seed: int, level: float, outages: float
) -> None:
    network = grid_of(*size)
    rng = np.random.default_rng(seed)
    injection = Injection.of_case(network)
    factor = level * rng.uniform(0, 1.2, len(network.load))
    injection = replace(
        injection,
        load_p_mw=injection.load_p_mw * factor,
        load_q_mvar=injection.load_q_mvar * factor * rng.uniform(-0.5, 1.5),
        generator_on=rng.uniform(size=len(network.generator)) > 0.1,
    )
    closed = (rng.uniform(size=network.n_branch) > outages) & (network.branch.closed | (rng.uniform() > 0.5))
    flow = PowerFlow(network)
    try:
        state = flow.solve(injection, closed)
    except PowerFlowDivergedError:
        return
    branch, generator = network.branch, network.generator
    on = generator.bus[generator.is_source & injection.generator_on]
    assert (state.energised == energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, on)).all()
    assert kirchhoff_gap_pu(network, state) <= 1e-6
    balance = state.generator_p_mw.sum() - state.total_load_mw - state.total_loss_mw - state.shunt_mva.real.sum()
    assert abs(balance) / network.base_mva <= 1e-6
    dark = ~state.energised
    assert (state.loss_mw[dark[branch.from_bus] & dark[branch.to_bus]] == 0).all()
    assert (state.loss_mw >= -1e-9).all()


@pytest.mark.skipif(not FEEDER202.exists(), reason="there is no feeder202 beside the project")
def test_far_from_the_base_state_newton_begins_without_load() -> None:
    network = shared_case(f"feeder:{FEEDER202}").network
    opened = np.array([12, 26, 43, 82, 118, 131, 133, 140, 168, 202, 203, 208, 212, 213, 214])  # best_known.json
    closed = np.array([int(name.split()[-1]) not in opened for name in network.branch.name])
    state = PowerFlow(network).solve(Injection.of_case(network), closed)
    assert 1000 * state.total_loss_mw == pytest.approx(511.1774, abs=0.01)
