"""Rules keep the rules: greedy takes what gains most, intervals follow ages and nothing else."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.maintenance.schedule.problem import DEFERRED, WEEK_YEARS, Jobs, ScheduleProblem, judge
from ml.maintenance.schedule.rules import fixed_intervals, greedy, nothing
from tests.benchmarks.schedule import fleet


def four() -> ScheduleProblem:
    """Four assets, ever riskier, of one crew that has time for one job a week in three weeks."""
    n, n_week = 4, 3
    jobs = Jobs(
        name=tuple("abcd"), rate_per_year=np.array([0.1, 0.2, 0.3, 0.4]), consequence_eur=np.full(n, 1e6),
        hours=np.full(n, 10.0), skill=("lines",) * n, cost_eur=np.full(n, 1e3), effect=np.full(n, 0.5),
        zone=np.arange(n), earliest=np.zeros(n, int), latest=np.full(n, 2), fixed=np.full(n, DEFERRED),
        allowed=np.ones((n, n_week), dtype=bool),
    )  # fmt: skip
    return ScheduleProblem(jobs, ("lines",), np.full((1, n_week), 10.0))


def test_greedy_takes_the_riskiest_first_and_defers_what_finds_no_week() -> None:
    assert greedy(four()).tolist() == [DEFERRED, 2, 1, 0]


def test_greedy_counts_the_hours() -> None:
    """Two short jobs of a little less gain each go before a long one."""
    problem = four()
    long_first = replace(problem, jobs=replace(problem.jobs, hours=np.array([10.0, 5.0, 5.0, 30.0])))
    long_first = replace(long_first, crew_hours=np.full((1, 3), 30.0))
    assert greedy(long_first).tolist() == [0, 0, 0, 1]


def test_greedy_defers_what_does_not_pay() -> None:
    problem = four()
    dear = replace(problem, jobs=replace(problem.jobs, cost_eur=np.full(4, 1e7)))
    assert (greedy(dear) == DEFERRED).all()
    settled = replace(dear, jobs=replace(dear.jobs, fixed=np.array([1, -1, -1, -1])))
    assert greedy(settled).tolist() == [1, DEFERRED, DEFERRED, DEFERRED]


def test_intervals_follow_the_age_alone() -> None:
    week = WEEK_YEARS
    age = np.array([12 - 1.5 * week, 6.0, 24 - 2.5 * week, 3.0])
    assert fixed_intervals(four(), age, 12.0).tolist() == [1, DEFERRED, 2, DEFERRED]
    assert fixed_intervals(four(), age, np.array([12.0, 6.0, 12.0, 2.0])).tolist() == [1, 0, 2, DEFERRED]


def test_intervals_let_a_job_slip_and_the_oldest_go_first() -> None:
    age = np.array([12.0, 24.0, 36.0, 48.0])
    assert fixed_intervals(four(), age, 12.0).tolist() == [DEFERRED, 2, 1, 0]
    assert fixed_intervals(four(), np.array([np.nan, 24.0, np.nan, np.nan]), 12.0).tolist() == [-1, 0, -1, -1]


def test_nothing_is_done() -> None:
    assert (nothing(four()) == DEFERRED).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 3.0]))
def test_every_rule_is_kept_in_random_fleets(seed: int, interval_years: float) -> None:
    problem, age_years = fleet(seed, 40, 8)
    for week in (greedy(problem), fixed_intervals(problem, age_years, interval_years)):
        assert judge(problem, week).feasible
    assert judge(problem, greedy(problem)).expected_cost_eur <= judge(problem, nothing(problem)).expected_cost_eur


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_deferred_found_no_week(seed: int) -> None:
    """With an interval under a week everything is due at once."""
    problem, age_years = fleet(seed, 20, 6)
    always_due = fixed_intervals(problem, age_years, 0.01)
    for job in np.flatnonzero(always_due == DEFERRED):
        for week in range(problem.n_week):
            one_more = always_due.copy()
            one_more[job] = week
            assert not judge(problem, one_more).feasible
