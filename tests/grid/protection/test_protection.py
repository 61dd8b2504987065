"""Which device trips, what indicators show, where the fault is: against flows by hand and Bayes' rule written out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from grid.flow.topology import energised_buses
from grid.network import BranchKind, Network
from grid.protection.devices import protected_branches, running_sources, trip_of
from grid.protection.indicators import drawn_flags, element_of, indicator_places
from grid.protection.isolation import isolating_branches
from grid.protection.location import located
from grid.protection.records import (
    FaultedElement,
    FaultPlace,
    LocatedFault,
    ProtectionScheme,
    Trip,
    TripReport,
)
from grid.protection.tree import supply_tree
from tests.cases import shared_case

CASES = ("city8", "case33bw", "cigre_mv", "simbench")
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
PERFECT = ProtectionScheme(missed=0.0, false=0.0, passages=1)


def network_of(spec: str) -> Network:
    return shared_case(spec).network


def running(network: Network) -> np.ndarray:
    return np.ones(len(network.generator), dtype=bool)


def live_buses(network: Network, closed: np.ndarray) -> np.ndarray:
    branch = network.branch
    return energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, network.source_buses)


def bus_fault(bus: int) -> FaultedElement:
    return FaultedElement(place=FaultPlace.BUS, index=bus)


def branch_fault(branch: int) -> FaultedElement:
    return FaultedElement(place=FaultPlace.BRANCH, index=branch)


def faults(network: Network) -> Iterator[FaultedElement]:
    """Every bus and closed branch with supply in the case's own state."""
    live = live_buses(network, network.branch.closed)
    yield from (bus_fault(bus) for bus in np.flatnonzero(live).tolist())
    closed = network.branch.closed & live[network.branch.from_bus]
    yield from (branch_fault(branch) for branch in np.flatnonzero(closed).tolist())


def report_of(
    network: Network, fault: FaultedElement, scheme: ProtectionScheme, rng: np.random.Generator
) -> TripReport:
    closed = network.branch.closed
    return TripReport(
        id=1,
        tripped_at=NOON,
        trip=trip_of(network, protected_branches(network), closed, running(network), fault),
        closed=closed,
        running=running(network),
        seen=drawn_flags(network, scheme, closed, running(network), fault, rng),
        passages=scheme.passages,
    )


def located_in(network: Network, fault: FaultedElement, found: LocatedFault) -> bool:
    first = found.sections[0]
    return fault.index in (first.buses if fault.place is FaultPlace.BUS else first.branches)


def after(network: Network, trip: Trip) -> np.ndarray:
    closed = network.branch.closed.copy()
    closed[list(trip.branches)] = False
    return closed


def test_a_feeder_trips_at_its_head() -> None:
    network = network_of("case33bw")
    assert np.flatnonzero(protected_branches(network)).tolist() == [0]
    for fault in faults(network):
        trip = trip_of(network, protected_branches(network), network.branch.closed, running(network), fault)
        if fault == bus_fault(int(network.source_buses[0])):
            assert trip == Trip(branches=(), generators=(0,))  # nothing stands before the source's own bus
        else:
            assert trip == Trip(branches=(0,), generators=())


def test_city8_loses_the_whole_line_of_substations_behind_the_head() -> None:
    network = network_of("city8")
    names = network.branch.name
    fault = branch_fault(names.index("Mall Line"))  # from the campus to the shopping complex
    trip = trip_of(network, protected_branches(network), network.branch.closed, running(network), fault)
    assert [names[branch] for branch in trip.branches] == ["Campus Line"]
    dark = np.flatnonzero(~live_buses(network, after(network, trip)))
    assert {network.bus.name[bus] for bus in dark} == {"University Campus", "Shopping Complex"}


def test_breakers_of_the_file_are_the_devices_and_the_nearest_trips() -> None:
    network = network_of("simbench")
    protected = protected_branches(network)
    assert protected.sum() == network.branch.breaker.sum() > 2
    transformers = np.array([kind is BranchKind.TRANSFORMER for kind in network.branch.kind])
    assert protected[transformers].all()
    for fault in faults(network):
        trip = trip_of(network, protected, network.branch.closed, running(network), fault)
        if fault.place is FaultPlace.BRANCH and not protected[fault.index]:
            assert len(trip.branches) == 1
            assert not transformers[trip.branches[0]]  # the feeder's breaker lies nearer than the transformer's


