"""The AC optimal power flow of least losses in polar coordinates, solved by IPOPT through casadi.

    minimise   losses in branches
    such that  what is fed in at each bus = load + shunt + what its branches carry away   (active and reactive)
               |current at either end of a branch| <= its limit
               voltages, active powers of sources and of generators that may be redispatched, reactive powers of buses
               that hold a voltage, within their limits

It has the freedom that a dispatch has: generators that follow the weather, stand at a source's bus or have no range
keep their power, and those that share a bus share its reactive power equally. Formulas: MATPOWER manual, chapter 6.
"""

from dataclasses import replace
from typing import Any

import casadi
import numpy as np
from scipy import sparse

from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.dispatch.grid import WEATHER, DispatchLimits

OPTIONS: dict[str, Any] = {
    "print_time": False,
    "error_on_fail": False,
    "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-8, "constr_viol_tol": 1e-7, "max_iter": 500},
}


class AcOpf:
    """Built once for a network in its case's own switch states, all generators running, with a single source bus.

    Raises ValueError where several buses hold sources, or some have no supply.
    """

    def __init__(self, network: Network) -> None:
        generator, branch = network.generator, network.branch
        if len(network.source_buses) != 1:
            raise ValueError(f"{network.name}: the AC optimal power flow has one source bus")
        self.network = network
        self._slack = int(network.source_buses[0])
        self._closed = np.flatnonzero(branch.closed & branch.in_service)
        weather = np.array([energy in WEATHER for energy in generator.energy], dtype=bool)
        self._movable = generator.is_regulating & (generator.bus != self._slack) & ~weather
        self._held = np.unique(generator.bus[generator.holds_voltage])
        self._solver = casadi.nlpsol("acopf", "ipopt", self._programme(), OPTIONS)

    def _programme(self) -> dict[str, Any]:
        """Variables: magnitudes, angles, powers of movable generators and of the source, reactive powers held.

        Parameters: what is fed in besides, active and reactive (n,) each, and for both ends of closed branches one over
        the squared limit of the current, 0 where there is none.
        """
        network, n_bus, closed = self.network, self.network.n_bus, self._closed
        branch, count = network.branch, len(self._closed)
        moved = network.generator.bus[self._movable]
        vm, va = casadi.SX.sym("vm", n_bus), casadi.SX.sym("va", n_bus)
        p, source = casadi.SX.sym("p", len(moved)), casadi.SX.sym("source", 1)
        q = casadi.SX.sym("q", len(self._held))
        rest_p, rest_q = casadi.SX.sym("rest_p", n_bus), casadi.SX.sym("rest_q", n_bus)
        weight_f, weight_t = casadi.SX.sym("weight_f", count), casadi.SX.sym("weight_t", count)
        f, t = branch.from_bus[closed], branch.to_bus[closed]
        yff, yft, ytf, ytt = (each[closed] for each in (branch.yff, branch.yft, branch.ytf, branch.ytt))
        vf, vt, angle = vm[f.tolist()], vm[t.tolist()], va[f.tolist()] - va[t.tolist()]
        p_f, q_f, square_f = _end(yff, yft, vf, vt, angle)
        p_t, q_t, square_t = _end(ytt, ytf, vt, vf, -angle)
        at_f, at_t = _incidence(f, n_bus), _incidence(t, n_bus)
        shunt = network.bus.shunt_pu
        fed_p = rest_p + _incidence(moved, n_bus) @ p + _incidence(np.array([self._slack]), n_bus) @ source
        fed_q = rest_q + _incidence(self._held, n_bus) @ q
        balance_p = fed_p - at_f @ p_f - at_t @ p_t - casadi.DM(shunt.real) * vm**2
        balance_q = fed_q - at_f @ q_f - at_t @ q_t + casadi.DM(shunt.imag) * vm**2
        return {
            "x": casadi.vertcat(vm, va, p, source, q),
            "p": casadi.vertcat(rest_p, rest_q, weight_f, weight_t),
            "f": casadi.sum1(p_f + p_t),
            "g": casadi.vertcat(balance_p, balance_q, square_f * weight_f, square_t * weight_t),
        }

    def solve(self, injection: Injection, limits: DispatchLimits, start: Injection) -> Injection | None:
        """The set-points of least losses for the loads of an injection; None where IPOPT finds none within limits.

        start: where it begins; PowerFlowDivergedError where that has no solution.
        """
        network, base, n_bus = self.network, self.network.base_mva, self.network.n_bus
        generator, state = network.generator, PowerFlow(network).solve(start, network.branch.closed)
        rest_p, rest_q = self._rest(injection)
        bus, voltage = generator.bus, state.voltage
        p_low, p_high = (each / base for each in (limits.min_p_mw, limits.max_p_mw))
        fixed = self._movable & (p_low >= p_high)
        p_low, p_high = (np.where(fixed, injection.generator_p_mw / base, each) for each in (p_low, p_high))
        sources = generator.is_source
        held = generator.holds_voltage
        source_p, q = (
            np.bincount(bus[of], power[of], n_bus) / base
            for of, power in ((sources, state.generator_p_mw), (held, state.generator_q_mvar))
        )
        source_low, source_high = self._shared(sources, limits.min_p_mw, limits.max_p_mw)
        q_low, q_high = self._shared(held, limits.min_q_mvar, limits.max_q_mvar)
        at_slack, widest = [self._slack], np.full(n_bus, np.inf)
        widest[self._slack] = 0.0  # the source's angle stays
        reference = np.where(widest, 0.0, np.angle(voltage))
        lower = [limits.min_vm_pu, reference - widest, p_low[self._movable], source_low[at_slack], q_low[self._held]]
        upper = [limits.max_vm_pu, reference + widest, p_high[self._movable], source_high[at_slack], q_high[self._held]]
        begin = [np.abs(voltage), np.angle(voltage), start.generator_p_mw[self._movable] / base,
                 source_p[at_slack], q[self._held]]  # fmt: skip
        no_mismatch, ends = np.zeros(2 * n_bus), 2 * len(self._closed)
        found = self._solver(
            x0=np.concatenate(begin),
            lbx=np.concatenate(lower),
            ubx=np.concatenate(upper),
            p=np.concatenate([rest_p, rest_q, *self._current_weights(limits)]),
            lbg=np.concatenate([no_mismatch, np.full(ends, -np.inf)]),
            ubg=np.concatenate([no_mismatch, np.ones(ends)]),
        )
        if not self._solver.stats()["success"]:
            return None
        x = np.array(found["x"])[:, 0]
        vm = x[bus]
        p_mw = injection.generator_p_mw.copy()
        p_mw[self._movable] = base * x[2 * n_bus : 2 * n_bus + int(self._movable.sum())]
        return replace(injection, generator_p_mw=p_mw, generator_vm_pu=np.where(held, vm, injection.generator_vm_pu))

    def _rest(self, injection: Injection) -> tuple[FloatArray, FloatArray]:
        """(n,) active and reactive p.u. fed in by what isn't set here, less what loads take."""
        network, generator = self.network, self.network.generator
        p = injection.generator_p_mw * ~(generator.is_source | self._movable)
        q = injection.generator_q_mvar * ~generator.holds_voltage
        return tuple(  # type: ignore[return-value]
            (np.bincount(generator.bus, fed, network.n_bus) - np.bincount(network.load.bus, load, network.n_bus))
            / network.base_mva
            for fed, load in ((p, injection.load_p_mw), (q, injection.load_q_mvar))
        )

    def _shared(self, member: BoolArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,) p.u. limits of what the member generators of each bus feed in together, in equal shares."""
        n_bus, base = self.network.n_bus, self.network.base_mva
        lowest, highest = np.full(n_bus, -np.inf), np.full(n_bus, np.inf)
        for g in np.flatnonzero(member):
            at = self.network.generator.bus[g]
            lowest[at], highest[at] = max(lowest[at], low[g] / base), min(highest[at], high[g] / base)
        count = np.maximum(np.bincount(self.network.generator.bus[member], minlength=n_bus), 1)
        return count * lowest, count * highest

    def _current_weights(self, limits: DispatchLimits) -> list[FloatArray]:
        """(c,) one over the squared limit of the current in p.u., at the from and at the to end of closed branches."""
        network, branch = self.network, self.network.branch
        share = limits.max_loading_percent / 100.0 * np.sqrt(3.0) / network.base_mva
        ends = (branch.rating_from_ka, branch.from_bus), (branch.rating_to_ka, branch.to_bus)
        return [(share * rating_ka * network.bus.vn_kv[at])[self._closed] ** -2.0 for rating_ka, at in ends]


def _incidence(bus: np.ndarray, n_bus: int) -> casadi.DM:
    """(n, k) one where an element k is at a bus."""
    return casadi.DM(sparse.csc_matrix((np.ones(len(bus)), (bus, np.arange(len(bus)))), (n_bus, len(bus))))


def _end(
    own: FloatArray, other: FloatArray, near: casadi.SX, far: casadi.SX, angle: casadi.SX
) -> tuple[casadi.SX, casadi.SX, casadi.SX]:
    """(c,) active and reactive power into branches at one end, and squared current there, in p.u.

    own, other: two-port admittances. near, far: magnitudes at this end and the other. angle: near less far, radian.
    """
    cos, sin = casadi.cos(angle), casadi.sin(angle)
    g, b = casadi.DM(other.real), casadi.DM(other.imag)
    p = casadi.DM(own.real) * near**2 + near * far * (g * cos + b * sin)
    q = -casadi.DM(own.imag) * near**2 + near * far * (g * sin - b * cos)
    mixed = own * other.conj()
    across = casadi.DM(mixed.real) * cos - casadi.DM(mixed.imag) * sin
    square = casadi.DM(np.abs(own) ** 2) * near**2 + casadi.DM(np.abs(other) ** 2) * far**2 + 2 * near * far * across
    return p, q, square
