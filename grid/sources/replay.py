"""Replay: a recorded day as a source, from a CSV file with one row a frame and one column a point.

Columns: `time` (written in one way in all rows, best ISO 8601; UTC where it has no offset; rising),
`weather.ambient_c` and the other fields of Weather, and points by the place of their element in the case and the name
that their quantity has in a Frame: `load.3.p_mw`, `load.3.q_mvar`; `generator.0.p_mw`, `.q_mvar`, `.vm_pu`;
`bus.5.vm_pu`, `.va_degree`; `branch.2.p_from_mw`, `.q_from_mvar`, `.i_from_ka`, the same with `to`, `.tap_pos`,
`.temperature_c`; and `generator.0.on`, `branch.2.closed`
with 0 or 1. The time, the weather and the active power of every load must be there. A point that is left out, or an
empty cell, wasn't measured. Where positions are left out generators are on, and branches as the case has them.

More columns may tell more of a point: `load.3.p_mw.quality` good, suspect or missing (empty: what is there is good),
`.reason` why (no_answer, stuck, out_of_range, old_data, inconsistent, substituted), `.standard_deviation` in the unit
of the value, `.measured_at` when it was measured if not at the row's time.

Where no row proves whether the day or the month comes first, `replay:FILE.csv?day-first` or `?month-first` says it, and
`?time-format=FORMAT` any other way of writing times (grid/times/column.py).
"""

import csv
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np

from grid.cases.case import Case
from grid.errors import CaseError
from grid.network import BoolArray, FloatArray, IntArray, Network
from grid.sources.seams import SourceParts
from grid.telemetry import (
    BranchPoints,
    BusPoints,
    Frame,
    GeneratorPoints,
    LoadPoints,
    Points,
    Quality,
    Reason,
    Weather,
    datetime64_ms,
)
from grid.times.column import ColumnTimes, TimeNotation, TimeOptions, TimesError, read_times
from grid.times.words import DateOrder

TIME = "time"
QUALITY, REASON, DEVIATION, MEASURED_AT = "quality", "reason", "standard_deviation", "measured_at"
WEATHER = tuple(f"weather.{one.name}" for one in fields(Weather))
ELEMENTS = {"load": LoadPoints, "generator": GeneratorPoints, "bus": BusPoints, "branch": BranchPoints}
QUANTITIES = tuple((element, one.name) for element, points in ELEMENTS.items() for one in fields(points))
POSITIONS = (("generator", "on"), ("branch", "closed"))
POINT = re.compile(
    rf"({'|'.join(ELEMENTS)})\.(\d{{1,9}})\.([a-z_]+)(?:\.({QUALITY}|{REASON}|{DEVIATION}|{MEASURED_AT}))?"
)
QUALITY_WORDS = {quality.name.lower(): quality for quality in Quality}
REASON_WORDS = {reason.name.lower(): reason for reason in Reason}
SHOWN_CHARACTERS = 40
TIME_FORMAT = "time-format="
OPTIONS = TimeOptions(
    day_first="replay:FILE.csv?day-first",
    month_first="replay:FILE.csv?month-first",
    format=f"replay:FILE.csv?{TIME_FORMAT}FORMAT",
    two_columns="one column with both",
)
log = logging.getLogger(__name__)


