"""What an operation by hand would do: who goes dark by networkx, losses by pandapower, loops and limits by counting."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.flow.topology import loop_closed_by
from grid.network import Network
from ml.optimisation.plans.by_hand import Setting, Switching, checked_operation, effect_of
from ml.optimisation.plans.plan import Constraint, PlanProblemKind
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from tests.ml.operating_points import network_of, operating_point_at, pv_feeder, pv_net, solved_by_pandapower

LOOPED14 = [0, 1, 2, 3, 4, 5]  # branches of case14 that are in a loop
LARGEST_SWITCHED = 40  # branches of a meshed grid that are tried


def graph_of(network: Network, closed: np.ndarray) -> nx.MultiGraph:
    """All sources are one node, -1."""
    branch, sources = network.branch, set(network.source_buses.tolist())
    graph = nx.MultiGraph()
    graph.add_nodes_from([-1, *(bus for bus in range(network.n_bus) if bus not in sources)])
    for i in np.flatnonzero(closed).tolist():
        ends = (int(branch.from_bus[i]), int(branch.to_bus[i]))
        graph.add_edge(*(-1 if bus in sources else bus for bus in ends), key=i)
    return graph


def dark_loads(network: Network, closed: np.ndarray) -> set[int]:
    supplied = nx.node_connected_component(graph_of(network, closed), -1) | set(network.source_buses.tolist())
    return {load for load, bus in enumerate(network.load.bus.tolist()) if bus not in supplied}


@pytest.mark.parametrize("spec", ["case33bw", "city8", "case14"])
def test_who_goes_dark_and_who_comes_back_is_what_the_graph_says(spec: str) -> None:
    network = network_of(spec)
    verifier, point = Verifier(network), operating_point_at(network)
    load_kw = 1000 * point.injection.load_p_mw
    before = dark_loads(network, point.closed)
    for branch in np.flatnonzero(network.branch.in_service)[:LARGEST_SWITCHED].tolist():
        effect = effect_of(verifier, point, Switching(branch=branch, close=not point.closed[branch]))
        then = point.closed.copy()
        then[branch] = not then[branch]
        expected = sorted(load for load in dark_loads(network, then) - before if load_kw[load] > 0)
        assert effect.dark.tolist() == expected
        assert effect.dark_kw == pytest.approx(load_kw[expected].sum())
        assert effect.restored.size == 0
        assert effect.problem is None
        opened = OperatingPoint(**{**vars(point), "closed": then})
        back = effect_of(verifier, opened, Switching(branch=branch, close=bool(point.closed[branch])))
        assert back.restored.tolist() == expected
        assert back.restored_kw == pytest.approx(effect.dark_kw)


def test_losses_voltages_and_loadings_are_pandapowers() -> None:
    net, network = pandapower.networks.case33bw(), network_of()
    verifier, point = Verifier(network), operating_point_at(network, level=0.8)
    for branch in range(network.n_branch):
        effect = effect_of(verifier, point, Switching(branch=branch, close=not point.closed[branch]))
        assert effect.after is not None
        then = point.closed.copy()
        then[branch] = not then[branch]
        solved_by_pandapower(net, point.injection, then)
        assert effect.after.loss_kw == pytest.approx(1000 * net.res_line.pl_mw.sum(), abs=1e-4)
        assert effect.after.min_vm_pu == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-7)


def test_a_generator_that_is_set_changes_losses_as_pandapower_says() -> None:
    net, network = pv_net(), pv_feeder()
    point = operating_point_at(network)
    free = int(np.flatnonzero(~network.generator.is_source)[0])
    roomy = replace(network, generator=replace(network.generator, max_p_mw=np.full(len(network.generator), 5.0)))
    operation = checked_operation(roomy, Setting(generator=free, p_mw=0.4))
    effect = effect_of(Verifier(roomy), point, operation)
    assert effect.before is not None
    assert effect.after is not None
    solved_by_pandapower(net, effect.after.injection, point.closed)
    assert effect.after.loss_kw == pytest.approx(1000 * net.res_line.pl_mw.sum(), abs=1e-4)
    assert effect.after.loss_kw < effect.before.loss_kw
    assert effect.dark.size == effect.restored.size == len(effect.loop) == 0


@pytest.mark.parametrize("spec", ["case33bw", "city8", "case14"])
def test_a_loop_is_a_shortest_one_of_closed_branches(spec: str) -> None:
    network = network_of(spec)
    point = operating_point_at(network)
    branch, sources = network.branch, network.source_buses
    ties = np.flatnonzero(~point.closed & branch.in_service).tolist() or LOOPED14
    for tie in ties:
        closed = point.closed & (np.arange(network.n_branch) != tie)
        loop = loop_closed_by(network.n_bus, branch.from_bus, branch.to_bus, closed, sources, tie)
        graph, set_of = graph_of(network, closed), set(sources.tolist())
        ends = [-1 if bus in set_of else bus for bus in (int(branch.from_bus[tie]), int(branch.to_bus[tie]))]
        assert loop[0] == tie
        assert len(loop) == nx.shortest_path_length(graph, *ends) + 1
        assert closed[list(loop[1:])].all()
        with_tie = graph_of(network, np.isin(np.arange(network.n_branch), loop))
        assert all(degree in (0, 2) for _, degree in with_tie.degree())


def test_nothing_loops_where_one_end_is_dark() -> None:
    network = network_of()
    branch, closed = network.branch, network.branch.closed.copy()
    closed[0] = False
    tie = int(np.flatnonzero(~network.branch.closed)[0])
    assert loop_closed_by(network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses, tie) == ()


def test_limits_that_get_broken_are_told_with_their_values() -> None:
    network = network_of()
    branch = network.branch
    point = operating_point_at(network)
    tight = replace(network, branch=replace(branch, rating_from_ka=branch.rating_from_ka * np.nan))
    low = replace(tight, bus=replace(tight.bus, min_vm_pu=np.full(network.n_bus, 0.9)))
    tie, opened = int(np.flatnonzero(~point.closed)[0]), 6
    closed = effect_of(Verifier(low), point, Switching(branch=tie, close=True))
    assert closed.after is not None
    looped = OperatingPoint(**{**vars(point), "closed": closed.after.closed})
    effect = effect_of(Verifier(low), looped, Switching(branch=opened, close=False))
    assert effect.after is not None
    below = np.flatnonzero(effect.after.state.vm_pu < 0.9 - 1e-5)
    worse = {item.element for item in effect.broken}
    assert {item.constraint for item in effect.broken} <= {Constraint.LOW_VOLTAGE}
    names = {network.bus.name[bus] for bus in below}
    assert worse <= names
    assert len(worse) + effect.still_broken == len(names)
    for item in effect.broken:
        bus = network.bus.name.index(item.element)
        assert item.value == pytest.approx(effect.after.state.vm_pu[bus])
        assert item.limit == pytest.approx(0.9)
        assert item.value < item.before


def test_what_cannot_be_done_has_its_reason() -> None:
    network = network_of()
    verifier, point = Verifier(network), operating_point_at(network)

    def kind(operation: Switching | Setting, at: OperatingPoint = point, faulty: np.ndarray | None = None) -> object:
        problem = effect_of(verifier, at, operation, faulty).problem
        return None if problem is None else problem.kind

    tie = int(np.flatnonzero(~point.closed)[0])
    assert kind(Switching(branch=0, close=True)) is PlanProblemKind.SWITCHED_ALREADY
    assert kind(Switching(branch=tie, close=True)) is None
    out = operating_point_at(network, out=(tie,))
    assert kind(Switching(branch=tie, close=True), out) is PlanProblemKind.OUT_OF_SERVICE
    heavy = operating_point_at(network, level=3.0)
    assert kind(Switching(branch=0, close=False), heavy) is None
    dark = operating_point_at(
        network, closed=effect_of(verifier, point, Switching(branch=17, close=False)).after.closed
    )  # type: ignore[union-attr]
    faulty = np.zeros(network.n_bus, dtype=bool)
    faulty[int(network.branch.to_bus[17])] = True
    assert kind(Switching(branch=17, close=True), dark) is None
    assert kind(Switching(branch=17, close=True), dark, faulty) is PlanProblemKind.FAULT_STANDS


def test_wrong_operations_name_the_field() -> None:
    network = network_of("case14")
    source = int(np.flatnonzero(network.generator.is_source)[0])
    other = int(np.flatnonzero(~network.generator.is_source)[0])
    wrong = {
        Switching(branch=network.n_branch, close=True): "target",
        Setting(generator=-1, p_mw=1.0): "target",
        Setting(generator=other): "p_mw",
        Setting(generator=source, p_mw=1.0): "p_mw",
        Setting(generator=other, p_mw=1e6): "p_mw",
        Setting(generator=other, vm_pu=2.0): "vm_pu",
    }
    for operation, field in wrong.items():
        with pytest.raises(ValueError, match=f"^{field}:"):
            checked_operation(network, operation)
    pv = pv_feeder()
    with pytest.raises(ValueError, match=r"^vm_pu:.*doesn't hold a voltage"):
        checked_operation(pv, Setting(generator=1, vm_pu=1.0))


def test_another_effect_has_another_code() -> None:
    network = network_of()
    verifier, point = Verifier(network), operating_point_at(network)
    codes = {
        effect_of(verifier, point, Switching(branch=branch, close=not point.closed[branch])).code
        for branch in range(network.n_branch)
    }
    assert len(codes) == network.n_branch
    opened = OperatingPoint(**{**vars(point), "closed": point.closed & (np.arange(network.n_branch) != 10)})
    by_then = effect_of(verifier, opened, Switching(branch=8, close=False))
    assert by_then.code != effect_of(verifier, point, Switching(branch=8, close=False)).code  # others are dark already
