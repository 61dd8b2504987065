"""The voltages of a DC power flow are pandapower's, and Newton finds from them what it finds from nowhere else."""

import numpy as np
import pandapower
import pandapower.networks
import pytest
from pandapower.auxiliary import pandapowerNet

from grid.files.pandapower.convert import network_from_pandapower
from grid.files.pandapower.tables import bus_lookup
from grid.flow.powerflow import Injection, PowerFlow
from tests.rings import ring


def lossless(net: pandapowerNet) -> pandapowerNet:
    """Without resistance a branch's admittance is as large as its susceptance, which pandapower takes."""
    net.line["r_ohm_per_km"], net.line["c_nf_per_km"] = 0.0, 0.0
    net.shunt["p_mw"] = 0.0
    net.trafo["vkr_percent"], net.trafo["i0_percent"], net.trafo["pfe_kw"] = 0.0, 0.0, 0.0
    return net


@pytest.mark.parametrize("name", ["case9", "case39", "case118", "case1354pegase", "ring"])
def test_the_angles_are_pandapowers(name: str) -> None:
    net = lossless(ring(20.0) if name == "ring" else getattr(pandapower.networks, name)())
    pandapower.runpp(net, init="dc")
    network = network_from_pandapower(net, name)
    flow = PowerFlow(network)
    voltage = flow.dc_voltage(Injection.of_case(network), network.branch.closed)
    pandapower.rundcpp(net)
    theirs = net.res_bus.va_degree.to_numpy()
    ours = np.rad2deg(np.angle(voltage[bus_lookup(net)(net.bus.index)]))
    turns = (ours - theirs + 180.0) % 360.0 - 180.0
    assert turns == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("shift_degree", [20.0, 30.0, 45.0, 60.0])
def test_a_ring_that_turns_the_phase_is_closed(shift_degree: float) -> None:
    network = network_from_pandapower(ring(shift_degree, closed=False), "ring")
    flow, injection = PowerFlow(network), Injection.of_case(network)
    state = flow.solve(injection, np.ones(network.n_branch, dtype=bool))
    net = ring(shift_degree)
    pandapower.runpp(net, init="dc", tolerance_mva=1e-9)
    assert state.vm_pu == pytest.approx(net.res_bus.vm_pu.to_numpy(), abs=1e-7)
