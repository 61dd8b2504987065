"""A network's fingerprint, by which files that belong to it are found again."""

import hashlib

import numpy as np

from grid.network import Network
from grid.taps import with_taps


def fingerprint(network: Network) -> str:
    """16 hex digits of the network's branches, loads, generators and limits; names, coordinates and where its taps are
    moved to don't count."""
    tap = network.branch.tap
    own = network if tap is None else with_taps(network, tap.own)
    bus, branch, generator = network.bus, own.branch, network.generator
    digest = hashlib.sha256()
    for values in (
        branch.from_bus,
        branch.to_bus,
        np.round(branch.yft, 9),
        network.load.p_mw,
        generator.bus,
        generator.is_source,
        generator.min_p_mw,
        generator.max_p_mw,
        generator.min_q_mvar,
        generator.max_q_mvar,
        bus.min_vm_pu,
        bus.max_vm_pu,
    ):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]