class Replay:
    """A Source that hands out a file's rows, one at each read: every cycle takes the next one, also a cycle that a
    person asks for. Owned by one thread, the engine's.

    The whole file is checked at first. Rows stay in the file, so that a file that is gone for a while is a source that
    doesn't answer for a while; the row that couldn't be read is the next one.
    """

    name = "replay"

    def __init__(self, path: Path, network: Network, notation: TimeNotation | None = None) -> None:
        """notation: how times are written, where their column doesn't tell it.

        Raises CaseError, with row and column, where something of the file is wrong.
        """
        self._path = path
        self._rows: list[tuple[int, int]] = []  # number, and bytes before it
        self._next = 0
        try:
            with path.open("rb") as file:
                header = file.readline()
                self._layout = _Layout(path.name, _cells(path.name, 1, header.removeprefix(b"\xef\xbb\xbf")), network)
                offset, words = file.tell(), _TimeWords()
                for number, line in enumerate(file, start=2):
                    if line.strip():
                        self._layout.collect(number, line, words)
                        self._rows.append((number, offset))
                    offset += len(line)
                if not self._rows:
                    raise CaseError(path.name, "the recording has no rows")
                self.notes = self._layout.infer(words, notation or TimeNotation())
                self._check(file)
        except OSError as error:
            raise CaseError(str(path), f"the recording can't be read: {error.strerror}") from None

    def _check(self, file: BinaryIO) -> None:
        before: datetime | None = None
        for number, offset in self._rows:
            file.seek(offset)
            measured_at = self._layout.frame(number, file.readline()).measured_at
            if before is not None and measured_at <= before:
                raise _wrong(self._path.name, number, TIME, measured_at.isoformat(), "must rise")
            before = measured_at

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
    path, notation = _said(argument)
    replay = Replay(path, case.network, notation)
    for note in replay.notes:
        log.info("%s: %s", path.name, note)
    return SourceParts(source=replay)


def _said(argument: str) -> tuple[Path, TimeNotation]:
    """The file, and how its times are written as far as the argument says it."""
    name, mark, said = argument.partition("?")
    if not mark or Path(argument).exists():
        return Path(argument), TimeNotation()
    if said.startswith(TIME_FORMAT):
        return Path(name), TimeNotation(format=said.removeprefix(TIME_FORMAT))
    for order in (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST):
        if said == f"{order}-first":
            return Path(name), TimeNotation(order=order)
    raise CaseError("replay", f"after ? there may be day-first, month-first or {TIME_FORMAT}FORMAT", value=said)


