"""A recording is read as it was written, and a wrong one is refused with its row and column."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from grid.cases.case import Case
from grid.errors import CaseError
from grid.estimation.substitution import Estimator
from grid.protection.cold_load import ColdLoadModel
from grid.sources.registry import open_source
from grid.sources.replay import Replay, write_recording
from grid.sources.simulator import Simulator
from grid.telemetry import BranchPoints, BusPoints, Event, EventKind, Frame, Points, Quality, Reason
from tests.cases import shared_case

START = datetime(2026, 1, 15, 6)
EVENTS = tuple(
    Event(number, kind, 1, "", 1.0, START.replace(tzinfo=UTC))
    for number, kind in enumerate((EventKind.LINE_OUTAGE, EventKind.GENERATOR_TRIP, EventKind.SENSOR_GONE))
)
NOT_OF_SWITCHES = "generator.1.on.standard_deviation"
Cells = list[list[str]]


@pytest.fixture(scope="module")
def city() -> Case:
    return shared_case("city8")


@pytest.fixture(scope="module")
def frames(city: Case) -> list[Frame]:
    """Some hours with an outage, a trip and a sensor that is gone, and at last all that a source may measure."""
    simulator, frames = Simulator(city, START, 5), []
    for hour in range(6):
        if hour == 2:
            simulator.events = EVENTS
        frames.append(simulator.read())
        simulator.advance(timedelta(hours=1))
    return [with_everything(frame, city) for frame in frames]


def with_everything(frame: Frame, city: Case) -> Frame:
    """A frame with every quantity, and with points of every quality and reason, that are older than the frame."""
    rng, network = np.random.default_rng(frame.measured_at.hour), city.network

    def points(value: np.ndarray) -> Points:
        missing = value == value[1] if value.dtype == bool else np.isnan(value)
        age = rng.integers(0, 2, len(value)) * np.timedelta64(1500, "ms")
        return Points.of(
            value,
            quality=np.where(missing, Quality.MISSING, rng.integers(0, 2, len(value))).astype(np.int8),
            reason=rng.integers(0, len(Reason), len(value)).astype(np.int8),
            measured_at=np.datetime64(frame.measured_at.replace(tzinfo=None), "ms") - age,
            received_at=frame.received_at,
            standard_deviation=None if value.dtype == bool else rng.uniform(0, 1, len(value)),
        )

    branch = {
        field.name: points(rng.normal(size=network.n_branch))
        for field in fields(BranchPoints)
        if field.name not in ("p_from_mw", "closed")
    }
    return replace(
        frame,
        bus=BusPoints(vm_pu=points(frame.bus.vm_pu.value), va_degree=points(rng.normal(size=network.n_bus))),
        branch=replace(frame.branch, closed=points(frame.branch.closed.value), **branch),
    )


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
    """Takes columns out, with what other columns tell of them."""

    def change(cells: Cells) -> None:
        kept = [place for place, name in enumerate(cells[0]) if not name.startswith(columns)]
        cells[:] = [[row[place] for place in kept] for row in cells]

    return change


def test_what_is_written_is_read_to_the_last_bit(file: Path, city: Case, frames: list[Frame]) -> None:
    replay = Replay(file, city.network)
    for frame in frames:
        read = replay.read()
        assert read.measured_at == frame.measured_at
        assert read.weather == frame.weather
        assert read.received_at > frame.received_at
        for element in ("bus", "branch", "load", "generator"):
            for field in fields(getattr(frame, element)):
                was, now = (getattr(getattr(one, element), field.name) for one in (frame, read))
                here = slice(None) if was.value.dtype != bool else was.quality != Quality.MISSING
                np.testing.assert_array_equal(now.value[here], was.value[here])
                for told in ("quality", "reason", "measured_at", "standard_deviation"):
                    np.testing.assert_array_equal(getattr(now, told), getattr(was, told))
    with pytest.raises(ConnectionError, match="the recording has ended"):
        replay.read()


def test_points_that_are_left_out_were_not_measured(file: Path, city: Case, frames: list[Frame]) -> None:
    gone = ("bus.2.vm_pu", "generator.1.on", *(f"branch.{branch}.closed" for branch in range(city.network.n_branch)))
    replay = Replay(edited(file, without(*gone)), city.network)
    for _ in range(4):
        frame = replay.read()
    assert frame.bus.vm_pu.at(2).quality is Quality.MISSING
    assert frame.generator.on.at(1).quality is Quality.MISSING
    assert frame.generator.on.at(0).quality is Quality.GOOD
    assert frame.branch.closed is None
    estimate = Estimator(city.network).estimate(frame)
    assert estimate.injection.generator_on[1]
    assert not frames[3].branch.closed.value[1]
    np.testing.assert_array_equal(estimate.closed, city.network.branch.closed)


def test_a_recording_of_the_first_format_is_read_as_it_was(city: Case) -> None:
    """It was written before there were reasons, times and deviations of points, by the command of then."""
    simulator = Simulator(city, START, 5)
    protection = simulator.parts.protection
    assert protection is not None
    protection.cold_load = ColdLoadModel(scale=0.0, reconnection_minutes=0.0)  # nobody had thought of it then
    replay = Replay(Path(__file__).with_name("recording_of_first_format.csv"), city.network)
    for hour in range(3):
        if hour == 1:
            simulator.events = EVENTS
        was, now = simulator.read(), replay.read()
        for element in ("bus", "branch", "load", "generator"):
            for field in fields(getattr(was, element)):
                expected, found = (getattr(getattr(one, element), field.name) for one in (was, now))
                if expected is None:
                    assert found is None
                    continue
                np.testing.assert_allclose(found.value, expected.value, rtol=1e-12)  # processors round differently
                np.testing.assert_array_equal(found.reason, expected.reason)
                quality = expected.quality.copy()
                if hour == 2 and field.name == "vm_pu" and element == "bus":
                    quality[3] = Quality.SUSPECT  # as somebody had noted in the file
                np.testing.assert_array_equal(found.quality, quality)
                assert np.isnan(found.standard_deviation).all()
                assert {found.at(place).measured_at for place in range(len(found))} == {now.measured_at}
        simulator.advance(timedelta(hours=1))
    with pytest.raises(ConnectionError):
        replay.read()


@pytest.mark.parametrize(
    ("change", "row", "column", "words"),
    [
        (put(4, "load.3.p_mw", "much"), "row 4", "load.3.p_mw", "must be a number"),
        (put(4, "load.3.p_mw", "inf"), "row 4", "load.3.p_mw", "must be a number"),
        (put(3, "weather.ambient_c", ""), "row 3", "weather.ambient_c", "must be a number"),
        (put(5, "branch.2.closed", "open"), "row 5", "branch.2.closed", "must be 0 or 1"),
        (put(6, "bus.3.vm_pu.quality", "bad"), "row 6", "bus.3.vm_pu.quality", "good, suspect, missing"),
        (put(6, "bus.3.vm_pu.reason", "bored"), "row 6", "bus.3.vm_pu.reason", "none, no_answer, stuck"),
        (put(6, "load.3.p_mw.standard_deviation", "-1"), "row 6", "load.3.p_mw.standard_deviation", "0 or more"),
        (put(6, "bus.3.vm_pu.measured_at", "then"), "row 6", "bus.3.vm_pu.measured_at", "must be a time"),
        (put(1, "bus.5.vm_pu", NOT_OF_SWITCHES), "row 1", NOT_OF_SWITCHES, "no point"),
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


def retimed(path: Path, form: str) -> Path:
    """The recording with all its times, those of points too, written by a format of strftime; they are in UTC."""

    def change(cells: Cells) -> None:
        for place, name in enumerate(cells[0]):
            if name == "time" or name.endswith(".measured_at"):
                for row in cells[1:]:
                    row[place] = row[place] and f"{datetime.fromisoformat(row[place]):{form}}"

    return edited(path, change)


@pytest.mark.parametrize(
    ("form", "option"),
    [
        ("%d/%m/%Y %H:%M:%S.%f", ""),
        ("%m/%d/%Y %I:%M:%S.%f %p", ""),
        ("%d.%m.%Y %H:%M:%S.%f", ""),
        ("%Y%m%dT%H%M%S%z", ""),
        ("%d|%m|%Y %H:%M:%S.%f", "?time-format=%d|%m|%Y %H:%M:%S.%f"),
    ],
)
def test_a_recording_may_write_its_times_in_any_one_way(
    file: Path, city: Case, frames: list[Frame], form: str, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        source = open_source(f"replay:{retimed(file, form)}{option}", city, START, 1).source
    for frame in frames:
        read = source.read()
        assert read.measured_at == frame.measured_at
        was, now = frame.bus.vm_pu.measured_at, read.bus.vm_pu.measured_at
        near = np.timedelta64(0 if "%f" in form else 1000, "ms")
        assert (np.abs(was - now) <= near).all()
    if "/" in form:
        assert "day.csv: times are read with the" in caplog.text
        assert "'15/01/2026" in caplog.text or "'01/15/2026" in caplog.text


def days_below_thirteen(path: Path, form: str) -> Path:
    return edited(
        retimed(path, form),
        lambda cells: cells.__setitem__(
            slice(1, None), [[one.replace("15/01", "04/03") for one in row] for row in cells[1:]]
        ),
    )


def test_days_that_may_be_months_are_asked_for_and_read_as_said(file: Path, city: Case) -> None:
    path = days_below_thirteen(file, "%d/%m/%Y %H:%M:%S.%f")
    with pytest.raises(CaseError, match="2026-03-04 or 2026-04-03") as refused:
        open_source(f"replay:{path}", city, START, 1)
    assert (refused.value.element, refused.value.field) == ("row 2", "time")
    assert "say replay:FILE.csv?day-first, replay:FILE.csv?month-first or" in str(refused.value)
    for option, month in (("day-first", 3), ("month-first", 4)):
        frame = open_source(f"replay:{path}?{option}", city, START, 1).source.read()
        assert frame.measured_at.month == month
        assert {frame.bus.vm_pu.at(place).measured_at.month for place in range(city.network.n_bus)} == {month}
    with pytest.raises(CaseError, match="after \\? there may be day-first, month-first or time-format=FORMAT"):
        open_source(f"replay:{path}?backwards", city, START, 1)


def test_rows_are_named_as_a_spreadsheet_counts_them(file: Path, city: Case) -> None:
    path = edited(retimed(file, "%d/%m/%Y %H:%M:%S.%f"), lambda cells: cells.insert(2, [""]))
    text = path.read_text(encoding="utf-8").replace("15/01/2026 11", "01/15/2026 11")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        CaseError, match=r"in row 8 can only have the month first, '15/01/2026 06:00:00\.000000' in row 2"
    ) as refused:
        Replay(path, city.network)
    assert refused.value.element == "row 8"
