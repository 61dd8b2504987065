"""The order of switching: no load is interrupted, limits hold on the way, and where that can't be, there is none."""

from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pandapower.networks
import pytest

from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import BoolArray, Loads, Network
from ml.optimisation.plans.plan import Action, Requirements, Verdict
from ml.optimisation.plans.switching_order import safe_order
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.radial.grid import RadialGrid
from tests.ml.operating_points import network_of, operating_point_at, random_configurations, solved_by_pandapower
from tests.paths import SHARED

LEVELS = {"case33bw": 0.45, "city8": 0.25, "cigre_mv": 0.45}  # at which most configurations keep their limits


def order(
    network: Network, operating_point: OperatingPoint, target: BoolArray, wanted: Requirements | None = None
) -> tuple[Verdict, tuple[Action, ...] | None]:
    """The judged present state, and the actions."""
    verifier, wanted = Verifier(network), wanted or Requirements()
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    return present, safe_order(verifier, operating_point, wanted, present, target)


def after_each(network: Network, operating_point: OperatingPoint, actions: tuple[Action, ...]) -> list[GridState]:
    """The present state and those after each action, solved from scratch."""
    closed, newton = operating_point.closed.copy(), PowerFlow(network)
    states = [newton.solve(operating_point.injection, closed)]
    for action in actions:
        assert closed[action.branch] != action.close
        closed = closed.copy()
        closed[action.branch] = action.close
        states.append(newton.solve(operating_point.injection, closed))
        assert action.loss_kw == pytest.approx(1000 * states[-1].total_loss_mw, abs=1e-3)
        assert action.min_vm_pu == pytest.approx(np.nanmin(states[-1].vm_pu))
    return states


@pytest.mark.parametrize("spec", ["case33bw", "city8", "cigre_mv"])
def test_no_load_is_interrupted_and_limits_hold_on_the_way(spec: str) -> None:
    network, found, longest = network_of(spec), 0, 0
    bus, rated = network.bus, ~network.branch.rating_derived
    configurations = random_configurations(network, 16, 5)
    for start, target in zip(configurations[::2], configurations[1::2], strict=True):
        operating_point = operating_point_at(network, start, LEVELS[spec])
        present, actions = order(network, operating_point, target)
        if actions is None:
            continue
        found, longest = found + 1, max(longest, len(actions))
        states = after_each(network, operating_point, actions)
        np.testing.assert_array_equal(states[-1].closed, target)
        lowest = np.minimum(bus.min_vm_pu, present.min_vm_pu) - 1e-6
        highest = np.maximum(bus.max_vm_pu, present.max_vm_pu) + 1e-6
        most = max(100.0, present.state.loading_percent[rated].max(initial=0.0)) + 1e-2
        for state in states:
            assert state.energised.all()
            assert state.closed.sum() >= start.sum()  # closing comes first
            assert (state.vm_pu >= lowest).all()
            assert (state.vm_pu <= highest).all()
            assert (state.loading_percent[rated] <= most).all()
    assert found >= 5
    assert longest >= 4


def test_where_nothing_presses_there_is_one_loop_at_a_time() -> None:
    network = network_of("case33bw")
    target = network.branch.closed.copy()
    target[[32, 33, 34, 35, 36]], target[[6, 8, 13, 27, 31]] = True, False
    operating_point = operating_point_at(network, level=0.45)
    _, actions = order(network, operating_point, target)
    assert actions
    assert len(actions) == 10
    for state in after_each(network, operating_point, actions):
        ends = zip(network.branch.from_bus[state.closed], network.branch.to_bus[state.closed], strict=True)
        assert len(nx.cycle_basis(nx.Graph(ends))) <= 1


def test_states_on_the_way_are_pandapowers() -> None:
    network, net = network_of("case33bw"), pandapower.networks.case33bw()
    target = random_configurations(network, 1, 11)[0]
    operating_point = operating_point_at(network, level=0.5)
    _, actions = order(network, operating_point, target)
    assert actions
    closed = operating_point.closed.copy()
    for action in actions:
        closed[action.branch] = action.close
        solved_by_pandapower(net, operating_point.injection, closed)
        assert not net.res_bus.vm_pu.isna().any()
        assert action.loss_kw == pytest.approx(1000 * net.res_line.pl_mw.sum(), abs=1e-3)
        assert action.min_vm_pu == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-6)


@pytest.mark.parametrize("spec", ["case33bw", "city8"])
def test_restoring_supply_interrupts_nobody_else(spec: str) -> None:
    network, rng, restored = network_of(spec), np.random.default_rng(2), 0
    for start in random_configurations(network, 12, 2):
        out = int(rng.choice(np.flatnonzero(start)))
        operating_point = operating_point_at(network, start, LEVELS[spec], (out,))
        grid = RadialGrid.of(network, operating_point.injection)
        usable = replace(grid, usable=grid.usable & operating_point.available)
        if not usable.reachable().all():
            continue
        loops = usable.loops()
        target = loops.closed(np.array(_any_configuration(loops.free_cycle)))
        _, actions = order(network, operating_point, target)
        if actions is None:
            continue
        states = after_each(network, operating_point, actions)
        assert states[-1].energised.all()
        for before, after in pairwise(states):
            assert not (before.energised & ~after.energised).any()
        restored += not states[0].energised.all()
    assert restored >= 4


