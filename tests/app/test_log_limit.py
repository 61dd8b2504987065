"""Lines that repeat are written some times a minute, and it is said how many were left out."""

import io
import logging

import pytest

from app.log_limit import RepeatLimit


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written(clock: Clock) -> io.StringIO:
    """What the logger `limited` writes, three lines in 60 s from one place."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(RepeatLimit(3, 60.0, clock))
    log = logging.getLogger("limited")
    log.handlers, log.propagate = [handler], False
    return text


def complain(what: str) -> None:
    logging.getLogger("limited").warning("no %s", what)


def fail(at: int) -> None:
    try:
        if at == 0:
            raise ValueError("first")
        raise KeyError("second")
    except (ValueError, KeyError):
        logging.getLogger("limited").exception("failed")


def test_some_are_written_and_the_number_of_the_others_is_told(written: io.StringIO, clock: Clock) -> None:
    for number in range(1000):
        complain(str(number))
    assert written.getvalue().splitlines() == ["no 0", "no 1", "no 2 (more are suppressed for a while)"]
    clock.now_s = 60.0
    complain("other")
    clock.now_s = 200.0
    complain("other")
    assert written.getvalue().splitlines()[3:] == ["no other (997 times suppressed before)", "no other"]


def test_another_place_has_lines_of_its_own_and_so_has_another_error(written: io.StringIO) -> None:
    for _ in range(10):
        complain("x")
        fail(0)
        fail(1)
    text = written.getvalue()
    assert [text.count(what) for what in ("no x", "ValueError: first", "KeyError: 'second'")] == [3, 3, 3]
