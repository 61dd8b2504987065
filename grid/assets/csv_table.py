"""Tables that say something of a case's branches, a row each: what can be read of a CSV file, and all that is wrong."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grid.errors import CaseError
from grid.network import Network

NAME = "name"
SHOWN = 20  # problems that a message lists


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
    """A file of assets is wrong; problems has all that is. Nothing of the file has been used."""

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


@dataclass(frozen=True)
class Row:
    """The cells of a row by column. number: as a spreadsheet counts, the header being 1."""

    number: int
    cell: dict[str, str]


def read_rows(path: Path, columns: Sequence[str], needed: Sequence[str]) -> tuple[list[Row], list[WrongCell]]:
    """The rows that have cells, and what is wrong with them as rows. AssetFileError where there is no table.

    columns: those that there may be; needed: those that there have to be.
    """
    try:
        table = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
        records = [[cell.strip() for cell in record] for record in table]
    except csv.Error as error:
        raise whole(path, f"this is not comma-separated text ({error})") from None
    numbered = [(number, cells) for number, cells in enumerate(records, start=1) if any(cells)]
    if not numbered:
        raise whole(path, f"the file is empty; it needs a header row with the columns {', '.join(columns)}")
    header = numbered[0][1]
    _check_header(path, numbered[0][0], header, columns, needed)
    rows, problems = [], []
    for number, cells in numbered[1:]:
        if len(cells) > len(header):
            right = f"the row has {len(cells)} cells, the header {len(header)}; quote texts that have a comma"
            problems.append(WrongCell(number, "", ",".join(cells)[:60], right))
        else:
            rows.append(Row(number, dict(zip(header, cells, strict=False))))
    return rows, problems


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise whole(path, f"the file cannot be opened ({error.strerror})") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise AssetFileError(
            path.name, (WrongCell(row, "", "", "the text is not UTF-8; save the file as CSV UTF-8"),)
        ) from None


def _check_header(path: Path, row: int, header: list[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    known = f"the columns are {', '.join(columns)}"
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise AssetFileError(path.name, (WrongCell(row, "", header[0], "write commas between cells"),))
    problems = [WrongCell(row, column, "", f"unknown column; {known}") for column in header if column not in columns]
    problems += [
        WrongCell(row, column, "", f"there are {times} columns of this name; keep one")
        for column, times in Counter(header).items()
        if times > 1
    ]
    for column in needed:
        if column not in header:
            problems.append(WrongCell(row, column, "", f"this column is missing; {known}"))
    if problems:
        raise AssetFileError(path.name, tuple(problems))


def branches_of(rows: Sequence[Row], network: Network, once: bool) -> tuple[dict[int, int], list[WrongCell]]:
    """Branch position by row number, and the names that name none. once: whether a branch may have one row only."""
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
        elif once and name in seen:
            right = f"row {seen[name]} has this name already; give each asset one row"
        else:
            found[row.number], seen[name] = position[name], row.number
            continue
        problems.append(WrongCell(row.number, NAME, name, right))
    return found, problems


def whole(path: Path, right: str) -> AssetFileError:
    """The error of a file of which nothing can be read."""
    return AssetFileError(path.name, (WrongCell(0, "", "", right),))
