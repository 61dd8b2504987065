"""The N-1 list: against pandapower's search of what is cut off, pandapower's power flow and the optimiser itself."""

from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pandapower.topology
import pytest

from grid.flow.powerflow import Injection
from grid.network import Network
from grid.reliability.customers import customers_of
from ml.optimisation.plans.outages import (
    SingleOutage,
    meshed_outages,
    ranked,
    restored_outage,
    single_outages,
)
from ml.optimisation.plans.plan import OutcomeKind, Requirements
from ml.optimisation.plans.timeline import FieldWork
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at, solved_by_pandapower

LEVEL = 0.6
MEANS_KW = 1e-3


def tried(network: Network, moment: OperatingPoint, branch: int, work: FieldWork | None = None) -> SingleOutage:
    propose = SwitchingOptimizer(network, 1).propose
    customers = customers_of(network).count
    return restored_outage(network, moment, branch, Requirements(), propose, customers, work or FieldWork())


@pytest.fixture(scope="module")
def feeder() -> Network:
    return network_of("case33bw")


@pytest.fixture(scope="module")
def moment(feeder: Network) -> OperatingPoint:
    return operating_point_at(feeder, level=LEVEL)


def test_every_closed_branch_with_supply_is_tried(feeder: Network, moment: OperatingPoint) -> None:
    np.testing.assert_array_equal(single_outages(feeder, moment), np.flatnonzero(moment.closed))
    dark = replace(moment, injection=replace(moment.injection, generator_on=np.zeros(1, dtype=bool)))
    assert len(single_outages(feeder, dark)) == 0


@pytest.mark.parametrize("branch", [0, 5, 16, 21, 24])
def test_what_an_outage_takes_is_pandapowers_and_what_stays_dark_is_verified(
    feeder: Network, moment: OperatingPoint, branch: int
) -> None:
    net, found = pandapower.networks.case33bw(), tried(feeder, moment, branch)
    demand = moment.injection.load_p_mw
    closed = moment.closed.copy()
    closed[branch] = False

    def dark() -> np.ndarray:
        net.line["in_service"] = closed
        return np.isin(feeder.load.bus, list(pandapower.topology.unsupplied_buses(net)))

    lost = dark()
    assert found.lost_kw == pytest.approx(1000 * demand[lost].sum())
    assert found.lost_customers == pytest.approx(customers_of(feeder).count[lost].sum())
    for action in found.actions:
        closed[action.branch] = action.close
    stays = dark()
    assert found.dark_kw == pytest.approx(1000 * demand[stays].sum(), abs=MEANS_KW)
    assert found.dark_kw <= found.lost_kw + MEANS_KW
    assert not closed[branch]
    solved_by_pandapower(net, moment.injection, closed)
    supplied = net.res_bus.vm_pu[net.res_bus.vm_pu.notna()]
    assert supplied.min() >= feeder.bus.min_vm_pu.min() - 1e-6


def test_the_branch_at_the_source_darkens_all_until_its_repair(feeder: Network, moment: OperatingPoint) -> None:
    found = tried(feeder, moment, 0)
    whole_kw = 1000 * moment.injection.load_p_mw.sum()
    assert (found.outcome, found.restored_minutes) == (OutcomeKind.NOTHING_RESTORABLE, 0.0)
    assert found.dark_kw == pytest.approx(whole_kw)
    assert found.unsupplied_kwh == pytest.approx(whole_kw * found.repair_minutes / 60)


def test_what_comes_back_is_dark_until_then_and_no_longer(feeder: Network, moment: OperatingPoint) -> None:
    found = tried(feeder, moment, 24)
    assert found.outcome is OutcomeKind.ALL_RESTORED
    assert found.dark_kw == 0
    assert 0 < found.restored_minutes <= len(found.actions)
    assert 0 < found.unsupplied_kwh <= found.lost_kw * found.restored_minutes / 60 + MEANS_KW
    slower = tried(feeder, moment, 24, FieldWork(remote_minutes=5.0))
    assert slower.restored_minutes == pytest.approx(5 * found.restored_minutes)
    assert slower.unsupplied_kwh == pytest.approx(5 * found.unsupplied_kwh)


def test_what_was_dark_before_and_comes_back_is_told_apart(feeder: Network) -> None:
    """The first outage has no plan yet when the second comes: its load comes back with the plan for both."""
    dark_already = operating_point_at(feeder, level=LEVEL, out=(31,))
    found = tried(feeder, dark_already, 0)
    assert found.restored_kw == 0
    found = tried(feeder, dark_already, 21)
    before_kw = 1000 * dark_already.injection.load_p_mw[31]
    assert feeder.load.bus[31] == 32
    assert found.restored_kw == pytest.approx(found.lost_kw + before_kw - found.dark_kw)
    assert found.restored_kw > found.lost_kw


def test_an_outage_in_a_loop_takes_nothing(feeder: Network, moment: OperatingPoint) -> None:
    closed = moment.closed.copy()
    closed[32] = True
    found = tried(feeder, replace(moment, closed=closed), 32)
    assert (found.lost_kw, found.dark_kw, found.outcome) == (0.0, 0.0, None)
    assert found.harmless


def test_the_worst_comes_first(feeder: Network, moment: OperatingPoint) -> None:
    rows = ranked(tried(feeder, moment, branch) for branch in (24, 0, 21, 5))
    dark = [row.dark_kw for row in rows]
    assert dark == sorted(dark, reverse=True)
    assert rows[0].branch == 0
    unsolved = replace(rows[-1], solved=False)
    assert ranked([*rows, unsolved])[0] is unsolved


def test_in_a_meshed_grid_the_violations_are_pandapowers() -> None:
    network, net = network_of("case30"), pandapower.networks.case30()
    branches = single_outages(network, operating_point_at(network))
    work, customers = FieldWork(), customers_of(network).count
    moment = replace(operating_point_at(network), injection=Injection.of_case(network))
    rows = meshed_outages(network, moment, branches, customers, work)
    assert [row.branch for row in rows] == branches.tolist()
    worst = ranked(rows)[0]
    lines = len(net.line)
    assert network.n_branch == lines + len(net.trafo)
    table, row = (net.line, worst.branch) if worst.branch < lines else (net.trafo, worst.branch - lines)
    table.loc[row, "in_service"] = False
    pandapower.runpp(net, tolerance_mva=1e-8)
    loaded = worst.loaded_branch
    assert loaded < lines
    current = net.res_line.i_ka.iloc[loaded]
    rating = network.branch.rating_from_ka[loaded]
    assert worst.worst_loading_percent == pytest.approx(100 * current / rating, rel=1e-4)
    low = np.nanmax(network.bus.min_vm_pu - net.res_bus.vm_pu.to_numpy())
    high = np.nanmax(net.res_bus.vm_pu.to_numpy() - network.bus.max_vm_pu)
    assert worst.band_excess_pu == pytest.approx(max(low, high), abs=1e-5)
    shares = [row.violation for row in ranked(rows) if row.solved and row.dark_kw < 1]
    assert shares == sorted(shares, reverse=True)
