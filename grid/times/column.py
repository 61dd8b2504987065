"""Reads a column of times: the one reader of series, training tables, recordings and files of assets.

A column is read as a whole: how its times are written, and whether the day or the month comes first, is told by all its
rows together. What was inferred is told in notes; what nothing proves is asked for; what can't be read is refused with
its row and value. Understood are

- ISO 8601, extended and basic, with or without an offset (a week's date too), and `YYYY-MM` for its first day;
- day, month and year in any order with `/`, `-` or `.` between them; months by their English names; years of two
  digits;
- times of day to the minute, second or a fraction of it, with AM and PM, and 24:00 for the end of a day; a second
  column may hold them; of an interval `A - B` the begin is taken;
- seconds, milliseconds, microseconds or nanoseconds since 1970 (epoch);
- whatever a format of strptime says, where one is given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from grid.times.words import (
    COMPACT,
    DAY_US,
    FIRST_YEAR,
    LAST_YEAR,
    PIVOT,
    TIME_OF_DAY,
    TWO_DIGITS,
    UNORDERED,
    WORD,
    DateKind,
    DateOrder,
    DateStyle,
    Flags,
    Known,
    Moments,
    Whole,
    clock_of,
    compact_moments,
    count_in_microseconds,
    date_of,
    days_of,
    far,
    format_of,
    offset_name,
    offset_of,
    plain,
    shown,
    split,
)

FEWEST_FOR_STEP = 12
"""Distinct times from which on a regular step can prove the order of day and month."""
MOST_BREAKS = 0.1
"""Share of a step's breaks up to which it is regular."""
MINUTE_US = 60_000_000
EPOCHS = {
    "epoch_s": ("seconds", 6),
    "epoch_ms": ("milliseconds", 3),
    "epoch_us": ("microseconds", 0),
    "epoch_ns": ("nanoseconds", -3),
}
"""Names that stand for a format: the unit of a count since 1970, and its decimal places in microseconds."""
EPOCH_DIGITS = {digits + 3 * i: name for i, name in enumerate(EPOCHS) for digits in (9, 10)}
"""The unit of a count by its digits, from 1973 to 2286."""
SPREADSHEET_DIGITS = 5
"""Of a spreadsheet's count of days, from 1927 to 2173."""
EXAMPLE = "2024-03-31T00:00:00Z"
NUMBER = re.compile(r"\d+(?:\.\d*)?", re.ASCII)
ROUNDED = re.compile(r"\d(?:[.,]\d+)?e\+?\d+", re.ASCII | re.IGNORECASE)
MIDNIGHT = re.compile(r"(.*\d)[T ]0?0:00(?::00(?:\.0+)?)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class TimeNotation:
    """What is said of how times are written: a format of strptime or a name of EPOCHS, or the order; None: inferred."""

    format: str | None = None
    order: DateOrder | None = None


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """By which words a person says what a column doesn't; errors name them."""

    day_first: str = "--day-first"
    month_first: str = "--month-first"
    format: str = "--time-format FORMAT"
    two_columns: str = "--time DATE TIME"


class TimesError(ValueError):
    """A column of times can't be read, or not without being told how.

    problem: what is wrong and what would be right. place: of the word that is wrong, and row: its number; None for the
    column. second: whether it is in the second of two columns. ambiguous: whether only the order of day and month isn't
    known.
    """

    def __init__(
        self,
        problem: str,
        place: int | None = None,
        row: int | None = None,
        *,
        second: bool = False,
        ambiguous: bool = False,
    ) -> None:
        super().__init__(problem, place, row)
        self.problem, self.place, self.row, self.second, self.ambiguous = problem, place, row, second, ambiguous

    def __str__(self) -> str:
        return self.problem if self.row is None else f"row {self.row}: {self.problem}"


@dataclass(frozen=True, kw_only=True, eq=False)
class ColumnTimes:
    """A column's n times. wall: in UTC where absolute, else as some local clock showed them.

    dates_only: no row has a time of day. notes: what was inferred, in sentences. notation: with which single words of
    the same column are read in the same way.
    """

    wall: Moments
    absolute: bool
    dates_only: bool
    notes: tuple[str, ...]
    notation: TimeNotation


def read_times(
    words: Sequence[str],
    clock: Sequence[str] | None = None,
    *,
    notation: TimeNotation | None = None,
    options: TimeOptions | None = None,
    rows: Sequence[int] | None = None,
    some_offsets: bool = False,
) -> ColumnTimes:
    """Read a column of n times, or n dates and the n times of day of a second column.

    rows: (n,) numbers to name rows by; from 2 on where None, the header being row 1. some_offsets: times without an
    offset may stand beside others that have one, and are in UTC then. Raises TimesError.
    """
    return _Reader(
        words=[plain(word) for word in words],
        clock=None if clock is None else [plain(word) for word in clock],
        notation=notation or TimeNotation(),
        options=options or TimeOptions(),
        rows=rows or range(2, len(words) + 2),
        some_offsets=some_offsets,
    ).read()


def are_times(words: Sequence[str]) -> bool:
    """Whether all words are dates or times, in whatever order of day and month."""
    try:
        read_times(words)
    except TimesError as error:
        return error.ambiguous
    return True


def are_times_of_day(words: Sequence[str]) -> bool:
    """Whether all words look like times of day with a colon, and not all the same."""
    return len(set(words)) > 1 and all(TIME_OF_DAY.fullmatch(plain(word)) for word in set(words))


def year_of(word: str) -> int | None:
    """The year of a date, the same whether the day or the month comes first; None where none is written out."""
    match = WORD.fullmatch(plain(word))
    found = None if match is None else date_of(match[1])
    if found is None or found.style.kind in TWO_DIGITS:
        return None
    orders = (DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST)
    days = np.concatenate([days_of(np.array([found.numbers]), found.style, order) for order in orders])
    known = days[~np.isnat(days)]
    return int(str(known[0])[:4]) if len(known) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reader:
    words: list[str]
    clock: list[str] | None
    notation: TimeNotation
    options: TimeOptions
    rows: Sequence[int]
    some_offsets: bool

    def read(self) -> ColumnTimes:
        for words in (self.words, self.clock or []):
            if "" in words:
                problem = "the time is empty; fill it, or remove the row"
                raise self._error(problem, words.index(""), second=words is self.clock)
        if not self.words:
            raise TimesError("there are no times")
        if self.notation.format is not None:
            return self._by_format(self.notation.format)
        if self.clock is not None:
            return self._written()
        if all(" - " in word for word in self.words):
            begins = [word.partition(" - ")[0].strip() for word in self.words]
            found = replace(self, words=begins).read()
            note = f"times are intervals, such as '{self.words[0]}': their begin is taken"
            return replace(found, notes=(note, *found.notes))
        if 2 * sum(NUMBER.fullmatch(word) is not None for word in self.words) > len(self.words):
            return self._numbers()
        return self._written()

    def _joined(self) -> list[str]:
        """Words of dates and times of day in one; dates may come with a midnight that says nothing."""
        if self.clock is None:
            return self.words
        return [f"{_without_midnight(day)} {time}" for day, time in zip(self.words, self.clock, strict=True)]

    def _by_format(self, form: str) -> ColumnTimes:
        words = self._joined()
        if form in EPOCHS:
            return self._epoch(form, said=True)
        example = f"one is such as %d/%m/%Y %H:%M, or {', '.join(EPOCHS)}"
        if not re.search("%[YyGcxs]", form):
            raise TimesError(f"'{form}' is no format of times, it has no year; {example}")
        absolute = "%z" in form
        try:
            found = pd.to_datetime(pd.Series(words), format=form, errors="coerce", utc=absolute)
        except ValueError as error:
            raise TimesError(f"'{form}' is no format of times ({error}); {example}") from None
        wall = (found.dt.tz_localize(None) if absolute else found).to_numpy().astype("datetime64[us]")
        self._check(np.isnat(wall), lambda word: f"'{word}' is not written as {form}", words)
        self._check(far(wall), lambda word: f"'{word}' is not from {FIRST_YEAR} to {LAST_YEAR}", words)
        return ColumnTimes(
            wall=wall,
            absolute=absolute,
            dates_only=not re.search("%[HIcXs]", form),
            notes=(f"times are read as {form}, as asked",),
            notation=self.notation,
        )

    def _numbers(self) -> ColumnTimes:
        """Times of digits alone."""
        self._check([NUMBER.fullmatch(word) is None for word in self.words], self._unlike)
        digits = Counter(len(word.partition(".")[0]) for word in self.words)
        usual = digits.most_common(1)[0][0]
        if usual in COMPACT:
            wall = compact_moments(self.words, usual)
            if usual not in EPOCH_DIGITS:
                wrong = f"is no time of the calendar written as {COMPACT[usual]}"
                self._check(np.isnat(wall), lambda word: f"'{word}' {wrong}; {self._right}")
            if not np.isnat(wall).any():
                return ColumnTimes(
                    wall=wall,
                    absolute=False,
                    dates_only=usual == min(COMPACT),
                    notes=(f"times are read as {COMPACT[usual]}: '{self.words[0]}' is {shown(wall[0])}",),
                    notation=TimeNotation(format=COMPACT[usual]),
                )
        if usual not in EPOCH_DIGITS:
            problem = f"'{self.words[0]}' is a number and no time; {self._right}"
            if usual == SPREADSHEET_DIGITS:
                problem += "; if it counts a spreadsheet's days, give its cells a date's format and export them again"
            raise self._error(problem, 0)
        return self._epoch(EPOCH_DIGITS[usual], said=False)

    def _epoch(self, name: str, *, said: bool) -> ColumnTimes:
        unit, places = EPOCHS[name]

        def wrong(word: str) -> str:
            return f"'{word}' is no number of {unit} since 1970 (epoch) up to the year {LAST_YEAR}"

        self._check([NUMBER.fullmatch(word) is None for word in self.words], wrong)
        if not said:
            self._check([EPOCH_DIGITS.get(len(word.partition(".")[0])) != name for word in self.words], self._unlike)
        counts = [count_in_microseconds(word, places) for word in self.words]
        end = int(np.datetime64(str(LAST_YEAR + 1), "us").astype(np.int64))
        self._check([count >= end for count in counts], wrong)
        wall = np.array(counts, dtype=np.int64).astype("datetime64[us]")
        note = f"times are {unit} since 1970-01-01T00:00:00Z (epoch): {self.words[0]} is {shown(wall[0])} UTC"
        notation = TimeNotation(format=name)
        return ColumnTimes(wall=wall, absolute=True, dates_only=False, notes=(note,), notation=notation)

    def _written(self) -> ColumnTimes:
        """Times with dates and, mostly, times of day."""
        words = self._joined()
        dates, clocks, offsets = Known(date_of), Known(clock_of), Known(offset_of)
        places = np.array([split(word, dates, clocks, offsets) for word in words], dtype=np.int64)
        day, clock, offset = places.T
        # a number from 1 to 24 may be the hour that ends then
        bare = np.array([len(word) <= 2 and word.isdigit() for word in self.clock or words])
        self._check_shapes((day < 0) | (clock < -1) | (offset < -1) | bare)
        styles = [one.style for one in dates.found]
        style = Counter(styles[place] for place in day.tolist()).most_common(1)[0][0]
        like = np.array([one == style for one in styles])[day]
        self._check(~like, lambda word: self._unlike(word, int(np.argmax(like))), words)
        halves = np.array([*(one.halves for one in clocks.found), False])[clock]
        if halves.any():
            told = self._told_by(halves, words)
            self._check(~halves & (clock >= 0), lambda word: f"'{word}' has neither AM nor PM, {told}", words)
        zoned = offset >= 0
        if zoned.any() and not self.some_offsets:
            told = self._told_by(zoned, words)
            self._check(~zoned, lambda word: f"'{word}' has no offset from UTC, {told}; write all with one", words)
        numbers = np.array([one.numbers for one in dates.found], dtype=np.int64)
        since_midnight = np.array([*(one.microseconds for one in clocks.found), 0], dtype=np.int64)[clock]

        def wall(order: DateOrder) -> Moments:
            days = days_of(numbers, style, order).astype("datetime64[us]")[day]
            return days + since_midnight.astype("timedelta64[us]")

        order, notes = self._order(style, wall, words)
        found = wall(order)
        self._check(np.isnat(found), lambda word: f"'{word}' is no day of the calendar", words)
        notes += self._inferred(style, words, since_midnight, clock, halves)
        if zoned.any():
            minutes = np.array([*offsets.found, 0], dtype=np.int64)[offset]
            found = found - (minutes * MINUTE_US).astype("timedelta64[us]")
            names = [offset_name(one) for one in np.unique(minutes).tolist()]
            notes.append(f"times carry their offset from UTC: {', '.join(names)}")
        return ColumnTimes(
            wall=found,
            absolute=bool(zoned.any()),
            dates_only=bool((clock < 0).all()),
            notes=tuple(notes),
            notation=TimeNotation(order=order if style.kind in UNORDERED else None),
        )

    def _check_shapes(self, wrong: Flags) -> None:
        """Refuse what isn't a date with or without a time of day and an offset."""
        if not wrong.any():
            return
        row = int(np.argmax(wrong))
        word = self.words[row]
        if self.clock is not None and WORD.fullmatch(_without_midnight(word)):
            problem = f"'{self.clock[row]}' is no time of day such as 06:15 or 6:15 PM"
            raise self._error(problem, row, second=True)
        problem = f"'{word}' is not a time, or not written as the others; {self._right}"
        if ROUNDED.fullmatch(word):
            problem = f"'{word}' was rounded by a spreadsheet; write all its digits"
        elif TIME_OF_DAY.fullmatch(word):
            problem = f"'{word}' is a time of day; name the column of its date, too ({self.options.two_columns})"
        raise self._error(problem, row)

    def _order(
        self, style: DateStyle, wall: Callable[[DateOrder], Moments], words: list[str]
    ) -> tuple[DateOrder, list[str]]:
        """Which of day, month and year comes first, and by what that is known."""
        said = self.notation.order
        if style.kind not in UNORDERED:
            told = f"that the {said} comes first has no effect on times such as '{words[0]}': {style.kind}"
            return DateOrder.DAY_FIRST, [told] if said else []
        orders = [DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST]
        orders += [DateOrder.YEAR_FIRST] if style.kind is DateKind.SHORT else []
        read = {order: wall(order) for order in orders}
        possible = [order for order in orders if not np.isnat(read[order]).any()]
        if said is not None:
            fits = [f"with the {order} first all rows have one" for order in possible]
            told = f"has no reading with the {said} first; {' and '.join(fits) or self._right}"
            self._check(np.isnat(read[said]), lambda word: f"'{word}' {told}", words)
            return said, [f"times are read with the {said} first, as asked"]
        if not possible:
            self._refuse_orders(read, words)
        order = possible[0]
        if len(possible) == 1:
            other = next(one for one in orders if one != order)
            row = int(np.argmax(np.isnat(read[other])))
            return order, [f"times are read with the {order} first: '{words[row]}' in row {self.rows[row]} proves it"]
        differing = np.logical_or.reduce([read[one] != read[order] for one in possible])
        if not differing.any():
            return order, []
        by_step = _regular({one: read[one] for one in possible})
        if by_step is not None:
            order, step = by_step
            return order, [f"times are read with the {order} first: only so is there a row every {step}"]
        if style == DateStyle(kind=DateKind.FULL, separator="."):
            return order, ["times are read with the day first, as dates with points are written; no row proves it"]
        row = int(np.argmax(differing))
        readings = " or ".join(shown(read[one][row])[:10] for one in possible)
        options, form = self.options, format_of(words[row], style)
        problem = (
            f"'{words[row]}' may be {readings}, and no row proves which, as a day above 12 would; "
            f"say {options.day_first}, {options.month_first} or {options.format}, e.g. '{form}'"
        )
        raise self._error(problem, row, ambiguous=True)

    def _refuse_orders(self, read: dict[DateOrder, Moments], words: list[str]) -> None:
        """Name the row that is no day in any order, or two rows that prove two orders."""
        missing = np.array([np.isnat(values) for values in read.values()])
        self._check(
            np.asarray(missing.all(axis=0)),
            lambda word: f"'{word}' is no day of the calendar, whichever number is which",
            words,
        )

        def told(row: int) -> str:
            fits = " or ".join(f"the {order}" for order, values in read.items() if not np.isnat(values[row]))
            return f"'{words[row]}' in row {self.rows[row]} can only have {fits} first"

        row = int(np.argmax(missing[np.argmin(missing.sum(axis=1))]))  # what most rows can't be is the mistake
        other = int(np.argmax(missing[np.argmin(missing[:, row])]))
        counts = ", ".join(f"{(~gone).sum()} with the {order}" for order, gone in zip(read, missing, strict=True))
        problem = f"{told(row)}, {told(other)} (of {len(words)} rows {counts} first are days); write all in one order"
        raise self._error(problem, row)

    def _inferred(
        self, style: DateStyle, words: list[str], since_midnight: Whole, clock: Whole, halves: Flags
    ) -> list[str]:
        """What else was inferred, and has to be told."""
        notes = []
        if style.kind in TWO_DIGITS:
            notes.append(f"years of two digits are taken for 19{PIVOT} to 20{PIVOT - 1}")
        if style.kind is DateKind.MONTH:
            notes.append(f"months without a day, such as '{words[0]}', are taken for their first day")
        if halves.any():
            notes.append("times of day have AM and PM: 12:00 AM is midnight")
        ends = since_midnight == DAY_US
        if ends.any():
            at = words[int(np.argmax(ends))]
            notes.append(f"{ends.sum()} times are 24:00, first '{at}': read as 00:00 of the day after")
        bare = clock < 0
        if bare.any() and not bare.all():
            row = int(np.argmax(bare))
            notes.append(f"{bare.sum()} times have no time of day, first '{words[row]}' in row {self.rows[row]}: 00:00")
        return notes

    @property
    def _right(self) -> str:
        return f"e.g. {EXAMPLE}, or say how times are written ({self.options.format})"

    def _told_by(self, flags: Flags, words: list[str]) -> str:
        row = int(np.argmax(flags))
        return f"as '{words[row]}' in row {self.rows[row]} has"

    def _unlike(self, word: str, example: int | None = None) -> str:
        like = "the others"
        if example is not None:
            like += f", such as '{self.words[example]}' in row {self.rows[example]}"
        return f"'{word}' is not a time, or not written as {like}; {self._right}"

    def _check(
        self, wrong: Sequence[bool] | Flags, problem: Callable[[str], str], words: list[str] | None = None
    ) -> None:
        """Refuse the first row that is wrong."""
        flags = np.asarray(wrong, dtype=bool)
        if flags.any():
            row = int(np.argmax(flags))
            raise self._error(problem((words or self.words)[row]), row)

    def _error(self, problem: str, place: int, *, second: bool = False, ambiguous: bool = False) -> TimesError:
        return TimesError(problem, place, self.rows[place], second=second, ambiguous=ambiguous)


def _without_midnight(word: str) -> str:
    match = MIDNIGHT.fullmatch(word)
    return match[1] if match else word


def _regular(read: dict[DateOrder, Moments]) -> tuple[DateOrder, str] | None:
    """The one order in which rows follow each other in a regular step, and the step; None where none or several do."""
    found = {}
    for order, moments in read.items():
        times = np.unique(moments)
        if len(times) < FEWEST_FOR_STEP:
            return None
        found[order] = _breaks(times)
    least, next_least = sorted(share for share, _ in found.values())[:2]
    if least == next_least or least > MOST_BREAKS:
        return None
    return next((order, step) for order, (share, step) in found.items() if share == least)


def _breaks(times: Moments) -> tuple[float, str]:
    """Share of the steps of rising times that aren't the usual one, and that one in words; months are steps, too."""
    share, step = _unusual(np.diff(times).astype(np.int64))
    words = f"{step / MINUTE_US:g} minutes" if step % DAY_US else f"{step // DAY_US} days"
    starts = times.astype("datetime64[M]")
    if len(np.unique(times - starts)) == 1:
        by_months, months = _unusual(np.diff(starts).astype(np.int64))
        if by_months <= share:
            return by_months, "month" if months == 1 else f"{months} months"
    return share, words


def _unusual(steps: Whole) -> tuple[float, int]:
    """Share of the steps that aren't the most frequent one, and that one."""
    values, counts = np.unique(steps, return_counts=True)
    return 1 - float(counts.max() / counts.sum()), int(values[np.argmax(counts)])
