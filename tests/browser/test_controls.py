"""Simulation, case and look: what the header's controls do."""

import json

from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.live import GRAPH, TIMEOUT_MS, LiveServer, hear


def test_pause_stops_the_clock_and_resume_starts_it(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#source-state")).to_have_text("Paused", timeout=TIMEOUT_MS)
    stopped = page.locator("#clock").inner_text()
    hear(page)
    assert page.locator("#clock").inner_text() == stopped
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#clock")).not_to_have_text(stopped, timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#source-state")).to_contain_text("Running", timeout=TIMEOUT_MS)


def test_risk_weight_reaches_the_engine(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_label("Risk weight, Ω").fill("25")
    expect(page.locator("#risk-weight-now")).to_have_text("25", timeout=TIMEOUT_MS)


def test_light_and_dark_are_kept(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8, scheme="dark").open()
    look = page.locator("html")
    expect(look).to_have_attribute("data-mantine-color-scheme", "dark")
    dark = page.evaluate(f"{GRAPH}.nodes()[0].style('color')")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(look).to_have_attribute("data-mantine-color-scheme", "light")
    page.wait_for_function(f"{GRAPH}.nodes()[0].style('color') !== '{dark}'", timeout=TIMEOUT_MS)
    page.reload()
    expect(look).to_have_attribute("data-mantine-color-scheme", "light")


def test_another_case_reaches_all_open_browsers(switched: LiveServer, new_page: NewPage) -> None:
    page, other = new_page(switched).open(), new_page(switched).open()
    page.get_by_role("button", name="Case").click()
    page.get_by_role("textbox", name="or a code").fill("city8")
    page.get_by_role("button", name="Load").click()
    for each in (page, other):
        expect(each.locator("#grid-name")).to_have_text("City, 66 kV", timeout=TIMEOUT_MS)
        each.wait_for_function(f"{GRAPH}.nodes().length === 8", timeout=TIMEOUT_MS)
        each.wait_for_function(f"{GRAPH}.edges().some((edge) => edge.data('d'))", timeout=TIMEOUT_MS)


def test_a_bad_file_is_refused_in_full_and_the_case_goes_on(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_role("button", name="Case").click()
    wrong = {"name": "wrong.json", "mimeType": "application/json", "buffer": json.dumps({"hello": 1}).encode()}
    page.locator("#case-upload input[type=file]").set_input_files(wrong)  # type: ignore[arg-type]
    expect(page.locator("#case-result")).to_contain_text("wrong.json", timeout=TIMEOUT_MS)
    expect(page.locator("#case-result")).to_contain_text("Not loaded")
    expect(page.locator("#grid-name")).to_have_text("City, 66 kV")


def test_a_lost_server_is_said_and_recovered_from(switched: LiveServer, new_page: NewPage) -> None:
    watched = new_page(switched)
    page = watched.open()
    expect(page.locator(".loss-holder .js-plotly-plot")).to_be_visible(timeout=TIMEOUT_MS)
    switched.stop()
    expect(page.locator("#age")).to_contain_text("Connection lost", timeout=TIMEOUT_MS)
    switched.start()
    expect(page.locator("#age")).not_to_contain_text("Connection lost", timeout=TIMEOUT_MS)
    page.wait_for_function(f"{GRAPH}.edges().some((edge) => edge.data('d'))", timeout=TIMEOUT_MS)
    watched.problems[:] = [text for text in watched.problems if not is_network_error(text)]


def is_network_error(text: str) -> bool:
    """The browser's and Dash's words for a server that doesn't answer; the event is a script that didn't come."""
    return text == "console: Event" or any(
        words in text for words in ("Failed to load resource", "the server did not respond")
    )
