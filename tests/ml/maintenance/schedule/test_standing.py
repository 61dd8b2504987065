"""A schedule doesn't flip for noise, and doesn't stand when it breaks a rule or costs clearly more."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from grid.network import FloatArray
from ml.maintenance.records import PlanChange
from ml.maintenance.schedule.economics import WEEKS, ScheduleView, schedule_problem, solved
from ml.maintenance.schedule.problem import DEFERRED, judge
from ml.maintenance.schedule.standing import UNSETTLED, begun, held, weeks_before
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER
from ml.maintenance.schedule.work_windows import WorkWindows
from tests.ml.maintenance.schedule.test_economics import network, register

MONDAY, AT = date(2026, 1, 19), datetime(2026, 1, 15, 6, tzinfo=UTC)
TERMS = MaintenanceTerms()


def rates() -> FloatArray:
    return np.random.default_rng(3).uniform(0.02, 0.2, network().n_branch)


def view_of(
    rate: FloatArray, first_day: date = MONDAY, windows: WorkWindows | None = None, terms: MaintenanceTerms = TERMS
) -> ScheduleView:
    branches = np.arange(network().n_branch)
    may = windows or WorkWindows.unasked(len(branches), WEEKS)
    problem = schedule_problem(network(), register(), branches, rate, np.full(len(branches), 2e5), may, terms)
    return solved(problem, branches, np.full(len(branches), 20.0), {}, first_day, may, terms)


def weeks(made: ScheduleView) -> list[int]:
    assert made.schedule is not None
    return list(made.schedule.week.tolist())


def test_noise_leaves_the_plan_and_says_what_a_new_one_would_save() -> None:
    first = begun(view_of(rates()), AT, PlanChange.FIRST)
    noise = np.random.default_rng(4).normal(1.0, 0.1, network().n_branch)
    fresh = view_of(rates() * noise)
    assert weeks(fresh) != weeks(first)  # it would flip
    found = held(first, fresh, AT + timedelta(days=1))
    assert weeks(found) == weeks(first)
    assert found.standing is not None
    assert (found.standing.since, found.standing.change) == (AT, PlanChange.FIRST)
    assert found.standing.checked_at == AT + timedelta(days=1)
    assert found.schedule is not None
    assert fresh.schedule is not None
    cost = judge(fresh.problem, np.array(weeks(first))).expected_cost_eur
    assert found.schedule.expected_cost_eur == pytest.approx(cost)
    assert found.standing.fresh_saves_eur == pytest.approx(cost - fresh.schedule.expected_cost_eur)
    assert found.compared is not None
    assert found.compared.proposed is found.schedule.judgement


def test_a_plan_that_saves_more_than_the_share_takes_its_place() -> None:
    first, later = begun(view_of(rates() * 1e-3), AT, PlanChange.FIRST), AT + timedelta(days=1)
    fresh = view_of(rates())
    found = held(first, fresh, later)
    assert weeks(found) == weeks(fresh)
    assert found.standing is not None
    assert (found.standing.since, found.standing.change) == (later, PlanChange.CHEAPER)
    stubborn = view_of(rates(), terms=MaintenanceTerms(change_share=0.99))
    assert weeks(held(first, stubborn, later)) == weeks(first)


def test_a_plan_whose_outage_is_not_possible_any_more_is_replaced_and_that_is_said() -> None:
    first = begun(view_of(rates()), AT, PlanChange.FIRST)
    job = int(np.argmax(np.array(weeks(first)) != DEFERRED))
    windows = WorkWindows.unasked(network().n_branch, WEEKS)
    windows.time[job, weeks(first)[job]] = NEVER
    fresh = view_of(rates(), windows=windows)
    found = held(first, fresh, AT + timedelta(days=1))
    assert found.standing is not None
    assert (found.standing.change, found.standing.since) == (PlanChange.INFEASIBLE, AT + timedelta(days=1))
    assert [broken.jobs for broken in found.broken] == [(job,)]
    assert found.schedule is not None
    assert found.schedule.judgement.feasible


def test_a_week_later_jobs_keep_their_dates_and_those_that_have_passed_are_settled_anew() -> None:
    first = begun(view_of(rates()), AT, PlanChange.FIRST)
    fresh = view_of(rates(), MONDAY + timedelta(weeks=1), terms=replace(TERMS, change_share=0.5))
    moved, before = weeks_before(first, fresh), np.array(weeks(first))
    assert (moved[before == 0] == UNSETTLED).all()
    assert (moved[before > 0] == before[before > 0] - 1).all()
    assert (moved[before == DEFERRED] == DEFERRED).all()
    found = np.array(weeks(held(first, fresh, AT + timedelta(weeks=1))))
    assert (found[before > 0] == before[before > 0] - 1).all()
    assert judge(fresh.problem, found).feasible


def test_without_a_plan_before_the_fresh_one_stands() -> None:
    fresh = view_of(rates())
    found = held(replace(fresh, schedule=None), fresh, AT)
    assert found.standing is not None
    assert found.standing.change is PlanChange.FIRST
