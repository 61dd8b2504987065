"""What an operation by hand would do before anybody does it: a switch opened or closed, a generator set, a tap moved.

A person may do what no plan would: cut load off, or break a limit. So nothing of that is refused here, but all of it is
told. Refused is only what can't be done, or what nobody could judge: a state without a power flow solution, and what
would energise a fault that isn't repaired.
"""

from dataclasses import dataclass, replace

import numpy as np

from grid.flow.powerflow import Injection
from grid.flow.topology import energised_buses, loop_closed_by
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.taps import checked_position, positions_of, with_taps
from ml.optimisation.plans.limits import SHARE_TOLERANCE, Bounds
from ml.optimisation.plans.plan import Action, Constraint, Excess, PlanProblem, PlanProblemKind, Requirements, Verdict
from ml.optimisation.plans.verification import OperatingPoint, Verifier

CASE_LIMITS = Requirements()  # what a person does is judged by the case's own limits
SETTABLE_PU = (0.8, 1.2)


@dataclass(frozen=True, kw_only=True)
class Switching:
    """Open or close a branch."""

    branch: int
    close: bool


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Hold a generator's active power, or the voltage of its bus; None where it stays as it is."""

    generator: int
    p_mw: float | None = None
    vm_pu: float | None = None

    def held(self, network: Network) -> tuple[FloatArray, FloatArray]:
        """(g,) p_mw and vm_pu, NaN where nothing changes. All generators that hold one bus's voltage hold the same."""
        generator = network.generator
        p_mw, vm_pu = np.full(len(generator), np.nan), np.full(len(generator), np.nan)
        if self.p_mw is not None:
            p_mw[self.generator] = self.p_mw
        if self.vm_pu is not None:
            vm_pu[generator.holds_voltage & (generator.bus == generator.bus[self.generator])] = self.vm_pu
        return p_mw, vm_pu


@dataclass(frozen=True, kw_only=True)
class TapMove:
    """Move a transformer's tap changer. position: a whole number, once checked_operation has seen it."""

    branch: int
    position: float

    def positions(self, network: Network) -> FloatArray:
        """(m,) all positions of a network with this one moved; NaN where no tap changer is known."""
        positions = positions_of(network).copy()
        positions[self.branch] = self.position
        return positions


Operation = Switching | Setting | TapMove


@dataclass(frozen=True, kw_only=True)
class LimitBroken:
    """A limit that is broken afterwards, and wasn't before, or less. element: a bus, branch or generator, by name.

    before: the value that it has now, NaN where it has no supply. share: by how much of itself the limit is broken.
    derived: whether the case didn't give the limit.
    """

    constraint: Constraint
    element: str
    value: float
    limit: float
    before: float
    unit: str
    share: float
    derived: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Effect:
    """What an operation would do to an operating point. Loads are positions.

    before and after: None where there is no power flow solution. dark: loads that would lose supply; restored: that
    would get it. loop: branches of the loop that would be closed, the operated one first; empty where there is none.
    broken: the worst first. still_broken: how many limits that are broken now would be no worse. problem: why it can't
    be done, None where it can.
    """

    operation: Operation
    before: Verdict | None
    after: Verdict | None
    dark: IntArray
    dark_kw: float
    restored: IntArray
    restored_kw: float
    loop: tuple[int, ...]
    broken: tuple[LimitBroken, ...]
    still_broken: int
    problem: PlanProblem | None

    @property
    def code(self) -> str:
        """Names the operation, what it would make dark and which limits it would break: a person who has seen one
        effect hasn't seen that of another code."""
        limits = sorted({item.constraint.value for item in self.broken})
        parts = [_operation_code(self.operation), f"dark{len(self.dark)}", f"loop{len(self.loop)}", *limits]
        return "/".join(parts).replace(" ", "-")

    @property
    def action(self) -> Action | None:
        """The switching with the state that it leads to; None where nothing is switched."""
        if not isinstance(self.operation, Switching):
            return None
        after = self.after
        figures = (np.nan,) * 3 if after is None else (after.loss_kw, after.min_vm_pu, after.max_loading_percent)
        return Action(self.operation.branch, self.operation.close, *figures)


