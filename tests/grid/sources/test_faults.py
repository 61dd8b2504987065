"""What comes back with supply in the simulated grid."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from grid.protection.cold_load import ColdLoadModel
from grid.sources.simulator import Simulator
from grid.telemetry import Event, EventKind, Frame
from tests.cases import shared_case

NOON, MINUTE = datetime(2026, 6, 21, 12), timedelta(minutes=1)


def branch(name: str) -> int:
    return shared_case("city8").network.branch.name.index(name)


def pair(scale: float = 1.0) -> tuple[Simulator, Simulator]:
    """One grid twice, of which the second will be disturbed."""
    grids = []
    for _ in range(2):
        grid = Simulator(shared_case("city8"), NOON, 3)
        protection = grid.parts.protection
        assert protection is not None
        protection.cold_load = ColdLoadModel(scale=scale)
        grids.append(grid)
    return grids[0], grids[1]


def both(calm: Simulator, disturbed: Simulator, minutes: float) -> tuple[Frame, Frame]:
    frames = []
    for grid in (calm, disturbed):
        grid.advance(minutes * MINUTE)
        frames.append(grid.read())
    return frames[0], frames[1]


def power(frame: Frame, name: str) -> float:
    network = shared_case("city8").network
    assert frame.load.p_mw is not None
    return float(frame.load.p_mw.value[[network.bus.name[bus] == name for bus in network.load.bus]].sum())


def outage() -> Event:
    return Event(1, EventKind.LINE_OUTAGE, branch("Campus Line"), "", 1.0, NOON)


def test_dark_loads_come_back_at_their_own_course_times_the_pick_up() -> None:
    calm, disturbed = pair()
    both(calm, disturbed, 10)
    disturbed.events = (outage(),)
    _, dark = both(calm, disturbed, 0)
    assert power(dark, "University Campus") == 0
    for _ in range(12):
        both(calm, disturbed, 10)
    disturbed.events = ()
    first, back = both(calm, disturbed, 0)
    expected = ColdLoadModel().factor(["commercial"], 120.0, np.array([[0.0], [30.0], [240.0]]))[:, 0]
    assert expected[0] > 1.7
    ratio = power(back, "University Campus") / power(first, "University Campus")
    assert ratio == pytest.approx(expected[0], rel=0.02)  # instruments have half a percent
    assert power(back, "Industrial Zone") == pytest.approx(power(first, "Industrial Zone"), rel=0.02)
    later, still = both(calm, disturbed, 30)
    assert power(still, "University Campus") / power(later, "University Campus") == pytest.approx(expected[1], rel=0.02)
    for _ in range(7):
        later, still = both(calm, disturbed, 30)
    assert power(still, "University Campus") / power(later, "University Campus") == pytest.approx(expected[2], rel=0.02)


def test_without_pick_up_they_take_what_they_would_have_taken() -> None:
    calm, disturbed = pair(scale=0.0)
    disturbed.events = (outage(),)
    for _ in range(6):
        both(calm, disturbed, 20)
    disturbed.events = ()
    first, back = both(calm, disturbed, 0)
    assert power(back, "University Campus") == pytest.approx(power(first, "University Campus"), rel=0.02)


def test_generators_wait_until_they_are_connected_again() -> None:
    calm, disturbed = pair()
    generator = shared_case("city8").network.generator
    campus = generator.name.index("Campus PV")
    disturbed.events = (outage(),)
    _, dark = both(calm, disturbed, 10)
    assert not dark.generator.on.value[campus]  # type: ignore[union-attr]
    disturbed.events = ()
    for minutes, on in ((0, False), (4, False), (1, True)):
        _, frame = both(calm, disturbed, minutes)
        assert frame.generator.on is not None
        assert frame.generator.on.value[campus] == on
        assert frame.generator.on.value.sum() == len(generator) - (not on)
        if not on:
            assert frame.generator.p_mw is not None
            assert frame.generator.p_mw.value[campus] == 0
