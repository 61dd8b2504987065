"""What the overview shows and does, in a real browser against the real process."""

import re
from collections import deque
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from app.web.guard import TICK
from tests.browser.conftest import NewPage
from tests.browser.live import GRAPH, MAP_IS_PAINTED, TIMEOUT_MS, LiveServer, hear, tap

CASES = ("city8", "case118", pytest.param("simbench:1-MV-urban--0-sw", marks=pytest.mark.long))
SAME_VERSION = """async () => {
    const row = document.getElementById("kpi-row"), cards = [...row.querySelectorAll(".card")];
    for (let attempt = 0; attempt < 30; attempt++) {
        const state = await (await fetch("/api/grid/state")).json();
        for (let wait = 0; wait < 40 && Number(row.dataset.version ?? 0) < state.version; wait++) {
            await new Promise((resolve) => setTimeout(resolve, 25));
        }
        if (Number(row.dataset.version) === state.version) {
            return { metrics: state.metrics, cards: cards.map((card) => card.innerText) };
        }
    }
    return null;
}"""


def numbers(text: str) -> list[float]:
    """All numbers in a text, thousands separated by commas, minus as a real minus sign."""
    return [float(found.replace(",", "").replace("−", "-")) for found in re.findall(r"[−-]?\d[\d,]*\.?\d*", text)]


