"""Verdicts: their totals are the power flow's, limits of the case and of a person are told apart, nothing leaks."""

import gc
import weakref
from dataclasses import replace

import networkx as nx
import numpy as np
import pandapower.networks
import pytest

from grid.flow.powerflow import PowerFlow
from grid.network import BoolArray, Network
from ml.optimisation.plans import verification
from ml.optimisation.plans.limits import allowed, broken
from ml.optimisation.plans.plan import Constraint, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier
from tests.ml.operating_points import (
    PROBABILITY,
    network_of,
    operating_point_at,
    random_configurations,
    solved_by_pandapower,
    varied,
)

BOTH_LIMITS = Requirements(min_vm_pu=0.99, max_vm_pu=1.02)


def judged(
    spec: str, wanted: Requirements | None = None, level: float = 1.0, change: dict[str, bool] | None = None
) -> Verdict:
    """The verdict on a case's own state with some branches, by name, opened or closed."""
    network = network_of(spec)
    closed = network.branch.closed.copy()
    for name, close in (change or {}).items():
        closed[network.branch.name.index(name)] = close
    operating_point = operating_point_at(network, closed, level)
    verdict = Verifier(network).verdict(operating_point, operating_point.closed, wanted or Requirements())
    assert verdict is not None
    return verdict


def interrupted_kw(network: Network, operating_point: OperatingPoint, closed: BoolArray) -> float:
    """What is expected to be interrupted within a year, branch by branch, by nx."""
    branch, total = network.branch, 0.0
    demand = np.bincount(network.load.bus, operating_point.injection.load_p_mw, network.n_bus)

    def supplied_mw(states: BoolArray) -> float:
        net = nx.Graph()
        net.add_nodes_from(range(network.n_bus))
        net.add_edges_from(zip(branch.from_bus[states].tolist(), branch.to_bus[states].tolist(), strict=True))
        fed = set().union(*(nx.node_connected_component(net, int(source)) for source in network.source_buses))
        return float(demand[list(fed)].sum())

    before = supplied_mw(closed)
    for index in np.flatnonzero(closed):
        after = closed.copy()
        after[index] = False
        total += 1000 * operating_point.failure_probability[index] * (before - supplied_mw(after))
    return total


@pytest.mark.parametrize("spec", ["case33bw", "city8", "cigre_mv"])
def test_totals_are_the_power_flows(spec: str) -> None:
    network, rng = network_of(spec), np.random.default_rng(3)
    verifier, newton = Verifier(network), PowerFlow(network)
    for closed in random_configurations(network, 4, 3):
        operating_point = varied(operating_point_at(network, closed, 0.3), rng)
        verdict = verifier.verdict(operating_point, closed, Requirements(risk_weight=2.0))
        assert verdict is not None
        state = newton.solve(operating_point.injection, closed)
        assert verdict.loss_kw == pytest.approx(1000 * state.total_loss_mw, abs=1e-4)
        assert (verdict.min_vm_pu, verdict.max_vm_pu) == pytest.approx((state.vm_pu.min(), state.vm_pu.max()))
        assert verdict.state.vm_pu[verdict.min_vm_bus] == verdict.min_vm_pu
        assert verdict.expected_interrupted_kw == pytest.approx(interrupted_kw(network, operating_point, closed))
        assert verdict.objective_kw == pytest.approx(verdict.loss_kw + 2 * verdict.expected_interrupted_kw)


def test_losses_and_voltages_are_pandapowers() -> None:
    network, net = network_of("case33bw"), pandapower.networks.case33bw()
    closed = random_configurations(network, 1, 8)[0]
    operating_point = operating_point_at(network, closed, 0.5)
    verdict = Verifier(network).verdict(operating_point, closed, Requirements())
    assert verdict is not None
    solved_by_pandapower(net, operating_point.injection, closed)
    assert verdict.loss_kw == pytest.approx(1000 * net.res_line.pl_mw.sum(), abs=1e-3)
    assert verdict.min_vm_pu == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-7)
    assert network.bus.name[verdict.min_vm_bus] == network.bus.name[int(net.res_bus.vm_pu.argmin())]


