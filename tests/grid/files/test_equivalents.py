"""What stands in for elements that we don't have: the same state, judged by pandapower's own solution or by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandapower
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandapower.auxiliary import pandapowerNet

from grid.cases.case import Case
from grid.cases.cases import load_file
from grid.errors import CaseError
from grid.files.findings import EVERYDAY, Bearing, Findings, What
from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import FloatArray, Network
from tests.paths import SHARED

INPUTS = SHARED / "inputs"
SHARES = st.floats(0, 50)


def base_vm_pu(network: Network) -> FloatArray:
    """(n,) of the base state."""
    return PowerFlow(network).solve(Injection.of_case(network), network.branch.closed).vm_pu


def feeder(r_ohm: float = 0.3, x_ohm: float = 0.2, p_mw: float = 2.0, q_mvar: float = 0.8) -> pandapowerNet:
    """20 kV: source, a line, a load with 1 MW and 0.2 Mvar, another line, a load with the given power."""
    net = pandapower.create_empty_network(sn_mva=10)
    buses = pandapower.create_buses(net, 3, 20.0, name=["A", "B", "C"])
    pandapower.create_ext_grid(net, buses[0])
    for start, end in ((0, 1), (1, 2)):
        pandapower.create_line_from_parameters(
            net, buses[start], buses[end], 3.0, r_ohm, x_ohm, 10.0, 0.4, name=f"L{start}"
        )
    pandapower.create_load(net, buses[1], 1.0, 0.2, name="near")
    pandapower.create_load(net, buses[2], p_mw, q_mvar, name="far")
    return net


def imported(net: pandapowerNet) -> tuple[Network, dict[What, tuple[str, ...]], Findings]:
    """The network of a net, what was found in it by kind, and the findings themselves."""
    found = Findings()
    network = network_from_pandapower(net, "net", found=found)
    return network, {finding.what: finding.elements for finding in found.found}, found


@given(r_ohm=st.floats(1e-4, 0.5), p_mw=st.floats(-3, 3), q_mvar=st.floats(-2, 2))
@settings(max_examples=15, deadline=None)
def test_a_line_of_no_reactance_solves_as_the_circuit_says(r_ohm: float, p_mw: float, q_mvar: float) -> None:
    """By hand: one line r behind 1 p.u. obeys v^4 - (1 - 2 p r) v^2 + r^2 (p^2 + q^2) = 0 without charging."""
    net = feeder(r_ohm, 0.0, p_mw, q_mvar)
    net.line.drop(1, inplace=True)
    net.line["c_nf_per_km"] = 0.0
    net.load.loc[1, "bus"] = 1
    net.bus.drop(2, inplace=True)
    network, found, _ = imported(net)
    r, p, q = 3 * r_ohm / 40, (1 + p_mw) / 10, (0.2 + q_mvar) / 10
    half = (1 - 2 * p * r) / 2
    assert base_vm_pu(network)[1] ** 2 == pytest.approx(half + np.sqrt(half**2 - r**2 * (p**2 + q**2)), abs=1e-7)
    assert found[What.NO_REACTANCE] == ('line 0 "L0"',)


@pytest.mark.parametrize("kv", [0.4, 20.0, 380.0])
@pytest.mark.parametrize("kind", ["line", "transformer", "small transformer", "impedance"])
def test_what_stands_for_no_reactance_is_too_little_to_be_seen(kind: str, kv: float) -> None:
    """A drop of 3 % along a resistance alone: pandapower, from a flat start, needs no reactance."""
    net = pandapower.create_empty_network(sn_mva=1)
    buses = pandapower.create_buses(net, 2, kv)
    pandapower.create_ext_grid(net, buses[0])
    if kind == "line":
        pandapower.create_line_from_parameters(net, *buses, 2.0, 0.1, 0.0, 0.0, 1.0, parallel=2)
        r_pu = 0.1 / kv**2
    elif kind == "impedance":
        pandapower.create_impedance(net, *buses, 0.2, 0.0, 10.0)
        r_pu = 0.02
    else:
        sn_mva = 0.005 if kind == "small transformer" else 100.0
        pandapower.create_transformer_from_parameters(net, *buses, sn_mva, kv, kv, 1.5, 1.5, 0, 0)
        r_pu = 0.015 / sn_mva
    pandapower.create_load(net, buses[1], 0.03 / r_pu, 0.01 / r_pu)
    by_hand = 0.5 * (1 - 2 * 0.03) + np.sqrt(0.25 * (1 - 2 * 0.03) ** 2 - 0.03**2 - 0.01**2)
    network, found, _ = imported(net)
    assert base_vm_pu(network)[1] ** 2 == pytest.approx(by_hand, abs=1e-6)
    assert len(found[What.NO_REACTANCE]) == 1


def test_a_transformer_and_a_branch_without_any_impedance_stand_for_switches() -> None:
    net = feeder()
    pandapower.create_bus(net, 0.4)
    pandapower.create_transformer_from_parameters(net, 2, 3, 0.63, 20, 0.4, 1.0, 1.0, 0, 0)
    pandapower.create_load(net, 3, 0.1)
    net.line.loc[1, ["r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km"]] = 0.0
    network, found, _ = imported(net)
    vm_pu = base_vm_pu(network)
    assert vm_pu[1] == pytest.approx(vm_pu[2], abs=1e-6)
    assert vm_pu[3] < vm_pu[2]
    assert len(found[What.NO_REACTANCE]) == 2


@given(z_p=SHARES, i_p=SHARES, z_q=SHARES, i_q=SHARES, p_mw=st.floats(-2, 4), q_mvar=st.floats(-2, 2))
@settings(max_examples=15, deadline=None)
def test_loads_that_depend_on_voltage_draw_what_they_should(
    z_p: float, i_p: float, z_q: float, i_q: float, p_mw: float, q_mvar: float
) -> None:
    """The state balances with S = S0 (z v^2 + i v + rest), each load's shares its own."""
    net = feeder(p_mw=p_mw, q_mvar=q_mvar)
    own = {"const_z_p_percent": z_p, "const_i_p_percent": i_p, "const_z_q_percent": z_q, "const_i_q_percent": i_q}
    net.load.loc[1, list(own)] = list(own.values())
    network, _, _ = imported(net)
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    v = state.vm_pu[2]
    drawn = state.p_to_mw[1] + 1j * state.q_to_mvar[1]
    p = p_mw * (z_p * v**2 + i_p * v + 100 - z_p - i_p) / 100
    q = q_mvar * (z_q * v**2 + i_q * v + 100 - z_q - i_q) / 100
    assert_allclose([-drawn.real, -drawn.imag], [p, q], atol=1e-6)


