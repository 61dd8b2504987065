"""What a file can't hold of the present state, or holds in another form, in sentences."""

from collections.abc import Iterator

import numpy as np

from grid.files.export.present import PresentGrid
from grid.files.export.two_ports import PiSections, pi_sections, stubs_at_buses
from grid.files.findings import Bearing
from grid.files.report import sentence
from grid.network import BoolArray, BranchKind, BusKind, FloatArray

NEVER = (
    "Not in this file: costs of generators, profiles of a year, ages and temperatures of assets, risks, alarms, "
    "tags and protection."
)


def notes_on_matpower(present: PresentGrid) -> tuple[str, ...]:
    """What an .m file can't hold."""
    network, branch = present.network, present.network.branch
    sections = pi_sections(network)
    notes = [*_common(present)]
    loads = np.bincount(network.load.bus, minlength=network.n_bus)
    if (loads > 1).any():
        notes.append(f"{_count((loads > 1).sum(), 'bus', 'buses')} with several loads: the file has their sum.")
    if len(network.load):
        notes.append("Names and classes of loads aren't in the file.")
    for values, what in ((present.customers, "Customers by load"), (present.priority, "Priorities of supply")):
        if values is not None and np.isfinite(values).any():
            notes.append(f"{what} aren't in the file.")
    if network.bus.placed_by_case:
        notes.append("Coordinates aren't in the file.")
    notes.append("Lengths of lines, and whether one is a cable, aren't in the file.")
    if branch.breaker.any():
        notes.append(
            f"{_count(branch.breaker.sum(), 'branch', 'branches')} with a circuit breaker: BR_STATUS doesn't say so."
        )
    if branch.tap is not None:
        known = np.isfinite(branch.tap.position).sum()
        notes.append(f"{_count(known, 'tap changer')}: TAP holds the present ratio, not position, steps and range.")
    uneven = _uneven(present)
    if uneven.any():
        notes.append(
            f"RATE_A is the lower rating of both ends ({_count(uneven.sum(), 'branch', 'branches')} with two)."
        )
    left = present.closed & _beside_charging(sections)
    if left.any():
        notes.append(
            f"{_count(left.sum(), 'branch', 'branches')} with core losses, conductance or unequal ends: these stand in "
            "GS and BS of their buses, where they count as no branch's losses, and stay when the branch is opened."
        )
    stubs = (stubs_at_buses(network, present.closed) != 0).sum()
    if stubs:
        notes.append(
            f"Open branches that one end keeps charging stand in GS and BS of {_count(stubs, 'bus', 'buses')}."
        )
    if sections.one_way.any():
        notes.append(
            f"{_count(sections.one_way.sum(), 'impedance')} with another value in the other direction: the file has "
            "the mean, and its state differs."
        )
    return (*notes, NEVER)


def notes_on_pandapower(present: PresentGrid) -> tuple[str, ...]:
    """What a pandapower net can't hold."""
    notes = [*_common(present)]
    if any(kind is BranchKind.TRANSFORMER for kind in present.network.branch.kind):
        notes.append("Transformers stand as pi sections: the net's user_pf_options ask runpp for trafo_model='pi'.")
    return (*notes, NEVER)


def _common(present: PresentGrid) -> Iterator[str]:
    """What is true of both formats."""
    network = present.network
    if present.at is not None:
        yield f"State of {present.at.isoformat(timespec='seconds')}."
    if present.doubt:
        yield present.doubt
    if present.state is None:
        yield "There is no power flow solution: the voltages are a flat start, 1 p.u. and 0 degrees."
    dark = int((~present.energised).sum())
    if dark:
        wanted = f"{present.dark_load_mw:.6g} MW"
        yield f"{_count(dark, 'bus', 'buses')} without supply; their loads would take {wanted}, and are kept."
    off = int((~present.injection.generator_on).sum())
    if off:
        yield f"{_count(off, 'generator')} out of operation."
    derived = int(network.branch.rating_derived.sum())
    if derived:
        without = _count(derived, "branch", "branches")
        yield f"{without} without a rating: those that the dashboard derived aren't in the file."
    if network.bus.limits_derived:
        yield "The case doesn't give a voltage band to all buses; 0.9 to 1.1 p.u. stands where it doesn't."
    stars = sum(kind is BusKind.AUXILIARY for kind in network.bus.kind)
    if stars:
        yield f"Transformers of three windings stand as three around a bus ({_count(stars, 'star point')})."
    if present.report is not None and present.report.counts.get("switch"):
        yield "Bus-bars that switches joined when the case was read are one bus."
    if present.report is not None:
        for finding in present.report.findings:
            if finding.bearing in (Bearing.REPLACED, Bearing.LEFT_OUT):
                yield f"From the reading of the case: {sentence(finding)}"


def _uneven(present: PresentGrid) -> BoolArray:
    """(m,) whether a branch has two ratings, in MVA at nominal voltage."""
    at_from, at_to = present.rating_mva
    both = np.isfinite(at_from) & np.isfinite(at_to)
    uneven: BoolArray = both & ~np.isclose(at_from, at_to, rtol=1e-9)
    return uneven


def _beside_charging(sections: PiSections) -> BoolArray:
    """(m,) whether a branch draws other than half of one charging susceptance at each end."""
    beside: BoolArray = (sections.shunt_from.real != 0) | (sections.shunt_to.real != 0)
    return beside | (sections.shunt_from != sections.shunt_to)


def _count(number: FloatArray | int, word: str, words: str = "") -> str:
    return f"{int(number):,} {word if number == 1 else words or word + 's'}"
