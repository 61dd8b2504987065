"""Cards, alarms and events."""

import math
from dataclasses import replace
from datetime import datetime

import pytest

from components.common.alarm_words import count_words, effects_words, prospect_words, standing_words
from components.common.alarms import AlarmIds, alarm_list, banner, fingerprint
from components.common.events import event_list
from components.common.kpi import TITLES, CardTone, Kpi, Totals, kpis
from grid.alarms.book import Alarm, AlarmKind, AlarmState, AssetKind, Priority
from grid.alarms.cards import AlarmCard, Effects, Prospect, ProspectKind, StandingCause, StandingLimit
from grid.telemetry import Event, EventKind

NOW = Totals(144.2, 146.6, math.nan, 2.41, 1.65, 98.35, 0.000645, 0.0, 3)
LOST = replace(NOW, load_mw=96.2, loss_mw=1.2, efficiency_percent=98.7, unsupplied_mw=48.0)
RAISED = datetime(2026, 1, 15, 6, 30)
ALARM = Alarm(
    7, AlarmKind.OVERLOAD, Priority.HIGH, AlarmState.UNACKNOWLEDGED, AssetKind.BRANCH, 3, "Mall Line",
    104.0, 100.0, "%", RAISED,
)  # fmt: skip
IDS = AlarmIds(
    acknowledge=lambda alarm: {"alarm": alarm},
    show_asset=lambda code, beside: {"asset": code, "place": beside},
    asset_code=lambda alarm: f"branch-{alarm.asset_id}",
)


def test_cards_have_units_and_no_nan() -> None:
    cards = kpis(NOW, None)
    assert tuple(card.title for card in cards) == TITLES
    assert cards[0].value == "144.2\u202fMW"
    assert cards[2].detail == "— renewable"
    assert all(card.change == "— in 1 h" for card in cards)
    assert "nan" not in repr(cards).lower().replace("renewable", "")


def test_cards_tell_the_change_against_an_hour_ago() -> None:
    cards = kpis(NOW, replace(NOW, load_mw=140.0, active_alarms=5, average_risk=0.0006))
    assert cards[0].change == "+4.2\u202fMW in 1 h"
    assert cards[5].change == "+0.045\u202fkW/yr in 1 h"
    assert cards[6].change == "−2 in 1 h"


def test_cards_of_an_old_state_say_of_when_it_is_and_no_change() -> None:
    for now in (NOW, LOST):
        assert {card.change for card in kpis(now, NOW, RAISED)} == {"as of 15 Jan 06:30: stale"}


def kpi_of(title: str, now: Totals, earlier: Totals | None = NOW, as_of: datetime | None = None) -> Kpi:
    return next(one for one in kpis(now, earlier, as_of) if one.title == title)


def test_lost_load_has_a_card_in_alarm_colour() -> None:
    calm, lost = kpi_of("Without supply", NOW), kpi_of("Without supply", LOST)
    assert (calm.value, calm.tone) == ("0.0\u202fMW", CardTone.CALM)
    assert (lost.value, lost.tone) == ("■ 48.0\u202fMW", CardTone.ALARM)
    assert lost.detail == "33.3\u202f% of the load, customers not known"
    assert lost.change == "+48.0\u202fMW in 1 h"
    known = kpi_of("Without supply", replace(LOST, unsupplied_customers=12_300.0))
    assert known.detail == "33.3\u202f% of the load, 12,300 customers"


def test_the_smallest_lost_load_is_no_zero() -> None:
    assert kpi_of("Without supply", replace(NOW, unsupplied_mw=0.0123)).value == "■ 0.0123\u202fMW"


def test_all_dark_is_lost_load_too() -> None:
    lost = replace(NOW, load_mw=0.0, generation_mw=0.0, loss_mw=0.0, unsupplied_mw=144.2)
    assert kpi_of("Without supply", lost).detail.startswith("100.0\u202f% of the load")


def test_less_losses_are_no_good_news_while_load_is_lost_or_was() -> None:
    for title in ("Losses", "Efficiency"):
        assert kpi_of(title, NOW).tone is CardTone.CALM
        assert kpi_of(title, LOST).tone is CardTone.MUTED
        assert kpi_of(title, LOST).change == "not compared: load is lost"
        assert kpi_of(title, NOW, LOST).tone is CardTone.MUTED
        assert kpi_of(title, NOW, LOST).change == "not compared: load was lost 1 h ago"
        assert kpi_of(title, LOST, None).change == "not compared: load is lost"
        assert kpi_of(title, NOW, NOW, RAISED).tone is CardTone.MUTED


def card(alarm: Alarm = ALARM, *consequences: Alarm, effects: Effects | None = None) -> AlarmCard:
    """A card whose alarms all say what an overload does."""
    prospect = Prospect(kind=ProspectKind.HEATS_TO_LIMIT, value=12.4, limit=75.0)
    folded = tuple(AlarmCard(alarm=one, prospect=prospect, root=alarm) for one in consequences)
    return AlarmCard(alarm=alarm, prospect=prospect, effects=effects, consequences=folded)


def test_alarm_tells_priority_in_words_and_can_be_acknowledged_once() -> None:
    shown = str(alarm_list([card()], IDS))
    assert "High" in shown
    assert "■" in shown
    assert "'alarm': 7" in shown
    done = replace(ALARM, state=AlarmState.ACKNOWLEDGED, acknowledged_by="Ada")
    assert "acknowledged by Ada" in str(alarm_list([card(done)], IDS))
    assert "'alarm': 7" not in str(alarm_list([card(done)], IDS))


