"""Where a fault is: the probability of each section, given what tripped and what the indicators showed."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from grid.network import BoolArray, FloatArray, Network
from grid.protection.devices import running_sources, zone_of, zone_trip
from grid.protection.isolation import isolating_branches
from grid.protection.records import LocatedFault, LocatedSection, ProtectionScheme, TripReport
from grid.protection.tree import SupplyTree, supply_tree

LEAST_RATE = 1e-6  # an indicator is never believed to be perfect: one wrong flag would leave no hypothesis
LEAST_PROBABILITY = 0.01  # of a section that is told of


def located(
    network: Network,
    protected: BoolArray,
    report: TripReport,
    scheme: ProtectionScheme,
    switchable: BoolArray | None = None,
) -> LocatedFault:
    """The sections in which the fault of a trip may be, by their probability; none where no single fault explains it.

    protected: (m,) branches with a device. switchable: (m,) branches that can be opened, by default all in service.
    Buses and branches are equally likely to have a fault before the flags are read.
    """
    can_open = network.branch.in_service if switchable is None else switchable
    tree = supply_tree(network, report.closed, running_sources(network, report.running))
    suspects = possible_elements(network, protected, report, tree)
    if not suspects.any():
        return LocatedFault(report=report, sections=())
    section, probability = section_probabilities(report, scheme, tree, suspects)
    elements = np.flatnonzero(suspects)
    found: list[LocatedSection] = []
    for number in np.argsort(-probability, kind="stable"):
        if found and probability[number] < LEAST_PROBABILITY:
            break
        here = elements[section == number]
        buses, branches = here[here < network.n_bus], here[here >= network.n_bus] - network.n_bus
        switches = np.flatnonzero(isolating_branches(network, can_open, buses, branches))
        found.append(
            LocatedSection(
                buses=tuple(buses.tolist()),
                branches=tuple(branches.tolist()),
                probability=float(probability[number]),
                switches=tuple(switches.tolist()),
            )
        )
    return LocatedFault(report=report, sections=tuple(found))


def possible_elements(network: Network, protected: BoolArray, report: TripReport, tree: SupplyTree) -> BoolArray:
    """(n + m,) buses and then branches for whose fault just this trip would have come: the devices are trusted."""
    branch, n_bus = network.branch, network.n_bus
    possible = np.zeros(n_bus + network.n_branch, dtype=bool)
    tripped = np.array(report.trip.branches, dtype=np.int64)
    own = network.generator.bus[np.array(report.trip.generators, dtype=np.int64)]
    for bus in np.unique(np.concatenate([branch.from_bus[tripped], branch.to_bus[tripped], own])):
        zone = zone_of(network, protected, report.closed, int(bus))
        if zone_trip(network, report.closed, report.running, zone) == report.trip:
            possible[:n_bus] |= zone
            inside = report.closed & ~protected & zone[branch.from_bus] & zone[branch.to_bus]
            possible[n_bus:] |= inside
    if len(tripped) == 1 and not len(own):
        possible[n_bus + tripped] = True
    return possible & tree.energised


def section_probabilities(
    report: TripReport,
    scheme: ProtectionScheme,
    tree: SupplyTree,
    suspects: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """(k,) the section of each of k suspect elements, and (s,) the probability of each section.

    Bayes' rule over one fault: the likelihood of the flags is a product over indicators, each showing a number of
    passages that is binomial with 1 - missed where the current passes and with false where it doesn't. Hypotheses
    differ from 'it passes nowhere' by the indicators on the way to them alone, so their log-likelihoods are sums along
    the tree. An indicator that stands between two neighbours parts their sections. suspects: (n + m,), one at least.
    """
    missed, false = np.clip([scheme.missed, scheme.false], LEAST_RATE, 0.5)
    seen, unseen = report.seen, report.passages - report.seen
    gain = seen * np.log((1 - missed) / false) + unseen * np.log(missed / (1 - false))
    here = np.isfinite(gain)
    elements = np.flatnonzero(suspects)
    evidence = tree.along(tree.at_feeding_end(np.where(here, gain, 0.0)))[elements]
    posterior = np.exp(evidence - evidence.max())
    place = np.full(len(suspects), -1)
    place[elements] = np.arange(len(elements))
    parted = tree.at_feeding_end(here.astype(float))[elements] > 0
    above = tree.parent[elements]
    joined = ~parted & (above >= 0) & (place[above] >= 0)
    graph = csr_array(
        (np.ones(int(joined.sum()), dtype=np.int8), (np.flatnonzero(joined), place[above[joined]])),
        shape=(len(elements), len(elements)),
    )
    count, section = connected_components(graph, directed=False)
    return section, np.bincount(section, posterior / posterior.sum(), count)