def test_two_loads_at_one_bus_keep_their_own_shares() -> None:
    """pandapower takes the plain mean of the shares at a bus, whatever the loads' powers are."""
    net = feeder()
    pandapower.create_load(net, 2, 0.001, 0.0)
    net.load.loc[2, ["const_z_p_percent", "const_z_q_percent"]] = 100.0
    assert base_vm_pu(imported(net)[0])[2] == pytest.approx(base_vm_pu(imported(feeder(p_mw=2.001))[0])[2], abs=1e-6)


def with_dc_line(net: pandapowerNet) -> None:
    pandapower.create_dcline(net, 1, 2, 1.5, 2.0, 0.05, 1.0, 0.99, name="link")


def with_dc_line_back(net: pandapowerNet) -> None:
    pandapower.create_dcline(net, 1, 2, -1.5, 2.0, 0.05, 1.0, 0.99)


def with_xward(net: pandapowerNet) -> None:
    pandapower.create_xward(net, 2, 0.3, 0.1, 0.2, 0.05, 1.0, 30.0, 1.01)


def with_xwards(net: pandapowerNet) -> None:
    """Two, and one out of service."""
    with_xward(net)
    pandapower.create_xward(net, 1, -0.3, 0.1, 0.2, -0.05, 0.0, 12.0, 0.99)
    pandapower.create_xward(net, 1, 50.0, 0.1, 0.2, -0.05, 0.0, 12.0, 0.99, in_service=False)


