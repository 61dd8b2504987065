"""The time line: minutes by hand-made cases, and supply by pandapower's own search of what hangs on a source."""

from dataclasses import replace

import numpy as np
import pandapower.networks
import pandapower.topology
import pytest

from grid.network import BranchKind, Network
from grid.reliability.customers import customers_of
from ml.optimisation.plans.plan import Action, Requirements
from ml.optimisation.plans.timeline import Distance, FieldWork, Timeline, km_per_unit, timeline_of
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.switching.optimizer import SwitchingOptimizer
from tests.ml.operating_points import network_of, operating_point_at

KM_PER_H = 30.0


def actions_of(*switching: tuple[int, bool]) -> tuple[Action, ...]:
    return tuple(Action(branch, close, 0.0, 1.0, 0.0) for branch, close in switching)


def line(network: Network, moment: OperatingPoint, actions: tuple[Action, ...], work: FieldWork) -> Timeline:
    customers = customers_of(network).count
    return timeline_of(network, moment.injection, moment.closed, actions, customers, work)


def in_a_row(count: int = 6) -> Network:
    """The 33-bus feeder's buses 0 to 5 placed on a line with a unit of 2 km, by the lengths of all lines."""
    network = network_of("case33bw")
    x = np.arange(network.n_bus, dtype=float)
    apart = np.abs(x[network.branch.from_bus] - x[network.branch.to_bus])
    bus = replace(network.bus, x=x, y=np.zeros(network.n_bus), placed_by_case=True)
    return replace(network, bus=bus, branch=replace(network.branch, length_km=2.0 * apart))


def by_hand(network: Network, *branches: int) -> np.ndarray:
    found = np.zeros(network.n_branch, dtype=bool)
    found[list(branches)] = True
    return found


def test_remote_actions_take_a_minute_each() -> None:
    network = network_of("case33bw")
    found = line(network, operating_point_at(network), actions_of((32, True), (6, False), (33, True)), FieldWork())
    assert [step.minute for step in found.steps] == [1.0, 2.0, 3.0]
    assert [step.crew for step in found.steps] == [None] * 3
    assert found.minutes == 3.0


def test_ways_are_scaled_by_the_lengths_of_lines() -> None:
    assert km_per_unit(in_a_row()) == pytest.approx(2.0)


def test_a_crew_travels_by_distance_and_needs_its_time_at_the_switch() -> None:
    network = in_a_row()
    assert network.source_buses[0] == 0
    work = FieldWork(by_hand=by_hand(network, 4), crews=1, travel_km_per_h=KM_PER_H)
    found = line(network, operating_point_at(network), actions_of((4, False)), work)
    assert (network.branch.from_bus[4], network.branch.to_bus[4]) == (4, 5)
    way = 4 * 2.0 / KM_PER_H * 60  # to its nearer end
    assert found.steps[0].travel_minutes == pytest.approx(way)
    assert found.minutes == pytest.approx(way + 15.0)
    assert found.distance is Distance.COORDINATES


def test_one_crew_goes_from_switch_to_switch_and_two_share_the_work() -> None:
    network = in_a_row()
    hands, actions = by_hand(network, 2, 4), actions_of((4, False), (2, False))
    alone = line(network, operating_point_at(network), actions, FieldWork(by_hand=hands, crews=1))
    first = 16.0 + 15.0  # 8 km, and the switch
    assert alone.steps[1].minute == pytest.approx(first + 60 * 2.0 / 30.0 + 15.0)  # from bus 4 to bus 3
    two = line(network, operating_point_at(network), actions, FieldWork(by_hand=hands, crews=2))
    assert two.steps[1].crew != two.steps[0].crew
    assert two.steps[1].minute == pytest.approx(first + 1.0)  # it waits there: actions keep their order


def test_a_crew_travels_while_others_switch() -> None:
    network = in_a_row()
    work = FieldWork(by_hand=by_hand(network, 4), remote_minutes=10.0)
    found = line(network, operating_point_at(network), actions_of((33, True), (4, False)), work)
    assert found.minutes == pytest.approx(31.0)


def test_without_coordinates_of_the_case_every_way_takes_one_time() -> None:
    network = in_a_row()
    network = replace(network, bus=replace(network.bus, placed_by_case=False))
    found = line(network, operating_point_at(network), actions_of((4, False)), FieldWork(by_hand=by_hand(network, 4)))
    assert found.distance is Distance.FIXED
    assert found.minutes == 35.0


def test_supply_after_each_action_is_pandapowers_and_only_rises() -> None:
    network, net = network_of("case33bw"), pandapower.networks.case33bw()
    moment = operating_point_at(network, level=0.6, out=(6,))
    proposal = SwitchingOptimizer(network, 1).propose(moment, Requirements())
    assert proposal.plan is not None
    found, closed = line(network, moment, proposal.plan.actions, FieldWork()), moment.closed.copy()
    customers = customers_of(network).count

    def supplied() -> tuple[float, float]:
        net.line["in_service"] = closed
        dead = pandapower.topology.unsupplied_buses(net)
        has = ~np.isin(network.load.bus, list(dead))
        return float(moment.injection.load_p_mw[has].sum()), float(customers[has].sum())

    assert (found.supplied_mw, found.supplied_customers) == pytest.approx(supplied())
    for step in found.steps:
        closed[step.action.branch] = step.action.close
        assert (step.supplied_mw, step.supplied_customers) == pytest.approx(supplied())
    courses = np.array([found.supplied_mw, *(step.supplied_mw for step in found.steps)])
    assert (np.diff(courses) >= 0).all()
    gained_kw = 1000 * (courses[-1] - courses[0])
    assert gained_kw == pytest.approx(proposal.outcome.restored_kw, abs=1e-6)
    assert found.wanted_mw == pytest.approx(moment.injection.load_p_mw.sum())


def test_energy_not_supplied_is_the_area_above_the_steps() -> None:
    network = network_of("case33bw")
    moment = operating_point_at(network, out=(6,))
    found = line(
        network,
        moment,
        actions_of(
            (32, True),
        ),
        FieldWork(remote_minutes=30.0),
    )
    before, after = found.wanted_mw - found.supplied_mw, found.wanted_mw - found.steps[0].supplied_mw
    assert before > after
    assert found.unsupplied_mwh(240.0) == pytest.approx(before * 0.5 + after * 3.5)
    assert found.unsupplied_mwh(15.0) == pytest.approx(before * 0.25)
    assert line(network, moment, (), FieldWork()).unsupplied_mwh(60.0) == pytest.approx(before)


def test_repairs_take_their_time_by_kind() -> None:
    network = network_of("case33bw")
    work = FieldWork(repair_hours={BranchKind.LINE: 2.0, BranchKind.CABLE: 3.0})
    kinds = {BranchKind.LINE: 120.0, BranchKind.CABLE: 180.0}
    assert work.repair_minutes(network, 5) == kinds[network.branch.kind[5]]


def test_there_is_at_least_one_crew_and_it_moves() -> None:
    for wrong in ({"crews": 0}, {"travel_km_per_h": 0.0}):
        with pytest.raises(ValueError, match="at least one crew"):
            FieldWork(**wrong)
