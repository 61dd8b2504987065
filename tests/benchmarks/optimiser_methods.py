"""What the switching policy is compared with: methods at equal time, and the best that anything finds."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grid.network import FloatArray, IntArray
from ml.baselines import branch_exchange, iterated_local_search, sequential_opening
from ml.candidates import SAMPLES, Proposer, from_policy
from ml.policy import SwitchingNet, prior_phi
from ml.policyforward import Forward
from ml.radialflow import exchange_neighbours
from ml.switching import TreePolicy
from ml.switching_problem import SwitchingProblem, SwitchingSituations

REFERENCE_KICKS = 5
HELD_OUT_SEED = 20_000
WARM_UP = 5


@dataclass(frozen=True, eq=False)
class Bench:
    """One feeder's held-out situations; best: (b,) objective in kW of the best that any method found so far."""

    problem: SwitchingProblem
    seen: SwitchingSituations
    warm_start: IntArray
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

    def proposer(self, row: int) -> Proposer:
        """Runs methods in one situation."""
        return Proposer(
            self.seen.objective.loops,
            lambda opened: self.costs(row, opened),
            lambda opened, neighbours: self.seen.predicted_change_kw(opened, neighbours, row),
        )

    def gap_percent(self, found: FloatArray) -> float:
        """Mean excess of objectives (b,) over the best."""
        return 100 * float(np.mean(found / self.best - 1))


def held_out(problem: SwitchingProblem, count: int, risk: bool) -> Bench:
    """Situations that nothing is trained on, and a first reference: long local searches."""
    rng = np.random.default_rng(HELD_OUT_SEED)
    nominal = problem.situations(problem.grid.demand_pu[None], problem.grid.load_pu[None])
    weight = problem.usual_risk_weight if risk else 0.0
    seen = problem.situations(*problem.demand(count, rng), risk_weight=weight)
    loops, resistance = seen.objective.loops, problem.grid.impedance_pu.real
    start = sequential_opening(loops, resistance, problem.grid.demand_pu)
    warm = Bench(problem, nominal, start, np.full(1, np.inf)).proposer(0).exchange("", start).opened[0]
    bench = Bench(problem, seen, warm, np.full(count, np.inf))
    for row in range(count):
        for first in (sequential_opening(loops, resistance, seen.demand_pu[row]), warm):
            polished = bench.proposer(row).exchange("", first)
        for _ in range(REFERENCE_KICKS):
            kicked = polished.opened[0]
            for _ in range(int(rng.integers(2, 5))):
                neighbours = exchange_neighbours(loops, kicked)
                kicked = neighbours[rng.integers(len(neighbours))]
            found = bench.proposer(row).exchange("", kicked)
            polished = found if found.cost[0] < polished.cost[0] else polished
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
    return Forward(net)(bench.seen.seen)


def untrained_phi(bench: Bench) -> Tensor:
    """phi (b, c) of the prior."""
    return prior_phi(bench.seen.seen)


def polished(bench: Bench, opened: IntArray) -> FloatArray:
    """(b,) objective after branch exchange from configurations (b, t)."""
    return np.array([bench.proposer(row).exchange("", opened[row]).cost[0] for row in range(bench.count)])


def sequential(bench: Bench) -> FloatArray:
    """(b,) objective of sequential opening."""
    loops, resistance = bench.seen.objective.loops, bench.problem.grid.impedance_pu.real
    return np.array(
        [
            bench.costs(row, sequential_opening(loops, resistance, bench.seen.demand_pu[row])[None])[0]
            for row in range(bench.count)
        ]
    )


def decision_ms(bench: Bench, net: SwitchingNet | None, count: int, polish: bool = False) -> FloatArray:
    """(count,) time of whole decisions, one situation each: features, net, samples, AC power flow of all of them.

    polish: with branch exchange from the best of them.
    """
    times, answer = np.empty(count), prior_phi if net is None else Forward(net)
    problem, seen = bench.problem, bench.seen
    weight, generator = seen.objective.risk_weight, torch.Generator().manual_seed(1)
    for row in range(-WARM_UP, count):
        demand, load = seen.demand_pu[[row]], seen.load_pu[[row]]
        began = time.perf_counter()
        one = problem.situations(demand, load, risk_weight=weight)
        opened = from_policy(TreePolicy(one.objective.loops, answer(one.seen)), generator)
        judged = np.unique(opened, axis=0)
        cost = one.objective.total_kw(judged, demand[0], load[0])
        if polish:
            bench.proposer(max(row, 0)).exchange("", judged[int(np.argmin(cost))])
        times[max(row, 0)] = 1000 * (time.perf_counter() - began)
    return times


class OutOfTimeError(Exception):
    """A method's time is over."""


def at_equal_time(bench: Bench, time_ms: float, method: str) -> FloatArray:
    """(b,) what a local search has found when its time is over: warm branch exchange, or iterated local search.

    Plain branch exchange evaluates all neighbours with the same batched power flow; it starts from the nominal load's
    best configuration.
    """
    rng = np.random.default_rng(1)
    found = np.empty(bench.count)
    loops = bench.seen.objective.loops
    for row in range(bench.count):
        deadline = time.perf_counter() + time_ms / 1000
        best = [np.inf]

        def timed(opened: IntArray, row: int = row, deadline: float = deadline, best: list[float] = best) -> FloatArray:
            if np.isfinite(best[0]) and time.perf_counter() > deadline:
                raise OutOfTimeError
            costs = bench.costs(row, opened)
            best[0] = (
                min(best[0], float(costs.min())) if time.perf_counter() < deadline or np.isinf(best[0]) else best[0]
            )
            return costs

        try:
            if method == "warm branch exchange":
                branch_exchange(timed, loops, bench.warm_start)
            else:
                start = sequential_opening(loops, bench.problem.grid.impedance_pu.real, bench.seen.demand_pu[row])
                iterated_local_search(timed, loops, start, 100, rng)
        except OutOfTimeError:
            pass
        found[row] = best[0]
    return found
