"""Why a grid has no state: the reason given is the one that was built in, and the remedy named is one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandapower
import pytest
from pandapower.auxiliary import pandapowerNet
from pandapower.networks import case14, case30

from grid.errors import CaseError
from grid.files.pandapower.convert import NoStateError, network_from_pandapower
from grid.files.report import divergence_sentence
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Network
from grid.studies.divergence import Divergence, DivergenceCause, why_no_solution
from tests.rings import ring


def refused(net: pandapowerNet) -> tuple[Network, Divergence]:
    """The network of a net without a state, and why it has none."""
    with pytest.raises(NoStateError) as caught:
        network_from_pandapower(net, "net")
    sentence = divergence_sentence(caught.value.network, caught.value.divergence)
    assert str(caught.value) == f"net: network: the base state has no solution. {sentence}"
    return caught.value.network, caught.value.divergence


@pytest.mark.parametrize("make", [case14, pytest.param(case30, marks=pytest.mark.long)])
def test_the_share_that_solves_solves_and_little_more_does_not(make: Callable[[], pandapowerNet]) -> None:
    net = make()
    for table in (net.load, net.gen, net.sgen):
        table["scaling"] = 9.0
    network, found = refused(net)
    assert found.cause is DivergenceCause.TOO_MUCH_LOAD
    assert found.load_mw == pytest.approx(float((net.load.p_mw * 9).sum()))
    for share, solves in ((found.share, True), (found.share + 2e-3, False)):
        other = make()
        for table in (other.load, other.gen, other.sgen):
            table["scaling"] = 9.0 * share
        begun = network_from_pandapower(make(), "net").base_voltage
        start = begun if share < 1e-9 else None
        state = PowerFlow(replace(network, base_voltage=begun))
        part = Injection.of_case(network)
        scaled = replace(
            part,
            load_p_mw=share * part.load_p_mw,
            load_q_mvar=share * part.load_q_mvar,
            generator_p_mw=np.where(network.generator.is_source, part.generator_p_mw, share * part.generator_p_mw),
            generator_q_mvar=share * part.generator_q_mvar,
        )
        if solves:
            lowest = state.solve(scaled, network.branch.closed, start).vm_pu
            assert int(np.argmin(lowest)) == found.lowest_bus
            assert lowest.min() == pytest.approx(found.lowest_pu, abs=0.02)
        else:
            with pytest.raises(PowerFlowDivergedError):
                state.solve(scaled, network.branch.closed, start)


def spoil_load(net: pandapowerNet) -> None:
    net.load.loc[3, ["p_mw", "q_mvar"]] *= 1000


def spoil_line(net: pandapowerNet) -> None:
    net.line.loc[0, ["r_ohm_per_km", "x_ohm_per_km"]] *= 3000
    net.line.loc[1, ["r_ohm_per_km", "x_ohm_per_km"]] *= 3000


def spoil_ratio(net: pandapowerNet) -> None:
    net.trafo.loc[2, "vn_lv_kv"] /= 10


def spoil_shift(net: pandapowerNet) -> None:
    net.trafo.loc[4, "shift_degree"] = 180.0


def spoil_set_point(net: pandapowerNet) -> None:
    net.gen.loc[0, "vm_pu"] = 104.5


def spoil_shunt(net: pandapowerNet) -> None:
    pandapower.create_shunt(net, 3, q_mvar=-3000.0)


def spoil_schedule(net: pandapowerNet) -> None:
    net.gen["p_mw"] = 900.0


@pytest.mark.parametrize(
    ("spoil", "cause", "count"),
    [
        (spoil_load, DivergenceCause.LOAD, 1),
        (spoil_line, DivergenceCause.IMPEDANCE, 2),
        (spoil_ratio, DivergenceCause.RATIO, 1),
        (spoil_shift, DivergenceCause.PHASE_SHIFT, 1),
        (spoil_set_point, DivergenceCause.SET_POINT, 1),
        (spoil_shunt, DivergenceCause.SHUNT, 1),
        (spoil_schedule, DivergenceCause.GENERATION, 0),
    ],
)
def test_the_cause_is_the_one_built_in(
    spoil: Callable[[pandapowerNet], None], cause: DivergenceCause, count: int
) -> None:
    net = case14()
    spoil(net)
    network, found = refused(net)
    assert found.cause is cause
    assert len(found.at) == count
    assert divergence_sentence(network, found)


def test_a_grid_in_the_dark_says_how_much_load_has_no_source() -> None:
    net = case14()
    net.load["scaling"] = 9.0
    net.line.loc[net.line.from_bus == 8, "in_service"] = False
    net.line.loc[net.line.to_bus == 8, "in_service"] = False
    net.trafo.loc[net.trafo.lv_bus == 8, "in_service"] = False
    dark = float((9.0 * net.load.p_mw)[net.load.bus == 8].sum())
    network, found = refused(net)
    assert found.dark_mw == pytest.approx(dark)
    assert f"{dark:.4g} MW have no connection to a source" in divergence_sentence(network, found)


def test_the_running_grid_is_asked_the_same_way() -> None:
    """A network with a state, whose loads grow until it has none."""
    network = network_from_pandapower(case14(), "case14")
    injection = Injection.of_case(network)
    grown = replace(injection, load_p_mw=9 * injection.load_p_mw, load_q_mvar=9 * injection.load_q_mvar)
    found = why_no_solution(network, grown, network.branch.closed)
    assert found.cause in (DivergenceCause.TOO_MUCH_LOAD, DivergenceCause.GENERATION)
    assert 0 < found.share < 1


def test_what_pandapower_cannot_model_is_an_error_of_the_file() -> None:
    net = case14()
    pandapower.create_gen(net, int(net.gen.bus.iloc[0]), 1.0, vm_pu=0.97)
    with pytest.raises(CaseError, match="net: network: pandapower can't model this network"):
        network_from_pandapower(net, "net")


def test_the_share_is_found_where_only_a_dc_power_flow_shows_newton_where_to_begin() -> None:
    net = ring(30.0)
    net.load["p_mw"] = 900.0
    _, why = refused(net)
    assert why.cause is DivergenceCause.TOO_MUCH_LOAD
    net.load["p_mw"] *= 0.999 * why.share
    pandapower.runpp(net, init="dc")
    net.load["p_mw"] *= 1.002 / 0.999
    with pytest.raises(pandapower.LoadflowNotConverged):
        pandapower.runpp(net, init="dc", max_iteration=40)
