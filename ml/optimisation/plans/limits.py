"""What a plan may not break, and which of two states is better: said once, for every method, page and benchmark.

Hard: no limit that the present state keeps is broken, and no load that it supplies is cut off. Among the states that
remain, in this order: the most supply, weighted by priority; the least violation, each as a share of its own limit or
band, summed; the least losses and risk.

A limit that is broken already forbids nothing, as long as its violation grows by no more than a stated share. A limit
that a person has set must be kept.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from grid.flow.powerflow import GridState, Injection, PowerFlow
from grid.flow.source_bounds import SourceBounds
from grid.network import BoolArray, FloatArray, Network
from ml.optimisation.plans.plan import Constraint, Excess, Requirements, Verdict

SUPPLY_TOLERANCE_KW = 1e-3
SUPPLY_STEP_KW = 0.01  # states that supply alike to within it count as equal
SHARE_TOLERANCE = 1e-5  # of a limit or band: rounding, not permission
NOTICEABLE_SHARE = 1e-4  # violations that differ by less in all count as equal
USUAL_BAND_PU = 0.2  # where the limits of a bus are no band
RELAXED_SHARE = 0.01  # by which a limit is wider that is relaxed


@dataclass(frozen=True, eq=False)
class Bounds:
    """The limits that plans of one network are judged by: of the case, or of a person who has set others.

    low and high: (n,) p.u., 0 and 9 where there is none. loading: (m,) percent, infinite where a rating is derived and
    nobody has asked for a loading. source: of active power.
    """

    low: FloatArray
    high: FloatArray
    loading: FloatArray
    source: SourceBounds

    @cached_property
    def band(self) -> FloatArray:
        """(n,) p.u. that voltages may move in."""
        band = self.high - self.low
        return np.where((band > 0) & (band < 1), band, USUAL_BAND_PU)

    def excess(self, network: Network, state: GridState, injection: Injection) -> Excess:
        """By how much a state lies beyond each limit."""
        generator, source = network.generator, self.source
        running = generator.is_source & injection.generator_on & state.energised[generator.bus]
        beyond = np.maximum(source.low_mw - state.generator_p_mw, state.generator_p_mw - source.high_mw)
        limit = np.abs(np.where(state.generator_p_mw < source.low_mw, source.low_mw, source.high_mw))
        limit = np.where((limit > 0) & np.isfinite(limit), limit, network.base_mva)  # a bound of 0 has no share
        return Excess(
            low_voltage=_positive((self.low - state.vm_pu) / self.band),
            high_voltage=_positive((state.vm_pu - self.high) / self.band),
            loading=_positive(state.loading_percent / self.loading - 1.0),
            generation=np.where(running & (beyond > 0), beyond, 0.0) / limit,
        )


class BoundsOf:
    """The bounds of one network for what a person wants. power_flow: of the network, where the caller has one."""

    def __init__(self, network: Network, radial: bool, power_flow: PowerFlow | None = None) -> None:
        bus, branch = network.bus, network.branch
        self._low, self._high = np.nan_to_num(bus.min_vm_pu, nan=0.0), np.nan_to_num(bus.max_vm_pu, nan=9.0)
        self._rated = np.isfinite(branch.rating_from_ka)
        self._given = self._rated & ~branch.rating_derived
        self.source = SourceBounds.of(network, radial, power_flow)
        placeholders = np.flatnonzero(self.source.placeholder)
        self.unbounded = tuple(network.generator.name[place] for place in placeholders)

    def counted(self, wanted: Requirements) -> BoolArray:
        """(m,) branches whose loading counts."""
        return self._rated if wanted.loading_is_set else self._given

    def at(self, wanted: Requirements) -> Bounds:
        """The bounds that plans are judged by."""
        low = self._low if wanted.min_vm_pu is None else np.full(len(self._low), wanted.min_vm_pu)
        high = self._high if wanted.max_vm_pu is None else np.full(len(self._high), wanted.max_vm_pu)
        most = np.where(self.counted(wanted), wanted.max_loading_percent, np.inf)
        return _relaxed(Bounds(low, high, most, self.source), wanted.relaxed)


def _relaxed(bounds: Bounds, relaxed: frozenset[Constraint]) -> Bounds:
    """The bounds with some of them wider."""
    source, share = bounds.source, {kind: RELAXED_SHARE if kind in relaxed else 0.0 for kind in Constraint}
    if not relaxed:
        return bounds
    generation = share[Constraint.GENERATION]
    return Bounds(
        bounds.low * (1 - share[Constraint.LOW_VOLTAGE]),
        bounds.high * (1 + share[Constraint.HIGH_VOLTAGE]),
        bounds.loading * (1 + share[Constraint.LOADING]),
        replace(
            source,
            low_mw=source.low_mw - generation * _finite(source.low_mw),
            high_mw=source.high_mw + generation * _finite(source.high_mw),
        ),
    )


def _finite(bound_mw: FloatArray) -> FloatArray:
    """Sizes of bounds, 0 where there is none."""
    return np.where(np.isfinite(bound_mw), np.abs(bound_mw), 0.0)


def _positive(share: FloatArray) -> FloatArray:
    """Shares with what is within limits, or isn't known, at zero."""
    return np.nan_to_num(np.maximum(share, 0.0), nan=0.0)


