"""Alarms and what is expected of the hours ahead, as the sentences that people read."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from components.common import text
from grid.alarms.book import Alarm, AlarmKind, AlarmState, AssetKind, PredictiveAlert
from grid.alarms.cards import AlarmCard, Effects, Prospect, ProspectKind, StandingCause, StandingLimit

MOST_NAMED = 8
OPEN_STATES = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED)


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


def count_words(cards: Sequence[AlarmCard]) -> str:
    """'2 alarms (37 consequences)': what is folded isn't counted as alarms of its own."""
    folded = sum(len(card.consequences) for card in cards)
    return text.count(len(cards), "alarm") + (f" ({text.count(folded, 'consequence')})" if folded else "")


def card_words(card: AlarmCard) -> str:
    """What an alarm says, and of a root cause how much is folded under it."""
    folded = f" ({text.count(len(card.consequences), 'consequence')})" if card.consequences else ""
    return f"{alarm_words(card.alarm).removesuffix('.')}{folded}."


def waits(card: AlarmCard) -> bool:
    """Whether anything of a card is to be acknowledged."""
    return any(alarm.state in OPEN_STATES for alarm in card.alarms)


def effects_words(effects: Effects | None) -> str:
    """What a root cause has done: '12 dead buses; 9 loads lost, 1,240 kW; ...'; empty where nothing."""
    if effects is None:
        return ""
    found = []
    if effects.dead_buses:
        found.append(f"{effects.dead_buses:,} dead {'bus' if effects.dead_buses == 1 else 'buses'}")
    if effects.lost_loads:
        found.append(f"{text.count(effects.lost_loads, 'load')} lost, {_power(effects.lost_kw)}")
    for count, name, worst in (
        (effects.low_voltages, "low voltage", f"lowest {effects.lowest_vm_pu:.3f} p.u."),
        (effects.high_voltages, "high voltage", f"highest {effects.highest_vm_pu:.3f} p.u."),
        (effects.overloads, "overload", f"highest {effects.highest_loading_percent:.0f} %"),
        (effects.hot_branches, "branch too hot", f"hottest {effects.highest_temperature_c:.0f} °C"),
    ):
        if count:
            plural = "branches too hot" if name == "branch too hot" else f"{name}s"
            found.append(f"{count:,} {name if count == 1 else plural}, {worst}")
    return f"{'; '.join(found)}." if found else ""


def prospect_words(prospect: Prospect) -> str:
    """What happens if nothing is done."""
    value, limit, kind = prospect.value, prospect.limit, ProspectKind
    match prospect.kind:
        case kind.OVER:
            return "The condition has gone."
        case kind.HEATS_TO_LIMIT:
            return f"At this load and weather it reaches its limit of {limit:.0f} °C in {_minutes(value)}."
        case kind.STAYS_BELOW_LIMIT:
            return f"At this load and weather it stays below its limit of {limit:.0f} °C for a day."
        case kind.TOO_HOT:
            return f"It is above its limit of {limit:.0f} °C and ages or sags more with every hour."
        case kind.OVERLOADED:
            return "It stays overloaded until its flow falls."
        case kind.UNSUPPLIED:
            return f"{value:,.0f} kWh go unsupplied every hour."
        case kind.LOW_VOLTAGE:
            return f"Customers there stay {value:.3f} p.u. below the lowest voltage that they should have."
        case kind.HIGH_VOLTAGE:
            return f"Customers there stay {value:.3f} p.u. above the highest voltage that they should have."
        case kind.LESS_RESERVE:
            return "Nothing is lost by it now; another outage may cost supply that it would have kept."
        case kind.OTHERS_TAKE_OVER:
            return f"Other generators and sources feed in its {value:,.1f} MW."
        case kind.NO_NEW_STATE:
            return "What is shown grows old, and alarms aren't judged."
        case kind.READING_REPLACED:
            return "Its last good reading stands in, and is less true with every hour."
        case kind.LASTS:
            return "It lasts until its cause is gone."
        case kind.EXPECTED if np.isfinite(value):
            when = "within the hour" if value < 1 else f"in {value:.0f} h"
            return f"By the forecast that saw it, it comes {when}."
        case _:
            return "It is expected to come true."


def standing_words(standing: Sequence[StandingLimit]) -> str:
    """One note for all that the published state of a case breaks itself; empty where nothing."""
    if not standing:
        return ""
    told = []
    counted = Counter((one.cause, one.asset_kind, one.is_low) for one in standing)
    for (cause, asset_kind, is_low), count in counted.items():
        assets = f"{count:,} {'branch' if asset_kind is AssetKind.BRANCH else 'bus'}{'' if count == 1 else 'es'}"
        side = "above 100 %" if asset_kind is AssetKind.BRANCH else f"{'below' if is_low else 'above'} the band"
        where = {StandingCause.PUBLISHED: side, StandingCause.ON_LIMIT: f"on the {'low' if is_low else 'high'} limit"}
        told.append(f"{assets} {where.get(cause, f'{side} at part load')}")
    names = ", ".join(one.asset_name for one in standing[:MOST_NAMED])
    more = f" and {len(standing) - MOST_NAMED} more" if len(standing) > MOST_NAMED else ""
    return f"Standing in the case as published: {'; '.join(told)} ({names}{more}). Alarmed only where it gets worse."


def _power(kilowatt: float) -> str:
    return f"{kilowatt:,.0f} kW" if kilowatt < 10_000 else f"{kilowatt / 1000:,.1f} MW"


def _minutes(value: float) -> str:
    if value < 1:
        return "less than a minute"
    return text.count(round(value), "minute") if value < 120 else f"{value / 60:.0f} hours"


def _percent(value: float) -> str:
    """A chance is only said to be 100 % where it is."""
    return f"{value:.0f} %" if value >= 100 or value < 99.5 else "over 99 %"


def _clock(time: datetime, start: datetime) -> str:
    """Hour and minute, with the weekday on other days than the first."""
    return f"{time:%H:%M}" if time.date() == start.date() else f"{time:%a %H:%M}"
