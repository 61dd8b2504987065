"""What reading a network file found: how much was read, what stands in for what, what was left out, what is doubtful.

The sentences are in grid.files.report.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Bearing(StrEnum):
    """What a finding means for the network."""

    REPLACED = "replaced"  # something stands in for what the file has, and gives the same state
    LEFT_OUT = "left_out"  # the network is without it
    DERIVED = "derived"  # the file doesn't give it
    DOUBTFUL = "doubtful"  # taken as the file has it, and worth a look


class What(StrEnum):
    """What was found; in brackets what a finding's figure is, where it has one."""

    DC_LINE = "dc_line"  # stands as two generators (MW scheduled, all together)
    EXTENDED_WARD = "extended_ward"  # stands as ward, impedance and generator
    VOLTAGE_DEPENDENT_LOAD = "voltage_dependent_load"  # its share stands as an admittance (MW at 1 p.u., all together)
    NO_REACTANCE = "no_reactance"  # taken as the least that counts
    NO_NOMINAL_VOLTAGE = "no_nominal_voltage"  # the neighbours', or 1 kV
    UNBALANCED = "unbalanced"  # taken as balanced, the sum of the phases
    SOURCE_CHOSEN = "source_chosen"  # the file has none (MW that it may deliver)
    REMOTE_CONTROL = "remote_control"  # a generator holds its own bus, as the file's solution has it
    STAR_POINT = "star_point"  # a transformer of three windings stands as three of two
    BRANCH_SHUNT = "branch_shunt"  # a branch's own admittance stands at its buses
    SHUNT_HELD = "shunt_held"  # (Mvar drawn at 1 p.u., all together)
    FIELD_NOT_READ = "field_not_read"
    ELEMENT_NOT_READ = "element_not_read"  # which a state depends on
    WRONG_OUT_OF_SERVICE = "wrong_out_of_service"
    DEAD_END = "dead_end"  # a branch to a bus out of service
    NEGATIVE_RESISTANCE = "negative_resistance"  # (the lowest, p.u.)
    CAPACITIVE_LINE = "capacitive_line"  # with more resistance than a series capacitor has (the largest R/X)
    NEGATIVE_NO_LOAD_CURRENT = "negative_no_load_current"  # (the lowest, %)
    TWO_VOLTAGES = "two_voltages"  # a line that joins them (the largest ratio)
    SOURCE_ANGLES = "source_angles"  # (the largest difference, degrees)
    UNUSUAL_VOLTAGE = "unusual_voltage"  # outside of USUAL_BAND_PU in the base state (the furthest, p.u.)
    HIGH_LOSSES = "high_losses"  # (% of the load in the base state)
    UNSUPPLIED_LOAD = "unsupplied_load"  # (MW, all together)
    STORED_RESULT_DIFFERS = "stored_result_differs"  # (the largest difference, p.u.)
    RATINGS_DERIVED = "ratings_derived"
    VOLTAGE_LIMITS_DERIVED = "voltage_limits_derived"


BEARING: dict[What, Bearing] = {
    What.DC_LINE: Bearing.REPLACED,
    What.EXTENDED_WARD: Bearing.REPLACED,
    What.VOLTAGE_DEPENDENT_LOAD: Bearing.REPLACED,
    What.NO_REACTANCE: Bearing.REPLACED,
    What.NO_NOMINAL_VOLTAGE: Bearing.REPLACED,
    What.UNBALANCED: Bearing.REPLACED,
    What.SOURCE_CHOSEN: Bearing.REPLACED,
    What.REMOTE_CONTROL: Bearing.REPLACED,
    What.STAR_POINT: Bearing.REPLACED,
    What.BRANCH_SHUNT: Bearing.REPLACED,
    What.SHUNT_HELD: Bearing.REPLACED,
    What.FIELD_NOT_READ: Bearing.LEFT_OUT,
    What.ELEMENT_NOT_READ: Bearing.LEFT_OUT,
    What.WRONG_OUT_OF_SERVICE: Bearing.LEFT_OUT,
    What.DEAD_END: Bearing.LEFT_OUT,
    What.NEGATIVE_RESISTANCE: Bearing.DOUBTFUL,
    What.CAPACITIVE_LINE: Bearing.DOUBTFUL,
    What.NEGATIVE_NO_LOAD_CURRENT: Bearing.DOUBTFUL,
    What.TWO_VOLTAGES: Bearing.DOUBTFUL,
    What.SOURCE_ANGLES: Bearing.DOUBTFUL,
    What.UNUSUAL_VOLTAGE: Bearing.DOUBTFUL,
    What.HIGH_LOSSES: Bearing.DOUBTFUL,
    What.UNSUPPLIED_LOAD: Bearing.DOUBTFUL,
    What.STORED_RESULT_DIFFERS: Bearing.DOUBTFUL,
    What.RATINGS_DERIVED: Bearing.DERIVED,
    What.VOLTAGE_LIMITS_DERIVED: Bearing.DERIVED,
}


EVERYDAY = frozenset({What.RATINGS_DERIVED, What.VOLTAGE_LIMITS_DERIVED, What.FIELD_NOT_READ})
"""What few files are without."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of thing that was found: the elements as the file or the page calls them, and What's figure, if any."""

    what: What
    elements: tuple[str, ...]
    figure: float | None = None

    @property
    def bearing(self) -> Bearing:
        """What it means for the network."""
        return BEARING[self.what]


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """How the reading of a file or built-in case ended: elements by pandapower's table, and the findings.

    out_of_service: how many of the counted are.
    """

    file: str
    counts: dict[str, int]
    out_of_service: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def remarkable(self) -> tuple[Finding, ...]:
        """The findings that are worth telling unasked: not what most files leave to be derived."""
        return tuple(finding for finding in self.findings if finding.what not in EVERYDAY)


@dataclass
class Findings:
    """Gathers what is found while a file is read."""

    found: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)  # of elements, by pandapower's table
    out_of_service: dict[str, int] = field(default_factory=dict)  # of these

    def add(self, what: What, elements: Iterable[str], figure: float | None = None) -> None:
        """Take note of a kind of thing; nothing where there are no elements."""
        names = tuple(elements)
        if names:
            self.found.append(Finding(what=what, elements=names, figure=figure))
