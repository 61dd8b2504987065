"""The records of a RAW file: its text cut into sections, records and fields.

A field is what commas or blanks separate, a text stands in single quotes, two commas in a row leave a field to its
default, a slash ends a record, and a section ends with a record that begins with 0, the file with a Q.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from grid.errors import CaseError
from grid.files.check import Rule
from grid.files.matpower.format import shorten
from grid.files.psse.layout import NEWEST, OLDEST, Section, columns, order
from grid.network import BoolArray, FloatArray

_TOKEN = re.compile(r"'([^']*)'|\"([^\"]*)\"|(,)|(/)|([^\s,/'\"]+)")
_EXPONENT = re.compile(r"[dD]")
_REVISION = re.compile(r"PSS.{0,5}E-(\d+)")
HEAD_LINES = 3
NEEDED = Section.SWITCHED_SHUNT  # a file that ends before its end, and not with a Q, is cut off
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


@dataclass(frozen=True)
class Record:
    """One record: the number of its first line, and its fields by line; one left to its default is empty."""

    line: int
    parts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SectionTable:
    """The records of one section, read a column at a time; every method raises CaseError for the first wrong record."""

    file: str
    section: Section
    revision: int
    records: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.records)

    def texts(self, field: str, part: int = 0) -> list[str]:
        """A column as texts without blanks around; empty where it is left to its default."""
        names = columns(self.section, self.revision, part)
        if field not in names:
            return [""] * len(self)
        at = names.index(field)
        return [record.parts[part][at].strip() if at < len(record.parts[part]) else "" for record in self.records]

    def numbers(self, rule: Rule, default: float | None, part: int = 0) -> FloatArray:
        """(n,) a column that obeys a rule; default: what an empty field means, None where it must be given."""
        values = np.empty(len(self))
        for row, text in enumerate(self.texts(rule.field, part)):
            if not text and default is not None:
                values[row] = default
                continue
            try:
                values[row] = float(_EXPONENT.sub("E", text))
            except ValueError:
                raise self.error(row, rule.field, "this is not a number", text, part) from None
        wrong = ~rule.accepts(values)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.error(row, rule.field, rule.right, self.texts(rule.field, part)[row], part)
        return values

    def refuse(self, wrong: BoolArray, field: str, problem: str, part: int = 0) -> None:
        """Raises for the first record where wrong (n,) is true."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.error(row, field, problem, self.texts(field, part)[row], part)

    def taken(self, rows: BoolArray) -> "SectionTable":
        """The records where rows (n,) is true."""
        kept = tuple(self.records[row] for row in np.flatnonzero(rows))
        return SectionTable(self.file, self.section, self.revision, kept)

    def error(self, row: int, field: str, problem: str, value: str, part: int = 0) -> CaseError:
        """What is wrong with a record, by its line in the file."""
        element = f"line {self.records[row].line + part} ({self.section})"
        return CaseError(self.file, problem, element, field, shorten(value) or "empty")


@dataclass(frozen=True)
class RawFile:
    """A file's head and sections. base_mva: SBASE; revision: REV; title: its two lines in one."""

    file: str
    base_mva: float
    revision: int
    title: str
    sections: dict[Section, tuple[Record, ...]]

    def table(self, section: Section) -> SectionTable:
        """A section, empty where the file has none."""
        return SectionTable(self.file, section, self.revision, self.sections.get(section, ()))


def read_raw(text: str, file: str) -> RawFile:
    """The records of a file; file is what errors call it.

    Raises CaseError for a head that isn't one, a revision that isn't read, and a file that is cut off.
    """
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if not line.startswith("@!")), len(lines))
    base_mva, revision = _head(lines[start] if start < len(lines) else "", file)
    title = " ".join(line.strip() for line in lines[start + 1 : start + HEAD_LINES])
    records = _Lines(file, lines, start + HEAD_LINES)
    if revision >= 34 and records.on_system_wide_data():
        records.skip_section()
    sections: dict[Section, tuple[Record, ...]] = {}
    for section in order(revision):
        if records.ended or (NEEDED in sections and records.exhausted):
            break
        sections[section] = tuple(_section(records, section))
    return RawFile(file, base_mva, revision, " ".join(title.split()), sections)


