"""The cheapest schedule of maintenance: a mixed-integer programme, judged beside rules and never worse than the greedy.

A variable for every job and week that is possible and gains something over deferral (the others can't be in a cheapest
schedule: all rules only limit how much is done). What is left is one week for a job, crew-hours by skill and week,
assets out by zone and week, and mobile units by week. Deferral is always possible, so only settled jobs can contradict
one another.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

from ml.maintenance.schedule.problem import (
    DEFERRED,
    BoolArray,
    FloatArray,
    IntArray,
    Judgement,
    ScheduleProblem,
    Violation,
    judge,
)
from ml.maintenance.schedule.rules import fixed_intervals, greedy, nothing

TIME_LIMIT_S = 4.0
GAP = 0.001
"""Share of the expected cost: half a year of 200 jobs comes this near in the time, or nearly so."""


class ScheduleMethod(StrEnum):
    """Where a schedule comes from."""

    MILP = "mixed-integer programme"
    GREEDY = "greedy"


@dataclass(frozen=True, eq=False)
class Schedule:
    """A schedule that keeps every rule.

    greedy_eur: the greedy one's expected cost, never less. lower_bound_eur: no schedule's expected cost is below it.
    seconds: wall clock.
    """

    judgement: Judgement
    method: ScheduleMethod
    greedy_eur: float
    lower_bound_eur: float
    seconds: float

    @property
    def week(self) -> IntArray:
        """(n,) DEFERRED or from 0."""
        return self.judgement.week

    @property
    def expected_cost_eur(self) -> float:
        """Work, risk and residual; its parts are the judgement's."""
        return self.judgement.expected_cost_eur

    @property
    def gap(self) -> float:
        """Share of the expected cost that a better schedule could save at most."""
        cost = self.expected_cost_eur
        return max(0.0, cost - self.lower_bound_eur) / cost if cost > 0 else 0.0


@dataclass(frozen=True)
class Conflict:
    """Settled jobs contradict the rules: there is no schedule until these are gone."""

    violations: tuple[Violation, ...]


@dataclass(frozen=True, eq=False)
class ScheduleComparison:
    """A schedule beside the greedy one, fixed intervals and doing nothing, all under one judge."""

    proposed: Judgement
    greedy: Judgement
    intervals: Judgement
    nothing: Judgement


def solve(problem: ScheduleProblem, time_limit_s: float = TIME_LIMIT_S, gap: float = GAP) -> Schedule | Conflict:
    """The best schedule found within the time, or what contradicts among the settled jobs.

    gap: share of the expected cost at which the search may stop.
    """
    began = time.perf_counter()
    settled = judge(problem, problem.jobs.fixed)
    if not settled.feasible:
        return Conflict(settled.violations)
    best, method = judge(problem, greedy(problem)), ScheduleMethod.GREEDY
    greedy_eur = best.expected_cost_eur
    week, bound_eur = _optimum(problem, time_limit_s, gap)
    if week is not None:
        found = judge(problem, week)
        if found.feasible and found.expected_cost_eur <= greedy_eur:
            best, method = found, ScheduleMethod.MILP
    seconds = time.perf_counter() - began
    return Schedule(best, method, greedy_eur, min(bound_eur, best.expected_cost_eur), seconds)


def with_pins(problem: ScheduleProblem, pins: Mapping[int, int]) -> ScheduleProblem:
    """The problem with jobs settled by hand: a week for each, or DEFERRED. ValueError for a job or week there isn't."""
    fixed, allowed = problem.jobs.fixed.copy(), problem.jobs.allowed.copy()
    for job, week in pins.items():
        if not (0 <= job < len(problem.jobs) and DEFERRED <= week < problem.n_week):
            raise ValueError(
                f"pin {job}: {week} is none of {len(problem.jobs)} jobs (from 0) in {problem.n_week} weeks (from 0, "
                f"{DEFERRED} for deferred)"
            )
        fixed[job] = week
        if week == DEFERRED:
            allowed[job] = False
    return replace(problem, jobs=replace(problem.jobs, fixed=fixed, allowed=allowed))


