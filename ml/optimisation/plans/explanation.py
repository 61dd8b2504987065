"""What each switching pair of a plan brings: its exact share of the plan's gain (Shapley 1953).

The players are the plan's pairs: a closing with the opening that it makes possible. A closing that brings supply back
stands alone, and so does an opening of what nobody's supply hangs on. The value of a subset is the AC state that it
leads to from the state before the plan, in the parts of the objective (limits.py) and in their order: supply by
priority, violation, losses, and the demand expected to be interrupted. Each part is a game of its own, so the shares of
a part add up to what the plan changes in it.

A subset may leave load dark: its supply says so, beside losses that are less for that. It may hold a loop: its state is
the one that the power flow finds for the loop. Where there is no solution nobody is taken for supplied.
"""

import itertools
import math
import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from grid.network import BoolArray, FloatArray
from ml.optimisation.plans.plan import Action, Plan
from ml.optimisation.plans.reasons import Explanation, Gain, PairShare, ShareMethod, worth
from ml.optimisation.plans.verification import OperatingPoint, Verifier

MOST_EXACT = 5  # pairs: 32 states
PERMUTATIONS = 48  # sampled above
Value = Callable[[frozenset[int]], FloatArray]


def explained(verifier: Verifier, operating_point: OperatingPoint, plan: Plan, seed: int = 1) -> Explanation:
    """The shares of a plan's pairs at the operating point that it was made for.

    Exact for at most five pairs, sampled above with this seed. A plan without switching has no pairs.
    """
    began = time.perf_counter()
    players = paired(verifier, operating_point, plan)
    game = _Game(verifier, operating_point, plan, players)
    if len(players) <= MOST_EXACT:
        method, shares = ShareMethod.EXACT, shapley(len(players), game.value)
        errors = np.zeros_like(shares)
    else:
        method = ShareMethod.SAMPLED
        shares, errors = sampled_shapley(len(players), game.value, PERMUTATIONS, np.random.default_rng(seed))
    return Explanation(
        pairs=tuple(
            PairShare(actions=actions, share=Gain.of(share), error=Gain.of(error))
            for actions, share, error in zip(players, shares, errors, strict=True)
        ),
        whole=Gain.between(plan.before, plan.after),
        method=method,
        states=game.states,
        unsolved=game.unsolved,
        time_ms=1000 * (time.perf_counter() - began),
    )


def shapley(players: int, value: Value) -> FloatArray:
    """(players, parts) exact shares: the mean of what each adds over all orders of coming.

    value: (parts,) of a subset of the players.
    """
    shares = np.zeros((players, len(value(frozenset()))))
    for player in range(players):
        others = [other for other in range(players) if other != player]
        for size in range(players):
            weight = 1.0 / (players * math.comb(players - 1, size))
            for chosen in itertools.combinations(others, size):
                shares[player] += weight * (value(frozenset((*chosen, player))) - value(frozenset(chosen)))
    return shares


def sampled_shapley(
    players: int, value: Value, permutations: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """(players, parts) shares by sampled orders of coming, and their standard errors; each order adds up to the whole.

    Castro, Gómez, Tejada 2009.
    """
    added = np.zeros((permutations, players, len(value(frozenset()))))
    for order in added:
        came: frozenset[int] = frozenset()
        for player in rng.permutation(players).tolist():
            order[player] = value(came | {player}) - value(came)
            came |= {player}
    error = added.std(axis=0, ddof=1) / math.sqrt(permutations)
    return added.mean(axis=0), error


def paired(verifier: Verifier, operating_point: OperatingPoint, plan: Plan) -> tuple[tuple[Action, ...], ...]:
    """A plan's actions, each closing with an opening that it makes possible, by their places in the plan.

    A closing makes an opening possible if that would cut off supply without it, and doesn't with it, in the state
    before the plan with all that stands alone done: for plans between two radial states each pair can then be done by
    itself. Of several ways to pair that leave the fewest actions alone, it is the one whose pairs are nearest in order.
    """
    branch, order = verifier.network.branch, {action: place for place, action in enumerate(plan.actions)}
    closed, base = plan.before.closed.copy(), plan.before.closed.copy()
    alone: list[Action] = []
    for action in plan.actions:
        live = verifier.supplied(operating_point, closed)
        ends = live[branch.from_bus[action.branch]], live[branch.to_bus[action.branch]]
        if not (all(ends) if action.close else any(ends)):
            alone.append(action)
            base[action.branch] = action.close
        closed[action.branch] = action.close
    closings = [action for action in plan.actions if action.close and action not in alone]
    openings = [action for action in plan.actions if not action.close and action not in alone]
    pairs = _matched(lambda states: verifier.supplied(operating_point, states), base, closings, openings, order)
    together = {action for pair in pairs for action in pair}
    players = [*pairs, *((action,) for action in plan.actions if action not in together)]
    return tuple(sorted(players, key=lambda player: order[player[0]]))


def _matched(
    supplied: Callable[[BoolArray], BoolArray],
    base: BoolArray,
    closings: list[Action],
    openings: list[Action],
    order: dict[Action, int],
) -> list[tuple[Action, ...]]:
    """As many pairs as can be, the sum of the distances in order the least."""
    if not closings or not openings:
        return []
    before, possible = supplied(base), np.zeros((len(closings), len(openings)), dtype=bool)
    for column, opening in enumerate(openings):
        states = base.copy()
        states[opening.branch] = False
        if not (before & ~supplied(states)).any():
            continue
        for row, closing in enumerate(closings):
            states[closing.branch] = True
            possible[row, column] = not (before & ~supplied(states)).any()
            states[closing.branch] = False
    apart = np.array([[abs(order[closing] - order[opening]) for opening in openings] for closing in closings])
    rows, columns = linear_sum_assignment(np.where(possible, apart, len(order) ** 2))
    return [
        (closings[row], openings[column]) for row, column in zip(rows, columns, strict=True) if possible[row, column]
    ]


class _Game:
    """What subsets of pairs are worth, each solved once."""

    def __init__(
        self, verifier: Verifier, operating_point: OperatingPoint, plan: Plan, players: tuple[tuple[Action, ...], ...]
    ) -> None:
        self._verifier, self._moment, self._plan, self._players = verifier, operating_point, plan, players
        # the plan's own states, so that shares add up to what it promises: a solution depends on where Newton began
        self._known = {frozenset[int](): worth(plan.before), frozenset(range(len(players))): worth(plan.after)}
        self.unsolved = 0

    @property
    def states(self) -> int:
        """How many there are."""
        return len(self._known)

    def value(self, subset: frozenset[int]) -> FloatArray:
        """(4,) what the state after a subset's actions is worth, in the order of Gain's fields."""
        if subset not in self._known:
            self._known[subset] = self._solved(subset)
        return self._known[subset]

    def _solved(self, subset: frozenset[int]) -> FloatArray:
        before = self._plan.before
        closed = before.closed.copy()
        for player in subset:
            for action in self._players[player]:
                closed[action.branch] = action.close
        verdict = self._verifier.verdict(self._moment, closed, self._plan.requirements, before.state.voltage)
        if verdict is None:
            self.unsolved += 1
            load_kw = 1000 * before.injection.load_p_mw.clip(min=0)
            return np.array([-float(load_kw @ self._moment.priority_of(len(load_kw))), 0.0, 0.0, 0.0])
        return worth(verdict)
