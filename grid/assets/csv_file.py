"""Reads what an operator knows of the assets from a CSV file; what it leaves out is generated (grid.assets.register).

UTF-8, comma separated, one header row, one row an asset; the order of columns and rows is free, empty cells are
generated.

| column | required | valid |
|---|---|---|
| name | yes | a branch's name as the case has it, once |
| year_built | | whole year from 1900 to the present one, or a date, of which the year counts |
| location | | coastal, industrial, urban or rural |
| criticality | | 1 to 5, the highest |
| skill | | lines, cables or substations |
| replacement_eur | | cost of a planned replacement, EUR, from 0 |
| failure_eur | | cost of an unplanned failure beyond the interruption, EUR, from 0 |
| customers | | customers behind the asset, whole, from 0 |
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np

from grid.assets.register import GivenAssets, LocationClass, Skill
from grid.errors import CaseError
from grid.network import FloatArray, Network
from grid.times.column import year_of

NAME = "name"
COLUMNS = (NAME, "year_built", "location", "criticality", "skill", "replacement_eur", "failure_eur", "customers")
OLDEST_YEAR = 1900
MOST = 1e12  # EUR or customers: more is a slip of the keyboard
SHOWN = 20  # problems that a message lists
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True)
class WrongCell:
    """One thing that is wrong. row counts as a spreadsheet does, the header being 1; 0 for the file as a whole."""

    row: int
    column: str
    value: str
    right: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"row {self.row}" if self.row else "", self.column) if part)
        value = f" = {self.value!r}" if self.value else ""
        return f"{place}{value}: {self.right}" if place else self.right


class AssetFileError(CaseError):
    """An asset file is wrong; problems has all that is. Nothing of the file has been used."""

    def __init__(self, file: str, problems: tuple[WrongCell, ...]) -> None:
        first = problems[0]
        super().__init__(file, first.right, f"row {first.row}" if first.row else "", first.column, first.value)
        self.args = (file, problems)  # so that it survives pickling
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.file}: {self.problems[0]}"
        lines = [f"{self.file}: {len(self.problems)} things are wrong", *map(str, self.problems[:SHOWN])]
        if len(self.problems) > SHOWN:
            lines.append(f"and {len(self.problems) - SHOWN} more")
        return "\n  ".join(lines)


class _RefusedError(ValueError):
    """What would be right in a cell."""


@dataclass(frozen=True)
class _Row:
    number: int
    cell: dict[str, str]


def read_assets(path: Path, network: Network, year: int | None = None) -> GivenAssets:
    """Read a file of assets.

    year: the present one, beyond which nothing can have been built; by default the calendar's. Raises AssetFileError, a
    CaseError, with everything that is wrong in the file.
    """
    latest = datetime.now(UTC).year if year is None else year
    rows, problems = _rows(path)
    branch_of, wrong_names = _branches(rows, network)
    problems += wrong_names
    table: dict[str, list[object]] = {column: [None] * network.n_branch for column in COLUMNS[1:]}
    for row in rows:
        for column, parse in _parsers(latest).items():
            text = row.cell.get(column, "")
            if not text:
                continue
            try:
                value = parse(text)
            except _RefusedError as refusal:
                problems.append(WrongCell(row.number, column, text, str(refusal)))
            else:
                table[column][branch_of.get(row.number, 0)] = value
    if problems:
        raise AssetFileError(path.name, tuple(sorted(problems, key=lambda problem: problem.row)))
    return _given(table)


def _given(table: dict[str, list[object]]) -> GivenAssets:
    def numbers(column: str) -> FloatArray:
        return np.array(table[column], dtype=float)  # None becomes NaN

    return GivenAssets(
        year_built=numbers("year_built"),
        location=tuple(LocationClass(str(one)) if one else None for one in table["location"]),
        criticality=numbers("criticality"),
        skill=tuple(Skill(str(one)) if one else None for one in table["skill"]),
        replacement_eur=numbers("replacement_eur"),
        failure_eur=numbers("failure_eur"),
        customers=numbers("customers"),
    )


def _rows(path: Path) -> tuple[list[_Row], list[WrongCell]]:
    """The rows that have cells, and what is wrong with them as rows. AssetFileError where there is no table."""
    try:
        table = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
        records = [[cell.strip() for cell in record] for record in table]
    except csv.Error as error:
        raise _whole(path, f"this is not comma-separated text ({error})") from None
    numbered = [(number, cells) for number, cells in enumerate(records, start=1) if any(cells)]
    if not numbered:
        raise _whole(path, f"the file is empty; it needs a header row with the columns {', '.join(COLUMNS)}")
    header = numbered[0][1]
    _check_header(path, numbered[0][0], header)
    rows, problems = [], []
    for number, cells in numbered[1:]:
        if len(cells) > len(header):
            right = f"the row has {len(cells)} cells, the header {len(header)}; quote texts that have a comma"
            problems.append(WrongCell(number, "", ",".join(cells)[:60], right))
        else:
            rows.append(_Row(number, dict(zip(header, cells, strict=False))))
    if not rows and not problems:
        raise _whole(path, "the file has a header and no assets below it")
    return rows, problems


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _whole(path, f"the file cannot be opened ({error.strerror})") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise AssetFileError(
            path.name, (WrongCell(row, "", "", "the text is not UTF-8; save the file as CSV UTF-8"),)
        ) from None


def _check_header(path: Path, row: int, header: list[str]) -> None:
    known = f"the columns are {', '.join(COLUMNS)}"
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise AssetFileError(path.name, (WrongCell(row, "", header[0], "write commas between cells"),))
    problems = [WrongCell(row, column, "", f"unknown column; {known}") for column in header if column not in COLUMNS]
    problems += [
        WrongCell(row, column, "", f"there are {times} columns of this name; keep one")
        for column, times in Counter(header).items()
        if times > 1
    ]
    if NAME not in header:
        problems.append(WrongCell(row, NAME, "", f"this column is missing; {known}"))
    if problems:
        raise AssetFileError(path.name, tuple(problems))


def _branches(rows: list[_Row], network: Network) -> tuple[dict[int, int], list[WrongCell]]:
    """Branch position by row number, and the names that name none."""
    names = [name.strip() for name in network.branch.name]
    position, times = {name: i for i, name in enumerate(names)}, Counter(names)
    example = names[0] if names else ""
    found: dict[int, int] = {}
    problems: list[WrongCell] = []
    seen: dict[str, int] = {}
    for row in rows:
        name = row.cell[NAME]
        if not name:
            right = "each row needs the name of a branch"
        elif name not in position:
            right = f"{network.name} has no branch of this name; write names as the case does, such as {example!r}"
        elif times[name] > 1:
            right = f"{times[name]} branches of {network.name} share this name; only a name of one branch can be used"
        elif name in seen:
            right = f"row {seen[name]} has this name already; give each asset one row"
        else:
            found[row.number], seen[name] = position[name], row.number
            continue
        problems.append(WrongCell(row.number, NAME, name, right))
    return found, problems


def _parsers(latest: int) -> dict[str, Callable[[str], object]]:
    euro = f"write EUR from 0 to {MOST:.0e}, without unit and thousands separators"
    return {
        "year_built": _year(OLDEST_YEAR, latest),
        "location": _member(LocationClass),
        "criticality": _number(1, 5, "write 1, 2, 3, 4 or 5, the highest", whole=True),
        "skill": _member(Skill),
        "replacement_eur": _number(0, MOST, euro),
        "failure_eur": _number(0, MOST, euro),
        "customers": _number(0, MOST, "write a whole number from 0", whole=True),
    }


def _number(low: float, high: float, right: str, whole: bool = False) -> Callable[[str], object]:
    def parse(text: str) -> float:
        value = float(text) if NUMBER.fullmatch(text) else np.nan
        if not low <= value <= high or (whole and not value.is_integer()):
            raise _RefusedError(right)
        return value

    return parse


def _year(oldest: int, latest: int) -> Callable[[str], object]:
    """A year, or that of a date, which doesn't depend on whether the day or the month comes first."""
    right = f"write a whole year from {oldest} to {latest}, or a date such as 1985-06-30"
    number = _number(oldest, latest, right, whole=True)

    def parse(text: str) -> object:
        year = year_of(text)
        return number(text if year is None else str(year))

    return parse


def _member(kind: type[Kind]) -> Callable[[str], object]:
    def parse(text: str) -> Kind:
        try:
            return kind(text.lower())
        except ValueError:
            raise _RefusedError(f"write one of {', '.join(kind)}") from None

    return parse


def _whole(path: Path, right: str) -> AssetFileError:
    return AssetFileError(path.name, (WrongCell(0, "", "", right),))
