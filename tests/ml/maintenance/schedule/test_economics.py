"""What jobs and failures cost: by the terms, and by what a file of assets gives before them."""

from dataclasses import replace

import numpy as np
import pytest

from grid.assets.register import AssetRegister, GivenAssets, Skill, asset_register
from grid.network import BranchKind, Network
from ml.maintenance.schedule.economics import WEEKS, failure_cost_eur, jobs_cost_eur, jobs_hours, schedule_problem
from ml.maintenance.schedule.problem import ScheduleProblem
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import TIMES, cheapest_first
from ml.maintenance.schedule.work_windows import WorkWindows
from tests.cases import shared_case

USUAL = MaintenanceTerms()


def network() -> Network:
    return shared_case("city8").network


def register(given: GivenAssets | None = None) -> AssetRegister:
    unknown = np.full(network().n_branch, np.nan)
    return asset_register(network(), unknown, 2026, np.random.default_rng(1), given)


def problem_by(terms: MaintenanceTerms) -> ScheduleProblem:
    branches = np.arange(network().n_branch)
    rate, consequence = np.full(len(branches), 0.02), np.full(len(branches), 1e5)
    windows = WorkWindows.unasked(len(branches), WEEKS)
    return schedule_problem(network(), register(), branches, rate, consequence, windows, terms)


def test_a_failure_costs_its_repair_and_the_load_lost_until_then() -> None:
    kinds, one = np.array(network().branch.kind), register()
    terms = MaintenanceTerms(lost_load_eur_per_mwh=5e3, repair_hours={BranchKind.LINE: 3.0})
    found = failure_cost_eur(network(), one, np.full(network().n_branch, 2.0), terms)
    lines = kinds == BranchKind.LINE
    assert found[lines] == pytest.approx(one.failure_eur[lines] + 2 * 3 * 5e3)
    assert np.isnan(found[~lines]).all()


def test_what_the_file_gives_of_a_job_goes_before_the_terms() -> None:
    unsaid = GivenAssets.nothing(network().n_branch)
    first = np.where(np.arange(network().n_branch) == 0, 1.0, np.nan)
    given, branches = register(replace(unsaid, job_eur=77 * first, job_hours=3 * first)), np.arange(3)
    by_terms = register()
    cost, hours = jobs_cost_eur(given, branches, USUAL), jobs_hours(given, branches, USUAL)
    assert (cost[0], hours[0]) == (77, 3)
    assert cost[1:] == pytest.approx(np.maximum(800, 0.01 * by_terms.replacement_eur[1:3]))
    assert hours[1:] == pytest.approx([USUAL.job_hours[by_terms.skill[branch]] for branch in (1, 2)])


def test_crews_are_those_of_the_terms_or_as_many_as_their_jobs_need() -> None:
    usual = problem_by(USUAL)
    assert (usual.crew_hours == 40).all()
    crews = problem_by(MaintenanceTerms(crews=dict.fromkeys(Skill, 3), crew_hours_per_week=30.0))
    assert (crews.crew_hours == 90).all()
    assert USUAL.crews_of(Skill.LINES, 260) == 3


def test_the_terms_reach_the_problem() -> None:
    found = problem_by(MaintenanceTerms(effect=0.8, benefit_years=5, zone_outages=1, least_job_eur=1e6))
    assert (found.jobs.effect == 0.8).all()
    assert (found.benefit_years, found.zone_outages) == (5, 1)
    assert (found.jobs.cost_eur == 1e6).all()


def test_the_cheapest_time_comes_first_whatever_the_surcharges_are() -> None:
    assert [TIMES[place].value for place in cheapest_first(USUAL)] == ["days", "weekend", "nights"]
    dear = MaintenanceTerms(weekend_surcharge=1.0, night_surcharge=0.2)
    assert [TIMES[place].value for place in cheapest_first(dear)] == ["days", "nights", "weekend"]
