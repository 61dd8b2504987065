"""Networks and operating points for tests of the optimiser, and pandapower's own solution of a state."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandapower
import pandapower.networks
import torch

from grid.files.pandapower.convert import network_from_pandapower
from grid.flow.powerflow import Injection
from grid.network import BoolArray, Network
from ml.optimisation.plans.verification import OperatingPoint
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.tree_policy import TreePolicy
from tests.cases import shared_case

torch.set_num_threads(1)  # small matrices: more threads only wait for one another
PROBABILITY, HOURS, PRICE = 0.01, 3000.0, 80.0
PV_BUSES = (6, 13, 17, 21, 24, 29, 32)


@cache
def network_of(spec: str = "case33bw") -> Network:
    return shared_case(spec).network


@cache
def pv_feeder() -> Network:
    """The 33-bus feeder with photovoltaics, which don't run in the case's own state."""
    return network_from_pandapower(pv_net(), "case33pv", "33-bus feeder with PV", state_is_secure=True)


def pv_net() -> pandapower.pandapowerNet:
    net = pandapower.networks.case33bw()
    for bus in PV_BUSES:
        pandapower.create_sgen(net, bus, 0.0, 0.0)
    return net


def operating_point_at(
    network: Network, closed: BoolArray | None = None, level: float = 1.0, out: tuple[int, ...] = ()
) -> OperatingPoint:
    """The case's own injections, loads times level, with branches out."""
    own = Injection.of_case(network)
    available = network.branch.in_service.copy()
    available[list(out)] = False
    states = network.branch.closed if closed is None else closed
    return OperatingPoint(
        replace(own, load_p_mw=level * own.load_p_mw, load_q_mvar=level * own.load_q_mvar), states & available,
        available, np.full(network.n_branch, PROBABILITY), HOURS, PRICE,
    )  # fmt: skip


def varied(operating_point: OperatingPoint, rng: np.random.Generator) -> OperatingPoint:
    """Every load times a factor of its own, failure probabilities of their own, and some sun."""
    own = operating_point.injection
    factor = rng.uniform(0.4, 1.2, len(own.load_p_mw))
    power = own.generator_p_mw.copy()
    power[1:] = rng.uniform(0, 0.4) * rng.uniform(0, 1, len(power) - 1)
    injection = replace(
        own, load_p_mw=factor * own.load_p_mw, load_q_mvar=factor * own.load_q_mvar, generator_p_mw=power
    )
    probability = PROBABILITY * rng.lognormal(0, 0.7, len(operating_point.closed))
    return replace(operating_point, injection=injection, failure_probability=probability)


def random_configurations(network: Network, count: int, seed: int) -> BoolArray:
    """(count, m) switch states of radial configurations that supply everybody, each one as likely as another."""
    loops = RadialGrid.of(network).loops()
    policy = TreePolicy(loops, torch.zeros(1, len(loops.branch), dtype=torch.float64))
    states: BoolArray = loops.closed(policy.sample(count, torch.Generator().manual_seed(seed))[0].numpy())
    return states


def solved_by_pandapower(net: pandapower.pandapowerNet, injection: Injection, closed: BoolArray) -> None:
    """Solve a feeder's net, whose lines and loads are the network's branches and loads in their order."""
    net.line["in_service"] = closed
    net.load["p_mw"], net.load["q_mvar"] = injection.load_p_mw, injection.load_q_mvar
    if len(net.sgen):
        net.sgen["p_mw"] = injection.generator_p_mw[1:]
    pandapower.runpp(net, numba=False)
