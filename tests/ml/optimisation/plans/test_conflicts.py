"""Requirements that nothing keeps: what is named is what has to give way, with its asset; enumeration agrees."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from grid.flow.powerflow import PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, Network
from ml.optimisation.optimizer import SmartGridOptimizer
from ml.optimisation.plans.plan import Constraint, NoPlan, NoPlanKind, OutcomeKind, Requirements
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from tests.benchmarks.conflicts import Infeasible, infeasible_sets, judged
from tests.ml.exhaustive import BATCH, ranked
from tests.ml.operating_points import network_of, operating_point_at

LONG = ("case118",)


@cache
def optimizer_of(name: str) -> SmartGridOptimizer:
    return SmartGridOptimizer(network_of(name))


def cases() -> list[object]:
    """The sets of the table; the large grid's take seconds each."""
    return [
        pytest.param(one, id=f"{one.grid}, {one.what}", marks=[pytest.mark.long] if one.grid in LONG else [])
        for one in infeasible_sets()
    ]


@pytest.mark.parametrize("case", cases())
def test_giving_up_exactly_what_is_named_is_what_helps(case: Infeasible) -> None:
    found = judged(case, optimizer_of(case.grid))
    assert found.wrong == ()
    assert found.answer.plan is None
    assert found.asset
    assert found.answer.outcome.kind is (OutcomeKind.NOTHING_RESTORABLE if case.out else OutcomeKind.CONFLICT)


def test_there_are_enough_sets_of_every_kind() -> None:
    found = infeasible_sets()
    assert len(found) >= 20
    assert {one.grid for one in found} == {"city8", "case33bw", "case14", "case30", "case118"}
    named = {constraint for one in found for constraint in one.named}
    assert named == set(Requirements().without(*named).asked) | named
    assert len(named) == 7