def test_a_bus_without_a_load_keeps_its_supply_on_the_way() -> None:
    """The end of a feeder changes its supplier, and its old line comes first among the branches that are to open."""
    own = network_of("case33bw")
    end = 24
    kept = own.load.bus != end
    loads = Loads(
        tuple(name for name, keep in zip(own.load.name, kept, strict=True) if keep), own.load.bus[kept],
        own.load.p_mw[kept], own.load.q_mvar[kept],
        tuple(profile for profile, keep in zip(own.load.profile, kept, strict=True) if keep),
    )  # fmt: skip
    network = replace(own, load=loads)
    to_end, other, tie, tie_to_end = (_between(network, *ends) for ends in ((23, 24), (30, 31), (17, 32), (24, 28)))
    assert (to_end, tie) < (other, tie_to_end)
    target = network.branch.closed.copy()
    target[[to_end, other, tie, tie_to_end]] = False, False, True, True
    operating_point = operating_point_at(network, level=0.45)
    _, actions = order(network, operating_point, target)
    assert actions
    for state in after_each(network, operating_point, actions):
        assert state.energised.all()


def _between(network: Network, one: int, other: int) -> int:
    """The branch that joins two buses."""
    ends = np.sort([network.branch.from_bus, network.branch.to_bus], axis=0)
    return int(np.flatnonzero((ends[0] == one) & (ends[1] == other))[0])


def _any_configuration(cycle: object) -> list[int]:
    """Positions of independent columns (t, c): some radial configuration."""
    matrix, picked = np.asarray(cycle), []
    for column in range(matrix.shape[1]):
        if np.linalg.matrix_rank(matrix[:, [*picked, column]]) == len(picked) + 1:
            picked.append(column)
    return picked


def test_a_part_without_supply_is_divided_before_it_is_restored() -> None:
    """All of it at once would overload the one line that it is restored over."""
    network = network_of("city8")
    names = network.branch.name
    closed = np.zeros(network.n_branch, dtype=bool)
    closed[[names.index(name) for name in ("Ridge Line", "Campus Line", "Mall Line", "River Tie", "Freight Tie")]] = (
        True
    )
    target = network.branch.closed
    operating_point = operating_point_at(network, closed, 0.9)
    present, actions = order(network, operating_point, target)
    assert present.unsupplied_kw > 0
    assert actions is not None
    assert [names[action.branch] for action in actions[:2]] == ["River Tie", "Freight Tie"]
    states = after_each(network, operating_point, actions)
    assert states[-1].energised.all()
    assert max(state.loading_percent.max() for state in states) <= 100


def test_nothing_to_do_needs_no_action() -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network)
    assert order(network, operating_point, operating_point.closed)[1] == ()


def test_a_target_that_cuts_off_loads_has_no_order() -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network)
    target = operating_point.closed.copy()
    target[network.branch.name.index("Mall Line")] = False
    assert order(network, operating_point, target)[1] is None


def test_there_is_no_order_where_every_state_on_the_way_breaks_a_limit() -> None:
    """Stations at different voltages: a line between them carries far more than either of the radial states."""
    network = network_of("city8")
    own = operating_point_at(network, level=0.3)
    tie, opened = (network.branch.name.index(name) for name in ("Central South Line", "Central North Line"))
    target = own.closed.copy()
    target[[tie, opened]] = True, False
    apart = own.injection.generator_vm_pu.copy()
    apart[:2] = 1.05, 0.97
    operating_point = replace(own, injection=replace(own.injection, generator_vm_pu=apart))
    both = own.closed | target
    radial, meshed = most_loaded(network, operating_point.injection, (own.closed, target)), most_loaded(
        network, operating_point.injection, (both,)
    )  # fmt: skip
    assert meshed > radial + 5
    strict, mild = (Requirements(max_loading_percent=percent) for percent in ((radial + meshed) / 2, meshed + 1))
    assert order(network, operating_point, target, strict)[1] is None
    actions = order(network, operating_point, target, mild)[1]
    assert actions is not None
    assert [(action.branch, action.close) for action in actions] == [(tie, True), (opened, False)]


def most_loaded(network: Network, injection: Injection, states: tuple[BoolArray, ...]) -> float:
    """The largest loading in some states, in percent."""
    newton = PowerFlow(network)
    return max(float(newton.solve(injection, closed).loading_percent.max()) for closed in states)


@pytest.mark.skipif(not (SHARED / "feeders").exists(), reason="there are no benchmark feeders")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_long_plan_is_ordered_where_its_steps_are_too_many_to_compare(seed: int) -> None:
    """Between random configurations of 84 buses up to thirteen pairs change, by more steps than may be solved."""
    network = network_of(f"feeder:{SHARED / 'feeders' / 'feeder84'}.json")
    start, target = random_configurations(network, 2, seed)
    operating_point = operating_point_at(network, start, 0.2)
    present, actions = order(network, operating_point, target)
    assert actions is not None
    assert len(actions) == (start != target).sum() >= 20
    states = after_each(network, operating_point, actions)
    np.testing.assert_array_equal(states[-1].closed, target)
    for state in states:
        assert state.energised.all()
        assert np.nanmin(state.vm_pu) >= min(0.9, present.min_vm_pu) - 1e-6
