"""Work windows: each holds at every moment of its week by a power flow of its own, and the cheapest is taken."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import FloatArray, Network
from grid.sources.demand import yearly_load_mw
from ml.maintenance.schedule.outage_windows import is_tie, scaled, without_derived_ratings
from ml.maintenance.schedule.work_times import NEVER, TIMES, WorkLevels, moments_of, work_levels
from ml.maintenance.schedule.work_windows import NIGHTS, WorkWindows, work_windows
from tests.cases import shared_case

MONDAY, WEEKS = date(2026, 1, 5), 4


def levels_of(network: Network, factor: float = 1.0) -> WorkLevels:
    yearly = yearly_load_mw(network.load, None)
    return work_levels(yearly, MONDAY, WEEKS, float(network.load.p_mw.sum()) / factor)


def windows_of(network: Network, factor: float = 1.0) -> WorkWindows:
    every = np.arange(network.n_branch)
    return work_windows(network, Injection.of_case(network), network.branch.closed, levels_of(network, factor), every)


def holds_by_hand(network: Network, branch: int, ties: list[int], level: float) -> bool:
    """One power flow with the outage and one without, compared here."""
    plain, injection = without_derived_ratings(network), scaled(Injection.of_case(network), level)
    before = PowerFlow(plain).solve(injection, network.branch.closed)
    closed = network.branch.closed.copy()
    closed[ties], closed[branch] = True, False
    after = PowerFlow(plain).solve(injection, closed)
    takes = network.load.bus[network.load.p_mw > 0]
    if not after.energised[takes].all():
        return False
    bus = network.bus

    def worst(vm_pu: FloatArray) -> float:
        return max(0.0, float(np.nanmax(np.fmax(bus.min_vm_pu - vm_pu, vm_pu - bus.max_vm_pu))))

    loading = np.nanmax(after.loading_percent) <= max(FULL_LOAD_PERCENT, np.nanmax(before.loading_percent)) + 1e-6
    return bool(loading and worst(after.vm_pu) <= worst(before.vm_pu) + BAND_TOLERANCE_PU)


@pytest.mark.parametrize("name", ["city8", "cigre_mv", "case14"])
def test_every_window_holds_at_each_of_its_moments(name: str) -> None:
    network = shared_case(name).network
    found = windows_of(network)
    yearly, present = yearly_load_mw(network.load, None), float(network.load.p_mw.sum())
    before = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    ties = np.flatnonzero(is_tie(network, network.branch.closed, before.energised)).tolist()
    asked = 0
    for branch in np.flatnonzero(network.branch.closed).tolist():
        for week in range(0, WEEKS, 3):
            time = int(found.time[branch, week])
            if time == NEVER:
                continue
            sets = [list(found.transfers[branch])] if branch in found.transfers else [[], *([tie] for tie in ties)]
            loads = np.unique(yearly[moments_of(TIMES[time], MONDAY, week, 8)] / present)
            assert any(all(holds_by_hand(network, branch, one, level) for level in loads) for one in sets)
            asked += 1
    assert asked > 5


def test_the_cheapest_time_that_holds_is_taken() -> None:
    network = shared_case("city8").network
    light, heavy = windows_of(network, 0.3), windows_of(network, 1.2)
    known = (light.time != NEVER) & (heavy.time != NEVER)
    assert (light.time[known] <= heavy.time[known]).all()
    assert (light.time[known] < heavy.time[known]).any()
    assert ((heavy.time == NEVER) | (light.time != NEVER)).all()


def test_what_one_tie_can_not_carry_several_can_at_night() -> None:
    network = shared_case("city8").network
    found = windows_of(network)
    assert found.transfers
    for branch, ties in found.transfers.items():
        assert len(ties) >= 2
        assert set(found.time[branch].tolist()) <= {NIGHTS, NEVER}
        assert (found.time[branch] == NIGHTS).any()
        closed = network.branch.closed.copy()
        closed[list(ties)], closed[branch] = True, False
        sources = network.generator.bus[network.generator.is_source]
        assert sources.size
        assert holds_by_hand(network, branch, list(ties), float(min(week.max() for week in levels_of(network)[NIGHTS])))


def test_without_ties_a_radial_feeder_has_no_window() -> None:
    network = shared_case("case33bw").network
    branch = network.branch
    ties = ~branch.closed
    cut = replace(network, branch=replace(branch, in_service=branch.in_service & ~ties))
    found = windows_of(cut)
    takes = np.bincount(cut.load.bus, cut.load.p_mw, cut.n_bus) > 0
    ends = takes[branch.to_bus] & branch.closed
    assert (found.time[ends] == NEVER).all()
    assert not found.transfers


def test_what_the_step_raises_ends_the_work() -> None:
    network, told = shared_case("city8").network, list[float]()

    def step(done: float) -> None:
        told.append(done)
        if len(told) == 3:
            raise InterruptedError

    every = np.arange(network.n_branch)
    with pytest.raises(InterruptedError):
        work_windows(network, Injection.of_case(network), network.branch.closed, levels_of(network), every, step)
    assert told == sorted(told)
