"""Cold-load pick-up: what loads take after an interruption, when all their thermostats want heat at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from grid.network import BoolArray, Energy, FloatArray


@dataclass(frozen=True, kw_only=True)
class PickUp:
    """Of one customer class. factor: demand at restoration over the diversified one, after a long interruption.

    gain_minutes: the interruption's length over which the excess grows by 1 - 1/e of what is left. hold_minutes: how
    long it stays whole after restoration, for a long interruption; for a shorter one in proportion to the excess.
    decay_minutes: over which it falls to 1/e after that.
    """

    factor: float
    gain_minutes: float
    hold_minutes: float
    decay_minutes: float

    def drawn(self, spread: float, rng: np.random.Generator) -> "PickUp":
        """Another one around it: excess, holding and decay, each times a lognormal factor of its own."""
        excess, hold, decay = np.exp(spread * rng.standard_normal(3)).tolist()
        return replace(
            self,
            factor=1 + excess * (self.factor - 1),
            hold_minutes=hold * self.hold_minutes,
            decay_minutes=decay * self.decay_minutes,
        )


CLASS_PICK_UP = {
    "residential": PickUp(factor=2.5, gain_minutes=30.0, hold_minutes=15.0, decay_minutes=45.0),
    "commercial": PickUp(factor=1.8, gain_minutes=45.0, hold_minutes=10.0, decay_minutes=30.0),
    "industrial": PickUp(factor=1.2, gain_minutes=30.0, hold_minutes=5.0, decay_minutes=10.0),
}
"""Assumptions by class, within the ranges that are published: 2 to 5 times the diversified demand for feeders of
residential heating or cooling, lasting from half an hour to some hours (IEEE PES working group on cold load pickup,
'Cold load pickup issues', 2008), less where processes are started by hand. The course is the delayed exponential of
Lang, Anderson and Fouad (IEEE Trans. PAS-101, 1982)."""
PICK_UP_OF_OTHERS = PickUp(factor=2.0, gain_minutes=35.0, hold_minutes=10.0, decay_minutes=35.0)
"""Assumption where the case says no class: in between."""
PICK_UP_SPREAD = 0.3
"""How far these may be off, as the standard deviation of the logarithms of excess, holding and decay. An assumption,
narrower than the published ranges: it leaves two thirds of the cases within a quarter less and a third more."""
RECONNECTION_MINUTES = 5.0
"""How long inverters and other generators within the grid wait for a good voltage before they feed in again: 300 s is
the default of IEEE Std 1547-2018 (table 4), 60 s what VDE-AR-N 4105 asks for after a short interruption."""


@dataclass(frozen=True, kw_only=True)
class ColdLoadModel:
    """What returns with supply. scale: of all excess demand, 0 for none.

    spread: how far the parameters may be off, see PICK_UP_SPREAD. reconnection_minutes: of generators that aren't
    sources of the grid.
    """

    by_class: Mapping[str, PickUp] = field(default_factory=lambda: CLASS_PICK_UP)
    others: PickUp = PICK_UP_OF_OTHERS
    scale: float = 1.0
    spread: float = PICK_UP_SPREAD
    reconnection_minutes: float = RECONNECTION_MINUTES

    def drawn(self, rng: np.random.Generator) -> "ColdLoadModel":
        """Another model, whose classes lie around this one's by its spread."""
        by_class = {name: one.drawn(self.spread, rng) for name, one in self.by_class.items()}
        return replace(self, by_class=by_class, others=self.others.drawn(self.spread, rng))

    def factor(self, profile: Sequence[str], dark_minutes: ArrayLike, minutes: ArrayLike) -> FloatArray:
        """(..., l) demand of loads over their diversified one, some minutes after their supply has returned.

        profile: customer class of each load. dark_minutes: (l,) lengths of the interruptions, 0 for none. minutes:
        (..., l) or (..., 1) since restoration, inf for loads that were never dark.
        """
        each = [self.by_class.get(name, self.others) for name in profile]
        rows = [(one.factor, one.gain_minutes, one.hold_minutes, one.decay_minutes) for one in each]
        peak, gain, hold, decay = np.array(rows, dtype=float).reshape(-1, 4).T
        since = np.asarray(minutes, dtype=float)
        grown = 1 - np.exp(-np.asarray(dark_minutes, dtype=float) / gain)
        fallen = np.exp(-np.maximum(since - hold * grown, 0.0) / decay)
        return np.asarray(1 + self.scale * (peak - 1) * grown * fallen)

    def expected_mw(
        self, profile: Sequence[str], dark_minutes: ArrayLike, course_mw: FloatArray, minutes: FloatArray
    ) -> FloatArray:
        """(k, l) MW that loads are expected to take some minutes (k,) after their supply returns.

        dark_minutes: (l,) how long they will have been dark by then. course_mw: (k, l) what they would take at those
        moments without the interruption.
        """
        return np.asarray(course_mw * self.factor(profile, dark_minutes, minutes[:, None]))


def waits_to_reconnect(energy: Sequence[Energy], is_source: BoolArray) -> BoolArray:
    """(g,) whether a generator waits after an interruption: all but sources and what stands for an upstream grid."""
    return ~is_source & np.array([one is not Energy.GRID for one in energy], dtype=bool)
