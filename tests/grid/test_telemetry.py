"""A frame's points: every value has its own quality, reason, times and standard deviation, whether shared or not."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from grid.sources.simulator import Simulator
from grid.telemetry import Points, Quality, Reason
from tests.cases import shared_case

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=2)


def test_what_is_nan_is_missing_as_nothing_answered() -> None:
    points = Points.of(np.array([1.0, np.nan]), measured_at=NOON, received_at=LATER)
    assert points.is_good.tolist() == [True, False]
    missing = points.at(1)
    assert (missing.quality, missing.reason) == (Quality.MISSING, Reason.NO_ANSWER)
    assert (points.at(0).quality, points.at(0).reason) == (Quality.GOOD, Reason.NONE)


def test_one_time_for_all_is_the_time_of_each_and_takes_no_memory() -> None:
    points = Points.of(np.ones(10_000), measured_at=NOON, received_at=LATER)
    assert points.at(9_999).measured_at == NOON
    assert points.received_at[9_999] == np.datetime64("2026-06-21T12:00:02")
    shared = (points.quality, points.reason, points.measured_at, points.received_at, points.standard_deviation)
    for array in shared:
        assert array.shape == (10_000,)
        assert array.strides == (0,)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]


def test_each_point_may_have_its_own_of_everything() -> None:
    points = Points.of(
        np.array([1.0, 2.0]),
        measured_at=np.array(["2026-06-21T11:59", "2026-06-21T12:00"], dtype="datetime64[ms]"),
        received_at=LATER,
        quality=np.array([Quality.SUSPECT, Quality.GOOD], dtype=np.int8),
        reason=np.array([Reason.OLD_DATA, Reason.SUBSTITUTED], dtype=np.int8),
        standard_deviation=np.array([0.1, np.nan]),
    )
    first, second = points.at(0), points.at(1)
    assert (first.reason, first.standard_deviation, NOON - first.measured_at) == (
        Reason.OLD_DATA,
        0.1,
        timedelta(minutes=1),
    )
    assert points.is_good.tolist() == [False, True]  # a substituted value is used as it is
    assert np.isnan(second.standard_deviation)


def test_times_are_utc_whatever_their_zone() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=2)))
    assert Points.of(np.ones(1), measured_at=berlin, received_at=berlin).at(0).measured_at == NOON


def test_arrays_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unequal shapes: \(2,\), \(3,\)"):
        Points.of(np.ones(2), measured_at=NOON, received_at=NOON, quality=np.zeros(3, dtype=np.int8))


def test_the_simulator_says_how_good_its_instruments_are_and_they_are() -> None:
    simulator, errors = Simulator(shared_case("case118"), datetime(2026, 1, 15, 6), 3), []
    for _ in range(40):
        simulator.advance(timedelta(hours=1))
        points = simulator.read().bus.vm_pu
        assert points is not None
        truth = np.abs(simulator._voltage)
        errors.append((points.value - truth) / points.standard_deviation)
    assert np.std(errors) == pytest.approx(1.0, abs=0.03)
    assert abs(np.mean(errors)) < 0.05


@pytest.mark.parametrize("case", ["city8", "case14"])
def test_every_quantity_of_a_frame_has_a_point_for_each_element(case: str) -> None:
    network = shared_case(case).network
    frame = Simulator(shared_case(case), datetime(2026, 1, 15, 6), 3).read()
    counts = {
        "bus": network.n_bus,
        "branch": network.n_branch,
        "load": len(network.load),
        "generator": len(network.generator),
    }
    for element, count in counts.items():
        quantities = getattr(frame, element)
        measured = [getattr(quantities, field.name) for field in fields(quantities)]
        assert {len(points) for points in measured if points is not None} == {count}
    assert frame.branch.temperature_c is None  # the simulator has no such instruments
