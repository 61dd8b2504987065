"""How dates, times of day and offsets are written, word by word; which numbers are which is the column's to say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.datetime64]
"""(n,) moments in microseconds, NaT where unknown."""
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Found = TypeVar("Found")

FIRST_YEAR, LAST_YEAR = 1800, 2199
PIVOT = 69
"""Years of two digits from it on are of the last century, as POSIX has it."""
DAY_US = 86_400_000_000
COMPACT = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Formats of times without separators, by their number of digits."""
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)

_HALF = r" ?([ap])\.? ?m\.?"
_HALF_WORD = _HALF.replace("(", "").replace(")", "")
_CLOCK = rf"\d{{1,2}}[:.]\d\d(?:[:.]\d\d(?:[.,]\d{{1,9}})?)?(?:{_HALF_WORD})?|\d{{1,2}}{_HALF_WORD}|\d\d(?:\d\d){{0,2}}"
_DATE = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{4}-\d\d|\d{4}-?W\d\d(?:-?[1-7])?|\d{8}"
    r"|\d{1,2}[ ./-]{0,2}[a-z]{3,9}\.?[ ./,-]{0,2}\d{2,4}|[a-z]{3,9}\.? \d{1,2},? \d{4}"
)
_OFFSET = r" ?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_FLAGS = re.ASCII | re.IGNORECASE
WORD = re.compile(rf"({_DATE})(?:(?:T| *, *| +)({_CLOCK})({_OFFSET})?)?", _FLAGS)
TIME_OF_DAY = re.compile(rf"\d{{1,2}}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:{_HALF_WORD})?", _FLAGS)
CLOCK = re.compile(rf"(\d{{1,2}})(?:[:.](\d\d)(?:[:.](\d\d)(?:[.,](\d{{1,9}}))?)?)?(?:{_HALF})?", _FLAGS)
CLOCK_BASIC = re.compile(r"(\d\d)(\d\d)(\d\d)?", re.ASCII)
NUMERIC = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
WEEK = re.compile(r"(\d{4})-?W(\d\d)(?:-?([1-7]))?", _FLAGS)
NAMED = re.compile(r"(\d{1,2})([ ./-]{0,2})([a-z]{3,9})\.?[ ./,-]{0,2}(\d{4}|\d\d)", _FLAGS)
NAMED_AMERICAN = re.compile(r"([a-z]{3,9})\.? (\d{1,2}),? (\d{4})", _FLAGS)


class DateOrder(StrEnum):
    """What comes first in a date of numbers."""

    DAY_FIRST = "day"
    MONTH_FIRST = "month"
    YEAR_FIRST = "year"


class DateKind(StrEnum):
    """How a date is written; where it tells the order itself, the value says by what."""

    YEAR_FIRST = "the year stands first"
    WEEK = "weeks are counted"
    MONTH = "there is no day"
    NAMED = "the month has its name"
    NAMED_SHORT = "the month has its name, and the year two digits"
    FULL = "numbers, the last of which is a year"
    SHORT = "numbers of two digits"


UNORDERED = (DateKind.FULL, DateKind.SHORT)
"""Dates whose order the column has to tell."""
TWO_DIGITS = (DateKind.SHORT, DateKind.NAMED_SHORT)
"""Dates whose year has two digits."""


@dataclass(frozen=True, kw_only=True)
class DateStyle:
    """What dates of one column share."""

    kind: DateKind
    separator: str = ""


@dataclass(frozen=True, kw_only=True)
class DateWord:
    """A date: its numbers as they stand there where the order isn't known, else year, month and day."""

    style: DateStyle
    numbers: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class ClockWord:
    """A time of day, in microseconds since midnight; halves: whether it says AM or PM."""

    microseconds: int
    halves: bool


class Known(Generic[Found]):
    """Texts that were read once, of which a column repeats many."""

    def __init__(self, read: Callable[[str], Found | None]) -> None:
        self._read, self._place = read, dict[str, int]()
        self.found: list[Found] = []

    def place(self, text: str | None) -> int:
        """Of a text in found; -1 where there is no text, -2 where it can't be read."""
        if text is None:
            return -1
        place = self._place.get(text)
        if place is None:
            found = self._read(text)
            place = -2 if found is None else len(self.found)
            self._place[text] = place
            if found is not None:
                self.found.append(found)
        return place


def split(word: str, dates: Known[DateWord], clocks: Known[ClockWord], offsets: Known[int]) -> tuple[int, int, int]:
    """Places of a word's date, time of day and offset among those known."""
    match = WORD.fullmatch(word)
    if match is None:
        return -2, -1, -1
    return dates.place(match[1]), clocks.place(match[2]), offsets.place(match[3])


def plain(word: str) -> str:
    """With plain spaces, also where a program has put narrow or unbreakable ones."""
    return word.replace("\u202f", " ").replace("\u00a0", " ").strip()


def date_of(text: str) -> DateWord | None:
    """A date by its shape; None where it is none, or names a month or week that isn't."""
    if match := NUMERIC.fullmatch(text):
        return _of_numbers(match[1], match[3], match[4], match[2])
    if len(text) == 8 and text.isdigit():
        return _of_numbers(text[:4], text[4:6], text[6:], "")
    if len(text) == 7 and text[4] == "-" and text[5:].isdigit():
        return DateWord(style=DateStyle(kind=DateKind.MONTH), numbers=(int(text[:4]), int(text[5:]), 1))
    if match := WEEK.fullmatch(text):
        return _of_week(int(match[1]), int(match[2]), int(match[3] or 1))
    if match := NAMED.fullmatch(text):
        return _of_name(match[1], match[3], match[4], match[2])
    if match := NAMED_AMERICAN.fullmatch(text):
        return _of_name(match[2], match[1], match[3], ",")
    return None


