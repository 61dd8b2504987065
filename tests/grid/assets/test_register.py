"""The register is complete for every case, follows what is given, and its derived figures can be followed by hand."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from grid.assets.register import CUSTOMERS_PER_MW, AssetRegister, GivenAssets, LocationClass, Skill, asset_register
from grid.flow.contingency import n_minus_1
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BranchKind, Network
from tests.cases import shared_case

CASES = ("city8", "case57", "case118", "case33bw", "cigre_mv", "synthetic:80:4")


def network_of(name: str) -> Network:
    return shared_case(name).network


def register_of(network: Network, seed: int = 1, given: GivenAssets | None = None) -> AssetRegister:
    unknown = np.full(network.n_branch, np.nan)
    return asset_register(network, unknown, 2026, np.random.default_rng(seed), given)


def kinds(network: Network, kind: BranchKind) -> np.ndarray:
    return np.array([one is kind for one in network.branch.kind])


@pytest.mark.parametrize("name", CASES)
def test_every_branch_of_every_case_has_a_record(name: str) -> None:
    network = network_of(name)
    register = register_of(network)
    built_of_parts = ~kinds(network, BranchKind.IMPEDANCE)
    for values in (register.replacement_eur, register.failure_eur):
        assert values.shape == (network.n_branch,)
        assert (values[built_of_parts] > 0).all()
        assert np.isnan(values[~built_of_parts]).all()
    assert ((register.criticality >= 1) & (register.criticality <= 5)).all()
    assert (register.customers >= 0).all()
    assert (register.rating_mva[built_of_parts] > 0).all()
    assert ((register.year_built >= 1976) & (register.year_built <= 2023)).all()
    assert len(register.location) == len(register.skill) == network.n_branch
    assert register.generated.all()


def test_impedances_have_no_costs_and_a_crew() -> None:
    network = network_of("city8")
    kind = (BranchKind.IMPEDANCE, *network.branch.kind[1:])
    register = register_of(replace(network, branch=replace(network.branch, kind=kind)))
    assert np.isnan([register.replacement_eur[0], register.failure_eur[0]]).all()
    assert np.isfinite(register.replacement_eur[1:]).all()
    assert register.skill[0] is Skill.SUBSTATIONS
    assert register.customers[0] > 0


def test_one_seed_gives_one_register_and_another_seed_another() -> None:
    network = network_of("case118")
    first, again, other = register_of(network), register_of(network), register_of(network, seed=2)
    np.testing.assert_array_equal(first.year_built, again.year_built)
    assert first.location == again.location
    assert first.location != other.location
    assert len(set(first.location)) >= 3


def test_neighbours_share_their_surroundings() -> None:
    network = network_of("synthetic:80:4")
    location = register_of(network).location
    by_bus: dict[int, set[LocationClass]] = {}
    for bus, place in zip(network.branch.from_bus.tolist(), location, strict=True):
        by_bus.setdefault(bus, set()).add(place)
    assert all(len(places) == 1 for places in by_bus.values())
    pairs = [
        location[one] == location[other]
        for bus in range(network.n_bus)
        for one, other in combinations(np.flatnonzero(network.branch.from_bus == bus).tolist()
                                       + np.flatnonzero(network.branch.to_bus == bus).tolist(), 2)
    ]  # fmt: skip
    by_chance = sum((location.count(place) / len(location)) ** 2 for place in set(location))
    assert np.mean(pairs) > by_chance + 0.3


def test_crews_follow_the_kind() -> None:
    network = network_of("cigre_mv")
    crew = dict(zip(network.branch.kind, register_of(network).skill, strict=True))
    assert crew == {
        BranchKind.LINE: Skill.LINES, BranchKind.CABLE: Skill.CABLES, BranchKind.TRANSFORMER: Skill.SUBSTATIONS,
    }  # fmt: skip


def test_customers_of_a_feeder_are_those_that_the_power_flow_leaves_dark() -> None:
    network = network_of("case33bw")
    register, flow, closed = register_of(network), PowerFlow(network), network.branch.closed
    injection = Injection.of_case(network)
    for branch in np.flatnonzero(closed):
        without = closed.copy()
        without[branch] = False
        dark_mw = injection.load_p_mw.sum() - flow.solve(injection, without).total_load_mw
        assert register.customers[branch] == pytest.approx(CUSTOMERS_PER_MW * dark_mw, abs=0.51)
    assert (register.customers[~closed] == 0).all()
    assert (register.criticality[~closed] == 1).all()
    head = int(np.argmax(register.customers))
    assert register.criticality[head] == 5


def test_customers_of_a_mesh_follow_the_flow() -> None:
    network = network_of("case57")
    injection, closed = Injection.of_case(network), network.branch.closed
    lost_mw = n_minus_1(network, injection, closed).lost_load_mw
    in_mesh = np.flatnonzero(closed)[lost_mw == 0]
    flow_mw = np.abs(PowerFlow(network).solve(injection, closed).p_from_mw)[in_mesh]
    assert len(in_mesh) > 50
    np.testing.assert_allclose(register_of(network).customers[in_mesh], CUSTOMERS_PER_MW * flow_mw, atol=0.51)


def test_customers_rank_the_criticality_and_interruptions_raise_it() -> None:
    network = network_of("case118")
    register = register_of(network)
    order = np.argsort(register.customers, kind="stable")
    interrupts = register.criticality == 5
    quarter = np.array([np.sum(register.customers < own) for own in register.customers]) * 4 // network.n_branch + 1
    assert set((register.criticality - quarter).tolist()) == {0, 1}
    assert register.criticality[order[0]] <= 2
    assert not interrupts.all()


def test_costs_of_a_line_a_cable_and_a_transformer_by_hand() -> None:
    network = network_of("cigre_mv")
    branch = network.branch
    register = register_of(network)
    line = int(np.flatnonzero(kinds(network, BranchKind.LINE))[0])
    cable = int(np.flatnonzero(kinds(network, BranchKind.CABLE))[0])
    transformer = int(np.flatnonzero(kinds(network, BranchKind.TRANSFORMER))[0])
    size = {one: max(0.5, np.sqrt(branch.rating_from_ka[one] / 0.6)) for one in (line, cable)}
    assert register.replacement_eur[line] == pytest.approx(50e3 * size[line] * branch.length_km[line])
    assert register.failure_eur[line] == pytest.approx(1.5 * 50e3 * size[line] * 0.3)
    assert register.replacement_eur[cable] == pytest.approx(110e3 * size[cable] * branch.length_km[cable])
    assert register.failure_eur[cable] == pytest.approx(1.5 * 110e3 * size[cable] * 0.2)
    assert register.rating_mva[transformer] == pytest.approx(25.0)
    assert register.replacement_eur[transformer] == pytest.approx(15e3 + 12e3 * 25)
    assert register.failure_eur[transformer] == pytest.approx(1.5 * 0.5 * (15e3 + 12e3 * 25))


def test_longer_and_stronger_cost_more() -> None:
    network = network_of("city8")
    longer = replace(network, branch=replace(network.branch, length_km=2 * network.branch.length_km))
    stronger = replace(
        network,
        branch=replace(
            network.branch,
            rating_from_ka=1.3 * network.branch.rating_from_ka,
            rating_to_ka=1.3 * network.branch.rating_to_ka,
        ),
    )
    plain = register_of(network).replacement_eur
    np.testing.assert_allclose(register_of(longer).replacement_eur, 2 * plain)
    assert (register_of(stronger).replacement_eur > plain).all()


def test_what_is_given_goes_first_and_is_not_called_generated() -> None:
    network = network_of("city8")
    m = network.n_branch
    nan = np.full(m, np.nan)

    def first(value: float) -> np.ndarray:
        return np.where(np.arange(m) == 0, value, nan)

    given = GivenAssets(
        year_built=first(1991), location=(LocationClass.COASTAL, *[None] * (m - 1)), criticality=first(5),
        skill=(Skill.CABLES, *[None] * (m - 1)), replacement_eur=first(123456), failure_eur=first(0),
        customers=first(7), job_eur=first(900), job_hours=first(5),
    )  # fmt: skip
    own_years = np.where(np.arange(m) <= 1, 1980.0, np.nan)
    register = asset_register(network, own_years, 2026, np.random.default_rng(1), given)
    assert register.year_built[:2].tolist() == [1991, 1980]
    assert (register.location[0], register.skill[0]) == (LocationClass.COASTAL, Skill.CABLES)
    assert (register.criticality[0], register.customers[0]) == (5, 7)
    assert (register.replacement_eur[0], register.failure_eur[0]) == (123456, 0)
    assert (register.job_eur[0], register.job_hours[0]) == (900, 5)
    assert np.isnan([register.job_eur[1:], register.job_hours[1:]]).all()
    assert register.year_generated.tolist() == [False, False, *[True] * (m - 2)]
    assert register.generated.tolist() == [False, *[True] * (m - 1)]
    untouched = asset_register(network, own_years, 2026, np.random.default_rng(1))
    assert register.location[1:] == untouched.location[1:]
    np.testing.assert_array_equal(register.year_built[2:], untouched.year_built[2:])
