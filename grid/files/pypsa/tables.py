"""The tables of a PyPSA network: its components' attributes, with the first snapshot's where they change with time.

As CSV a component is a file (lines.csv) and an attribute that changes with time another (loads-p_set.csv); in netCDF,
which is HDF5, each attribute is a data set (lines_r, with names in lines_i; loads_t_p_set, in loads_t_p_set_i).
Source: PyPSA's documentation, Import and Export.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grid.errors import CaseError
from grid.files.archive import Archive
from grid.files.check import Rule
from grid.files.matpower.format import shorten
from grid.network import BoolArray, FloatArray, IntArray

COMPONENTS = (
    "buses",
    "lines",
    "transformers",
    "loads",
    "generators",
    "storage_units",
    "shunt_impedances",
    "links",
    "stores",
)
CHANGING = ("p_set", "q_set", "v_mag_pu_set")  # what is read at the first snapshot
MOST_VALUES = 4_000_000  # of one data set, and of what it keeps together
TRUTH = {"true": "1", "false": "0"}
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class ComponentTable:
    """Components of one kind: names and columns of texts or numbers (n,); every method raises CaseError."""

    file: str
    kind: str
    name: tuple[str, ...]
    columns: Mapping[str, Sequence[object]]

    def texts(self, field: str, default: str) -> list[str]:
        """A column as texts; default: what an empty one means."""
        column = self.columns.get(field, [""] * len(self.name))
        return [text if (text := str(value).strip()) and text != "nan" else default for value in column]

    def numbers(self, rule: Rule, default: float | None) -> FloatArray:
        """(n,) a column that obeys a rule; default: what an empty value or no column means, None where it's needed."""
        if rule.field not in self.columns and default is not None:
            return np.full(len(self.name), default)
        values = np.empty(len(self.name))
        for row, text in enumerate(self.texts(rule.field, "")):
            if not text and default is not None:
                values[row] = default
                continue
            try:
                values[row] = float(TRUTH.get(text.lower(), text))
            except ValueError:
                raise self.error(row, rule.field, "this is not a number") from None
        self.refuse(~rule.accepts(values), rule.field, rule.right)
        return values

    def rows_of(self, field: str, names: Mapping[str, int]) -> IntArray:
        """(n,) rows of the buses that components are at."""
        rows = np.array([names.get(text, -1) for text in self.texts(field, "")], dtype=np.int64)
        self.refuse(rows < 0, field, "there is no bus of this name")
        return rows

    def taken(self, rows: BoolArray) -> "ComponentTable":
        """The components where rows (n,) is true."""
        at = np.flatnonzero(rows).tolist()
        columns = {field: [values[row] for row in at] for field, values in self.columns.items()}
        return ComponentTable(self.file, self.kind, tuple(self.name[row] for row in at), columns)

    def refuse(self, wrong: BoolArray, field: str, problem: str) -> None:
        """Raises for the first component where wrong (n,) is true."""
        if wrong.any():
            raise self.error(int(np.argmax(wrong)), field, problem)

    def error(self, row: int, field: str, problem: str) -> CaseError:
        """What is wrong with a component."""
        value = shorten(self.texts(field, "empty")[row])
        return CaseError(self.file, problem, f"{self.kind} {shorten(self.name[row])!r}", field, value)


PypsaTables = Mapping[str, ComponentTable]


def is_csv_folder(archive: Archive) -> bool:
    """Whether an archive holds a network's CSV files, in a folder or not."""
    return any(name.rpartition("/")[2] == "buses.csv" for name in archive.names(".csv"))


def read_csv_folder(archive: Archive) -> PypsaTables:
    """The tables in an archive. CaseError for what is no CSV in UTF-8, or has rows of another length than its head."""
    members = {name.rpartition("/")[2].removesuffix(".csv"): name for name in archive.names(".csv")}
    tables = {}
    for kind in COMPONENTS:
        head, rows = _csv(archive, members[kind]) if kind in members else (["name"], [])
        names = tuple(row[0] for row in rows)
        columns: dict[str, list[object]] = {field: [row[at] for row in rows] for at, field in enumerate(head) if at > 0}
        for field in CHANGING:
            if (member := members.get(f"{kind}-{field}")) is not None:
                labels, series = _csv(archive, member)
                first = dict(zip(labels[1:], series[0][1:], strict=True)) if series else {}
                _put_first(columns, field, names, first)
        tables[kind] = _table(archive.file, kind, names, columns)
    return tables


