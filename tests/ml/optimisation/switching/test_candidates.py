"""Proposed configurations: within their number of pairs, local optima where they claim it, and supplied."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grid.network import IntArray, Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.radial.flow import Exchanges, exchange_neighbours, is_radial_batch
from ml.optimisation.radial.local_search import SearchSpace, branch_exchange, last
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.switching.candidates import Proposer, completions, restorations
from ml.optimisation.switching.choice import Choice, Choices
from ml.optimisation.switching.situation import prior_phi
from tests.ml.operating_points import network_of, operating_point_at, random_configurations


def choice_at(network: Network, operating_point: OperatingPoint, wanted: Requirements | None = None) -> Choice:
    """What there is to choose, without limits: the bare objective."""
    wanted = wanted or Requirements(min_vm_pu=0.5, max_vm_pu=1.5)
    verifier = Verifier(network)
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    return Choices(network, verifier.bounds).at(operating_point, wanted, present)


@cache
def feeder(risk_weight: float = 0.0) -> Choice:
    network = network_of("case33bw")
    operating_point = operating_point_at(network)
    probability = operating_point.failure_probability * np.random.default_rng(4).lognormal(0, 0.8, network.n_branch)
    wanted = Requirements(risk_weight=risk_weight, min_vm_pu=0.5, max_vm_pu=1.5)
    return choice_at(network, replace(operating_point, failure_probability=probability), wanted)


def space_of(choice: Choice) -> SearchSpace:
    return SearchSpace(loops=choice.loops, costs=choice.cost, predicted=choice.predicted)


def proposer(choice: Choice) -> Proposer:
    return Proposer(choice.loops, choice.cost, choice.predicted)


def start_of(choice: Choice) -> IntArray:
    assert choice.start is not None
    return choice.start


def others_of(choice: Choice, count: int) -> IntArray:
    """Some random configurations."""
    states = random_configurations(network_of("case33bw"), count, 6)
    return np.array([choice.loops.opened(closed) for closed in states])


def pairs_between(one: IntArray, others: IntArray) -> IntArray:
    return np.array([len(set(one.tolist()) - set(other.tolist())) for other in others])


def within_two(choice: Choice) -> IntArray:
    """All configurations that differ from the present one in at most two branches."""
    near = exchange_neighbours(choice.loops, start_of(choice))
    far = np.concatenate([near, *(exchange_neighbours(choice.loops, opened) for opened in near)])
    every: IntArray = np.unique(np.sort(far, axis=1), axis=0)
    return every[pairs_between(start_of(choice), every) <= 2]


@pytest.mark.parametrize("risk_weight", [0.0, 1.0])
def test_no_configuration_needs_more_pairs_than_asked(risk_weight: float) -> None:
    choice = feeder(risk_weight)
    levels = proposer(choice).within_pairs(start_of(choice), 3, others_of(choice, 20))
    assert [item.name for item in levels] == ["At most 1 pairs", "At most 2 pairs", "At most 3 pairs"]
    for pairs, level in enumerate(levels, start=1):
        assert pairs_between(start_of(choice), level.opened).max() <= pairs
        assert is_radial_batch(choice.loops, level.opened).all()
        np.testing.assert_allclose(level.cost, choice.cost(level.opened))
        assert (np.diff(level.cost) >= 0).all()
    assert levels[0].cost[0] >= levels[1].cost[0] >= levels[2].cost[0]


@pytest.mark.parametrize("risk_weight", [0.0, 1.0])
def test_one_pair_is_the_best_of_all_single_exchanges(risk_weight: float) -> None:
    choice = feeder(risk_weight)
    start = start_of(choice)
    level = proposer(choice).within_pairs(start, 1, start[None])[0]
    every = choice.cost(np.concatenate([start[None], exchange_neighbours(choice.loops, start)]))
    np.testing.assert_allclose(level.cost[:5], np.sort(every)[:5])


@pytest.mark.parametrize("risk_weight", [0.0, 1.0])
def test_two_pairs_come_within_a_thousandth_of_exhaustive_search(risk_weight: float) -> None:
    choice = feeder(risk_weight)
    found = proposer(choice).within_pairs(start_of(choice), 2, start_of(choice)[None])[1].cost[0]
    best = choice.cost(within_two(choice)).min()
    assert best * (1 - 1e-8) <= found <= 1.001 * best


def test_configurations_of_other_methods_count_where_they_are_near() -> None:
    choice = feeder()
    start = start_of(choice)
    near = exchange_neighbours(choice.loops, start)
    best = near[int(np.argmin(choice.cost(near)))]
    costs = dict.fromkeys(map(tuple, np.sort(near, axis=1).tolist()), 1.0)
    alone = Proposer(choice.loops, choice.cost, lambda exchanges: np.arange(len(exchanges), dtype=float))
    level = alone.within_pairs(start, 1, np.stack([best, others_of(choice, 1)[0]]))[0]
    assert tuple(level.opened[0].tolist()) in costs
    assert level.cost[0] == pytest.approx(choice.cost(best[None])[0])


@pytest.mark.parametrize("risk_weight", [0.0, 1.0])
def test_branch_exchange_ends_where_no_single_exchange_improves(risk_weight: float) -> None:
    choice = feeder(risk_weight)
    for start in [start_of(choice), *others_of(choice, 6)]:
        found = proposer(choice).exchange("exchange", start)
        opened, cost = found.opened[0], found.cost[0]
        assert is_radial_batch(choice.loops, found.opened).all()
        assert cost <= choice.cost(start[None])[0]
        assert cost == pytest.approx(choice.cost(found.opened)[0])
        assert choice.cost(exchange_neighbours(choice.loops, opened)).min() >= cost * (1 - 1e-9)


def test_branch_exchange_from_several_is_the_best_from_each() -> None:
    network = network_of("synthetic:200:5")
    choice = choice_at(network, operating_point_at(network))
    starts = TreeDistribution(choice.loops, prior_phi(choice.seen)).sample(5, np.random.default_rng(1))[0]
    each = [last(branch_exchange(space_of(choice), start, thorough=False)).cost for start in starts]
    found = proposer(choice).exchange_from("exchange", starts, 7.0)
    cost = found.cost[0]
    assert min(each) < max(each) * (1 - 1e-6)  # starts matter
    assert cost <= min(each)
    assert cost == pytest.approx(choice.cost(found.opened)[0])
    assert choice.cost(exchange_neighbours(choice.loops, found.opened[0])).min() >= cost * (1 - 1e-9)
    assert found.time_ms > 7
    assert found.evaluated > len(exchange_neighbours(choice.loops, found.opened[0]))


def test_screening_saves_evaluations() -> None:
    choice = feeder()
    start = others_of(choice, 1)[0]
    screened, (plain_cost, evaluated) = proposer(choice).exchange("", start), steepest_descent(choice, start)
    assert screened.evaluated < evaluated
    assert screened.cost[0] <= 1.02 * plain_cost


def steepest_descent(choice: Choice, opened: IntArray) -> tuple[float, int]:
    """Objective where no exchange improves, and configurations judged, when all exchanges are judged at each step."""
    cost, evaluated = float(choice.cost(opened[None])[0]), 1
    while True:
        neighbours = exchange_neighbours(choice.loops, opened)
        costs = choice.cost(neighbours)
        evaluated += len(neighbours)
        if costs.min() >= cost * (1 - 1e-9):
            return cost, evaluated
        opened, cost = neighbours[int(np.argmin(costs))], float(costs.min())


def test_predicted_changes_are_close_where_little_is_shifted() -> None:
    network = network_of("case33bw")
    choice = choice_at(network, operating_point_at(network, level=0.2))
    for start in [start_of(choice), *others_of(choice, 3)]:
        neighbours = exchange_neighbours(choice.loops, start)
        true = choice.cost(neighbours) - choice.cost(start[None])
        predicted = choice.predicted(Exchanges.of(choice.loops, start))
        small = np.argsort(np.abs(true))[:15]
        largest = choice.cost(start[None])[0]
        np.testing.assert_allclose(predicted[small], true[small], atol=0.01 * largest)
        assert np.corrcoef(predicted, true)[0, 1] > 0.95
        assert (np.sign(predicted) == np.sign(true))[np.abs(true) > 0.1 * largest].all()


def test_predicted_changes_of_interruption_are_exact() -> None:
    risky, plain, weight = feeder(50.0), feeder(), 50.0
    load = risky.grid.load_pu
    for start in [start_of(risky), *others_of(risky, 3)]:
        neighbours = exchange_neighbours(risky.loops, start)
        exchanges = Exchanges.of(risky.loops, start)
        share = risky.predicted(exchanges) - plain.predicted(exchanges)
        before, after = (risky.objective.expected_interrupted_pu(opened, load) for opened in (start[None], neighbours))
        np.testing.assert_allclose(share, weight * 1000 * risky.grid.base_mva * (after - before), atol=1e-6)
        assert np.abs(share).max() > 1


@pytest.mark.parametrize("spec", ["case33bw", "city8"])
def test_completions_supply_everybody_after_an_outage_and_keep_what_is_closed(spec: str) -> None:
    network, restored = network_of(spec), 0
    for out in np.flatnonzero(network.branch.closed):
        operating_point = operating_point_at(network, level=0.4, out=(int(out),))
        choice = choice_at(network, operating_point)
        if choice.start is not None or not choice.loops.ties:
            continue  # nothing can be done about it
        restored += 1
        opened = completions(choice.loops, choice.present, prior_phi(choice.seen), np.random.default_rng(1))
        assert len(opened) > 1
        assert is_radial_batch(choice.loops, opened).all()
        closed = choice.closed(opened[0])
        assert not closed[out]
        verdict = Verifier(network).verdict(operating_point, closed, Requirements())
        assert verdict is not None
        assert verdict.unsupplied_kw == pytest.approx(0, abs=1e-6)
        opens = operating_point.closed & ~choice.closed(opened)
        assert opens.sum(axis=1).min() == 0  # one tie more is enough
    assert restored >= 4


def test_restorations_are_the_single_exchanges_by_what_they_open() -> None:
    choice = feeder()
    start = start_of(choice)
    neighbours, new = restorations(choice.loops, start)
    assert sorted(map(tuple, neighbours.tolist())) == sorted(
        map(tuple, exchange_neighbours(choice.loops, start).tolist())
    )
    for opened, branch in zip(neighbours, new, strict=True):
        assert set(opened.tolist()) - set(start.tolist()) == {branch}
    on_a_loop = np.setdiff1d(np.arange(len(choice.loops.branch)), start)
    np.testing.assert_array_equal(np.unique(new), on_a_loop)  # every outage has a tie


def test_a_method_reports_each_configuration_once_and_the_best_first() -> None:
    choice = feeder()
    several = np.repeat(others_of(choice, 8), 3, axis=0)[:, ::-1]
    found = proposer(choice).run("random", lambda: several)
    assert found.evaluated == len(found.opened) == len(np.unique(np.sort(several, axis=1), axis=0))
    assert found.cost[0] == choice.cost(several).min()
    assert (np.diff(found.cost) >= 0).all()