def with_ward(net: pandapowerNet) -> None:
    pandapower.create_ward(net, 2, 0.3, 0.1, 0.2, 0.05)
    pandapower.create_ward(net, 2, 30.0, 0.1, 0.2, 0.05, in_service=False)


def with_unbalanced(net: pandapowerNet) -> None:
    pandapower.create_asymmetric_load(net, 2, 0.1, 0.2, 0.3, 0.05, 0.0, 0.1)
    pandapower.create_asymmetric_sgen(net, 1, 0.1, 0.0, 0.05)


def with_dead_ends(net: pandapowerNet) -> None:
    """A transformer, an impedance and a line to buses out of service."""
    dead = pandapower.create_buses(net, 3, 20.0, in_service=False)
    pandapower.create_transformer_from_parameters(net, 2, dead[0], 10.0, 20, 20, 0.4, 8.0, 12, 0.1)
    pandapower.create_impedance(net, 1, dead[1], 0.01, 0.1, 10)
    pandapower.create_line_from_parameters(net, 1, dead[2], 5.0, 0.2, 0.1, 200.0, 0.4)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (with_dc_line, What.DC_LINE),
        (with_dc_line_back, What.DC_LINE),
        (with_xward, What.EXTENDED_WARD),
        (with_xwards, What.EXTENDED_WARD),
        (with_ward, None),
        (with_unbalanced, What.UNBALANCED),
        (with_dead_ends, What.DEAD_END),
    ],
)
def test_the_state_is_pandapowers(change: Callable[[pandapowerNet], None], what: What | None) -> None:
    net, judged = feeder(), feeder()
    change(net)
    change(judged)
    pandapower.runpp(judged, tolerance_mva=1e-9)
    network, found, _ = imported(net)
    assert_allclose(base_vm_pu(network)[:3], judged.res_bus.vm_pu[:3], atol=1e-6)
    assert what is None or what in found


def test_a_dead_end_keeps_its_charging_where_it_is_a_line() -> None:
    net = feeder()
    with_dead_ends(net)
    assert base_vm_pu(imported(net)[0])[1] > base_vm_pu(imported(feeder())[0])[1]


def test_the_generator_that_may_deliver_most_is_the_source_that_a_file_lacks() -> None:
    net = feeder()
    net.ext_grid["in_service"] = False
    pandapower.create_gen(net, 0, 1.0, max_p_mw=2.0, name="small")
    pandapower.create_gen(net, 2, 1.0, max_p_mw=9.0, name="large")
    network, found, _ = imported(net)
    assert found[What.SOURCE_CHOSEN] == ('gen 1 "large" at bus 2 "C"',)
    assert network.source_buses.tolist() == [2]


def test_buses_without_a_voltage_take_their_neighbours() -> None:
    net = feeder()
    net.bus.loc[2, ["vn_kv", "in_service"]] = [0.0, False]
    network, found, _ = imported(net)
    assert network.bus.vn_kv.tolist() == [20, 20, 20]
    assert found[What.NO_NOMINAL_VOLTAGE] == ('bus 2 "C"',)


@pytest.mark.parametrize("table", ["line", "load"])
def test_what_is_wrong_and_out_of_service_is_left_out_and_said(table: str) -> None:
    net = feeder()
    if table == "line":
        pandapower.create_line_from_parameters(net, 0, 2, -5.0, 0.2, 0.1, 0.0, 0.4, in_service=False)
        pandapower.create_switch(net, 0, 2, "l")
    else:
        pandapower.create_load(net, 1, np.nan, in_service=False)
    network, found, _ = imported(net)
    assert len(found[What.WRONG_OUT_OF_SERVICE]) == 1
    assert_allclose(base_vm_pu(network), base_vm_pu(imported(feeder())[0]), atol=1e-12)