def permitted(constraint: Constraint, present: Excess, wanted: Requirements, in_between: bool = False) -> FloatArray:
    """By how much each element may lie beyond its limit, as a share, in the units of Excess."""
    now = present.of(constraint)
    if constraint in wanted.set_by_person and not in_between:
        return np.zeros_like(now)
    voltage = constraint in {Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE}
    return now * (1.0 + (wanted.voltage_growth_share if voltage else wanted.loading_growth_share))


def broken(
    verdict: Verdict, present: Verdict, wanted: Requirements, in_between: bool = False
) -> tuple[Constraint, ...]:
    """The hard constraints that a state breaks. in_between: a state on the way, which may hold a loop."""
    found = []
    if (present.supplied_loads & ~verdict.supplied_loads & (verdict.injection.load_p_mw > 0)).any():
        found.append(Constraint.SUPPLY)
    if Constraint.RADIAL in verdict.violation and not in_between:
        found.append(Constraint.RADIAL)
    for constraint in Excess.CONSTRAINTS:
        most = permitted(constraint, present.excess, wanted, in_between)
        if (verdict.excess.of(constraint) > most + SHARE_TOLERANCE).any():
            found.append(constraint)
    return tuple(found)


def allowed(verdict: Verdict, present: Verdict, wanted: Requirements, in_between: bool = False) -> bool:
    """Whether a state keeps what is hard."""
    return not broken(verdict, present, wanted, in_between)


@dataclass(frozen=True, order=True)
class Merit:
    """What states are ordered by, the least first: loops that may not stay, steps without supply, steps of violation,
    losses and risk in kW.
    """

    loops: int
    unsupplied: int
    violation: int
    objective_kw: float

    @classmethod
    def of(cls, verdict: Verdict) -> "Merit":
        """Differences that nobody would notice are none."""
        return cls(
            int(Constraint.RADIAL in verdict.violation),
            round(verdict.weighted_unsupplied_kw / SUPPLY_STEP_KW),
            round(verdict.excess.total / NOTICEABLE_SHARE),
            verdict.objective_kw,
        )

    def improves_on(self, other: "Merit", least_kw: float = 0.0) -> bool:
        """Whether it is better; by more than least_kw where only losses and risk differ."""
        mine, others = (self.loops, self.unsupplied, self.violation), (other.loops, other.unsupplied, other.violation)
        if mine != others:
            return mine < others
        return self.objective_kw < other.objective_kw - least_kw
