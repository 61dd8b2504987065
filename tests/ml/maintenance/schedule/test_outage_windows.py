"""Windows are what a power flow of every outage, and of every tie after it, says one by one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grid.flow.powerflow import GridState, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BranchKind, Network
from ml.maintenance.schedule.outage_windows import outage_windows
from tests.cases import shared_case


@cache
def network_of(name: str) -> Network:
    return shared_case(name).network


def scaled(network: Network, level: float) -> Injection:
    own = Injection.of_case(network)
    return replace(
        own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar,
        generator_p_mw=level * own.generator_p_mw, generator_q_mvar=level * own.generator_q_mvar,
    )  # fmt: skip


def supplies_all(network: Network, state: GridState) -> bool:
    takes = (network.load.p_mw != 0) | (network.load.q_mvar != 0)
    return bool(state.energised[network.load.bus[takes]].all())


def keeps(network: Network, state: GridState, before: GridState) -> bool:
    """Loads supplied, and no limit broken further than before."""
    rated = ~network.branch.rating_derived

    def worst(of: GridState) -> tuple[float, float]:
        outside = np.fmax(network.bus.min_vm_pu - of.vm_pu, of.vm_pu - network.bus.max_vm_pu)
        return max(100.0, of.loading_percent[rated].max(initial=0)), max(0.0, float(np.nanmax(outside)))

    after, limit = worst(state), worst(before)
    return supplies_all(network, state) and after[0] <= limit[0] + 1e-6 and after[1] <= limit[1] + 1e-6


def by_hand(network: Network, level: float) -> list[bool]:
    """One power flow for each outage; where loads are dark, one more for each tie."""
    flow, injection, closed = PowerFlow(network), scaled(network, level), network.branch.closed
    before = flow.solve(injection, closed)
    switched = [kind in (BranchKind.LINE, BranchKind.CABLE) for kind in network.branch.kind]
    ties = np.flatnonzero(~closed & network.branch.in_service & np.array(switched))

    def state(opened: int, tie: int | None = None) -> GridState | None:
        switches = closed.copy()
        switches[opened] = False
        if tie is not None:
            switches[tie] = True
        try:
            return flow.solve(injection, switches)
        except PowerFlowDivergedError:
            return None

    answers = []
    for branch in range(network.n_branch):
        found = [state(branch)]
        if closed[branch] and found[0] is not None and not supplies_all(network, found[0]):
            found = [state(branch, int(tie)) for tie in ties]
        answers.append(any(one is not None and keeps(network, one, before) for one in found))
    return answers


@pytest.mark.parametrize(
    ("name", "level"), [("city8", 0.9), ("case33bw", 0.7), ("cigre_mv", 0.8), ("case57", 0.9), ("case118", 1.05)]
)
def test_every_outage_is_what_its_own_power_flows_say(name: str, level: float) -> None:
    network = network_of(name)
    windows = outage_windows(network, Injection.of_case(network), network.branch.closed, np.array([level]))
    expected = by_hand(network, level)
    assert windows[:, 0].tolist() == expected
    assert 0 < sum(expected) < len(expected)


@pytest.mark.parametrize(("name", "factor"), [("case30", 0.9), ("case118", 0.6)])
def test_given_ratings_are_limits_and_derived_ones_are_not(name: str, factor: float) -> None:
    network = network_of(name)
    branch = network.branch
    tight = replace(
        branch, rating_from_ka=factor * branch.rating_from_ka, rating_to_ka=factor * branch.rating_to_ka,
        rating_derived=np.zeros(len(branch), dtype=bool),
    )  # fmt: skip
    rated = replace(network, branch=tight)
    unrated = replace(network, branch=replace(tight, rating_derived=np.ones(len(branch), dtype=bool)))
    level, injection = np.array([0.9]), Injection.of_case(network)
    windows = outage_windows(rated, injection, branch.closed, level)[:, 0]
    assert windows.tolist() == by_hand(rated, 0.9)
    free = outage_windows(unrated, injection, branch.closed, level)[:, 0]
    assert (windows <= free).all()
    assert windows.sum() < free.sum()


def test_a_tie_restores_a_radial_feeder_and_without_ties_nothing_may_be_out() -> None:
    network = network_of("case33bw")
    injection, closed, level = Injection.of_case(network), network.branch.closed, np.array([0.3])
    with_ties = outage_windows(network, injection, closed, level)[:, 0]
    cut = replace(network, branch=replace(network.branch, in_service=closed))
    without = outage_windows(cut, injection, closed, level)[:, 0]
    assert with_ties[closed].sum() > 20
    assert not without[closed].any()
    assert without[~closed].all()  # what carries nothing may be out


def test_weeks_of_more_load_allow_less_of_a_feeder() -> None:
    network = network_of("case33bw")
    levels = np.linspace(0.2, 1.2, 11)
    windows = outage_windows(network, Injection.of_case(network), network.branch.closed, levels)
    allowed = windows[network.branch.closed].sum(axis=0)
    assert (np.diff(allowed) <= 0).all()
    assert allowed[0] > allowed[-1]


def test_weeks_within_a_percent_share_the_answer_of_the_highest() -> None:
    network = network_of("city8")
    injection, closed = Injection.of_case(network), network.branch.closed
    fine = np.linspace(0.6, 1.1, 101)
    alone = np.concatenate([outage_windows(network, injection, closed, fine[i : i + 1]) for i in range(101)], axis=1)
    together = outage_windows(network, injection, closed, fine)
    assert (together.sum(axis=0) < alone.sum(axis=0) + 1).all()
    for week in range(101):
        near = (fine >= fine[week]) & (fine <= fine[week] * 1.0102)
        assert any((together[:, week] == alone[:, other]).all() for other in np.flatnonzero(near))
    assert together[:, [3, 50]].tolist() == outage_windows(network, injection, closed, fine)[:, [3, 50]].tolist()


def test_a_load_without_a_solution_allows_no_outage() -> None:
    network = network_of("case14")
    windows = outage_windows(network, Injection.of_case(network), network.branch.closed, np.array([50.0, 0.8]))
    assert not windows[:, 0].any()
    assert windows[:, 1].any()


def test_only_the_asked_branches_are_answered() -> None:
    network = network_of("city8")
    injection, closed, levels = Injection.of_case(network), network.branch.closed, np.array([0.7, 1.0])
    some = np.array([3, 0, 5])
    found = outage_windows(network, injection, closed, levels, some)
    np.testing.assert_array_equal(found, outage_windows(network, injection, closed, levels)[some])
    assert outage_windows(network, injection, closed, np.zeros(0)).shape == (network.n_branch, 0)
