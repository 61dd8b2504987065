"""The programme finds what exhaustive search finds, keeps rules, is never worse than greedy, and names conflicts."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.maintenance.schedule.problem import DEFERRED, ScheduleProblem, ViolationKind, judge
from ml.maintenance.schedule.rules import greedy
from ml.maintenance.schedule.solve import Conflict, Schedule, ScheduleMethod, compare, solve, solve_with, with_pins
from tests.benchmarks.schedule import fleet


def small(seed: int, n: int = 5, n_week: int = 3) -> ScheduleProblem:
    """A fleet with one crew and few zones, so that rules bind."""
    problem, _ = fleet(seed, n, n_week)
    jobs = replace(problem.jobs, skill=("lines",) * n, zone=problem.jobs.zone % 2)
    return replace(problem, jobs=jobs, crew_hours=problem.crew_hours * 1.5, zone_outages=1 + seed % 2)


def least_cost_eur(problem: ScheduleProblem) -> float:
    """By trying every schedule."""
    weeks = range(DEFERRED, problem.n_week)
    judged = (judge(problem, np.array(week)) for week in product(weeks, repeat=len(problem.jobs)))
    return min(one.expected_cost_eur for one in judged if one.feasible)


def solved(answer: Schedule | Conflict) -> Schedule:
    assert isinstance(answer, Schedule), str(answer)
    return answer


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_of_all_schedules_is_found(seed: int) -> None:
    problem = small(seed)
    found = solved(solve(problem, gap=0.0))
    best = least_cost_eur(problem)
    assert found.expected_cost_eur == pytest.approx(best, rel=1e-6)
    assert found.lower_bound_eur <= best * (1 + 1e-9)
    assert found.gap <= 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_around_settled_jobs_is_found(seed: int) -> None:
    base = small(seed)
    weeks = np.flatnonzero(base.possible[2])
    pins = {0: DEFERRED, 2: int(weeks[-1])}
    found = solved(solve_with(base, pins, gap=0.0))
    assert (found.week[0], found.week[2]) == (DEFERRED, weeks[-1])
    assert found.expected_cost_eur == pytest.approx(least_cost_eur(with_pins(base, pins)), rel=1e-6)


def test_the_programme_beats_greedy_where_greedy_is_wrong() -> None:
    """Greedy takes the densest job, after which the two that together are worth more don't fit."""
    problem, _ = fleet(3, 3, 2)
    jobs = replace(
        problem.jobs, rate_per_year=np.full(3, 0.1), consequence_eur=np.array([6.0, 5.5, 5.5]) * 1e6, effect=np.ones(3),
        hours=np.array([21.0, 20.0, 20.0]), skill=("lines",) * 3, cost_eur=np.zeros(3), zone=np.arange(3),
        earliest=np.zeros(3, int), latest=np.zeros(3, int), allowed=np.ones((3, 2), dtype=bool),
    )  # fmt: skip
    problem = replace(problem, jobs=jobs, crew_hours=np.full((3, 2), 40.0))
    found = solved(solve(problem))
    assert greedy(problem).tolist() == [0, DEFERRED, DEFERRED]
    assert found.week.tolist() == [DEFERRED, 0, 0]
    assert found.method is ScheduleMethod.MILP
    assert found.expected_cost_eur < found.greedy_eur


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_rules_are_kept_and_greedy_is_never_better(seed: int) -> None:
    problem, _ = fleet(seed, 30, 6)
    found = solved(solve(problem, time_limit_s=120.0, gap=0.01))
    assert judge(problem, found.week).feasible
    assert found.expected_cost_eur <= judge(problem, greedy(problem)).expected_cost_eur
    assert found.lower_bound_eur <= found.expected_cost_eur
    assert found.gap <= 0.01
    work = np.zeros(problem.crew_hours.shape)
    done = found.week >= 0
    np.add.at(work, (problem.crew[done], found.week[done]), problem.jobs.hours[done])
    assert (work <= problem.crew_hours + 1e-3).all()
    zones = [(zone, week) for zone, week in zip(problem.jobs.zone, found.week, strict=True) if week >= 0]
    assert max((zones.count(one) for one in zones), default=0) <= 2
    for job in np.flatnonzero(found.week >= 0):
        assert problem.jobs.allowed[job, found.week[job]]
        assert problem.jobs.earliest[job] <= found.week[job] <= problem.jobs.latest[job]


