"""What is told of a training by REINFORCE: how it is set, and how far it is. Plain records, for those without torch."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class DecisionGap:
    """How much more than the best known the decisions of a step cost: the mean over so many fixed situations.

    dark_percent: what decisions on so many fixed restorations leave without supply beyond the best known, of what was
    without it; a decision that breaks a limit counts as leaving all. NaN where there is no restoration.
    """

    step: int
    gap_percent: float
    situations: int
    dark_percent: float = math.nan
    restorations: int = 0


@dataclass(frozen=True)
class Hyperparameters:
    """Every one of them, with what it does."""

    steps: int = 1000  # gradient steps in all; the schedules below end there
    situations: int = 8  # drawn a step
    rollouts: int = 32  # actions sampled in each situation: the others are one's baseline
    risk_seeking: float = 0.75  # share of a situation's actions that don't count as better than one another
    learning_rate: float = 1e-3  # of Adam at its peak; falls linearly to a hundredth
    warm_up_steps: int = 50  # over which the learning rate rises from zero
    entropy_start: float = 0.06  # bonus for a nat of entropy, so that the policy goes on exploring
    entropy_end: float = 0.02
    largest_gradient: float = 1.0  # norm at which gradients are cut
    patience: int = 0  # steps without a better mean reward before training stops early; 0: never
    seed: int = 1


@dataclass(frozen=True)
class Progress:
    """One step's figures: mean reward of what was sampled, entropy in nats, and loss."""

    step: int
    reward: float
    entropy: float
    loss: float