@dataclass(kw_only=True, eq=False)
class _TimeWords:
    """A recording's times as they stand there: those of rows, and those of measurements with row and column."""

    of_rows: list[tuple[int, str]] = field(default_factory=list)
    of_points: list[tuple[int, str, str]] = field(default_factory=list)


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
        self._columns: dict[tuple[str, str, str], IntArray] = {}  # by element, quantity and what is told of it
        place: dict[str, int] = {}
        for column, name in enumerate(header):
            if name in place:
                raise _wrong(file, 1, name, "", "stands there twice")
            place[name] = column
            if name == TIME or name in WEATHER:
                continue
            match = POINT.fullmatch(name)
            quantity, told = (match[1], match[3]) if match else ("", ""), match[4] or "" if match else ""
            if match is None or quantity not in QUANTITIES or (told == DEVIATION and quantity in POSITIONS):
                raise _wrong(file, 1, name, "", "is no point that can be replayed")
            index = int(match[2])
            if index >= count[match[1]]:
                problem = f"{network.name} has no {match[1]} {index}; the last one is {count[match[1]] - 1}"
                raise _wrong(file, 1, name, "", problem)
            for what in ("", told):
                self._columns.setdefault((*quantity, what), np.full(count[match[1]], -1))
            self._columns[*quantity, told][index] = column
        needed = (TIME, *WEATHER, *(f"load.{index}.p_mw" for index in range(count["load"])))
        for name in needed:
            if name not in place:
                raise _wrong(file, 1, name, "", f"the column is missing; a recording of {network.name} has it")
        self._time, self._weather = place[TIME], np.array([place[name] for name in WEATHER])
        self._measured_at = [column for name, column in place.items() if name.endswith(f".{MEASURED_AT}")]
        self._notation = self._notation_of_points = TimeNotation()

    def collect(self, row: int, line: bytes, words: _TimeWords) -> None:
        """Add the times of a row, which are read together with those of all others."""
        cells = self._row(row, line)
        words.of_rows.append((row, cells[self._time]))
        words.of_points += [(row, self._header[column], cells[column]) for column in self._measured_at if cells[column]]

    def infer(self, words: _TimeWords, notation: TimeNotation) -> tuple[str, ...]:
        """Find out how times are written, and say what was inferred. notation: what is said of it."""
        of_rows, rising = zip(*words.of_rows, strict=True)
        found = self._read(of_rows, [TIME] * len(of_rows), rising, notation)
        self._notation = found.notation
        if words.of_points:
            rows, columns, times = zip(*words.of_points, strict=True)
            self._notation_of_points = self._read(rows, columns, times, notation).notation
        return found.notes

    def _read(
        self, rows: Sequence[int], columns: Sequence[str], words: Sequence[str], notation: TimeNotation
    ) -> ColumnTimes:
        """Times, in UTC, of k cells in these rows and columns. CaseError where one is none."""
        try:
            return read_times(words, notation=notation, options=OPTIONS, rows=rows, some_offsets=True)
        except TimesError as error:
            place = error.place or 0
            problem = error.problem if error.ambiguous else f"must be a time such as 2026-01-15T06:00; {error.problem}"
            raise _wrong(self._file, rows[place], columns[place], words[place], problem) from None

    def _row(self, row: int, line: bytes) -> list[str]:
        cells = _cells(self._file, row, line)
        if len(cells) != len(self._header):
            problem = f"has {len(cells)} cells, the header has {len(self._header)}"
            raise CaseError(self._file, problem, f"row {row}")
        return cells

    def frame(self, row: int, line: bytes) -> Frame:
        """The frame of a row, of which number the header is 1."""
        cells = self._row(row, line)
        weather = self._numbers(row, cells, self._weather)
        missing = self._weather[np.isnan(weather)]
        if len(missing):
            raise _wrong(self._file, row, self._header[missing[0]], "", "must be a number, as weather is always there")
        moment = self._read([row], [TIME], [cells[self._time]], self._notation).wall[0]
        measured_at, received_at = moment.item().replace(tzinfo=UTC), datetime.now(UTC)
        given: dict[str, dict[str, Points]] = {element: {} for element in ELEMENTS}
        for element, quantity in QUANTITIES:
            if (element, quantity, "") in self._columns:
                given[element][quantity] = self._points(row, cells, (element, quantity), measured_at, received_at)
        return Frame(
            measured_at=measured_at,
            received_at=received_at,
            bus=BusPoints(**given["bus"]),
            branch=BranchPoints(**given["branch"]),
            load=LoadPoints(**given["load"]),
            generator=GeneratorPoints(**given["generator"]),
            weather=Weather(*weather.tolist()),
        )

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

    def _points(
        self, row: int, cells: list[str], quantity: tuple[str, str], measured_at: datetime, received_at: datetime
    ) -> Points:
        columns = self._columns[*quantity, ""]
        if quantity in POSITIONS:
            value, unknown = self._positions(row, cells, columns)
        else:
            value = self._numbers(row, cells, columns)
            unknown = np.isnan(value)
        told = {name: self._columns.get((*quantity, name)) for name in (QUALITY, REASON, DEVIATION, MEASURED_AT)}
        quality = np.where(unknown, Quality.MISSING, Quality.GOOD).astype(np.int8)
        if (where := told[QUALITY]) is not None:
            quality = np.maximum(quality, self._words(row, cells, where, QUALITY_WORDS, quality))
        reason = np.where(quality == Quality.MISSING, Reason.NO_ANSWER, Reason.NONE).astype(np.int8)
        if (where := told[REASON]) is not None:
            reason = self._words(row, cells, where, REASON_WORDS, reason)
        where = told[DEVIATION]
        return Points.of(
            value,
            quality=quality,
            reason=reason,
            measured_at=self._times(row, cells, told[MEASURED_AT], measured_at),
            received_at=received_at,
            standard_deviation=None if where is None else self._deviations(row, cells, where),
        )

    def _words(
        self, row: int, cells: list[str], columns: IntArray, words: Mapping[str, int], otherwise: IntArray
    ) -> IntArray:
        """(k,) what words say, otherwise where there is no column or its cell is empty."""
        found = otherwise.copy()
        for place in np.flatnonzero(columns >= 0).tolist():
            column = columns[place]
            word = cells[column].lower()
            if word and word not in words:
                raise _wrong(
                    self._file, row, self._header[column], word, f"must be one of {', '.join(words)}, or empty"
                )
            if word:
                found[place] = words[word]
        return found

    def _deviations(self, row: int, cells: list[str], columns: IntArray) -> FloatArray:
        values = self._numbers(row, cells, columns)
        if (values < 0).any():
            column = columns[int(np.flatnonzero(values < 0)[0])]
            raise _wrong(self._file, row, self._header[column], cells[column], "must be 0 or more")
        return values

    def _times(
        self, row: int, cells: list[str], columns: IntArray | None, otherwise: datetime
    ) -> datetime | np.ndarray:
        """(k,) moments that cells say, otherwise where they are empty; otherwise for all without columns."""
        if columns is None:
            return otherwise
        times = np.full(len(columns), datetime64_ms(otherwise))
        told = [place for place in np.flatnonzero(columns >= 0).tolist() if cells[columns[place]]]
        if told:
            names, words = ([one[columns[place]] for place in told] for one in (self._header, cells))
            times[told] = self._read([row] * len(told), names, words, self._notation_of_points).wall
        return times

    def _positions(self, row: int, cells: list[str], columns: IntArray) -> tuple[BoolArray, BoolArray]:
        """(k,) what cells say, and where they say nothing."""
        texts = [cells[column] if column >= 0 else "" for column in columns.tolist()]
        for column, text in zip(columns.tolist(), texts, strict=True):
            if text not in ("", "0", "1"):
                raise _wrong(self._file, row, self._header[column], text, "must be 0 or 1")
        return np.array([text == "1" for text in texts], dtype=bool), np.array([not text for text in texts], dtype=bool)