def _head(line: str, file: str) -> tuple[float, int]:
    """SBASE and REV, which older files have in the comment only."""
    fields = _fields(line)
    if len(fields) == 2 and (named := _REVISION.search(line)):
        fields = (*fields, named[1])

    def number(at: int, field: str, right: str) -> float:
        text = fields[at] if at < len(fields) else ""
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not (np.isfinite(value) and value > 0):
            raise CaseError(file, right, "line 1", field, shorten(text) or "empty")
        return value

    change = "a file of changes (IC = 1) is no network: save the whole case"
    if fields and fields[0] == "1":
        raise CaseError(file, change, "line 1", "IC", "1")
    base_mva = number(1, "SBASE", "a RAW file begins with 0, the base power in MVA above zero, and its revision")
    known = f"revisions {OLDEST} to {NEWEST} are read"
    revision = number(2, "REV", f"the file must state its revision; {known}")
    if not OLDEST <= revision < NEWEST + 1:
        raise CaseError(file, f"{known}; save the case as one of them", "line 1", "REV", shorten(fields[2]))
    return base_mva, int(revision)


class _Lines:
    """Goes through a file's lines; ended: a Q was met."""

    def __init__(self, file: str, lines: list[str], at: int) -> None:
        self._file, self._lines, self._at = file, lines, at
        self.ended = False

    def on_system_wide_data(self) -> bool:
        """Whether what comes next is the section of settings that newer files have before the buses."""
        comment = next((line for line in self._lines[self._at :] if line.strip()), "")
        first = _fields(comment)[:1]
        return first == ("0",) or not (first and _WHOLE.fullmatch(first[0]))

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return not any(line.strip() for line in self._lines[self._at :])

    def skip_section(self) -> None:
        """To the section after this one."""
        while self.next(0) is not None:
            pass

    def next(self, part: int) -> tuple[int, tuple[str, ...]] | None:
        """The next line that isn't a comment, with its number, None at the end of a section; part: as in a record."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.startswith("@!") or (part == 0 and not line.strip()):
                continue
            fields = _fields(line)
            if part == 0 and fields[:1] in (("Q",), ("q",)):
                self.ended = True
                return None
            if part == 0 and fields[:1] == ("0",):
                return None
            return self._at, fields
        problem = "the file is cut off: a section ends with a record that begins with 0, the file with a Q"
        raise CaseError(self._file, problem, f"line {len(self._lines)}")


def _section(lines: _Lines, section: Section) -> Iterator[Record]:
    while (first := lines.next(0)) is not None:
        number, fields = first
        parts = [fields]
        for part in range(1, _parts(section, fields)):
            _, fields = lines.next(part) or (0, ())
            parts.append(fields)
        yield Record(number, tuple(parts))


def _parts(section: Section, first: tuple[str, ...]) -> int:
    """Of how many lines a record is made."""
    match section:
        case Section.TRANSFORMER:
            return 5 if len(first) > 2 and first[2].strip() not in ("", "0") else 4
        case Section.DC_LINE | Section.VSC_LINE:
            return 3
        case _:
            return 1


def _fields(line: str) -> tuple[str, ...]:
    """The fields of a line, up to a slash outside of quotes."""
    fields: list[str] = []
    open_field = True  # whether a comma here would leave a field empty
    for match in _TOKEN.finditer(line):
        single, double, comma, slash, plain = match.groups()
        if slash:
            break
        if comma:
            if open_field:
                fields.append("")
            open_field = True
            continue
        text = next(part for part in (single, double, plain) if part is not None)
        fields.append(text)
        open_field = False
    return tuple(fields)