def test_a_case_that_keeps_its_limits_violates_none() -> None:
    verdict = judged("city8")
    assert verdict.violation == {}
    assert {margin.constraint for margin in verdict.margins} == {
        Constraint.SUPPLY, Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE, Constraint.LOADING, Constraint.GENERATION
    }  # fmt: skip
    assert all(margin.excess <= 0 for margin in verdict.margins)
    assert verdict.excess.total == 0


def test_a_persons_voltage_band_replaces_the_cases() -> None:
    own, asked = judged("city8"), judged("city8", BOTH_LIMITS)
    limits = {margin.constraint: margin.limit for margin in own.margins}
    assert (limits[Constraint.LOW_VOLTAGE], limits[Constraint.HIGH_VOLTAGE]) == (0.94, 1.06)
    assert asked.violation == {
        Constraint.LOW_VOLTAGE: pytest.approx(0.99 - own.min_vm_pu),
        Constraint.HIGH_VOLTAGE: pytest.approx(own.max_vm_pu - 1.02),
    }
    nearest = {margin.constraint: margin.element for margin in asked.margins}
    assert nearest[Constraint.LOW_VOLTAGE] == "Downtown Substation"
    assert asked.excess.total > 0


def test_loading_counts_only_where_the_case_gave_the_rating_unless_a_person_asks_for_one() -> None:
    feeder = judged("case33bw")
    assert np.isnan(feeder.max_loading_percent)
    assert feeder.max_loading_branch == -1
    assert Constraint.LOADING not in {margin.constraint for margin in feeder.margins} | feeder.violation.keys()
    city = judged("city8", Requirements(max_loading_percent=80))
    assert city.violation == {Constraint.LOADING: pytest.approx(city.state.loading_percent.max() - 80)}
    assert city.max_loading_percent == city.state.loading_percent[city.max_loading_branch]


def test_loads_without_supply_and_loops_are_violations() -> None:
    cut = judged("city8", change={"Campus Line": False})
    assert cut.violation == {Constraint.SUPPLY: pytest.approx(48_000)}
    assert cut.unsupplied_kw == pytest.approx(48_000)
    loop = judged("city8", change={"Central South Line": True})
    assert loop.violation == {Constraint.RADIAL: 1.0}


def test_sources_keep_the_limits_that_the_case_gave() -> None:
    city = judged("city8", level=1.25)
    largest = city.state.generator_p_mw[:2].max()
    assert city.violation[Constraint.GENERATION] == pytest.approx(largest - 160)
    assert Constraint.GENERATION not in judged("cigre_mv", level=1.2).violation  # it doesn't say what its grid can give


def test_without_any_supply_there_is_still_a_verdict() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network, np.zeros(network.n_branch, dtype=bool))
    off = replace(operating_point, injection=replace(operating_point.injection, generator_on=np.array([False])))
    verdict = Verifier(network).verdict(off, off.closed, BOTH_LIMITS)
    assert verdict is not None
    assert verdict.unsupplied_kw == pytest.approx(3715)
    assert np.isnan(verdict.min_vm_pu)
    assert verdict.loss_kw == verdict.expected_interrupted_kw == 0


def test_there_is_no_verdict_without_a_solution() -> None:
    network = network_of("case33bw")
    operating_point = operating_point_at(network, level=6.0)
    assert Verifier(network).verdict(operating_point, operating_point.closed, Requirements()) is None


def test_a_broken_limit_of_the_case_may_stay_broken_but_no_further() -> None:
    present, worse, better = (judged("city8", level=level) for level in (1.2, 1.22, 1.19))
    assert Constraint.LOADING in present.violation
    wanted = Requirements()
    assert allowed(present, present, wanted)
    assert allowed(better, present, wanted)
    assert Constraint.LOADING in broken(worse, present, wanted)
    assert not allowed(present, judged("city8"), wanted)


