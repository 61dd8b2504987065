"""Supply as a choice: the largest part that limits allow, against an enumeration of every state; and one answer."""

from dataclasses import replace
from itertools import product

import networkx as nx
import numpy as np
import pytest

from grid.network import BoolArray, Network
from ml.optimisation.plans.limits import allowed
from ml.optimisation.plans.plan import Constraint, NoPlan, NoPlanKind, OutcomeKind, Requirements
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from ml.optimisation.radial.local_search import SearchSpace, SupplySearch
from ml.optimisation.radial.objective import FORBIDDEN_KW
from ml.optimisation.radial.trees import TreeDistribution
from ml.optimisation.switching import optimizer as deciding
from ml.optimisation.switching.choice import Choice, Choices
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from ml.optimisation.switching.situation import prior_phi
from tests.ml.operating_points import network_of, operating_point_at


def shedding(network: Network, operating_point: OperatingPoint) -> Choice:
    verifier, wanted = Verifier(network), Requirements()
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    return Choices(network, verifier.bounds).at(operating_point, wanted, present, sheds=True)


def supplied(network: Network, closed: BoolArray) -> BoolArray:
    net: nx.MultiGraph = nx.MultiGraph()
    net.add_nodes_from(range(network.n_bus))
    ends = network.branch.from_bus[closed].tolist(), network.branch.to_bus[closed].tolist()
    net.add_edges_from(zip(*ends, strict=True))
    fed = set().union(*(nx.node_connected_component(net, int(bus)) for bus in network.source_buses))
    return np.isin(np.arange(network.n_bus), list(fed))


def best_by_enumeration(network: Network, operating_point: OperatingPoint) -> float:
    """kW that some state restores: every setting of all available switches, verified by full AC power flow."""
    verifier, wanted, best = Verifier(network), Requirements(), 0.0
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    assert present is not None
    free = np.flatnonzero(operating_point.available)
    kw = 1000 * operating_point.injection.load_p_mw
    for setting in product((False, True), repeat=len(free)):
        closed = np.zeros(network.n_branch, dtype=bool)
        closed[free] = setting
        fed = supplied(network, closed)[network.load.bus]
        restored = float(kw[fed & ~present.supplied_loads].sum())
        if restored <= best + 1e-6 or (present.supplied_loads & ~fed).any():
            continue
        verdict = verifier.verdict(operating_point, closed, wanted)
        if verdict is not None and allowed(verdict, present, wanted):
            best = restored
    return best


@pytest.mark.parametrize(
    "name",
    [
        "Harbour Line",
        pytest.param("Campus Line", marks=pytest.mark.long),
        pytest.param("Ridge Line", marks=pytest.mark.long),
        pytest.param("Westside Line", marks=pytest.mark.long),
    ],
)
def test_as_much_is_restored_as_any_state_of_the_city_can(name: str) -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network, out=(network.branch.name.index(name),))
    outcome = SwitchingOptimizer(network, seed=1).propose(operating_point, Requirements()).outcome
    assert outcome.restored_kw == pytest.approx(best_by_enumeration(network, operating_point), abs=1e-3)
    if name == "Campus Line":
        assert (outcome.kind, outcome.restored_kw, outcome.unsupplied_kw) == (
            OutcomeKind.PART_RESTORED, pytest.approx(28_000), pytest.approx(20_000)
        )  # fmt: skip


def test_that_no_state_can_supply_more_is_said() -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network, out=(network.branch.name.index("Campus Line"),))
    dark = ~supplied(network, operating_point.closed)[network.load.bus]
    load_p_mw = np.where(dark, 2000.0, operating_point.injection.load_p_mw)
    collapsing = replace(operating_point, injection=replace(operating_point.injection, load_p_mw=load_p_mw))
    proposal = SwitchingOptimizer(network, seed=1).propose(collapsing, Requirements())
    assert proposal.outcome.kind is OutcomeKind.NOTHING_RESTORABLE
    assert (proposal.outcome.binding, proposal.outcome.hindrance) == (None, NoPlanKind.NO_STATE)


def test_that_no_safe_order_leads_to_more_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("city8")
    operating_point = operating_point_at(network, level=0.7, out=(network.branch.name.index("Campus Line"),))
    monkeypatch.setattr(deciding, "safe_order", lambda *_arguments: ())
    proposal = SwitchingOptimizer(network, seed=1).propose(operating_point, Requirements())
    assert (proposal.plan, proposal.outcome.kind) == (None, OutcomeKind.NOTHING_RESTORABLE)
    assert (proposal.outcome.binding, proposal.outcome.hindrance) == (None, NoPlanKind.NO_ORDER)
    assert proposal.reason == NoPlan(kind=NoPlanKind.NO_ORDER)
    assert proposal.conflict is Constraint.SUPPLY