def checked_operation(network: Network, operation: Operation) -> Operation:
    """An operation of a network that has what it names; ValueError names the field that is out of range."""
    if isinstance(operation, Switching | TapMove):
        if not 0 <= operation.branch < network.n_branch:
            raise ValueError(f"target: branches are numbered 0 to {network.n_branch - 1}, not {operation.branch}")
        if isinstance(operation, TapMove):
            checked_position(network, operation.branch, operation.position)
        return operation
    generator, g = network.generator, operation.generator
    if not 0 <= g < len(generator):
        raise ValueError(f"target: generators are numbered 0 to {len(generator) - 1}, not {g}")
    if operation.p_mw is None and operation.vm_pu is None:
        raise ValueError("p_mw: a power or a voltage to hold is needed")
    if operation.p_mw is not None:
        if generator.is_source[g]:
            raise ValueError(f"p_mw: {generator.name[g]} makes up the balance, its power can't be set")
        low, high = (float(bound[g]) for bound in generator.p_bounds_mw)
        if not low <= operation.p_mw <= high:
            raise ValueError(f"p_mw: {low:g} to {high:g} MW at {generator.name[g]}, not {operation.p_mw:g}")
    if operation.vm_pu is not None:
        if not generator.holds_voltage[g]:
            raise ValueError(f"vm_pu: {generator.name[g]} doesn't hold a voltage")
        if not SETTABLE_PU[0] <= operation.vm_pu <= SETTABLE_PU[1]:
            raise ValueError(f"vm_pu: {SETTABLE_PU[0]:g} to {SETTABLE_PU[1]:g} p.u., not {operation.vm_pu:g}")
    return operation


def effect_of(
    verifier: Verifier, operating_point: OperatingPoint, operation: Operation, faulty: BoolArray | None = None
) -> Effect:
    """What an operation would do. faulty: (n,) buses that must not be energised, None for none."""
    network, closed = verifier.network, operating_point.closed
    before = verifier.verdict(operating_point, closed, CASE_LIMITS)
    after_closed, injection, judge = closed.copy(), operating_point.injection, verifier
    loop: tuple[int, ...] = ()
    match operation:
        case Switching():
            after_closed[operation.branch] = operation.close
            if operation.close and not closed[operation.branch]:
                loop = _loop(network, closed, _sources(network, injection), operation.branch)
        case Setting():
            injection = _with(network, injection, operation)
        case TapMove():
            judge = Verifier(with_taps(network, operation.positions(network)))
    supplied, then = (_supplied(network, state, injection) for state in (closed, after_closed))
    wanted_kw = 1000 * injection.load_p_mw.clip(min=0)
    at_load = network.load.bus
    dark = np.flatnonzero(supplied[at_load] & ~then[at_load] & (wanted_kw > 0))
    restored = np.flatnonzero(~supplied[at_load] & then[at_load] & (wanted_kw > 0))
    problem = _problem(network, operating_point, operation)
    if problem is None and faulty is not None and (then & ~supplied & faulty).any():
        problem = _refused(PlanProblemKind.FAULT_STANDS, operation)
    after = None
    if before is None:
        problem = problem or PlanProblem(kind=PlanProblemKind.NO_PRESENT_SOLUTION)
    elif problem is None:
        after = judge.verdict(operating_point, after_closed, CASE_LIMITS, before.state.voltage, injection)
        problem = _refused(PlanProblemKind.NO_SOLUTION, operation) if after is None else None
    broken, still = ((), 0) if before is None or after is None else _broken(verifier, before, after)
    return Effect(
        operation=operation,
        before=before,
        after=after,
        dark=dark,
        dark_kw=float(wanted_kw[dark].sum()),
        restored=restored,
        restored_kw=float(wanted_kw[restored].sum()),
        loop=loop,
        broken=broken,
        still_broken=still,
        problem=problem,
    )


def _operation_code(operation: Operation) -> str:
    if isinstance(operation, Switching):
        return f"{'close' if operation.close else 'open'}-{operation.branch}"
    if isinstance(operation, TapMove):
        return f"tap-{operation.branch}-{operation.position:g}"
    held = (("p", operation.p_mw), ("v", operation.vm_pu))
    return f"set-{operation.generator}" + "".join(f"-{name}{value:g}" for name, value in held if value is not None)


def _with(network: Network, injection: Injection, setting: Setting) -> Injection:
    p_mw, vm_pu = setting.held(network)
    return replace(
        injection,
        generator_p_mw=np.where(np.isnan(p_mw), injection.generator_p_mw, p_mw),
        generator_vm_pu=np.where(np.isnan(vm_pu), injection.generator_vm_pu, vm_pu),
    )


