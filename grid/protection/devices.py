"""Where protective devices stand, and which of them trip for a fault."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from grid.flow.topology import energised_buses, is_radial
from grid.network import BoolArray, BranchKind, IntArray, Network
from grid.protection.records import FaultedElement, FaultPlace, Trip


def protected_branches(network: Network) -> BoolArray:
    """(m,) branches with a protective device.

    A grid whose own state isn't radial has one at every branch: distance and differential protection opens what is
    faulty alone. Where the case says which branches have circuit breakers these are the devices. Else they are the
    head of each feeder, every transformer, and, where a feeder begins behind a substation's transformer, the first
    branches after it.
    """
    branch, source = network.branch, np.zeros(network.n_bus, dtype=bool)
    source[network.source_buses] = True
    if not is_radial(network.n_bus, branch.from_bus, branch.to_bus, branch.closed, network.source_buses):
        return np.ones(network.n_branch, dtype=bool)
    if branch.breaker.any():
        return branch.breaker.copy()
    transformer = np.array([kind is BranchKind.TRANSFORMER for kind in branch.kind], dtype=bool)
    first = source[branch.from_bus] | source[branch.to_bus]
    bar = np.zeros(network.n_bus, dtype=bool)
    bar[branch.from_bus[first & transformer]] = bar[branch.to_bus[first & transformer]] = True
    return np.asarray(first | transformer | bar[branch.from_bus] | bar[branch.to_bus])


def trip_of(
    network: Network, protected: BoolArray, closed: BoolArray, running: BoolArray, fault: FaultedElement
) -> Trip:
    """What opens for a fault: the devices nearest to it on every way by which a source feeds it.

    protected, closed: (m,). running: (g,) generators in operation, of which sources alone feed faults; what inverters
    and machines within feeders add is left out. A device stands at the end of its branch towards the source, so it sees
    a fault on its own branch. An open branch counts as disconnected at both ends.
    """
    branch = network.branch
    if fault.place is FaultPlace.BRANCH:
        index = fault.index
        if not closed[index]:
            return Trip(branches=(), generators=())
        if protected[index]:
            live = energised_buses(
                network.n_bus, branch.from_bus, branch.to_bus, closed, running_sources(network, running)
            )
            return Trip(branches=(index,) if live[branch.from_bus[index]] else (), generators=())
        return zone_trip(network, closed, running, zone_of(network, protected, closed, int(branch.from_bus[index])))
    return zone_trip(network, closed, running, zone_of(network, protected, closed, fault.index))


def zone_of(network: Network, protected: BoolArray, closed: BoolArray, bus: int) -> BoolArray:
    """(n,) the buses that closed branches without a device join to a bus."""
    branch = network.branch
    inside = closed & ~protected
    graph = csr_array(
        (np.ones(int(inside.sum()), dtype=np.int8), (branch.from_bus[inside], branch.to_bus[inside])),
        shape=(network.n_bus, network.n_bus),
    )
    _, zone = connected_components(graph, directed=False)
    return np.asarray(zone == zone[bus])


def zone_trip(network: Network, closed: BoolArray, running: BoolArray, zone: BoolArray) -> Trip:
    """What opens for a fault anywhere in a zone (n,), see zone_of: all that feeds it from outside, and its sources."""
    branch, generator = network.branch, network.generator
    from_inside, to_inside = zone[branch.from_bus], zone[branch.to_bus]
    sources = running_sources(network, running)
    live = energised_buses(
        network.n_bus, branch.from_bus, branch.to_bus, closed & ~from_inside & ~to_inside, sources[~zone[sources]]
    )
    outside = np.where(from_inside, branch.to_bus, branch.from_bus)
    feeding = np.flatnonzero(closed & (from_inside != to_inside) & live[outside])
    own = np.flatnonzero(generator.is_source & running & zone[generator.bus])
    return Trip(branches=tuple(feeding.tolist()), generators=tuple(own.tolist()))


def running_sources(network: Network, running: BoolArray) -> IntArray:
    """Buses of the sources in operation. running: (g,)."""
    generator = network.generator
    return np.unique(generator.bus[generator.is_source & running])