def test_what_is_shed_is_what_a_proof_leaves() -> None:
    """The judge's mixed-integer programme (tests.benchmarks.restoration_judge) proves that no forest restores more."""
    network = network_of("case33bw")
    operating_point = operating_point_at(network, level=0.75, out=(1,))
    outcome = SwitchingOptimizer(network, seed=1).propose(operating_point, Requirements()).outcome
    assert outcome.kind is OutcomeKind.PART_RESTORED
    assert outcome.restored_kw == pytest.approx(1976.25, abs=0.25)


def test_a_search_from_where_another_came_to_evaluates_nothing_again() -> None:
    network = network_of("case33bw")
    choice = shedding(network, operating_point_at(network, out=(1,)))
    assert choice.virtual is not None
    assert choice.start is not None
    space = SearchSpace(loops=choice.loops, costs=choice.cost, predicted=choice.predicted, blind_from=FORBIDDEN_KW)
    search = SupplySearch(space=space, virtual=choice.virtual, tolerant=choice.tolerant_cost)
    first, again = search.run(choice.start), search.run(choice.start[::-1])
    assert first.evaluated > 0
    assert again.evaluated == 0
    assert again.cost == first.cost == pytest.approx(choice.cost(first.opened[None])[0])
    np.testing.assert_array_equal(again.opened, first.opened)


def test_what_a_configuration_leaves_without_supply_is_what_its_states_leave() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network, out=(1,))
    choice, rng = shedding(network, operating_point), np.random.default_rng(3)
    drawn = TreeDistribution(choice.loops, 0.3 * prior_phi(choice.seen)).sample(40, rng)[0]
    alive = supplied(network, operating_point.closed)
    assert choice.objective.shedding is not None
    weight = choice.objective.shedding.weight
    partly = 0
    for opened, lacking_kw in zip(drawn, choice.objective.unsupplied_kw(drawn, choice.grid.load_pu), strict=True):
        fed = supplied(network, choice.closed(opened))
        expected = 1000 * network.base_mva * float((choice.grid.load_pu * weight)[~fed].sum())
        assert lacking_kw == pytest.approx(expected, rel=1e-9, abs=1e-6)
        partly += bool((fed & ~alive).any() and (~fed & ~alive).any())
    assert partly >= 5
    assert set(weight[alive & (choice.grid.load_pu > 0)]) == {1e4}  # what has supply now keeps it


def test_switches_between_buses_without_supply_stay_as_they_are() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network, out=(1,))
    choice = shedding(network, operating_point)
    assert choice.start is not None
    np.testing.assert_array_equal(choice.closed(choice.start), operating_point.closed)
    np.testing.assert_array_equal(np.sort(choice.opened(operating_point.closed)), choice.start)


def test_the_dearest_loads_come_first() -> None:
    """With one load worth a hundred others, it is supplied, though less comes back in all."""
    network = network_of("case33bw")
    operating_point = operating_point_at(network, out=(1,))
    alike = SwitchingOptimizer(network, seed=1).propose(operating_point, Requirements())
    assert alike.plan is not None
    left = np.flatnonzero(~alike.plan.after.supplied_loads)
    priority = np.ones(len(network.load))
    priority[left] = 100.0
    preferring = OperatingPoint(**{**vars(operating_point), "priority": priority})
    plan = SwitchingOptimizer(network, seed=1).propose(preferring, Requirements()).plan
    assert plan is not None
    assert plan.after.supplied_loads[left].any()
    assert plan.after.weighted_unsupplied_kw < alike.plan.after.unsupplied_kw * 100


def test_one_moment_has_one_answer_whatever_was_asked_before() -> None:
    network = network_of("case33bw")
    moments = [operating_point_at(network, level=level, out=(out,)) for level, out in ((1.0, 28), (0.9, 1), (1.1, 22))]
    first = SwitchingOptimizer(network, seed=1)
    codes = [[first.propose(one, Requirements()).plan for one in order] for order in (moments, moments[::-1])]
    other = [SwitchingOptimizer(network, seed=1).propose(one, Requirements()).plan for one in moments]
    names = [[None if plan is None else plan.code for plan in plans] for plans in (codes[0], codes[1][::-1], other)]
    assert names[0] == names[1] == names[2]
    assert None not in names[0]


def test_a_feeder_in_export_is_improved_too() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network)
    own = operating_point.injection
    pv = np.where(np.arange(len(own.load_p_mw)) % 3 == 0, 4.5, 0.0) * own.load_p_mw
    sunny = OperatingPoint(
        **{**vars(operating_point), "injection": type(own)(**{**vars(own), "load_p_mw": own.load_p_mw - pv})}
    )
    proposal = SwitchingOptimizer(network, seed=1).propose(sunny, Requirements())
    assert proposal.present.state.generator_p_mw[0] < 0
    assert proposal.plan is not None
    assert proposal.outcome.kind is OutcomeKind.BETTER_PLAN
