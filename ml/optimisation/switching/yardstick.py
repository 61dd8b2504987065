"""What training of switching is measured by: the policy's decisions in a few situations that stay the same.

What training samples costs more than what the policy decides, as sampling explores: it says how undecided the policy
is, not how good. So decisions are judged apart: what the policy answers without exploring, in situations drawn once,
from a seed of their own, against the best that is known for each. The best known is a decision improved by the
product's own deterministic step, branch exchange; where a later decision is better than
that, it is improved in turn and takes its place.
"""

import numpy as np
import torch
from torch import nn

from grid.network import FloatArray, IntArray
from ml.optimisation.radial.objective import SUPPLY_KW
from ml.optimisation.reinforce import JUDGED_SEED, JUDGED_SITUATIONS, ROUNDING
from ml.optimisation.switching.candidates import SAMPLES, Proposer
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations

DRAWS = 4  # the situations of one draw share outage and risk weight
PER_DRAW = JUDGED_SITUATIONS // DRAWS


class SwitchingYardstick:
    """Decisions are the best of a policy's mode and 32 samples, always by the same random numbers; restorations last.

    That is what the product takes from the policy before branch exchange.
    """

    def __init__(self, problem: SwitchingProblem) -> None:
        self._problem = problem
        usual = problem.fixed_draws(DRAWS, PER_DRAW, JUDGED_SEED)
        restorations = problem.fixed_restorations(DRAWS, PER_DRAW, JUDGED_SEED)
        self._drawn = [*usual, *restorations]
        self.best_cost: FloatArray = np.full(len(self._drawn) * PER_DRAW, np.inf)
        self.dark_cost: FloatArray = np.array([SUPPLY_KW * kw for seen in restorations for kw in seen.dark_kw])

    def evaluate(self, net: nn.Module) -> FloatArray:
        """(s,) objective in kW of the decisions in each situation; best_cost takes up what is better than it."""
        decided = [self._decided(net, seen) for seen in self._drawn]
        cost = np.concatenate([found for _, found in decided])
        for place in np.flatnonzero(cost < (1 - ROUNDING) * self.best_cost).tolist():
            draw, row = divmod(place, PER_DRAW)
            self.best_cost[place] = _exchanged(self._drawn[draw], row, decided[draw][0][row])
        return cost

    @torch.no_grad()
    def _decided(self, net: nn.Module, seen: SwitchingSituations) -> tuple[IntArray, FloatArray]:
        """The decisions (b, t) of one draw, and their objective (b,)."""
        policy = self._problem.distribution(net, seen)
        sampled = policy.sample(SAMPLES, torch.Generator().manual_seed(JUDGED_SEED))
        actions = torch.cat([torch.as_tensor(policy.mode())[:, None], sampled], dim=1)
        cost = self._problem.cost(seen, actions)
        rows, best = np.arange(len(cost)), cost.argmin(axis=1)
        return actions.numpy()[rows, best], cost[rows, best]


def _exchanged(seen: SwitchingSituations, row: int, opened: IntArray) -> float:
    """Objective in kW after branch exchange from a configuration (t,) of one situation."""
    proposer = Proposer(
        seen.objective.loops,
        lambda configurations: seen.total_kw(configurations, row),
        lambda exchanges: seen.predicted_change_kw(exchanges, row),
        seen.virtual,
        lambda tolerated_kw: lambda configurations: seen.tolerant_kw(configurations, row, tolerated_kw),
    )
    return float(proposer.exchange("", opened).cost[0])
