"""Dispatch of meshed grids: its physics, its policy and its polish. Plans:
tests/ml/optimisation/dispatch/test_optimizer.py."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandapower.networks
import pytest
import torch

from grid.cases.cases import load_case
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network
from ml.optimisation.dispatch.grid import DispatchGrid, DispatchLimits, NoDispatchError, SetPointOutcome
from ml.optimisation.dispatch.net import GaussianSetPoints
from ml.optimisation.dispatch.policy import DispatchMean, DispatchPolicy, features_of
from ml.optimisation.dispatch.polish import polish
from ml.optimisation.dispatch.prior import Coordinates
from ml.optimisation.dispatch.problem import DispatchProblem
from ml.optimisation.dispatch.training import DISPATCH_PARAMETERS, DispatchLearner
from ml.optimisation.plans.plan import NoPlan, NoPlanKind
from ml.optimisation.policy import PolicyError
from ml.optimisation.reinforce import weights_of
from tests.benchmarks.acopf import AcOpf
from tests.benchmarks.dispatch_check import TOLERANCE_PU, check

torch.set_num_threads(1)  # small matrices: more threads only wait for one another
TINY = replace(DISPATCH_PARAMETERS, steps=120)


@cache
def network_of(name: str) -> Network:
    return load_case(name, Path("var")).network


@cache
def limits_of(name: str) -> DispatchLimits:
    return DispatchLimits.of(network_of(name))


def grid_of(name: str) -> DispatchGrid:
    network = network_of(name)
    return DispatchGrid(network, Injection.of_case(network), network.branch.closed, limits_of(name))


def feasible(outcome: SetPointOutcome) -> np.ndarray:
    """(k,) whether every limit is kept."""
    return np.isfinite(outcome.cost_mw) & (outcome.excess <= TOLERANCE_PU).all(axis=1)


@pytest.mark.parametrize("name", ["case14", "case30", "case118"])
def test_outcomes_agree_with_a_power_flow_of_their_own(name: str) -> None:
    grid, network = grid_of(name), network_of(name)
    rng = np.random.default_rng(1)
    present = grid.of_injection(grid.injection)
    wanted = np.clip(present + 0.02 * rng.standard_normal((4, grid.size)), grid.lower, grid.upper)
    outcome = grid.outcome(wanted, grid.rest_pu(grid.injection))
    for row, set_points in enumerate(wanted):
        injection = grid.with_set_points(grid.injection, set_points)
        np.testing.assert_allclose(grid.of_injection(injection), set_points)
        state = PowerFlow(network).solve(injection, grid.closed)
        np.testing.assert_allclose(outcome.voltage[row], state.voltage, atol=1e-7)
        checked = check(network, injection, state, limits_of(name))
        assert outcome.loss_mw[row] == pytest.approx(checked.loss_mw, abs=1e-5)
        assert feasible(outcome)[row] == checked.feasible
        if not checked.loading_excess_percent.any():  # which the outcome counts at both ends
            assert outcome.cost_mw[row] == pytest.approx(checked.cost_mw, abs=1e-3)
        fed, shunts = state.generator_p_mw.sum(), state.shunt_mva.real.sum()
        assert fed == pytest.approx(state.total_load_mw + state.total_loss_mw + shunts, abs=1e-5)


@pytest.mark.parametrize("name", ["case14", "case30", "case118"])
def test_derivatives_agree_with_finite_differences(name: str) -> None:
    grid = grid_of(name)
    rest, present = grid.rest_pu(grid.injection), grid.of_injection(grid.injection)
    at = grid.outcome(present[None], rest)
    gradient, hessian, rows = grid.derivatives(at.voltage[0])
    step = 1e-5
    for direction in np.random.default_rng(1).standard_normal((3, grid.size)):
        either = grid.outcome(present + step * np.array([direction, -direction]), rest, at.voltage[0])
        slope = (either.loss_mw[0] - either.loss_mw[1]) / (2 * step)
        assert slope == pytest.approx(gradient @ direction, rel=1e-3, abs=1e-2)
        moved = (either.quantity[0] - either.quantity[1]) / (2 * step)
        np.testing.assert_allclose(moved, rows @ direction, rtol=1e-3, atol=2e-3)
    assert np.linalg.eigvalsh(hessian)[0] > -1e-6 * np.linalg.eigvalsh(hessian)[-1]


def test_the_policy_agrees_with_torch_and_its_gradient_with_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    mean, log_std = (torch.randn((2, 3), generator=generator, dtype=torch.float64) for _ in range(2))
    policy = GaussianSetPoints(mean.requires_grad_(), log_std.requires_grad_())
    actions = policy.sample(5, generator)
    assert actions.shape == (2, 5, 3)
    reference = torch.distributions.Normal(mean[:, None], log_std.exp()[:, None])
    torch.testing.assert_close(policy.log_prob(actions), reference.log_prob(actions).sum(-1))
    torch.testing.assert_close(policy.entropy(), reference.entropy()[:, 0].sum(-1))
    assert torch.autograd.gradcheck(
        lambda m, s: GaussianSetPoints(m, s).log_prob(actions), (mean.detach().requires_grad_(), log_std)
    )


def test_samples_have_the_policys_mean_and_spread() -> None:
    policy = GaussianSetPoints(torch.tensor([[1.0, -2.0]]), torch.tensor([[-1.0, 0.5]]))
    actions = policy.sample(40_000, torch.Generator().manual_seed(1))
    torch.testing.assert_close(actions.mean(dim=1), policy.mean)
    torch.testing.assert_close(actions.std(dim=1), policy.log_std.exp(), rtol=0.02, atol=0.0)


def test_training_improves_decisions_on_loads_it_has_never_seen() -> None:
    coordinates = Coordinates.of(grid_of("case30"))
    reported = []
    learner = DispatchLearner(coordinates, TINY)
    new = DispatchPolicy(coordinates, learner.trainer.policy({}).weights)
    learner.trainer.train(reported.append)
    assert len(reported) == TINY.steps
    held_out = learner.problem.draw(40, np.random.default_rng(1234))
    untrained, policy = DispatchPolicy(coordinates), DispatchPolicy(coordinates, learner.trainer.policy({}).weights)
    for one in (untrained, new):
        np.testing.assert_allclose(one.set_points(held_out.rest_pu), held_out.prior)
    before, after = (
        coordinates.grid.outcome(one.set_points(held_out.rest_pu), held_out.rest_pu).cost_mw
        for one in (untrained, policy)
    )
    assert np.log(after).mean() < np.log(before).mean()


@pytest.mark.parametrize(("name", "seed"), [("case14", 1), ("case30", 2), ("case118", 3)])
def test_what_decides_gives_the_nets_mean(name: str, seed: int) -> None:
    """To 1e-6 what torch gives for the same weights in double precision, and in single to what torch itself rounds."""
    problem = DispatchProblem(Coordinates.of(grid_of(name)))
    torch.manual_seed(seed)
    net = problem.new_net()
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.3 * torch.randn_like(weight)
    seen, weights = problem.draw(20, np.random.default_rng(seed)), weights_of(net)
    found = DispatchMean(weights, problem.grid.size)(features_of(seen.rest_pu))
    with torch.no_grad():
        np.testing.assert_allclose(found, net(seen.features).mean.numpy(), atol=1e-4)
        expected = net.double()(seen.features).mean.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert expected.std() > 0.1
    np.testing.assert_allclose(
        DispatchPolicy(problem.coordinates, weights).set_points(seen.rest_pu),
        problem.coordinates.set_points(seen.prior, expected[:, None])[:, 0],
        atol=1e-6,
    )


def test_weights_of_another_grid_or_net_are_refused() -> None:
    weights = dict(weights_of(DispatchProblem(Coordinates.of(grid_of("case14"))).new_net()))
    with pytest.raises(PolicyError, match="set-points, the grid"):
        DispatchPolicy(Coordinates.of(grid_of("case30")), weights)
    del weights["centre"]
    with pytest.raises(PolicyError, match="'centre' is missing"):
        DispatchPolicy(Coordinates.of(grid_of("case14")), weights)


def test_polish_reaches_the_same_minimum_from_different_starts() -> None:
    grid = grid_of("case118")
    problem = DispatchProblem(Coordinates.of(grid))
    for seen in problem.draw(3, np.random.default_rng(5)).rest_pu:
        starts = [problem.coordinates.prior(seen[None])[0], grid.of_injection(grid.injection)]
        costs = [polish(grid, start, seen, 12).outcome for start in starts]
        assert all(feasible(outcome)[0] for outcome in costs)
        assert costs[0].cost_mw[0] == pytest.approx(costs[1].cost_mw[0], rel=1e-3)
        first = grid.outcome(np.clip(starts[1], grid.lower, grid.upper)[None], seen).cost_mw[0]
        assert costs[1].cost_mw[0] <= first


def test_polish_is_at_the_optimal_power_flow() -> None:
    """The judge is IPOPT, which tests/benchmarks/test_dispatch_judge.py compares with pandapower's interior point."""
    grid, network = grid_of("case30"), network_of("case30")
    found = AcOpf(network).solve(grid.injection, limits_of("case30"), grid.injection)
    assert found is not None
    optimum = PowerFlow(network).solve(found, grid.closed)
    polished = polish(grid, grid.of_injection(grid.injection), grid.rest_pu(grid.injection), 12)
    assert feasible(polished.outcome)[0]
    assert polished.outcome.loss_mw[0] == pytest.approx(optimum.total_loss_mw, rel=2e-3)


