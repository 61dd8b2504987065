"""Every built-in case loads, city8 is what it claims to be, synthetic grids work at any size, wrong names are told."""

from pathlib import Path

import numpy as np
import pytest

from grid.cases.cases import BUILT_IN, load_case
from grid.errors import CaseError
from grid.flow.powerflow import Injection, PowerFlow
from grid.flow.topology import energised_buses, is_radial
from grid.network import BusKind
from tests.cases import shared_case
from tests.paths import DATA

SPECS = (*BUILT_IN, "simbench", "synthetic:2:1", "synthetic:10:3", "synthetic:300:5:7", "synthetic:1000:10")
STATIONS = {"North Power Plant", "South Thermal Station"}
SUBSTATIONS = {
    "Downtown Substation", "Uptown Substation", "Industrial Zone", "Residential Hub", "Shopping Complex",
    "University Campus",
}  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_cases_load_solve_and_have_distinct_places_ratings_and_limits(spec: str) -> None:
    network = shared_case(spec).network
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    assert 0 < state.total_loss_mw < 0.1 * state.total_generation_mw
    places = np.column_stack([network.bus.x, network.bus.y])
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == network.n_bus
    assert (np.fmin(network.branch.rating_from_ka, network.branch.rating_to_ka) > 0).all()
    assert (network.bus.min_vm_pu < network.bus.max_vm_pu).all()
    assert len(network.bus.name) == network.n_bus
    assert all(network.branch.name)


@pytest.mark.parametrize(
    ("spec", "loss_mw"),
    [
        ("case14", 13.3933),
        ("case30", 2.4438),  # of Alsac & Stott's modified system; the IEEE 30-bus test system's are 17.557
        ("case33bw", 0.202677),
        ("case57", 27.8638),
        ("case118", 132.8629),
        ("case300", 408.3156),
        ("case1354pegase", 1663.4675),
        ("case2869pegase", 2782.9649),
    ],
)
def test_losses_are_those_of_matpowers_files(spec: str, loss_mw: float) -> None:
    """Losses by MATPOWER's branch equations, solved to 1e-10 p.u. apart from pandapower and from this project."""
    network = shared_case(spec).network
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    assert state.total_loss_mw == pytest.approx(loss_mw, rel=1e-5)


def test_pegase_9241_differs_from_matpowers_file_by_no_more_than_is_said() -> None:
    """7,931.72 MW in the file; pandapower's case has three taps at the wrong winding (docs/models.md)."""
    network = shared_case("case9241pegase").network
    state = PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)
    assert state.total_loss_mw == pytest.approx(7931.72, rel=1e-3)


def test_case30_is_titled_as_what_it_is() -> None:
    """189.2 MW of load; the IEEE 30-bus test system has 283.4 MW."""
    loaded = shared_case("case30")
    assert loaded.network.title == "Alsac & Stott 30, modified"
    assert loaded.network.load.p_mw.sum() == pytest.approx(189.2)


def test_city8_is_two_stations_six_substations_and_fourteen_named_lines() -> None:
    network = shared_case("city8").network
    kinds = dict(zip(network.bus.name, network.bus.kind, strict=True))
    assert {name for name, kind in kinds.items() if kind is BusKind.GENERATOR} == STATIONS
    assert {name for name, kind in kinds.items() if kind is BusKind.SUBSTATION} == SUBSTATIONS
    assert network.n_branch == len(set(network.branch.name)) == 14
    assert not network.branch.rating_derived.any()


def test_city8_loses_two_to_five_percent_at_its_peak() -> None:
    network = shared_case("city8").network
    peak = Injection.of_case(network)
    state = PowerFlow(network).solve(peak, network.branch.closed)
    assert 2 <= 100 * state.total_loss_mw / state.total_generation_mw <= 5
    assert (state.loading_percent < 100).all()
    assert (state.vm_pu > network.bus.min_vm_pu).all()
    assert (state.vm_pu < network.bus.max_vm_pu).all()


def test_city8_is_radial_and_every_load_can_be_rerouted_after_any_outage() -> None:
    network = shared_case("city8").network
    branch, sources = network.branch, network.source_buses
    assert is_radial(network.n_bus, branch.from_bus, branch.to_bus, branch.closed, sources)
    for outage in np.flatnonzero(branch.closed):
        usable = np.ones(network.n_branch, dtype=bool)
        usable[outage] = False
        assert energised_buses(network.n_bus, branch.from_bus, branch.to_bus, usable, sources).all()


@pytest.mark.parametrize(("nodes", "generators"), [(2, 1), (10, 3), (300, 5), (1000, 10)])
def test_synthetic_grids_are_radial_with_good_voltages_and_ties(nodes: int, generators: int) -> None:
    spec = "synthetic:300:5:7" if nodes == 300 else f"synthetic:{nodes}:{generators}"
    network = shared_case(spec).network
    branch = network.branch
    assert (network.n_bus, len(network.source_buses)) == (nodes, generators)
    assert is_radial(nodes, branch.from_bus, branch.to_bus, branch.closed, network.source_buses)
    state = PowerFlow(network).solve(Injection.of_case(network), branch.closed)
    assert state.energised.all()
    assert state.vm_pu.min() > 0.93
    assert state.loading_percent.max() < 100
    if nodes > 2:
        assert (~branch.closed).any()


def test_one_seed_gives_one_grid() -> None:
    one, again, other = (load_case(f"synthetic:40:3:{seed}", Path("var")).network for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.load.p_mw, again.load.p_mw)
    np.testing.assert_array_equal(one.branch.from_bus, again.branch.from_bus)
    assert not np.array_equal(one.load.p_mw, other.load.p_mw)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nowhere", "no such case; there are city8"),
        ("", "no such case"),
        ("synthetic", "synthetic:NODES:GENERATORS"),
        ("synthetic:1:1", "2 to 1,000 nodes"),
        ("synthetic:1001:3", "2 to 1,000 nodes"),
        ("synthetic:5:5", "fewer generators"),
        ("synthetic:9:0", "2 to 1,000 nodes"),
        ("simbench:no-such-code", "SimBench has no grid 'no-such-code'"),
        ("missing.m", "missing.m"),
    ],
)
def test_wrong_names_are_answered_with_what_would_be_right(spec: str, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        load_case(spec, Path("var"))


def test_simbench_brings_its_year_of_profiles() -> None:
    loaded = shared_case("simbench")
    assert loaded.profiles is not None
    assert {len(column) for column in loaded.profiles.load_p.values()} == {366 * 96}
    assert set(loaded.network.load.profile) <= set(loaded.profiles.load_p)
    assert loaded.network.bus.x.min() > 5  # degrees of longitude, its own: a computed layout is around zero


def test_a_layout_is_computed_once_and_cached(tmp_path: Path) -> None:
    file = DATA / "feeder33.m"
    first = load_case(str(file), tmp_path)
    kept = list(tmp_path.rglob("*.npy"))
    assert len(kept) == 1
    np.save(kept[0], np.load(kept[0]) + 1000.0)
    second = load_case(str(file), tmp_path)
    assert second.network.bus.x.min() > 900  # the cached file was read
    assert np.allclose(second.network.bus.x - first.network.bus.x, 1000.0, atol=5)
