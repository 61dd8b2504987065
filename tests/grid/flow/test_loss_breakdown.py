"""Losses by cause against pandapower's results and nameplates; sums against the state's total."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandapower
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.loss_breakdown import BranchLevels, LossCause, by_level, no_load_mw, non_technical, top_branches
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import BranchKind, Network
from tests.cases import shared_case

PLACE = {cause: place for place, cause in enumerate(LossCause)}
IRON_KW, COPPER_PERCENT, RATED_MVA = 14.0, 0.41, 25.0


def station(load_mw: float, tap: int = 0, open_line: bool = False) -> pandapower.pandapowerNet:
    """A 110 kV line, a transformer with a nameplate, a 20 kV line and a cable."""
    net = pandapower.create_empty_network(sn_mva=10.0)
    high, upper, lower, far, end = (pandapower.create_bus(net, vn) for vn in (110.0, 110.0, 20.0, 20.0, 20.0))
    pandapower.create_ext_grid(net, high, vm_pu=1.02)
    pandapower.create_line(net, high, upper, 12.0, "243-AL1/39-ST1A 110.0")
    pandapower.create_transformer(net, upper, lower, "25 MVA 110/20 kV", tap_pos=tap)
    pandapower.create_line(net, lower, far, 6.0, "48-AL1/8-ST1A 20.0")
    pandapower.create_line(net, far, end, 3.0, "NA2XS2Y 1x240 RM/25 12/20 kV")
    pandapower.create_load(net, lower, 0.9 * load_mw, 0.3 * load_mw)
    pandapower.create_load(net, far, 0.1 * load_mw)
    if open_line:  # its far end is supplied by another one
        pandapower.create_switch(net, end, 2, et="l", closed=False)
        pandapower.create_line(net, lower, end, 1.0, "48-AL1/8-ST1A 20.0")
    pandapower.runpp(net)
    return net


def solved(net: pandapower.pandapowerNet) -> tuple[Network, GridState]:
    network = network_from_pandapower(net, "station")
    return network, PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


@dataclass(frozen=True, eq=False)
class Parts:
    """The losses of one state, as the hours of a grid are recorded: by branches, and by levels and causes."""

    levels: BranchLevels
    no_load_mw: np.ndarray
    load_mw: np.ndarray
    level_mw: np.ndarray

    @property
    def total_mw(self) -> float:
        return float(self.level_mw.sum())

    @property
    def cause_mw(self) -> np.ndarray:
        return self.level_mw.sum(axis=0)

    @property
    def distribution_mw(self) -> float:
        return float(self.level_mw[self.levels.is_distribution].sum())

    @property
    def transmission_mw(self) -> float:
        return float(self.level_mw[~self.levels.is_distribution].sum())


def split(network: Network, state: GridState, levels: BranchLevels | None = None) -> Parts:
    levels = levels or BranchLevels.of(network)
    no_load = no_load_mw(network, state)
    return Parts(levels, no_load, state.loss_mw - no_load, by_level(network, levels, no_load, state.loss_mw))


def parts_of(net: pandapower.pandapowerNet) -> tuple[Network, GridState, Parts]:
    network, state = solved(net)
    return network, state, split(network, state)


@cache
def case_state(name: str) -> tuple[Network, GridState]:
    network = shared_case(name).network
    return network, PowerFlow(network).solve(Injection.of_case(network), network.branch.closed)


def transformer_of(network: Network) -> int:
    return network.branch.kind.index(BranchKind.TRANSFORMER)


@pytest.mark.parametrize("tap", [-9, 0, 5])
@pytest.mark.parametrize("load_mw", [0.0, 5.0, 20.0])
def test_no_load_losses_are_the_nameplates_at_the_transformers_voltage(load_mw: float, tap: int) -> None:
    net = station(load_mw, tap)
    network, _, parts = parts_of(net)
    place, result = transformer_of(network), net.res_trafo.iloc[0]
    assert parts.no_load_mw[place] + parts.load_mw[place] == pytest.approx(result.pl_mw, abs=1e-8)
    inner_vm = 0.5 * (result.vm_hv_pu / (1 + 0.015 * tap) + result.vm_lv_pu)  # of the magnetising branch in the T
    assert parts.no_load_mw[place] == pytest.approx(IRON_KW / 1000 * inner_vm**2, rel=0.01)


def test_without_load_the_transformers_losses_are_its_iron_losses() -> None:
    net = station(0.0)
    net.line.c_nf_per_km = 0.0
    pandapower.runpp(net)
    network, _, parts = parts_of(net)
    place = transformer_of(network)
    assert parts.no_load_mw[place] == pytest.approx(IRON_KW / 1000 * 1.02**2, rel=1e-3)
    assert parts.load_mw[place] < 1e-3 * parts.no_load_mw[place]


def test_load_losses_are_those_of_the_current_in_the_winding_resistance() -> None:
    net = station(20.0)
    network, state, parts = parts_of(net)
    place = transformer_of(network)
    winding_ohm = COPPER_PERCENT / 100 * 20.0**2 / RATED_MVA
    current_ka = np.hypot(state.p_to_mw, state.q_to_mvar)[place] / (np.sqrt(3) * 20 * net.res_bus.vm_pu[2])
    assert parts.load_mw[place] == pytest.approx(3 * current_ka**2 * winding_ohm, rel=2e-3)
    assert (parts.no_load_mw[network.branch.closed] >= -1e-12).all()


def test_causes_equal_pandapowers_tables() -> None:
    net = station(15.0)
    _, _, parts = parts_of(net)
    assert parts.cause_mw[PLACE[LossCause.LINE]] == pytest.approx(net.res_line.pl_mw[:2].sum(), abs=1e-8)
    assert parts.cause_mw[PLACE[LossCause.CABLE]] == pytest.approx(net.res_line.pl_mw[2], abs=1e-8)
    iron_and_copper = parts.cause_mw[[PLACE[LossCause.TRANSFORMER_NO_LOAD], PLACE[LossCause.TRANSFORMER_LOAD]]]
    assert iron_and_copper.sum() == pytest.approx(net.res_trafo.pl_mw.sum(), abs=1e-8)


def test_levels_run_from_high_to_low_and_a_transformer_belongs_to_its_lower_side() -> None:
    net = station(15.0)
    network, _, parts = parts_of(net)
    levels = parts.levels
    assert [levels.label(level) for level in range(3)] == ["110 kV", "110/20 kV", "20 kV"]
    lost = [net.res_line.pl_mw[0], net.res_trafo.pl_mw[0], net.res_line.pl_mw[1:].sum()]
    np.testing.assert_allclose(parts.level_mw.sum(axis=1), lost, atol=1e-8)
    assert parts.transmission_mw == pytest.approx(lost[0], abs=1e-8)
    assert parts.distribution_mw == pytest.approx(lost[1] + lost[2], abs=1e-8)
    state = solved(net)[1]
    assert split(network, state, BranchLevels.of(network, 15.0)).distribution_mw == 0
    assert split(network, state, BranchLevels.of(network, 200.0)).transmission_mw == 0


def test_a_cable_open_at_its_far_end_loses_what_pandapower_says() -> None:
    net = station(15.0, open_line=True)
    network, state, parts = parts_of(net)
    cable = network.branch.kind.index(BranchKind.CABLE)
    assert not network.branch.closed[cable]
    assert state.loss_mw[cable] > 0
    assert parts.cause_mw[PLACE[LossCause.CABLE]] == pytest.approx(net.res_line.pl_mw[2], abs=1e-9)
    assert -1e-12 < parts.no_load_mw[cable] < 0.01 * state.loss_mw[cable]


def test_leaking_insulation_is_lost_without_load_at_either_end_and_behind_an_open_switch() -> None:
    net = station(15.0, open_line=True)
    net.line.g_us_per_km = 2.0
    pandapower.runpp(net)
    network, _, parts = parts_of(net)
    cable = network.branch.kind.index(BranchKind.CABLE)
    expected = 2e-6 * 3.0 * 20.0**2 * net.res_bus.vm_pu[3] ** 2
    assert parts.no_load_mw[cable] == pytest.approx(expected, rel=1e-3)
    line_mw = 2e-6 * 6.0 * 20.0**2 * (net.res_bus.vm_pu[2] ** 2 + net.res_bus.vm_pu[3] ** 2) / 2
    assert parts.no_load_mw[1] == pytest.approx(line_mw, rel=1e-6)


def test_three_windings_together_lose_their_iron_losses() -> None:
    net = pandapower.create_empty_network()
    high, middle, low = (pandapower.create_bus(net, vn) for vn in (110.0, 20.0, 10.0))
    pandapower.create_ext_grid(net, high)
    pandapower.create_transformer3w(net, high, middle, low, "63/25/38 MVA 110/20/10 kV")
    pandapower.create_load(net, middle, 10.0)
    pandapower.runpp(net)
    _, _, parts = parts_of(net)
    assert parts.total_mw == pytest.approx(net.res_trafo3w.pl_mw.sum(), abs=1e-8)
    iron_mw = net.trafo3w.pfe_kw[0] / 1000
    assert parts.cause_mw[PLACE[LossCause.TRANSFORMER_NO_LOAD]] == pytest.approx(iron_mw, rel=0.01)


@pytest.mark.parametrize("name", ["case14", "case118", "case1354pegase", "cigre_mv", "city8", "case33bw"])
def test_parts_add_up_to_the_states_total(name: str) -> None:
    network, state = case_state(name)
    parts = split(network, state)
    assert parts.total_mw == pytest.approx(state.total_loss_mw, abs=1e-9)
    assert parts.cause_mw.sum() == pytest.approx(state.total_loss_mw, abs=1e-9)
    assert parts.transmission_mw + parts.distribution_mw == pytest.approx(state.total_loss_mw, abs=1e-9)
    np.testing.assert_allclose(parts.no_load_mw + parts.load_mw, state.loss_mw, rtol=0, atol=1e-9)
    assert (parts.load_mw > -1e-7).all()  # a positive resistance loses, whatever flows


def test_what_has_no_supply_loses_nothing() -> None:
    network, _ = case_state("case33bw")
    closed = network.branch.closed.copy()
    closed[5] = False
    state = PowerFlow(network).solve(Injection.of_case(network), closed)
    parts = split(network, state)
    dead = ~state.energised[network.branch.from_bus]
    assert dead.any()
    assert (parts.load_mw[dead] == 0).all()
    assert parts.total_mw == pytest.approx(state.total_loss_mw, abs=1e-9)


def test_levels_and_causes_of_energy_add_up_as_those_of_power_do() -> None:
    network, _ = case_state("cigre_mv")
    base, flow, levels = Injection.of_case(network), PowerFlow(network), BranchLevels.of(network)
    states = [flow.solve(replace(base, load_p_mw=base.load_p_mw * x), network.branch.closed) for x in (0.5, 1.0, 1.2)]
    hours = np.array([1.0, 0.25, 2.0])
    no_load_mwh = hours @ np.array([no_load_mw(network, state) for state in states])
    found = by_level(network, levels, no_load_mwh, hours @ np.array([state.loss_mw for state in states]))
    expected = sum(h * split(network, state).level_mw for state, h in zip(states, hours, strict=True))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert found.sum() == pytest.approx(sum(h * s.total_loss_mw for s, h in zip(states, hours, strict=True)), abs=1e-9)


def test_what_is_stolen_is_found_from_the_hours_that_are_metered() -> None:
    network, state = case_state("cigre_mv")
    stolen_mw, hours = 0.4, 24
    parts = split(network, state)
    fed_in = np.tile(state.generator_p_mw, (hours, 1))
    delivered = np.tile(state.load_p_mw, (hours, 1))
    delivered[:, 3] -= stolen_mw
    delivered[5:8, 2], fed_in[20, 0] = np.nan, np.nan
    seen = non_technical(fed_in, delivered, np.full(hours, parts.total_mw + state.shunt_mva.real.sum()))
    assert seen.hours_known == hours - 4
    assert seen.non_technical_mwh == pytest.approx(stolen_mw * seen.hours_known, abs=1e-5)
    assert seen.metered_loss_mwh == pytest.approx(seen.technical_mwh + seen.non_technical_mwh)
    assert seen.percent_of_fed_in == pytest.approx(100 * stolen_mw / state.generator_p_mw.sum(), rel=1e-5)
    assert np.isnan(non_technical(fed_in[:0], delivered[:0], np.zeros(0)).percent_of_fed_in)


def test_top_branches_are_those_that_lost_most_without_what_is_unknown_or_nothing() -> None:
    lost = np.array([0.0, 3.0, np.nan, 5.0, 3.0, -1.0])
    assert top_branches(lost, 9).tolist() == [3, 1, 4]
    assert top_branches(lost, 1).tolist() == [3]
    assert top_branches(lost * np.nan, 9).tolist() == []
