"""Supply: the cheapest path of every bus to a generator, and what the flows say of who supplies whom."""

from dataclasses import dataclass

import numpy as np

from grid.flow.powerflow import GridState
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.supply.paths import SupplyPaths, supply_paths
from ml.optimisation.supply.tracing import trace


@dataclass(frozen=True, eq=False)
class Supply:
    """How loads are supplied."""

    paths: SupplyPaths
    risk_weight: float
    group_generator: np.ndarray  # (k,) generator index of each share column, -1: all others together
    shares: FloatArray  # (n, k) share of each bus's supply that a generator gives, by tracing the solved flows
    loss_mw: FloatArray  # (n,) branch losses that each bus's demand causes, by tracing


def path_ohm(network: Network) -> FloatArray:
    """(m,) resistances of branches, all at the voltage of the first source bus."""
    vn_kv = float(network.bus.vn_kv[network.source_buses[0]])
    return np.asarray(np.maximum(network.branch.r_pu, 0.0) * vn_kv**2 / network.base_mva)


def supply_of(
    network: Network,
    state: GridState,
    generator_on: BoolArray,
    resistance_ohm: FloatArray,
    failure_probability: FloatArray,
    risk_weight: float,
) -> Supply:
    """How a state supplies its loads. resistance_ohm: (m,) by path_ohm. failure_probability: (m,) within a year."""
    branch, generator = network.branch, network.generator
    energised_branch = state.closed & state.energised[branch.from_bus] & state.energised[branch.to_bus]
    running = generator.holds_voltage & generator_on & state.energised[generator.bus]
    paths = supply_paths(
        network.n_bus,
        branch.from_bus,
        branch.to_bus,
        energised_branch,
        resistance_ohm,
        failure_probability,
        generator.bus[running],
        risk_weight,
    )
    demand = np.bincount(network.load.bus, state.load_p_mw, network.n_bus) + state.shunt_mva.real
    tracing = trace(
        branch.from_bus,
        branch.to_bus,
        state.p_from_mw,
        state.p_to_mw,
        generator.bus,
        state.generator_p_mw,
        demand,
    )
    return Supply(paths, risk_weight, tracing.group_generator, tracing.shares, tracing.loss_mw_of_bus)
