"""Voltages of a DC power flow: where Newton begins when nothing better is known.

Flat voltages are far off behind phase shifters and long corridors, and the no-load voltages behind each neighbour rise
from line to line in grids of much charging; a DC power flow has neither fault.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from grid.flow.admittance import Topology
from grid.network import FloatArray, Network


def dc_voltage(network: Network, topology: Topology, p_pu: FloatArray, source_rad: FloatArray) -> FloatArray:
    """(n,) complex p.u. of magnitude 1 at the angles of a DC power flow, 0 without supply.

    p_pu: (n,) active power that each bus feeds in. source_rad: (s,) angles of topology.slack, all of which are held.
    Branches are lossless with their series admittance's magnitude, phase shifts included (MATPOWER User's Manual,
    section 3.7, with that magnitude for 1 / x, so that what has no reactance counts too).
    """
    branch, n_bus = network.branch, network.n_bus
    joined = np.flatnonzero(topology.yft != 0)
    f, t = branch.from_bus[joined], branch.to_bus[joined]
    yft, ytf = topology.yft[joined], topology.ytf[joined]
    stiffness, shift = np.sqrt(np.abs(yft * ytf)), np.angle(yft / ytf) / 2
    feed_in = p_pu + np.bincount(f, stiffness * shift, n_bus) - np.bincount(t, stiffness * shift, n_bus)
    places = (np.concatenate([f, t, f, t]), np.concatenate([f, t, t, f]))
    values = np.concatenate([stiffness, stiffness, -stiffness, -stiffness])
    matrix = sparse.csc_matrix((values, places), shape=(n_bus, n_bus))
    angle, held = np.zeros(n_bus), topology.slack
    angle[held] = source_rad
    free = np.flatnonzero(topology.energised & ~np.isin(np.arange(n_bus), held))
    rows = matrix[free]
    if len(free):
        angle[free] = splu(rows[:, free].tocsc()).solve(feed_in[free] - rows[:, held] @ angle[held])
    voltage: FloatArray = np.where(topology.energised, np.exp(1j * angle), 0)
    return voltage
