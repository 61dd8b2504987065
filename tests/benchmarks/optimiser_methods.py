"""What the switching policy is compared with: judges at equal time, and the best that anything finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from time import thread_time

import numpy as np
import torch
from torch import Tensor

from grid.flow.powerflow import Injection
from grid.network import FloatArray, IntArray, Network
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.flow import Exchanges
from ml.optimisation.radial.local_search import (
    Found,
    SearchSpace,
    branch_exchange,
    iterated_local_search,
    last,
    sequential_opening,
)
from ml.optimisation.radial.tree_policy import TreePolicy
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.reinforce import weights_of
from ml.optimisation.switching.candidates import SAMPLES, Proposer, from_policy
from ml.optimisation.switching.net import SwitchingNet
from ml.optimisation.switching.net_compiled import Forward
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations
from ml.optimisation.switching.situation import prior_phi
from ml.optimisation.training import LearningOptimizer
from tests.benchmarks.policies import failure_probability

REFERENCE_KICKS = 5
HELD_OUT_SEED = 20_000
WARM_UP = 5
WITHOUT_END = 1_000_000  # kicks
LOSS_HOURS, PRICE = 4000.0, 80.0  # of a plan's worth in money, which no figure shows


@dataclass(frozen=True, eq=False)
class Bench:
    """One feeder's held-out situations. present: (t,) the configuration that judges and optimiser find the grid in.
    best: (b,) objective in kW of the best that any method found so far."""

    problem: SwitchingProblem
    seen: SwitchingSituations
    present: IntArray
    best: FloatArray

    @property
    def count(self) -> int:
        """Situations, b."""
        return len(self.best)

    def costs(self, row: int, opened: IntArray) -> FloatArray:
        """(k,) objective of configurations (k, t) in one situation, and the best is kept."""
        costs = self.seen.total_kw(opened, row)
        if len(costs):
            self.best[row] = min(self.best[row], float(costs.min()))
        return costs

    def predicted(self, row: int, exchanges: Exchanges) -> FloatArray:
        """(k,) by how much exchanges would change the objective of one situation."""
        return self.seen.predicted_change_kw(exchanges, row)

    def space(self, row: int) -> SearchSpace:
        """What local searches walk through in one situation: the optimiser's own way to judge and to screen."""
        return SearchSpace(
            loops=self.seen.objective.loops,
            costs=lambda opened: self.costs(row, opened),
            predicted=lambda exchanges: self.predicted(row, exchanges),
        )

    def proposer(self, row: int) -> Proposer:
        """Runs the optimiser's methods in one situation."""
        space = self.space(row)
        return Proposer(space.loops, space.costs, space.predicted)

    def in_turn(self, row: int) -> IntArray:
        """(t,) what sequential opening leaves open in one situation."""
        resistance = self.problem.grid.impedance_pu.real
        return sequential_opening(self.seen.objective.loops, resistance, self.seen.demand_pu[row])

    def gap_percent(self, found: FloatArray) -> float:
        """Mean excess of objectives (b,) over the best."""
        return 100 * float(np.mean(found / self.best - 1))


def held_out(problem: SwitchingProblem, count: int, risk: bool) -> Bench:
    """Situations that nothing is trained on, and a first reference: long local searches.

    The grid is found in the configuration that branch exchange makes of sequential opening for the case's own loads.
    """
    rng = np.random.default_rng(HELD_OUT_SEED)
    nominal = problem.situations(problem.grid.demand_pu[None], problem.grid.load_pu[None])
    weight = problem.usual_risk_weight if risk else 0.0
    seen = problem.situations(*problem.demand(count, rng), risk_weight=weight)
    usual = Bench(problem, nominal, np.zeros(0, dtype=np.int64), np.full(1, np.inf))
    present = last(branch_exchange(usual.space(0), usual.in_turn(0))).opened
    bench = Bench(problem, seen, present, np.full(count, np.inf))
    for row in range(count):
        space = bench.space(row)
        found = [last(branch_exchange(space, start)) for start in (bench.in_turn(row), present)]
        last(iterated_local_search(space, min(found, key=lambda one: one.cost).opened, REFERENCE_KICKS, rng))
    return bench


