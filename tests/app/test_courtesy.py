"""Courtesy: who asks goes first, but not for ever."""

import threading
import time

from app.courtesy import QUIET_S, Courtesy


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_quiet_until_somebody_asks_and_a_while_after() -> None:
    clock = Clock()
    courtesy = Courtesy(clock)
    assert courtesy.quiet
    with courtesy.asking():
        clock.now = 10.0
        assert not courtesy.quiet
    clock.now += 0.9 * QUIET_S
    assert not courtesy.quiet
    clock.now += 0.2 * QUIET_S
    assert courtesy.quiet


def test_two_that_ask_are_waited_for_and_a_failure_ends_asking_too() -> None:
    clock = Clock()
    courtesy = Courtesy(clock)
    try:
        with courtesy.asking():
            with courtesy.asking():
                pass
            clock.now = 100.0
            assert not courtesy.quiet
            raise ValueError
    except ValueError:
        clock.now = 200.0
    assert courtesy.quiet


def test_work_waits_for_the_answer_but_no_longer_than_it_says() -> None:
    courtesy, answered, began = Courtesy(), threading.Event(), threading.Event()

    def ask() -> None:
        with courtesy.asking():
            began.set()
            answered.wait(10)

    asker = threading.Thread(target=ask)
    asker.start()
    began.wait(10)
    before = time.monotonic()
    courtesy.give_way(0.2)
    assert 0.2 <= time.monotonic() - before < 5
    threading.Timer(0.1, answered.set).start()
    courtesy.give_way(10)
    assert not asker.is_alive() or answered.is_set()
    assert time.monotonic() - before < 5
    asker.join()
