"""Numbers as people read them: rounded, with a unit, and a dash where nothing is known."""

import math
from datetime import datetime

UNKNOWN = "—"
MINUS = "−"


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """1234.56 as '1,234.6 MW'; UNKNOWN for None, NaN and infinite values."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:,.{digits}f}".replace("-", MINUS)
    if not text.strip(f"{MINUS}0.,"):
        text = text.lstrip(MINUS)
    return f"{text}\u202f{unit}" if unit else text


def change(value: float | None, earlier: float | None, digits: int = 1, unit: str = "") -> str:
    """The difference of two values with its sign; UNKNOWN when one of them is."""
    if value is None or earlier is None or not math.isfinite(value - earlier):
        return UNKNOWN
    text = number(value - earlier, digits, unit)
    return text if text.startswith(MINUS) else f"+{text}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """0.123 as '12.3 %'."""
    return number(None if fraction is None else 100.0 * fraction, digits, "%")


def small(value: float | None, unit: str = "", significant: int = 3) -> str:
    """A value whose size isn't known beforehand, with so many significant digits."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    digits = 0 if value == 0 else max(0, significant - 1 - math.floor(math.log10(abs(value))))
    return number(value, min(digits, 6), unit)


def rough(value: float | None, unit: str = "", significant: int = 3) -> str:
    """A projection with no more digits than it is worth: 324,214 as '324,000 EUR'."""
    if value is None or not math.isfinite(value) or value == 0:
        return small(value, unit, significant)
    digits = significant - 1 - math.floor(math.log10(abs(value)))
    return small(round(value, digits), unit, significant)


def count(number_of: int, thing: str) -> str:
    """'1 pair', '2 pairs'."""
    return f"{number_of:,} {thing}{'' if number_of == 1 else 's'}"


def moment(time: datetime) -> str:
    """A simulated time of day with its date."""
    return f"{time:%a} {time.day} {time:%b %Y %H:%M}"


def clock(time: datetime) -> str:
    """A short time for lists."""
    return f"{time:%d %b %H:%M}"


def wall_clock(time: datetime) -> str:
    """When something happened in the world of the reader, of whom only UTC is known."""
    return f"{time:%d %b %H:%M:%S} UTC"
