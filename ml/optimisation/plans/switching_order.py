"""The order of switching: every intermediate state supplied and within limits, closing before opening."""

import numpy as np

from grid.network import BoolArray, IntArray
from ml.optimisation.plans.limits import allowed
from ml.optimisation.plans.plan import Action, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier

MOST_STATES = 400  # solved in search of an order


class _Search:
    """Depth first over pairs: close one branch, then open one that this has made dispensable.

    What has no supply opens first: that interrupts nobody, and what closes next restores no more than it is meant to.
    """

    def __init__(
        self, verifier: Verifier, operating_point: OperatingPoint, wanted: Requirements, present: Verdict
    ) -> None:
        self._verifier, self._moment, self._wanted, self._present = verifier, operating_point, wanted, present
        self._left = MOST_STATES
        self._voltage = present.state.voltage  # of the last state allowed: the next is not far from it

    def order(self, closed: BoolArray, to_close: IntArray, to_open: IntArray) -> tuple[Action, ...] | None:
        """Actions from closed (m,) that close and open the given branches; None where no order is safe."""
        if not len(to_close) and not len(to_open):
            return ()
        dead = self._without_supply(closed, to_open)
        if dead >= 0:
            after, opening = self._step(closed, dead, close=False)
            found = None if opening is None else self.order(after, to_close, to_open[to_open != dead])
            return None if opening is None or found is None else (opening, *found)
        for branch in to_close if len(to_close) else [-1]:
            after, closing = closed, None
            if branch >= 0:
                after, closing = self._step(closed, int(branch), close=True)
                if closing is None:
                    continue
            rest = to_close[to_close != branch]
            found = self._then_open(after, rest, to_open)
            if found is not None:
                return found if closing is None else (closing, *found)
        return None

    def _then_open(self, closed: BoolArray, to_close: IntArray, to_open: IntArray) -> tuple[Action, ...] | None:
        """Open one of to_open and go on; where none can be opened yet, close another one first."""
        for branch in to_open:
            after, opening = self._step(closed, int(branch), close=False)
            if opening is None:
                continue
            found = self.order(after, to_close, to_open[to_open != branch])
            if found is not None:
                return (opening, *found)
        return self.order(closed, to_close, to_open) if len(to_close) or not len(to_open) else None

    def _step(self, closed: BoolArray, branch: int, close: bool) -> tuple[BoolArray, Action | None]:
        """The switch states after an action; no action where they are not allowed."""
        after = closed.copy()
        after[branch] = close
        if self._left <= 0 or (not close and (self._supplied(closed) & ~self._supplied(after)).any()):
            return after, None
        self._left -= 1
        verdict = self._verifier.verdict(self._moment, after, self._wanted, self._voltage)
        if verdict is None or not allowed(verdict, self._present, self._wanted, in_between=True):
            return after, None
        self._voltage = verdict.state.voltage
        return after, Action(branch, close, verdict.loss_kw, verdict.min_vm_pu, verdict.max_loading_percent)

    def _without_supply(self, closed: BoolArray, among: IntArray) -> int:
        """The first of some branches that switch states closed (m,) leave without supply; -1 where there is none."""
        branch, supplied = self._verifier.network.branch, self._supplied(closed)
        dead = among[~supplied[branch.from_bus[among]] & ~supplied[branch.to_bus[among]]]
        return int(dead[0]) if len(dead) else -1

    def _supplied(self, closed: BoolArray) -> BoolArray:
        """(n,) buses, with a load or none, that switch states closed (m,) supply."""
        return self._verifier.supplied(self._moment, closed)


def safe_order(
    verifier: Verifier, operating_point: OperatingPoint, wanted: Requirements, present: Verdict, target: BoolArray
) -> tuple[Action, ...] | None:
    """Actions from the present switch states to target (m,), every state on the way solved and within limits.

    Closing first makes a loop for a moment, so that opening interrupts nobody; only what has no supply opens before.
    None where no order is safe, or none was found within some hundred states.
    """
    to_close, to_open = np.flatnonzero(target & ~present.closed), np.flatnonzero(present.closed & ~target)
    return _Search(verifier, operating_point, wanted, present).order(present.closed, to_close, to_open)
