"""Faulty readings are found and replaced by the last good ones."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from grid.cases.case import Case
from grid.estimation.substitution import IDENTICAL_READINGS, Estimator
from grid.sources.simulator import Simulator
from grid.telemetry import BusPoints, Event, EventKind, GeneratorPoints, LoadPoints, Points, Quality, Reason
from tests.cases import shared_case


def case() -> Case:
    return shared_case("city8")


def rig() -> tuple[Simulator, Estimator]:
    return Simulator(case(), datetime(2026, 6, 21, 12), 1), Estimator(case().network)


def fault(kind: EventKind, bus: int) -> tuple[Event, ...]:
    return (Event(1, kind, bus, "", 1.0, datetime(2026, 6, 21, 12)),)


def test_good_readings_are_used_as_they_are() -> None:
    source, estimator = rig()
    for _ in range(5):
        source.advance(timedelta(minutes=15))
        frame = source.read()
        estimate = estimator.estimate(frame)
        np.testing.assert_array_equal(estimate.injection.load_p_mw, frame.load.p_mw.value)
        assert not estimate.suspect_bus.any()


def test_missing_readings_are_replaced_by_the_last_good_ones_and_their_bus_is_suspect() -> None:
    source, estimator = rig()
    good = estimator.estimate(source.read()).injection.load_p_mw
    source.events = fault(EventKind.SENSOR_GONE, 3)
    for _ in range(3):
        estimate = estimator.estimate(source.read())
        here = case().network.load.bus == 3
        np.testing.assert_array_equal(estimate.injection.load_p_mw[here], good[here])
        assert estimate.suspect_bus.nonzero()[0].tolist() == [3]
    source.events = ()
    assert not estimator.estimate(source.read()).suspect_bus.any()


def test_a_stuck_sensor_is_found_although_it_says_that_it_is_good() -> None:
    source, estimator = rig()
    estimator.estimate(source.read())
    source.events = fault(EventKind.SENSOR_STUCK, 4)
    suspect = [estimator.estimate(source.read()).suspect_bus for _ in range(IDENTICAL_READINGS)]
    assert not suspect[0].any()
    assert suspect[-1].nonzero()[0].tolist() == [4]


def test_what_is_stuck_is_said_in_the_frame_with_the_value_as_it_came() -> None:
    source, estimator = rig()
    estimator.estimate(source.read())
    source.events = fault(EventKind.SENSOR_STUCK, 4)
    for _ in range(IDENTICAL_READINGS):
        frame = source.read()
        judged = estimator.estimate(frame).frame
    assert frame.bus.vm_pu.at(4).quality is Quality.GOOD
    seen = judged.bus.vm_pu.at(4)
    assert (seen.value, seen.quality, seen.reason) == (frame.bus.vm_pu.value[4], Quality.SUSPECT, Reason.STUCK)
    assert judged.bus.vm_pu.is_good.sum() == case().network.n_bus - 1
    assert judged.weather is frame.weather


def test_a_quantity_that_is_not_measured_at_all_makes_nothing_suspect() -> None:
    """Reactive powers then follow the active ones at the case's power factors, all else is as the case has it."""
    source, estimator = rig()
    source.advance(timedelta(hours=5))
    frame, network = source.read(), case().network
    bare = replace(
        frame,
        bus=BusPoints(),
        branch=replace(frame.branch, p_from_mw=None, closed=None),
        load=LoadPoints(p_mw=frame.load.p_mw),
        generator=GeneratorPoints(),
    )
    for _ in range(IDENTICAL_READINGS):
        estimate = estimator.estimate(bare)
        bare = replace(bare, load=LoadPoints(p_mw=replace(bare.load.p_mw, value=bare.load.p_mw.value * 1.01)))
    injection = estimate.injection
    assert not estimate.suspect_bus.any()
    assert (network.load.p_mw > 0).all()
    power_factor = network.load.q_mvar / network.load.p_mw
    np.testing.assert_allclose(injection.load_q_mvar / injection.load_p_mw, power_factor)
    np.testing.assert_array_equal(injection.generator_p_mw, network.generator.p_mw)
    np.testing.assert_array_equal(injection.generator_vm_pu, network.generator.vm_pu)
    assert injection.generator_on.all()
    np.testing.assert_array_equal(estimate.closed, network.branch.closed)


def test_a_switch_that_does_not_answer_is_where_it_was_last() -> None:
    source, estimator = rig()
    source.events = fault(EventKind.LINE_OUTAGE, 8)
    frame = source.read()
    assert not estimator.estimate(frame).closed[8]
    closed = frame.branch.closed
    silent = replace(
        closed, value=np.ones(len(closed), dtype=bool), quality=np.full(len(closed), Quality.MISSING, dtype=np.int8)
    )
    estimate = estimator.estimate(replace(frame, branch=replace(frame.branch, closed=silent)))
    np.testing.assert_array_equal(estimate.closed, closed.value)


def test_a_reading_that_was_never_good_is_the_cases_own() -> None:
    source, estimator = rig()
    frame = source.read()
    nothing = Points.of(
        np.full(len(case().network.load), np.nan), measured_at=frame.measured_at, received_at=frame.received_at
    )
    estimate = estimator.estimate(replace(frame, load=replace(frame.load, p_mw=nothing)))
    np.testing.assert_array_equal(estimate.injection.load_p_mw, case().network.load.p_mw)


def test_values_that_are_really_zero_are_not_stuck() -> None:
    source, estimator = rig()
    source.events = fault(EventKind.LINE_OUTAGE, 8)  # the Shopping Complex is dark: its load and voltage stay zero
    for _ in range(IDENTICAL_READINGS + 2):
        estimate = estimator.estimate(source.read())
    assert not estimate.suspect_bus.any()
