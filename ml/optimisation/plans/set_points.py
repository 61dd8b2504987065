"""Set-points of generators: what of a dispatch is worth setting, carrying it out, and whether that still verifies."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import FloatArray, Network
from ml.optimisation.plans.limits import Merit, broken
from ml.optimisation.plans.plan import Constraint, PlanProblem, PlanProblemKind, Requirements, SetPoint, Verdict
from ml.optimisation.plans.verification import TOLERANCE, OperatingPoint, Verifier

NOTICEABLE_PU = 5e-4  # half of what a voltage reading varies by
NOTICEABLE_SHARE = 1e-3  # of the load
STILL_SAVING = 0.01  # of the present losses: half of what a plan must save when it is made
HARDLY_PERCENT = 1.0  # of a derived rating


def without_trifles(network: Network, present: Injection, planned: Injection) -> Injection:
    """The planned injection, with set-points that would hardly change left as they are.

    Generators at one bus change their voltage together or not at all.
    """
    least_mw = NOTICEABLE_SHARE * float(present.load_p_mw.clip(min=0).sum())
    moved = np.abs(planned.generator_p_mw - present.generator_p_mw) > least_mw
    bus, change = network.generator.bus, np.abs(planned.generator_vm_pu - present.generator_vm_pu)
    changed = np.isin(bus, bus[change > NOTICEABLE_PU])
    return replace(
        planned,
        generator_p_mw=np.where(moved, planned.generator_p_mw, present.generator_p_mw),
        generator_vm_pu=np.where(changed, planned.generator_vm_pu, present.generator_vm_pu),
    )


def set_points_of(network: Network, before: Verdict, after: Verdict) -> tuple[SetPoint, ...]:
    """What changes between the injections of two states. A source's power isn't set: it is what the states have."""
    old, new, generator = before.injection, after.injection, network.generator
    source, voltage = generator.is_source, generator.holds_voltage
    p_before = np.where(source, before.state.generator_p_mw, old.generator_p_mw)
    p_after = np.where(source, after.state.generator_p_mw, new.generator_p_mw)
    moved = (new.generator_p_mw != old.generator_p_mw) & ~source
    changed = moved | (new.generator_vm_pu != old.generator_vm_pu)
    vm_before, vm_after = (np.where(voltage, item.generator_vm_pu, np.nan) for item in (old, new))
    return tuple(
        SetPoint(int(g), float(p_before[g]), float(p_after[g]), float(vm_before[g]), float(vm_after[g]))
        for g in np.flatnonzero(changed)
    )


def held_by(network: Network, set_points: Sequence[SetPoint]) -> tuple[FloatArray, FloatArray]:
    """(g,) p_mw and vm_pu that set-points hold generators at, NaN where they change nothing."""
    p_mw, vm_pu = np.full(len(network.generator), np.nan), np.full(len(network.generator), np.nan)
    for point in set_points:
        if point.p_mw != point.p_mw_before and not network.generator.is_source[point.generator]:
            p_mw[point.generator] = point.p_mw
        if point.vm_pu != point.vm_pu_before:
            vm_pu[point.generator] = point.vm_pu
    return p_mw, vm_pu


def reactive_excess_mvar(network: Network, verdict: Verdict) -> float:
    """By how much the worst of the generators that hold a voltage lies outside its limits of reactive power.

    It is compared between states and never priced: a voltage reading that is off by a thousandth of its value, as they
    are, moves what the present seems to be by many Mvar.
    """
    generator, value = network.generator, verdict.state.generator_q_mvar
    running = verdict.injection.generator_on & verdict.state.energised[generator.bus] & generator.holds_voltage
    beyond = np.maximum(generator.min_q_mvar - value, value - generator.max_q_mvar)
    return float(beyond[running].max(initial=0.0))


def missed_by(verifier: Verifier, verdict: Verdict, present: Verdict, wanted: Requirements) -> tuple[Constraint, ...]:
    """The constraints that a dispatch breaks: those of verification, reactive power, derived ratings, N-1 if asked.

    Derived ratings are not the case's, but exceeding them raises alarms; they may stay exceeded, but hardly further.
    """
    network, missed = verifier.network, broken(verdict, present, wanted)
    permitted_mvar = reactive_excess_mvar(network, present) + TOLERANCE[Constraint.GENERATION]
    if reactive_excess_mvar(network, verdict) > permitted_mvar and Constraint.GENERATION not in missed:
        missed = (*missed, Constraint.GENERATION)
    most = np.maximum(wanted.max_loading_percent, present.state.loading_percent + HARDLY_PERCENT)
    derived = network.branch.rating_derived
    if (derived & (verdict.state.loading_percent > most)).any() and Constraint.LOADING not in missed:
        missed = (*missed, Constraint.LOADING)
    if not missed and wanted.n_minus_1 and not verifier.secure(verdict):
        missed = (Constraint.N_MINUS_1,)
    return missed


def problem_with_set_points(
    network: Network,
    verifier: Verifier,
    operating_point: OperatingPoint,
    wanted: Requirements,
    set_points: Sequence[SetPoint],
) -> PlanProblem | None:
    """Why set-points can't be carried out from an operating point's state; None where they can."""
    present = verifier.verdict(operating_point, operating_point.closed, wanted)
    if present is None:
        return PlanProblem(kind=PlanProblemKind.NO_PRESENT_SOLUTION)
    lost = [point.generator for point in set_points if not operating_point.injection.generator_on[point.generator]]
    if lost:
        return PlanProblem(kind=PlanProblemKind.OUT_OF_SERVICE, generator=lost[0])
    p_mw, vm_pu = held_by(network, set_points)
    injection = replace(
        operating_point.injection,
        generator_p_mw=np.where(np.isnan(p_mw), operating_point.injection.generator_p_mw, p_mw),
        generator_vm_pu=np.where(np.isnan(vm_pu), operating_point.injection.generator_vm_pu, vm_pu),
    )
    after = verifier.verdict(operating_point, operating_point.closed, wanted, present.state.voltage, injection)
    if after is None:
        return PlanProblem(kind=PlanProblemKind.NO_SOLUTION)
    missed = missed_by(verifier, after, present, wanted)
    if missed:
        return PlanProblem(kind=PlanProblemKind.LIMIT, constraint=missed[0])
    required = missed_by(verifier, present, present, wanted)
    improves = Merit.of(after).improves_on(Merit.of(present), STILL_SAVING * present.loss_kw)
    if not required and not improves:
        return PlanProblem(kind=PlanProblemKind.NO_IMPROVEMENT)
    return None