def solve_with(
    problem: ScheduleProblem, pins: Mapping[int, int], time_limit_s: float = TIME_LIMIT_S, gap: float = GAP
) -> Schedule | Conflict:
    """Solve again around what a person has settled; see with_pins and solve."""
    return solve(with_pins(problem, pins), time_limit_s, gap)


def compare(
    problem: ScheduleProblem, schedule: Schedule, age_years: FloatArray, interval_years: FloatArray | float
) -> ScheduleComparison:
    """The schedule beside the rules. age_years (n,) and interval_years as for fixed_intervals."""
    return ScheduleComparison(
        schedule.judgement,
        judge(problem, greedy(problem)),
        judge(problem, fixed_intervals(problem, age_years, interval_years)),
        judge(problem, nothing(problem)),
    )


def _optimum(problem: ScheduleProblem, time_limit_s: float, gap: float) -> tuple[IntArray | None, float]:
    """(n,) weeks, None where none were found in time, and a lower bound of the expected cost, EUR."""
    deferral_eur = problem.cost_eur[:, -1]
    gain = deferral_eur[:, None] - problem.cost_eur[:, :-1]
    settled = problem.jobs.fixed >= 0
    job, week = np.nonzero(problem.possible & ((gain > 0) | settled[:, None]))
    base_eur = float(deferral_eur.sum())
    unlimited_eur = base_eur - float(_alone(gain, job, week, settled).sum())
    if not len(job):
        return np.full(len(settled), DEFERRED), unlimited_eur
    scale = max(float(np.abs(gain[job, week]).max()), 1e-9) / 1000
    # the last variable is 1 and carries the cost of deferring everything, so that the gap is one of the whole cost
    cost = np.append(-gain[job, week], base_eur) / scale
    low = np.append(settled[job].astype(float), 1.0)
    answer = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(low, np.ones(len(cost))),
        constraints=_limits(problem, job, week),
        options={"time_limit": time_limit_s, "mip_rel_gap": gap},
    )
    bound = answer.mip_dual_bound
    bound_eur = scale * float(bound) if bound is not None and np.isfinite(bound) else -np.inf
    bound_eur = max(bound_eur, unlimited_eur)
    if answer.x is None:
        return None, bound_eur
    chosen = answer.x[:-1] > 0.5
    found = np.full(len(settled), DEFERRED)
    found[job[chosen]] = week[chosen]
    return found, bound_eur


def _alone(gain: FloatArray, job: IntArray, week: IntArray, settled: BoolArray) -> FloatArray:
    """(n,) what each job gains in its best possible week as if it were alone; settled ones may lose."""
    best = np.where(settled, -np.inf, 0.0)
    np.maximum.at(best, job, gain[job, week])
    return best


def _limits(problem: ScheduleProblem, job: IntArray, week: IntArray) -> LinearConstraint:
    """One week a job; by week crew-hours of each skill, assets out of each zone, and MW of mobile units.

    The last column takes no part.
    """
    jobs, n, n_week = problem.jobs, len(problem.jobs), problem.n_week
    zones, zone = np.unique(jobs.zone, return_inverse=True)
    column, ones = np.arange(len(job)), np.ones(len(job))
    first_crew, first_zone = n, n + problem.crew_hours.size
    first_mobile = first_zone + len(zones) * n_week
    crew, out = first_crew + problem.crew[job] * n_week + week, first_zone + zone[job] * n_week + week
    rows = np.concatenate([job, crew, out, first_mobile + week])
    values = np.concatenate([ones, jobs.hours[job], ones, problem.fed_mw[job, week]])
    shape = (first_mobile + n_week, len(job) + 1)
    matrix = csr_array(coo_array((values, (rows, np.tile(column, 4))), shape=shape))
    matrix.eliminate_zeros()
    zone_most = np.full(len(zones) * n_week, float(problem.zone_outages))
    most = np.concatenate([np.ones(n), problem.crew_hours.ravel(), zone_most, np.full(n_week, problem.mobile_mw)])
    used = np.diff(matrix.indptr) > 0
    return LinearConstraint(matrix[used], -np.inf, most[used])
