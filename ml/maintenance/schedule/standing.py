"""Which schedule stands: the one before, unless it breaks a rule now or a new one saves enough under present rates."""

from dataclasses import replace
from datetime import datetime

import numpy as np

from grid.network import IntArray
from ml.maintenance.records import PlanChange, PlanStanding
from ml.maintenance.schedule.economics import ScheduleView
from ml.maintenance.schedule.problem import DEFERRED, Judgement, judge
from ml.maintenance.schedule.solve import Schedule, solve_with

UNSETTLED = -2  # a job that the plan before doesn't know, or whose week has passed


def begun(made: ScheduleView, at: datetime, change: PlanChange) -> ScheduleView:
    """A schedule that stands from now on."""
    return replace(made, standing=PlanStanding(since=at, checked_at=at, change=change))


def held(before: ScheduleView, fresh: ScheduleView, at: datetime) -> ScheduleView:
    """The plan before, moved to the fresh one's weeks and judged by its problem; the fresh one where that has to be.

    Jobs that the plan before doesn't know, and those whose week has passed, are settled around it.
    """
    if before.schedule is None or before.standing is None or fresh.schedule is None:
        return begun(fresh, at, PlanChange.INFEASIBLE if before.schedule is not None else PlanChange.FIRST)
    problem, weeks = fresh.problem, weeks_before(before, fresh)
    kept = solve_with(problem, {job: week for job, week in enumerate(weeks.tolist()) if week != UNSETTLED})
    if not isinstance(kept, Schedule):
        broken = judge(problem, np.maximum(weeks, DEFERRED)).violations
        made = begun(fresh, at, PlanChange.INFEASIBLE)
        return replace(made, broken=broken)
    judged = judge(problem, kept.week)
    saves_eur = max(0.0, judged.expected_cost_eur - fresh.schedule.expected_cost_eur)
    if saves_eur > fresh.terms.change_share * judged.expected_cost_eur:
        return replace(begun(fresh, at, PlanChange.CHEAPER), broken=())
    standing = replace(before.standing, checked_at=at, fresh_saves_eur=saves_eur)
    return replace(_with_weeks(fresh, before.schedule, judged), standing=standing, broken=before.broken)


def weeks_before(before: ScheduleView, fresh: ScheduleView) -> IntArray:
    """(n,) weeks of the fresh problem in which its jobs are by the plan before, UNSETTLED where it doesn't say."""
    assert before.schedule is not None  # noqa: S101 callers have looked
    passed = (fresh.first_day - before.first_day).days // 7
    told = dict(zip(before.branches.tolist(), before.schedule.week.tolist(), strict=True))
    weeks = [told.get(branch, UNSETTLED) for branch in fresh.branches.tolist()]
    moved = [week if week < 0 else week - passed for week in weeks]
    return np.array(
        [UNSETTLED if week >= 0 > now else now for week, now in zip(weeks, moved, strict=True)], dtype=np.int64
    )


def _with_weeks(fresh: ScheduleView, before: Schedule, judged: Judgement) -> ScheduleView:
    """The fresh view with another plan."""
    assert fresh.schedule is not None  # noqa: S101 callers have looked
    schedule = replace(fresh.schedule, judgement=judged, method=before.method)
    compared = None if fresh.compared is None else replace(fresh.compared, proposed=judged)
    return replace(fresh, schedule=schedule, compared=compared)
