"""Shares by hand, the least cut against bisection and random search, hosting margins against pandapower."""

from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import RENEWABLE, Energy, Network
from grid.studies.hosting import HostingLimit, hosting_margin
from grid.studies.renewable_share import Curtailment, curtailment, energy_mix
from tests.cases import shared_case

CUT_MW = 0.02  # how close to the least cut a linear programme on exact sensitivities has to come


def city() -> Network:
    return shared_case("city8").network


def is_renewable(network: Network) -> np.ndarray:
    return np.array([energy in RENEWABLE for energy in network.generator.energy], dtype=bool)


def sunny(network: Network, factor: float, load: float = 0.5) -> Injection:
    """The case with much more renewable power and less load."""
    base = Injection.of_case(network)
    p_mw = np.where(is_renewable(network), base.generator_p_mw * factor, base.generator_p_mw)
    return replace(base, generator_p_mw=p_mw, load_p_mw=base.load_p_mw * load, load_q_mvar=base.load_q_mvar * load)


def feeder(km: float, pv_mw: float, max_i_ka: float = 1.0, max_vm_pu: float = 1.05) -> pandapower.pandapowerNet:
    """A source, a 20 kV line to a bus with load, and another one to photovoltaics at its end."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 20.0, min_vm_pu=0.9, max_vm_pu=max_vm_pu) for _ in range(3)]
    pandapower.create_ext_grid(net, buses[0], vm_pu=1.0)
    for from_bus, to_bus in ((0, 1), (1, 2)):
        pandapower.create_line_from_parameters(net, from_bus, to_bus, km, 0.3, 0.35, 10.0, max_i_ka)
    pandapower.create_load(net, 1, 1.0, 0.2)
    pandapower.create_sgen(net, 2, pv_mw, type="PV")
    pandapower.runpp(net)
    return net


def solved(network: Network, injection: Injection) -> GridState:
    return PowerFlow(network).solve(injection, network.branch.closed)


def keeps_limits(network: Network, state: GridState) -> bool:
    return bool(state.loading_percent.max() <= 100 and (state.vm_pu <= network.bus.max_vm_pu + 1e-6).all())


def least_by_bisection(network: Network, injection: Injection, plant: int) -> float:
    low, high = 0.0, float(injection.generator_p_mw[plant])
    while high - low > 1e-4:
        middle = 0.5 * (low + high)
        p_mw = injection.generator_p_mw.copy()
        p_mw[plant] -= middle
        fits = keeps_limits(network, solved(network, replace(injection, generator_p_mw=p_mw)))
        low, high = (low, middle) if fits else (middle, high)
    return high


def test_shares_are_those_of_the_plants() -> None:
    network = city()
    assert [str(energy) for energy in network.generator.energy] == ["thermal", "thermal", "pv", "pv", "wind"]
    mix = energy_mix(network, np.array([50.0, -10.0, 20.0, 10.0, 20.0]))
    assert mix.total == 100
    assert mix.renewable_percent == 50
    np.testing.assert_allclose(mix.plant_percent, [50, 0, 20, 10, 20])
    share = dict(zip(Energy, mix.energy_percent, strict=True))
    assert (share[Energy.THERMAL], share[Energy.PV], share[Energy.WIND], share[Energy.GRID]) == (50, 30, 20, 0)
    assert mix.energy_percent.sum() == pytest.approx(100)
    assert np.isnan(energy_mix(network, np.zeros(5)).renewable_percent)


def test_a_share_with_unknown_generators_is_unknown() -> None:
    network = shared_case("case14").network
    assert np.isnan(energy_mix(network, np.ones(len(network.generator))).renewable_percent)
    sources_only = network.generator.is_source.astype(float)
    assert energy_mix(network, sources_only).renewable_percent == 0


def test_nothing_is_cut_where_everything_fits() -> None:
    seen = curtailment(city(), Injection.of_case(city()), city().branch.closed)
    assert seen.keeps_limits
    assert (seen.cut_mw == 0).all()


@pytest.mark.parametrize(("km", "pv_mw", "max_i_ka"), [(2.0, 12.0, 0.25), (8.0, 12.0, 1.0), (8.0, 9.0, 0.2)])
def test_the_cut_of_one_plant_is_the_least_that_bisection_finds(km: float, pv_mw: float, max_i_ka: float) -> None:
    network = network_from_pandapower(feeder(km, pv_mw, max_i_ka), "feeder")
    injection = Injection.of_case(network)
    plant = int(np.flatnonzero(is_renewable(network))[0])
    seen = curtailment(network, injection, network.branch.closed)
    assert seen.keeps_limits
    assert keeps_limits(network, seen.state)
    assert seen.cut_mw[plant] > 0.5
    assert seen.cut_mw[plant] == pytest.approx(least_by_bisection(network, injection, plant), abs=CUT_MW)


def verified(network: Network, injection: Injection, seen: Curtailment) -> GridState:
    """The state by a power flow of its own."""
    return solved(network, replace(injection, generator_p_mw=injection.generator_p_mw - seen.cut_mw))


@pytest.mark.parametrize("factor", [10.0, 14.0])
def test_no_other_cut_of_several_plants_is_smaller(factor: float) -> None:
    network = city()
    injection = sunny(network, factor)
    seen = curtailment(network, injection, network.branch.closed)
    assert not keeps_limits(network, solved(network, injection))
    assert seen.keeps_limits
    assert keeps_limits(network, verified(network, injection, seen))
    plants, rng = np.flatnonzero(is_renewable(network)), np.random.default_rng(1)
    most = injection.generator_p_mw[plants]
    for _ in range(300):
        share = rng.dirichlet(np.full(len(plants), 0.5))
        cut = np.minimum(share * (seen.total_mw - 0.1), most)
        p_mw = injection.generator_p_mw.copy()
        p_mw[plants] -= cut
        assert not keeps_limits(network, solved(network, replace(injection, generator_p_mw=p_mw)))


def test_an_overload_that_no_cut_cures_is_told() -> None:
    network = city()
    base = Injection.of_case(network)
    heavy = replace(base, load_p_mw=base.load_p_mw * 1.6, load_q_mvar=base.load_q_mvar * 1.6)
    assert solved(network, heavy).loading_percent.max() > 100
    seen = curtailment(network, heavy, network.branch.closed)
    assert not seen.keeps_limits
    np.testing.assert_allclose(seen.state.vm_pu, verified(network, heavy, seen).vm_pu, atol=1e-7)


@pytest.mark.parametrize(
    ("km", "max_i_ka", "limit"), [(2.0, 0.25, HostingLimit.LOADING), (8.0, 1.0, HostingLimit.VOLTAGE)]
)
def test_pandapower_meets_the_limit_at_the_margin(km: float, max_i_ka: float, limit: HostingLimit) -> None:
    net = feeder(km, 0.5, max_i_ka)
    network = network_from_pandapower(net, "feeder")
    seen = hosting_margin(network, Injection.of_case(network), network.branch.closed, np.array([1, 2]))
    assert seen.limit[1] is limit
    assert seen.margin_mw[0] > seen.margin_mw[1] > 1  # closer to the source there is more room
    pandapower.create_sgen(net, 2, seen.margin_mw[1])
    pandapower.runpp(net)
    worst = {
        HostingLimit.LOADING: (net.res_line.loading_percent.to_numpy(), 100.0, 0.05),
        HostingLimit.VOLTAGE: (net.res_bus.vm_pu.to_numpy(), 1.05, 1e-5),
    }
    values, most, tolerance = worst[limit]
    assert values.max() == pytest.approx(most, abs=tolerance)
    assert values.argmax() == seen.at[1]


def test_what_is_taken_lowers_the_margin_by_as_much() -> None:
    network = network_from_pandapower(feeder(8.0, 0.5), "feeder")
    base, closed, bus = Injection.of_case(network), network.branch.closed, np.array([2])
    margin = hosting_margin(network, base, closed, bus).margin_mw[0]
    plant = int(np.flatnonzero(is_renewable(network))[0])
    p_mw = base.generator_p_mw.copy()
    p_mw[plant] += 1.25
    less = hosting_margin(network, replace(base, generator_p_mw=p_mw), closed, bus).margin_mw[0]
    assert margin - less == pytest.approx(1.25, abs=0.005)


def test_all_buses_at_once_are_each_bus_alone_and_none_takes_more() -> None:
    network = shared_case("cigre_mv").network
    base, closed, buses = Injection.of_case(network), network.branch.closed, np.arange(1, network.n_bus)
    together = hosting_margin(network, base, closed, buses)
    for place in (3, 9):
        alone = hosting_margin(network, base, closed, buses[place : place + 1])
        assert alone.margin_mw[0] == pytest.approx(together.margin_mw[place], abs=0.003)
    low = np.full(len(buses), 0.5)
    capped = hosting_margin(network, base, closed, buses, most_mw=low)
    assert set(capped.limit) == {HostingLimit.NONE}
    np.testing.assert_allclose(capped.margin_mw, low)


def test_a_bus_without_supply_has_no_margin() -> None:
    network = shared_case("case33bw").network
    closed = network.branch.closed.copy()
    closed[5] = False
    state = PowerFlow(network).solve(Injection.of_case(network), closed)
    seen = hosting_margin(network, Injection.of_case(network), closed, np.arange(network.n_bus))
    np.testing.assert_array_equal(np.isnan(seen.margin_mw), ~state.energised)
