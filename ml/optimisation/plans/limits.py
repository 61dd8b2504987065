"""What a plan may not break, and which of two states is better: said once, for every method, page and benchmark.

Hard: no limit that the present state keeps is broken, and no load that it supplies is cut off. Among the states that
remain, in this order: the most supply, weighted by priority; the least violation, each as a share of its own limit or
band, summed; the least losses and risk.

A limit that is broken already forbids nothing, as long as its violation grows by no more than a stated share. A limit
that a person has set must be kept. Where emergency values are given, they take the place of the limits for states that
supply what is dark now; the order stays, and violations are counted from the normal limits.
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
    nobody has asked for a loading. source: of active power. emergency: the wider ones that hold for a while where
    supply is restored, None where there are none.
    """

    low: FloatArray
    high: FloatArray
    loading: FloatArray
    source: SourceBounds
    emergency: "Bounds | None" = None

    @cached_property
    def headroom(self) -> dict[Constraint, FloatArray]:
        """By how much each element may lie beyond its limit in an emergency, as a share; empty without such values."""
        wide, rated = self.emergency, np.isfinite(self.loading)
        if wide is None:
            return {}
        loading = np.zeros(len(rated))
        loading[rated] = wide.loading[rated] / self.loading[rated] - 1.0
        return {
            Constraint.LOW_VOLTAGE: _positive((self.low - wide.low) / self.band),
            Constraint.HIGH_VOLTAGE: _positive((wide.high - self.high) / self.band),
            Constraint.LOADING: _positive(loading),
        }

    def value_at(self, constraint: Constraint, element: int, share: float) -> float:
        """What lies beyond an element's limit by a share, in percent of the rating or p.u."""
        if constraint is Constraint.LOADING:
            return float(self.loading[element] * (1.0 + share))
        band = float(self.band[element])
        if constraint is Constraint.LOW_VOLTAGE:
            return float(self.low[element]) - share * band
        return float(self.high[element]) + share * band

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
            headroom=self.headroom,
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
        bounds = Bounds(low, high, most, self.source)
        if wanted.has_emergency:
            bounds = replace(bounds, emergency=_wider(bounds, wanted))
        return _relaxed(bounds, wanted.relaxed)


def _wider(normal: Bounds, wanted: Requirements) -> Bounds:
    """The bounds in an emergency: at each element the wider one of both."""
    low, high, loading = wanted.emergency_min_vm_pu, wanted.emergency_max_vm_pu, wanted.emergency_loading_percent
    return replace(
        normal,
        low=normal.low if low is None else np.minimum(normal.low, low),
        high=normal.high if high is None else np.maximum(normal.high, high),
        loading=normal.loading if loading is None else np.maximum(normal.loading, loading),
    )


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
        None if bounds.emergency is None else _relaxed(bounds.emergency, relaxed),
    )


def _finite(bound_mw: FloatArray) -> FloatArray:
    """Sizes of bounds, 0 where there is none."""
    return np.where(np.isfinite(bound_mw), np.abs(bound_mw), 0.0)


def _positive(share: FloatArray) -> FloatArray:
    """Shares with what is within limits, or isn't known, at zero."""
    return np.nan_to_num(np.maximum(share, 0.0), nan=0.0)


def permitted(
    constraint: Constraint, present: Excess, wanted: Requirements, in_between: bool = False, restoring: bool = False
) -> FloatArray:
    """By how much each element may lie beyond its limit, as a share, in the units of Excess.

    restoring: whether emergency values hold, where there are any.
    """
    now = present.of(constraint)
    most = np.zeros_like(now)
    if in_between or constraint not in wanted.set_by_person:
        voltage = constraint in {Constraint.LOW_VOLTAGE, Constraint.HIGH_VOLTAGE}
        most = now * (1.0 + (wanted.voltage_growth_share if voltage else wanted.loading_growth_share))
    room = present.headroom.get(constraint) if restoring else None
    return most if room is None else np.maximum(most, room)


def broken(
    verdict: Verdict, present: Verdict, wanted: Requirements, in_between: bool = False, restoring: bool = False
) -> tuple[Constraint, ...]:
    """The hard constraints that a state breaks. in_between: a state on the way, which may hold a loop.

    restoring: a state of a plan that restores supply, though it may not do so itself.
    """
    restoring = restoring or bool((verdict.supplied_loads & ~present.supplied_loads).any())
    found = []
    if (present.supplied_loads & ~verdict.supplied_loads & (verdict.injection.load_p_mw > 0)).any():
        found.append(Constraint.SUPPLY)
    if Constraint.RADIAL in verdict.violation and not in_between:
        found.append(Constraint.RADIAL)
    for constraint in Excess.CONSTRAINTS:
        most = permitted(constraint, present.excess, wanted, in_between, restoring)
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
