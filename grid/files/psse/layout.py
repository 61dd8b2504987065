"""The RAW format of PSS/E, revisions 30 to 35: its sections in their order, and the columns that are read of each.

Source: the record descriptions that PSS/E writes into files of revisions 34 and 35 (lines that begin with @!), and for
the older ones the data formats of PSS/E's Program Operation Manual, chapter on power flow data.
"""

from enum import StrEnum

OLDEST, NEWEST = 30, 35


class Section(StrEnum):
    """A section, as messages call its records."""

    BUS = "bus"
    LOAD = "load"
    FIXED_SHUNT = "fixed shunt"
    GENERATOR = "generator"
    BRANCH = "branch"
    SWITCHING_DEVICE = "switching device"
    TRANSFORMER = "transformer"
    AREA = "area"
    DC_LINE = "two-terminal DC line"
    VSC_LINE = "VSC DC line"
    SWITCHED_SHUNT = "switched shunt"
    CORRECTION = "transformer impedance correction"
    MULTI_TERMINAL = "multi-terminal DC line"
    MULTI_SECTION = "multi-section line"
    ZONE = "zone"
    TRANSFER = "inter-area transfer"
    OWNER = "owner"
    FACTS = "FACTS device"
    GNE = "GNE device"
    INDUCTION = "induction machine"
    SUBSTATION = "substation"


WITHOUT_STATE = frozenset(
    {Section.AREA, Section.MULTI_SECTION, Section.ZONE, Section.TRANSFER, Section.OWNER, Section.SUBSTATION}
)
"""Sections that a state doesn't depend on: they group what others hold."""

NOT_READ = (
    Section.VSC_LINE,
    Section.CORRECTION,
    Section.MULTI_TERMINAL,
    Section.FACTS,
    Section.GNE,
    Section.INDUCTION,
)
"""Sections that a state depends on, and that aren't read."""

_END = (Section.MULTI_SECTION, Section.ZONE, Section.TRANSFER, Section.OWNER, Section.FACTS)


def order(revision: int) -> tuple[Section, ...]:
    """The sections of a file, in their order."""
    injections = [Section.BUS, Section.LOAD, Section.FIXED_SHUNT, Section.GENERATOR, Section.BRANCH]
    middle = [Section.TRANSFORMER, Section.AREA, Section.DC_LINE, Section.VSC_LINE]
    if revision < 31:
        injections.remove(Section.FIXED_SHUNT)
        return (*injections, *middle, Section.SWITCHED_SHUNT, Section.CORRECTION, Section.MULTI_TERMINAL, *_END)
    if revision >= 34:
        middle.insert(0, Section.SWITCHING_DEVICE)
    last = [Section.SWITCHED_SHUNT, Section.GNE, Section.INDUCTION]
    if revision >= 34:
        last.append(Section.SUBSTATION)
    return (*injections, *middle, Section.CORRECTION, Section.MULTI_TERMINAL, *_END, *last)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _numbered(stem: str, count: int) -> str:
    return " ".join(f"{stem}{number}" for number in range(1, count + 1))


def columns(section: Section, revision: int, part: int = 0) -> tuple[str, ...]:
    """The columns of a section's record up to the last that is read; part: which line of a record of several.

    A record of any kind begins with these; columns of later revisions are called as in the newest.
    """
    new = revision >= 34
    rates = _numbered("RATE", 12) if new else "RATE1 RATE2 RATE3"
    match section:
        case Section.BUS if revision < 31:
            return _names("I NAME BASKV IDE GL BL AREA ZONE VM VA OWNER")
        case Section.BUS:
            return _names("I NAME BASKV IDE AREA ZONE OWNER VM VA NVHI NVLO")
        case Section.LOAD:
            return _names("I ID STATUS AREA ZONE PL QL IP IQ YP YQ OWNER SCALE INTRPT DGENP DGENQ DGENM")
        case Section.FIXED_SHUNT:
            return _names("I ID STATUS GL BL")
        case Section.GENERATOR:
            regulated = "IREG NREG" if revision >= 35 else "IREG"
            return _names(f"I ID PG QG QT QB VS {regulated} MBASE ZR ZX RT XT GTAP STAT RMPCT PT PB")
        case Section.BRANCH:
            return _names(f"I J CKT R X B {'NAME' if new else ''} {rates} GI BI GJ BJ ST")
        case Section.SWITCHING_DEVICE:
            return _names(f"I J CKT X {rates} STAT NSTAT MET STYPE NAME")
        case Section.TRANSFORMER:
            return _transformer(part, rates)
        case Section.DC_LINE:
            return _names(("NAME MDC RDC SETVL VSCHD VCMOD RCOMP", _CONVERTER, _CONVERTER)[part])
        case Section.SWITCHED_SHUNT:
            service = "" if revision < 32 else "ADJM ST"
            regulated = "SWREG NREG" if revision >= 35 else "SWREG"
            identifier = "ID" if revision >= 35 else ""
            return _names(f"I {identifier} MODSW {service} VSWHI VSWLO {regulated} RMPCT RMIDNT BINIT")
        case _:
            return ()


_CONVERTER = "IP NB ANMX ANMN RC XC EBAS TR TAP"


def _transformer(part: int, rates: str) -> tuple[str, ...]:
    """part: 0 the head, 1 the impedances, from 2 the windings."""
    if part == 0:
        return _names("I J K CKT CW CZ CM MAG1 MAG2 NMETR NAME STAT")
    if part == 1:
        return _names("R12 X12 SBASE12 R23 X23 SBASE23 R31 X31 SBASE31 VMSTAR ANSTAR")
    adjustment = "NODE" if "RATE12" in rates else ""
    return _names(f"WINDV NOMV ANG {rates} COD CONT {adjustment} RMA RMI VMA VMI NTP TAB")
