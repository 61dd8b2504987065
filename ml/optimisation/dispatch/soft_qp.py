"""A small convex quadratic programme with soft rows, by a primal-dual interior point (Mehrotra 1992).

minimise 1/2 x'Hx + g'x  subject to  lower <= x <= upper  and, softly,  row_lower <= Ax <= row_upper.

A row may be missed by softness times its multiplier: with a small softness that is next to nothing where the rows can
be kept, and there is an answer where they cannot. For some hundred variables and rows; dense.
"""

import numpy as np
from scipy.linalg.lapack import dpotrs

from grid.network import BoolArray, FloatArray

STEP_TO_BOUNDARY = 0.995  # of the way on which multipliers and slacks stay positive


def solve_quadratic(
    hessian: FloatArray,
    gradient: FloatArray,
    box: tuple[FloatArray, FloatArray],
    rows: FloatArray,
    row_limits: tuple[FloatArray, FloatArray],
    softness: float = 1e-6,
    tolerance: float = 1e-7,
    most_iterations: int = 40,
) -> FloatArray:
    """x (u,). hessian: (u, u), positive definite. box: two (u,), finite. rows: (c, u), whose limits may be infinite."""
    below, above = np.isfinite(row_limits[0]), np.isfinite(row_limits[1])
    matrix, bound, soft = _one_sided(box, rows, row_limits, softness)
    x = np.clip(np.zeros(len(gradient)), *box)
    slack = np.maximum(matrix @ x - bound, 1e-2)
    multiplier = np.full(len(bound), max(1e-3, 0.1 * float(np.abs(gradient).max(initial=0.0))))
    scale = 1 + float(np.abs(gradient).max(initial=0.0))
    for _ in range(most_iterations):
        dual = hessian @ x + gradient - matrix.T @ multiplier
        primal = matrix @ x + soft * multiplier - bound - slack
        gap = float(slack @ multiplier) / len(bound)
        if max(np.abs(dual).max(), gap) <= tolerance * scale and np.abs(primal).max() <= tolerance:
            break
        width = 1 / (slack / multiplier + soft)
        factor = np.linalg.cholesky(hessian + _weighted_square(rows, below, above, width))
        system = (matrix, factor, width, dual, primal, slack, multiplier)
        _, aim_multiplier, aim_slack = _direction(*system, slack * multiplier)
        reach = _longest(slack, aim_slack, multiplier, aim_multiplier)
        aim_gap = float((slack + reach * aim_slack) @ (multiplier + reach * aim_multiplier)) / len(bound)
        centre = (aim_gap / gap) ** 3 * gap
        step, step_multiplier, step_slack = _direction(
            *system, slack * multiplier + aim_slack * aim_multiplier - centre
        )
        reach = STEP_TO_BOUNDARY * _longest(slack, step_slack, multiplier, step_multiplier)
        x = x + reach * step
        slack, multiplier = slack + reach * step_slack, multiplier + reach * step_multiplier
    return np.clip(x, *box)


def _weighted_square(rows: FloatArray, below: BoolArray, above: BoolArray, width: FloatArray) -> FloatArray:
    """(u, u) matrix' diag(width) matrix of _one_sided: the box is a diagonal, both sides of a row are one row."""
    u, first_above = rows.shape[1], 2 * rows.shape[1] + int(below.sum())
    weight = np.zeros(len(rows))
    weight[below] += width[2 * u : first_above]
    weight[above] += width[first_above:]
    scaled = np.sqrt(weight)[:, None] * rows
    square: FloatArray = scaled.T @ scaled
    square[np.diag_indices(u)] += width[:u] + width[u : 2 * u]
    return square


def _one_sided(
    box: tuple[FloatArray, FloatArray], rows: FloatArray, row_limits: tuple[FloatArray, FloatArray], softness: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The constraints as matrix @ x + soft * multiplier >= bound."""
    unit, below, above = np.eye(len(box[0])), np.isfinite(row_limits[0]), np.isfinite(row_limits[1])
    matrix = np.concatenate([unit, -unit, rows[below], -rows[above]])
    bound = np.concatenate([box[0], -box[1], row_limits[0][below], -row_limits[1][above]])
    soft = np.concatenate([np.zeros(2 * len(unit)), np.full(int(below.sum() + above.sum()), softness)])
    return matrix, bound, soft


def _direction(
    matrix: FloatArray,
    factor: FloatArray,
    width: FloatArray,
    dual: FloatArray,
    primal: FloatArray,
    slack: FloatArray,
    multiplier: FloatArray,
    product: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The Newton step of x, multipliers and slacks that takes the residuals and the products to zero."""
    push = -width * (primal + product / multiplier)
    step, _ = dpotrs(factor.T, matrix.T @ push - dual)  # the upper factor in Fortran's order: nothing is copied
    step_multiplier = push - width * (matrix @ step)
    return step, step_multiplier, -(product + slack * step_multiplier) / multiplier


def _longest(slack: FloatArray, step_slack: FloatArray, multiplier: FloatArray, step_multiplier: FloatArray) -> float:
    """The longest step up to 1 on which both stay positive."""
    value, step = np.concatenate([slack, multiplier]), np.concatenate([step_slack, step_multiplier])
    shrinking = step < 0
    return float(min(1.0, (-value[shrinking] / step[shrinking]).min(initial=np.inf)))
