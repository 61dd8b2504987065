"""The batched radial power flow against Newton-Raphson, and the moves between configurations by definition."""

from functools import cache

import numpy as np
import pytest
import torch

from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import is_radial
from grid.network import Network
from ml.optimisation.radial.flow import Exchanges, RadialFlow, closed_current, exchange_neighbours, is_radial_batch
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.radial.trees import Loops, find_loops
from tests.cases import shared_case


@cache
def feeder() -> tuple[Network, Loops, RadialFlow, np.ndarray]:
    """The 33-bus feeder, its loops, its solver, and its demand in p.u."""
    network = shared_case("case33bw").network
    branch = network.branch
    loops = find_loops(network.n_bus, branch.from_bus, branch.to_bus, branch.in_service, network.source_buses)
    demand = np.zeros(network.n_bus, dtype=complex)
    np.add.at(demand, network.load.bus, (network.load.p_mw + 1j * network.load.q_mvar) / network.base_mva)
    return network, loops, RadialFlow(loops, -1 / branch.yft), demand


def random_configurations(loops: Loops, count: int, seed: int) -> np.ndarray:
    policy = TreePolicy(loops, torch.zeros(1, len(loops.branch), dtype=torch.float64))
    return policy.sample(count, torch.Generator().manual_seed(seed))[0].numpy()


def test_losses_and_voltages_equal_newtons() -> None:
    network, loops, flow, demand = feeder()
    opened = np.vstack([loops.opened(network.branch.closed), random_configurations(loops, 60, 1)])
    states = flow.solve(opened, demand, iterations=60)
    newton, solved = PowerFlow(network), 0
    for row, closed in enumerate(loops.closed(opened)):
        try:
            state = newton.solve(Injection.of_case(network), closed)
        except PowerFlowDivergedError:
            assert np.isinf(states.loss_pu[row])
            continue
        if np.isinf(states.loss_pu[row]):
            assert state.vm_pu.min() < 0.7  # close to collapse a fixed point may not be found: then it says so
            continue
        solved += 1
        np.testing.assert_allclose(states.vm_pu[row], state.vm_pu, atol=1e-6)
        assert states.loss_pu[row] * network.base_mva == pytest.approx(state.total_loss_mw, rel=1e-5)
    assert solved > 30
    assert states.loss_pu[0] * network.base_mva == pytest.approx(0.202677, abs=1e-6)


def test_a_configuration_among_others_is_solved_as_if_it_were_alone() -> None:
    _, loops, flow, demand = feeder()
    opened = random_configurations(loops, 40, 3)
    together = flow.solve(opened, demand)
    assert 0 < np.isfinite(together.loss_pu).sum() < len(opened)
    for row in range(len(opened)):
        alone = flow.solve(opened[row : row + 1], demand)
        np.testing.assert_allclose(together.loss_pu[row], alone.loss_pu[0], rtol=1e-12)
        np.testing.assert_allclose(together.current_pu[row], alone.current_pu[0], atol=1e-12)
        np.testing.assert_allclose(together.vm_pu[row], alone.vm_pu[0], atol=1e-12)


def test_the_published_optimum_has_its_published_loss() -> None:
    network, loops, flow, demand = feeder()
    closed = np.ones(network.n_branch, dtype=bool)
    closed[[6, 8, 13, 31, 36]] = False  # branches 7, 9, 14, 32 and 37
    loss = flow.solve(loops.opened(closed)[None], demand).loss_pu[0]
    assert 1000 * loss * network.base_mva == pytest.approx(139.5513, abs=1e-3)


def test_the_closed_network_minimises_losses_over_all_loop_currents() -> None:
    network, loops, _, demand = feeder()
    resistance = (-1 / network.branch.yft).real
    current = closed_current(loops, resistance, demand[None])[0]
    best = (resistance * np.abs(current) ** 2).sum()
    rng = np.random.default_rng(1)
    for _ in range(20):
        around = rng.normal(0, 1e-3, loops.ties) @ loops.cycle
        assert (resistance * np.abs(current + around) ** 2).sum() >= best
    injected = np.zeros(network.n_bus, dtype=complex)
    np.add.at(injected, network.branch.to_bus, current)
    np.add.at(injected, network.branch.from_bus, -current)
    np.testing.assert_allclose(injected[1:], np.conj(demand)[1:], atol=1e-12)


def test_exchange_neighbours_are_all_radial_configurations_one_pair_away() -> None:
    network, loops, _, _ = feeder()
    opened = loops.opened(network.branch.closed)
    neighbours = {tuple(sorted(row)) for row in exchange_neighbours(loops, opened).tolist()}
    expected = set()
    for place in range(loops.ties):
        for candidate in range(len(loops.branch)):
            other = opened.copy()
            other[place] = candidate
            closed = loops.closed(other)
            branch = network.branch
            if candidate not in opened and is_radial(
                network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses
            ) and is_radial_batch(loops, other[None])[0]:  # fmt: skip
                expected.add(tuple(sorted(other.tolist())))
    assert neighbours == expected


def test_a_hopeless_load_has_no_finite_loss_and_spoils_no_other_row() -> None:
    _, loops, flow, demand = feeder()
    opened = random_configurations(loops, 2, 3)
    rows = np.stack([demand, 500 * demand])
    states = flow.solve(opened, rows, iterations=40)
    alone = flow.solve(opened[:1], demand, iterations=40)
    assert np.isinf(states.loss_pu[1])
    assert states.loss_pu[0] == pytest.approx(alone.loss_pu[0], rel=1e-6)


def test_a_configuration_with_a_loop_is_refused() -> None:
    network, loops, flow, demand = feeder()
    opened = loops.opened(network.branch.closed)
    around = next(
        place for place in range(len(loops.branch))
        if place not in opened and not is_radial_batch(loops, np.append(opened[1:], place)[None])[0]
    )  # fmt: skip
    wrong = np.append(opened[1:], around)
    with pytest.raises(ValueError, match="isn't radial"):
        flow.solve(np.stack([opened, wrong]), demand)
    with pytest.raises(ValueError, match="isn't radial"):
        flow.tree_flow(wrong[None], demand.real[None])
    with pytest.raises(ValueError, match="isn't radial"):
        Exchanges.of(loops, wrong)


def test_the_loop_of_an_exchange_is_where_flows_change() -> None:
    """What exchanges change, from the flows of both trees: losses of a lossless flow, and weighted sizes."""
    _, loops, flow, demand = feeder()
    rng = np.random.default_rng(4)
    resistance, weight = rng.uniform(0.1, 1, loops.n_branch), rng.uniform(0, 1, loops.n_branch)
    for opened in random_configurations(loops, 5, 4):
        exchanges = Exchanges.of(loops, opened)
        neighbours = exchanges.neighbours()
        before = flow.tree_flow(opened[None], demand[None])
        after = flow.tree_flow(neighbours, np.tile(demand, (len(neighbours), 1)))
        losses = (np.abs(after) ** 2 - np.abs(before) ** 2) @ resistance
        np.testing.assert_allclose(exchanges.loss_change(before[0], resistance), losses, atol=1e-10)
        sizes = (np.abs(after.real) - np.abs(before.real)) @ weight
        np.testing.assert_allclose(exchanges.weighted_change(before[0].real, weight), sizes, atol=1e-12)
        some = rng.integers(0, len(exchanges), 4)
        np.testing.assert_array_equal(exchanges.neighbours(some), neighbours[some])
