"""The small quadratic programme: against SciPy, and where rows cannot be kept."""

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from ml.optimisation.dispatch.soft_qp import solve_quadratic


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((6, 6))
    hessian, gradient = factor @ factor.T + 0.1 * np.eye(6), rng.standard_normal(6)
    box = (np.full(6, -0.5), np.full(6, 0.7))
    rows = rng.standard_normal((4, 6))
    limits = (np.array([-0.1, -np.inf, -0.2, -0.3]), np.array([0.1, 0.05, np.inf, 0.3]))
    ours = solve_quadratic(hessian, gradient, box, rows, limits)
    theirs = minimize(
        lambda x: 0.5 * x @ hessian @ x + gradient @ x,
        np.zeros(6),
        jac=lambda x: hessian @ x + gradient,
        bounds=list(zip(*box, strict=True)),
        constraints=LinearConstraint(rows, *limits),
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(ours, theirs.x, atol=1e-4)


def test_rows_that_contradict_one_another_are_missed_evenly() -> None:
    rows = np.array([[1.0], [1.0]])
    limits = (np.array([0.5, -np.inf]), np.array([np.inf, -0.5]))
    found = solve_quadratic(np.eye(1), np.zeros(1), (np.array([-1.0]), np.array([1.0])), rows, limits)
    assert found[0] == pytest.approx(0.0, abs=1e-4)
