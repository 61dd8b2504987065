"""A network as the switching policy knows it: what a transformer's vector group turns is turned back."""

import numpy as np
import pandapower
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid, series_impedance_pu
from tests.ml.operating_points import network_of


def substation(shift_degree: float) -> pandapower.pandapowerNet:
    """Two transformers of a vector group side by side, and two feeders with a tie between their ends."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    grid, one, other, far, further = (pandapower.create_bus(net, kv) for kv in (110.0, 20.0, 20.0, 20.0, 20.0))
    pandapower.create_ext_grid(net, grid, vm_pu=1.02)
    for bus in (one, other):
        pandapower.create_transformer_from_parameters(
            net, grid, bus, sn_mva=25.0, vn_hv_kv=110.0, vn_lv_kv=20.0, vkr_percent=0.41, vk_percent=12.0,
            pfe_kw=0.0, i0_percent=0.0, shift_degree=shift_degree,
        )  # fmt: skip
    for tail, head in ((one, far), (other, further), (far, further)):
        pandapower.create_line_from_parameters(
            net, tail, head, length_km=4.0, r_ohm_per_km=0.3, x_ohm_per_km=0.35, c_nf_per_km=0.0, max_i_ka=0.4
        )
    net.line.loc[2, "in_service"] = False
    for bus, mw in ((far, 6.0), (further, 4.0)):
        pandapower.create_load(net, bus, mw, 0.4 * mw)
    return net


@pytest.mark.parametrize("shift_degree", [0.0, 30.0, 150.0, 180.0, -30.0])
def test_voltages_and_losses_behind_transformers_are_those_of_newton(shift_degree: float) -> None:
    net = substation(shift_degree)
    network = network_from_pandapower(net, "substation", "two transformers", state_is_secure=True)
    grid = RadialGrid.of(network)
    loops = grid.loops()
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    states = flow.solve(loops.opened(network.branch.closed & network.branch.in_service)[None], grid.demand_pu)
    pandapower.runpp(net, calculate_voltage_angles=True)
    np.testing.assert_allclose(states.vm_pu[0], net.res_bus.vm_pu, atol=1e-6)
    losses_mw = net.res_line.pl_mw.sum() + net.res_trafo.pl_mw.sum()
    assert states.loss_pu[0] * network.base_mva == pytest.approx(losses_mw, rel=1e-5)


def test_impedances_without_taps_are_those_of_the_admittances() -> None:
    branch = network_of("case33bw").branch
    np.testing.assert_array_equal(series_impedance_pu(branch), 1 / -branch.yft)
