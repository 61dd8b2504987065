"""The order of switching: every intermediate state supplied and within limits, closing before opening."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from grid.capabilities import SWITCHING
from grid.network import BoolArray, IntArray
from ml.optimisation.plans.limits import Merit, allowed
from ml.optimisation.plans.plan import Action, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier

MOST_STATES = 450  # solved in search of an order, by either preference
MOST_STATES_LARGE = 100  # in a grid beyond SWITCHING, where each takes a fiftieth of a second
UNSURVEYED = 150  # of them, kept for going on with the first step that is safe, where many would have to be compared
COMPARED = 30  # next steps, at most, that are compared where nothing presses: on large grids each takes milliseconds

Preference = Callable[[Merit], tuple[float, ...]]
PREFERENCES: tuple[Preference, ...] = (
    lambda standing: (standing.unsupplied, standing.violation, standing.objective_kw),  # supply back as soon as can be
    lambda standing: (standing.violation, standing.unsupplied, standing.objective_kw),  # make room first
)


@dataclass(frozen=True, eq=False)
class _Step:
    """Switch states (m,) after one or two actions, and how they stand."""

    closed: BoolArray
    actions: tuple[Action, ...]
    standing: Merit


class _Search:
    """Depth first over pairs: close one branch, then open one that this has made dispensable; what stands best first.

    What has no supply opens first: that interrupts nobody, and what closes next restores no more than it is meant to.
    Where load is dark or a limit broken all steps are compared while there are states left for that; a long plan is
    ended by the first that is safe, and one for which nothing presses begins so.
    """

    def __init__(
        self,
        verifier: Verifier,
        operating_point: OperatingPoint,
        wanted: Requirements,
        present: Verdict,
        preferred: Preference,
    ) -> None:
        self._verifier, self._moment, self._wanted, self._present = verifier, operating_point, wanted, present
        in_full = verifier.network.n_bus <= SWITCHING.most
        self._left, self._preferred = MOST_STATES if in_full else MOST_STATES_LARGE, preferred
        self._voltage = present.state.voltage  # of the last state allowed: the next is not far from it
        self._presses = bool(present.violation) or Merit.of(present).unsupplied > 0

    def order(self, closed: BoolArray, target: BoolArray) -> tuple[Action, ...] | None:
        """Actions from closed (m,) to target (m,); None where no order is safe."""
        to_close, to_open = np.flatnonzero(target & ~closed), np.flatnonzero(closed & ~target)
        if not len(to_close) and not len(to_open):
            return ()
        dead = self._without_supply(closed, to_open)
        if dead >= 0:
            opening = self._step(closed, dead, close=False)
            return None if opening is None else self._after(opening, target)
        steps = self._closings(closed, to_close, to_open) if len(to_close) else self._openings(closed, to_open)
        surveyed: list[_Step] = []
        survey = self._presses or max(len(to_close), 1) * (len(to_open) + 1) <= COMPARED
        while survey and self._left > UNSURVEYED and (surveyed_next := next(steps, None)) is not None:
            surveyed.append(surveyed_next)
        for step in chain(sorted(surveyed, key=self._rank), steps):
            found = self._after(step, target)
            if found is not None:
                return found
        return None

    def _rank(self, step: _Step) -> tuple[float, ...]:
        """What comes first comes lowest. Where nothing presses, each loop is opened before the next is closed."""
        standing = self._preferred(step.standing)
        return standing if self._presses else (float(step.closed.sum()), *standing)

    def _after(self, step: _Step, target: BoolArray) -> tuple[Action, ...] | None:
        found = self.order(step.closed, target)
        return None if found is None else (*step.actions, *found)

    def _closings(self, closed: BoolArray, to_close: IntArray, to_open: IntArray) -> Iterator[_Step]:
        """Each branch closed, and each pair of one closed and one opened then."""
        for branch in to_close:
            closing = self._step(closed, int(branch), close=True)
            if closing is None:
                continue
            for pair in self._openings(closing.closed, to_open):
                yield replace(pair, actions=(*closing.actions, *pair.actions))
            yield closing

    def _openings(self, closed: BoolArray, to_open: IntArray) -> Iterator[_Step]:
        """Each branch opened that nobody's supply hangs on."""
        for branch in to_open:
            step = self._step(closed, int(branch), close=False)
            if step is not None:
                yield step

    def _step(self, closed: BoolArray, branch: int, close: bool) -> _Step | None:
        """One action; None where the state after it is not allowed."""
        after = closed.copy()
        after[branch] = close
        if self._left <= 0 or (not close and (self._supplied(closed) & ~self._supplied(after)).any()):
            return None
        self._left -= 1
        verdict = self._verifier.verdict(self._moment, after, self._wanted, self._voltage)
        if verdict is None or not allowed(verdict, self._present, self._wanted, in_between=True):
            return None
        self._voltage = verdict.state.voltage
        action = Action(branch, close, verdict.loss_kw, verdict.min_vm_pu, verdict.max_loading_percent)
        return _Step(after, (action,), Merit.of(verdict))

    def _without_supply(self, closed: BoolArray, among: IntArray) -> int:
        """The first of some branches that switch states closed (m,) leave without supply; -1 where there is none."""
        branch, supplied = self._verifier.network.branch, self._supplied(closed)
        dead = among[~supplied[branch.from_bus[among]] & ~supplied[branch.to_bus[among]]]
        return int(dead[0]) if len(dead) else -1

    def _supplied(self, closed: BoolArray) -> BoolArray:
        """(n,) buses, with a load or none, that switch states closed (m,) supply."""
        return self._verifier.supplied(self._moment, closed)


def safe_order(
    verifier: Verifier,
    operating_point: OperatingPoint,
    wanted: Requirements,
    present: Verdict,
    target: BoolArray,
    begin: BoolArray | None = None,
) -> tuple[Action, ...] | None:
    """Actions from the present switch states to target (m,), every state on the way solved and within limits.

    Closing first makes a loop for a moment, so that opening interrupts nobody; only what has no supply opens before.
    What restores most comes first, unless that finds no order. begin: (m,) other states to go on from. None where no
    order is safe, or none was found within some hundred states.
    """
    for preferred in PREFERENCES:
        search = _Search(verifier, operating_point, wanted, present, preferred)
        found = search.order(present.closed if begin is None else begin, target)
        if found is not None:
            return found
    return None
