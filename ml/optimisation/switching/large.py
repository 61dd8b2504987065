"""Switching of radial grids that are too large for the policy and whole searches: sequential opening and exchange."""

from dataclasses import replace
from functools import partial

from grid.capabilities import LARGE_PLAN_PAIRS
from grid.network import BoolArray, IntArray
from ml.optimisation.plans.plan import Action, Requirements
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.switching import candidates as method
from ml.optimisation.switching.candidates import Candidates
from ml.optimisation.switching.choice import Choice
from ml.optimisation.switching.optimizer import SwitchingAsked, SwitchingOptimizer
from ml.optimisation.switching.situation import prior_phi

SOLVED_BUSES = 8_000_000  # by all configurations together that a search judges, which takes seconds


class LargeSwitchingOptimizer(SwitchingOptimizer):
    """As SwitchingOptimizer, without what takes minutes in such a grid.

    A plan changes LARGE_PLAN_PAIRS pairs of switches at most: the first exchanges from the present state, of which each
    brings most of those that are safe to carry out. The next plan goes on from there. What is dark is restored in
    blocks.
    """

    _whole_searches = False
    _verified = LARGE_PLAN_PAIRS
    _orders: dict[bytes, tuple[Action, ...]]  # to the switch states that exchange has passed

    @property
    def policy_name(self) -> str:
        """That no policy decides."""
        return "sequential opening and branch exchange, no policy"

    def _methods(self, asked: SwitchingAsked, choice: Choice) -> list[Candidates]:
        """The judges alone; the last one's is all that it passes, as a plan may stop anywhere on the way."""
        proposer, loops, grid = self._proposer(choice), choice.loops, choice.grid
        most = SOLVED_BUSES // grid.n_bus
        self._orders = {asked.present.closed.tobytes(): ()}
        if choice.start is not None:
            start = choice.start[None]
            near = proposer.run(method.PRESENT, lambda: start)
        else:
            phi = prior_phi(choice.seen)
            near = proposer.run(method.RESTORED, lambda: method.nearest(loops, choice.present, phi).mode())
        opening = proposer.run(
            method.SEQUENTIAL,
            lambda: method.from_sequential_opening(loops, grid.closed_resistance_pu, grid.demand_pu),
        )
        exchanged = proposer.on_the_way(method.SEQUENTIAL_EXCHANGED, opening.opened[0], most)
        exchanged = replace(exchanged, time_ms=opening.time_ms + exchanged.time_ms)
        self._goes_on(asked, asked.present.closed, choice.closed(near.opened[0]))
        safe = partial(self._is_safe, asked, choice)
        return [near, opening, exchanged, proposer.on_the_way(method.EXCHANGE, near.opened[0], most, safe)]

    def _is_safe(self, asked: SwitchingAsked, choice: Choice, before: IntArray, after: IntArray) -> bool:
        """Whether there is a safe order of switching from one configuration (t,) to the next."""
        return self._goes_on(asked, choice.closed(before), choice.closed(after))

    def _goes_on(self, asked: SwitchingAsked, before: BoolArray, after: BoolArray) -> bool:
        """Whether a safe order leads from switch states (m,) to others, which are passed then."""
        known = self._orders.get(before.tobytes())
        if known is None:
            return False
        further = safe_order(self._verifier, asked.operating_point, asked.wanted, asked.present, after, before)
        if further is None:
            return False
        self._orders.setdefault(after.tobytes(), (*known, *further))
        return True

    def _order(self, _asked: SwitchingAsked, target: BoolArray) -> tuple[Action, ...] | None:
        """Actions to a state that exchange has passed; the search for any other would solve thousands of states."""
        return self._orders.get(target.tobytes())

    def _manageable(self, wanted: Requirements) -> Requirements:
        """What is wanted, with LARGE_PLAN_PAIRS pairs at most."""
        return replace(wanted, most_pairs=min(wanted.most_pairs or LARGE_PLAN_PAIRS, LARGE_PLAN_PAIRS))
