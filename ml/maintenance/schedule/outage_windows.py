"""Outage windows: at which loads each branch may be taken out, asked of the power flow.

A branch may be out when all loads keep their supply and no limit is broken: no branch above a rating that the case
gives (derived ones are not limits), no voltage outside its band. A limit that is already broken with the branch in may
stay broken, but no further. Where the outage leaves loads without supply, one open branch (a tie) may be closed first:
the loop that it makes is judged with the branch out, so a level takes one sweep, and one more for each tie.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT, NMinusOne, n_minus_1
from grid.flow.powerflow import Injection, PowerFlow, PowerFlowDivergedError
from grid.flow.topology import interrupted_power_mw
from grid.network import BoolArray, BranchKind, FloatArray, IntArray, Network

SAME_LEVEL = 0.01
"""Load levels within this share of the highest of them are judged by it."""
LOADING_TOLERANCE_PERCENT = 1e-6


def outage_windows(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    levels: FloatArray,
    branches: IntArray | None = None,
    step: Callable[[float], None] = lambda _: None,
) -> BoolArray:
    """(n, k) whether each of branches (n,), by default all, may be out when the load is levels (k,) times the present.

    injection: the present one; its loads and generators are scaled together. closed: (m,) switch states. Levels within
    1 % of one another are judged by the highest of them. One that has no solution even without an outage allows none.
    step: told the share of groups of levels that is judged, before each; what it raises ends the work.
    """
    asked = np.arange(network.n_branch) if branches is None else branches
    plain = without_derived_ratings(network)
    group, highest = level_groups(levels)
    is_asked = np.isin(np.arange(network.n_branch), asked)
    rows = []
    for place, level in enumerate(highest):
        step(place / len(highest))
        rows.append(_allowed(plain, scaled(injection, level), closed, is_asked))
    return np.stack(rows, axis=1)[asked][:, group] if rows else np.ones((len(asked), 0), dtype=bool)


def level_groups(levels: FloatArray) -> tuple[IntArray, FloatArray]:
    """(k,) group of each level, and the highest level of each group."""
    order = np.argsort(-levels, kind="stable")
    group = np.zeros(len(levels), dtype=int)
    highest: list[float] = []
    for week in order.tolist():
        if not highest or levels[week] < highest[-1] * (1 - SAME_LEVEL):
            highest.append(float(levels[week]))
        group[week] = len(highest) - 1
    return group, np.array(highest)


def without_derived_ratings(network: Network) -> Network:
    """The network in which only ratings that the case gives are limits."""
    branch, derived = network.branch, network.branch.rating_derived
    from_ka = np.where(derived, np.inf, branch.rating_from_ka)
    to_ka = np.where(derived, np.inf, branch.rating_to_ka)
    return replace(network, branch=replace(branch, rating_from_ka=from_ka, rating_to_ka=to_ka))


def scaled(injection: Injection, level: float) -> Injection:
    """All loads and generators times a level."""
    return replace(
        injection,
        load_p_mw=level * injection.load_p_mw,
        load_q_mvar=level * injection.load_q_mvar,
        generator_p_mw=level * injection.generator_p_mw,
        generator_q_mvar=level * injection.generator_q_mvar,
    )


def _allowed(network: Network, injection: Injection, closed: BoolArray, asked: BoolArray) -> BoolArray:
    """(m,) whether each asked branch may be out at this load. One that carries nothing may."""
    try:
        before = PowerFlow(network).solve(injection, closed)
    except PowerFlowDivergedError:
        return np.zeros(network.n_branch, dtype=bool)
    live = asked & closed & before.energised[network.branch.from_bus]
    most_percent = max(FULL_LOAD_PERCENT, float(before.loading_percent.max(initial=0.0)))
    outside = np.fmax(network.bus.min_vm_pu - before.vm_pu, before.vm_pu - network.bus.max_vm_pu)
    most_outside_pu = max(0.0, float(np.nanmax(outside, initial=0.0)))

    def kept(result: NMinusOne) -> BoolArray:
        within = result.worst_loading_percent <= most_percent + LOADING_TOLERANCE_PERCENT
        return result.converged & within & (result.band_excess_pu <= most_outside_pu + BAND_TOLERANCE_PU)

    stranding = _cut_loads(network, injection, closed) > 0
    allowed = ~live
    plain = np.flatnonzero(live & ~stranding)
    allowed[plain] = kept(n_minus_1(network, injection, closed, plain, before.voltage))
    for tie in np.flatnonzero(is_tie(network, closed, before.energised)).tolist():
        looped = closed.copy()
        looped[tie] = True
        fed = np.flatnonzero(live & stranding & ~allowed & (_cut_loads(network, injection, looped) == 0))
        if not len(fed):
            continue
        try:
            allowed[fed] = kept(n_minus_1(network, injection, looped, fed, before.voltage))
        except PowerFlowDivergedError:  # the loop itself has no solution: this tie restores nobody
            continue
    return allowed


def _cut_loads(network: Network, injection: Injection, closed: BoolArray) -> FloatArray:
    """(m,) how many loads that take something lose supply when a branch alone is out."""
    takes = (injection.load_p_mw != 0) | (injection.load_q_mvar != 0)
    return _cut(network, injection, closed, takes.astype(float))


def cut_loads_mva(network: Network, injection: Injection, closed: BoolArray) -> FloatArray:
    """(m,) MVA of the loads that lose supply when a branch alone is out."""
    return _cut(network, injection, closed, np.hypot(injection.load_p_mw, injection.load_q_mvar))


def cut_loads_mw(network: Network, injection: Injection, closed: BoolArray) -> FloatArray:
    """(m,) MW that the loads take which lose supply when a branch alone is out."""
    return _cut(network, injection, closed, injection.load_p_mw.clip(min=0))


def _cut(network: Network, injection: Injection, closed: BoolArray, of_load: FloatArray) -> FloatArray:
    """(m,) sum over the loads that lose supply when a branch alone is out. of_load: (l,)."""
    generator, branch = network.generator, network.branch
    sources = np.unique(generator.bus[generator.is_source & injection.generator_on])
    at_bus: FloatArray = np.bincount(network.load.bus, of_load, network.n_bus)
    return interrupted_power_mw(network.n_bus, branch.from_bus, branch.to_bus, closed, sources, at_bus)


def is_tie(network: Network, closed: BoolArray, energised: BoolArray) -> BoolArray:
    """(m,) open lines and cables between live buses."""
    branch = network.branch
    switched = np.array([kind in (BranchKind.LINE, BranchKind.CABLE) for kind in branch.kind], dtype=bool)
    return ~closed & branch.in_service & switched & energised[branch.from_bus] & energised[branch.to_bus]
