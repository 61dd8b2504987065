"""Fault-passage indicators: where they stand, and what they show of a fault."""

import numpy as np

from grid.network import BoolArray, FloatArray, Network
from grid.protection.devices import running_sources
from grid.protection.records import FaultedElement, FaultPlace, ProtectionScheme
from grid.protection.tree import supply_tree


def indicator_places(network: Network, scheme: ProtectionScheme) -> BoolArray:
    """(m, 2) whether an indicator stands at the from and at the to end of each branch.

    Where the scheme says nothing they stand beside the switches: at both ends of each branch in service. ValueError
    where the scheme is of another number of branches.
    """
    ends = []
    for name, given in (("from_end", scheme.from_end), ("to_end", scheme.to_end)):
        place = network.branch.in_service if given is None else given
        if place.shape != (network.n_branch,):
            raise ValueError(f"{name}: has shape {place.shape}, {network.name} has {network.n_branch} branches")
        ends.append(place)
    return np.stack(ends, axis=1)


def element_of(network: Network, fault: FaultedElement) -> int:
    """The position of a faulty element among buses and then branches, as SupplyTree numbers them."""
    return fault.index + (network.n_bus if fault.place is FaultPlace.BRANCH else 0)


def drawn_flags(
    network: Network,
    scheme: ProtectionScheme,
    closed: BoolArray,
    running: BoolArray,
    fault: FaultedElement,
    rng: np.random.Generator,
) -> FloatArray:
    """(m, 2) how many of the scheme's passages each indicator shows, NaN where none stands.

    closed: (m,) and running: (g,) before the trip. The current flows on the way from the sources to the fault;
    indicators without supply show nothing. Each reading is missed or false by itself, at the scheme's rates.
    """
    tree = supply_tree(network, closed, running_sources(network, running))
    passed = tree.passed(element_of(network, fault))
    live = tree.energised[network.n_bus :][:, None]
    chance = np.where(passed, 1 - scheme.missed, np.where(live, scheme.false, 0.0))
    seen = rng.binomial(scheme.passages, chance).astype(float)
    return np.where(indicator_places(network, scheme), seen, np.nan)