def test_a_feeder_without_breakers_in_the_file_trips_behind_the_substations_transformer() -> None:
    network = network_of("simbench")
    network = replace(network, branch=replace(network.branch, breaker=np.zeros(network.n_branch, dtype=bool)))
    branch, protected = network.branch, protected_branches(network)
    at_bars = branch.to_bus[np.array([kind is BranchKind.TRANSFORMER for kind in branch.kind])]
    for bar in at_bars:
        trip = trip_of(network, protected, branch.closed, running(network), bus_fault(int(bar)))
        assert [branch.kind[index] for index in trip.branches] == [BranchKind.TRANSFORMER]
        leaving = np.flatnonzero(branch.closed & ((branch.from_bus == bar) | (branch.to_bus == bar)))
        assert protected[leaving].all()


@pytest.mark.parametrize("spec", CASES)
def test_what_is_faulty_is_dead_after_the_trip_and_every_device_was_needed(spec: str) -> None:
    network = network_of(spec)
    for fault in faults(network):
        trip = trip_of(network, protected_branches(network), network.branch.closed, running(network), fault)
        assert trip
        on = running(network)
        on[list(trip.generators)] = False
        closed = after(network, trip)
        assert not trip_of(network, protected_branches(network), closed, on, fault)  # nothing feeds it any more
        for device in trip.branches:
            closed[device] = True
            assert trip_of(network, protected_branches(network), closed, on, fault)
            closed[device] = False


def test_a_meshed_grid_opens_what_is_faulty_alone() -> None:
    network = network_of("case14")
    protected = protected_branches(network)
    assert protected.all()
    line = trip_of(network, protected, network.branch.closed, running(network), branch_fault(3))
    assert line == Trip(branches=(3,), generators=())
    trip = trip_of(network, protected, network.branch.closed, running(network), bus_fault(4))
    at = np.flatnonzero((network.branch.from_bus == 4) | (network.branch.to_bus == 4))
    assert set(trip.branches) <= set(at.tolist())
    dark = np.flatnonzero(~live_buses(network, after(network, trip)))
    assert dark.tolist() == [4]


@pytest.mark.parametrize("spec", CASES)
def test_the_tree_leads_from_every_supplied_element_to_a_source(spec: str) -> None:
    network = network_of(spec)
    tree = supply_tree(network, network.branch.closed, running_sources(network, running(network)))
    np.testing.assert_array_equal(tree.energised[: network.n_bus], live_buses(network, network.branch.closed))
    for fault in faults(network):
        element, seen = element_of(network, fault), set()
        while tree.parent[element] >= 0:
            assert element not in seen
            seen.add(element)
            element = int(tree.parent[element])
        assert element in network.source_buses


def test_flags_show_the_way_to_the_fault_and_no_other() -> None:
    network = network_of("city8")
    name = network.branch.name.index
    seen = drawn_flags(
        network,
        PERFECT,
        network.branch.closed,
        running(network),
        branch_fault(name("Mall Line")),
        np.random.default_rng(0),
    )
    campus, mall = name("Campus Line"), name("Mall Line")
    assert seen[campus].tolist() == [1, 1]
    assert sorted(seen[mall].tolist()) == [0, 1]  # the current flows in at one end and not out of the other
    others = np.setdiff1d(np.arange(network.n_branch), [campus, mall])
    assert (seen[others] == 0).all()


@pytest.mark.parametrize("spec", CASES)
def test_perfect_flags_find_every_fault(spec: str) -> None:
    network, rng = network_of(spec), np.random.default_rng(1)
    for fault in faults(network):
        found = located(network, protected_branches(network), report_of(network, fault, PERFECT, rng), PERFECT)
        assert located_in(network, fault, found)
        assert found.sections[0].probability > 0.99


@pytest.mark.parametrize("spec", ["city8", "case33bw"])
def test_probabilities_are_those_of_bayes_rule_written_out(spec: str) -> None:
    network, rng = network_of(spec), np.random.default_rng(2)
    scheme = ProtectionScheme(missed=0.08, false=0.03, passages=2)
    closed, protected = network.branch.closed, protected_branches(network)
    tree = supply_tree(network, closed, network.source_buses)
    for fault in list(faults(network))[::5]:
        report = report_of(network, fault, scheme, rng)
        likelihood = {}
        for one in faults(network):
            if trip_of(network, protected, closed, running(network), one) != report.trip:
                continue
            chance = np.where(tree.passed(element_of(network, one)), 1 - scheme.missed, scheme.false)
            live = tree.energised[network.n_bus :]
            each = chance**report.seen * (1 - chance) ** (scheme.passages - report.seen)
            likelihood[one] = float(each[live].prod())
        total = sum(likelihood.values())
        for section in located(network, protected, report, scheme).sections:
            members = [bus_fault(bus) for bus in section.buses] + [branch_fault(branch) for branch in section.branches]
            expected = sum(likelihood[one] for one in members) / total
            assert section.probability == pytest.approx(expected, rel=1e-9)


