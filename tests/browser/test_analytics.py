"""What the analytics page shows and does, and how charts are exported, in a real browser against the real process."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, NewPage
from tests.browser.live import TIMEOUT_MS, LiveServer, Watched, hear
from tests.browser.test_access import PHONE, serious

FIRST_LOOK_MS = 240_000
PNG_HEAD = b"\x89PNG"
COUNTING = """() => {
    const scripts = window.dash_clientside.smartgridAnalytics, issue = scripts.issue;
    window.calls = 0;
    scripts.issue = (...inputs) => { window.calls += 1; return issue(...inputs); };
}"""


def standing(words: Locator) -> str:
    """The moment of issue that is shown once no other one comes any more, however slowly the server answers."""
    shown, before = _moment(words), ""
    while shown != before:
        hear(words.page, 3)
        shown, before = _moment(words), shown
    return shown


def _moment(words: Locator) -> str:
    expect(words).not_to_have_attribute("data-dash-is-loading", "true", timeout=TIMEOUT_MS)
    return words.inner_text().split(",")[0]


def open_page(watched: Watched) -> Page:
    """Load the page and wait until the forecast worker has looked ahead and every part is there."""
    page = watched.page
    page.goto(f"{watched.origin}/analytics")
    expect(page.locator("#worst-words")).to_contain_text("%", timeout=FIRST_LOOK_MS)
    expect(curves(page, "fan-graph").first).to_be_attached(timeout=TIMEOUT_MS)
    expect(page.locator("#loss-table tbody tr").first).to_be_attached(timeout=TIMEOUT_MS)
    return page


def curves(page: Page, graph: str) -> Locator:
    """The lines of a figure."""
    return page.locator(f"#{graph} .scatterlayer path.js-line")


def download(page: Page, button: Locator, where: Path) -> Path:
    """What a button makes, pressed with the keyboard, under the name that it suggests."""
    with page.expect_download() as made:
        button.focus()
        page.keyboard.press("Enter")
    path = where / made.value.suggested_filename
    made.value.save_as(path)
    return path


def test_every_part_is_shown_with_units_and_the_forecaster_says_what_it_knows(
    city8: LiveServer, new_page: NewPage
) -> None:
    page = open_page(new_page(city8))
    tiles = page.locator("#analytics-tiles")
    for words in ("MW", "MWh", "median", "mean of 100 courses", "in the next 24 h"):
        expect(tiles).to_contain_text(words)
    told = page.locator("#fan-facts")
    for words in ("Made by", "Limit", "Learned from", "Compared", "Drift"):
        expect(told).to_contain_text(words)
    expect(page.locator("#issue-words")).to_contain_text("the latest")
    expect(page.locator("#analytics-status")).to_contain_text(re.compile("series|forecast", re.IGNORECASE))
    for part in ("energy-shares", "plant-shares", "hosting", "loss-table", "beside"):
        expect(page.locator(f"#{part} tbody tr").first).to_be_attached()
    for graph in ("expected-loss-graph", "stack-graph", "efficiency-graph", "error-graph", "calibration-graph"):
        expect(curves(page, graph).first).to_be_attached(timeout=TIMEOUT_MS)
    expect(page.locator("#loss-share-graph .slice").first).to_be_attached()
    expect(page.locator("#beside")).to_contain_text("Same date last year")
    expect(page.locator("#non-technical")).to_contain_text(re.compile("estimate|not yet known"))
    report = page.get_by_role("link", name="Daily report")
    expect(report).to_have_attribute("href", "/api/analytics/report")


def test_a_past_issue_stays_while_time_goes_on_until_the_latest_is_chosen(city8: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city8))
    words, thumb = page.locator("#issue-words"), page.get_by_role("slider", name="Time of issue")
    thumb.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(words).to_contain_text("ago", timeout=TIMEOUT_MS)
    chosen = standing(words)
    clock = page.locator("#clock").inner_text()
    page.wait_for_function("(before) => !document.getElementById('clock').innerText.startsWith(before)", arg=clock[:-3],
                           timeout=TIMEOUT_MS)  # fmt: skip
    expect(words).to_contain_text(chosen)
    thumb.focus()
    page.keyboard.press("End")
    expect(words).to_contain_text("the latest", timeout=TIMEOUT_MS)
    page.get_by_role("textbox", name="Series").click()
    page.get_by_role("option", name="Photovoltaics").click()
    expect(page.locator("#fan-graph .ytitle")).to_have_text("Photovoltaics, MW", timeout=TIMEOUT_MS)
    expect(page.locator("#fan-facts")).to_contain_text("Installed")


def test_the_latest_is_chosen_also_while_another_comes(city8: LiveServer, new_page: NewPage) -> None:
    """Setting the slider calls again, and Dash drops what the first call returned: so the second returns it, too."""
    page = open_page(new_page(city8))
    assert page.evaluate("""() => {
        const { set_props, smartgridAnalytics } = window.dash_clientside, moments = ["a", "b", "c", "d"];
        let memory = { moments: moments.slice(0, 3), place: 0, chosen: "a" }, slider = 2;
        window.dash_clientside.set_props = (id, props) => {
            if (id === "memory") memory = props.data;
            else slider = props.value;
        };
        const issue = () => smartgridAnalytics.issue(moments, slider, "slider", "memory", memory, "a");
        const said = [issue(), issue()];
        window.dash_clientside.set_props = set_props;
        return [slider, ...said];
    }""") == [3, None, None]


def test_the_slider_of_issues_is_set_once_a_report(city8: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city8))
    page.evaluate(COUNTING)
    page.wait_for_timeout(4000)
    assert page.evaluate("window.calls") < 20  # reports come every few seconds; setting it calls the script again


def test_threats_and_time_ranges_are_chosen(city8: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city8))
    expect(page.locator("#threat-words")).to_contain_text("overload")
    page.locator("#threat-kind label", has_text="Voltages").click()
    expect(page.locator("#threat-words")).to_contain_text("voltage violation", timeout=TIMEOUT_MS)
    dates, recorded = page.locator("#loss-dates"), page.locator("#loss-recorded")
    expect(recorded).to_contain_text("24 hours are recorded")
    expect(dates).to_be_hidden()
    page.locator("#loss-span label", has_text=re.compile("^7 d$")).click()
    expect(recorded).to_contain_text("168 hours", timeout=TIMEOUT_MS)
    page.locator("#loss-span label", has_text="Dates").click()
    expect(dates).to_be_visible(timeout=TIMEOUT_MS)


def test_charts_are_exported_with_the_keyboard(city8: LiveServer, new_page: NewPage, tmp_path: Path) -> None:
    page = open_page(new_page(city8))
    made = download(page, page.get_by_role("button", name="CSV: Forecast and actual"), tmp_path)
    assert re.match(r"forecast-and-actual_city-66-kv_\w+-\d+-\w+-2026-\d\d-\d\d\.csv$", made.name)
    with made.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = list(csv.reader(file))
    assert head[0] == "Hour beginning, time of the data"
    assert {"Median, Total load, MW", "Actual, Total load, MW", "10 to 90 %, Total load, MW"} <= set(head)
    assert len(rows) == 48 + 48
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    made = download(page, page.get_by_role("button", name="CSV: Assets that lose most"), tmp_path)
    assert "Central North Line" in made.read_text(encoding="utf-8")
    picture = download(page, page.get_by_role("button", name="PNG: Losses by level and cause"), tmp_path)
    assert picture.name.startswith("losses-by-level-and-cause_city-66-kv_")
    assert picture.read_bytes().startswith(PNG_HEAD)


def test_the_overview_shows_the_next_day_beside_a_map_that_stays_in_sight(
    city8: LiveServer, new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page(city8).open()
    words = page.locator(".next-day-words")
    expect(words).to_contain_text(re.compile(r"\w{3} \d\d:\d\d"), timeout=FIRST_LOOK_MS)
    expect(curves(page, "next-day-graph").first).to_be_attached(timeout=TIMEOUT_MS)
    for part in (page.locator("#topology"), page.locator("#next-day-graph"), words):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= DESKTOP["height"]
    made = download(page, page.get_by_role("button", name="CSV: Losses", exact=True), tmp_path)
    assert "Mean of 12 cycles" in made.read_text(encoding="utf-8")
    words.get_by_role("link", name="Analytics").click()
    expect(page.locator("#worst-words")).to_contain_text("%", timeout=TIMEOUT_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme: str, city8: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city8, scheme=scheme))
    page.locator("#loss-span label", has_text="Dates").click()
    expect(page.locator("#loss-dates")).to_be_visible(timeout=TIMEOUT_MS)
    assert serious(page) == []


def test_a_phone_needs_no_horizontal_scroll(server_on: Callable[[str], LiveServer], new_page: NewPage) -> None:
    page = open_page(new_page(server_on("city8"), viewport=PHONE))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
