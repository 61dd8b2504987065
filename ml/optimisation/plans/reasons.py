"""Records of why a plan is what it is: the shares of its pairs, the price of limits, why it doesn't use a tie."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from grid.network import FloatArray
from ml.optimisation.plans.plan import Action, Margin, Plan, Verdict


def worth(verdict: Verdict) -> FloatArray:
    """(4,) the parts of the objective, the more the better."""
    return -np.array(
        [
            verdict.weighted_unsupplied_kw,
            verdict.excess.total,
            verdict.loss_kw,
            verdict.expected_interrupted_kw,
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What one state is better by than another, in the order in which that counts.

    supply_kw: more supply, by priority. violation: less, in shares of limits. loss_kw: less. expected_interrupted_kw:
    less, of a year.
    """

    supply_kw: float
    violation: float
    loss_kw: float
    expected_interrupted_kw: float

    @classmethod
    def between(cls, before: Verdict, after: Verdict) -> "Gain":
        """What after is better by."""
        return cls.of(worth(after) - worth(before))

    @classmethod
    def of(cls, parts: FloatArray) -> "Gain":
        """From an array (4,) in the order of the fields."""
        supply_kw, violation, loss_kw, expected_interrupted_kw = parts.tolist()
        return cls(
            supply_kw=supply_kw,
            violation=violation,
            loss_kw=loss_kw,
            expected_interrupted_kw=expected_interrupted_kw,
        )


class ShareMethod(StrEnum):
    """How shares were found."""

    EXACT = "exact"  # all subsets
    SAMPLED = "sampled"  # permutations, with their standard error


@dataclass(frozen=True, kw_only=True)
class PairShare:
    """What one pair brings. actions: one or two of the plan's, in its order. error: standard errors, 0 where exact."""

    actions: tuple[Action, ...]
    share: Gain
    error: Gain


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The shares of a plan's pairs in the order of switching, and the whole that they add up to.

    states: AC states that they are of. unsolved: of them, those without a solution.
    """

    pairs: tuple[PairShare, ...]
    whole: Gain
    method: ShareMethod
    states: int
    unsolved: int
    time_ms: float


class TieUseKind(StrEnum):
    """What becomes of a plan that uses a branch."""

    IN_USE = "in_use"  # the plan closes it, or leaves it closed
    POSSIBLE = "possible"  # at a cost, which may be none
    OUT_OF_SERVICE = "out_of_service"
    LOCKED = "locked"  # by a person
    LOOP = "loop"  # of branches that stay closed
    NOT_WITHIN_LIMITS = "not_within_limits"
    NO_ORDER = "no_order"  # of switching is safe, or nothing that could be supplied lies beyond it


@dataclass(frozen=True, eq=False, kw_only=True)
class TieUse:
    """What using a branch would mean. plan: the best one found that uses it, and gain, what that is better by than the
    plan that is shown (negative parts are what it costs); None where there is none. binding: the limit that forbids it.
    """

    branch: int
    kind: TieUseKind
    plan: Plan | None = None
    gain: Gain | None = None
    binding: Margin | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a limit that binds costs: found by the optimiser with that limit changed by one step.

    limit: with the element that is nearest to it in the plan's state, without one where it is of the whole plan. by:
    the step in the limit's unit: 1 % of a limit, of all elements alike; one pair more; one lock less; no N-1. gain:
    what the best plan is then better by, without violation, which is judged by another limit.
    """

    limit: Margin
    by: float
    gain: Gain

    @property
    def loss_kw_per_unit(self) -> float:
        """Losses that one more unit of the limit would save, at the rate of the step."""
        return self.gain.loss_kw / self.by

    @property
    def supply_kw_per_unit(self) -> float:
        """Supply that one more unit of the limit would bring, at the rate of the step."""
        return self.gain.supply_kw / self.by
