"""Checks of what people ask the engine for, made before a command is queued: the answer is immediate."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from grid.network import Network
from grid.telemetry import EventKind
from ml.optimisation.plans.by_hand import Operation
from ml.optimisation.plans.plan import PlanProblem, Requirements
from ml.optimisation.plans.tags import Tag, TaggedKind

LARGEST_SURGE = 10.0
MOST_EVENTS = 500  # at once; each is looked at in every cycle
LARGEST_HEAT_WAVE_K = 30.0
LONGEST_EMERGENCY_MINUTES = 1380.0  # an hour less than is looked ahead at most: it has to be seen that it is over


class UnknownIdError(KeyError):
    """There is no such bus, branch, generator, alarm or event."""


class NotOfferedError(ValueError):
    """The source doesn't offer what is asked of it; the message says what."""


class TooManyEventsError(ValueError):
    """As many disturbances as there may be are active or on their way."""


class PlanRefusalKind(StrEnum):
    """Why a plan isn't carried out, or nothing is taken back."""

    ADVICE_ONLY = "advice_only"  # the source carries out no orders
    PROBLEM = "problem"  # stands against it now
    NOTHING_TO_UNDO = "nothing_to_undo"


@dataclass(frozen=True, kw_only=True)
class PlanRefusal:
    """Why a plan isn't carried out. source: that carries out no orders. problem: that stands against it."""

    kind: PlanRefusalKind
    network: Network
    source: str = ""
    problem: PlanProblem | None = None


class OperationRefusalKind(StrEnum):
    """Why an operation by hand isn't carried out."""

    ADVICE_ONLY = "advice_only"  # the source carries out no orders
    TAGGED = "tagged"  # nobody may operate it
    PROBLEM = "problem"  # stands against it
    OTHER_EFFECT = "other_effect"  # than the one that was confirmed


@dataclass(frozen=True, kw_only=True)
class OperationRefusal:
    """Why an operation by hand isn't carried out. source: that carries out no orders."""

    kind: OperationRefusalKind
    network: Network
    operation: Operation
    source: str = ""
    tag: Tag | None = None
    problem: PlanProblem | None = None


class OperationRefusedError(ValueError):
    """An operation by hand that can't be carried out now; refusal says why."""

    def __init__(self, refusal: OperationRefusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.kind)


class PlanRefusedError(ValueError):
    """A plan that can't be carried out now; refusal says why."""

    def __init__(self, refusal: PlanRefusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.kind)


def checked_event(network: Network, kind: EventKind, target: int | None, magnitude: float) -> str:
    """Name of an event's target. KeyError where the target doesn't exist, ValueError for a magnitude out of range."""
    if kind is EventKind.LOAD_SURGE and not 0 <= magnitude <= LARGEST_SURGE:
        raise ValueError(f"magnitude: a load surge is a factor from 0 to {LARGEST_SURGE:g}, not {magnitude:g}")
    if kind is EventKind.HEAT_WAVE and not 0 < magnitude <= LARGEST_HEAT_WAVE_K:
        raise ValueError(f"magnitude: a heat wave is above 0 and up to {LARGEST_HEAT_WAVE_K:g} K, not {magnitude:g}")
    if kind is EventKind.HEAT_WAVE or (kind is EventKind.LOAD_SURGE and target is None):
        return "whole grid"
    named = {
        EventKind.LINE_OUTAGE: ("branch", network.branch.name),
        EventKind.BRANCH_FAULT: ("branch", network.branch.name),
        EventKind.GENERATOR_TRIP: ("generator", network.generator.name),
    }
    what, names = named.get(kind, ("bus", network.bus.name))
    if target is None or not 0 <= target < len(names):
        if target is None:
            raise UnknownIdError(f"target: name the {what} that it happens to, from 0 to {len(names) - 1}")
        raise UnknownIdError(f"target: there is no {what} {target}; they are numbered 0 to {len(names) - 1}")
    return names[target]


def checked_words(field: str, words: str, most: int) -> str:
    """A name or a reason without blanks around it; ValueError where nothing or too much is left."""
    found = words.strip()
    if not 0 < len(found) <= most:
        raise ValueError(f"{field}: 1 to {most} characters are needed")
    return found