def _sources(network: Network, injection: Injection) -> IntArray:
    generator = network.generator
    return generator.bus[generator.is_source & injection.generator_on]


def _supplied(network: Network, closed: BoolArray, injection: Injection) -> BoolArray:
    branch = network.branch
    return energised_buses(network.n_bus, branch.from_bus, branch.to_bus, closed, _sources(network, injection))


def _loop(network: Network, closed: BoolArray, sources: IntArray, branch: int) -> tuple[int, ...]:
    ends = network.branch.from_bus, network.branch.to_bus
    return loop_closed_by(network.n_bus, *ends, closed, sources, branch)


def _problem(network: Network, operating_point: OperatingPoint, operation: Operation) -> PlanProblem | None:
    """Why an operation can't be done at all."""
    if isinstance(operation, Setting):
        running = operating_point.injection.generator_on[operation.generator]
        return None if running else _refused(PlanProblemKind.OUT_OF_SERVICE, operation)
    if isinstance(operation, TapMove):
        there = positions_of(network)[operation.branch] == operation.position
        return _refused(PlanProblemKind.TAP_THERE_ALREADY, operation) if there else None
    if bool(operating_point.closed[operation.branch]) == operation.close:
        return _refused(PlanProblemKind.SWITCHED_ALREADY, operation)
    usable = operating_point.available[operation.branch] and network.branch.in_service[operation.branch]
    return _refused(PlanProblemKind.OUT_OF_SERVICE, operation) if operation.close and not usable else None


def _refused(kind: PlanProblemKind, operation: Operation) -> PlanProblem:
    if isinstance(operation, Switching):
        return PlanProblem(kind=kind, branch=operation.branch, close=operation.close)
    if isinstance(operation, TapMove):
        return PlanProblem(kind=kind, branch=operation.branch, tap_pos=operation.position)
    return PlanProblem(kind=kind, generator=operation.generator)


def _broken(verifier: Verifier, before: Verdict, after: Verdict) -> tuple[tuple[LimitBroken, ...], int]:
    """The limits that get broken or worse, the worst first, and how many stay broken without that.

    Derived ratings count as well: exceeding them raises alarms.
    """
    network = verifier.network
    rated = np.isfinite(network.branch.rating_from_ka)
    bounds = replace(verifier.bounds.at(CASE_LIMITS), loading=np.where(rated, 100.0, np.inf))
    found: list[LimitBroken] = []
    still = 0
    now, then = (bounds.excess(network, item.state, item.injection) for item in (before, after))
    for constraint in Excess.CONSTRAINTS:
        share, worse = then.of(constraint), then.of(constraint) > now.of(constraint) + SHARE_TOLERANCE
        still += int(((share > SHARE_TOLERANCE) & ~worse).sum())
        found += [
            _limit_broken(network, bounds, constraint, int(i), before, after, float(share[i]))
            for i in np.flatnonzero(worse)
        ]
    return tuple(sorted(found, key=lambda item: -item.share)), still


def _limit_broken(
    network: Network, bounds: Bounds, constraint: Constraint, i: int, before: Verdict, after: Verdict, share: float
) -> LimitBroken:
    match constraint:
        case Constraint.LOADING:
            name, unit, derived = network.branch.name[i], "%", bool(network.branch.rating_derived[i])
            value, was, limit = after.state.loading_percent[i], before.state.loading_percent[i], bounds.loading[i]
        case Constraint.GENERATION:
            name, unit, derived = network.generator.name[i], "MW", False
            value, was = after.state.generator_p_mw[i], before.state.generator_p_mw[i]
            low, high = bounds.source.low_mw[i], bounds.source.high_mw[i]
            limit = low if value < low else high
        case _:
            name, unit, derived = network.bus.name[i], "p.u.", network.bus.limits_derived
            value, was = after.state.vm_pu[i], before.state.vm_pu[i]
            limit = bounds.low[i] if constraint is Constraint.LOW_VOLTAGE else bounds.high[i]
    return LimitBroken(
        constraint=constraint,
        element=name,
        value=float(value),
        limit=float(limit),
        before=float(was),
        unit=unit,
        share=share,
        derived=derived,
    )
