"""The analytics page's words and tables."""

import math
from dataclasses import replace

from components.analytics.performance import Beside, Saved, beside_table, saved_words
from components.analytics.tables import (
    MOST_ALERTS,
    MOST_PLANTS,
    TITLES,
    HostingRow,
    Share,
    Summary,
    alert_list,
    facts,
    hosting_table,
    non_technical_words,
    share_table,
    tiles,
)
from components.common import text
from components.common.doubts import Doubts
from components.maintenance.fleet import tile_cards
from tests.components.optimisation.test_plan import words

NAN = math.nan
SUMMARY = Summary(24, 61.25, "15 Jan 18:00", 34.2, 28.4, "mean of 100 courses", 12_500.0, 12, -3.21, 0.0, 2)
DAY = Beside("Yesterday", 12, 9000.0, 10_000.0, 2.1, 2.4, "yesterday isn't recorded")


def test_tiles_have_units_and_say_of_which_hours() -> None:
    shown = words(tile_cards(tiles(SUMMARY)))
    for expected in ("61.25\u202fMW", "15 Jan 18:00", "34.2\u202f%", "28.4\u202fMWh", "12.5\u202fMWh", "12 hours",
                     "−3.2\u202f% to yesterday", "in the next 24 h"):  # fmt: skip
        assert expected in shown
    assert all(title in shown for title in TITLES)


def test_tiles_of_nothing_known_show_no_number() -> None:
    assert {tile.value for tile in tiles(None)} == {text.UNKNOWN}
    blank = Summary(0, NAN, "", NAN, NAN, "", NAN, 0, NAN, NAN, 0)
    assert {tile.value for tile in tiles(blank)} == {text.UNKNOWN}
    assert "yesterday's aren't recorded" in words(tile_cards(tiles(replace(SUMMARY, change_percent=NAN))))


def test_alerts_are_listed_or_it_is_said_that_there_are_none() -> None:
    shown = words(alert_list([f"Line {i}: 80 % chance of overload" for i in range(MOST_ALERTS + 3)], Doubts()))
    assert "▲  Line 0: 80 % chance" in shown
    assert "and 3 more" in shown
    assert "Nothing threatens" in words(alert_list([], Doubts()))
    assert "Nothing threatens" not in words(alert_list([], Doubts(stale=True)))
    lost = words(alert_list([], Doubts(load_lost=True)))
    assert "Nothing threatens" not in lost
    assert "load is without supply" in lost
    assert "Not looked ahead" in words(alert_list(None, Doubts()))


def test_facts_pair_labels_with_words() -> None:
    assert words(facts([("Made by", "ridge and XGBoost")])) == "Made by ridge and XGBoost"


def test_the_largest_plants_come_first_and_the_rest_is_added_up() -> None:
    plants = [Share(f"Plant {i}", "Wind", float(i), 100 * i / 276) for i in range(24)]
    shown = words(share_table(plants, "Plant"))
    assert shown.index("Plant 23") < shown.index("Plant 22")
    assert f"{23 - MOST_PLANTS} smaller" in shown
    assert "Plant 0" not in shown
    assert "Nothing is fed in" in words(share_table([], "Plant"))
    assert text.UNKNOWN in words(share_table([Share("G", "Not known", 1.0, NAN)], "Plant"))


def test_the_least_room_comes_first_with_what_limits_it() -> None:
    rows = [HostingRow("Hill", 3.0, "Hill Line is full"), HostingRow("Mall", 1.0, "voltage"), HostingRow("X", NAN, "")]
    shown = words(hosting_table(rows, True))
    assert shown.index("Mall") < shown.index("Hill")
    assert "1 not asked" in shown
    assert "858\u202fkW" in words(hosting_table([HostingRow("Hill", 0.858, "")], True))
    assert "up to 150" in words(hosting_table([HostingRow("X", NAN, "")], True, "up to 150 buses"))
    assert "Not known" in words(hosting_table([HostingRow("X", NAN, "")], True))
    assert "Not looked at yet" in words(hosting_table([], False))


def test_non_technical_losses_are_called_an_estimate_of_so_many_hours() -> None:
    shown = non_technical_words(23, 2.0, 0.5)
    assert "an estimate from 23 hours" in shown
    assert "2.00\u202fMWh" in shown
    assert "0.50\u202f%" in shown
    assert "Below zero" in non_technical_words(23, -1.0, -0.25)
    assert "not yet known" in non_technical_words(0, math.nan, math.nan)


def test_earlier_days_are_compared_or_say_what_they_need() -> None:
    shown = words(beside_table([DAY, replace(DAY, name="Last year", hours=0, missing="needs a year of records")]))
    for expected in ("−10.0\u202f%", "9.00\u202fMWh", "10.0\u202fMWh", "2.40\u202f%", "needs a year of records"):
        assert expected in shown
    assert "nan" not in words(beside_table([replace(DAY, then_kwh=NAN, then_percent=NAN)])).lower()
    assert "Nothing has been recorded" in words(beside_table([]))


def test_what_the_plans_would_have_saved_is_an_estimate() -> None:
    shown = saved_words(Saved(5, 9000.0, 8100.0))
    assert "900\u202fkWh (10.0\u202f%) less (an estimate)" in shown
    assert "5 hours" in shown
    assert "not yet known" in saved_words(Saved(0, NAN, NAN))
    assert "not yet known" in saved_words(None)
