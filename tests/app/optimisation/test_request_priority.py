"""Courtesy: who asks goes first, but not for ever."""

from contextlib import ExitStack

from app.optimisation.request_priority import LOOK_S, QUIET_S, Patience, RequestPriority


class Clock:
    """A clock that is set by hand, or by who sleeps on it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_is_quiet_until_somebody_asks_and_a_while_after() -> None:
    clock = Clock()
    priority = RequestPriority(clock)
    assert priority.quiet
    with priority.asking():
        clock.now = 10.0
        assert not priority.quiet
    clock.now += 0.9 * QUIET_S
    assert not priority.quiet
    clock.now += 0.2 * QUIET_S
    assert priority.quiet


def test_two_that_ask_are_waited_for_and_a_failure_ends_asking_too() -> None:
    clock = Clock()
    priority = RequestPriority(clock)
    try:
        with priority.asking():
            with priority.asking():
                pass
            clock.now = 100.0
            assert not priority.quiet
            raise ValueError
    except ValueError:
        clock.now = 200.0
    assert priority.quiet


def test_work_waits_while_somebody_is_answered_but_no_longer_than_it_says() -> None:
    clock = Clock()
    priority = RequestPriority(clock, clock.sleep)
    with priority.asking():
        priority.give_way(0.2)
    assert 0.2 <= clock.now <= 0.2 + 2 * LOOK_S


def test_work_goes_on_as_soon_as_the_answer_is_given() -> None:
    clock, asking = Clock(), ExitStack()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now >= 0.1:
            asking.close()

    priority = RequestPriority(clock, sleep)
    asking.enter_context(priority.asking())
    priority.give_way(10.0)
    assert 0.1 <= clock.now <= 0.1 + 2 * LOOK_S


def test_work_goes_on_at_once_where_nobody_asks() -> None:
    clock = Clock()
    RequestPriority(clock, clock.sleep).give_way(10.0)
    assert clock.now == 0.0


def test_work_that_pauses_often_waits_for_so_long_in_all_until_its_patience_is_renewed() -> None:
    clock = Clock()
    priority = RequestPriority(clock, clock.sleep)
    patience = Patience(priority, 0.5, clock)
    patience.give_way()
    assert clock.now == 0.0  # nobody asks
    with priority.asking():
        for _ in range(3):
            patience.give_way()
        assert 0.5 <= clock.now <= 0.5 + 2 * LOOK_S
        patience.renew()
        patience.give_way()
        assert 1.0 <= clock.now <= 1.0 + 4 * LOOK_S
