"""A limit on lines of the log that repeat: who makes the server say the same again and again fills no disk with it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

MOST_LINES = 10
WINDOW_S = 60.0


@dataclass
class _Window:
    """What one place has said since began_s: lines, and how many more were left out."""

    began_s: float
    lines: int = 1
    left_out: int = 0


class RepeatLimit(logging.Filter):
    """Lets through so many lines a window from one place of the code; an exception's place is where it was raised.

    The last one says that more are left out, and the first of a later window how many were.
    """

    def __init__(
        self, most_lines: int = MOST_LINES, window_s: float = WINDOW_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._most_lines, self._window_s, self._clock = most_lines, window_s, clock
        self._windows: dict[tuple[object, ...], _Window] = {}  # as many as there are places
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; named by logging."""
        place, now_s = _place_of(record), self._clock()
        with self._lock:
            window = self._windows.get(place)
            if window is None or now_s - window.began_s >= self._window_s:
                self._windows[place] = _Window(now_s)
                note = f"{window.left_out} times suppressed before" if window and window.left_out else ""
            elif window.lines < self._most_lines:
                window.lines += 1
                note = "more are suppressed for a while" if window.lines == self._most_lines else ""
            else:
                window.left_out += 1
                return False
        if note:
            record.msg, record.args = f"{record.getMessage()} ({note})", ()
        return True


def _place_of(record: logging.LogRecord) -> tuple[object, ...]:
    """Where a line comes from, whatever it says: what a request brings along makes no other place of it."""
    raised = record.exc_info[2] if record.exc_info else None
    return record.pathname, record.lineno, record.levelno, *_raised_at(raised)


def _raised_at(trace: TracebackType | None) -> tuple[object, ...]:
    if trace is None:
        return ()
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno
