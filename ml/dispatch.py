"""Redispatch of meshed grids: a policy trained by REINFORCE proposes set-points, exact steps polish, AC flow verifies.

For whoever calls it (ml/optimizer.py):

    limits = DispatchLimits.of(network)      # of ml.dispatch_grid; change any of its arrays
    policy = DispatchPolicy(network, limits, DISPATCH_PARAMETERS, levels)
    policy.trainer.train(report)
    policy.save(folder); policy = load_dispatch(network, limits, folder)
    plans = propose_dispatch(network, injection, closed, limits, policy)

A policy belongs to a network in its case's own switch states. Under other switch states, or with generators lost, its
set-points are carried over by generator and bus, and the polish and the verification work on the grid as it is. Without
a policy (None) the polish begins at the present set-points alone. Plans come best first; what remains is never worse
than the present state in losses plus penalties, and breaks no limit further than the present does in total; no plan at
all means that the present state is the best one found. Not for several threads at once: each needs its own policy.
"""

from copy import copy, deepcopy
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grid.network import BoolArray, FloatArray, Network
from grid.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from ml.dispatch_check import Verdict, judge
from ml.dispatch_grid import DispatchGrid, DispatchLimits
from ml.dispatch_policy import GaussianSetPoints
from ml.dispatch_polish import one_thread, polish
from ml.dispatch_problem import DispatchProblem, DispatchSituations
from ml.reinforce import Hyperparameters, Trainer

DISPATCH_PARAMETERS = Hyperparameters(
    steps=1000,
    situations=16,
    rollouts=16,
    risk_seeking=0.0,  # one answer is taken, not the best of several
    learning_rate=8e-3,
    warm_up_steps=20,
    entropy_start=0.002,  # a nat is worth less than in switching, where there are fewer of them
    entropy_end=0.0002,
)
POLISH_STEPS = 4
LEAST_SAVING = 1e-6  # of the present cost: what saves less is no plan


class Method(StrEnum):
    """Where a plan came from."""

    POLICY = "policy"
    POLICY_POLISHED = "policy, polished"
    PRESENT_POLISHED = "present state, polished"


@dataclass(frozen=True, eq=False)
class DispatchPlan:
    """A verified proposal: the injection to apply, its solved state, and how it compares with the present.

    A verdict's cost_mw is losses plus penalties for broken limits; feasible says that no limit is broken at all.
    """

    method: Method
    injection: Injection
    state: GridState
    verdict: Verdict
    present: Verdict


class DispatchPolicy:
    """A net and the problem it was, or will be, trained on."""

    def __init__(
        self, network: Network, limits: DispatchLimits, parameters: Hyperparameters, levels: tuple[float, float]
    ) -> None:
        """levels: of load, the range that training draws from. ValueError where the grid has nothing to dispatch."""
        grid = DispatchGrid(network, Injection.of_case(network), network.branch.closed, limits)
        self.problem = DispatchProblem(grid, *levels)
        torch.manual_seed(parameters.seed)
        self.net = self.problem.new_net()
        self.trainer: Trainer[DispatchSituations] = Trainer(self.net, self.problem, parameters)

    def answering(self) -> "DispatchPolicy":
        """The policy as it is now, with weights of its own that further training doesn't move."""
        other = copy(self)
        other.net = deepcopy(self.net)
        return other

    @property
    def about(self) -> dict[str, object]:
        """What a checkpoint must be of to be loaded here."""
        grid = self.problem.grid
        return {"case": grid.network.name, "set_points": grid.size, "levels": list(self.problem.levels)}

    def save(self, folder: Path) -> None:
        """Write a checkpoint; training can be resumed from it."""
        self.trainer.save(folder, self.about)

    def set_points(self, rest_pu: FloatArray) -> FloatArray:
        """(b, u) the most likely set-points for what the buses are fed without them, (b, n)."""
        with torch.no_grad(), one_thread():
            seen = self.problem.situations(rest_pu)
            mean: Tensor = self.distribution(seen).mean
            return self.problem.coordinates.set_points(seen.prior, mean[:, None].numpy())[:, 0]

    def distribution(self, seen: DispatchSituations) -> GaussianSetPoints:
        """The policy's distributions in situations of its own grid."""
        return self.problem.distribution(self.net, seen)

    def prior(self, injection: Injection) -> Injection:
        """The injection with what an untrained policy would set."""
        grid = self.problem.grid
        return grid.with_set_points(injection, self.problem.coordinates.prior(grid.rest_pu(injection)[None])[0])

    def propose(self, injection: Injection) -> Injection:
        """The injection with the policy's set-points."""
        grid = self.problem.grid
        return grid.with_set_points(injection, self.set_points(grid.rest_pu(injection)[None])[0])


def load_dispatch(
    network: Network,
    limits: DispatchLimits,
    folder: Path,
    parameters: Hyperparameters = DISPATCH_PARAMETERS,
    levels: tuple[float, float] = (0.3, 1.1),
) -> DispatchPolicy:
    """A policy from its checkpoint. ValueError where it is of something else, FileNotFoundError where there is none."""
    policy = DispatchPolicy(network, limits, parameters, levels)
    policy.trainer.resume(folder, policy.about)
    return policy


def propose_dispatch(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    limits: DispatchLimits,
    policy: DispatchPolicy | None,
    polish_steps: int = POLISH_STEPS,
) -> list[DispatchPlan]:
    """Verified plans that are better than the present state, best first; none where nothing better was found.

    injection, closed: the present state. Raises ValueError where there is nothing to dispatch (see DispatchGrid),
    PowerFlowDivergedError where the present state has no solution.
    """
    flow = PowerFlow(network)
    present = judge(network, injection, flow.solve(injection, closed), limits)
    grid = DispatchGrid(network, injection, closed, limits)
    plans = []
    for method, set_points in _candidates(grid, policy, polish_steps):
        planned = grid.with_set_points(injection, set_points)
        try:
            state = flow.solve(planned, closed)
        except PowerFlowDivergedError:
            continue
        verdict = judge(network, planned, state, limits)
        saves = verdict.cost_mw < (1 - LEAST_SAVING) * present.cost_mw
        if saves and (verdict.feasible or verdict.penalty_mw <= present.penalty_mw):
            plans.append(DispatchPlan(method, planned, state, verdict, present))
    return sorted(plans, key=lambda plan: plan.verdict.cost_mw)


def _candidates(
    grid: DispatchGrid, policy: DispatchPolicy | None, polish_steps: int
) -> list[tuple[Method, FloatArray]]:
    """Set-points (u,) to verify; from the present state only where the policy's can't be made feasible."""
    rest = grid.rest_pu(grid.injection)
    candidates = []
    if policy is not None:
        wanted = np.clip(grid.of_injection(policy.propose(grid.injection)), grid.lower, grid.upper)
        polished = polish(grid, wanted, rest, polish_steps)
        candidates += [(Method.POLICY, wanted), (Method.POLICY_POLISHED, polished.set_points)]
        if polished.outcome.feasible[0]:
            return candidates
    start = grid.of_injection(grid.injection)
    return [*candidates, (Method.PRESENT_POLISHED, polish(grid, start, rest, polish_steps).set_points)]
