"""The sweep over all single outages: every row is compared with a power flow of its own."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.contingency import NMinusOne, n_minus_1
from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Network
from tests.cases import shared_case

AGREEMENT_PU = 1e-6


def network_of(name: str) -> Network:
    return shared_case(name).network


def one_by_one(
    network: Network, injection: Injection, closed: np.ndarray, outages: np.ndarray
) -> list[GridState | None]:
    """The state after each outage by a power flow of its own; None where there is no solution."""
    flow, states = PowerFlow(network), []
    for outage in outages:
        after = closed.copy()
        after[outage] = False
        try:
            states.append(flow.solve(injection, after))
        except PowerFlowDivergedError:
            states.append(None)
    return states


def band_excess_pu(network: Network, state: GridState) -> float:
    """How far the worst voltage of a state lies outside its bus's band; negative within."""
    bus = network.bus
    return float(np.nanmax(np.maximum(bus.min_vm_pu - state.vm_pu, state.vm_pu - bus.max_vm_pu)))


def swept(network: Network) -> NMinusOne:
    return n_minus_1(network, Injection.of_case(network), network.branch.closed)


@pytest.mark.parametrize("name", ["case14", "case30", "case118", "city8", "cigre_mv"])
def test_every_outage_agrees_with_its_own_power_flow(name: str) -> None:
    network = network_of(name)
    injection, closed = Injection.of_case(network), network.branch.closed
    result = swept(network)
    states = one_by_one(network, injection, closed, result.outage)
    assert [state is not None for state in states] == result.converged.tolist()
    for row, state in enumerate(states):
        if state is None:
            continue
        assert result.band_excess_pu[row] == pytest.approx(band_excess_pu(network, state), abs=AGREEMENT_PU)
        loading = state.loading_percent
        assert result.worst_loading_percent[row] == pytest.approx(loading.max(), rel=AGREEMENT_PU)
        lost = injection.load_p_mw.sum() - state.total_load_mw
        assert result.lost_load_mw[row] == pytest.approx(lost, abs=1e-9)


def test_all_closed_branches_are_tried_and_bridges_lose_their_load() -> None:
    network = network_of("case118")
    result = swept(network)
    np.testing.assert_array_equal(result.outage, np.flatnonzero(network.branch.closed))
    assert result.converged.all()
    assert (result.lost_load_mw >= 0).all()
    assert np.count_nonzero(result.lost_load_mw) > 0
    assert not result.secure


def test_an_outage_without_a_solution_is_said_and_the_next_one_still_solved() -> None:
    network = network_of("case118")
    case = Injection.of_case(network)
    heavy = replace(case, load_p_mw=1.9 * case.load_p_mw, generator_p_mw=1.9 * case.generator_p_mw)
    result = n_minus_1(network, heavy, network.branch.closed)
    states = one_by_one(network, heavy, network.branch.closed, result.outage)
    assert [state is not None for state in states] == result.converged.tolist()
    assert not result.converged.all()
    assert result.converged[-1]
    assert not result.within_limits[~result.converged].any()


def test_one_branch_more_out_is_swept_as_well() -> None:
    network = network_of("case30")
    injection, closed = Injection.of_case(network), network.branch.closed.copy()
    closed[0] = False
    result = n_minus_1(network, injection, closed)
    assert 0 not in result.outage
    states = one_by_one(network, injection, closed, result.outage)
    excess = [band_excess_pu(network, state) for state in states if state is not None]
    np.testing.assert_allclose(result.band_excess_pu[result.converged], excess, atol=AGREEMENT_PU)


def test_a_state_that_has_no_solution_before_the_outage_is_an_error() -> None:
    network = network_of("case14")
    case = Injection.of_case(network)
    with pytest.raises(PowerFlowDivergedError):
        n_minus_1(network, replace(case, load_p_mw=20 * case.load_p_mw), network.branch.closed)


def test_a_grid_without_supply_has_no_outages_to_try() -> None:
    network = network_of("case14")
    dark = replace(Injection.of_case(network), generator_on=~network.generator.is_source)
    result = n_minus_1(network, dark, network.branch.closed)
    assert len(result.outage) == 0
    assert result.secure