@cache
def extremes(out: int | None) -> tuple[float, float]:
    """Of all radial configurations of 33 buses without a branch: the best lowest voltage, the least highest loading."""
    network = network_of()
    grid = RadialGrid.of(network)
    loops = grid.loops(None if out is None else np.array([out]))
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    opened, _ = ranked(lambda some: np.nan_to_num(flow.solve(some, grid.demand_pu).loss_pu, nan=np.inf), loops)
    base_ka = network.base_mva / (np.sqrt(3) * network.bus.vn_kv[network.branch.from_bus])
    best_pu, least_percent = 0.0, np.inf
    for part in np.array_split(opened, 1 + len(opened) // BATCH):
        states = flow.solve(part, grid.demand_pu)
        loading = 100 * np.abs(states.current_pu) * base_ka / network.branch.rating_from_ka
        best_pu = max(best_pu, float(states.vm_pu.min(axis=1).max()))
        least_percent = min(least_percent, float(loading.max(axis=1).min()))
    return best_pu, least_percent


def test_what_is_said_to_be_impossible_on_33_buses_is_so_in_every_configuration() -> None:
    best_pu, least_percent = extremes(None)
    assert 0.935 < best_pu < 0.95
    assert least_percent > 10
    optimizer, point = optimizer_of("case33bw"), operating_point_at(network_of())
    low = optimizer.propose(point, Requirements(min_vm_pu=0.95))
    assert low.conflict is Constraint.LOW_VOLTAGE
    assert low.reason is not None
    assert low.reason.margin is not None
    assert low.reason.margin.value <= best_pu + 1e-4
    loaded = optimizer.propose(point, Requirements(max_loading_percent=10))
    assert loaded.conflict is Constraint.LOADING
    assert loaded.reason is not None
    assert loaded.reason.margin is not None
    assert loaded.reason.margin.value >= least_percent - 0.1


def test_no_single_exchange_keeps_what_one_pair_is_not_enough_for() -> None:
    network, point = network_of(), operating_point_at(network_of())
    answer = optimizer_of("case33bw").propose(point, Requirements(min_vm_pu=0.935, most_pairs=1))
    assert answer.reason is not None
    assert (answer.conflict, answer.reason.instead) == (Constraint.LOW_VOLTAGE, (Constraint.ACTIONS,))
    newton, best_pu = PowerFlow(network), 0.0
    for tie in np.flatnonzero(~point.closed):
        for branch in np.flatnonzero(point.closed):
            closed = point.closed.copy()
            closed[[tie, branch]] = True, False
            try:
                state = newton.solve(point.injection, closed)
            except PowerFlowDivergedError:
                continue
            if state.energised.all():
                best_pu = max(best_pu, float(state.vm_pu.min()))
    assert best_pu < 0.935
    assert answer.reason.margin is not None
    assert answer.reason.margin.value <= best_pu + 1e-6


def test_the_outage_that_is_named_is_survived_by_no_configuration() -> None:
    network, point = network_of(), operating_point_at(network_of())
    answer = optimizer_of("case33bw").propose(point, Requirements(n_minus_1=True))
    assert answer.conflict is Constraint.N_MINUS_1
    assert answer.reason is not None
    assert answer.reason.kind is NoPlanKind.NO_RESTORATION
    assert extremes(answer.reason.outage)[0] < 0.9
    assert answer.reason.margin is not None
    assert answer.reason.margin.value < answer.reason.margin.limit == 0.9
    assert answer.outcome.binding is not None
    assert answer.outcome.binding.element == network.branch.name[answer.reason.outage]


@pytest.mark.parametrize("spec", ["case14", "case30"])
def test_the_outage_named_in_a_meshed_grid_breaks_what_is_said(spec: str) -> None:
    network, point = network_of(spec), operating_point_at(network_of(spec))
    answer = optimizer_of(spec).propose(point, Requirements(n_minus_1=True))
    assert answer.conflict is Constraint.N_MINUS_1
    assert answer.reason is not None
    margin = answer.reason.margin
    assert margin is not None
    closed = point.closed.copy()
    closed[answer.reason.outage] = False
    after = PowerFlow(network).solve(point.injection, closed)
    lost_kw = 1000 * point.injection.load_p_mw[~after.energised[network.load.bus]].sum()
    if margin.constraint is Constraint.SUPPLY:  # whatever is dispatched
        assert margin.value == pytest.approx(lost_kw)
    else:
        assert margin.constraint is Constraint.LOADING
        assert after.loading_percent[network.branch.name.index(margin.element)] > 100


def test_locks_are_named_by_what_they_hold() -> None:
    network = network_of()
    ties, optimizer = frozenset(range(32, 37)), optimizer_of("case33bw")
    held = optimizer.propose(operating_point_at(network), Requirements(locked=ties | {0}))
    assert held.conflict is Constraint.LOCKED
    assert held.reason is not None
    assert held.reason.kind is NoPlanKind.NO_SWITCH
    assert set(held.reason.branches) == ties  # the first line is on no loop: its lock holds nothing
    out = operating_point_at(network, level=0.6, out=(9,))
    dark = optimizer.propose(out, Requirements(locked=ties))
    assert dark.reason is not None
    live = dark.present.state.energised
    assert dark.reason.kind is NoPlanKind.CUT_OFF
    assert dark.reason.branches
    for branch in dark.reason.branches:
        assert not (live[network.branch.from_bus[branch]] and live[network.branch.to_bus[branch]])


def test_locks_are_no_conflict_where_the_present_state_is_the_best_without_them_too() -> None:
    network, optimizer = network_of(), optimizer_of("case33bw")
    best = optimizer.propose(operating_point_at(network), Requirements()).plan
    assert best is not None
    point = operating_point_at(network, best.after.closed)
    everything = Requirements(locked=frozenset(range(network.n_branch)))
    answer = optimizer.propose(point, everything)
    assert (answer.plan, answer.conflict, answer.outcome.kind) == (None, None, OutcomeKind.NONE_BETTER)
    assert answer.reason == NoPlan(kind=NoPlanKind.BEST_FOUND)
    dispatched = optimizer_of("case14").propose(operating_point_at(network_of("case14")), Requirements()).plan
    assert dispatched is not None
    now = replace(operating_point_at(network_of("case14")), injection=dispatched.after.injection)
    held = optimizer_of("case14").propose(now, Requirements(locked_generators=frozenset(range(5))))
    assert (held.plan, held.conflict, held.reason) == (None, None, NoPlan(kind=NoPlanKind.BEST_FOUND))


def test_a_lock_too_few_is_no_conflict() -> None:
    answer = optimizer_of("case33bw").propose(
        operating_point_at(network_of()), Requirements(locked=frozenset(range(33, 37)))
    )
    assert answer.conflict is None
    assert answer.plan is not None


def test_what_the_case_itself_breaks_is_no_conflict_with_a_person() -> None:
    """Load that is out of reach stays dark whatever a person gives up."""
    answer = optimizer_of("case33bw").propose(
        operating_point_at(network_of(), out=(0,)), Requirements(max_loading_percent=300.0)
    )
    assert answer.plan is None
    assert answer.reason is not None
    assert answer.reason.also == answer.reason.instead == ()


def test_a_mere_answer_takes_the_word_of_the_nearest_state() -> None:
    network, optimizer = network_of(), optimizer_of("case33bw")
    wanted = Requirements(min_vm_pu=0.935, locked=frozenset(range(32, 37)))
    point = operating_point_at(network)
    answer, proposal = optimizer.answer(point, wanted), optimizer.propose(point, wanted)
    assert answer.plan is proposal.plan is None
    assert (answer.conflict, proposal.conflict) == (Constraint.LOW_VOLTAGE, Constraint.LOCKED)


def test_requirements_can_be_given_up_one_by_one() -> None:
    asked = Requirements(
        risk_weight=0.1, min_vm_pu=0.95, max_vm_pu=1.05, max_loading_percent=90, locked=frozenset({1}), most_pairs=1,
        n_minus_1=True, required_closed=frozenset({2}), locked_generators=frozenset({0}),
    )  # fmt: skip
    assert len(asked.asked) == 7
    for constraint in asked.asked:
        assert set(asked.without(constraint).asked) == set(asked.asked) - {constraint}
    assert asked.without(*asked.asked) == Requirements(risk_weight=0.1)
    with pytest.raises(ValueError, match="nobody can ask for supply"):
        asked.without(Constraint.SUPPLY)


def station_voltages_apart(network: Network) -> tuple[int, int, OperatingPoint]:
    """Two stations at different voltages: a tie between them, a branch, and the operating point."""
    own = operating_point_at(network, level=0.3)
    apart = own.injection.generator_vm_pu.copy()
    apart[:2] = 1.05, 0.97
    tie, opened = (network.branch.name.index(name) for name in ("Central South Line", "Central North Line"))
    return tie, opened, replace(own, injection=replace(own.injection, generator_vm_pu=apart))


def loop_too_loaded(network: Network) -> tuple[OperatingPoint, BoolArray, Requirements]:
    """A moment, the only other configuration, and a loading that both keep, but not the loop on the way."""
    tie, opened, point = station_voltages_apart(network)
    newton, target = PowerFlow(network), point.closed.copy()
    target[[tie, opened]] = True, False
    radial, meshed = (
        max(float(newton.solve(point.injection, closed).loading_percent.max()) for closed in states)
        for states in ((point.closed, target), (point.closed | target,))
    )
    others = frozenset(range(network.n_branch)) - {tie, opened}
    return point, target, Requirements(max_loading_percent=(radial + meshed) / 2, locked=others)


def test_where_no_safe_order_leads_to_what_keeps_it_that_is_said() -> None:
    network = network_of("city8")
    point, target, wanted = loop_too_loaded(network)
    tie = int(np.flatnonzero(target & ~point.closed)[0])
    answer = optimizer_of("city8").propose(point, replace(wanted, required_closed=frozenset({tie})))
    assert answer.plan is None
    assert answer.reason is not None
    assert answer.reason.kind is NoPlanKind.NO_ORDER
    assert answer.conflict in {Constraint.REQUIRED, Constraint.LOADING}


def test_a_better_state_that_no_safe_order_leads_to_is_not_hidden() -> None:
    network = network_of("city8")
    point, target, wanted = loop_too_loaded(network)
    newton = PowerFlow(network)
    states = sorted((point.closed, target), key=lambda closed: newton.solve(point.injection, closed).total_loss_mw)
    answer = optimizer_of("city8").propose(replace(point, closed=states[1]), wanted)
    assert (answer.plan, answer.conflict) == (None, None)
    assert answer.reason == NoPlan(kind=NoPlanKind.NO_ORDER)
    assert answer.outcome.kind is OutcomeKind.NONE_BETTER
    best = optimizer_of("city8").propose(replace(point, closed=states[0]), wanted)
    assert best.reason == NoPlan(kind=NoPlanKind.BEST_FOUND)
