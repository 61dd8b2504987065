"""What the optimisation page shows and does, in a real browser against the real process."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.live import TIMEOUT_MS, LiveServer, Watched, hear, tap
from tests.browser.test_access import PHONE, serious

CASES = ("city8", pytest.param("simbench:1-MV-urban--0-sw", marks=pytest.mark.long))
MIDDAY_MW = 182.0  # of city8: no configuration survives every outage then, as at night some do
FIRST_PLAN_MS = 240_000  # the policy is trained in the meantime
GRAPHS = {name: f"document.getElementById('{name}-map')._cyreg.cy" for name in ("present", "proposed")}
PAINTED = " && ".join(
    f"document.getElementById('{name}-map')?._cyreg && {graph}.edges().some((edge) => edge.data('d'))"
    for name, graph in GRAPHS.items()
)

GROW_AND_TAP = """([map, wanted]) => {  // in one go, before the browser tells anybody of a new place
    const cy = document.getElementById(map)._cyreg.cy, element = cy.$(wanted), frame = cy.container();
    frame.parentElement.style.marginTop = "120px";
    const box = frame.getBoundingClientRect(), at = element.renderedPosition();
    const where = { clientX: box.x + at.x, clientY: box.y + at.y, bubbles: true, button: 0 };
    let hit = false;
    cy.one("tap", ({ target }) => { hit = target !== cy && target.same(element); });
    const canvas = frame.querySelector("canvas");
    for (const kind of ["down", "up"]) {
        canvas.dispatchEvent(new PointerEvent(`pointer${kind}`, where));
        canvas.dispatchEvent(new MouseEvent(`mouse${kind}`, where));
    }
    return hit;
}"""


def open_plan(watched: Watched) -> Page:
    """Load the page and wait until both maps show flows and there is an answer."""
    page = watched.page
    page.goto(f"{watched.origin}/optimisation")
    page.wait_for_function(PAINTED, timeout=TIMEOUT_MS)
    expect(page.locator(".tone")).not_to_have_text("No proposal", timeout=FIRST_PLAN_MS)
    return page


def actions_of(page: Page) -> int:
    """Switching actions of the plan that is shown: two at most hours, four at some."""
    return page.locator("#plan-steps tbody tr").count()


@pytest.fixture
def city(city8: LiveServer) -> LiveServer:
    """The city8 of all files: `as_before` undoes what a test has done to it."""
    return city8


@pytest.fixture
def page(city: LiveServer, new_page: NewPage) -> Iterator[Page]:
    """The grid and the requirements as the case begins. Time stands still at a moment for which there is a plan."""
    page = open_plan(new_page(city))
    while count := page.locator("#locked button").count():
        page.locator("#locked button").first.click()
        expect(page.locator("#locked button")).to_have_count(count - 1, timeout=TIMEOUT_MS)
    if not page.locator("#case-limits").is_checked():
        page.get_by_role("switch", name="Limits of the case").click()
    page.locator("#pairs label", has_text="Free").click()
    page.get_by_role("slider", name="Risk weight").focus()
    page.keyboard.press("Home")
    expect(page.locator("#weight-words")).to_contain_text("doesn't count", timeout=TIMEOUT_MS)
    if page.locator("#undo-all").is_enabled():
        page.locator("#undo-all").click()
        expect(page.locator("#undo-all")).to_be_disabled(timeout=TIMEOUT_MS)
    expect(page.locator(".tone")).to_have_text("Proposed", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#source-state")).to_have_text("Paused", timeout=TIMEOUT_MS)
    city.post("/api/grid/optimize", {})  # answers when there is a plan for this moment: it may have other steps
    hear(page)
    expect(page.locator(".tone")).to_have_text("Proposed", timeout=TIMEOUT_MS)
    yield page
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#source-state")).to_contain_text("Running", timeout=TIMEOUT_MS)


@pytest.mark.parametrize("case", CASES)
def test_a_plan_says_what_it_does_saves_and_keeps(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = open_plan(new_page(server_on(case)))
    answer = page.locator(".plan-answer")
    expect(answer).to_contain_text("Proposed", timeout=FIRST_PLAN_MS)
    for words in ("kW", "of losses", "MWh", "EUR", "kW/yr", "verified by AC power flow", "every load supplied"):
        expect(answer).to_contain_text(words)
    assert actions_of(page) >= 2
    page.wait_for_function(f"{GRAPHS['proposed']}.edges('[x = 1]').length >= 1", timeout=TIMEOUT_MS)
    page.wait_for_function(
        f"{GRAPHS['proposed']}.edges('[x > 0]').length === {GRAPHS['present']}.edges('[x > 0]').length"
    )
    for title in ("Present and proposed", "Limits", "Methods in numbers"):
        expect(page.get_by_role("region", name=title)).to_contain_text("kW")
    expect(page.locator(".plan-graph .js-plotly-plot")).to_have_count(4, timeout=TIMEOUT_MS)


def test_both_maps_have_one_layout_and_differ_in_what_switches(page: Page) -> None:
    places = [page.evaluate(f"{graph}.nodes().map((node) => node.position())") for graph in GRAPHS.values()]
    assert places[0] == places[1]
    pairs = actions_of(page) // 2
    page.wait_for_function(f"{GRAPHS['present']}.edges('[x = 1]').length === {pairs}", timeout=TIMEOUT_MS)
    closing = "edges('[x = 1]').map((edge) => edge.data('s'))"
    assert page.evaluate(f"{GRAPHS['present']}.{closing}") == [3] * pairs
    assert page.evaluate(f"{GRAPHS['proposed']}.{closing}") == [0] * pairs
    labels = page.evaluate(f"{GRAPHS['present']}.edges('[x > 0]').map((edge) => edge.data('l'))")
    assert sum(label.startswith("● close (") for label in labels) == pairs
    assert sum(label.startswith("○ open (") for label in labels) == pairs
    assert sorted(label[-2] for label in labels) == [str(step) for step in range(1, 2 * pairs + 1)]


def test_apply_one_apply_all_and_undo_reach_the_grid(city: LiveServer, page: Page) -> None:
    before = [edge["in_service"] for edge in city.get("/api/grid/state")["edges"]]
    page.get_by_role("button", name="Apply next step").click()
    expect(page.locator("#plan-steps")).to_contain_text("✓ done", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Undo last").click()
    expect(page.locator("#plan-steps")).not_to_contain_text("✓ done", timeout=TIMEOUT_MS)
    expect(page.locator(".tone")).to_have_text("Proposed", timeout=TIMEOUT_MS)
    expect(page.locator(".plan-summary")).to_contain_text("Close Central South Line", timeout=TIMEOUT_MS)
    actions = actions_of(page)
    page.get_by_role("button", name="Apply all").click()
    expect(page.locator("#plan-steps .step-done")).to_have_count(actions, timeout=TIMEOUT_MS)
    expect(page.locator(".tone")).to_have_text("Nothing to do", timeout=TIMEOUT_MS)
    changed = [edge["in_service"] for edge in city.get("/api/grid/state")["edges"]]
    assert sum(old != new for old, new in zip(before, changed, strict=True)) == actions
    page.get_by_role("button", name="Undo all").click()
    expect(page.get_by_role("button", name="Undo all")).to_be_disabled(timeout=TIMEOUT_MS)
    assert [edge["in_service"] for edge in city.get("/api/grid/state")["edges"]] == before


def test_taps_lock_and_unlock_and_the_plan_keeps_the_lock(page: Page) -> None:
    locked, title = page.locator("#locked"), page.locator(".plan-answer")
    expect(title).to_contain_text("Central South Line", timeout=TIMEOUT_MS)
    tap(page, 'edge[name = "Central South Line"]', "present-map")
    expect(locked).to_contain_text("Central South Line", timeout=TIMEOUT_MS)
    expect(title).not_to_contain_text("Close Central South Line", timeout=TIMEOUT_MS)
    for graph in GRAPHS.values():
        page.wait_for_function(f"{graph}.edges('[k = 1]').map((edge) => edge.data('l'))[0] === '■ locked'")
    tap(page, 'edge[name = "Central South Line"]', "proposed-map")
    expect(locked).to_contain_text("No switch is locked", timeout=TIMEOUT_MS)
    page.get_by_role("textbox", name="Lock the switch of a branch").fill("mall")
    page.get_by_role("option", name="Mall Line (branch)").click()
    expect(locked).to_contain_text("Mall Line", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Unlock Mall Line").click()
    expect(locked).to_contain_text("No switch is locked", timeout=TIMEOUT_MS)


def test_taps_hit_what_is_seen_when_the_page_has_just_grown_above_the_map(page: Page) -> None:
    page.locator("#present-map").hover()  # cytoscape remembers where the map is
    assert page.evaluate(GROW_AND_TAP, ["present-map", 'node[name = "Downtown Substation"]'])


def test_limits_that_conflict_are_named_and_nothing_can_be_applied(page: Page) -> None:
    page.get_by_role("switch", name="Limits of the case").click()
    thumb = page.get_by_role("slider", name="Lowest voltage, p.u.")
    thumb.focus()
    for _ in range(16):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".tone")).to_have_text("No plan: limits conflict", timeout=TIMEOUT_MS)
    expect(page.locator(".plan-title h2")).to_contain_text("Nothing keeps every voltage at or above 1.0")
    expect(page.get_by_role("button", name="Apply all")).to_be_disabled()
    page.get_by_role("switch", name="Limits of the case").click()
    expect(page.locator(".tone")).to_have_text("Proposed", timeout=TIMEOUT_MS)


@pytest.fixture
def midday(city: LiveServer, page: Page) -> Iterator[Page]:
    """The page while the city draws what it draws at midday, whatever hour time stands still at."""
    now_mw = city.get("/api/grid/state")["metrics"]["total_load"]
    surge = {"kind": "load_surge", "target": None, "magnitude": MIDDAY_MW / now_mw}
    event = city.post("/api/events", surge)["event"]
    city.wait_for(lambda now: abs(now["metrics"]["total_load"] - MIDDAY_MW) < 0.1 * MIDDAY_MW, "the surge")
    yield page
    page.request.delete(f"{city.url}/api/events?id={event['id']}")


def test_a_conflict_with_n_minus_1_names_the_outage(midday: Page) -> None:
    toggle = midday.get_by_role("switch", name="Keep limits after any outage (N-1)")
    toggle.click()
    try:
        expect(midday.locator(".plan-title h2")).to_contain_text("after every single outage", timeout=TIMEOUT_MS)
        expect(midday.locator(".plan-note").first).to_contain_text("After the outage of ")
    finally:
        toggle.click()
    expect(midday.locator(".tone")).to_have_text("Proposed", timeout=TIMEOUT_MS)


def test_requirements_are_everybodys_and_survive_ticks(city: LiveServer, new_page: NewPage, page: Page) -> None:
    first, second = page, open_plan(new_page(city))
    before = first.locator("#weight-words").inner_text()
    first.get_by_role("slider", name="Risk weight").focus()
    first.keyboard.press("ArrowRight")
    expect(first.locator("#weight-words")).not_to_have_text(before, timeout=TIMEOUT_MS)
    now = first.locator("#weight-words").inner_text()
    expect(second.locator("#weight-words")).to_have_text(now, timeout=TIMEOUT_MS)
    first.locator("#pairs label", has_text="1").click()
    expect(second.locator("#pairs input[value='1']")).to_be_checked(timeout=TIMEOUT_MS)
    hear(first, 3)
    expect(first.locator("#weight-words")).to_have_text(now)
    expect(first.locator("#pairs input[value='1']")).to_be_checked()
    second.get_by_role("slider", name="Risk weight").focus()
    second.keyboard.press("ArrowLeft")
    expect(first.locator("#weight-words")).to_have_text(before, timeout=TIMEOUT_MS)


def test_emergency_limits_are_everybodys_and_one_click_takes_them_back(
    city: LiveServer, new_page: NewPage, page: Page
) -> None:
    first, second = page, open_plan(new_page(city))
    mine, others = (each.get_by_role("textbox", name="Emergency limits: Loading, %") for each in (first, second))
    expect(mine).to_have_value("100")
    mine.fill("120")
    expect(others).to_have_value("120", timeout=TIMEOUT_MS)
    wanted = city.post("/api/grid/optimize", {})["requirements"]
    assert (wanted["emergency_loading_percent"], wanted["emergency_min_vm_pu"]) == (120, None)
    mine.fill("90")
    expect(first.locator("#form-result")).to_contain_text("emergency_loading_percent", timeout=TIMEOUT_MS)
    expect(first.locator("#form-result")).to_contain_text("must not lie below")
    second.get_by_role("button", name="Normal limits").click()
    for shown in (mine, others):
        expect(shown).to_have_value("100", timeout=TIMEOUT_MS)
    assert city.post("/api/grid/optimize", {})["requirements"]["emergency_loading_percent"] is None


def test_a_slider_that_is_held_is_not_moved_by_others(city: LiveServer, new_page: NewPage, page: Page) -> None:
    first, second = page, open_plan(new_page(city))
    before = first.locator("#weight-words").inner_text()
    box = first.get_by_role("slider", name="Risk weight").bounding_box()
    assert box is not None
    first.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    slider = first.get_by_role("slider", name="Risk weight")
    start = slider.get_attribute("aria-valuenow") or ""
    first.mouse.down()
    for distance in (40, 80, 120):
        first.wait_for_timeout(100)
        first.mouse.move(box["x"] + distance, box["y"] + box["height"] / 2)
    expect(slider).not_to_have_attribute("aria-valuenow", start)
    first.wait_for_timeout(300)
    held = slider.get_attribute("aria-valuenow")
    second.locator("#pairs label", has_text="2").click()
    expect(second.locator("#pairs input[value='2']")).to_be_checked()
    hear(first, 3)
    assert slider.get_attribute("aria-valuenow") == held
    first.mouse.up()
    expect(first.locator("#pairs input[value='2']")).to_be_checked(timeout=TIMEOUT_MS)
    expect(first.locator("#weight-words")).not_to_have_text(before, timeout=TIMEOUT_MS)
    assert slider.get_attribute("aria-valuenow") == held


def test_the_overview_tells_the_plan_and_leads_to_it_and_back(page: Page) -> None:
    actions = actions_of(page)
    page.get_by_role("link", name="Overview").click()
    line = page.locator(".plan-line")
    expect(line).to_contain_text("Saves", timeout=TIMEOUT_MS)
    overview = "document.getElementById('topology')._cyreg.cy"
    page.wait_for_function(f"{overview}.edges('[x > 0]').length === {actions}", timeout=TIMEOUT_MS)
    page.wait_for_function(f"{overview}.edges('[r = 1]').length > 0", timeout=TIMEOUT_MS)
    page.get_by_role("switch", name="Mark the plan").click()
    page.wait_for_function(f"{overview}.edges('[x > 0]').length === 0", timeout=TIMEOUT_MS)
    page.get_by_role("link", name="Show the plan").click()
    expect(page.locator(".plan-summary")).to_contain_text("Close", timeout=TIMEOUT_MS)
    page.wait_for_function(PAINTED, timeout=TIMEOUT_MS)
    assert page.url.endswith("/optimisation")
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".kpi-value").first).to_contain_text("MW", timeout=TIMEOUT_MS)
    page.wait_for_function(f"{overview}?.edges().some((edge) => edge.data('d'))", timeout=TIMEOUT_MS)
    page.go_back()
    expect(page.locator(".plan-summary")).to_contain_text("Close", timeout=TIMEOUT_MS)


def test_another_case_reaches_the_page(switched: LiveServer, new_page: NewPage) -> None:
    page = open_plan(new_page(switched))
    page.get_by_role("button", name="Case", exact=True).click()
    page.get_by_role("textbox", name="or a code").fill("city8")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("#grid-name")).to_have_text("City, 66 kV", timeout=TIMEOUT_MS)
    page.keyboard.press("Escape")
    for graph in GRAPHS.values():
        page.wait_for_function(f"{graph}.nodes().length === 8", timeout=TIMEOUT_MS)
    expect(page.locator(".plan-summary")).to_contain_text("Close", timeout=FIRST_PLAN_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme: str, city: LiveServer, new_page: NewPage) -> None:
    page = open_plan(new_page(city, scheme=scheme))
    expect(page.locator(".plan-graph .js-plotly-plot")).to_have_count(4, timeout=TIMEOUT_MS)
    assert serious(page) == []


@pytest.mark.parametrize("case", CASES)
def test_a_phone_needs_no_horizontal_scroll(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = open_plan(new_page(server_on(case), viewport=PHONE))
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    tops = [page.locator(f"#{name}-map").bounding_box()["y"] for name in GRAPHS]  # type: ignore[index]
    assert tops[1] > tops[0] + 200


def test_every_control_is_reached_with_the_keyboard(page: Page) -> None:
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
    wanted = {"apply-one", "apply-all", "Risk weight", "case-limits", "loading", "n-minus-1", "lock-search"}
    wanted |= {f"emergency-{name}" for name in ("loading", "low", "high", "minutes", "reset")}
    assert wanted <= reached