def test_without_time_greedy_answers_and_the_bound_still_holds() -> None:
    problem, _ = fleet(11)
    hasty = solved(solve(problem, time_limit_s=1e-4))
    assert hasty.method is ScheduleMethod.GREEDY
    assert hasty.expected_cost_eur == judge(problem, greedy(problem)).expected_cost_eur == hasty.greedy_eur
    assert 0 < hasty.lower_bound_eur <= hasty.expected_cost_eur
    patient = solved(solve(problem, time_limit_s=120.0, gap=0.01))
    assert hasty.lower_bound_eur <= patient.expected_cost_eur
    assert patient.gap <= 0.01


def test_settled_jobs_that_do_not_fit_are_named_with_the_amount() -> None:
    base, _ = fleet(5, 6, 4)
    jobs = replace(
        base.jobs, hours=np.full(6, 16.0), skill=("lines",) * 6, zone=np.array([0, 0, 0, 1, 2, 3]),
        earliest=np.zeros(6, int), latest=np.full(6, 3), allowed=np.ones((6, 4), dtype=bool),
    )  # fmt: skip
    problem = replace(base, jobs=jobs, crew_hours=np.full((3, 4), 40.0))
    assert isinstance(solve_with(problem, {0: 1, 1: 1}), Schedule)
    answer = solve_with(problem, {0: 1, 1: 1, 2: 1})
    assert isinstance(answer, Conflict)
    crew, zone = answer.violations
    assert (crew.kind, crew.week, crew.whose, crew.excess, crew.jobs) == (
        ViolationKind.CREW,
        1,
        "lines",
        8.0,
        (0, 1, 2),
    )
    assert (zone.kind, zone.week, zone.whose, zone.excess) == (ViolationKind.ZONE, 1, "0", 1.0)


def test_a_job_pinned_into_a_closed_week_is_named() -> None:
    base, _ = fleet(5, 3, 4)
    closed = replace(base, jobs=replace(base.jobs, allowed=np.zeros((3, 4), dtype=bool)))
    answer = solve_with(closed, {1: 2})
    assert isinstance(answer, Conflict)
    assert [(one.kind, one.week, one.whose) for one in answer.violations] == [(ViolationKind.OUTAGE, 2, "asset 2")]
    assert (solved(solve(closed)).week == DEFERRED).all()


def test_a_pin_replaces_what_was_settled_before() -> None:
    problem, _ = fleet(5, 3, 4)
    week = int(np.flatnonzero(problem.possible[1])[0])
    settled = with_pins(problem, {1: week})
    assert solved(solve(settled)).week[1] == week
    assert solved(solve_with(settled, {1: DEFERRED})).week[1] == DEFERRED
    assert problem.jobs.fixed.tolist() == [DEFERRED] * 3


@pytest.mark.parametrize("pins", [{3: 0}, {-1: 0}, {0: 4}, {0: -2}])
def test_a_pin_of_no_job_or_week_is_refused(pins: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="pin"):
        with_pins(fleet(5, 3, 4)[0], pins)


def test_no_assets_cost_nothing() -> None:
    found = solved(solve(fleet(1, 0, 4)[0]))
    assert (found.expected_cost_eur, found.gap, len(found.week)) == (0.0, 0.0, 0)


def test_the_comparison_is_of_one_judge() -> None:
    problem, age_years = fleet(2, 40, 8)
    schedule = solved(solve(problem, gap=0.01))
    beside = compare(problem, schedule, age_years, 3.0)
    assert beside.proposed is schedule.judgement
    assert beside.greedy.expected_cost_eur == schedule.greedy_eur
    assert (beside.nothing.week == DEFERRED).all()
    assert beside.nothing.expected_cost_eur == pytest.approx(problem.cost_eur[:, -1].sum())
    assert beside.proposed.expected_cost_eur <= beside.greedy.expected_cost_eur < beside.nothing.expected_cost_eur
    assert beside.proposed.expected_cost_eur < beside.intervals.expected_cost_eur
