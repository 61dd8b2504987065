"""Configurations to learn from that the policy wouldn't sample itself.

Where the optimum of some situations lies many exchanges away from that of others, a policy soon samples only around one
of the two, and what it never samples it can't learn. So the configurations that were best in earlier situations are
kept and judged in each new one, and the best of them joins the samples with an advantage of its own (self-imitation,
Oh et al. 2018). The exact probability of a spanning tree makes that as easy as for a sample.
"""

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from grid.network import FloatArray, IntArray
from ml.optimisation.reinforce import bounded
from ml.optimisation.switching.candidates import Proposer
from ml.optimisation.switching.problem import SwitchingProblem, SwitchingSituations

KEPT = 48


class TreeMemory:
    """Keeps what branch exchange made of the best configuration of one situation a step; the longest unused goes first.

    Situations after an outage have other loops: nothing is kept of them, and nothing recalled.
    """

    def __init__(self, problem: SwitchingProblem) -> None:
        self._problem = problem
        self._kept: OrderedDict[bytes, IntArray] = OrderedDict()

    def recall(self, seen: SwitchingSituations, actions: Tensor, cost: FloatArray) -> tuple[Tensor, FloatArray] | None:
        """The best configuration kept (b, 1, t) for each situation and its cost (b, 1), None where nothing is kept.

        actions: (b, k, t), and cost: (b, k), what was sampled.
        """
        if seen.objective.loops is not self._problem.whole:
            return None
        start, start_cost = actions[0, int(cost[0].argmin())].numpy(), float(cost[0].min())
        if not self._kept:
            self._keep(_polished(seen, start)[0])
            return None
        opened, known = self._best_kept(seen)
        polished, polished_cost = _polished(seen, opened[0] if known[0] < start_cost else start)
        self._keep(polished)
        if polished_cost < known[0]:
            opened[0], known[0] = polished, polished_cost
        return torch.as_tensor(opened)[:, None], known[:, None]

    def state(self) -> Tensor:
        """(p, t) what is kept, the longest unused first."""
        return torch.as_tensor(np.array(list(self._kept.values()), dtype=np.int64))

    def restore(self, state: Tensor) -> None:
        """Go on with what was kept."""
        self._kept = OrderedDict((opened.tobytes(), opened) for opened in state.numpy())

    def _best_kept(self, seen: SwitchingSituations) -> tuple[IntArray, FloatArray]:
        """Configurations (b, t), one for each situation, and their cost (b,)."""
        kept, rows = np.array(list(self._kept.values())), np.arange(len(seen.demand_pu))
        cost = bounded(self._problem.cost(seen, torch.as_tensor(np.tile(kept, (len(rows), 1, 1)))))
        place = cost.argmin(axis=1)
        opened: IntArray = kept[place]
        for used in opened:
            self._kept.move_to_end(used.tobytes())
        return opened, cost[rows, place]

    def _keep(self, opened: IntArray) -> None:
        self._kept[opened.tobytes()] = opened
        self._kept.move_to_end(opened.tobytes())
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _polished(seen: SwitchingSituations, start: IntArray) -> tuple[IntArray, float]:
    """Branch exchange from start (t,) in the first situation: the configuration (t,) and its cost."""
    proposer = Proposer(
        seen.objective.loops,
        lambda opened: seen.total_kw(opened, 0),
        lambda exchanges: seen.predicted_change_kw(exchanges, 0),
    )
    found = proposer.exchange("", start)
    return found.opened[0], float(found.cost[0])
