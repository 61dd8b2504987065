"""Power flows of one topology: they agree with PowerFlow, and their response with finite differences."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.fixed_flow import FixedFlow, bus_power_pu, topology_of
from grid.flow.powerflow import Injection, PowerFlow
from tests.cases import shared_case

STEP_PU = 1e-6


@pytest.mark.parametrize("name", ["case14", "case30", "case118", "city8", "cigre_mv"])
def test_each_row_agrees_with_its_own_power_flow(name: str) -> None:
    network = shared_case(name).network
    case, closed = Injection.of_case(network), network.branch.closed
    flow = FixedFlow(network, topology_of(network, case, closed))
    rng = np.random.default_rng(1)
    injections = [
        replace(case, load_p_mw=case.load_p_mw * level, generator_vm_pu=case.generator_vm_pu * vm)
        for level, vm in zip(rng.uniform(0.4, 1.1, 5), rng.uniform(0.98, 1.02, 5), strict=True)
    ]
    of_bus = [int(np.flatnonzero(network.generator.holds_voltage & (network.generator.bus == bus))[-1])
              for bus in flow.held]  # fmt: skip
    power = np.array([bus_power_pu(network, injection) for injection in injections])
    held = np.array([injection.generator_vm_pu[of_bus] for injection in injections])
    solved = flow.solve(power, held, network.base_voltage)
    for voltage, injection in zip(solved, injections, strict=True):
        state = PowerFlow(network).solve(injection, closed)
        np.testing.assert_allclose(voltage, state.voltage, atol=1e-7)
        assert flow.loss_pu(voltage[None])[0] * network.base_mva == pytest.approx(state.total_loss_mw, abs=1e-6)
        fed = flow.drawn_pu(voltage[None])[0].real.sum() * network.base_mva
        shunts = state.shunt_mva.real.sum()
        assert fed == pytest.approx(state.total_loss_mw + shunts, abs=1e-6)


def test_a_row_without_a_solution_is_nan_and_the_next_one_still_solved() -> None:
    network = shared_case("case14").network
    case = Injection.of_case(network)
    flow = FixedFlow(network, topology_of(network, case, network.branch.closed))
    power = bus_power_pu(network, case)
    held = np.abs(network.base_voltage[flow.held])
    solved = flow.solve(np.array([power, 50 * power, power]), np.tile(held, (3, 1)), network.base_voltage)
    assert np.isnan(solved[1, flow.free]).all()
    np.testing.assert_allclose(solved[2], solved[0], atol=1e-7)


@pytest.mark.parametrize("name", ["case14", "case57", "cigre_mv"])
def test_the_response_agrees_with_finite_differences(name: str) -> None:
    network = shared_case(name).network
    case = Injection.of_case(network)
    flow = FixedFlow(network, topology_of(network, case, network.branch.closed))
    power, held = bus_power_pu(network, case), np.abs(network.base_voltage[flow.held])
    p_bus = flow.free[:3]
    response = flow.response(network.base_voltage, p_bus)
    for column in range(response.shape[1]):
        powers, helds = np.tile(power, (2, 1)), np.tile(held, (2, 1))
        step = np.array([STEP_PU, -STEP_PU])
        if column < len(p_bus):
            powers[:, p_bus[column]] += step
        else:
            helds[:, column - len(p_bus)] += step
        ahead, behind = flow.solve(powers, helds, network.base_voltage)
        np.testing.assert_allclose((ahead - behind) / (2 * STEP_PU), response[:, column], atol=2e-4)
