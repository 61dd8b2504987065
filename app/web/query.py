"""What questions about forecasts, losses and alarms may ask in the address: numbers, times, days, formats, kinds."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

from app.web.bodies import BadRequestError
from grid.alarms.book import Alarm, AlarmKind, AssetKind

FIRST_YEAR, LAST_YEAR = 1900, 2199
MOST_DIGITS = 9  # Python refuses to read thousands of them
QUOTED = 40  # characters of a wrong value that are repeated

Query = Mapping[str, str]


def whole(query: Query, field: str, default: int, low: int, high: int) -> int:
    """A whole number from low to high; BadRequestError names the field."""
    text = query.get(field)
    if text is None:
        return default
    number = position(text)
    if number is None or not low <= number <= high:
        raise _wrong(field, f"must be a whole number from {low} to {high:,}", text)
    return number


def position(text: str) -> int | None:
    """A whole number from 0 that is written in up to MOST_DIGITS digits; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def choice(query: Query, field: str, choices: Sequence[str]) -> str:
    """One of some words, the first where none is given; BadRequestError names the field."""
    text = query.get(field, choices[0])
    if text not in choices:
        raise _wrong(field, f"must be one of {', '.join(choices)}", text)
    return text


def moment(query: Query, field: str) -> datetime | None:
    """A simulated time, in UTC where no zone is given; None where it is left out. BadRequestError names the field.

    A plus sign that came as it is, which addresses take for a space, is understood.
    """
    text = query.get(field)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _wrong(field, f"must be a time such as 2026-01-15T06:00 in {FIRST_YEAR} to {LAST_YEAR}", text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def hour_of(time: datetime) -> datetime:
    """The beginning of its hour."""
    return time.replace(minute=0, second=0, microsecond=0)


def day(query: Query, field: str, default: date) -> date:
    """A day as YYYY-MM-DD that isn't after the default, today; BadRequestError names the field."""
    text = query.get(field)
    if text is None:
        return default
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.year < FIRST_YEAR:
        raise _wrong(field, f"must be a day such as {default.isoformat()}, from {FIRST_YEAR} on", text)
    if found > default:
        raise _wrong(field, f"must not be after {default.isoformat()}, the day the grid is at", text)
    return found


def wanted_alarms(query: Query) -> Callable[[Alarm], bool] | None:
    """Whether an alarm is of the kind and the asset that are asked for; None where nothing is.

    BadRequestError names the field.
    """
    kind = choice(query, "kind", list(AlarmKind)) if "kind" in query else None
    asset_kind = choice(query, "asset_kind", list(AssetKind)) if "asset_kind" in query else None
    asset_id = whole(query, "asset_id", 0, 0, 10**MOST_DIGITS - 1) if "asset_id" in query else None
    if kind is None and asset_kind is None and asset_id is None:
        return None

    def is_wanted(alarm: Alarm) -> bool:
        return (
            kind in (None, alarm.kind) and asset_kind in (None, alarm.asset_kind) and asset_id in (None, alarm.asset_id)
        )

    return is_wanted


def _wrong(field: str, message: str, text: str) -> BadRequestError:
    return BadRequestError(f"{field}: {message}, not '{text[:QUOTED]}'", field, status=422)
