"""Alarms and what is expected of the hours ahead, as the sentences that people read."""

from datetime import datetime

from grid.alarms.book import Alarm, AlarmKind, PredictiveAlert


def alarm_words(alarm: Alarm) -> str:
    """What an alarm says: what is expected, or the latest value with its limit, or that a condition holds."""
    has_returned = alarm.returned_at is not None
    if alarm.expected is not None and not has_returned:
        return alert_words(alarm.expected)
    if not alarm.unit:
        return f"{alarm.asset_name} {'is back to normal' if has_returned else alarm.kind.condition}."
    digits = 3 if abs(alarm.limit) < 10.0 else 1
    verb, side = "is back to" if has_returned else "is", "low" if alarm.is_low else "high"
    reading = f"{alarm.value:.{digits}f} {alarm.unit}, {side} limit {alarm.limit:.{digits}f} {alarm.unit}"
    return f"{alarm.kind.quantity} of {alarm.asset_name} {verb} {reading.removesuffix('.')}."


def alert_words(alert: PredictiveAlert) -> str:
    """Of what, with what chance and when trouble is expected, and how bad."""
    match alert.kind:
        case AlarmKind.EXPECTED_OVERLOAD:
            what, worst = "overload", f"; peak {alert.peak:.0f} %"
        case AlarmKind.EXPECTED_VOLTAGE_DEVIATION if alert.is_low:
            what, worst = "low voltage", f"; lowest {alert.peak:.3f} p.u."
        case AlarmKind.EXPECTED_VOLTAGE_DEVIATION:
            what, worst = "high voltage", f"; highest {alert.peak:.3f} p.u."
        case _:
            what, worst = "no power flow solution", ""
    start = alert.seen_from
    when = f"between {_clock(alert.begins_at, start)} and {_clock(alert.ends_at, start)}"
    return f"{alert.asset_name}: {_percent(alert.chance_percent)} chance of {what} {when}{worst}"


def _percent(value: float) -> str:
    """A chance is only said to be 100 % where it is."""
    return f"{value:.0f} %" if value >= 100 or value < 99.5 else "over 99 %"


def _clock(time: datetime, start: datetime) -> str:
    """Hour and minute, with the weekday on other days than the first."""
    return f"{time:%H:%M}" if time.date() == start.date() else f"{time:%a %H:%M}"
