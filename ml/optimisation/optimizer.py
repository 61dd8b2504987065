"""SmartGridOptimizer: the door to the optimiser. Switching where a grid is operated radially, dispatch elsewhere.

Behind it nothing imports torch: policies come as plain arrays. The door to learning is ml.optimisation.training.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from grid.capabilities import ANY_SWITCHING, SWITCHING
from grid.fingerprint import fingerprint
from grid.network import Network
from ml.optimisation.dispatch.grid import NoDispatchError
from ml.optimisation.dispatch.optimizer import DispatchOptimizer
from ml.optimisation.plans.conflicts import named, settled
from ml.optimisation.plans.limits import Merit, broken
from ml.optimisation.plans.plan import (
    Action,
    Constraint,
    NoPlan,
    NoPlanKind,
    Plan,
    PlanProblem,
    PlanProblemKind,
    Proposal,
    Requirements,
    Verdict,
)
from ml.optimisation.plans.set_points import problem_with_set_points
from ml.optimisation.plans.verification import OperatingPoint, Verifier, nothing
from ml.optimisation.policy import LearnedPolicy
from ml.optimisation.radial.grid import operated_radially
from ml.optimisation.switching.large import LargeSwitchingOptimizer
from ml.optimisation.switching.optimizer import SwitchingOptimizer

# Risk weights over the one at which losses and risk count alike
PARETO_RATIOS: tuple[float, ...] = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class ParetoPoint:
    """The best plan at one risk weight."""

    risk_weight: float
    loss_kw: float
    expected_interrupted_kw: float
    pairs: int


class UnsuitableGridError(ValueError):
    """There is nothing in this grid that the optimiser could choose; reason says why."""

    def __init__(self, reason: NoPlan) -> None:
        self.reason = reason
        super().__init__(reason)


class Chooser(Protocol):
    """What answers for one kind of grid: by switching, or by dispatch."""

    def use(self, policy: LearnedPolicy, /) -> None:
        """Answer by another policy from now on. PolicyError where it doesn't fit."""
        ...

    def propose(self, operating_point: OperatingPoint, wanted: Requirements, shown: Plan | None, /) -> Proposal:
        """The best verified plan for a moment, or why there is none; it names the policy."""
        ...


class SmartGridOptimizer:
    """Proposes verified plans for one network by a learned policy. Not for several threads at once.

    seed: of what is sampled from the policy. Until a policy is given, the untrained prior stands for it. between:
    called every few milliseconds of an answer, so that the caller can let others go first. Raises UnsuitableGridError.
    """

    def __init__(self, network: Network, seed: int = 1, between: Callable[[], None] = nothing) -> None:
        self.network = network
        self._chooser: Chooser
        self._risk_ratios = PARETO_RATIOS
        self.in_full = True
        """Whether a policy decides, and many proposals may be asked for; not in a radial grid beyond SWITCHING."""
        if not operated_radially(network):
            self._risk_ratios = (0.0,)  # a dispatch doesn't change whom an outage interrupts
            self._chooser = _dispatch(network, between)
            return
        if network.n_bus > ANY_SWITCHING.most:
            raise UnsuitableGridError(
                NoPlan(kind=NoPlanKind.TOO_LARGE_TO_SWITCH, buses=network.n_bus, most=ANY_SWITCHING.most)
            )
        self.in_full = network.n_bus <= SWITCHING.most
        self._chooser = (SwitchingOptimizer if self.in_full else LargeSwitchingOptimizer)(network, seed, between)

    def use(self, policy: LearnedPolicy) -> None:
        """Propose by another policy from now on; not while propose runs. PolicyError where it doesn't fit."""
        self._chooser.use(policy)

    def use_kept(self, cache_dir: Path) -> None:
        """Propose by the policy that training has kept.

        Raises FileNotFoundError where there is none, PolicyError where it is damaged or doesn't fit.
        """
        self.use(LearnedPolicy.read(self.folder(cache_dir), self.about))

    def propose(self, operating_point: OperatingPoint, wanted: Requirements, shown: Plan | None = None) -> Proposal:
        """The best verified plan for a moment, or why there is none, and what of all that is asked stands against it.

        shown: the plan that people see. Another switching takes its place only where it is clearly better.
        """
        answer = self._chooser.propose(operating_point, wanted, shown)
        return answer if not self.in_full else named(self.answer, self.network, operating_point, answer)

    def answer(self, operating_point: OperatingPoint, wanted: Requirements) -> Proposal:
        """As propose, but a conflict is as the nearest state has it: for those who only ask whether there is a plan."""
        return self._chooser.propose(operating_point, wanted, None)

    def pareto(
        self,
        operating_point: OperatingPoint,
        wanted: Requirements,
        propose: Callable[[OperatingPoint, Requirements], Proposal] | None = None,
    ) -> tuple[ParetoPoint, ...]:
        """What other risk weights would choose, none of them worse than another one in both losses and risk.

        propose: how each plan is made where the caller has to do something in between. None where not in_full.
        """
        if not self.in_full:
            return ()
        propose = propose or self.propose
        verdicts: list[tuple[float, Verdict, int]] = []
        first = propose(operating_point, replace(wanted, risk_weight=0.0))
        present = first.present
        if present.expected_interrupted_kw <= 0:
            return ()
        balance = present.loss_kw / present.expected_interrupted_kw
        for ratio in self._risk_ratios if settled(first) else (0.0,):  # a conflict is one whatever risk is worth
            weight = ratio * balance
            plan = propose(operating_point, replace(wanted, risk_weight=weight)).plan
            verdicts.append((weight, present, 0) if plan is None else (weight, plan.after, plan.pairs))
        points = [ParetoPoint(w, v.loss_kw, v.expected_interrupted_kw, pairs) for w, v, pairs in verdicts]
        return tuple(sorted(_undominated(points), key=lambda point: point.loss_kw))

    # --- where policies are kept -----------------------------------------------------------------------------------

    @property
    def about(self) -> dict[str, object]:
        """What a kept policy must be of to fit: the case, its branches, loads and generators."""
        return {"case": self.network.name, "grid": fingerprint(self.network)}

    def folder(self, cache_dir: Path) -> Path:
        """Where this grid's policy is kept."""
        return cache_dir / "policies" / str(self.about["grid"])


