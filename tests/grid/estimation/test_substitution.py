"""Faulty readings are found and replaced by the last good ones."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from grid.cases.case import Case
from grid.estimation.substitution import IDENTICAL_READINGS, Estimator
from grid.sources.simulator import Simulator
from grid.telemetry import Event, EventKind, Quality, Reading
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
        np.testing.assert_array_equal(estimate.injection.load_p_mw, frame.load_p_mw.value)
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


def test_a_reading_that_was_never_good_is_the_cases_own() -> None:
    source, estimator = rig()
    frame = source.read()
    n_load = len(case().network.load)
    nothing = Reading(np.full(n_load, np.nan), np.full(n_load, Quality.MISSING))
    estimate = estimator.estimate(replace(frame, load_p_mw=nothing))
    np.testing.assert_array_equal(estimate.injection.load_p_mw, case().network.load.p_mw)


def test_values_that_are_really_zero_are_not_stuck() -> None:
    source, estimator = rig()
    source.events = fault(EventKind.LINE_OUTAGE, 8)  # the Shopping Complex is dark: its load and voltage stay zero
    for _ in range(IDENTICAL_READINGS + 2):
        estimate = estimator.estimate(source.read())
    assert not estimate.suspect_bus.any()