def test_stated_probabilities_come_true() -> None:
    network, rng, scheme = network_of("case33bw"), np.random.default_rng(3), ProtectionScheme(passages=1)
    protected, stated, hits = protected_branches(network), [], []
    for fault in list(faults(network)) * 12:
        found = located(network, protected, report_of(network, fault, scheme, rng), scheme)
        stated.append(found.sections[0].probability)
        hits.append(located_in(network, fault, found))
    spread = np.sqrt(np.mean(np.array(stated) * (1 - np.array(stated))) / len(stated))
    assert abs(np.mean(stated) - np.mean(hits)) < 4 * spread


def test_worthless_flags_still_name_one_section_and_an_impossible_trip_none() -> None:
    network = network_of("simbench")
    scheme = ProtectionScheme(missed=0.5, false=0.5, passages=1)
    report = report_of(network, branch_fault(0), scheme, np.random.default_rng(4))
    assert len(located(network, protected_branches(network), report, scheme).sections) >= 1
    two = np.flatnonzero(network.branch.breaker & network.branch.closed)[[3, 9]]
    odd = replace(report, trip=Trip(branches=tuple(two.tolist()), generators=()))
    assert located(network, protected_branches(network), odd, scheme).sections == ()


def test_without_indicators_the_section_is_all_that_the_device_protects() -> None:
    network = network_of("case33bw")
    none = np.zeros(network.n_branch, dtype=bool)
    scheme = ProtectionScheme(from_end=none, to_end=none)
    report = report_of(network, branch_fault(20), scheme, np.random.default_rng(4))
    assert np.isnan(report.seen).all()
    (only,) = located(network, protected_branches(network), report, scheme).sections
    assert only.probability == pytest.approx(1.0)
    assert len(only.buses) == network.n_bus - 1
    assert set(only.branches) == set(np.flatnonzero(network.branch.closed).tolist())


def test_indicators_at_some_branches_make_larger_sections() -> None:
    network, rng = network_of("case33bw"), np.random.default_rng(5)
    some, none = np.zeros(network.n_branch, dtype=bool), np.zeros(network.n_branch, dtype=bool)
    some[[5, 17, 24]] = True
    scheme = replace(PERFECT, from_end=some, to_end=none)
    for fault in faults(network):
        if fault == bus_fault(0):
            continue
        found = located(network, protected_branches(network), report_of(network, fault, scheme, rng), scheme)
        assert located_in(network, fault, found)
    with pytest.raises(ValueError, match="from_end"):
        indicator_places(network, replace(PERFECT, from_end=np.ones(3, dtype=bool)))


@pytest.mark.parametrize("spec", CASES)
def test_a_fault_that_is_isolated_doesnt_trip_again(spec: str) -> None:
    network = network_of(spec)
    protected = protected_branches(network)
    nothing = np.array([], dtype=int)
    for fault in faults(network):
        here = np.array([fault.index])
        buses, branches = (here, nothing) if fault.place is FaultPlace.BUS else (nothing, here)
        closed = network.branch.in_service & ~isolating_branches(network, network.branch.in_service, buses, branches)
        if fault.place is FaultPlace.BUS and fault.index in network.source_buses:
            continue  # its own source still feeds it
        assert not trip_of(network, protected, closed, running(network), fault)


def test_isolation_reaches_past_what_has_no_switch() -> None:
    network = network_of("case33bw")  # 0 - 1 - 2 - 3 ... - 17 along the first branches
    switchable = network.branch.in_service.copy()
    switchable[[3, 4]] = False  # from bus 3 to 4 and from 4 to 5
    opened = isolating_branches(network, switchable, np.array([], dtype=int), np.array([3]))
    ends = {3, 4, 5}
    branch = network.branch
    touching = [i for i in range(network.n_branch) if {branch.from_bus[i], branch.to_bus[i]} & ends and switchable[i]]
    assert np.flatnonzero(opened).tolist() == touching


@pytest.mark.parametrize(("field", "value"), [("missed", -0.1), ("false", 0.6), ("passages", 0)])
def test_a_scheme_that_means_nothing_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        ProtectionScheme(**{field: value})
