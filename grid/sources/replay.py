"""Replay: a recorded day as a source, from a CSV file with one row a frame and one column a point.

Columns: `time` (ISO 8601, UTC where no zone is given, rising), `weather.ambient_c` and the other fields of Weather, and
points by the place of their element in the case: `load.3.p_mw`, `load.3.q_mvar`, `generator.0.p_mw`,
`generator.0.q_mvar`, `generator.0.vm_pu`, `bus.5.vm_pu`, `branch.2.p_from_mw`, and `generator.0.on`, `branch.2.closed`
with 0 or 1. The time, the weather and the active power of every load must be there. A point that is left out, or an
empty cell, wasn't measured; generators that are left out are on, branches are as the case has them. A column
`load.3.p_mw.quality` says good, suspect or missing; left out or empty, what is there is good.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from grid.cases.case import Case
from grid.errors import CaseError
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.sources.seams import SourceParts
from grid.telemetry import Frame, Quality, Reading, Weather

TIME, QUALITY = "time", "quality"
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?")
WEATHER = tuple(f"weather.{field.name}" for field in fields(Weather))
READINGS = (
    ("load", "p_mw"),
    ("load", "q_mvar"),
    ("generator", "p_mw"),
    ("generator", "q_mvar"),
    ("generator", "vm_pu"),
    ("bus", "vm_pu"),
    ("branch", "p_from_mw"),
)
STATES = (("generator", "on"), ("branch", "closed"))
POINT = re.compile(r"(load|generator|bus|branch)\.(\d{1,9})\.([a-z_]+)(\.quality)?")
QUALITY_WORDS = {"": Quality.GOOD, **{quality.name.lower(): quality for quality in Quality}}
SHOWN_CHARACTERS = 40


class Replay:
    """A Source that hands out a file's rows, one at each read: every cycle takes the next one, also a cycle that a
    person asks for. Owned by one thread, the engine's.

    The whole file is checked at first. Rows stay in the file, so that a file that is gone for a while is a source that
    doesn't answer for a while; the row that couldn't be read is the next one.
    """

    name = "replay"

    def __init__(self, path: Path, network: Network) -> None:
        """Raises CaseError, with row and column, where something of the file is wrong."""
        self._path = path
        self._rows: list[tuple[int, int]] = []  # number, and bytes before it
        self._next = 0
        before: datetime | None = None
        try:
            with path.open("rb") as file:
                header = file.readline()
                self._layout = _Layout(path.name, _cells(path.name, 1, header.removeprefix(b"\xef\xbb\xbf")), network)
                offset = file.tell()
                for number, line in enumerate(file, start=2):
                    if line.strip():
                        frame = self._layout.frame(number, line)
                        if before is not None and frame.measured_at <= before:
                            raise _wrong(path.name, number, TIME, frame.measured_at.isoformat(), "must rise")
                        before = frame.measured_at
                        self._rows.append((number, offset))
                    offset += len(line)
        except OSError as error:
            raise CaseError(str(path), f"the recording can't be read: {error.strerror}") from None
        if before is None:
            raise CaseError(path.name, "the recording has no rows")

    def read(self) -> Frame:
        """The next row. ConnectionError at the end, and while the file can't be read."""
        if self._next == len(self._rows):
            raise ConnectionError("the recording has ended")
        number, offset = self._rows[self._next]
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                frame = self._layout.frame(number, file.readline())
        except OSError as error:
            raise ConnectionError(f"{self._path.name}: {error.strerror}") from None
        except CaseError as error:  # the file isn't any more what it was
            raise ConnectionError(str(error)) from None
        self._next += 1
        return frame


def open_replay(case: Case, argument: str, _start: datetime, _seed: int) -> SourceParts:
    """The recording in the file that the argument names. CaseError where there is none, or something of it is wrong."""
    if not argument:
        raise CaseError("replay", "the source needs a file: replay:FILE.csv")
    return SourceParts(source=Replay(Path(argument), case.network))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Where k points and their quality stand in a row, -1 where they don't."""

    value: IntArray
    quality: IntArray


