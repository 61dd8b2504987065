"""The report of an import, and why there is no solution, in words and as plain data: for command, page, API and log."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from grid.files.doubts import USUAL_BAND_PU
from grid.files.findings import Finding, ImportReport, What
from grid.network import Network
from grid.studies.divergence import Divergence, DivergenceCause

MOST_NAMES, MOST_LISTED = 5, 50
TABLES = {
    "bus": ("bus", "buses"),
    "line": ("line", "lines"),
    "trafo": ("transformer", "transformers"),
    "trafo3w": ("three-winding transformer", "three-winding transformers"),
    "impedance": ("impedance", "impedances"),
    "load": ("load", "loads"),
    "sgen": ("static generator", "static generators"),
    "storage": ("storage", "storages"),
    "shunt": ("shunt", "shunts"),
    "gen": ("generator", "generators"),
    "ext_grid": ("external grid", "external grids"),
    "ward": ("ward", "wards"),
    "xward": ("extended ward", "extended wards"),
    "motor": ("motor", "motors"),
    "dcline": ("DC line", "DC lines"),
    "asymmetric_load": ("unbalanced load", "unbalanced loads"),
    "asymmetric_sgen": ("unbalanced static generator", "unbalanced static generators"),
    "switch": ("switch", "switches"),
}


def counted(counts: Mapping[str, int], out_of_service: Mapping[str, int]) -> str:
    """What was read, e.g. `9 buses, 12 lines (2 out of service)`."""
    words = []
    for table, count in counts.items():
        idle = out_of_service.get(table, 0)
        rest = f" ({idle:,} out of service)" if idle else ""
        words.append(f"{count:,} {TABLES[table][count != 1]}{rest}")
    return ", ".join(words)


def plain_report(report: ImportReport) -> dict[str, Any]:
    """The report as plain data; of many elements the first MOST_LISTED."""
    return {
        "file": report.file,
        "counts": dict(report.counts),
        "out_of_service": dict(report.out_of_service),
        "findings": [
            {
                "what": finding.what.value,
                "bearing": finding.bearing.value,
                "text": sentence(finding),
                "count": len(finding.elements),
                "elements": list(finding.elements[:MOST_LISTED]),
                "figure": finding.figure,
            }
            for finding in report.findings
        ],
    }


def sentence(finding: Finding) -> str:
    """A finding in words, with up to MOST_NAMES of its elements."""
    names = ", ".join(finding.elements[:MOST_NAMES])
    more = len(finding.elements) - MOST_NAMES
    return _sentence(finding, f"{names} and {more:,} more" if more > 0 else names)


def _sentence(finding: Finding, names: str) -> str:
    figure = 0.0 if finding.figure is None else finding.figure
    low, high = USUAL_BAND_PU
    match finding.what:
        case What.DC_LINE:
            return f"DC lines stand as two generators each, {figure:.4g} MW as scheduled: {names}."
        case What.EXTENDED_WARD:
            return f"An extended ward stands as a ward and a generator behind an impedance: {names}."
        case What.VOLTAGE_DEPENDENT_LOAD:
            return (
                f"Voltage-dependent shares of loads stand as admittances, {figure:.4g} MVA at 1 p.u.; they don't "
                f"follow the hours of the day: {names}."
            )
        case What.NO_REACTANCE:
            return f"Branches without reactance are given the least that counts, which costs nothing: {names}."
        case What.NO_NOMINAL_VOLTAGE:
            return (
                f"Buses without a nominal voltage take their neighbours', or 1 kV: trust p.u. there, not kV and kA: "
                f"{names}."
            )
        case What.UNBALANCED:
            return f"Unbalanced elements are taken as balanced, by the sum of their phases: {names}."
        case What.SOURCE_CHOSEN:
            return (
                f"The file names no source; the generator that may deliver most, {figure:.4g} MW, holds voltage and "
                f"angle: {names}."
            )
        case What.REMOTE_CONTROL:
            return f"Generators that hold another bus's voltage hold their own, as the file's solution has it: {names}."
        case What.STAR_POINT:
            return f"A transformer of three windings stands as three, which meet in a bus of their own: {names}."
        case What.BRANCH_SHUNT:
            return f"A branch's own admittances stand at its buses, and stay when it is switched off: {names}."
        case What.SHUNT_HELD:
            return f"Switched shunts stay as they are set, {-figure:.4g} Mvar of them at 1 p.u.: {names}."
        case What.ELEMENT_NOT_READ:
            return f"Not read, and the state would depend on it: {names}."
        case What.FIELD_NOT_READ:
            return f"Not read, since it doesn't enter a power flow here: {names}."
        case What.WRONG_OUT_OF_SERVICE:
            return f"Left out, since it is out of service and wrong: {names}."
        case What.DEAD_END:
            return f"Left out, since it leads to a bus out of service: {names}."
        case What.NEGATIVE_RESISTANCE:
            return (
                f"A negative resistance generates power; equivalents of reduced grids have it, real ones not: {names}."
            )
        case What.CAPACITIVE_LINE:
            return (
                f"A negative reactance with this much resistance (up to {figure:.2g} of it) is no series capacitor: "
                f"{names}."
            )
        case What.NEGATIVE_NO_LOAD_CURRENT:
            return f"A negative no-load current ({figure:.3g} %) is taken as capacitive: {names}."
        case What.TWO_VOLTAGES:
            return f"A line joins two nominal voltages (up to {figure:.3g} to 1), which no line does: {names}."
        case What.SOURCE_ANGLES:
            return (
                f"The sources' angles differ by up to {figure:.4g} degrees, which drives power between them: {names}."
            )
        case What.UNUSUAL_VOLTAGE:
            return f"Outside {low:g} to {high:g} p.u. in the base state, {figure:.3g} p.u. at worst: {names}."
        case What.HIGH_LOSSES:
            return (
                f"The base state loses {figure:.3g} % of what its loads take, most of it in {names}: look for a wrong "
                "ratio, phase shift, impedance or schedule."
            )
        case What.UNSUPPLIED_LOAD:
            return f"{figure:.4g} MW have no supply in the base state: {names}."
        case What.STORED_RESULT_DIFFERS:
            return (
                f"The solution differs by up to {figure:.3g} p.u. from the one in the file; was it solved before a "
                f"change, or with other options? Buses {names}."
            )
        case What.RATINGS_DERIVED:
            return f"Ratings that the file doesn't give are derived from the base state: {names}."
        case What.VOLTAGE_LIMITS_DERIVED:
            return f"Voltage limits that the file doesn't give are 0.9 and 1.1 p.u.: {names}."


def divergence_sentence(network: Network, found: Divergence) -> str:
    """Why a power flow finds no solution, what would solve, and where voltage gives way."""
    parts = [_cause_words(network, found)]
    if np.isfinite(found.share) and found.share < 1:
        parts.append(f"With everything else as it is, up to {100 * found.share:.3g} % of load and generation solves;")
        lowest = network.bus.name[found.lowest_bus]
        parts.append(f"voltage is lowest then at {lowest} ({found.lowest_pu:.3g} p.u.).")
    elif not np.isfinite(found.share):
        parts.append("Not even without load and generation does it solve.")
    parts.append(f"Load {found.load_mw:.4g} MW, scheduled generation {found.generation_mw:.4g} MW.")
    if found.dark_mw:
        parts.append(f"{found.dark_mw:.4g} MW have no connection to a source.")
    return " ".join(parts)


def _cause_words(network: Network, found: Divergence) -> str:
    value, usual, more = f"{found.value:.4g}", f"{found.usual:.4g}", len(found.at) - 1
    first = found.at[0] if found.at else -1
    others = f" (and {more:,} more)" if more > 0 else ""
    match found.cause:
        case DivergenceCause.SET_POINT:
            where = network.generator.name[first] + others
            return f"The voltage set-point of {where} is {value} p.u.; at {usual} p.u. it solves."
        case DivergenceCause.SOURCE_ANGLES:
            where = network.generator.name[first] + others
            return f"The angle of {where} is {value} degrees; at {usual}, as the other sources, it solves."
        case DivergenceCause.RATIO:
            where = network.branch.name[first] + others
            return f"The ratio of {where} is {value} times its nominal one; at {usual} it solves."
        case DivergenceCause.PHASE_SHIFT:
            where = network.branch.name[first] + others
            return f"{where} turns the phase by {value} degrees; {usual} degrees close its loop, and it solves."
        case DivergenceCause.CHARGING:
            where = network.branch.name[first] + others
            return f"The charging of {where} is {value} Mvar; at {usual} Mvar, as usual here, it solves."
        case DivergenceCause.SHUNT:
            return f"The shunt at {network.bus.name[first] + others} has {value} MVA; without it, it solves."
        case DivergenceCause.IMPEDANCE:
            where = network.branch.name[first] + others
            return f"The impedance of {where} is {value} p.u.; at {usual} p.u., as usual here, it solves."
        case DivergenceCause.LOAD:
            where = network.load.name[first] + others
            return f"{where} takes {value} MVA; at {usual} MVA, as usual here, it solves."
        case DivergenceCause.GENERATION if found.at:
            where = network.generator.name[first] + others
            return f"{where} feeds in {value} MVA; at {usual} MVA, as usual here, it solves."
        case DivergenceCause.GENERATION:
            return f"Scheduled generation is {value} MW; at {usual} MW, as much as the load takes, it solves."
        case DivergenceCause.TOO_MUCH_LOAD:
            return "The grid can't carry what is asked of it."
        case _:
            return "No single cause was found."