def _csv(archive: Archive, member: str) -> tuple[list[str], list[list[str]]]:
    """The head and the rows of a member."""
    try:
        lines = list(csv.reader(io.StringIO(archive.read(member).decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise CaseError(archive.file, f"this is no CSV in UTF-8 ({exc})", f"member {member!r}") from exc
    if not lines:
        raise CaseError(archive.file, "the member is empty", f"member {member!r}")
    head, *rows = lines
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(head):
            problem = f"each row has {len(head)} values, as the head has"
            raise CaseError(archive.file, problem, f"member {member!r}, row {number}", value=str(len(row)))
    return head, rows


def read_netcdf(content: bytes, file: str) -> PypsaTables:
    """The tables in a netCDF-4 file's content. CaseError for another format, and for data that lie elsewhere."""
    if not content.startswith(HDF5):
        raise CaseError(file, "this is no netCDF-4 (HDF5) file, as PyPSA's export_to_netcdf writes it")
    import h5py  # noqa: PLC0415  # loaded by those who read such files

    try:
        with h5py.File(io.BytesIO(content), "r") as store:
            return {kind: _from_store(store, kind, file, h5py) for kind in COMPONENTS}
    except CaseError:
        raise
    except Exception as exc:  # the library raises whatever a wrong file makes it stumble over
        raise CaseError(file, f"this can't be read as netCDF ({type(exc).__name__}: {shorten(exc, 120)})") from exc


def _from_store(store: Any, kind: str, file: str, h5py: Any) -> ComponentTable:
    def values(name: str, first_row: bool = False) -> list[object]:
        link = store.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink) or not isinstance(data := store[name], h5py.Dataset):
            raise CaseError(file, "each attribute is a data set of the file's own", name)
        if data.external or data.is_virtual:
            raise CaseError(file, "the data set's values lie in another file", name)
        size = max(int(np.prod(data.chunks or (1,))), int(np.prod(data.shape[1:] if first_row else data.shape)))
        if size > MOST_VALUES or data.dtype.itemsize > 64:
            raise CaseError(file, f"a data set has at most {MOST_VALUES:,} values", name, value=f"{size:,}")
        read = data[0] if first_row else data[()]
        return [value.decode("utf-8") if isinstance(value, bytes) else value for value in np.atleast_1d(read).tolist()]

    if f"{kind}_i" not in store:
        return ComponentTable(file, kind, (), {})
    names = tuple(str(name) for name in values(f"{kind}_i"))
    prefix, changing = f"{kind}_", f"{kind}_t_"
    columns = {
        name.removeprefix(prefix): values(name)
        for name in store
        if name.startswith(prefix) and not name.startswith(changing) and name != f"{kind}_i"
    }
    for field in CHANGING:
        if f"{changing}{field}" in store and store[f"{changing}{field}"].shape[0]:
            labels = [str(name) for name in values(f"{changing}{field}_i")]
            first = values(f"{changing}{field}", first_row=True)
            _put_first(columns, field, names, dict(zip(labels, first, strict=True)))
    return _table(file, kind, names, columns)


def _put_first(columns: dict[str, list[object]], field: str, names: Sequence[str], first: Mapping[str, object]) -> None:
    """Takes an attribute at the first snapshot, where it changes with time."""
    static = columns.get(field, [""] * len(names))
    columns[field] = [first.get(name, value) for name, value in zip(names, static, strict=True)]


def _table(file: str, kind: str, names: tuple[str, ...], columns: Mapping[str, Sequence[object]]) -> ComponentTable:
    table = ComponentTable(file, kind, names, columns)
    for field, values in columns.items():
        if len(values) != len(names):
            raise CaseError(file, f"there must be a value for each of the {len(names)} components", kind, field)
    first = {name: row for row, name in reversed(list(enumerate(names)))}
    for row, name in enumerate(names):
        if first[name] != row:
            raise table.error(row, "name", "this name occurs before; each must be unique")
    return table
