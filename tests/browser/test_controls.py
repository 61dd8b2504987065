"""Simulation, case and look: what the header's controls do."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

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


def test_the_present_state_is_taken_along_as_a_file(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_role("button", name="Case").click()
    dialog = page.get_by_role("dialog", name="Load another case")
    for name, ending, holds in (("pandapower JSON", ".json", '"pandapowerNet"'), ("MATPOWER .m", ".m", "mpc.bus = [")):
        with page.expect_download() as download:
            dialog.get_by_role("link", name=name).click()
        assert re.fullmatch(r"city8_\d{8}T\d{4}" + re.escape(ending), download.value.suggested_filename)
        assert holds in download.value.path().read_text(encoding="utf-8")


def test_another_case_reaches_all_open_browsers(switched: LiveServer, new_page: NewPage) -> None:
    page, other = new_page(switched).open(), new_page(switched).open()
    page.get_by_role("button", name="Case").click()
    page.get_by_role("textbox", name="or a code").fill("city8")
    page.locator("#case-load").click()
    for each in (page, other):
        expect(each.locator("#grid-name")).to_have_text("City, 66 kV", timeout=TIMEOUT_MS)
        each.wait_for_function(f"{GRAPH}.nodes().length === 8", timeout=TIMEOUT_MS)
        each.wait_for_function(f"{GRAPH}.edges().some((edge) => edge.data('d'))", timeout=TIMEOUT_MS)


FOUR = ("case33bw", "city8", "case14", "case30")
EVERY_PAIR = (0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0)  # each of the four after each other one
PLACES = f"""() => {{
    const cy = document.getElementById("topology")?._cyreg && {GRAPH}, first = cy && cy.nodes("[i = 0]");
    if (!first?.length || cy.scratch("_scope") !== first.data("scope")) return null;
    if (!cy.edges().some((edge) => edge.data("d"))) return null;
    const nodes = cy.nodes(), spread = (axis) => {{
        const at = nodes.map((node) => node.position(axis)), low = Math.min(...at), high = Math.max(...at);
        return (value) => (value - low) / (high - low);
    }};
    const [x, y] = [spread("x"), spread("y")];
    return {{
        nodes: Object.fromEntries(nodes.map((one) => [one.id(), [x(one.position("x")), y(one.position("y"))]])),
        edges: cy.edges().map((edge) => [edge.id(), edge.source().id(), edge.target().id()]).sort(),
        selected: cy.elements(":selected").length,
    }};
}}"""


def test_after_each_change_of_grid_every_node_is_where_a_fresh_page_has_it(
    switched: LiveServer, new_page: NewPage
) -> None:
    """Buses of different grids have the same ids. What a browser keeps by id must not reach the next grid."""
    page, other = new_page(switched).open(), new_page(switched).open()
    fresh = {}
    for case in FOUR:
        switch(switched, page, case)
        page.reload()
        expect(page.locator("#clock")).not_to_have_text("—", timeout=TIMEOUT_MS)
        fresh[case] = places(page)
    switch(switched, page, FOUR[EVERY_PAIR[0]])
    for number in EVERY_PAIR[1:]:
        case = FOUR[number]
        switch(switched, page, case)
        for each in (page, other):
            found = places(each, of=fresh[case])
            assert found["edges"] == fresh[case]["edges"]
            assert found["selected"] == 0
            for node, place in fresh[case]["nodes"].items():
                assert found["nodes"][node] == pytest.approx(place, abs=0.01), (case, node)


def switch(server: LiveServer, page: Page, case: str) -> None:
    """Load a case with the dialog of a page."""
    page.get_by_role("button", name="Case").click()
    page.get_by_role("textbox", name="or a code").fill(case)
    page.locator("#case-load").click()
    server.wait_for(lambda state: state["case"] == case, f"loading {case}")
    expect(page.get_by_role("dialog", name="Load another case")).to_be_hidden(timeout=TIMEOUT_MS)


def test_the_case_that_is_chosen_last_is_loaded_and_the_dialog_closes(switched: LiveServer, new_page: NewPage) -> None:
    page = new_page(switched).open()
    page.get_by_role("button", name="Case").click()
    dialog, code = page.get_by_role("dialog", name="Load another case"), page.get_by_role("textbox", name="or a code")
    page.locator("#case-load").click()
    expect(page.locator("#case-result")).to_contain_text("Choose a case or type a code first.", timeout=TIMEOUT_MS)
    code.fill("case30")
    page.locator("#case-name").click()
    page.get_by_role("option", name="case14", exact=True).click()
    expect(code).to_have_value("")
    page.locator("#case-load").click()
    expect(dialog).to_be_hidden(timeout=TIMEOUT_MS)
    switched.wait_for(lambda state: state["case"] == "case14", "loading case14")
    page.get_by_role("button", name="Case").click()
    expect(page.locator("#case-name")).to_have_value("")
    code.fill("nonsense")
    page.locator("#case-load").click()
    expect(page.locator("#case-result")).to_contain_text("nonsense", timeout=TIMEOUT_MS)
    expect(page.locator("#case-result")).to_contain_text("Not loaded")
    expect(dialog).to_be_visible()


def test_an_event_without_its_target_is_asked_for_it(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_role("button", name="Events").click()
    page.get_by_role("button", name="Inject").click()
    expect(page.locator("#event-result")).to_contain_text("Choose a branch first.", timeout=TIMEOUT_MS)
    assert city8.get("/api/events")["events"] == []


def places(page: Page, of: dict[str, Any] | None = None) -> dict[str, Any]:
    """Where the map's nodes are, within the map's extent, once the present grid's elements are painted."""
    for _ in range(200):
        found = page.evaluate(PLACES)
        if found and (of is None or sorted(found["nodes"]) == sorted(of["nodes"])):
            return dict(found)
        page.wait_for_timeout(100)
    raise AssertionError("the map wasn't painted")


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