def _dispatch(network: Network, between: Callable[[], None]) -> DispatchOptimizer:
    try:
        return DispatchOptimizer(network, between)
    except NoDispatchError as error:
        raise UnsuitableGridError(error.reason) from None


def _undominated(points: list[ParetoPoint]) -> list[ParetoPoint]:
    """Points of which no other one is better in both, each once."""
    kept: dict[tuple[float, float], ParetoPoint] = {}
    for point in points:
        better = any(
            other.loss_kw <= point.loss_kw
            and other.expected_interrupted_kw <= point.expected_interrupted_kw
            and (other.loss_kw, other.expected_interrupted_kw) != (point.loss_kw, point.expected_interrupted_kw)
            for other in points
        )
        if not better:
            kept.setdefault((point.loss_kw, point.expected_interrupted_kw), point)
    return list(kept.values())


def problem_with_plan(
    network: Network, operating_point: OperatingPoint, plan: Plan, count: int | None
) -> PlanProblem | None:
    """Why a plan can't be carried out now; None where it can. count: of its actions, None for all."""
    verifier, actions = Verifier(network), plan.actions[:count]
    if plan.set_points:
        return problem_with_set_points(network, verifier, operating_point, plan.requirements, plan.set_points)
    complete = len(actions) == len(plan.actions)
    must_improve = complete and not plan.returns
    return problem_with(
        verifier, operating_point, plan.requirements, actions, must_improve=must_improve, restoring=plan.restores
    )


def problem_with(
    verifier: Verifier,
    operating_point: OperatingPoint,
    wanted: Requirements,
    actions: Sequence[Action],
    must_improve: bool = False,
    restoring: bool = False,
) -> PlanProblem | None:
    """Why actions can't be carried out from an operating point's state; None where they can.

    must_improve: whether the state after the last one has to be better than the present. restoring: whether they are
    of a plan that restores supply, so that emergency values hold.
    """
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    if present is None:
        return PlanProblem(kind=PlanProblemKind.NO_PRESENT_SOLUTION)
    closed, last, loads = operating_point.closed.copy(), present, verifier.network.load.bus
    for action in actions:
        if bool(closed[action.branch]) == action.close:
            return _problem(PlanProblemKind.SWITCHED_ALREADY, action)
        if action.close and not operating_point.available[action.branch]:
            return _problem(PlanProblemKind.OUT_OF_SERVICE, action)
        closed[action.branch] = action.close
        after = verifier.verdict(operating_point, closed, wanted, present.state.voltage)
        if after is None:
            return _problem(PlanProblemKind.NO_SOLUTION, action)
        if (last.state.energised & ~after.state.energised)[loads].any():
            return _problem(PlanProblemKind.INTERRUPTION, action)
        missed = broken(after, present, wanted, in_between=True, restoring=restoring)
        if missed:
            return _problem(PlanProblemKind.LIMIT, action, missed[0])
        last = after
    if must_improve and not Merit.of(last).improves_on(Merit.of(present)):
        return PlanProblem(kind=PlanProblemKind.NO_IMPROVEMENT)
    return None


def _problem(kind: PlanProblemKind, action: Action, constraint: Constraint | None = None) -> PlanProblem:
    return PlanProblem(kind=kind, branch=action.branch, close=action.close, constraint=constraint)
