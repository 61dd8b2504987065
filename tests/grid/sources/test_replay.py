"""A recording is read as it was written, and a wrong one is refused with its row and column."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from grid.cases.case import Case
from grid.errors import CaseError
from grid.sources.registry import open_source
from grid.sources.replay import Replay, write_recording
from grid.sources.simulator import Simulator
from grid.telemetry import Event, EventKind, Frame, Quality, Reading
from tests.cases import shared_case

START = datetime(2026, 1, 15, 6)
Cells = list[list[str]]


@pytest.fixture(scope="module")
def city() -> Case:
    return shared_case("city8")


@pytest.fixture(scope="module")
def frames(city: Case) -> list[Frame]:
    """Some hours with an outage, a trip and a sensor that is gone."""
    simulator, frames = Simulator(city, START, 5), []
    for hour in range(6):
        if hour == 2:
            simulator.events = tuple(
                Event(number, kind, 1, "", 1.0, START.replace(tzinfo=UTC))
                for number, kind in enumerate((EventKind.LINE_OUTAGE, EventKind.GENERATOR_TRIP, EventKind.SENSOR_GONE))
            )
        frames.append(simulator.read())
        simulator.advance(timedelta(hours=1))
    doubted = frames[4].bus_vm_pu
    quality = doubted.quality.copy()
    quality[3] = Quality.SUSPECT
    frames[4] = replace(frames[4], bus_vm_pu=Reading(doubted.value, quality))
    return frames


@pytest.fixture
def file(tmp_path: Path, frames: list[Frame]) -> Path:
    path = tmp_path / "day.csv"
    write_recording(path, frames)
    return path


def edited(path: Path, change: Callable[[Cells], object]) -> Path:
    """The file with its cells changed; row 0 is the header."""
    cells = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
    change(cells)
    path.write_text("\n".join(map(",".join, cells)) + "\n", encoding="utf-8")
    return path


def put(row: int, column: str, text: str) -> Callable[[Cells], object]:
    """Changes one cell; row counts as a spreadsheet does."""
    return lambda cells: cells[row - 1].__setitem__(cells[0].index(column), text)


def without(*columns: str) -> Callable[[Cells], object]:
    """Takes columns out."""

    def change(cells: Cells) -> None:
        kept = [place for place, name in enumerate(cells[0]) if name not in columns]
        cells[:] = [[row[place] for place in kept] for row in cells]

    return change


def test_what_is_written_is_read_to_the_last_bit(file: Path, city: Case, frames: list[Frame]) -> None:
    replay = Replay(file, city.network)
    for frame in frames:
        read = replay.read()
        assert read.measured_at == frame.measured_at
        assert read.weather == frame.weather
        for field in fields(Frame):
            was, now = getattr(frame, field.name), getattr(read, field.name)
            if isinstance(was, Reading):
                np.testing.assert_array_equal(now.value, was.value)
                np.testing.assert_array_equal(now.quality, was.quality)
            elif isinstance(was, np.ndarray):
                np.testing.assert_array_equal(now, was)
    with pytest.raises(ConnectionError, match="the recording has ended"):
        replay.read()


def test_points_that_are_left_out_were_not_measured(file: Path, city: Case, frames: list[Frame]) -> None:
    gone = ("bus.2.vm_pu", "generator.1.on", *(f"branch.{branch}.closed" for branch in range(city.network.n_branch)))
    replay = Replay(edited(file, without(*gone)), city.network)
    for _ in range(4):
        frame = replay.read()
    assert frame.bus_vm_pu.quality[2] == Quality.MISSING
    assert frame.generator_on[1]
    assert not frames[3].branch_closed[1]
    np.testing.assert_array_equal(frame.branch_closed, city.network.branch.closed)


@pytest.mark.parametrize(
    ("change", "row", "column", "words"),
    [
        (put(4, "load.3.p_mw", "much"), "row 4", "load.3.p_mw", "must be a number"),
        (put(4, "load.3.p_mw", "inf"), "row 4", "load.3.p_mw", "must be a number"),
        (put(3, "weather.ambient_c", ""), "row 3", "weather.ambient_c", "must be a number"),
        (put(5, "branch.2.closed", "open"), "row 5", "branch.2.closed", "must be 0 or 1"),
        (put(6, "bus.3.vm_pu.quality", "bad"), "row 6", "bus.3.vm_pu.quality", "good, suspect, missing"),
        (put(5, "time", "noon"), "row 5", "time", "must be a time"),
        (put(5, "time", "2026-01-15T0645x+00:00"), "row 5", "time", "must be a time"),
        (put(5, "time", "2026-01-15T06:30:00"), "row 5", "time", "must rise"),
        (put(1, "bus.5.vm_pu", "bus.99.vm_pu"), "row 1", "bus.99.vm_pu", "has no bus 99"),
        (put(1, "bus.5.vm_pu", "bus.5.colour"), "row 1", "bus.5.colour", "no point"),
        (put(1, "bus.5.vm_pu", "bus.4.vm_pu"), "row 1", "bus.4.vm_pu", "twice"),
        (without("load.0.p_mw"), "row 1", "load.0.p_mw", "is missing"),
        (without("time"), "row 1", "time", "is missing"),
        (lambda cells: cells[3].pop(), "row 4", "", "cells"),
    ],
)
def test_a_wrong_file_is_refused_by_row_and_column(
    file: Path, city: Case, change: Callable[[Cells], object], row: str, column: str, words: str
) -> None:
    with pytest.raises(CaseError, match=words) as refused:
        open_source(f"replay:{edited(file, change)}", city, START, 1)
    assert (refused.value.file, refused.value.element, refused.value.field) == ("day.csv", row, column)


def test_a_file_that_is_gone_for_a_while_loses_no_row(file: Path, city: Case, frames: list[Frame]) -> None:
    replay = Replay(file, city.network)
    replay.read()
    away = file.rename(file.with_suffix(".away"))
    with pytest.raises(ConnectionError, match=r"day\.csv: No such file"):
        replay.read()
    away.rename(file)
    assert replay.read().measured_at == frames[1].measured_at


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("replay", "needs a file"),
        ("replay:nowhere.csv", "can't be read"),
        ("simulator:fast", "nothing after a colon"),
        ("scada", "there are simulator, replay"),
    ],
)
def test_a_source_that_does_not_exist_is_refused(city: Case, spec: str, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        open_source(spec, city, START, 1)


def test_an_empty_file_and_one_without_rows_are_refused(tmp_path: Path, file: Path, city: Case) -> None:
    header = tmp_path / "header.csv"
    header.write_text(file.read_text(encoding="utf-8").partition("\n")[0] + "\n", encoding="utf-8")
    with pytest.raises(CaseError, match="no rows"):
        Replay(header, city.network)
    header.write_text("", encoding="utf-8")
    with pytest.raises(CaseError, match="no point"):
        Replay(header, city.network)