def checked_tagged(network: Network, on: TaggedKind, target: int) -> int:
    """What a tag hangs on; UnknownIdError where there is no such branch or generator."""
    size = network.n_branch if on is TaggedKind.BRANCH else len(network.generator)
    if not 0 <= target < size:
        raise UnknownIdError(f"target: there is no {on.value} {target}; they are numbered 0 to {size - 1}")
    return target


def checked_speed(minutes_per_s: float) -> float:
    """A speed in simulated minutes a second; ValueError outside 0 (exclusive) to 1,440."""
    if not (math.isfinite(minutes_per_s) and 0 < minutes_per_s <= 1440):
        raise ValueError(f"speed: above 0 and up to 1,440 simulated minutes a second, not {minutes_per_s}")
    return float(minutes_per_s)


def checked_weight(weight: float) -> float:
    """A risk weight; ValueError where it is negative or not a number."""
    if not (math.isfinite(weight) and 0 <= weight <= 1e6):
        raise ValueError(f"risk_weight: 0 to 1,000,000, not {weight}")
    return float(weight)


def checked_requirements(network: Network, wanted: Requirements) -> Requirements:
    """Requirements of a plan; ValueError names what is out of range."""
    checked_weight(wanted.risk_weight)
    low, high = wanted.min_vm_pu, wanted.max_vm_pu
    for name, value in (("min_vm_pu", low), ("max_vm_pu", high)):
        if value is not None and not 0.5 <= value <= 1.5:
            raise ValueError(f"{name}: 0.5 to 1.5 p.u., not {value}")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"min_vm_pu: {low} must lie below max_vm_pu, {high}")
    if not 10 <= wanted.max_loading_percent <= 300:
        raise ValueError(f"max_loading_percent: 10 to 300 %, not {wanted.max_loading_percent}")
    _check_emergency(network, wanted)
    if wanted.most_pairs is not None and wanted.most_pairs not in (1, 2, 3):
        raise ValueError(f"most_pairs: 1, 2, 3 or none, not {wanted.most_pairs}")
    unknown = [branch for branch in wanted.locked if not 0 <= branch < network.n_branch]
    if unknown:
        raise ValueError(f"locked: there is no branch {unknown[0]}; they are numbered 0 to {network.n_branch - 1}")
    return wanted


def _check_emergency(network: Network, wanted: Requirements) -> None:
    """ValueError where an emergency value is out of range, or narrower than the normal limit that it stands for."""
    low, high, loading = wanted.emergency_min_vm_pu, wanted.emergency_max_vm_pu, wanted.emergency_loading_percent
    for name, value in (("emergency_min_vm_pu", low), ("emergency_max_vm_pu", high)):
        if value is not None and not 0.5 <= value <= 1.5:
            raise ValueError(f"{name}: 0.5 to 1.5 p.u., not {value}")
    if loading is not None and not 10 <= loading <= 300:
        raise ValueError(f"emergency_loading_percent: 10 to 300 %, not {loading}")
    if not 1 <= wanted.emergency_minutes <= LONGEST_EMERGENCY_MINUTES:
        raise ValueError(
            f"emergency_minutes: 1 to {LONGEST_EMERGENCY_MINUTES:,.0f} minutes, not {wanted.emergency_minutes}"
        )
    if loading is not None and loading < wanted.max_loading_percent:
        normal = wanted.max_loading_percent
        raise ValueError(f"emergency_loading_percent: {loading} must not lie below max_loading_percent, {normal}")
    lowest, highest = common_band(network)
    lowest = lowest if wanted.min_vm_pu is None else wanted.min_vm_pu
    highest = highest if wanted.max_vm_pu is None else wanted.max_vm_pu
    if low is not None and low > lowest:
        raise ValueError(f"emergency_min_vm_pu: {low} must not lie above the normal lowest voltage, {lowest}")
    if high is not None and high < highest:
        raise ValueError(f"emergency_max_vm_pu: {high} must not lie below the normal highest voltage, {highest}")


def common_band(network: Network) -> tuple[float, float]:
    """The voltage limits of most buses, p.u."""
    bus = network.bus
    low, high = (float(np.median(limit[bus.in_service])) for limit in (bus.min_vm_pu, bus.max_vm_pu))
    return low, high
