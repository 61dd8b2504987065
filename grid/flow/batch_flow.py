"""AC power flows of many injections in one topology at once: Newton with a Jacobian that is made once for all of them.

Samples of one hour lie close to their mean. Its state is solved by grid.flow.powerflow and its Jacobian factorised
once; all samples then take simplified Newton steps together (the very dishonest Newton of Stott 1974): each step is one
sparse product and one solve with many right-hand sides. The Jacobian decides only how fast it converges, not where to:
the mismatch is exact, and its tolerance is that of grid.flow.powerflow. lightsim2grid's own batches work on its grid
model, not on our matrix; their speed beside this one's is in docs/benchmarks/lookahead.md.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from grid.flow.fixed_flow import topology_of
from grid.flow.powerflow import TOLERANCE_PU, Injection, PowerFlow, PowerFlowDivergedError
from grid.network import BoolArray, FloatArray, IntArray, Network

MOST_STEPS = 16  # each step gains about two digits near the mean; rows that need more are Newton's
LOWEST_PU = 0.2  # below, a sample has left Newton's neighbourhood
NUMBERS_AT_ONCE = 2_000_000  # complex values of one array that are held at a time, 32 MB


class BatchFlow:
    """Solves states of one network, base injection and switch state. Not thread-safe.

    injection: what holds for all samples (reactive powers and voltages of generators, which of them run). closed: (m,).
    numbers_at_once: bounds the memory: that many complex values of an array.
    """

    def __init__(
        self, network: Network, injection: Injection, closed: BoolArray, numbers_at_once: int = NUMBERS_AT_ONCE
    ) -> None:
        self.network, self.injection, self.closed = network, injection, closed
        self.topology = topology_of(network, injection, closed)
        self._power_flow = PowerFlow(network)
        self._rows = max(1, numbers_at_once // network.n_bus)
        self._matrix = self.topology.admittance.tocsr()
        self._load_at, self._generator_at = (
            _incidence(bus, network.n_bus) for bus in (network.load.bus, network.generator.bus)
        )

    def solve(
        self,
        load_p_mw: FloatArray,
        load_q_mvar: FloatArray,
        generator_p_mw: FloatArray,
        start: FloatArray | None = None,
        held_factor: FloatArray | None = None,
    ) -> FloatArray:
        """(s, n) complex p.u. voltages of s samples; NaN in rows without a solution, 0 at buses without supply.

        load_p_mw, load_q_mvar: (s, l). generator_p_mw: (s, g); what sources are set to has no meaning. start: (n,)
        where Newton begins for the samples' mean. held_factor: (s,) of all voltages that generators hold, None for 1.
        Rows that the fixed Jacobian does not solve are tried with PowerFlow.
        """
        factor = np.ones(len(load_p_mw)) if held_factor is None else held_factor
        voltage = np.full((len(load_p_mw), self.network.n_bus), np.nan, dtype=complex)
        if not len(self.topology.active):
            return np.zeros_like(voltage)
        mean = self._sample(load_p_mw.mean(axis=0), load_q_mvar.mean(axis=0), generator_p_mw.mean(axis=0), 1.0)
        centre = self._newton(mean, start)
        if not np.isnan(centre).any():
            factors = self._factors(centre)
            for first in range(0, len(voltage), self._rows):
                part = slice(first, first + self._rows)
                power = self._bus_power(load_p_mw[part], load_q_mvar[part], generator_p_mw[part])
                voltage[part] = self._steps(factors, centre, power, factor[part])
        begin = start if np.isnan(centre).any() else centre
        for row in np.flatnonzero(np.isnan(voltage).any(axis=1)):
            sample = self._sample(load_p_mw[row], load_q_mvar[row], generator_p_mw[row], float(factor[row]))
            voltage[row] = self._newton(sample, begin)
        return voltage

    def _sample(
        self, load_p_mw: FloatArray, load_q_mvar: FloatArray, generator_p_mw: FloatArray, held_factor: float
    ) -> Injection:
        return replace(
            self.injection,
            load_p_mw=load_p_mw,
            load_q_mvar=load_q_mvar,
            generator_p_mw=generator_p_mw,
            generator_vm_pu=held_factor * self.injection.generator_vm_pu,
        )

    def _newton(self, injection: Injection, start: FloatArray | None) -> FloatArray:
        """(n,) by PowerFlow; NaN without a solution."""
        try:
            return self._power_flow.solve(injection, self.closed, start).voltage
        except PowerFlowDivergedError:
            return np.full(self.network.n_bus, np.nan, dtype=complex)

    def _bus_power(self, load_p_mw: FloatArray, load_q_mvar: FloatArray, generator_p_mw: FloatArray) -> FloatArray:
        """(a, s) complex p.u. fed in at the active buses."""
        injection, generator_on = self.injection, self.injection.generator_on
        fed = generator_p_mw * generator_on + 1j * (injection.generator_q_mvar * generator_on)
        power = self._generator_at @ fed.T - self._load_at @ (load_p_mw + 1j * load_q_mvar).T
        return power[self.topology.active] / self.network.base_mva

    def _factors(self, centre: FloatArray) -> SuperLU:
        """LU factors of the Jacobian at voltages (n,), as derived in MATPOWER technical note 2, eq. 23 and 27."""
        v, n_held = centre[self.topology.active], 1 + len(self.topology.regulated)
        drawn, diagonal = np.conj(self._matrix @ v), sparse.diags
        through = diagonal(v) @ (self._matrix @ diagonal(v)).conj()
        by_angle = (1j * (diagonal(v * drawn) - through)).tocsr()
        by_magnitude = ((diagonal(v * drawn) + through) @ diagonal(1 / np.abs(v))).tocsr()
        jacobian = sparse.bmat(
            [
                [by_angle[1:, 1:].real, by_magnitude[1:, n_held:].real],
                [by_angle[n_held:, 1:].imag, by_magnitude[n_held:, n_held:].imag],
            ]
        )
        return splu(jacobian.tocsc())

    def _steps(self, factors: SuperLU, centre: FloatArray, power: FloatArray, held_factor: FloatArray) -> FloatArray:
        """(s, n) from the voltages centre (n,) to those of powers (a, s); NaN where steps lead nowhere.

        held_factor: (s,) of voltages that are held, which steps leave as they are.
        """
        topology, size, n_held = self.topology, len(self.topology.active), 1 + len(self.topology.regulated)
        begin, samples = centre[topology.active], power.shape[1]
        solved = np.full((size, samples), np.nan, dtype=complex)
        voltage, left = begin[:, None] * held_factor, np.arange(samples)
        for _ in range(MOST_STEPS):
            gap = voltage * np.conj(self._matrix @ voltage) - power
            residual = np.concatenate([gap[1:].real, gap[n_held:].imag])
            worst = np.abs(residual).max(axis=0, initial=0.0)
            done = worst < TOLERANCE_PU
            solved[:, left[done]] = voltage[:, done]
            goes_on = ~done & np.isfinite(worst) & (np.abs(voltage).min(axis=0) > LOWEST_PU)
            if not goes_on.any():
                break
            left, voltage, power = left[goes_on], voltage[:, goes_on], power[:, goes_on]
            step = factors.solve(residual[:, goes_on])
            magnitude, turn = np.abs(voltage), np.zeros((size, len(left)))
            magnitude[n_held:] -= step[size - 1 :]
            turn[1:] = -step[: size - 1]
            voltage = voltage / np.abs(voltage) * magnitude * np.exp(1j * turn)
        full = np.zeros((samples, self.network.n_bus), dtype=complex)
        full[:, topology.active] = solved.T
        full[:, topology.slack] = solved[0][:, None] * topology.slack_ratio
        return full


def _incidence(bus: IntArray, n_bus: int) -> sparse.csr_matrix:
    """(n, k) that sums what k elements do at each bus."""
    return sparse.csr_matrix((np.ones(len(bus)), (bus, np.arange(len(bus)))), shape=(n_bus, len(bus)))