def test_doubts_are_told() -> None:
    net = feeder()
    net.line.loc[0, "r_ohm_per_km"] = -0.1
    net.line.loc[1, ["r_ohm_per_km", "x_ohm_per_km"]] = [0.3, -0.35]
    pandapower.create_ext_grid(net, 2, va_degree=2.0)
    pandapower.create_bus(net, 10.0)
    pandapower.create_load(net, 3, 0.5, name="lonely")
    _, found, findings = imported(net)
    assert found[What.NEGATIVE_RESISTANCE] == ('line 0 "L0"',)
    assert found[What.CAPACITIVE_LINE] == ('line 1 "L1"',)
    assert found[What.UNSUPPLIED_LOAD] == ("lonely",)
    figure = {finding.what: finding.figure for finding in findings.found}
    assert figure[What.SOURCE_ANGLES] == pytest.approx(2.0)
    assert figure[What.UNSUPPLIED_LOAD] == pytest.approx(0.5)
    assert all(finding.bearing is Bearing.DOUBTFUL for finding in findings.found if finding.what not in EVERYDAY)


def test_a_line_that_joins_two_voltages_and_a_result_of_another_state_are_told() -> None:
    net = feeder()
    net.bus.loc[2, "vn_kv"] = 10.0
    assert imported(net)[1][What.TWO_VOLTAGES] == ('line 1 "L1"',)
    net.line.loc[1, "in_service"] = False  # which a click puts in
    assert imported(net)[1][What.TWO_VOLTAGES] == ('line 1 "L1"',)
    net = feeder()
    pandapower.runpp(net)
    assert What.STORED_RESULT_DIFFERS not in imported(net)[1]
    net.load.loc[1, "p_mw"] = 3.0
    assert imported(net)[1][What.STORED_RESULT_DIFFERS] == ("1", "2")


def test_why_there_is_no_state_is_told_with_what_is_doubtful() -> None:
    net = feeder(p_mw=4000.0)
    net.bus.loc[2, "vn_kv"] = 10.0
    with pytest.raises(CaseError, match=r'no solution\..*A line joins two nominal voltages .*line 1 "L1"'):
        imported(net)


def test_voltages_that_no_grid_has_are_told() -> None:
    net = feeder(r_ohm=0.2, x_ohm=0.1, p_mw=50.0, q_mvar=10.0)
    net.load.loc[0, "p_mw"] = 28.0
    network, found, _ = imported(net)
    low = base_vm_pu(network) < 0.5
    assert found.get(What.UNUSUAL_VOLTAGE, ()) == tuple(np.array(network.bus.name)[low])


INPUT_STATES = {
    "x_zero_line.m": ([1, 0.998999], 1.042, What.NO_REACTANCE),
    "x_zero_line.json": (None, None, What.NO_REACTANCE),
    "base_kv_zero.m": ([1, 0.997180, 0.995773], 5.238, What.NO_NOMINAL_VOLTAGE),
    "pq_gen_vg_zero.m": ([1, 0.997585, 0.996581], 4.004, None),
    "xward.json": ([1, 0.999646], None, What.EXTENDED_WARD),
    "line_joins_two_voltages.json": (None, None, What.TWO_VOLTAGES),
    "zip_load.json": ([1, 0.999098], None, What.VOLTAGE_DEPENDENT_LOAD),
}


@pytest.mark.skipif(not INPUTS.exists(), reason="the inputs that once failed lie beside the project, and aren't there")
@pytest.mark.parametrize("file", INPUT_STATES)
def test_files_that_once_failed(tmp_path: Path, file: str) -> None:
    vm_pu, loss_kw, what = INPUT_STATES[file]
    case: Case = load_file(INPUTS / file, tmp_path)
    network = case.network
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    if vm_pu is not None:
        assert_allclose(state.vm_pu[: len(vm_pu)], vm_pu, atol=1e-6)
    if loss_kw is not None:
        assert 1000 * state.total_loss_mw == pytest.approx(loss_kw, abs=1e-3)
    assert what is None or what in {finding.what for finding in case.report.findings}


def test_no_source_at_all_is_refused() -> None:
    net = feeder()
    net.ext_grid["in_service"] = False
    with pytest.raises(CaseError, match="needs a source"):
        imported(net)
