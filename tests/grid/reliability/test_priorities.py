"""Priorities of supply: from the file, from a person, and what is refused."""

from datetime import datetime

import numpy as np
import pandapower.networks
import pytest

from grid.files.pandapower.convert import network_from_pandapower
from grid.reliability.priorities import HIGHEST, Priorities, PriorityEdit, priorities_of
from tests.cases import shared_case

NOW = datetime(2026, 1, 15, 18)


def edit(bus: int, priority: float) -> PriorityEdit:
    return PriorityEdit(bus=bus, priority=priority, person="Ann", edited_at=NOW)


def test_a_file_may_say_priorities_and_the_rest_is_ordinary() -> None:
    net = pandapower.networks.case33bw()
    net.load["priority"] = np.nan
    net.load.loc[3, "priority"] = 5.0
    net.load.loc[4, "priority"] = HIGHEST
    network = network_from_pandapower(net, "case33bw", "33-bus feeder", state_is_secure=True)
    found = priorities_of(network).of_load
    assert found[3] == 5.0
    assert found[4] == HIGHEST
    assert (np.delete(found, [3, 4]) == 1.0).all()
    assert not priorities_of(shared_case("case33bw").network).differ


def test_a_person_sets_all_loads_of_a_bus_and_the_last_word_counts() -> None:
    network = shared_case("city8").network
    bus = int(network.load.bus[0])
    found = priorities_of(network).edited(network, edit(bus, 5.0)).edited(network, edit(bus, 0.5))
    assert found.differ
    assert found.at_bus(network, bus) == 0.5
    assert (found.of_load[network.load.bus != bus] == 1.0).all()
    assert [one.priority for one in found.edits] == [5.0, 0.5]


@pytest.mark.parametrize("priority", [0.0, -1.0, 1e4, float("nan"), float("inf")])
def test_a_priority_out_of_range_is_refused(priority: float) -> None:
    network = shared_case("city8").network
    with pytest.raises(ValueError, match=r"priority: 0\.01 to 1000"):
        priorities_of(network).edited(network, edit(int(network.load.bus[0]), priority))


def test_a_bus_without_load_is_refused_and_has_no_priority() -> None:
    network = shared_case("city8").network
    empty = next(bus for bus in range(network.n_bus) if bus not in network.load.bus)
    with pytest.raises(LookupError, match="has no load"):
        priorities_of(network).edited(network, edit(empty, 2.0))
    with pytest.raises(LookupError, match="numbered 0 to 7"):
        priorities_of(network).edited(network, edit(99, 2.0))
    assert np.isnan(priorities_of(network).at_bus(network, empty))


def test_a_bus_counts_the_mean_of_its_loads_by_power() -> None:
    network = shared_case("city8").network
    of_load = np.linspace(1.0, 2.0, len(network.load))
    bus = int(network.load.bus[0])
    here = network.load.bus == bus
    wanted = float((of_load * network.load.p_mw)[here].sum() / network.load.p_mw[here].sum())
    assert Priorities(of_load=of_load).at_bus(network, bus) == pytest.approx(wanted)
