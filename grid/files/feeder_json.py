"""Reads a feeder from JSON: buses with loads, branches with series impedances, one source, ties normally open.

The fields are base_kv, source_bus, bus [id, p_kw, q_kvar], branch [id, from, to, r_ohm, x_ohm, is_tie] and, where
known, name and coords {bus id: [x, y]}; others are for people. An id is a whole number or a text. Such a file gives no
charging, no taps and no ratings, and none are made up here: missing ratings are derived and marked as in every case.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pandapower import create_buses, create_empty_network, create_ext_grid, create_lines_from_parameters, create_loads
from pandapower.auxiliary import pandapowerNet

from grid.errors import CaseError
from grid.files.check import Rule, finite, positive
from grid.files.declared import require_modest
from grid.files.fileimport import read_text
from grid.files.findings import Findings, What
from grid.files.matpower.format import shorten
from grid.flow.topology import energised_buses
from grid.network import BoolArray, FloatArray, IntArray

BASE_MVA = 10.0
OWN_FIELDS = frozenset({"base_kv", "source_bus", "branch"})  # a network saved by pandapower has none of these
MEANT = 2  # own fields that make a feeder of a file
FIELDS = OWN_FIELDS | {"bus", "name", "coords"}
FARTHEST = 1e9  # coordinates beyond are no places
IS_TIE = Rule("is_tie", lambda v: (v == 0) | (v == 1), "it is 1 for a normally open branch, 0 for any other")


@dataclass(frozen=True)
class _Table:
    """A list of records of one kind, read a column at a time; every method raises CaseError for the first wrong row."""

    file: str
    kind: str
    rows: Sequence[Mapping[str, object]]

    def column(self, field: str) -> list[object]:
        for row, record in enumerate(self.rows):
            if field not in record:
                raise CaseError(self.file, f"each {self.kind} needs this field", self.label(row), field)
        return [record[field] for record in self.rows]

    def numbers(self, rule: Rule) -> FloatArray:
        values = self.column(rule.field)
        for row, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.error(row, rule.field, "this is not a number")
        numbers = np.array([float(str(value)) for value in values])  # as text: whole numbers of any size
        self.refuse(~rule.accepts(numbers), rule.field, rule.right)
        return numbers

    def ids(self, field: str) -> list[str]:
        values = self.column(field)
        for row, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
                raise self.error(row, field, "an id is a whole number or a text")
        return [str(value) for value in values]

    def unique_ids(self) -> list[str]:
        names = self.ids("id")
        first = dict(zip(reversed(names), reversed(range(len(names))), strict=True))
        repeated = np.array([first[name] != row for row, name in enumerate(names)], dtype=bool)
        self.refuse(repeated, "id", "this id occurs twice; each must be unique")
        return names

    def bus_rows(self, field: str, row_of: Mapping[str, int]) -> IntArray:
        found = np.array([row_of.get(name, -1) for name in self.ids(field)])
        self.refuse(found < 0, field, "there is no bus of this id")
        return found

    def refuse(self, wrong: BoolArray, field: str, problem: str) -> None:
        if wrong.any():
            raise self.error(int(np.argmax(wrong)), field, problem)

    def error(self, row: int, field: str, problem: str) -> CaseError:
        value = shorten(json.dumps(self.rows[row].get(field)))
        return CaseError(self.file, problem, self.label(row), field, value)

    def label(self, row: int) -> str:
        if self.kind == "feeder":
            return self.kind
        number = self.rows[row].get("id")
        return f"{self.kind} {number}" if isinstance(number, (int, str)) else f"{self.kind} at position {row + 1}"


def is_feeder(path: Path) -> bool:
    """Whether a file is meant as a feeder: two of the fields that only feeders have are there.

    Others have a `branch`, too. False where it can't be read, which the other readers report.
    """
    try:
        text = path.read_bytes()
        require_modest(text, path.name)
        content = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and len(OWN_FIELDS & content.keys()) >= MEANT


def read_feeder(path: Path, found: Findings | None = None) -> pandapowerNet:
    """The feeder in a file as a pandapower net in its normal state: lines of 1 km, the source at 1 p.u., ties open.

    Branches are called "Branch 7" after their id; the net's name is for people, "Feeder 33" for feeder33. found: where
    fields that aren't read are noted.
    Raises CaseError naming the file, the element, the field and the value that is wrong.
    """
    content = _content(path)
    found = Findings() if found is None else found
    found.add(What.FIELD_NOT_READ, [name for name in content if name not in FIELDS])
    feeder = _Table(path.name, "feeder", [content])
    bus, branch = (_table(content, kind, path.name) for kind in ("bus", "branch"))
    row_of = {name: row for row, name in enumerate(bus.unique_ids())}
    source = feeder.bus_rows("source_bus", row_of)
    net = create_empty_network(_title(content.get("name"), path.stem), sn_mva=BASE_MVA)
    base_kv = float(feeder.numbers(positive("base_kv", "kV"))[0])
    points = _coordinates(content.get("coords"), list(row_of), path.name)
    create_buses(net, len(bus.rows), base_kv, name=list(row_of), geodata=points)
    create_ext_grid(net, int(source[0]), vm_pu=1.0)
    _add_loads(net, bus)
    _add_lines(net, branch, row_of)
    _refuse_islands(net, bus, source)
    return net


def _content(path: Path) -> Mapping[str, object]:
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as exc:
        problem = f"this is not JSON, or it is cut off: {exc.msg}"
        raise CaseError(path.name, problem, f"line {exc.lineno}", f"column {exc.colno}") from exc
    except (ValueError, RecursionError) as exc:  # a number of thousands of digits; brackets without end
        raise CaseError(path.name, f"this JSON can't be a feeder ({shorten(exc)})") from exc
    if not isinstance(content, dict):
        raise CaseError(path.name, "a feeder file is a JSON object with base_kv, source_bus, bus and branch")
    return content


def _table(content: Mapping[str, object], kind: str, file: str) -> _Table:
    rows = content.get(kind)
    if not isinstance(rows, list) or not rows:
        raise CaseError(file, f"a feeder needs a list of records, each a {kind}", "feeder", kind)
    for position, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            problem = 'a record looks like {"id": 7, ...}'
            raise CaseError(file, problem, f"{kind} at position {position}", value=shorten(json.dumps(row)))
    return _Table(file, kind, rows)


def _title(name: object, stem: str) -> str:
    """A name for people: `Feeder 33` for feeder33, any other as it is."""
    text = shorten(name) if isinstance(name, str) and name.strip() else stem
    match = re.fullmatch(r"feeder[ _-]?(\d+)", text, re.IGNORECASE)
    return f"Feeder {match[1]}" if match else text


def _coordinates(coords: object, names: Sequence[str], file: str) -> list[tuple[float, float] | None] | None:
    """x and y by bus where the file has them.

    Points in one straight line are what a program writes that knew no places; they would hide every loop.
    """
    if coords is None:
        return None
    if not isinstance(coords, dict):
        raise CaseError(file, "coordinates look like {bus id: [x, y]}", "feeder", "coords", shorten(json.dumps(coords)))
    known = [name for name in names if name in coords]
    for name in known:
        if not _is_point(coords[name]):
            problem = "coordinates are two numbers, [x, y]"
            raise CaseError(file, problem, f"bus {name}", "coords", shorten(json.dumps(coords[name])))
    points = np.array([coords[name] for name in known]).reshape(-1, 2)
    if np.linalg.matrix_rank(points - points[:1]) < 2:
        return None
    return [tuple(coords[name]) if name in coords else None for name in names]


def _is_point(value: object) -> bool:
    numbers = (int, float)
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(part, numbers) and not isinstance(part, bool) and abs(part) < FARTHEST for part in value)
    )


def _add_loads(net: pandapowerNet, bus: _Table) -> None:
    p_mw = bus.numbers(finite("p_kw", "kW")) / 1000
    q_mvar = bus.numbers(finite("q_kvar", "kvar")) / 1000
    loaded = np.flatnonzero((p_mw != 0) | (q_mvar != 0))
    if len(loaded):
        create_loads(net, loaded, p_mw[loaded], q_mvar[loaded])


def _add_lines(net: pandapowerNet, branch: _Table, row_of: Mapping[str, int]) -> None:
    """Branches as lines; a normally open one is out of service, as in pandapower's and MATPOWER's feeders."""
    names = branch.unique_ids()
    start, end = branch.bus_rows("from", row_of), branch.bus_rows("to", row_of)
    branch.refuse(start == end, "to", "from and to are the same bus")
    r_ohm, x_ohm = (branch.numbers(finite(field, "ohm")) for field in ("r_ohm", "x_ohm"))
    is_tie = branch.numbers(IS_TIE) == 1
    create_lines_from_parameters(
        net,
        start,
        end,
        1.0,
        r_ohm,
        x_ohm,
        c_nf_per_km=0.0,
        max_i_ka=np.nan,
        name=[f"Branch {name}" for name in names],
        in_service=~is_tie,
    )


def _refuse_islands(net: pandapowerNet, bus: _Table, source: IntArray) -> None:
    ends = net.line.from_bus.to_numpy(dtype=np.int64), net.line.to_bus.to_numpy(dtype=np.int64)
    reached = energised_buses(len(bus.rows), *ends, np.ones(len(net.line), dtype=bool), source)
    bus.refuse(~reached, "id", "no branch, normally open or not, connects this bus with the source")
