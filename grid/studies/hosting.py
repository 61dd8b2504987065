"""Hosting margin: how much more photovoltaic power a bus can take until a limit is reached.

Bisection with AC power flows, for all buses that are asked for at once. As the power at one bus grows, the current of
a branch only falls until it turns, and from then on rises: what a bus can take is one interval.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from grid.flow.batch_flow import BatchFlow
from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.network import BoolArray, FloatArray, IntArray, Loads, Network
from grid.studies.lookahead import branch_loading

TOLERANCE_MW = 1e-3
LEAST_RISE_PERCENT = 1e-3  # of a loading that is above its limit already


class HostingLimit(StrEnum):
    """What a bus meets first. NONE: nothing, up to the most that was asked for."""

    LOADING = "loading"
    VOLTAGE = "voltage"
    NO_SOLUTION = "no_solution"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class HostingMargin:
    """Of k buses; arrays are (k,). A bus without supply has a margin of NaN.

    at: the branch or bus that meets its limit, -1 where there is none.
    """

    bus: IntArray
    margin_mw: FloatArray
    limit: tuple[HostingLimit, ...]
    at: IntArray


def hosting_margin(
    network: Network,
    injection: Injection,
    closed: BoolArray,
    buses: IntArray,
    most_mw: FloatArray | None = None,
    tolerance_mw: float = TOLERANCE_MW,
) -> HostingMargin:
    """How much active power at unity power factor can be added at each of buses (k,), one at a time.

    The limits are full load and the upper voltage limits; what is beyond its limit already must not become worse.
    most_mw: (k,) where the search ends, by default 1.5 times what the branches at the bus and its loads can take.
    Raises PowerFlowDivergedError where the present state has no solution.
    """
    base = PowerFlow(network).solve(injection, closed)
    most = _most(network, injection, closed, buses) if most_mw is None else np.asarray(most_mw, float)
    trial = _Trial(network, injection, closed, buses, base)
    low, high = np.zeros(len(buses)), np.array(most)
    excess, kinds, at = trial.excess(high)
    free = excess <= 0
    low[free] = high[free]
    while (gap := np.max(high - low, initial=0.0)) > tolerance_mw:
        middle = 0.5 * (low + high)
        excess, kinds_now, at_now = trial.excess(middle)
        beyond = (excess > 0) & (high - low > 0)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        kinds, at = np.where(beyond, kinds_now, kinds), np.where(beyond, at_now, at)
        if np.max(high - low, initial=0.0) >= gap:  # at the end of the numbers' resolution
            break
    supplied = base.energised[buses]
    none = free | ~supplied
    return HostingMargin(
        bus=buses,
        margin_mw=np.where(supplied, low, np.nan),
        limit=tuple(HostingLimit.NONE if skip else HostingLimit(kind) for skip, kind in zip(none, kinds, strict=True)),
        at=np.where(none, -1, at),
    )


def _most(network: Network, injection: Injection, closed: BoolArray, buses: IntArray) -> FloatArray:
    """(k,) MW that surely overload a branch at the bus, if all its branches have ratings."""
    branch, vn_kv, total = network.branch, network.bus.vn_kv, np.zeros(network.n_bus)
    for bus, ka in ((branch.from_bus, branch.rating_from_ka), (branch.to_bus, branch.rating_to_ka)):
        np.add.at(total, bus, np.where(closed & np.isfinite(ka), np.sqrt(3.0) * vn_kv[bus] * ka, 0.0))
    np.add.at(total, network.load.bus, np.abs(injection.load_p_mw))
    return np.asarray(1.5 * total[buses])


class _Trial:
    """States with more power at one bus each."""

    def __init__(
        self, network: Network, injection: Injection, closed: BoolArray, buses: IntArray, base: GridState
    ) -> None:
        self._network = _with_feeds(network, buses)
        count = len(buses)
        empty = np.zeros(count)
        self._injection = replace(
            injection,
            load_p_mw=np.concatenate([injection.load_p_mw, empty]),
            load_q_mvar=np.concatenate([injection.load_q_mvar, empty]),
        )
        self._flow = BatchFlow(self._network, self._injection, closed)
        self._start = base.voltage
        highest = np.where(base.energised, np.abs(base.voltage), 0.0)
        self._most_percent = np.maximum(FULL_LOAD_PERCENT, base.loading_percent + LEAST_RISE_PERCENT)
        self._most_pu = np.maximum(network.bus.max_vm_pu, highest) + BAND_TOLERANCE_PU

    def excess(self, feed_mw: FloatArray) -> tuple[FloatArray, np.ndarray, IntArray]:
        """(k,) how far the worst limit is exceeded, relative to it; which kind it is; and where."""
        rows, count = np.arange(len(feed_mw)), len(feed_mw)
        load_p = np.tile(self._injection.load_p_mw, (count, 1))
        load_p[rows, load_p.shape[1] - count + rows] = -feed_mw
        load_q = np.tile(self._injection.load_q_mvar, (count, 1))
        generator_p = np.tile(self._injection.generator_p_mw, (count, 1))
        voltage = self._flow.solve(load_p, load_q, generator_p, self._start)
        solved = ~np.isnan(voltage).any(axis=1)
        loading, _ = branch_loading(self._network, self._flow.topology, np.where(solved[:, None], voltage, 0))
        by_branch, by_bus = loading / self._most_percent - 1, np.abs(voltage) / self._most_pu - 1
        branch, bus = by_branch.argmax(axis=1), np.where(solved, np.nan_to_num(by_bus, nan=-1).argmax(axis=1), -1)
        most_loaded, highest = by_branch[rows, branch], by_bus[rows, bus]
        is_loading = most_loaded >= highest
        kinds = np.where(is_loading, HostingLimit.LOADING.value, HostingLimit.VOLTAGE.value)
        return (
            np.where(solved, np.maximum(most_loaded, highest), np.inf),
            np.where(solved, kinds, HostingLimit.NO_SOLUTION.value),
            np.where(solved, np.where(is_loading, branch, bus), -1),
        )


def _with_feeds(network: Network, buses: IntArray) -> Network:
    """The network with one more load, of no power yet, at each of buses."""
    load, count = network.load, len(buses)
    empty, names = np.zeros(count), ("",) * count
    loads = Loads(
        name=load.name + names,
        bus=np.concatenate([load.bus, np.asarray(buses, dtype=load.bus.dtype)]),
        p_mw=np.concatenate([load.p_mw, empty]),
        q_mvar=np.concatenate([load.q_mvar, empty]),
        profile=load.profile + names,
    )
    return replace(network, load=loads)