def _of_numbers(first: str, second: str, third: str, separator: str) -> DateWord | None:
    kinds = {(4, 1): DateKind.YEAR_FIRST, (4, 2): DateKind.YEAR_FIRST}
    kinds |= {(digits, 4): DateKind.FULL for digits in (1, 2)} | {(digits, 2): DateKind.SHORT for digits in (1, 2)}
    kind = kinds.get((len(first), len(third)))
    if kind is None:
        return None
    return DateWord(style=DateStyle(kind=kind, separator=separator), numbers=(int(first), int(second), int(third)))


def _of_week(year: int, week: int, day: int) -> DateWord | None:
    try:
        found = date.fromisocalendar(year, week, day)
    except ValueError:
        return None
    return DateWord(style=DateStyle(kind=DateKind.WEEK), numbers=(found.year, found.month, found.day))


def _of_name(day: str, name: str, year: str, separator: str) -> DateWord | None:
    """A date whose month has its English name, or the first three letters or more of it."""
    wanted = "sep" if name.lower() == "sept" else name.lower()
    months = [number for number, month in enumerate(MONTHS, start=1) if month.startswith(wanted)]
    if len(months) != 1:
        return None
    kind = DateKind.NAMED if len(year) == 4 else DateKind.NAMED_SHORT
    whole = int(year) if len(year) == 4 else int(_with_century(np.array(int(year))))
    return DateWord(style=DateStyle(kind=kind, separator=separator), numbers=(whole, months[0], int(day)))


def clock_of(text: str) -> ClockWord | None:
    """A time of day up to 24:00; None where no clock shows it."""
    if match := CLOCK_BASIC.fullmatch(text):
        hour, minute, second, fraction, half = match[1], match[2], match[3], None, None
    elif match := CLOCK.fullmatch(text):
        hour, minute, second, fraction, half = match.groups()
    else:
        return None
    hours, minutes, seconds = int(hour), int(minute or 0), int(second or 0)
    if half is not None:
        if hours > 12 or (hours == 0 and half in "pP"):
            return None
        hours = hours % 12 + (12 if half in "pP" else 0)
    total = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + int(((fraction or "") + "000000")[:6])
    if minutes > 59 or seconds > 59 or total > DAY_US:
        return None
    return ClockWord(microseconds=total, halves=half is not None)


def offset_of(text: str) -> int | None:
    """Minutes ahead of UTC; None where no clock is."""
    sign, digits = text.strip()[0], text.strip()[1:].replace(":", "")
    if sign not in "+-":
        return 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 15 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if sign == "-" else 1)


def offset_name(minutes: int) -> str:
    """An offset as ISO 8601 writes it."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def days_of(numbers: Whole, style: DateStyle, order: DateOrder) -> NDArray[np.datetime64]:
    """(n,) days of (n, 3) numbers, NaT where the calendar has none, or one far from all that is measured."""
    first, second, third = numbers.T
    if style.kind not in UNORDERED or order is DateOrder.YEAR_FIRST:
        year, month, day = first, second, third
    elif order is DateOrder.DAY_FIRST:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    if style.kind is DateKind.SHORT:
        year = _with_century(year)
    starts = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = starts.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == starts)
    fits &= (year >= FIRST_YEAR) & (year <= LAST_YEAR)
    return np.where(fits, days, np.datetime64("NaT"))


def _with_century(years: Whole) -> Whole:
    return years + np.where(years < PIVOT, 2000, 1900)


def far(moments: Moments) -> Flags:
    """(n,) whether a moment is far from all that is measured."""
    years = moments.astype("datetime64[Y]").astype(np.int64) + 1970
    return (years < FIRST_YEAR) | (years > LAST_YEAR)


def compact_moments(words: list[str], digits: int) -> Moments:
    """(n,) moments of words of 8, 10, 12 or 14 digits without separators, NaT where they are none."""
    whole = np.array([len(word) == digits for word in words])
    full = np.array([int(word.partition(".")[0][:14].ljust(14, "0")) for word in words], dtype=np.int64)
    parts = np.stack([full // 10**10, full // 10**8 % 100, full // 10**6 % 100], axis=1)
    hour, minute, second = full // 10**4 % 100, full // 100 % 100, full % 100
    days = days_of(parts, DateStyle(kind=DateKind.YEAR_FIRST), DateOrder.YEAR_FIRST).astype("datetime64[us]")
    found = days + (((hour * 60 + minute) * 60 + second) * 1_000_000).astype("timedelta64[us]")
    return np.where(whole & (hour < 24) & (minute < 60) & (second < 60), found, np.datetime64("NaT"))


def count_in_microseconds(word: str, places: int) -> int:
    """Of a count in a unit that has so many decimal places in microseconds."""
    whole, _, part = word.partition(".")
    if places < 0:
        return int(whole) // 10**-places
    return int(whole) * 10**places + int((part + "000000")[:places] or 0)


def format_of(word: str, style: DateStyle) -> str:
    """A format that a word of an unknown order may have, the day first."""
    form = style.separator.join(("%d", "%m", "%Y" if style.kind is DateKind.FULL else "%y"))
    match = WORD.fullmatch(word)
    if match is None or match[2] is None:
        return form
    half = match[2].rstrip(". ")[-1] in "mM"
    seconds = match[2].count(":") == 2
    return f"{form} {'%I' if half else '%H'}:%M{':%S' if seconds else ''}{' %p' if half else ''}"


def shown(moment: np.datetime64) -> str:
    """A moment as people read it, seconds where there are some."""
    return str(moment.astype("datetime64[s]")).replace("T", " ").removesuffix(":00")
