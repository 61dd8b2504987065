"""Drivers of an asset's failure rate: known, awaited from a process that is busy, or not known as it is down."""

import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from app.learning.process import LearningDownError
from app.learning.requests import Drivers
from app.maintenance.drivers import DriverDesk, DriversFound, DriversState
from app.maintenance.view_asset import NO_DRIVERS
from tests.app.learning_here import LearningHere
from tests.cases import shared_case

LONG_S = 240.0
NETWORK, OTHER = (shared_case(spec).network for spec in ("city8", "case14"))


class Busy(LearningHere):
    """Answers when it is let go, with how often it has been asked."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), 0

    def ask(self, request: Any, *_rest: Any, **_more: Any) -> Any:
        if not self.generation:
            raise LearningDownError("the test has taken it down")
        self.asked += 1
        assert self.go.wait(LONG_S)
        return {"load": float(self.asked)}


@pytest.fixture
def busy() -> Iterator[Busy]:
    learning = Busy()
    yield learning
    learning.go.set()


def look(
    desk: DriverDesk, branch: int = 3, as_of: int = 0, most_s: float = LONG_S, network: Any = NETWORK
) -> DriversFound:
    return desk.of(network, branch, as_of, lambda: Drivers(features=pd.DataFrame()), most_s)


def test_an_answer_that_comes_late_is_announced_kept_and_asked_for_once(busy: Busy) -> None:
    desk = DriverDesk(busy)
    before = desk.mark(NETWORK, 3)
    assert look(desk, most_s=0.0).state is DriversState.AWAITED
    after = desk.mark(NETWORK, 3)
    assert after != before
    assert look(desk, as_of=1, most_s=0.0).state is DriversState.AWAITED
    assert desk.mark(NETWORK, 3) not in (before, after)
    assert desk.mark(NETWORK, 4) == before
    busy.go.set()
    found, told = look(desk, as_of=1), desk.mark(NETWORK, 3)
    assert (found.state, found.adds, busy.asked) == (DriversState.KNOWN, {"load": 1.0}, 1)
    assert look(desk, as_of=1).adds == {"load": 2.0}  # those were as of an earlier moment
    assert look(desk, as_of=1).adds == {"load": 2.0}
    assert desk.mark(NETWORK, 3) == told


def test_another_network_has_drivers_of_its_own(busy: Busy) -> None:
    desk = DriverDesk(busy)
    assert look(desk, most_s=0.0).state is DriversState.AWAITED
    busy.go.set()
    assert look(desk).adds == {"load": 1.0}
    assert look(desk, network=OTHER).adds == {"load": 2.0}


def test_what_is_down_is_asked_again_when_it_is_up(busy: Busy) -> None:
    desk = DriverDesk(busy)
    busy.go.set()
    busy.stop()
    down = desk.mark(NETWORK, 3)
    assert look(desk).state is DriversState.DOWN
    assert desk.mark(NETWORK, 3) == down
    busy.come_back()
    assert desk.mark(NETWORK, 3) != down
    assert look(desk).state is DriversState.KNOWN


def test_an_error_of_what_learns_is_not_taken_for_an_answer(monkeypatch: pytest.MonkeyPatch, busy: Busy) -> None:
    def broken(*_: Any, **_more: Any) -> Any:
        raise ValueError("odd features")

    desk = DriverDesk(busy)
    with monkeypatch.context() as patch:
        patch.setattr(busy, "ask", broken)
        with pytest.raises(ValueError, match="odd features"):
            look(desk)
    busy.go.set()
    assert look(desk).state is DriversState.KNOWN


def test_every_state_without_drivers_has_its_words() -> None:
    assert set(NO_DRIVERS) == set(DriversState)
    assert all(words or state is DriversState.KNOWN for state, words in NO_DRIVERS.items())
