"""What an untrained dispatch would do, and the coordinates in which it explores.

Prior: the set-points that are best at the case's own loads (found once, by ml.optimisation.dispatch.polish), their
active powers moved by as much as the loads move those that lose least in a DC power flow (losses r f^2 at 1 p.u.). It
knows nothing of what other loads do to reactive powers and voltages, nor of ratings.
"""

from dataclasses import dataclass

import numpy as np

from grid.network import FloatArray
from ml.optimisation.dispatch.grid import DispatchGrid, NoDispatchError
from ml.optimisation.dispatch.polish import one_thread, polish
from ml.optimisation.plans.plan import NoPlan, NoPlanKind

ANCHOR_STEPS = 20
PROJECTED_STEPS = 150
RIDGE_OF_RANGE = 1.0  # a set-point's whole range counts as a doubling of losses, even if they don't depend on it
NARROWEST_RANGE_PU, WIDEST_RANGE_PU = 1e-6, 10.0
WIDE_MISS_PU = 0.1  # missing a limit by that much counts, in the coordinates, as its penalty does


@dataclass(frozen=True, eq=False)
class Coordinates:
    """A prior and a basis: set-points are prior + basis @ w, cut at their limits, for actions w of (u,).

    In the basis losses are as curved in every direction: an action of length 1 adds half the reference loss or less.
    """

    grid: DispatchGrid
    basis: FloatArray  # (u, u)
    anchor: FloatArray  # (u,) best set-points at the case's own loads
    anchor_dc: FloatArray  # (p,) what loses least there in a DC power flow
    curvature: FloatArray  # (p, p) of DC losses in the powers set
    slope: FloatArray  # (p, n) of DC losses, per power fed in elsewhere

    @classmethod
    def of(cls, grid: DispatchGrid) -> "Coordinates":
        """Those of a grid at its own injection. NoDispatchError where its power flow has no solution there."""
        curvature, slope = _dc_losses(grid)
        rest = grid.rest_pu(grid.injection)
        found = polish(grid, grid.of_injection(grid.injection), rest, ANCHOR_STEPS)
        if not np.isfinite(found.outcome.cost_mw[0]):
            raise NoDispatchError(NoPlan(kind=NoPlanKind.CASE_UNSOLVED))
        reference = float(found.outcome.loss_mw[0])
        with one_thread():
            _, hessian, rows = grid.derivatives(found.outcome.voltage[0])
            limited = np.isfinite(grid.quantity_lower) | np.isfinite(grid.quantity_upper)
            hessian += (rows[limited].T * (grid.quantity_weight_mw[limited] / WIDE_MISS_PU)) @ rows[limited]
            ridge = RIDGE_OF_RANGE / np.clip(grid.upper - grid.lower, NARROWEST_RANGE_PU, WIDEST_RANGE_PU) ** 2
            basis = np.linalg.inv(np.linalg.cholesky(hessian / reference + np.diag(ridge))).T
            dc = _least(curvature, rest.real[None] @ slope.T, *_power_limits(grid))[0]
        return cls(grid, basis, found.set_points, dc, curvature, slope)

    def prior(self, rest_pu: FloatArray) -> FloatArray:
        """(b, u) for what the buses are fed without the generators set, (b, n)."""
        grid, count = self.grid, len(self.anchor_dc)
        found = np.tile(self.anchor, (len(rest_pu), 1))
        found[:, :count] += _least(self.curvature, rest_pu.real @ self.slope.T, *_power_limits(grid)) - self.anchor_dc
        return np.clip(found, grid.lower, grid.upper)

    def set_points(self, prior: FloatArray, actions: FloatArray) -> FloatArray:
        """(b, k, u) of priors (b, u) and actions (b, k, u), within their limits."""
        return np.clip(prior[:, None] + actions @ self.basis.T, self.grid.lower, self.grid.upper)


def _power_limits(grid: DispatchGrid) -> tuple[FloatArray, FloatArray]:
    count = len(grid.p_generator)
    return grid.lower[:count], grid.upper[:count]


def _dc_losses(grid: DispatchGrid) -> tuple[FloatArray, FloatArray]:
    """Curvature (p, p) and slope (p, n) of DC losses: loss = p'Qp / 2 + p'(S rest), the sources balancing."""
    network, topology = grid.network, grid.flow.topology
    linked = np.flatnonzero((topology.yft != 0) & topology.energised[network.branch.from_bus])
    impedance = -1 / topology.yft[linked]
    f, t = network.branch.from_bus[linked], network.branch.to_bus[linked]
    incidence = np.zeros((len(linked), network.n_bus))
    incidence[np.arange(len(linked)), f] = 1.0
    incidence[np.arange(len(linked)), t] -= 1.0
    susceptance = 1 / np.maximum(np.abs(impedance), 1e-9)
    moving = np.setdiff1d(topology.active, topology.slack)
    nodal = (incidence[:, moving].T * susceptance) @ incidence[:, moving]
    flow = np.zeros((len(linked), network.n_bus))
    flow[:, moving] = np.linalg.solve(nodal, (incidence[:, moving] * susceptance[:, None]).T).T
    lossy = 2 * np.maximum(impedance.real, 0)[:, None] * flow
    ours = flow[:, network.generator.bus[grid.p_generator]]
    return ours.T @ lossy[:, network.generator.bus[grid.p_generator]], ours.T @ lossy


def _least(curvature: FloatArray, slope: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """(b, p) the least of p'Qp / 2 + p's within limits, nearly: projected gradients with momentum (Nesterov 1983)."""
    found = np.clip(np.zeros_like(slope), low, high)
    if not found.size:
        return found
    length = 1 / max(float(np.linalg.eigvalsh(curvature)[-1]), 1e-12)
    ahead, weight = found, 1.0
    for _ in range(PROJECTED_STEPS):
        following = np.clip(ahead - length * (ahead @ curvature + slope), low, high)
        heavier = (1 + np.sqrt(1 + 4 * weight**2)) / 2
        ahead = following + (weight - 1) / heavier * (following - found)
        found, weight = following, heavier
    return found
