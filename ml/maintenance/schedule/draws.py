"""How often a job is in the best plan when rates are drawn: how much a plan rests on figures that nobody knows well.

A draw multiplies each asset's rate by a log-normal factor of mean 1, independent of the others, and by one factor that
all share. The asset's spread is that between the single models, or of the day's looks where that is wider, and beside
it UNKNOWN_SPREAD for what models don't know; all in logs. Each draw is solved by the greedy rule, which comes within
0.1 % of the programme's cost on the grids of docs/benchmarks/schedule_grids.md.
"""

from dataclasses import replace

import numpy as np

from grid.network import FloatArray
from ml.maintenance.schedule.problem import DEFERRED, ScheduleProblem
from ml.maintenance.schedule.rules import greedy

DRAWS = 40
UNKNOWN_SPREAD = 0.5  # assumption: a rate is right within a factor of 1.6 either way, in two cases of three
SHARED_SPREAD = 0.25  # assumption: all rates together are, within 1.3


def spread_of(low_per_year: FloatArray, high_per_year: FloatArray) -> FloatArray:
    """(n,) standard deviation of the log of rates whose single models reach from low to high, about two of them."""
    range_of_models = np.log(np.maximum(high_per_year, 1e-12) / np.maximum(low_per_year, 1e-12))
    return np.hypot(UNKNOWN_SPREAD, np.maximum(0.0, np.nan_to_num(range_of_models)) / 2)


def shares_of_draws(
    problem: ScheduleProblem, spread: FloatArray, rng: np.random.Generator, draws: int = DRAWS
) -> FloatArray:
    """(n,) share of draws in which each job has a week; settled ones stay settled. spread: (n,) of logs of rates."""
    planned = np.zeros(len(problem.jobs))
    for _ in range(draws):
        factor = _factor(spread, rng) * _factor(np.array([SHARED_SPREAD]), rng)
        drawn = replace(problem, jobs=replace(problem.jobs, rate_per_year=problem.jobs.rate_per_year * factor))
        planned += greedy(drawn) != DEFERRED
    return planned / draws


def _factor(spread: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(n,) log-normal factors of mean 1."""
    return np.asarray(np.exp(spread * rng.standard_normal(len(spread)) - spread**2 / 2))
