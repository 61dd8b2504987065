"""The deterministic end of a dispatch: sequential quadratic programming on exact sensitivities of the power flow.

Each step linearises what is limited, takes the losses as the quadratic form of the voltages that they are, solves the
small quadratic programme, and tries the step whole and in parts with AC power flows. What costs less is kept, so a
polished setting is never worse than the one it began with.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import ThreadpoolController

from grid.network import FloatArray
from ml.optimisation.dispatch.grid import DispatchGrid, SetPointOutcome
from ml.optimisation.dispatch.soft_qp import solve_quadratic
from ml.optimisation.plans.verification import nothing

MARGIN_PU = 1e-4  # how far within its limits a step aims: what is linearised is missed by less than that
PARTS_OF_STEP = np.array([1.0, 0.5, 0.2, 0.05])
ENOUGH = 1e-4  # a step that saves a smaller part of the cost is the last
RIDGE = 1e-6  # of the mean curvature, for set-points on which losses do not depend
_THREADS = ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """For linear algebra on small matrices, where threads only wait for one another."""
    limited: AbstractContextManager[object] = _THREADS.limit(limits=1, user_api="blas")
    return limited


@dataclass(frozen=True, eq=False)
class Polished:
    """A setting (u,), what it leads to, and how many settings were evaluated."""

    set_points: FloatArray
    outcome: SetPointOutcome
    evaluated: int


def polish(
    grid: DispatchGrid,
    set_points: FloatArray,
    rest_pu: FloatArray,
    most_steps: int,
    between: Callable[[], None] = nothing,
) -> Polished:
    """Improve set_points (u,) under rest_pu (n,), see DispatchGrid.rest_pu. A start without a solution stays.

    between: called before each step.
    """
    found = np.clip(set_points, grid.lower, grid.upper)
    with one_thread():
        outcome, evaluated = grid.outcome(found[None], rest_pu), 1
        for _ in range(most_steps):
            if not np.isfinite(outcome.cost_mw[0]):
                break
            between()
            change = _step(grid, found, outcome)
            tried = np.clip(found + PARTS_OF_STEP[:, None] * change, grid.lower, grid.upper)
            before = float(outcome.cost_mw[0])
            for candidate in tried:
                result = grid.outcome(candidate[None], rest_pu, outcome.voltage[0])
                evaluated += 1
                if result.cost_mw[0] < before:
                    found, outcome = candidate, result
                    break
            if outcome.cost_mw[0] > (1 - ENOUGH) * before:
                break
    return Polished(found, outcome, evaluated)


def _step(grid: DispatchGrid, set_points: FloatArray, outcome: SetPointOutcome) -> FloatArray:
    """(u,) the change that the quadratic model takes for best, in coordinates in which curvature is even."""
    gradient, hessian, rows = grid.derivatives(outcome.voltage[0])
    curvature = np.diag(hessian)
    scale = 1 / np.sqrt(curvature + RIDGE * curvature.mean())
    quantity = outcome.quantity[0]
    hessian = hessian * scale[:, None] * scale + RIDGE * np.eye(len(scale))
    return scale * solve_quadratic(
        hessian,
        gradient * scale,
        ((grid.lower - set_points) / scale, (grid.upper - set_points) / scale),
        rows * scale,
        (grid.quantity_lower + MARGIN_PU - quantity, grid.quantity_upper - MARGIN_PU - quantity),
    )
