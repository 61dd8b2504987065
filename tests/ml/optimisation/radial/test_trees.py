"""The spanning-tree policy against enumeration, the matrix-tree theorem, a chi-square test and finite differences."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from grid.flow.topology import is_radial
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.radial.trees import Loops, NotConnectedError, TreeDistribution, find_loops
from ml.optimisation.radial.trees_compiled import draw_by_walks

Graph = tuple[int, np.ndarray, np.ndarray, np.ndarray]


def random_graph(seed: int, n_bus: int = 6, extra: int = 4, sources: int = 1) -> Graph:
    """A connected multigraph with so many buses, branches beyond a tree, and sources."""
    rng = np.random.default_rng(seed)
    pairs = [(int(rng.integers(0, bus)), bus) for bus in range(1, n_bus)]
    while len(pairs) < n_bus - 1 + extra:
        a, b = rng.integers(0, n_bus, 2).tolist()
        if a != b:
            pairs.append((a, b))
    ends = np.array(pairs)[rng.permutation(len(pairs))]
    return n_bus, ends[:, 0], ends[:, 1], rng.choice(n_bus, sources, replace=False)


def loops_of(graph: Graph) -> Loops:
    n_bus, tail, head, sources = graph
    return find_loops(n_bus, tail, head, np.ones(len(tail), dtype=bool), sources)


def every_configuration(graph: Graph, loops: Loops) -> torch.Tensor:
    """All radial configurations by brute force, as positions in loops.branch."""
    n_bus, tail, head, sources = graph
    found = []
    for positions in combinations(range(len(loops.branch)), loops.ties):
        closed = loops.closed(np.array(positions, dtype=int))
        if is_radial(n_bus, tail, head, closed, sources) and supplied(graph, closed):
            found.append(positions)
    return torch.tensor(found)


def supplied(graph: Graph, closed: np.ndarray) -> bool:
    n_bus, tail, head, sources = graph
    net = nx.Graph([(int(sources[0]), int(other)) for other in sources])
    net.add_nodes_from(range(n_bus))
    net.add_edges_from(zip(tail[closed].tolist(), head[closed].tolist(), strict=True))
    return nx.is_connected(net)


def merged(graph: Graph) -> nx.MultiGraph:
    n_bus, tail, head, sources = graph
    name = np.arange(n_bus)
    name[sources] = sources[0]
    net = nx.MultiGraph()
    net.add_nodes_from(np.unique(name).tolist())
    net.add_edges_from((a, b) for a, b in zip(name[tail].tolist(), name[head].tolist(), strict=True) if a != b)
    return net


@pytest.mark.parametrize("sources", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_probabilities_over_all_trees_sum_to_one(seed: int, sources: int) -> None:
    graph = random_graph(seed, sources=sources)
    loops = loops_of(graph)
    configurations = every_configuration(graph, loops)
    assert len(configurations) == round(nx.number_of_spanning_trees(merged(graph)))
    phi = torch.as_tensor(np.random.default_rng(seed).normal(0, 2, len(loops.branch)))
    policy = TreePolicy(loops, phi[None])
    log_prob = policy.log_prob(configurations[None])[0]
    assert float(log_prob.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert float(policy.entropy()) == pytest.approx(-float((log_prob.exp() * log_prob).sum()), abs=1e-10)
    is_open = torch.zeros(len(configurations), len(loops.branch), dtype=torch.float64).scatter_(1, configurations, 1)
    expected = (log_prob.exp()[:, None] * is_open).sum(dim=0)
    torch.testing.assert_close(policy.open_probability()[0], expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("seed", range(4))
def test_samples_follow_the_distribution(seed: int) -> None:
    graph = random_graph(seed, n_bus=5, extra=3)
    loops = loops_of(graph)
    configurations = every_configuration(graph, loops)
    policy = TreePolicy(loops, torch.as_tensor(np.random.default_rng(seed).normal(0, 1, len(loops.branch)))[None])
    expected = policy.log_prob(configurations[None])[0].exp().numpy() * 20_000
    samples = policy.sample(20_000, torch.Generator().manual_seed(seed))[0]
    place = {tuple(row): index for index, row in enumerate(configurations.tolist())}
    observed = np.bincount([place[tuple(row)] for row in samples.tolist()], minlength=len(place))
    often = expected >= 5
    statistic = ((observed - expected)[often] ** 2 / expected[often]).sum()
    assert statistic < chi2.ppf(1 - 1e-4, often.sum() - 1)


@pytest.mark.parametrize("sources", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_what_decides_and_what_learns_are_one_distribution(seed: int, sources: int) -> None:
    graph = random_graph(seed, sources=sources)
    loops = loops_of(graph)
    configurations = every_configuration(graph, loops)
    phi = np.random.default_rng(seed).normal(0, 2, (2, len(loops.branch)))
    deciding, learning = TreeDistribution(loops, phi), TreePolicy(loops, torch.as_tensor(phi))
    both = np.tile(configurations.numpy(), (2, 1, 1))
    np.testing.assert_allclose(deciding.log_prob(both), learning.log_prob(torch.as_tensor(both)).numpy(), atol=1e-10)
    assert np.exp(deciding.log_prob(both)).sum(axis=1) == pytest.approx([1, 1], abs=1e-12)
    np.testing.assert_array_equal(deciding.mode(), learning.mode())


@pytest.mark.parametrize("seed", range(4))
def test_what_decides_draws_trees_as_often_as_they_are_probable(seed: int) -> None:
    graph = random_graph(seed, n_bus=5, extra=3)
    loops = loops_of(graph)
    configurations = every_configuration(graph, loops).numpy()
    distribution = TreeDistribution(loops, np.random.default_rng(seed).normal(0, 1, (1, len(loops.branch))))
    expected = np.exp(distribution.log_prob(configurations[None])[0]) * 20_000
    samples = distribution.sample(20_000, np.random.default_rng(seed))[0]
    place = {tuple(row): index for index, row in enumerate(configurations.tolist())}
    observed = np.bincount([place[tuple(row)] for row in samples.tolist()], minlength=len(place))
    often = expected >= 5
    statistic = ((observed - expected)[often] ** 2 / expected[often]).sum()
    assert statistic < chi2.ppf(1 - 1e-4, often.sum() - 1)
    np.testing.assert_array_equal(samples, distribution.sample(20_000, np.random.default_rng(seed))[0])


def test_gradients_match_finite_differences() -> None:
    graph = random_graph(3)
    loops = loops_of(graph)
    opened = every_configuration(graph, loops)[:3]
    phi = torch.as_tensor(np.random.default_rng(3).normal(0, 1, len(loops.branch))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: TreePolicy(loops, x[None]).log_prob(opened[None]), (phi,))
    assert torch.autograd.gradcheck(lambda x: TreePolicy(loops, x[None]).entropy(), (phi,))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_mode_is_the_most_probable_configuration(seed: int, sources: int) -> None:
    graph = random_graph(seed, n_bus=6, extra=3, sources=sources)
    loops = loops_of(graph)
    policy = TreePolicy(loops, torch.as_tensor(np.random.default_rng(seed).normal(0, 2, len(loops.branch)))[None])
    best = policy.log_prob(every_configuration(graph, loops)[None]).max()
    assert float(policy.log_prob(torch.as_tensor(policy.mode())[None])[0, 0]) == pytest.approx(float(best))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_every_sample_of_a_larger_grid_is_radial_and_supplies_all(seed: int) -> None:
    graph = random_graph(seed, n_bus=60, extra=15, sources=3)
    n_bus, tail, head, sources = graph
    loops = loops_of(graph)
    policy = TreePolicy(loops, torch.as_tensor(np.random.default_rng(seed).normal(0, 5, len(loops.branch)))[None])
    for closed in loops.closed(policy.sample(8, torch.Generator().manual_seed(seed))[0].numpy()):
        assert is_radial(n_bus, tail, head, closed, sources)
        assert supplied(graph, closed)


def test_branches_that_are_locked_or_out_get_what_they_need() -> None:
    tail, head = np.array([0, 1, 2, 3, 0]), np.array([1, 2, 3, 0, 2])
    usable, locked = np.ones(5, dtype=bool), np.array([False, True, False, False, False])
    loops = find_loops(4, tail, head, usable, np.array([0]), locked)
    assert 1 not in loops.branch
    usable[4] = False
    loops = find_loops(4, tail, head, usable, np.array([0]))
    assert loops.ties == 1
    assert not loops.closed(np.array([0]))[4]


def test_grids_without_a_radial_configuration_are_refused() -> None:
    tail, head = np.array([0, 1, 2, 0]), np.array([1, 2, 0, 2])
    everything = np.ones(4, dtype=bool)
    with pytest.raises(ValueError, match="form a loop"):
        find_loops(3, tail, head, everything, np.array([0]), np.array([True, True, True, False]))
    with pytest.raises(NotConnectedError) as caught:
        find_loops(5, tail, head, everything, np.array([0]))
    assert caught.value.bus.tolist() == [3, 4]


def test_switch_states_and_open_positions_are_inverse() -> None:
    graph = random_graph(7)
    loops = loops_of(graph)
    for opened in every_configuration(graph, loops)[:10].numpy():
        np.testing.assert_array_equal(loops.opened(loops.closed(opened)), opened)
    with pytest.raises(ValueError, match="loop or an island"):
        loops.opened(np.ones(loops.n_branch, dtype=bool))


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_random_walks_draw_trees_as_often_as_they_are_probable(seed: int, sources: int) -> None:
    graph = random_graph(seed, n_bus=6, extra=3, sources=sources)
    n_bus, tail, head, at = graph
    locked = np.zeros(len(tail), dtype=bool)
    locked[np.flatnonzero(~np.isin(tail, at) | ~np.isin(head, at))[0]] = seed % 2 == 0
    loops = find_loops(n_bus, tail, head, np.ones(len(tail), dtype=bool), at, locked)
    configurations = every_configuration(graph, loops).numpy()
    phi = np.random.default_rng(seed).normal(0, 2, len(loops.branch))
    expected = np.exp(TreeDistribution(loops, phi[None]).log_prob(configurations[None])[0]) * 20_000
    picked = np.empty((20_000, loops.ties), dtype=np.int64)
    assert draw_by_walks(*loops.joined, np.exp(-phi), 10**6, np.random.default_rng(seed), picked) == len(picked)
    assert unlike(picked, configurations, expected) < 1


def test_walks_that_are_cut_off_favour_no_tree() -> None:
    graph = random_graph(2, n_bus=6, extra=3)
    loops = loops_of(graph)
    configurations = every_configuration(graph, loops).numpy()
    phi = np.random.default_rng(2).normal(0, 2, len(loops.branch))
    expected = np.exp(TreeDistribution(loops, phi[None]).log_prob(configurations[None])[0]) * 20_000
    rng, kept, cut = np.random.default_rng(2), [], 0
    while len(kept) < 20_000:
        picked = np.empty((1, loops.ties), dtype=np.int64)
        if draw_by_walks(*loops.joined, np.exp(-phi), 12, rng, picked):
            kept.append(picked[0])
        else:
            cut += 1
    assert cut > 1000
    assert unlike(np.array(kept), configurations, expected) < 1


@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_branches_of_a_larger_grid_are_open_as_often_as_they_should(spread: float) -> None:
    graph = random_graph(5, n_bus=40, extra=25, sources=2)
    loops = loops_of(graph)
    phi = np.random.default_rng(5).uniform(-spread, spread, (1, len(loops.branch)))
    count = 4000
    samples = TreeDistribution(loops, phi).sample(count, np.random.default_rng(5))[0]
    probability = TreePolicy(loops, torch.as_tensor(phi)).open_probability()[0].numpy()
    often = np.bincount(samples.ravel(), minlength=len(loops.branch)) / count
    deviation = np.sqrt(np.maximum(probability * (1 - probability), 1e-9) / count)
    assert np.abs(often - probability)[deviation < 1e-4].max(initial=0.0) < 0.005
    assert np.abs((often - probability) / deviation)[deviation >= 1e-4].max() < 5


def unlike(samples: np.ndarray, configurations: np.ndarray, expected: np.ndarray) -> float:
    """Chi-square of how often configurations are sampled, over its 0.9999 quantile."""
    place = {tuple(row): index for index, row in enumerate(configurations.tolist())}
    observed = np.bincount([place[tuple(row)] for row in samples.tolist()], minlength=len(place))
    often = expected >= 5
    statistic = ((observed - expected)[often] ** 2 / expected[often]).sum()
    return float(statistic / chi2.ppf(1 - 1e-4, often.sum() - 1))