def write_recording(path: Path, frames: Sequence[Frame]) -> None:
    """Write frames of one source, whose weather is one for the whole grid, as Replay reads them.

    Numbers are written so that they are read as the same ones. OSError where the file can't be written.
    """
    columns = {TIME: [frame.measured_at.isoformat() for frame in frames]}
    for name in WEATHER:
        columns[name] = [repr(float(getattr(frame.weather, name.partition(".")[2]))) for frame in frames]
    for element, quantity in QUANTITIES:
        points = [getattr(getattr(frame, element), quantity) for frame in frames]
        if points[0] is not None:
            columns |= _written(element, quantity, points, [datetime64_ms(frame.measured_at) for frame in frames])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _written(
    element: str, quantity: str, points: Sequence[Points], times: Sequence[np.datetime64]
) -> dict[str, list[str]]:
    """The columns of one quantity in frames of these times; of what is told beside values only what isn't plain."""
    value, quality, reason, deviation, measured_at = (
        np.array([getattr(one, name) for one in points]) for name in ("value", QUALITY, REASON, DEVIATION, MEASURED_AT)
    )
    position = value.dtype == np.bool_
    unknown, shown = (quality == Quality.MISSING, value.astype(int)) if position else (np.isnan(value), value)
    plain_reason = np.where(quality == Quality.MISSING, Reason.NO_ANSWER, Reason.NONE)
    told = {
        QUALITY: quality != np.where(unknown, Quality.MISSING, Quality.GOOD),
        REASON: reason != plain_reason,
        DEVIATION: np.isfinite(deviation),
        MEASURED_AT: measured_at != np.array(times)[:, None],
    }
    texts: dict[str, Callable[[int], list[str]]] = {
        QUALITY: lambda index: [Quality(one).name.lower() for one in quality[:, index].tolist()],
        REASON: lambda index: [Reason(one).name.lower() for one in reason[:, index].tolist()],
        DEVIATION: lambda index: ["" if np.isnan(one) else repr(one) for one in deviation[:, index].tolist()],
        MEASURED_AT: lambda index: [str(one) for one in measured_at[:, index]],
    }
    columns: dict[str, list[str]] = {}
    for index in range(value.shape[1]):
        name, present = f"{element}.{index}.{quantity}", shown[:, index].tolist()
        columns[name] = [
            "" if lacking else repr(one) for one, lacking in zip(present, unknown[:, index].tolist(), strict=True)
        ]
        columns |= {f"{name}.{what}": texts[what](index) for what, where in told.items() if where[:, index].any()}
    return columns


def _cells(file: str, row: int, line: bytes) -> list[str]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise CaseError(file, "is not UTF-8 text", f"row {row}") from None
    return [cell.strip() for cell in text.rstrip("\r\n").split(",")]


def _wrong(file: str, row: int, column: str, value: str, problem: str) -> CaseError:
    return CaseError(file, problem, f"row {row}", column[:SHOWN_CHARACTERS], value[:SHOWN_CHARACTERS])
