"""How planning for a network stands: what it waits for, how far its policy is, or what hinders it. Plain records."""

from dataclasses import dataclass
from enum import StrEnum

from ml.optimisation.plans.plan import NoPlan


class PlanStatusKind(StrEnum):
    """What is so of the planning for a network; the first two hinder any plan."""

    FAILED = "failed"
    UNSUITABLE = "unsuitable"  # there is nothing to choose in this grid
    WAITING_FOR_GRID = "waiting_for_grid"
    WAITING_FOR_LEARNING = "waiting_for_learning"  # to start; plans are made by the kept policy, or the prior
    NOT_LEARNING = "not_learning"  # now; plans are made by what was learned last
    TRAINING = "training"
    READY = "ready"
    NO_POLICY = "no_policy"  # is learned for a grid of this size; plans are made without


@dataclass(frozen=True, kw_only=True)
class PlanStatus:
    """How planning stands. episodes: that the policy has learned, of so many wanted in the first training.

    reason: why a grid is unsuitable. failure: what the error says, where planning failed.
    """

    kind: PlanStatusKind
    episodes: int = 0
    wanted: int = 0
    reason: NoPlan | None = None
    failure: str = ""
