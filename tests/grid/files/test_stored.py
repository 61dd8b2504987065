"""Voltages that files bring along are found, whichever format holds them, and odd ones are left alone."""

import numpy as np
import pandapower
import pandapower.networks
import pandas as pd
import pytest

from grid.files.matpower.case import to_net
from grid.files.matpower.text import read_m
from grid.files.pandapower.stored import stored_vm_pu, stored_voltage

CASE = """function mpc = held
mpc.version = '2';
mpc.baseMVA = 100;
mpc.bus = [7 3 0 0 0 0 1 1.02 0 110 1 1.1 0.9; 3 1 50 10 0 0 1 0.97 -12.5 110 1 1.1 0.9];
mpc.gen = [7 0 0 99 -99 1.02 100 1 200 0];
mpc.branch = [7 3 0.01 0.1 0 0 0 0 0 0 1 -360 360];
"""


def test_a_matpower_case_brings_voltages_but_no_result() -> None:
    net = to_net(read_m(CASE, "held.m"))
    stored = stored_voltage(net)
    assert stored is not None
    assert np.abs(stored[3]) == pytest.approx(0.97)
    assert np.rad2deg(np.angle(stored[3])) == pytest.approx(-12.5)
    assert stored_vm_pu(net) is None  # many cases hold a guess


def test_a_result_of_pandapowers_is_where_newton_may_begin() -> None:
    net = pandapower.networks.case9()
    assert stored_voltage(net) is None
    pandapower.runpp(net)
    net.res_bus.loc[4, "vm_pu"] = np.nan
    stored = stored_voltage(net)
    assert stored is not None
    assert sorted(stored.index) == [0, 1, 2, 3, 5, 6, 7, 8]
    assert np.abs(stored.to_numpy()) == pytest.approx(net.res_bus.vm_pu[stored.index].to_numpy())


@pytest.mark.parametrize("column", [["high"] * 9, [np.inf] * 9, [0.0] * 9])
def test_what_is_no_voltage_is_none(column: list[object]) -> None:
    net = pandapower.networks.case9()
    net.res_bus = pd.DataFrame({"vm_pu": column, "va_degree": 0.0}, net.bus.index)
    assert stored_voltage(net) is None
