"""What a schedule costs is what simulated failures cost, and the judge sees every broken rule."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.maintenance.schedule.problem import DEFERRED, WEEK_YEARS, Jobs, ScheduleProblem, ViolationKind, judge
from tests.benchmarks.schedule import fleet


def problem_of(n: int = 2, n_week: int = 4, hours: float = 10.0, benefit_years: float = 10.0) -> ScheduleProblem:
    """n equal assets with a failure every two years, of one crew of 20 h a week, each in its own zone."""
    jobs = Jobs(
        name=tuple(f"A{row}" for row in range(n)), rate_per_year=np.full(n, 0.5), consequence_eur=np.full(n, 1e6),
        hours=np.full(n, hours), skill=("lines",) * n, cost_eur=np.full(n, 5e3), effect=np.full(n, 0.8),
        zone=np.arange(n), earliest=np.zeros(n, int), latest=np.full(n, n_week - 1), fixed=np.full(n, DEFERRED),
        allowed=np.ones((n, n_week), dtype=bool),
    )  # fmt: skip
    return ScheduleProblem(jobs, ("lines",), np.full((1, n_week), 20.0), benefit_years=benefit_years)


def changed(problem: ScheduleProblem, **fields: object) -> ScheduleProblem:
    return replace(problem, jobs=replace(problem.jobs, **fields))  # type: ignore[arg-type]


def test_cost_by_hand() -> None:
    problem = problem_of(n=2, n_week=4)
    week, horizon = 7 / 365.25, 28 / 365.25
    done = 1e6 * (1 - np.exp(-0.5 * 1.5 * week - 0.1 * 2.5 * week))
    left = 1e6 * (1 - np.exp(-0.5 * horizon))
    beyond = 1e6 * (np.exp(-0.1) - np.exp(-0.5)) * (10 - horizon)
    found = judge(problem, np.array([1, DEFERRED]))
    assert found.work_eur == 5e3
    assert found.risk_eur == pytest.approx(done + left)
    assert found.residual_eur == pytest.approx(beyond)
    assert found.deferred_risk_eur == pytest.approx(left + beyond)
    assert found.expected_cost_eur == pytest.approx(5e3 + done + left + beyond)
    assert found.feasible


def test_the_probability_is_that_of_simulated_first_failures() -> None:
    problem = problem_of(n=1, n_week=26)
    rng, draws, done = np.random.default_rng(5), 400_000, 10.5 * WEEK_YEARS
    before = rng.exponential(1 / 0.5, draws)
    after = done + rng.exponential(1 / (0.2 * 0.5), draws)
    first = np.where(before < done, before, after)
    share = np.mean(first < problem.horizon_years)
    assert problem.risk_eur[0, 10] == pytest.approx(1e6 * share, rel=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_earlier_is_never_dearer_and_parts_add_up(seed: int) -> None:
    problem, _ = fleet(seed, 12, 8)
    assert (np.diff(problem.cost_eur[:, :-1], axis=1) >= -1e-9).all()
    assert (problem.residual_eur >= 0).all()
    week = np.random.default_rng(seed).integers(DEFERRED, 8, 12)
    found = judge(problem, week)
    assert found.expected_cost_eur == pytest.approx(found.work_eur + found.risk_eur + found.residual_eur)
    assert found.expected_cost_eur == pytest.approx(problem.cost_eur[np.arange(12), week].sum())


def test_the_end_of_the_horizon_is_no_reason_to_defer() -> None:
    """A job that pays over its life but not within four weeks is worth doing."""
    worth = problem_of(n=1, n_week=4, benefit_years=10)
    only_now = problem_of(n=1, n_week=4, benefit_years=0)
    dear = {"cost_eur": np.array([100e3])}
    assert changed(worth, **dear).cost_eur[0, 3] < changed(worth, **dear).cost_eur[0, DEFERRED]
    assert changed(only_now, **dear).cost_eur[0, 0] > changed(only_now, **dear).cost_eur[0, DEFERRED]


def test_a_job_without_effect_only_costs_its_work() -> None:
    cost = changed(problem_of(n=1), effect=np.zeros(1)).cost_eur[0]
    np.testing.assert_allclose(cost[:-1] - cost[-1], 5e3)


def test_a_hand_made_schedule_hears_of_all_it_breaks() -> None:
    base = problem_of(n=5, n_week=4)
    problem = changed(
        base,
        zone=np.array([7, 7, 7, 1, 1]),
        latest=np.array([3, 3, 3, 1, 3]),
        allowed=np.where(np.arange(5)[:, None] == 4, np.array([True, True, False, True]), True),
        fixed=np.array([-1, -1, -1, -1, 0]),
    )
    found = judge(problem, np.array([0, 0, 0, 3, 2]))
    told = {
        (one.kind, one.week, one.whose, one.excess, one.jobs) for one in found.violations
    }  # fmt: skip
    assert told == {
        (ViolationKind.CREW, 0, "lines", 10.0, (0, 1, 2)),
        (ViolationKind.ZONE, 0, "7", 1.0, (0, 1, 2)),
        (ViolationKind.WINDOW, 3, "A3", 2.0, (3,)),
        (ViolationKind.OUTAGE, 2, "A4", 0.0, (4,)),
        (ViolationKind.FIXED, 0, "A4", 0.0, (4,)),
    }
    assert judge(problem, np.array([0, 0, 1, 1, 0])).violations[0].kind is ViolationKind.CREW
    assert judge(problem, np.array([1, 2, 1, -1, 0])).feasible


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate_per_year", [0.1, -0.1]),
        ("consequence_eur", [np.nan, 1.0]),
        ("hours", [np.inf, 1.0]),
        ("cost_eur", [-1.0, 1.0]),
        ("effect", [0.5, 1.2]),
        ("fixed", [0, 4]),
        ("effect", [0.5]),
        ("skill", ("lines", "divers")),
        ("allowed", np.ones((2, 3), dtype=bool)),
    ],
)
def test_wrong_figures_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match="divers" if field == "skill" else field):
        changed(problem_of(n=2, n_week=4), **{field: value if field == "skill" else np.array(value)})


@pytest.mark.parametrize("week", [[0], [0, 4], [-2, 0]])
def test_a_schedule_of_other_weeks_is_refused(week: list[int]) -> None:
    with pytest.raises(ValueError, match="2 weeks from 0 to 3"):
        judge(problem_of(n=2, n_week=4), np.array(week))