def test_a_persons_limit_must_be_kept_in_the_end_but_not_on_the_way() -> None:
    for wanted, constraint in (
        (Requirements(min_vm_pu=0.99), Constraint.LOW_VOLTAGE),
        (Requirements(max_vm_pu=1.02), Constraint.HIGH_VOLTAGE),
        (Requirements(max_loading_percent=60), Constraint.LOADING),
    ):
        present = judged("city8", wanted)
        assert broken(present, present, wanted) == (constraint,)
        assert allowed(present, present, wanted, in_between=True)
    wanted = Requirements(max_loading_percent=60)
    heavier = judged("city8", wanted, level=1.02)
    assert Constraint.LOADING in broken(heavier, judged("city8", wanted), wanted, in_between=True)


def test_a_loop_is_allowed_only_on_the_way() -> None:
    loop, present = judged("city8", change={"Central South Line": True}), judged("city8")
    assert broken(loop, present, Requirements()) == (Constraint.RADIAL,)
    assert allowed(loop, present, Requirements(), in_between=True)


def test_what_is_kept_never_leaks_to_another_moment_or_requirement() -> None:
    network = network_of("city8")
    verifier, light, heavy = (
        Verifier(network),
        operating_point_at(network, level=0.5),
        operating_point_at(network, level=1.0),
    )
    asked = (Requirements(), Requirements(risk_weight=3.0), BOTH_LIMITS)
    for _ in range(2):
        for operating_point in (light, heavy, replace(heavy, failure_probability=5 * heavy.failure_probability)):
            for wanted in asked:
                kept, fresh = (
                    one.verdict(operating_point, operating_point.closed, wanted) for one in (verifier,
                    Verifier(network))
                )  # fmt: skip
                assert kept is not None
                assert fresh is not None
                assert kept.objective_kw == pytest.approx(fresh.objective_kw)
                assert kept.violation == pytest.approx(fresh.violation)
                assert verifier.verdict(operating_point, operating_point.closed, wanted) is kept
    doubled = replace(heavy.injection, load_p_mw=0.5 * heavy.injection.load_p_mw)
    lighter = verifier.verdict(heavy, heavy.closed, Requirements(), injection=doubled)
    usual = verifier.verdict(heavy, heavy.closed, Requirements())
    assert lighter is not None
    assert usual is not None
    assert lighter.loss_kw < 0.5 * usual.loss_kw


def test_a_verdict_keeps_its_own_switch_states() -> None:
    network = network_of("city8")
    operating_point, verifier = operating_point_at(network), Verifier(network)
    closed = operating_point.closed.copy()
    verdict = verifier.verdict(operating_point, closed, Requirements())
    closed[:] = False  # the caller goes on with its own array
    assert verdict is not None
    np.testing.assert_array_equal(verdict.closed, operating_point.closed)
    assert verifier.verdict(operating_point, operating_point.closed, Requirements()) is verdict


def test_more_risk_weight_costs_what_is_expected_to_be_interrupted() -> None:
    for weight in (0.0, 1.0, 10.0):
        verdict = judged("case33bw", Requirements(risk_weight=weight))
        assert verdict.expected_interrupted_kw == pytest.approx(PROBABILITY * 27_020)
        assert verdict.objective_kw == pytest.approx(verdict.loss_kw + weight * verdict.expected_interrupted_kw)


def test_of_a_large_grid_the_last_states_only_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "BUSES_KEPT", 0)
    network = network_of("case33bw")
    verifier, operating_point, wanted = Verifier(network), operating_point_at(network), Requirements()
    states = [network.branch.closed.copy() for _ in range(verification.STATES_KEPT + 2)]
    for branch, closed in enumerate(states[1:]):
        closed[branch] = False
    first = weakref.ref(verifier.verdict(operating_point, states[0], wanted))
    second = weakref.ref(verifier.verdict(operating_point, states[1], wanted))
    for closed in states[2:]:
        assert verifier.verdict(operating_point, states[0], wanted) is first()  # what is asked for again stays
        verifier.verdict(operating_point, closed, wanted)
    gc.collect()
    assert first() is not None
    assert second() is None
