"""The dispatch problem for the trainer: load situations of one grid, and what set-points cost in each."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from torch import Tensor, nn

from grid.flow.powerflow import Injection
from grid.network import FloatArray, IntArray
from ml.optimisation.dispatch.grid import DispatchGrid
from ml.optimisation.dispatch.net import DispatchNet, GaussianSetPoints
from ml.optimisation.dispatch.policy import features_of
from ml.optimisation.dispatch.polish import one_thread
from ml.optimisation.dispatch.prior import Coordinates

REGIONS = 4
REGIONAL_SPREAD = NODAL_SPREAD = 0.2  # one standard deviation of a region's and of a load's factor
STANDARDISED_OVER = 512  # situations
STANDARDISING_SEED = 0


@dataclass(frozen=True, eq=False)
class DispatchSituations:
    """b situations: what the buses are fed without the generators set (b, n), the prior (b, u) and features (b, f)."""

    rest_pu: FloatArray
    prior: FloatArray
    features: Tensor


class DispatchProblem:
    """Draws loads of a grid and judges set-points by AC power flow."""

    def __init__(self, coordinates: Coordinates, lowest_level: float = 0.3, highest_level: float = 1.1) -> None:
        grid = coordinates.grid
        self.grid, self.levels, self.base = grid, (lowest_level, highest_level), grid.injection
        self.coordinates = coordinates
        self._region = _regions(grid)

    def around(self, injection: Injection, lowest_level: float, highest_level: float) -> "DispatchProblem":
        """The same problem with loads drawn around those of another injection, at which all generators run."""
        other = copy(self)
        other.base, other.levels = injection, (lowest_level, highest_level)
        return other

    def new_net(self, hidden: int = 96) -> DispatchNet:
        """A net that has not been trained yet, for features as they are drawn here."""
        features = self.draw(STANDARDISED_OVER, np.random.default_rng(STANDARDISING_SEED)).features
        spread = features.std(dim=0)
        return DispatchNet(features.mean(dim=0), torch.where(spread > 1e-9, spread, 1.0), self.grid.size, hidden)

    def factors(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(count, l) what loads are multiplied by: level, regions and loads vary."""
        bus = self.grid.network.load.bus
        level = rng.uniform(*self.levels, (count, 1))
        regional = np.clip(1 + REGIONAL_SPREAD * rng.standard_normal((count, REGIONS)), 0.4, 1.6)
        nodal = np.clip(1 + NODAL_SPREAD * rng.standard_normal((count, len(bus))), 0.4, 1.6)
        return level * regional[:, self._region[bus]] * nodal

    def injection(self, factors: FloatArray) -> Injection:
        """The base injection with its loads times factors (l,), and its generators following the sum of loads."""
        base, ours = self.base, self.grid.p_generator
        p_mw, total = base.load_p_mw * factors, float(base.load_p_mw.sum())
        following = base.generator_p_mw.copy()
        following[ours] *= p_mw.sum() / total if total > 0 else 1.0
        return replace(base, load_p_mw=p_mw, load_q_mvar=base.load_q_mvar * factors, generator_p_mw=following)

    def draw(self, count: int, rng: np.random.Generator) -> DispatchSituations:
        """Situations with new loads each."""
        rest = [self.grid.rest_pu(self.injection(factors)) for factors in self.factors(count, rng)]
        with one_thread():
            return self.situations(np.array(rest))

    def situations(self, rest_pu: FloatArray) -> DispatchSituations:
        """Situations of what the buses are fed without the generators set (b, n), see DispatchGrid.rest_pu."""
        features = torch.as_tensor(features_of(rest_pu))
        return DispatchSituations(rest_pu, self.coordinates.prior(rest_pu), features)

    def distribution(self, net: nn.Module, seen: DispatchSituations) -> GaussianSetPoints:
        """The policy's distributions."""
        answer: GaussianSetPoints = net(seen.features)
        return answer

    def cost(self, seen: DispatchSituations, actions: Tensor) -> FloatArray:
        """(b, k) losses and penalties in MW of actions (b, k, u)."""
        situations, count, size = actions.shape
        rest = np.repeat(seen.rest_pu, count, axis=0)
        with one_thread():
            set_points = self.coordinates.set_points(seen.prior, actions.numpy()).reshape(-1, size)
            return self.grid.outcome(set_points, rest).cost_mw.reshape(situations, count)


def _regions(grid: DispatchGrid) -> IntArray:
    """(n,) a region for each bus: neighbours in the order of a breadth-first walk from a source."""
    branch, n_bus = grid.network.branch, grid.network.n_bus
    graph = coo_array((np.ones(len(branch)), (branch.from_bus, branch.to_bus)), shape=(n_bus, n_bus)).tocsr()
    order = breadth_first_order(graph, grid.flow.topology.slack[0], directed=False, return_predecessors=False)
    region = np.zeros(n_bus, dtype=np.int64)
    region[order] = np.arange(len(order)) * REGIONS // len(order)
    return region
