"""Datasets of power-grid-model as JSON: their components, read a column at a time.

Source: power-grid-model's documentation, Data format (JSON): rows of attributes, or values in the order of attributes
that are named once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grid.errors import CaseError
from grid.files.check import Rule, finite, positive
from grid.files.matpower.format import shorten
from grid.network import BoolArray, FloatArray, IntArray

MARK = '"is_batch"'


def whole(field: str, low: int, high: float, right: str) -> Rule:
    """A whole number within bounds."""
    return Rule(field, lambda v: (v == np.floor(v)) & (v >= low) & (v <= high), right)


def status(field: str) -> Rule:
    """A status of a component, or of one of its ends."""
    return whole(field, 0, 1, "a status is 1 or 0")


@dataclass(frozen=True)
class Components:
    """Components of one kind, read a column at a time; every method raises CaseError for the first wrong one."""

    file: str
    kind: str
    rows: Sequence[Mapping[str, object]]

    def __len__(self) -> int:
        return len(self.rows)

    def numbers(self, rule: Rule, default: float | None = None) -> FloatArray:
        """(n,) default: what a missing attribute or null means, None where it must be given."""
        values = np.empty(len(self.rows))
        for row, record in enumerate(self.rows):
            value = record.get(rule.field)
            if value is None and default is not None:
                values[row] = default
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.error(row, rule.field, "this is not a number")
            else:
                values[row] = float(str(value))  # as text: whole numbers of any size
        wrong = ~rule.accepts(values)
        self.refuse(wrong, rule.field, rule.right)
        return values

    def ids(self) -> IntArray:
        """(n,) the components' ids."""
        return self.numbers(whole("id", 0, 2**31, "an id is a whole number from 0")).astype(np.int64)

    def refuse(self, wrong: BoolArray, field: str, problem: str) -> None:
        """Raises for the first component where wrong (n,) is true."""
        if wrong.any():
            raise self.error(int(np.argmax(wrong)), field, problem)

    def error(self, row: int, field: str, problem: str) -> CaseError:
        """What is wrong with a component, by its id."""
        number = self.rows[row].get("id", f"at position {row + 1}")
        value = shorten(json.dumps(self.rows[row].get(field)))
        return CaseError(self.file, problem, f"{self.kind} {shorten(number)}", field, value)


class Dataset:
    """A file's components."""

    def __init__(self, data: Mapping[str, object], attributes: Mapping[str, object], file: str) -> None:
        self._data, self._attributes, self._file = data, attributes, file
        self.node, self.source = self.table("node"), self.table("source")
        if not len(self.node):
            raise CaseError(file, "a network has at least one node; this file has none", "node")
        ids = self.node.ids()
        order = np.argsort(ids)
        self.node.refuse(np.isin(ids, ids[order][1:][np.diff(ids[order]) == 0]), "id", "each id must be unique")
        self._row_of = {number: row for row, number in enumerate(ids.tolist())}
        self.kv = self.node.numbers(positive("u_rated", "V")) / 1e3
        self.bus_name = tuple(f"Node {number}" for number in ids)

    def table(self, kind: str) -> Components:
        """Components of a kind, in rows of attributes or in the shorter form that names these once."""
        rows, names = self._data.get(kind, []), self._attributes.get(kind)
        if not isinstance(rows, list):
            raise CaseError(self._file, "components are a list", kind, value=shorten(json.dumps(rows)))
        if isinstance(names, list):
            short = [row for row in rows if isinstance(row, list)]
            if any(len(row) != len(names) for row in short):
                raise CaseError(self._file, f"each row has {len(names)} values, as attributes say", kind)
            rows = [dict(zip(map(str, names), row, strict=True)) if isinstance(row, list) else row for row in rows]
        for position, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                problem = 'a component looks like {"id": 7, ...}'
                raise CaseError(self._file, problem, f"{kind} at position {position}", value=shorten(json.dumps(row)))
        return Components(self._file, kind, rows)

    def rows(self, table: Components, field: str) -> IntArray:
        """(n,) rows of the nodes that components are at."""
        numbers = table.numbers(finite(field, "the id of a node")).tolist()
        rows = np.array([self._row_of.get(number, -1) for number in numbers], dtype=np.int64)
        table.refuse(rows < 0, field, "there is no node of this id")
        return rows

    def ends(self, table: Components) -> tuple[IntArray, IntArray, BoolArray]:
        """Rows of either end's node, and (n, 2) whether the ends are closed."""
        first, second = self.rows(table, "from_node"), self.rows(table, "to_node")
        table.refuse(first == second, "to_node", "from_node and to_node are the same node")
        closed = [table.numbers(status(f"{end}_status")) == 1 for end in ("from", "to")]
        return first, second, np.stack(closed, axis=1)


def is_power_grid_model(text: str) -> bool:
    """Whether a JSON text is a dataset of power-grid-model; False where it is no JSON, which others report."""
    if MARK not in text:
        return False
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"is_batch", "data"} <= content.keys()
