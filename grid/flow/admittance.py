"""The admittance matrix of a grid in given switch states, on its energised buses only."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray, Network, OpenEnd


@dataclass(frozen=True, eq=False)
class Topology:
    """What a power flow keeps while switch states and voltage-holding generators stay.

    Newton knows one slack bus. Several are folded into the first: the columns of the others, whose voltages are
    slack_ratio times the first's, are added to its column, which is exact.
    """

    energised: BoolArray  # (n,)
    slack: IntArray  # bus ids
    slack_ratio: FloatArray  # complex
    regulated: IntArray  # bus ids
    active: IntArray  # bus ids in the solver's order: first slack, regulated, others
    pv: IntArray  # positions in active
    pq: IntArray
    admittance: sparse.csc_matrix  # of the active buses
    yff: FloatArray  # (m,) two-port admittances as switched: stubs where open
    yft: FloatArray
    ytf: FloatArray
    ytt: FloatArray


def build_topology(
    network: Network,
    stubs: tuple[FloatArray, FloatArray],
    generator_on: BoolArray,
    closed: BoolArray,
    source_ratio: FloatArray,
) -> Topology:
    """The topology of switch states closed (m,) and running generators (g,).

    stubs: see stub_admittances. source_ratio: complex voltage of each running source over that of the first.
    """
    generator, branch, n_bus = network.generator, network.branch, network.n_bus
    slack, first = np.unique(generator.bus[generator.is_source & generator_on], return_index=True)
    slack_ratio = source_ratio[first] / source_ratio[first[0]] if len(first) else source_ratio
    energised = energised_buses(n_bus, branch.from_bus, branch.to_bus, closed, slack)
    held = np.zeros(n_bus, dtype=bool)
    held[generator.bus[generator.is_regulating & generator_on]] = True
    solved = energised.copy()
    solved[slack] = False
    regulated = np.flatnonzero(solved & held)
    active = np.concatenate([slack[:1], regulated, np.flatnonzero(solved & ~held)])
    yff, ytt = np.where(closed, branch.yff, stubs[0]), np.where(closed, branch.ytt, stubs[1])
    yft, ytf = np.where(closed, branch.yft, 0), np.where(closed, branch.ytf, 0)
    return Topology(
        energised=energised,
        slack=slack,
        slack_ratio=slack_ratio,
        regulated=regulated,
        active=active,
        pv=np.arange(1, 1 + len(regulated), dtype=np.int32),
        pq=np.arange(1 + len(regulated), len(active), dtype=np.int32),
        admittance=_admittance(network, (yff, yft, ytf, ytt), active, slack, slack_ratio),
        yff=yff,
        yft=yft,
        ytf=ytf,
        ytt=ytt,
    )


def _admittance(
    network: Network, two_ports: tuple[FloatArray, ...], active: IntArray, slack: IntArray, slack_ratio: FloatArray
) -> sparse.csc_matrix:
    """Of the active buses, from the branches' two-ports (ff, ft, tf, tt) and the buses' shunts.

    The other slack buses' columns are added to the first's.
    """
    f, t, bus = network.branch.from_bus, network.branch.to_bus, np.arange(network.n_bus)
    row, weight = np.full(network.n_bus, -1), np.ones(network.n_bus, dtype=complex)
    row[active] = np.arange(len(active))
    column = row.copy()
    column[slack], weight[slack] = 0, slack_ratio
    at, beside = np.concatenate([f, f, t, t, bus]), np.concatenate([f, t, f, t, bus])
    value = np.concatenate([*two_ports, network.bus.shunt_pu]) * weight[beside]
    kept = (row[at] >= 0) & (column[beside] >= 0)
    places = row[at[kept]], column[beside[kept]]
    admittance = sparse.csc_matrix((value[kept], places), shape=(len(active), len(active)))
    admittance.eliminate_zeros()
    admittance.sort_indices()
    return admittance


def stub_admittances(network: Network) -> tuple[FloatArray, FloatArray]:
    """(m,) what an open branch draws at its from and at its to end: the open-ended two-port, 0 where disconnected."""
    branch = network.branch
    at_from = np.array([end is OpenEnd.TO for end in branch.open_end], dtype=bool)
    at_to = np.array([end is OpenEnd.FROM for end in branch.open_end], dtype=bool)
    through = branch.yft * branch.ytf
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.where(at_from, branch.yff - through / branch.ytt, 0),
            np.where(at_to, branch.ytt - through / branch.yff, 0),
        )


def fill_no_load(network: Network, topology: Topology, voltage: FloatArray) -> None:
    """Give energised buses without a starting voltage (n,) the no-load voltage behind a neighbour, in place.

    A start from 1 p.u. would fail behind transformers that turn the phase by 150 degrees.
    """
    branch, f, t = network.branch, network.branch.from_bus, network.branch.to_bus
    linked = topology.yft != 0
    unset = topology.slack[voltage[topology.slack] == 0]
    voltage[unset] = 1.0
    while True:
        known = voltage != 0
        forward = linked & known[f] & ~known[t]
        backward = linked & known[t] & ~known[f]
        if not (forward.any() or backward.any()):
            break
        voltage[t[forward]] = (-voltage[f] * branch.ytf / branch.ytt)[forward]
        voltage[f[backward]] = (-voltage[t] * branch.yft / branch.yff)[backward]