def test_an_alarm_says_what_happens_if_nothing_is_done() -> None:
    shown = str(alarm_list([card()], IDS))
    assert "If nothing is done: " in shown
    assert "at this load and weather it reaches its limit of 75 °C in 12 minutes." in shown


@pytest.mark.parametrize("kind", ProspectKind)
def test_every_prospect_is_a_sentence_without_nan(kind: ProspectKind) -> None:
    words = prospect_words(Prospect(kind=kind, value=3.0, limit=75.0))
    assert words.endswith(".")
    assert "nan" not in words
    if kind is ProspectKind.UNSUPPLIED:
        assert words == "3 kWh go unsupplied every hour."


def test_a_root_counts_once_and_shows_its_consequences_folded() -> None:
    tripped = replace(ALARM, id=1, kind=AlarmKind.BRANCH_TRIPPED, unit="")
    dark = replace(ALARM, kind=AlarmKind.LOSS_OF_SUPPLY, unit="", asset_kind=AssetKind.BUS)
    consequences = [replace(dark, id=10 + i, asset_name=f"Bus {i}") for i in range(37)]
    effects = Effects(dead_buses=40, lost_loads=37, lost_kw=1240.4, low_voltages=1, lowest_vm_pu=0.9123)
    cards = [card(tripped, *consequences, effects=effects)]
    assert count_words(cards) == "1 alarm (37 consequences)"
    shown = str(alarm_list(cards, IDS))
    assert "1 alarm (37 consequences) active" in shown
    assert "Mall Line has tripped (37 consequences)." in shown
    assert "40 dead buses; 37 loads lost, 1,240 kW; 1 low voltage, lowest 0.912 p.u." in shown
    assert shown.count("'alarm': ") == 1  # one button acknowledges all
    assert "Bus 36 has lost its supply." in shown
    assert "Mall Line has tripped (37 consequences)." in str(banner(cards))
    assert str(banner(cards)).count("Strong('1')") == 1


def test_a_card_waits_as_long_as_one_of_its_consequences_does() -> None:
    seen = replace(ALARM, state=AlarmState.ACKNOWLEDGED)
    assert "No unacknowledged alarms" in str(banner([card(seen, seen)]))
    assert "No unacknowledged alarms" not in str(banner([card(seen, replace(ALARM, id=8))]))


def test_a_consequence_that_is_shown_alone_names_its_root() -> None:
    root = replace(ALARM, id=1, kind=AlarmKind.BRANCH_TRIPPED, unit="", asset_name="Hill Tie")
    assert "Consequence of: Hill Tie has tripped." in str(alarm_list(card(root, ALARM).consequences, IDS))


def test_effects_of_nothing_are_not_told() -> None:
    assert effects_words(Effects()) == effects_words(None) == ""
    assert effects_words(Effects(dead_buses=1, lost_loads=1, lost_kw=70_123.0)) == "1 dead bus; 1 load lost, 70.1 MW."


def test_what_stands_is_one_note_and_no_alarm() -> None:
    low = StandingLimit(
        cause=StandingCause.PUBLISHED, asset_kind=AssetKind.BUS, asset_id=3, asset_name="Bus 31", value=0.936,
        limit=0.94, is_low=True,
    )  # fmt: skip
    over = replace(low, asset_kind=AssetKind.BRANCH, asset_name="Trafo 0-1", value=101.4, limit=100.0, is_low=False)
    words = standing_words([low, replace(low, asset_name="Bus 32"), over])
    assert "2 buses below the band; 1 branch above 100 % (Bus 31, Bus 32, Trafo 0-1)" in words
    shown = str(alarm_list([], IDS, standing=[low]))
    assert "No active alarms." in shown
    assert shown.count("Standing in the case as published") == 1
    assert standing_words([]) == ""


def test_long_lists_say_how_many_are_left_out() -> None:
    assert "and 50 more" in str(alarm_list([card(replace(ALARM, id=i)) for i in range(100)], IDS))


def test_banner_counts_what_nobody_has_acknowledged() -> None:
    low = replace(ALARM, id=8, priority=Priority.LOW, asset_name="Hill Line")
    shown = str(banner([card(low), card()]))
    assert "Loading of Mall Line is 104.0 %, high limit 100.0 %." in shown
    assert "Hill Line" not in shown
    assert "No unacknowledged alarms" in str(banner([card(replace(ALARM, state=AlarmState.ACKNOWLEDGED))]))


def test_without_alarms_a_stale_state_is_not_called_calm() -> None:
    assert "No unacknowledged alarms" in str(banner([]))
    for shown in (str(banner([], stale=True)), str(alarm_list([], IDS, stale=True))):
        assert "not judged" in shown
        assert "No " not in shown


def test_fingerprint_follows_states_and_coarse_values() -> None:
    assert fingerprint([card()]) == fingerprint([card(replace(ALARM, value=104.2))])
    assert fingerprint([card()]) != fingerprint([card(replace(ALARM, state=AlarmState.ACKNOWLEDGED))])
    assert fingerprint([card()]) != fingerprint([card(replace(ALARM, value=150.0))])
    assert fingerprint([card(), card(replace(ALARM, id=8))]) != fingerprint([card(ALARM, replace(ALARM, id=8))])


def test_events_tell_their_size_and_can_be_removed() -> None:
    event = Event(4, EventKind.LOAD_SURGE, None, "whole grid", 1.5, RAISED)
    shown = str(event_list([event], lambda i: {"event": i}))
    assert "× 1.5" in shown
    assert "'event': 4" in shown
    assert "No active events" in str(event_list([], lambda i: {"event": i}))
