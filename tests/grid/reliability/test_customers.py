"""Customers of loads: as files say, else by power and class."""

from dataclasses import replace

import numpy as np
import pytest

from grid.network import Network
from grid.protection.tree import supply_tree
from grid.reliability.customers import PEAK_KW_OF_OTHERS, PEAK_KW_PER_CUSTOMER, customers_of
from tests.cases import shared_case


def network_of(spec: str) -> Network:
    return shared_case(spec).network


def test_a_class_tells_how_much_a_customer_takes() -> None:
    network = network_of("city8")
    found = customers_of(network)
    assert found.derived.all()
    for place, profile in enumerate(network.load.profile):
        assert found.count[place] * PEAK_KW_PER_CUSTOMER[profile] == pytest.approx(1000 * network.load.p_mw[place])
    feeder = customers_of(network_of("case33bw"))
    assert feeder.total == pytest.approx(3715 / PEAK_KW_OF_OTHERS)


def test_the_networks_own_numbers_go_first() -> None:
    network = network_of("city8")
    own = np.full(len(network.load), np.nan)
    own[2] = 17.0
    found = customers_of(replace(network, load=replace(network.load, customers=own)))
    assert found.count[2] == 17
    assert found.derived.tolist() == [place != 2 for place in range(len(network.load))]


def test_customers_behind_branches_come_back_at_the_loads() -> None:
    network = network_of("case33bw")
    rng = np.random.default_rng(1)
    at_load = rng.integers(1, 200, len(network.load)).astype(float)
    at_bus = np.bincount(network.load.bus, at_load, network.n_bus)
    tree = supply_tree(network, network.branch.closed, network.source_buses)
    behind = np.full(network.n_branch, np.nan)
    behind[network.branch.closed] = 0
    for bus in range(network.n_bus):
        for branch in np.flatnonzero(tree.passed(bus).any(axis=1)):
            behind[branch] += at_bus[bus]
    found = customers_of(network, behind)
    np.testing.assert_allclose(found.count, at_load)
    assert not found.derived.any()
    behind[5] = np.nan  # its bus isn't known any more, nor is the one before it
    unknown = customers_of(network, behind)
    assert unknown.derived.sum() == 2
