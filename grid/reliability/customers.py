"""How many customers each load stands for: as a file says, else derived from its power and its class."""

from dataclasses import dataclass

import numpy as np

from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, Network
from grid.protection.tree import supply_tree

PEAK_KW_PER_CUSTOMER = {"residential": 2.5, "commercial": 15.0, "industrial": 200.0}
"""Assumption: kW at the case's own load of one customer of a class. The mean consumption of a customer in the United
States is some 900, 6,200 and 100,000 kWh a month (EIA, Electric Sales, Revenue, and Average Price, table 5), that is
1.2, 8.5 and 140 kW on average; with load factors of 0.5, 0.55 and 0.7 these are the peaks. Other countries differ by a
factor of two."""
PEAK_KW_OF_OTHERS = 2.0
"""Assumption: kW of one customer where the case says no class, households and firms together, as asset registers have
it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Customers:
    """count: (l,) customers of each load, not always whole where derived. derived: (l,) whether no file said so."""

    count: FloatArray
    derived: BoolArray

    @property
    def total(self) -> float:
        """Customers of the whole grid, N_T of IEEE 1366."""
        return float(self.count.sum())


def customers_of(network: Network, behind_branch: FloatArray | None = None) -> Customers:
    """Customers of each load.

    The network's own number goes first. Then behind_branch: (m,) customers behind branches in the case's own state, NaN
    where an asset file says nothing: a bus has those behind the branch that feeds it less those behind the branches
    that leave it, where all of these are given, and its loads share them by their power. The rest is derived from power
    and class. Loads that feed in have none.
    """
    load = network.load
    own = np.full(len(load), np.nan) if load.customers is None else load.customers
    kw = 1000 * load.p_mw.clip(min=0)
    peak = np.array([PEAK_KW_PER_CUSTOMER.get(profile, PEAK_KW_OF_OTHERS) for profile in load.profile])
    derived = kw / peak if len(load) else np.zeros(0)
    from_assets = np.full(len(load), np.nan) if behind_branch is None else _from_branches(network, behind_branch)
    given = np.where(np.isfinite(own), own, from_assets)
    return Customers(count=np.where(np.isfinite(given), given, derived), derived=~np.isfinite(given))


def _from_branches(network: Network, behind: FloatArray) -> FloatArray:
    """(l,) customers by those behind branches (m,), NaN where they don't say."""
    branch, load, n_bus = network.branch, network.load, network.n_bus
    live = energised_buses(n_bus, branch.from_bus, branch.to_bus, branch.closed, network.source_buses)
    tree = supply_tree(network, branch.closed, network.source_buses)
    feeding = tree.parent[:n_bus] - n_bus
    leaving = np.flatnonzero(tree.parent[n_bus:] >= 0)
    onward = np.bincount(tree.parent[n_bus + leaving], behind[leaving], n_bus)  # NaN where one of them is
    at_bus = np.where(live & (feeding >= 0), behind[np.maximum(feeding, 0)] - onward, np.nan)
    at_bus = np.where(at_bus >= 0, at_bus, np.nan)
    weight = np.where(load.p_mw > 0, load.p_mw, 0.0)
    total = np.bincount(load.bus, weight, n_bus)[load.bus]
    share = np.divide(weight, total, out=np.full(len(load), np.nan), where=total > 0)
    return np.asarray(at_bus[load.bus] * share)
