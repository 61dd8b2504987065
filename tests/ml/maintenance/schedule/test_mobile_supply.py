"""Mobile supply: what the outage cuts off is within the units, the rest holds by its own power flow, and it is paid."""

from dataclasses import replace

import numpy as np
import pytest

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import Network
from ml.maintenance.schedule.mobile_supply import dark_loads, with_mobile_supply
from ml.maintenance.schedule.problem import DEFERRED, MW_TOLERANCE, ScheduleProblem, ViolationKind, judge
from ml.maintenance.schedule.rules import greedy
from ml.maintenance.schedule.solve import Schedule, solve
from ml.maintenance.schedule.terms import MaintenanceTerms
from ml.maintenance.schedule.work_times import NEVER, TIMES
from ml.maintenance.schedule.work_windows import WorkWindows, work_windows
from tests.cases import shared_case
from tests.ml.maintenance.schedule.test_problem import changed, problem_of
from tests.ml.maintenance.schedule.test_work_windows import levels_of

COST_EUR, HOURS = 1000.0, 12.0


def without_ties() -> Network:
    """case33bw as a feeder that nothing supplies from the other side."""
    network = shared_case("case33bw").network
    branch = network.branch
    return replace(network, branch=replace(branch, in_service=branch.in_service & branch.closed))


def windows_of(network: Network, terms: MaintenanceTerms) -> tuple[WorkWindows, WorkWindows]:
    """Without and with mobile supply."""
    every, injection, levels = np.arange(network.n_branch), Injection.of_case(network), levels_of(network)
    closed = network.branch.closed
    plain = work_windows(network, injection, closed, levels, every)
    cost, hours = np.full(len(every), COST_EUR), np.full(len(every), HOURS)
    return plain, with_mobile_supply(network, injection, closed, levels, every, plain, cost, hours, terms)


def test_the_ends_of_a_feeder_have_a_window_by_mobile_units_and_stay_within_them() -> None:
    network, terms = without_ties(), MaintenanceTerms(mobile_mw=0.5)
    plain, found = windows_of(network, terms)
    assert found.fed is not None
    added = (plain.time == NEVER) & (found.time != NEVER)
    assert added.any()
    assert (found.time[~added] == plain.time[~added]).all()
    assert (found.fed.most_mw[~added] == 0).all()
    levels = levels_of(network)
    for branch, week in np.argwhere(added)[:: max(1, int(added.sum()) // 20)].tolist():
        loads = list(found.fed.loads[branch])
        closed = network.branch.closed & network.branch.in_service
        closed[branch] = False
        state = PowerFlow(network).solve(Injection.of_case(network), closed)
        dark = ~state.energised[network.load.bus] & (network.load.p_mw != 0)
        assert sorted(loads) == np.flatnonzero(dark).tolist()
        most = levels[found.time[branch, week]][week].max() * network.load.p_mw[loads].sum()
        assert found.fed.most_mw[branch, week] == pytest.approx(most)
        assert most <= terms.mobile_mw
        limit = np.maximum(network.bus.max_vm_pu, 1.0)
        assert (state.vm_pu[state.energised] <= limit[state.energised] + 1e-6).all()


def test_the_time_with_the_least_price_is_taken() -> None:
    network = without_ties()
    dear = MaintenanceTerms(mobile_mw=0.5, mobile_eur_per_mwh=1e5, weekend_surcharge=0.0, night_surcharge=0.0)
    _, found = windows_of(network, dear)
    assert found.fed is not None
    levels, fed = levels_of(network), found.fed.most_mw > 0
    mean = np.array([[week.mean() for week in weeks] for weeks in levels])
    highest = np.array([[week.max() for week in weeks] for weeks in levels])
    for branch, week in np.argwhere(fed)[::7].tolist():
        mw = network.load.p_mw[list(found.fed.loads[branch])].sum()
        able = np.flatnonzero(mw * highest[:, week] <= 0.5)
        price = dear.mobile_eur(mw * highest[able, week], mw * mean[able, week] * HOURS)
        assert found.time[branch, week] == able[price.argmin()]
    assert (found.time[fed] < len(TIMES)).all()


def test_without_units_nothing_is_added() -> None:
    plain, found = windows_of(without_ties(), MaintenanceTerms(mobile_mw=0.0))
    assert (found.time == plain.time).all()
    assert found.fed is not None
    assert not found.fed.most_mw.any()


def test_dark_loads_are_those_behind_a_branch() -> None:
    network = without_ties()
    injection, closed = Injection.of_case(network), network.branch.closed
    last = (
        int(np.flatnonzero(network.branch.to_bus == network.bus.name.index("18"))[0])
        if "18" in network.bus.name
        else 16
    )
    assert len(dark_loads(network, injection, closed, last)) == 1
    assert len(dark_loads(network, injection, closed, 0)) == int((network.load.p_mw != 0).sum())


def test_the_price_is_units_and_energy() -> None:
    terms = MaintenanceTerms(mobile_unit_mw=0.5, mobile_unit_eur=2000, mobile_eur_per_mwh=300)
    assert terms.mobile_eur(np.array([0.0, 0.5, 0.6]), np.array([0.0, 4.0, 4.0])).tolist() == [0, 3200, 5200]


def fed_problem(mobile_mw: float) -> ScheduleProblem:
    """Two jobs that need 0.6 MW each in every week but the last."""
    fed = np.full((2, 4), 0.6)
    fed[:, 3] = 0.0
    return replace(changed(problem_of(n=2, n_week=4), mobile_mw=fed), mobile_mw=mobile_mw)


def test_units_feed_one_job_at_a_time() -> None:
    short = fed_problem(1.0)
    found = judge(short, np.array([1, 1]))
    (broken,) = found.violations
    assert (broken.kind, broken.week, broken.jobs) == (ViolationKind.MOBILE, 1, (0, 1))
    assert broken.excess == pytest.approx(0.2)
    assert judge(fed_problem(1.2), np.array([1, 1])).feasible
    for weeks in (solved_weeks(short), greedy(short)):
        assert sorted(weeks.tolist()) == [0, 1]
        assert judge(short, weeks).feasible
    assert sorted(solved_weeks(fed_problem(0.5)).tolist()) == [3, 3]
    assert MW_TOLERANCE < 0.01
    assert judge(fed_problem(0.5), np.array([DEFERRED, DEFERRED])).feasible


def solved_weeks(problem: ScheduleProblem) -> np.ndarray:
    found = solve(problem)
    assert isinstance(found, Schedule)
    return found.week
