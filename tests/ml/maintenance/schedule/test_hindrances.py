"""What stands against outages is what power flows of all ties say, one by one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BranchKind, Network
from ml.maintenance.schedule.hindrances import MOST_TIES, outage_hindrances
from ml.maintenance.schedule.outage_windows import outage_windows
from ml.maintenance.schedule.problem import HindranceKind
from tests.cases import shared_case

CASES = [("city8", 1.0), ("case33bw", 1.0), ("cigre_mv", 1.0), ("case30", 1.0)]


@cache
def network_of(name: str) -> Network:
    return shared_case(name).network


def scaled(network: Network, level: float) -> Injection:
    own = Injection.of_case(network)
    return replace(
        own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar,
        generator_p_mw=level * own.generator_p_mw, generator_q_mvar=level * own.generator_q_mvar,
    )  # fmt: skip


def states(network: Network, level: float, branch: int) -> dict[int, GridState | None]:
    """By tie, -1 for none: the states without a branch in which all loads are supplied; None without a solution."""
    flow, takes = PowerFlow(network), (network.load.p_mw != 0) | (network.load.q_mvar != 0)
    lines = np.array([kind in (BranchKind.LINE, BranchKind.CABLE) for kind in network.branch.kind])
    ties = np.flatnonzero(~network.branch.closed & network.branch.in_service & lines).tolist()
    found: dict[int, GridState | None] = {}
    for tie in (-1, *ties):
        switches = network.branch.closed.copy()
        switches[branch] = False
        if tie >= 0:
            switches[tie] = True
        try:
            state = flow.solve(scaled(network, level), switches)
        except PowerFlowDivergedError:
            found[tie] = None
            continue
        if state.energised[network.load.bus[takes]].all():
            found[tie] = state
        if tie == -1 and found:
            return found
    return found


def excess(network: Network, state: GridState, before: GridState) -> float:
    """The larger one beyond ratings that the case gives, and beyond the bands, as shares of them."""
    rated, bus = ~network.branch.rating_derived, network.bus

    def outside(of: GridState) -> np.ndarray:
        return np.nan_to_num(np.fmax(bus.min_vm_pu - of.vm_pu, of.vm_pu - bus.max_vm_pu), nan=-np.inf)

    most = max(100.0, float(before.loading_percent[rated].max(initial=0)))
    worst, at = float(state.loading_percent[rated].max(initial=0)), int(np.argmax(outside(state)))
    band = bus.max_vm_pu[at] - bus.min_vm_pu[at]
    return max(worst / most - 1, (outside(state)[at] - max(0.0, float(outside(before).max()))) / band)


@pytest.mark.parametrize(("name", "level"), CASES)
def test_the_limit_and_the_tie_are_those_that_break_least(name: str, level: float) -> None:
    network = network_of(name)
    base, closed = Injection.of_case(network), network.branch.closed
    never = np.flatnonzero(~outage_windows(network, base, closed, np.array([level]))[:, 0])
    assert len(never)
    before = PowerFlow(network).solve(scaled(network, level), closed)
    told = outage_hindrances(network, base, closed, level, never)
    for branch, found in zip(never.tolist(), told, strict=True):
        expected = states(network, level, branch)
        assert len(expected) <= MOST_TIES
        if found.kind is HindranceKind.SUPPLY:
            assert not expected
            assert found.value > 0
            continue
        state = expected[found.tie]
        if found.kind is HindranceKind.NO_SOLUTION:
            assert not any(expected.values())
            continue
        assert state is not None
        value = {HindranceKind.LOADING: state.loading_percent, HindranceKind.VOLTAGE: state.vm_pu}[found.kind]
        assert found.value == pytest.approx(float(value[found.at]), rel=1e-6)
        least = min(excess(network, one, before) for one in expected.values() if one is not None)
        assert excess(network, state, before) == pytest.approx(least, abs=1e-6)
        assert least > 0


def test_a_load_without_a_solution_has_none_for_any_outage() -> None:
    network = network_of("case33bw")
    told = outage_hindrances(network, Injection.of_case(network), network.branch.closed, 30.0, np.array([3, 7]))
    assert [one.kind for one in told] == [HindranceKind.NO_STATE] * 2


def test_who_cancels_ends_the_work() -> None:
    network = network_of("case33bw")

    def step(share: float) -> None:
        if share > 0:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        outage_hindrances(network, Injection.of_case(network), network.branch.closed, 1.0, np.array([3, 7]), step)
