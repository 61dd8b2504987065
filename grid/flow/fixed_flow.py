"""Power flows of many injections and set-points in one topology, and how the state answers to a set-point.

Switch states and running generators stay, so the admittance matrix, Newton's pattern and the order of the buses stay
too. Voltages are complex p.u. of all n buses; several sources keep the ratio of their voltages.
"""

import numpy as np
from lightsim2grid.algorithm import NRSing_KLU
from scipy import sparse

from grid.flow.admittance import Topology, build_topology, stub_admittances
from grid.flow.powerflow import MAX_ITERATIONS, TOLERANCE_PU, Injection
from grid.network import BoolArray, FloatArray, IntArray, Network

FIRST = np.zeros(1, dtype=np.int32)


def topology_of(network: Network, injection: Injection, closed: BoolArray) -> Topology:
    """The topology in switch states closed (m,), with the running generators and source voltages of an injection."""
    generator = network.generator
    source = generator.is_source & injection.generator_on
    held = injection.generator_vm_pu[source] * np.exp(1j * np.deg2rad(generator.va_degree[source]))
    ratio = held / held[0] if len(held) else held
    return build_topology(network, stub_admittances(network), injection.generator_on, closed, ratio)


def bus_power_pu(network: Network, injection: Injection) -> FloatArray:
    """(n,) complex p.u. that generators are set to feed in, less what loads take."""
    load, generator, on = network.load, network.generator, injection.generator_on
    power = np.zeros(network.n_bus, dtype=complex)
    np.add.at(power, generator.bus, (injection.generator_p_mw + 1j * injection.generator_q_mvar) * on)
    np.add.at(power, load.bus, -(injection.load_p_mw + 1j * injection.load_q_mvar))
    return power / network.base_mva


class FixedFlow:
    """Solves states of one topology. Not thread-safe."""

    def __init__(self, network: Network, topology: Topology) -> None:
        self.network, self.topology = network, topology
        self.held = np.concatenate([topology.slack[:1], topology.regulated])  # buses that hold a voltage
        self.free = topology.active[topology.pq]  # buses that do not
        self._solver = NRSing_KLU()
        self._slack_weights = np.zeros(len(topology.active))
        self._slack_weights[0] = 1.0
        self.branch_matrix = _branch_matrix(network, topology)  # (n, n) without shunts, as switched
        self.nodal_matrix = (self.branch_matrix + sparse.diags(network.bus.shunt_pu)).tocsr()
        self._dense_admittance = topology.admittance.toarray()
        self.loss_matrix = (0.5 * (self.branch_matrix + self.branch_matrix.conj().T)).tocsr()

    def solve(self, power_pu: FloatArray, vm_pu: FloatArray, start: FloatArray) -> FloatArray:
        """(k, n) voltages, NaN in rows without a solution, 0 at buses without supply.

        power_pu: (k, n) complex injections. vm_pu: (k, h) of the buses held. start: (n,) where Newton begins; later
        rows begin at the last one solved.
        """
        topology, active = self.topology, self.topology.active
        voltage = np.zeros((len(power_pu), self.network.n_bus), dtype=complex)
        angle = start[active[0]] / np.abs(start[active[0]])
        held, begin = slice(0, len(self.held)), start[active]
        power = np.ascontiguousarray(power_pu[:, active])
        for row in range(len(power)):
            first = begin.copy()
            first[held] *= vm_pu[row] / np.abs(first[held])
            first[0] = vm_pu[row, 0] * angle
            self._solver.compute_pf(
                topology.admittance,
                first,
                power[row],
                FIRST,
                self._slack_weights,
                topology.pv,
                topology.pq,
                MAX_ITERATIONS,
                TOLERANCE_PU,
            )
            if self._solver.converged():
                begin = voltage[row, active] = self._solver.get_V().copy()  # it is the solver's own memory
            else:
                voltage[row, active] = np.nan
                self._solver.reset()
        voltage[:, topology.slack] = voltage[:, topology.slack[:1]] * topology.slack_ratio
        return voltage

    def loss_pu(self, voltage: FloatArray) -> FloatArray:
        """(k,) active losses in branches of voltages (k, n)."""
        return np.einsum("kn,kn->k", voltage.conj(), (self.loss_matrix @ voltage.T).T).real

    def drawn_pu(self, voltage: FloatArray) -> FloatArray:
        """(k, n) complex power that branches and shunts draw from each bus."""
        return voltage * (self.nodal_matrix @ voltage.T).T.conj()

    def response(self, voltage: FloatArray, p_bus: IntArray) -> FloatArray:
        """(n, u) complex: how voltages (n,) answer to power fed in at p_bus, and to the magnitudes of the buses held.

        The first columns are p.u. voltage per p.u. power, the others per p.u. magnitude. From the Jacobian of the power
        flow (Zimmerman, MATPOWER technical note 2, eq. 23 and 27) by the implicit function theorem: exact. Dense
        matrices, because they are several times faster up to some thousand buses. p_bus must not be a source's bus.
        """
        v, n_held = voltage[self.topology.active], len(self.held)
        size, unit = len(v), v / np.abs(v)
        by_angle, by_magnitude = self._power_derivatives(v)
        jacobian = np.block(
            [
                [by_angle[1:, 1:].real, by_magnitude[1:, n_held:].real],
                [by_angle[n_held:, 1:].imag, by_magnitude[n_held:, n_held:].imag],
            ]
        )
        place = np.full(self.network.n_bus, -1)
        place[self.topology.active[1:]] = np.arange(size - 1)
        right = np.zeros((len(jacobian), len(p_bus) + n_held))
        right[place[p_bus], np.arange(len(p_bus))] = 1.0
        right[: size - 1, len(p_bus) :] = -by_magnitude[1:, :n_held].real
        right[size - 1 :, len(p_bus) :] = -by_magnitude[n_held:, :n_held].imag
        moved = np.linalg.solve(jacobian, right)
        change = np.zeros((size, right.shape[1]), dtype=complex)
        change[1:] = 1j * v[1:, None] * moved[: size - 1]
        change[n_held:] += unit[n_held:, None] * moved[size - 1 :]
        change[np.arange(n_held), len(p_bus) + np.arange(n_held)] += unit[:n_held]
        return self._expanded(change)

    def _power_derivatives(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(a, a) derivatives of the active buses' complex powers by their angles and by their magnitudes."""
        through = v[:, None] * np.conj(self._dense_admittance * v)
        own = v * np.conj(self._dense_admittance @ v)
        magnitude = np.abs(v)
        return np.diag(1j * own) - 1j * through, through / magnitude + np.diag(own / magnitude)

    def _expanded(self, active_rows: FloatArray) -> FloatArray:
        """(n, u) of (a, u): the other slack buses follow the first, buses without supply stay at zero."""
        full = np.zeros((self.network.n_bus, active_rows.shape[1]), dtype=complex)
        full[self.topology.active] = active_rows
        full[self.topology.slack] = active_rows[0] * self.topology.slack_ratio[:, None]
        return full


def _branch_matrix(network: Network, topology: Topology) -> sparse.csr_matrix:
    f, t = network.branch.from_bus, network.branch.to_bus
    values = np.concatenate([topology.yff, topology.yft, topology.ytf, topology.ytt])
    places = (np.concatenate([f, f, t, t]), np.concatenate([f, t, f, t]))
    return sparse.csr_matrix((values, places), shape=(network.n_bus, network.n_bus))