class _Layout:
    """What a file's columns mean for a network."""

    def __init__(self, file: str, header: list[str], network: Network) -> None:
        self._file, self._header, self._network = file, header, network
        count = {
            "load": len(network.load),
            "generator": len(network.generator),
            "bus": network.n_bus,
            "branch": network.n_branch,
        }
        known = {*READINGS, *STATES}
        self._of = {
            (element, quantity): _Columns(np.full(count[element], -1), np.full(count[element], -1))
            for element, quantity in known
        }
        place: dict[str, int] = {}
        for column, name in enumerate(header):
            if name in place:
                raise _wrong(file, 1, name, "", "stands there twice")
            place[name] = column
            if name == TIME or name in WEATHER:
                continue
            match = POINT.fullmatch(name)
            key = (match[1], match[3]) if match else ("", "")
            if match is None or key not in known or (match[4] and key in STATES):
                raise _wrong(file, 1, name, "", "is no point that can be replayed")
            index = int(match[2])
            if index >= count[match[1]]:
                problem = f"{network.name} has no {match[1]} {index}; the last one is {count[match[1]] - 1}"
                raise _wrong(file, 1, name, "", problem)
            (self._of[key].quality if match[4] else self._of[key].value)[index] = column
        needed = (TIME, *WEATHER, *(f"load.{index}.p_mw" for index in range(count["load"])))
        for name in needed:
            if name not in place:
                raise _wrong(file, 1, name, "", f"the column is missing; a recording of {network.name} has it")
        self._time, self._weather = place[TIME], np.array([place[name] for name in WEATHER])

    def frame(self, row: int, line: bytes) -> Frame:
        """The frame of a row, of which number the header is 1."""
        cells = _cells(self._file, row, line)
        if len(cells) != len(self._header):
            problem = f"has {len(cells)} cells, the header has {len(self._header)}"
            raise CaseError(self._file, problem, f"row {row}")
        weather = self._numbers(row, cells, self._weather)
        missing = self._weather[np.isnan(weather)]
        if len(missing):
            raise _wrong(self._file, row, self._header[missing[0]], "", "must be a number, as weather is always there")
        readings = {
            f"{element}_{quantity}": self._reading(row, cells, (element, quantity)) for element, quantity in READINGS
        }
        return Frame(
            measured_at=self._moment(row, cells[self._time]),
            received_at=datetime.now(UTC),
            **readings,
            generator_on=self._states(row, cells, ("generator", "on"), np.ones(len(self._network.generator), bool)),
            branch_closed=self._states(row, cells, ("branch", "closed"), self._network.branch.closed),
            weather=Weather(*weather.tolist()),
        )

    def _moment(self, row: int, text: str) -> datetime:
        try:
            if not ISO_TIME.fullmatch(text.strip()):  # fromisoformat alone takes letters between time and zone
                raise ValueError(text)
            time = datetime.fromisoformat(text.strip())
        except ValueError:
            raise _wrong(self._file, row, TIME, text, "must be a time such as 2026-01-15T06:00") from None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)

    def _numbers(self, row: int, cells: list[str], columns: IntArray) -> FloatArray:
        """(k,) values, NaN where there is no column or its cell is empty."""
        values = np.full(len(columns), np.nan)
        for place, column in enumerate(columns.tolist()):
            text = cells[column] if column >= 0 else ""
            if not text:
                continue
            try:
                values[place] = float(text)
            except ValueError:
                values[place] = np.nan
            if not np.isfinite(values[place]):
                raise _wrong(
                    self._file, row, self._header[column], text, "must be a number, or empty where none is known"
                )
        return values

    def _reading(self, row: int, cells: list[str], key: tuple[str, str]) -> Reading:
        columns = self._of[key]
        value = self._numbers(row, cells, columns.value)
        quality = np.where(np.isnan(value), Quality.MISSING, Quality.GOOD).astype(np.int8)
        for place in np.flatnonzero(columns.quality >= 0).tolist():
            column = columns.quality[place]
            word = cells[column].lower()
            if word not in QUALITY_WORDS:
                right = ", ".join(filter(None, QUALITY_WORDS))
                raise _wrong(self._file, row, self._header[column], word, f"must be one of {right}, or empty")
            quality[place] = max(quality[place], QUALITY_WORDS[word])
        return Reading(value, quality)

    def _states(self, row: int, cells: list[str], key: tuple[str, str], otherwise: BoolArray) -> BoolArray:
        states = otherwise.copy()
        for place, column in enumerate(self._of[key].value.tolist()):
            text = cells[column] if column >= 0 else ""
            if text not in ("", "0", "1"):
                raise _wrong(self._file, row, self._header[column], text, "must be 0 or 1")
            if text:
                states[place] = text == "1"
        return states


def write_recording(path: Path, frames: Sequence[Frame]) -> None:
    """Write frames of one network, whose weather is one for the whole grid, as Replay reads them.

    Numbers are written so that they are read as the same ones. OSError where the file can't be written.
    """
    header, columns = [TIME], [[frame.measured_at.isoformat() for frame in frames]]
    for name in WEATHER:
        header.append(name)
        columns.append([repr(float(getattr(frame.weather, name.partition(".")[2]))) for frame in frames])
    for element, quantity in READINGS:
        readings = [getattr(frame, f"{element}_{quantity}") for frame in frames]
        values, qualities = np.array([one.value for one in readings]), np.array([one.quality for one in readings])
        told_by_value = np.where(np.isnan(values), Quality.MISSING, Quality.GOOD) == qualities
        for index in range(values.shape[1]):
            header.append(f"{element}.{index}.{quantity}")
            columns.append(["" if np.isnan(value) else repr(value) for value in values[:, index].tolist()])
            if not told_by_value[:, index].all():
                header.append(f"{header[-1]}.{QUALITY}")
                columns.append([Quality(quality).name.lower() for quality in qualities[:, index].tolist()])
    for element, quantity in STATES:
        states = np.array([getattr(frame, f"{element}_{quantity}") for frame in frames]).astype(int)
        for index in range(states.shape[1]):
            header.append(f"{element}.{index}.{quantity}")
            columns.append([str(state) for state in states[:, index].tolist()])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(zip(*columns, strict=True))


def _cells(file: str, row: int, line: bytes) -> list[str]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise CaseError(file, "is not UTF-8 text", f"row {row}") from None
    return [cell.strip() for cell in text.rstrip("\r\n").split(",")]


def _wrong(file: str, row: int, column: str, value: str, problem: str) -> CaseError:
    return CaseError(file, problem, f"row {row}", column[:SHOWN_CHARACTERS], value[:SHOWN_CHARACTERS])