def sampled(bench: Bench, phi: Tensor, seed: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Objective (b,) of the policy's mode, and the best (b,) and its configuration (b, t) of mode and samples."""
    policy = TreePolicy(bench.seen.objective.loops, phi)
    actions = torch.cat(
        [torch.as_tensor(policy.mode())[:, None], policy.sample(SAMPLES, torch.Generator().manual_seed(seed))], dim=1
    )
    cost = bench.problem.cost(bench.seen, actions)
    place = cost.argmin(axis=1)
    np.minimum(bench.best, cost.min(axis=1), out=bench.best)
    return cost[:, 0], cost.min(axis=1), actions.numpy()[np.arange(bench.count), place]


def learned_phi(bench: Bench, net: SwitchingNet) -> Tensor:
    """phi (b, c) of a trained net."""
    return torch.as_tensor(Forward(weights_of(net))(bench.seen.seen))


def untrained_phi(bench: Bench) -> Tensor:
    """phi (b, c) of the prior."""
    return torch.as_tensor(prior_phi(bench.seen.seen))


def polished(bench: Bench, opened: IntArray) -> FloatArray:
    """(b,) objective after branch exchange from configurations (b, t)."""
    return np.array([bench.proposer(row).exchange("", opened[row]).cost[0] for row in range(bench.count)])


def sequential(bench: Bench) -> FloatArray:
    """(b,) objective of sequential opening."""
    return np.array([bench.costs(row, bench.in_turn(row)[None])[0] for row in range(bench.count)])


def staying(bench: Bench) -> FloatArray:
    """(b,) objective of the present configuration."""
    return np.array([bench.costs(row, bench.present[None])[0] for row in range(bench.count)])


def decision_ms(bench: Bench, net: SwitchingNet | None, count: int, polish: bool = False) -> FloatArray:
    """(count,) processor time of whole decisions, one situation each: features, net, samples, AC power flow of all.

    net: None for the prior. polish: with branch exchange from the best of them.
    """
    times, answer = np.empty(count), prior_phi if net is None else Forward(weights_of(net))
    problem, seen = bench.problem, bench.seen
    weight, rng = seen.objective.risk_weight, np.random.default_rng(1)
    for row in range(-WARM_UP, count):
        demand, load = seen.demand_pu[[row]], seen.load_pu[[row]]
        began = thread_time()
        one = problem.situations(demand, load, risk_weight=weight)
        opened = from_policy(TreeDistribution(one.objective.loops, answer(one.seen)), rng)
        judged = np.unique(opened, axis=0)
        cost = one.objective.total_kw(judged, demand[0], load[0])
        if polish:
            bench.proposer(row % bench.count).exchange("", judged[int(np.argmin(cost))])
        times[max(row, 0)] = 1000 * (thread_time() - began)
    return times


def proposed(bench: Bench, network: Network, optimizer: LearningOptimizer) -> tuple[FloatArray, FloatArray]:
    """(b,) objective of what the dashboard proposes in each situation, and (b,) its processor time in ms.

    Where it proposes nothing the present configuration stays.
    """
    loops = bench.seen.objective.loops
    wanted = Requirements(risk_weight=bench.seen.objective.risk_weight)
    cost, spent_ms = np.empty(bench.count), np.empty(bench.count)
    for row in range(-WARM_UP, bench.count):
        operating_point = _moment(bench, network, row % bench.count)
        began = thread_time()
        plan = optimizer.propose(operating_point, wanted).plan
        spent_ms[row] = 1000 * (thread_time() - began)
        opened = bench.present if plan is None else loops.opened(plan.after.closed)
        cost[row] = bench.costs(row % bench.count, opened[None])[0]
    return cost, spent_ms


def _moment(bench: Bench, network: Network, row: int) -> OperatingPoint:
    """One situation as the dashboard knows it; photovoltaics are negative load, as the feeders have no generators."""
    base, at = network.base_mva, network.load.bus
    demand = bench.seen.demand_pu[row, at]
    injection = replace(Injection.of_case(network), load_p_mw=base * demand.real, load_q_mvar=base * demand.imag)
    closed = bench.seen.objective.loops.closed(bench.present)
    probability = failure_probability(bench.problem.grid)
    return OperatingPoint(injection, closed, network.branch.in_service, probability, LOSS_HOURS, PRICE)


Judge = Callable[[Bench, int, np.random.Generator], Iterator[Found]]


def _exchange(bench: Bench, row: int, _rng: np.random.Generator) -> Iterator[Found]:
    return branch_exchange(bench.space(row), bench.present)


def _iterated(bench: Bench, row: int, rng: np.random.Generator) -> Iterator[Found]:
    return iterated_local_search(bench.space(row), bench.present, WITHOUT_END, rng)


def _sequential_exchange(bench: Bench, row: int, _rng: np.random.Generator) -> Iterator[Found]:
    return branch_exchange(bench.space(row), bench.in_turn(row))


def _sequential_iterated(bench: Bench, row: int, rng: np.random.Generator) -> Iterator[Found]:
    return iterated_local_search(bench.space(row), bench.in_turn(row), WITHOUT_END, rng)


JUDGES: dict[str, Judge] = {
    "present + branch exchange": _exchange,
    "present + iterated local search": _iterated,
    "sequential opening + branch exchange": _sequential_exchange,
    "sequential opening + iterated local search": _sequential_iterated,
}


def at_equal_time(bench: Bench, time_ms: float, judge: Judge) -> FloatArray:
    """(b,) what a local search has found when its time is over, by the clock that decisions are timed with.

    Finding the start counts; a batch of neighbours that ends too late doesn't.
    """
    rng = np.random.default_rng(1)
    reached = np.full(bench.count, np.inf)
    for row in range(bench.count):
        ends = thread_time() + time_ms / 1000
        for found in judge(bench, row, rng):
            if np.isfinite(reached[row]) and thread_time() > ends:
                break
            reached[row] = found.cost
    return reached
