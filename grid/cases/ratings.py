"""Derived ratings that hold over a day: a branch's heaviest hour need not be that of the case's own state.

In grids whose generators regulate, what a branch carries at half the load may be more than at the peak, most of it
reactive power, and what short branches carry hangs on small differences. A rating that a case gives is never touched.
"""

from dataclasses import replace

import numpy as np

from grid.files.pandapower.branches import RATING_OVER_BASE_FLOW
from grid.flow.compensation import Compensation, compensation_of, injection_at
from grid.flow.powerflow import PowerFlow, PowerFlowDivergedError
from grid.network import FloatArray, Network

DRAWS = 3  # states at each load level
SEED = 1  # one network has one set of derived ratings
LOAD_SPREAD = 0.06  # of single loads around the level, one standard deviation: twice what simulated ones have
SHARED_SPREAD, SET_POINT_SPREAD = 0.005, 2e-5  # of all set-points together and of single ones


def with_day_ratings(network: Network) -> Network:
    """The network with derived ratings of at least RATING_OVER_BASE_FLOW times the largest flow of a day's states.

    Networks without derived ratings, and those whose day goes with their own state (no generator regulates), stay.
    """
    branch = network.branch
    compensation = compensation_of(network) if branch.rating_derived.any() else None
    if compensation is None:
        return network
    needed = RATING_OVER_BASE_FLOW * _peak_percent(network, compensation) / 100
    factor = np.where(branch.rating_derived, np.maximum(needed, 1.0), 1.0)
    rated = replace(branch, rating_from_ka=factor * branch.rating_from_ka, rating_to_ka=factor * branch.rating_to_ka)
    return replace(network, branch=rated)


def _peak_percent(network: Network, compensation: Compensation) -> FloatArray:
    """(m,) the highest loading by the present ratings over load levels up to the case's own, each with chance."""
    load, generator, peak = network.load, network.generator, np.zeros(network.n_branch)
    rng, power_flow, start = np.random.default_rng(SEED), PowerFlow(network), network.base_voltage
    for level in compensation.level[compensation.level <= 1.0][::-1].tolist():
        middle = injection_at(network, compensation, level)
        for _ in range(DRAWS):
            off = level * LOAD_SPREAD * rng.standard_normal(len(load))
            apart = 1 + SET_POINT_SPREAD * rng.standard_normal(len(generator))
            injection = replace(
                middle,
                load_p_mw=middle.load_p_mw + off * load.p_mw,
                load_q_mvar=middle.load_q_mvar + off * load.q_mvar,
                generator_vm_pu=generator.vm_pu * (1 + SHARED_SPREAD * rng.standard_normal()) * apart,
            )
            try:
                state = power_flow.solve(injection, network.branch.closed, start)
            except PowerFlowDivergedError:
                continue  # a draw without a state says nothing of a branch
            start, peak = state.voltage, np.fmax(peak, state.loading_percent)
    return peak
