"""What holds voltages over a day in grids whose generators regulate: the reactive power of banks at the loads' buses.

Published transmission cases give one operating point; the banks and tap changers that follow the load lie below their
load buses and aren't part of them. At half the load and the same power factors such a case leaves its own band.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.network import Energy, FloatArray, Generators, IntArray, Network

LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)  # total load over the case's own


@dataclass(frozen=True, eq=False, kw_only=True)
class Compensation:
    """Reactive power that banks take at loads, by load level.

    level: (k,) total load over the case's own, rising. load_mvar: (k, l) beside the loads' own power factors.
    """

    level: FloatArray
    load_mvar: FloatArray

    def at(self, level: FloatArray | float) -> FloatArray:
        """(..., l) Mvar at levels (...); those of the nearest known one beyond the ends."""
        level = np.clip(np.asarray(level, float), self.level[0], self.level[-1])
        above = np.clip(np.searchsorted(self.level, level), 1, len(self.level) - 1)
        low, high = self.level[above - 1], self.level[above]
        share = ((level - low) / (high - low))[..., None]
        return np.asarray((1 - share) * self.load_mvar[above - 1] + share * self.load_mvar[above])


def compensation_of(network: Network) -> Compensation | None:
    """The compensation of a network's day; None where no generator regulates, or no load level but one has a solution.

    At each level loads and generators are scaled alike, and every load bus is held at the voltage of the case's own
    state: what that takes is the compensation.
    """
    if not network.generator.is_regulating.any():
        return None
    buses = _load_buses(network)
    held = replace(network, generator=_with_banks(network, buses))
    injection, free = Injection.of_case(held), ~held.generator.holds_voltage
    share, power_flow, start = _share_of_bus(network), PowerFlow(held), held.base_voltage
    found: list[tuple[float, FloatArray]] = []
    for level in sorted(LEVELS, reverse=True):
        scaled = replace(
            injection,
            load_p_mw=level * injection.load_p_mw,
            load_q_mvar=level * injection.load_q_mvar,
            generator_p_mw=level * injection.generator_p_mw,
            generator_q_mvar=np.where(free, level, 1.0) * injection.generator_q_mvar,
        )
        try:
            state = power_flow.solve(scaled, held.branch.closed, start)
        except PowerFlowDivergedError:
            continue  # the nearest level that has a solution stands in
        start, bank_mvar = state.voltage, np.zeros(network.n_bus)
        bank_mvar[buses] = state.generator_q_mvar[len(network.generator) :]
        found.append((level, -share * bank_mvar[network.load.bus]))
    if len(found) < 2:
        return None
    levels, load_mvar = (np.array(column)[::-1] for column in zip(*found, strict=True))
    return Compensation(level=levels, load_mvar=load_mvar)


def injection_at(network: Network, compensation: Compensation, level: float) -> Injection:
    """The case's own injection, scaled to a load level, with the compensation there."""
    own, load, generator = Injection.of_case(network), network.load, network.generator
    return replace(
        own,
        load_p_mw=level * load.p_mw,
        load_q_mvar=level * load.q_mvar + compensation.at(level),
        generator_p_mw=level * generator.p_mw,
        generator_q_mvar=np.where(generator.holds_voltage, 1.0, level) * generator.q_mvar,
    )


def _load_buses(network: Network) -> IntArray:
    """Buses with loads at which no generator holds the voltage already."""
    is_load, is_held = np.zeros(network.n_bus, dtype=bool), np.zeros(network.n_bus, dtype=bool)
    is_load[network.load.bus] = True
    is_held[network.generator.bus[network.generator.holds_voltage]] = True
    return np.flatnonzero(is_load & ~is_held & network.bus.in_service & (network.base_voltage != 0))


def _with_banks(network: Network, buses: IntArray) -> Generators:
    """The network's generators, and one without active power at each of buses (b,) that holds its own voltage."""
    generator, nothing = network.generator, np.zeros(len(buses))
    banks = Generators(
        name=("",) * len(buses),
        bus=buses,
        p_mw=nothing,
        q_mvar=nothing,
        vm_pu=np.abs(network.base_voltage[buses]),
        va_degree=nothing,
        is_source=np.zeros(len(buses), dtype=bool),
        is_regulating=np.ones(len(buses), dtype=bool),
        min_p_mw=nothing,
        max_p_mw=nothing,
        min_q_mvar=np.full(len(buses), -np.inf),
        max_q_mvar=np.full(len(buses), np.inf),
        energy=(Energy.UNKNOWN,) * len(buses),
        profile=("",) * len(buses),
    )
    joined: dict[str, Any] = {}
    for field in fields(Generators):
        first, second = getattr(generator, field.name), getattr(banks, field.name)
        joined[field.name] = first + second if isinstance(first, tuple) else np.concatenate([first, second])
    return Generators(**joined)


def _share_of_bus(network: Network) -> FloatArray:
    """(l,) a load's share of its bus by active power, equal shares where there is none."""
    load, size = network.load, np.abs(network.load.p_mw)
    total = np.bincount(load.bus, size, network.n_bus)[load.bus]
    count = np.bincount(load.bus, minlength=network.n_bus)[load.bus]
    return np.where(total > 0, size / np.where(total > 0, total, 1.0), 1.0 / np.maximum(count, 1))
