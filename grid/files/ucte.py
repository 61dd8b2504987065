"""UCTE-DEF network files (.uct), by pandapower's converter once each row has been looked at.

Source of the columns: UCTE data exchange format for load flow and three phase short circuit studies (2007). Exchange
powers (##E) and tap-dependent parameters (##TT) aren't read. A file without a node of type 3 (slack) is given one as
any other (grid.files.equivalents).
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandapower
from pandapower.auxiliary import pandapowerNet

from grid.errors import CaseError
from grid.files.findings import Findings, What
from grid.files.matpower.format import shorten


@dataclass(frozen=True)
class Column:
    """A number in a row: its characters from start to end, and whether it may be left blank."""

    field: str
    start: int
    end: int
    optional: bool = False


NODE, LINE, TRANSFORMER, REGULATION = "##N", "##L", "##T", "##R"
NODES = {LINE: 2, TRANSFORMER: 2, REGULATION: 2}  # how many codes a row begins with that name nodes
CODE, NEXT_CODE = 8, 9  # characters of a node's code, and from one to the next
COLUMNS: dict[str, tuple[Column, ...]] = {
    NODE: (
        Column("node type", 24, 25),
        Column("voltage", 26, 32, optional=True),
        *(
            Column(field, 33 + 8 * at, 40 + 8 * at, optional=True)
            for at, field in enumerate(
                ("P load", "Q load", "P gen", "Q gen", "P gen min", "P gen max", "Q gen min", "Q gen max")
            )
        ),
    ),
    LINE: (Column("status", 20, 21), Column("R", 22, 28), Column("X", 29, 35), Column("B", 36, 44, optional=True)),
    TRANSFORMER: (
        Column("status", 20, 21),
        Column("rated voltage 1", 22, 27),
        Column("rated voltage 2", 28, 33),
        Column("nominal power", 34, 39),
        Column("R", 40, 46),
        Column("X", 47, 53),
        Column("B", 54, 62, optional=True),
        Column("G", 63, 69, optional=True),
    ),
    REGULATION: tuple(
        Column(field, start, end, optional=True)
        for field, start, end in (
            ("phase du", 20, 25), ("phase n", 26, 28), ("phase n'", 29, 32),
            ("angle du", 39, 44), ("angle theta", 45, 50), ("angle n", 51, 53), ("angle n'", 54, 57),
        )
    ),
}  # fmt: skip
NOT_READ = {"##E": "exchange powers (##E)", "##TT": "tap-dependent parameters (##TT)"}


def read_ucte(text: str, file: str, found: Findings) -> pandapowerNet:
    """The network in a file's text; file is what errors call it.

    found: where what isn't read is noted. Raises CaseError naming line, field and value.
    """
    rows = list(_rows(text))
    nodes = [row[:CODE].strip() for _, block, row in rows if block == NODE]
    if not nodes:
        raise CaseError(file, "a UCTE file has a block ##N with a row for each node; this one has none", NODE)
    known = set(nodes)
    for line, block, row in rows:
        for column in COLUMNS.get(block, ()):
            _require_number(row, column, f"line {line} ({block})", file)
        for at in range(NODES.get(block, 0)):
            code = row[at * NEXT_CODE : at * NEXT_CODE + CODE].strip()
            if code not in known:
                raise CaseError(file, "there is no node of this code", f"line {line} ({block})", f"node {at + 1}", code)
    if len(known) < len(nodes):
        twice = next(code for at, code in enumerate(nodes) if code in nodes[:at])
        raise CaseError(file, "this code occurs twice; each must be unique", NODE, "node", twice)
    found.add(
        What.FIELD_NOT_READ, [words for block, words in NOT_READ.items() if any(one == block for _, one, _ in rows)]
    )
    return _convert(text, file)


def _rows(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, block and text of each row but comments."""
    block = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("##Z"):
            continue
        if line.startswith("##"):
            block = line.split()[0]
        elif line.strip():
            yield number, block, line


def _require_number(row: str, column: Column, element: str, file: str) -> None:
    text = row[column.start : column.end].strip()
    if not text and column.optional:
        return
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        place = f"in columns {column.start + 1} to {column.end}"
        raise CaseError(file, f"this is not a number ({place})", element, column.field, shorten(text) or "empty")


def _convert(text: str, file: str) -> pandapowerNet:
    """The converter's net; whatever it stumbles over becomes a CaseError."""
    from pandapower.converter.ucte.from_ucte import from_ucte  # noqa: PLC0415

    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what matters of it is raised
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / "net.uct"
            path.write_bytes(text.encode("ascii", errors="replace"))
            return from_ucte(str(path))
    except Exception as exc:
        problem = f"pandapower {pandapower.__version__} can't read this as UCTE"
        raise CaseError(file, f"{problem} ({type(exc).__name__}: {shorten(exc, 120)})") from exc
    finally:
        logging.disable(disabled)
