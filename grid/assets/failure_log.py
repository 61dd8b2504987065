"""Reads an operator's own log of failures from a CSV file: which asset failed when.

UTF-8, comma separated, one header row, one row a failure, in any order; an asset may have several. A log without a row
says that nothing has failed since its first day. It is read when its case is loaded.

| column | required | valid |
|---|---|---|
| name | yes | a branch's name as the case has it |
| failed_at | yes | time or day of the failure, as grid/times/column.py reads it, in UTC where it has no offset |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from grid.assets.csv_table import NAME, AssetFileError, Row, WrongCell, branches_of, read_rows
from grid.network import IntArray, Network
from grid.times.column import TimesError, read_times

FAILED_AT = "failed_at"
COLUMNS = (NAME, FAILED_AT)


@dataclass(frozen=True, eq=False)
class FailureLog:
    """All k failures of a grid's assets since a day, the earliest first. branch (k,); time (k,) datetime64[s], UTC."""

    since: datetime
    branch: IntArray
    time: np.ndarray


def read_failure_log(path: Path, network: Network, since: date) -> FailureLog:
    """Read a log that begins with a day. Raises AssetFileError, a CaseError, with everything that is wrong in it."""
    begin = datetime(since.year, since.month, since.day, tzinfo=UTC)
    rows, problems = read_rows(path, COLUMNS, COLUMNS)
    branch_of, wrong = branches_of(rows, network, once=False)
    time, wrong_times = _times(rows, begin)
    problems += [*wrong, *wrong_times]
    if problems:
        raise AssetFileError(path.name, tuple(sorted(problems, key=lambda problem: problem.row)))
    branch = np.array([branch_of[row.number] for row in rows], dtype=np.int64)
    order = np.argsort(time, kind="stable")
    return FailureLog(begin, branch[order], time[order])


def _times(rows: Sequence[Row], begin: datetime) -> tuple[np.ndarray, list[WrongCell]]:
    words = [row.cell.get(FAILED_AT, "") for row in rows]
    empty = [WrongCell(row.number, FAILED_AT, "", "each row needs the time of the failure") for row in rows
             if not row.cell.get(FAILED_AT)]  # fmt: skip
    if empty or not words:
        return np.zeros(0, dtype="datetime64[s]"), empty
    numbers = [row.number for row in rows]
    try:
        time = read_times(words, rows=numbers, some_offsets=True).wall.astype("datetime64[s]")
    except TimesError as error:
        value = "" if error.place is None else words[error.place]
        return np.zeros(0, dtype="datetime64[s]"), [WrongCell(error.row or 0, FAILED_AT, value, error.problem)]
    right = f"this is before the first day of the log, {begin:%Y-%m-%d}"
    early = np.flatnonzero(time < np.datetime64(begin.replace(tzinfo=None), "s")).tolist()
    return time, [WrongCell(numbers[place], FAILED_AT, words[place], right) for place in early]