def test_a_grid_without_a_source_or_set_points_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("case14")
    case = Injection.of_case(network)
    dark = replace(case, generator_on=~network.generator.is_source)
    with pytest.raises(NoDispatchError) as refused:
        DispatchGrid(network, dark, network.branch.closed, limits_of("case14"))
    assert refused.value.reason == NoPlan(kind=NoPlanKind.NO_SOURCE)
    city = network_of("city8")
    with pytest.raises(NoDispatchError) as refused:
        DispatchGrid(city, Injection.of_case(city), city.branch.closed, DispatchLimits.of(city))
    assert refused.value.reason == NoPlan(kind=NoPlanKind.NOTHING_TO_SET)
    monkeypatch.setattr("ml.optimisation.dispatch.grid.LARGEST_GRID", 13)
    with pytest.raises(NoDispatchError) as refused:
        grid_of("case14")
    assert refused.value.reason == NoPlan(kind=NoPlanKind.TOO_LARGE, buses=14, most=13)
    monkeypatch.undo()
    heavy = replace(case, load_p_mw=100 * case.load_p_mw)  # beyond any solution
    with pytest.raises(NoDispatchError) as refused:
        Coordinates.of(DispatchGrid(network, heavy, network.branch.closed, limits_of("case14")))
    assert refused.value.reason == NoPlan(kind=NoPlanKind.CASE_UNSOLVED)


def test_reactive_limits_are_in_the_networks_order_and_infinite_where_not_given() -> None:
    net = pandapower.networks.case118()
    limits = limits_of("case118")
    assert limits.max_q_mvar[0] == net.ext_grid.max_q_mvar.iloc[0]
    np.testing.assert_array_equal(limits.min_q_mvar[1:], net.gen.min_q_mvar)
    assert np.isinf(network_of("cigre_mv").generator.max_q_mvar).all()
