"""How often a job is in the best plan: sure ones always, worthless ones never, and more often the riskier they are."""

import numpy as np
import pytest

from ml.maintenance.schedule.draws import SHARED_SPREAD, UNKNOWN_SPREAD, shares_of_draws, spread_of
from ml.maintenance.schedule.solve import with_pins
from tests.ml.maintenance.schedule.test_problem import changed, problem_of


def test_a_spread_is_that_of_the_models_and_what_they_do_not_know() -> None:
    low, high = np.array([0.1, 0.05, np.nan]), np.array([0.1, 0.2, 0.1])
    assert spread_of(low, high) == pytest.approx([UNKNOWN_SPREAD, np.hypot(UNKNOWN_SPREAD, np.log(2)), UNKNOWN_SPREAD])


def test_sure_jobs_are_always_planned_worthless_ones_never_and_others_between() -> None:
    problem = problem_of(n=3, n_week=6)
    worth = problem.residual_eur[0] + problem.risk_eur[0, -1] - problem.risk_eur[0, 0]
    problem = changed(problem, cost_eur=np.array([1.0, worth, 100 * worth]))
    found = shares_of_draws(problem, np.full(3, UNKNOWN_SPREAD), np.random.default_rng(1))
    assert (found[0], found[2]) == (1, 0)
    assert 0.2 < found[1] < 0.8
    assert (found == shares_of_draws(problem, np.full(3, UNKNOWN_SPREAD), np.random.default_rng(1))).all()


def test_the_share_is_the_chance_that_a_job_pays() -> None:
    """One job of small rates pays where its rate is above a threshold: the log-normal's tail, by hand."""
    problem = changed(problem_of(n=1, n_week=6), rate_per_year=np.array([1e-4]))
    worth = problem.cost_eur[0, -1] - (problem.cost_eur[0, 0] - problem.jobs.cost_eur[0])
    problem = changed(problem, cost_eur=np.array([1.3 * worth]))
    found = shares_of_draws(problem, np.array([0.6]), np.random.default_rng(2), draws=2000)
    rng, spread = np.random.default_rng(3), np.array([0.6, SHARED_SPREAD])
    factors = np.exp((rng.standard_normal((100_000, 2)) * spread - spread**2 / 2).sum(axis=1))
    assert found[0] == pytest.approx((factors > 1.3).mean(), abs=0.03)


def test_pins_hold_in_every_draw() -> None:
    problem = with_pins(problem_of(n=2, n_week=6), {0: 3, 1: -1})
    assert shares_of_draws(problem, np.full(2, 1.0), np.random.default_rng(1)).tolist() == [1, 0]
