"""Which generator supplies which load, and which load causes which loss, by proportional sharing.

The principle: what leaves a bus has the composition of what enters it (J. Bialek, "Tracing the flow of
electricity", IEE Proceedings - Generation, Transmission and Distribution 143(4), 1996; D. Kirschen, R. Allan
and G. Strbac, "Contributions of individual generators to loads and flows", IEEE Transactions on Power Systems
12(1), 1997). It is a convention for sharing, the usual one, not a law of physics.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Below this power a flow is the rounding of the power flow solution, and zero for the tracing.
ZERO_MW = 1e-9
# The diagonal is larger by this fraction, so that power that only circulates cannot make the system singular.
LEAK = 1e-12


@dataclass(frozen=True, eq=False)
class Tracing:
    """Who supplies whom.

    shares:             (n_bus, n_groups) the part of each bus's power that comes from each group; rows sum
                        to 1 where the bus is supplied and are 0 elsewhere
    group_generator:    (n_groups,) the generator of each group; -1 for all others together
    loss_mw_of_bus:     (n_bus,) MW of the branch losses that the demand of each bus causes
    """

    shares: FloatArray
    group_generator: IntArray
    loss_mw_of_bus: FloatArray


@dataclass(frozen=True, eq=False)
class _Links:
    """Directed power: one link a branch, or none where the branch takes power from both ends.

    tail, head: (k,) buses. sent_mw, received_mw: (k,) power out of the tail and into the head, both > 0.
    loss_mw: (k,) their difference. own_loss_mw: (n_bus,) loss of branches without a link, at the bus that
    feeds it.
    """

    tail: IntArray
    head: IntArray
    sent_mw: FloatArray
    received_mw: FloatArray
    loss_mw: FloatArray
    own_loss_mw: FloatArray

    @cached_property
    def rank(self) -> IntArray:
        """(n_bus,) where each bus stands in an order along the flow, but for power that circulates.

        In that order the balances are nearly triangular, and their factors have next to no fill.
        """
        n_bus, ones = self.own_loss_mw.size, np.ones(self.tail.size)
        graph = csr_array((ones, (self.tail, self.head)), shape=(n_bus, n_bus))
        _, part = connected_components(graph, directed=True, connection="strong")
        rank = np.empty(n_bus, dtype=np.int64)
        rank[np.argsort(part, kind="stable")] = np.arange(n_bus)
        return rank


def trace(
    from_bus: IntArray,
    to_bus: IntArray,
    p_from_mw: FloatArray,
    p_to_mw: FloatArray,
    generator_bus: IntArray,
    generation_mw: FloatArray,
    demand_mw: FloatArray,
    max_groups: int = 64,
) -> Tracing:
    """Trace a solved AC state from generators to loads.

    from_bus, to_bus: (m,) bus positions. p_from_mw, p_to_mw: (m,) MW into the branch at either end.
    generator_bus, generation_mw: (g,); a negative output is demand of its bus. demand_mw: (n_bus,), shunts
    included; negative demand is supply of the group "others". NaN counts as 0 MW. Each generator with an
    output is a group of its own; above max_groups the largest max_groups - 1 are kept and the rest are
    "others". Raises ValueError when max_groups is below 1.

    Shares: P_i s_i = sum over inflows of received_ji s_j + G_i e_g, with P_i the inflow of bus i (Bialek's
    upstream-looking balance with the received flows, so that a row of shares sums to 1). A branch's loss
    comes from the sending bus, so output of g = sum_i s_ig demand_i + sum_ji s_jg loss_ji. Losses of loads:
    see _loss_of_bus.
    """
    if max_groups < 1:
        raise ValueError(f"max_groups is {max_groups}, it must be 1 or more")
    generation_mw, demand_mw = np.nan_to_num(generation_mw), np.nan_to_num(demand_mw)
    n_bus = demand_mw.size
    links = _links(n_bus, from_bus, to_bus, p_from_mw, p_to_mw)
    pumping_mw = _sum_by_bus(n_bus, generator_bus, np.maximum(-generation_mw, 0.0))
    unnamed_mw = np.maximum(-demand_mw, 0.0)
    supply_mw, group_generator = _supply(generator_bus, generation_mw, unnamed_mw, max_groups)
    shares = _shares(links, supply_mw)
    loss_of_bus = _loss_of_bus(links, np.maximum(demand_mw, 0.0) + pumping_mw)
    return Tracing(shares, group_generator, loss_of_bus)


def _links(n_bus: int, from_bus: IntArray, to_bus: IntArray, p_from_mw: FloatArray, p_to_mw: FloatArray) -> _Links:
    """Turn the two ends of every branch into directed links; see _Links."""
    p_from, p_to = np.nan_to_num(p_from_mw), np.nan_to_num(p_to_mw)
    forward = (p_from > ZERO_MW) & (p_to < -ZERO_MW)
    backward = (p_to > ZERO_MW) & (p_from < -ZERO_MW)
    idle = ~(forward | backward)
    idle_bus, idle_mw = np.append(from_bus[idle], to_bus[idle]), np.append(p_from[idle], p_to[idle])
    return _Links(
        tail=np.concatenate([from_bus[forward], to_bus[backward]]),
        head=np.concatenate([to_bus[forward], from_bus[backward]]),
        sent_mw=np.concatenate([p_from[forward], p_to[backward]]),
        received_mw=-np.concatenate([p_to[forward], p_from[backward]]),
        loss_mw=np.concatenate([(p_from + p_to)[forward], (p_from + p_to)[backward]]),
        own_loss_mw=_sum_by_bus(n_bus, idle_bus, idle_mw),
    )


def _supply(
    generator_bus: IntArray, generation_mw: FloatArray, unnamed_mw: FloatArray, max_groups: int
) -> tuple[FloatArray, IntArray]:
    """Return what each group feeds into each bus (n_bus, n_groups) in MW, and the generator of each group."""
    running = np.flatnonzero(generation_mw > ZERO_MW)
    has_others = running.size > max_groups or bool(unnamed_mw.any())
    n_named = min(running.size, max_groups - int(has_others))
    named = np.sort(running[np.argsort(-generation_mw[running], kind="stable")[:n_named]])
    group_generator = np.append(named, -1) if has_others else named
    group = np.full(generation_mw.size, n_named)
    group[named] = np.arange(n_named)
    supply_mw = np.zeros((unnamed_mw.size, group_generator.size))
    np.add.at(supply_mw, (generator_bus[running], group[running]), generation_mw[running])
    if has_others:
        supply_mw[:, -1] += unnamed_mw
    return supply_mw, group_generator


def _shares(links: _Links, supply_mw: FloatArray) -> FloatArray:
    """Solve the balance of composition; returns (n_bus, n_groups), zero where nobody supplies."""
    n_bus = supply_mw.shape[0]
    inflow_mw = supply_mw.sum(axis=1) + _sum_by_bus(n_bus, links.head, links.received_mw)
    shares = _solve(inflow_mw, links, links.received_mw, supply_mw)
    total = shares.sum(axis=1, keepdims=True)
    normalised: FloatArray = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0.5)
    return normalised


def _loss_of_bus(links: _Links, demand_mw: FloatArray) -> FloatArray:
    """Allocate every branch's loss to the loads that the branch supplies; returns (n_bus,) MW.

    Losses L_i that arrive at bus i with the power (those of its inflows, and what these carry from further
    upstream) are shared like that power: L_i = own_i + sum_ji (loss_ji + L_j sent_ji / W_j), with W_j the
    demand of bus j and all it sends on. The demand of bus i takes L_i demand_i / W_i. This is Bialek's gross
    demand less the demand, written for losses so that nothing is lost: what ends at buses that serve no load
    (a line open at its far end) is spread over all loads in proportion to demand. The sum is the total branch
    loss.
    """
    n_bus = demand_mw.size
    outflow_mw = demand_mw + _sum_by_bus(n_bus, links.tail, links.sent_mw)
    arriving_mw = links.own_loss_mw + _sum_by_bus(n_bus, links.head, links.loss_mw)
    loss_per_mw = _solve(outflow_mw, links, links.sent_mw, arriving_mw)
    loss_mw = loss_per_mw * demand_mw
    total_mw = demand_mw.sum()
    if total_mw > 0.0:
        loss_mw += (arriving_mw.sum() - loss_mw.sum()) * demand_mw / total_mw
    return loss_mw


def _sum_by_bus(n_bus: int, bus: IntArray, value: FloatArray) -> FloatArray:
    """Return (n_bus,) the sum of the values at each bus, float also when there are none."""
    return np.bincount(bus, weights=value, minlength=n_bus).astype(np.float64)


def _solve(diagonal: FloatArray, links: _Links, flow: FloatArray, rhs: FloatArray) -> FloatArray:
    """Solve (diag(diagonal) - flow at (head, tail)) x = rhs; a bus without power gets x = rhs."""
    n_bus, rank = diagonal.size, links.rank
    alive = np.where(diagonal > ZERO_MW, diagonal * (1.0 + LEAK), 1.0)
    row, column = np.concatenate([rank, rank[links.head]]), np.concatenate([rank, rank[links.tail]])
    matrix = csc_array((np.concatenate([alive, -flow]), (row, column)), shape=(n_bus, n_bus))
    ordered = np.empty_like(rhs)
    ordered[rank] = rhs
    solution: FloatArray = splu(matrix, permc_spec="NATURAL").solve(ordered)[rank]
    return solution
