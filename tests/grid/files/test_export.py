"""The present state as pandapower JSON and MATPOWER: whoever reads it has the same state, and is told what it lacks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandapower.auxiliary import pandapowerNet
from pandapower.converter.matpower import from_mpc, to_mpc
from scipy.io import savemat

from grid.cases.case import Case
from grid.cases.cases import load_file
from grid.files.export.matpower import matpower_text
from grid.files.export.pandapower_net import OWN_FIELD, pandapower_net, pandapower_text
from grid.files.export.present import PresentGrid
from grid.files.matpower.text import read_m
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import FloatArray, Network
from grid.taps import with_taps
from tests.cases import shared_case

WRITERS = {".json": pandapower_text, ".m": matpower_text}
TWO_POWER_FLOWS_PU = 2e-8  # each ends at mismatches of 1e-8


def of_case(case: Case) -> PresentGrid:
    """The case's own state."""
    return at(case.network, Injection.of_case(case.network), case.network.branch.closed)


def at(network: Network, injection: Injection, closed: FloatArray) -> PresentGrid:
    return PresentGrid(
        network=network, injection=injection, closed=closed, state=PowerFlow(network).solve(injection, closed)
    )


def disturbed(network: Network, seed: int) -> PresentGrid:
    """A state in which branches are open, generators out, taps moved, and loads and set-points other ones."""
    rng = np.random.default_rng(seed)
    m, g, tap = network.n_branch, len(network.generator), network.branch.tap
    if tap is not None:
        network = with_taps(network, np.round(tap.lowest + rng.random(m) * (tap.highest - tap.lowest)))
    closed, changed = network.branch.closed.copy(), rng.choice(m, m // 15, replace=False)
    closed[changed] = ~closed[changed] & network.branch.in_service[changed]
    on, one = np.ones(g, dtype=bool), rng.integers(g)
    on[one] = network.generator.is_source[one]
    case = Injection.of_case(network)
    injection = Injection(
        load_p_mw=case.load_p_mw * rng.uniform(0.5, 0.9, len(network.load)),
        load_q_mvar=case.load_q_mvar * rng.uniform(0.5, 0.9, len(network.load)),
        generator_p_mw=case.generator_p_mw * rng.uniform(0.5, 0.9, g),
        generator_q_mvar=case.generator_q_mvar,
        generator_vm_pu=case.generator_vm_pu * rng.uniform(0.99, 1.01, g),
        generator_on=on,
    )
    return at(network, injection, closed)


def solved(case: Case) -> GridState:
    return PowerFlow(case.network).solve(Injection.of_case(case.network), case.network.branch.closed)


def by_name(case: Case, values: FloatArray, names: tuple[str, ...]) -> FloatArray:
    """A case's values by bus in the order of names: reading puts buses out of service last."""
    row = {name: index for index, name in enumerate(case.network.bus.name)}
    return values[[row[name] for name in names]]


def state_of(present: PresentGrid) -> GridState:
    assert present.state is not None
    return present.state


def balance_mw(state: GridState) -> float:
    """What is lost in branches and shunts."""
    return float(state.generator_p_mw.sum() - state.load_p_mw.sum())


def assert_reads_back(present: PresentGrid, folder: Path, suffix: str) -> Case:
    """Our reader finds the state that was written; gives what it read."""
    path = folder / f"back{suffix}"
    path.write_text(WRITERS[suffix](present), encoding="utf-8")
    back = load_file(path, folder)
    then, now = solved(back), state_of(present)
    names = present.network.bus.name
    assert_allclose(by_name(back, then.voltage, names), now.voltage, atol=TWO_POWER_FLOWS_PU, rtol=0)
    assert_array_equal(by_name(back, then.energised, names), now.energised)
    assert balance_mw(then) == pytest.approx(balance_mw(now), abs=1e-5 * present.network.base_mva)
    assert back.network.load.p_mw.sum() == pytest.approx(present.injection.load_p_mw.sum(), rel=1e-12)
    return back


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("spec", ["city8", "case33bw", "cigre_mv", "case300", "simbench"])
def test_the_case_reads_back(tmp_path: Path, spec: str, suffix: str) -> None:
    assert_reads_back(of_case(shared_case(spec)), tmp_path, suffix)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("spec", ["case33bw", "cigre_mv", "case118", "simbench"])
@pytest.mark.parametrize("seed", range(3))
def test_any_state_reads_back(tmp_path: Path, spec: str, suffix: str, seed: int) -> None:
    assert_reads_back(disturbed(shared_case(spec).network, seed), tmp_path, suffix)


@pytest.mark.parametrize("spec", ["case33bw", "cigre_mv", "case118", "simbench"])
def test_pandapower_solves_the_json_to_the_same_state(tmp_path: Path, spec: str) -> None:
    present = disturbed(shared_case(spec).network, 7)
    path = tmp_path / "net.json"
    path.write_text(pandapower_text(present), encoding="utf-8")
    net = pandapower.from_json(str(path))
    brought = net.res_bus.vm_pu.to_numpy()
    pandapower.runpp(net, init="flat" if spec == "case33bw" else "auto")
    state = state_of(present)
    assert_allclose(net.res_bus.vm_pu, state.vm_pu, atol=TWO_POWER_FLOWS_PU, rtol=0)
    assert_allclose(brought, state.vm_pu, rtol=1e-15)
    turned = np.exp(1j * np.deg2rad(net.res_bus.va_degree.to_numpy() - state.va_degree))
    assert_allclose(turned[state.energised], 1.0, atol=1e-7)


@pytest.mark.parametrize("spec", ["case33bw", "cigre_mv", "case118"])
def test_pandapower_solves_the_matpower_case_to_the_same_state(tmp_path: Path, spec: str) -> None:
    """By from_mpc, which reads .mat: the same matrices. It takes a transformer's pi section for a T unless told."""
    present = disturbed(shared_case(spec).network, 7)
    mpc = read_m(matpower_text(present), "case.m")
    matrices = {"version": "2", "baseMVA": mpc.base_mva, "bus": mpc.bus, "gen": mpc.gen, "branch": mpc.branch}
    savemat(tmp_path / "case.mat", {"mpc": matrices})
    net = from_mpc(str(tmp_path / "case.mat"))
    pandapower.runpp(net, trafo_model="pi")
    assert_allclose(net.res_bus.vm_pu, state_of(present).vm_pu, atol=TWO_POWER_FLOWS_PU, rtol=0)


def json_of(folder: Path, net: pandapowerNet) -> Path:
    pandapower.to_json(net, str(folder / "theirs.json"))
    return folder / "theirs.json"


def mat_of(folder: Path, net: pandapowerNet) -> Path:
    to_mpc(net, str(folder / "theirs.mat"), init="flat")
    return folder / "theirs.mat"


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("write", [json_of, mat_of])
@pytest.mark.parametrize("make", [pandapower.networks.case9, pandapower.networks.example_simple])
def test_what_another_program_wrote_comes_back_to_it(
    tmp_path: Path,
    make: Callable[[], pandapowerNet],
    write: Callable[[Path, pandapowerNet], Path],
    suffix: str,
) -> None:
    net = make()
    pandapower.runpp(net)
    assert_reads_back(of_case(load_file(write(tmp_path, net), tmp_path)), tmp_path, suffix)


def test_numbers_read_back_to_the_last_bit() -> None:
    present = disturbed(shared_case("city8").network, 3)
    mpc, network = read_m(matpower_text(present), "case.m"), present.network
    wanted = np.bincount(network.load.bus, present.injection.load_p_mw, network.n_bus)
    assert_array_equal(mpc.bus[:, 2], wanted)
    assert_array_equal(mpc.bus[:, 7], np.where(present.energised, state_of(present).vm_pu, 1.0))
    assert set(mpc.gen[:, 1]) == set(present.generation[0])
    assert mpc.bus_name == network.bus.name


def test_only_generators_that_hold_a_voltage_have_a_set_point() -> None:
    """pypowsybl takes any other VG than 0 for a voltage to hold."""
    mpc = read_m(matpower_text(of_case(shared_case("simbench"))), "case.m")
    kinds = dict(zip(mpc.bus[:, 0], mpc.bus[:, 1], strict=True))
    holds = np.isin([kinds[number] for number in mpc.gen[:, 0]], (2, 3))
    assert holds.any()
    assert_array_equal(mpc.gen[:, 5] > 0, holds)
    assert holds[: holds.sum()].all()  # those that hold come first


def test_ratings_taps_and_what_people_say_of_loads_stay_in_the_json(tmp_path: Path) -> None:
    network = shared_case("simbench").network
    present = disturbed(network, 5)
    customers, priority = np.arange(len(network.load)) + 1.0, np.full(len(network.load), np.nan)
    priority[2] = 4.0
    back = assert_reads_back(replace(present, customers=customers, priority=priority), tmp_path, ".json").network
    order = [back.branch.name.index(name) for name in network.branch.name]
    assert present.network.branch.tap is not None
    assert back.branch.tap is not None
    assert_array_equal(back.branch.tap.position[order], present.network.branch.tap.position)
    assert_array_equal(back.branch.tap.lowest[order], present.network.branch.tap.lowest)
    for field in ("rating_from_ka", "rating_to_ka", "length_km"):
        assert_allclose(getattr(back.branch, field)[order], getattr(network.branch, field), rtol=1e-12)
    assert_array_equal(back.branch.closed[order], present.closed)
    assert_array_equal(back.branch.breaker[order], network.branch.breaker)
    assert back.load.customers is not None
    assert back.load.priority is not None
    assert_array_equal(back.load.customers, customers)
    assert_array_equal(back.load.priority, priority)
    assert back.load.name == network.load.name
    running = np.array(network.generator.energy, dtype=object)[present.injection.generator_on]
    assert sorted(back.generator.energy) == sorted(running)


def test_coordinates_stay_in_the_json(tmp_path: Path) -> None:
    case = shared_case("simbench")
    back = assert_reads_back(of_case(case), tmp_path, ".json").network
    assert_allclose(back.bus.y, case.network.bus.y, atol=1e-6)
    assert_allclose(back.bus.x, case.network.bus.x, atol=1e-3)  # km/100: shortened by the mean latitude of other rows


def test_ratings_that_were_derived_are_not_passed_off_as_given() -> None:
    present = of_case(shared_case("case14"))
    assert present.network.branch.rating_derived.all()
    assert not read_m(matpower_text(present), "case.m").branch[:, 5].any()
    assert (pandapower_net(present).line.max_i_ka == 99999).all()
    assert "20 branches without a rating" in matpower_text(present)


def test_buses_without_supply_are_isolated_and_their_load_is_told() -> None:
    network = shared_case("case33bw").network
    closed = network.branch.closed.copy()
    closed[5] = False
    present = at(network, Injection.of_case(network), closed)
    dark = ~present.energised
    assert dark.any()
    text = matpower_text(present)
    mpc = read_m(text, "case.m")
    assert_array_equal(mpc.bus[:, 1] == 4, dark)
    assert mpc.bus[dark, 2].sum() == pytest.approx(present.dark_load_mw)
    assert f"% {dark.sum()} buses without supply; their loads would take {present.dark_load_mw:.6g} MW" in text
    net = pandapower_net(present)
    assert net.res_bus.vm_pu.isna().to_numpy().tolist() == dark.tolist()
    assert net.bus.in_service.all()


def test_a_state_that_is_not_found_is_a_flat_start_and_told() -> None:
    network = shared_case("case14").network
    injection = Injection.of_case(network)
    present = PresentGrid(
        network=network,
        injection=replace(injection, load_p_mw=30 * injection.load_p_mw),
        closed=network.branch.closed,
        state=None,
        at=datetime(2026, 1, 15, 6, 5),
        doubt="Not of now: the source doesn't answer.",
    )
    text = matpower_text(present)
    mpc = read_m(text, "case.m")
    assert (mpc.bus[:, 7] == 1).all()
    assert (mpc.bus[:, 8] == 0).all()
    assert mpc.bus[:, 2].sum() == pytest.approx(30 * network.load.p_mw.sum())
    net = pandapower_net(present)
    assert net.res_bus.vm_pu.isna().all()
    for told in (text, "\n".join(net[OWN_FIELD]["notes"])):
        assert "There is no power flow solution: the voltages are a flat start" in told
        assert "State of 2026-01-15T06:05:00." in told
        assert "Not of now: the source doesn't answer." in told


def test_names_may_hold_anything() -> None:
    network = shared_case("city8").network
    names = ("it's 50 % [mpc]; 'x'", "a\nb", "Zürich", "{1}", "", "...", "%", "'")
    odd = replace(network, name="../1 é", title="t\n1; mpc.bus = []", bus=replace(network.bus, name=names))
    present = of_case(replace(shared_case("city8"), network=odd))
    mpc = read_m(matpower_text(present), "case.m")
    assert mpc.bus_name == (names[0], "a b", *names[2:])
    assert matpower_text(present).startswith("function mpc = case____1__\n")


def test_an_impedance_of_two_directions_stays_in_the_json_and_is_told_in_matpower(tmp_path: Path) -> None:
    net = pandapower.networks.case9()
    pandapower.create_impedance(net, 3, 6, rft_pu=0.02, xft_pu=0.2, rtf_pu=0.03, xtf_pu=0.25, sn_mva=100, gf_pu=0.01)
    case = load_file(json_of(tmp_path, net), tmp_path)
    assert_reads_back(of_case(case), tmp_path, ".json")
    assert "1 impedance with another value in the other direction" in matpower_text(of_case(case))


def test_what_stood_in_when_the_case_was_read_is_told(tmp_path: Path) -> None:
    net = pandapower.networks.case9()
    pandapower.create_dcline(net, 3, 6, 10.0, 1.0, 0.1, 1.0, 1.0, name="link")
    case = load_file(json_of(tmp_path, net), tmp_path)
    text = matpower_text(replace(of_case(case), report=case.report))
    assert "% From the reading of the case: DC lines stand as two generators each" in text