@pytest.mark.parametrize("case", CASES)
def test_page_shows_the_numbers_of_the_api(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = new_page(server_on(case)).open()
    found = page.evaluate(SAME_VERSION)
    assert found is not None, "page and API never showed the same version"
    metrics, cards = found["metrics"], [numbers(card) for card in found["cards"]]
    expected = [
        [metrics["total_load"]],
        [metrics["unsupplied_mw"]],
        [metrics["total_generation"], metrics["renewable_percent"]],
        [metrics["loss_mw"], metrics["loss_percent"]],
        [metrics["efficiency_percent"]],
        [1000 * metrics["average_risk"]],
        [metrics["active_alarms"]],
    ]
    for shown, wanted in zip(cards, expected, strict=True):
        known = [value for value in wanted if value is not None]
        assert shown[: len(known)] == pytest.approx(known, rel=6e-3, abs=0.051)


@pytest.mark.parametrize("case", CASES)
def test_tap_opens_the_drawer_with_live_values(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = new_page(server_on(case)).open()
    drawer = page.get_by_role("dialog")
    tap(page, "#bus-3")
    expect(drawer).to_contain_text("p.u.", timeout=TIMEOUT_MS)
    expect(drawer).to_contain_text("traced shares")
    expect(drawer.locator(".js-plotly-plot")).to_be_visible(timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Close").click()
    expect(drawer).to_be_hidden()


def test_a_page_further_away_than_its_interval_is_live(city8: LiveServer, new_page: NewPage) -> None:
    page, polls = new_page(city8).open(), deque[Route]()

    def hold(route: Route) -> None:
        polls.append(route)

    def answer_late(times: int) -> None:
        for _ in range(times):
            while not polls:
                page.wait_for_timeout(50)
            page.wait_for_timeout(2000)  # longer than an interval
            polls.popleft().continue_()

    page.route(f"**{TICK}", hold)
    clock, age = page.locator("#clock"), page.locator("#age")
    answer_late(1)
    before = clock.inner_text()
    answer_late(2)
    expect(clock).not_to_have_text(before)
    expect(age).not_to_contain_text("Connection lost")
    tap(page, "#bus-3")
    expect(page.get_by_role("dialog")).to_be_visible()
    answer_late(3)
    expect(page.get_by_role("dialog")).to_contain_text("p.u.")


LOST_AGE_S = "Number(document.getElementById('age').textContent.match(/Connection lost · Data (\\d+) s old/)?.[1])"


def test_the_age_goes_on_while_no_answer_comes(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.route(f"**{TICK}", lambda _route: None)
    age = page.wait_for_function(f"{LOST_AGE_S} || 0", timeout=TIMEOUT_MS).json_value()
    page.wait_for_function(f"{LOST_AGE_S} >= {age + 3}", timeout=TIMEOUT_MS)
    page.unroute(f"**{TICK}")
    expect(page.locator("#age")).not_to_contain_text("Connection lost", timeout=TIMEOUT_MS)


def test_tap_on_a_line_and_search_select_assets(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    tap(page, "#branch-0")
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Ridge Line", timeout=TIMEOUT_MS)
    expect(drawer).to_contain_text("kA")
    search = page.get_by_role("textbox", name="Find a bus or branch")
    search.fill("campus l")
    page.get_by_role("option", name="Campus Line (branch)").click()
    expect(drawer.get_by_role("heading", name="Campus Line", exact=True)).to_be_visible(timeout=TIMEOUT_MS)
    chosen = f"{GRAPH}.$(':selected').map((e) => e.data('name')).join()"
    page.wait_for_function(f"{chosen} === 'Campus Line'", timeout=TIMEOUT_MS)


COUNT_OFFERS = """() => {
    const scripts = window.dash_clientside.smartgrid, offer = scripts.offer;
    window.offers = [0, 0];
    scripts.offer = (...inputs) => {
        const options = offer(...inputs);
        window.offers[options === window.dash_clientside.no_update ? 0 : 1] += 1;
        return options;
    };
}"""


def test_options_of_a_small_grid_stand_still_while_one_types(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    search = page.get_by_role("textbox", name="Find a bus or branch")
    search.click()
    expect(page.get_by_role("option")).to_have_count(22, timeout=TIMEOUT_MS)
    page.evaluate(COUNT_OFFERS)
    search.press_sequentially("campus", delay=100)
    expect(page.get_by_role("option")).to_have_count(2)
    hear(page)
    page.get_by_role("option", name="University Campus (bus)").click()
    expect(page.get_by_role("dialog")).to_contain_text("University Campus", timeout=TIMEOUT_MS)
    unchanged, changed = page.evaluate("window.offers")
    assert unchanged > 0
    assert changed == 0


def test_outage_injected_on_the_page_is_seen_alarmed_and_acknowledged(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.get_by_role("button", name="Events").click()
    page.get_by_role("textbox", name="Branch", exact=True).fill("Mall")
    page.get_by_role("option", name="Mall Line").click()
    page.get_by_role("button", name="Inject").click()
    alarms = page.get_by_role("region", name="Alarm list")
    expect(alarms).to_contain_text("Mall Line has tripped", timeout=TIMEOUT_MS)
    expect(page.locator("#event-list")).to_contain_text("Line outage: Mall Line")
    page.wait_for_function(f"{GRAPH}.nodes('[s = 3]').length === 1")
    assert page.evaluate(f"{GRAPH}.$('[s = 3]').map((e) => e.data('name'))").count("Mall Line") == 1
    assert page.evaluate(f"{GRAPH}.nodes('[s = 3]').map((e) => e.data('name'))") == ["Shopping Complex"]
    page.keyboard.press("Escape")
    acknowledge = alarms.get_by_role("button", name=re.compile("Acknowledge: Mall Line"))
    acknowledge.click()
    expect(page.locator("#acknowledge-result")).to_contain_text("type your name")
    page.get_by_role("textbox", name="Your name").fill("Ada")
    acknowledge.click()
    expect(alarms).to_contain_text("acknowledged by Ada", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Events").click()
    page.get_by_role("button", name=re.compile("Remove Line outage")).click()
    expect(page.locator("#event-list")).to_contain_text("No active events", timeout=TIMEOUT_MS)


@pytest.mark.parametrize("case", CASES[1:])
def test_outage_injected_through_the_api_reaches_the_page(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    server = server_on(case)
    page = new_page(server).open()
    edges = server.get("/api/grid/state")["edges"]
    lines = sorted((edge for edge in edges if edge["type"] != "transformer"), key=lambda edge: abs(edge["power_flow"]))
    carrying = lines[len(lines) // 2]
    event = server.post("/api/events", {"kind": "line_outage", "target": carrying["id"], "magnitude": 1.0})["event"]
    alarms = page.get_by_role("region", name="Alarm list")
    expect(alarms).to_contain_text(f"{carrying['name']} has tripped", timeout=TIMEOUT_MS)
    page.wait_for_function(f"{GRAPH}.getElementById('branch-{carrying['id']}').data('s') === 3", timeout=TIMEOUT_MS)
    assert event["id"] > 0


def test_layers_and_supply_paths_change_the_map(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    page.locator("#layer label", has_text="Voltage").click()
    page.wait_for_function(f"{GRAPH}.getElementById('bus-2').data('l').endsWith('p.u.')", timeout=TIMEOUT_MS)
    page.get_by_role("textbox", name="Generators whose supply paths are marked").click()
    page.get_by_role("option").first.click()
    page.wait_for_function(f"{GRAPH}.edges('[p = 1]').length > 0", timeout=TIMEOUT_MS)
    expect(page.locator(".map-card")).to_contain_text("Supply paths from")


def test_two_browsers_look_at_different_things(city8: LiveServer, new_page: NewPage) -> None:
    first, second = new_page(city8).open(), new_page(city8).open()
    tap(first, "#bus-2")
    expect(first.get_by_role("dialog")).to_contain_text("Downtown", timeout=TIMEOUT_MS)
    expect(second.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("case", ["case2869pegase"])
def test_a_large_grid_is_shown_as_areas_that_open(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page: Page = new_page(server_on(case)).open()
    areas = page.evaluate(f"{GRAPH}.nodes('.area').length")
    assert 40 <= areas <= 120
    tap(page, "#area-0")
    page.wait_for_function(f"{GRAPH}.nodes('.area').length === 0 && {MAP_IS_PAINTED}", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="All areas").click()
    page.wait_for_function(f"{GRAPH}.nodes('.area').length === {areas}", timeout=TIMEOUT_MS)
    page.get_by_role("textbox", name="Find a bus or branch").fill("bus 1000")
    page.get_by_role("option").first.click()
    page.wait_for_function(f"{GRAPH}.$('node:selected').length === 1", timeout=TIMEOUT_MS)
