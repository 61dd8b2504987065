"""What training of dispatch is measured by: see ml.optimisation.switching.yardstick; the best known is polished."""

import numpy as np
import torch
from torch import Tensor, nn

from grid.network import FloatArray
from ml.optimisation.dispatch.polish import one_thread, polish
from ml.optimisation.dispatch.problem import DispatchProblem
from ml.optimisation.reinforce import JUDGED_SEED, JUDGED_SITUATIONS, ROUNDING


class DispatchYardstick:
    """Decisions are the most likely set-points. polish_steps: of the product's polish, for the best known."""

    def __init__(self, problem: DispatchProblem, polish_steps: int) -> None:
        self._problem, self._polish_steps = problem, polish_steps
        self._seen = problem.draw(JUDGED_SITUATIONS, np.random.default_rng(JUDGED_SEED))
        self.best_cost: FloatArray = np.full(JUDGED_SITUATIONS, np.inf)
        self.dark_cost: FloatArray = np.empty(0)  # a dispatch restores nothing

    @torch.no_grad()
    def evaluate(self, net: nn.Module) -> FloatArray:
        """(s,) losses and penalties in MW of the decisions; best_cost takes up what is better than it."""
        problem, seen = self._problem, self._seen
        with one_thread():
            mean: Tensor = problem.distribution(net, seen).mean
            set_points = problem.coordinates.set_points(seen.prior, mean[:, None].numpy())[:, 0]
            cost = problem.grid.outcome(set_points, seen.rest_pu).cost_mw
        for row in np.flatnonzero(cost < (1 - ROUNDING) * self.best_cost).tolist():
            polished = polish(problem.grid, set_points[row], seen.rest_pu[row], self._polish_steps)
            self.best_cost[row] = polished.outcome.cost_mw[0]
        return np.asarray(cost)
