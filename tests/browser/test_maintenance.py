"""What the maintenance page shows and does, in a real browser against the real process."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, NewPage
from tests.browser.live import TIMEOUT_MS, LiveServer, Watched, hear
from tests.browser.test_access import PHONE, serious

ASSETS = 14  # of city8
FIRST_SCHEDULE_MS = 240_000
A_POINT = """() => {  // where it is now: a new figure has other points
    const box = [...document.querySelectorAll("#matrix-graph .scatterlayer .point")].at(-1).getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def open_page(watched: Watched, query: str = "") -> Page:
    """Load the page and wait until the table has rows, the matrix points and the schedule jobs."""
    page = watched.page
    page.goto(f"{watched.origin}/maintenance{query}")
    expect(names(page).first).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("#matrix-graph .scatterlayer .point").first).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("#schedule-summary")).to_contain_text("Expected cost", timeout=FIRST_SCHEDULE_MS)
    return page


RISKS = """() => [...document.querySelectorAll('#risk-grid .ag-row [col-id="risk_eur_per_year"]')]
    .map((cell) => [Number(cell.closest('.ag-row').getAttribute('row-index')), cell.textContent])"""

RANKED = f"""() => {{
    const cells = ({RISKS})().sort((one, other) => one[0] - other[0]);
    const risks = cells.map(([, text]) => Number(text.replaceAll(",", "")));
    return risks.length > 1 && risks.every((risk, place) => !place || risk <= risks[place - 1]);
}}"""


def names(page: Page) -> Locator:
    """The cells of the table with the assets' names, in their order."""
    return page.locator('#risk-grid .ag-row [col-id="asset"]')


def risks(page: Page) -> list[float]:
    """The risks in sight, EUR a year, from the first row down."""
    cells = page.evaluate(RISKS)
    return [float(text.replace(",", "")) for _, text in sorted(cells)]


@contextmanager
def time_stands_still(city: LiveServer, page: Page) -> Iterator[None]:
    """Rows keep their places meanwhile, so that a click meets the row that it aims at."""
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#source-state")).to_have_text("Paused")
    try:
        city.wait_for(
            lambda state: city.get("/api/maintenance/assets")["simulated_time"] == state["simulated_time"],
            "the prognosis for the moment of the pause",
        )
        hear(page)
        yield
    finally:
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#source-state")).to_contain_text("Running")


def job(page: Page, column: str, asset: str) -> Locator:
    """A cell of the schedule's table, in the row of an asset."""
    row = page.locator("#schedule-grid .ag-row", has=page.locator('[col-id="asset"]', has_text=asset))
    number = row.first.get_attribute("row-id")  # the row keeps it when it goes to another week
    return page.locator(f'#schedule-grid .ag-row[row-id="{number}"] [col-id="{column}"]')


@pytest.fixture
def city(city8: LiveServer) -> LiveServer:
    """The city8 of all files, without the pins that a test may have left."""
    if pins_of(city8):
        city8.post("/api/maintenance/schedule", {"pins": []})
        city8.wait_for(lambda _: not pins_of(city8), "removing the pins")
    return city8


def pins_of(server: LiveServer) -> list[dict[str, Any]]:
    """Jobs that are settled by hand."""
    return list(server.get("/api/maintenance/schedule")["pins"])


def test_the_fleet_is_shown_with_units_and_the_models_say_what_they_learned_from(
    city: LiveServer, new_page: NewPage
) -> None:
    page = open_page(new_page(city))
    expect(page.locator("#maintenance-status")).to_contain_text("judged by the models", timeout=TIMEOUT_MS)
    fleet = page.locator("#fleet")
    for words in (f"{ASSETS}", "by the model", "EUR/yr", "unlike healthy assets", "deferred"):
        expect(fleet).to_contain_text(words)
    card = page.get_by_role("region", name="Model card")
    expect(card).to_contain_text("Trained on simulated data")
    for words in ("PR-AUC, 30 d", "Brier skill, 365 d", "chance", "SHA-256"):
        expect(card).to_contain_text(words)
    expect(page.locator("#reliability-graph .scatterlayer .point").first).to_be_visible()
    expect(page.locator("#degradation-graph .scatterlayer path").first).to_be_attached()


def test_the_table_is_ranked_sorts_filters_and_is_exported(city: LiveServer, new_page: NewPage, tmp_path: Path) -> None:
    page = open_page(new_page(city))
    page.wait_for_function(RANKED, timeout=TIMEOUT_MS)
    page.locator("#risk-grid .ag-header-cell-text", has_text="Asset").first.click()
    expect(names(page).first).to_have_text("Campus Line")
    page.get_by_role("textbox", name="Asset Filter Input").first.fill("tie")
    expect(page.locator('#risk-grid .ag-row [col-id="asset"]', has_text="Line")).to_have_count(0)
    shown = names(page).count()
    assert 0 < shown < ASSETS
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV", exact=True).click()
    download.value.save_as(tmp_path / "assets.csv")
    with (tmp_path / "assets.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown
    assert {"Asset", "Risk, EUR/yr", "Fails in 365 d, %", "Interrupts now, kW", "Source"} <= rows[0].keys()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator('#risk-grid .ag-row [col-id="asset"]', has_text="Line").first).to_be_visible()


def test_numbers_filter_from_a_value_on(city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city))
    page.wait_for_function(RANKED, timeout=TIMEOUT_MS)
    limit = (risks(page)[0] * risks(page)[-1]) ** 0.5  # far from both ends, which move
    field = page.locator('#risk-grid .ag-header-cell[aria-colindex="4"] input[type="number"]')
    hear(page)  # what the page still had to put in its place is there
    field.fill(f"{limit:.0f}")
    expect(names(page), f"at {limit:.0f} EUR/yr of {risks(page)}").not_to_have_count(ASSETS, timeout=TIMEOUT_MS)
    found = risks(page)
    assert 0 < len(found) < ASSETS
    assert min(found) >= limit


def test_a_row_opens_its_asset_and_the_address_leads_back_to_it(city: LiveServer, new_page: NewPage) -> None:
    watched = new_page(city)
    page = open_page(watched)
    expect(page.locator(".asset-panel")).to_contain_text("Choose an asset")
    panel = page.locator(".asset-panel")
    with time_stands_still(city, page):
        name = names(page).first.inner_text()
        names(page).first.click()
        expect(panel.locator("h2")).to_have_text(name, timeout=TIMEOUT_MS)
    for words in ("Fails in 30 d", "(models", "Likely type", "EUR/yr", "Signals", "mm/s", "75.0\u202f°C"):
        expect(panel).to_contain_text(words, timeout=TIMEOUT_MS)
    expect(panel.locator("#drivers-graph .barlayer .point")).to_have_count(5, timeout=TIMEOUT_MS)
    expect(panel).to_contain_text("What each adds to the log of the failure rate")
    address = page.url
    assert "?asset=branch-" in address
    other = new_page(city).page
    other.goto(address)
    expect(other.locator(".asset-panel h2")).to_have_text(name, timeout=TIMEOUT_MS)
    expect(other.locator("#drivers-graph .barlayer .point")).to_have_count(5, timeout=TIMEOUT_MS)


def test_a_point_of_the_matrix_and_a_similar_asset_open_it_too(city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city))
    page.locator("#matrix-graph").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(A_POINT))
    title = page.locator(".asset-panel h2")
    expect(title).not_to_have_text("Asset", timeout=TIMEOUT_MS)
    name = title.inner_text()
    expect(page.locator("#risk-grid .ag-row-selected [col-id=asset]")).to_have_text(name, timeout=TIMEOUT_MS)
    expect(page.locator("#matrix-graph .legend")).to_contain_text("Chosen")
    similar = page.locator(".similar-list button").first
    wanted = similar.inner_text()
    similar.click()
    expect(title).to_have_text(wanted, timeout=TIMEOUT_MS)


def test_a_week_is_set_kept_when_solved_again_and_exported(city: LiveServer, new_page: NewPage, tmp_path: Path) -> None:
    page = open_page(new_page(city))
    tie = page.locator('#schedule-grid .ag-row [col-id="asset"]', has_text="Tie")  # open: it may be out in any week
    asset = tie.first.inner_text()
    job(page, "week", asset).click()
    page.locator("#schedule-grid .ag-cell .ag-picker-field-wrapper").click()
    page.locator(".ag-list-item").nth(8).click()
    expect(job(page, "pinned", asset).get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Solve again").click()
    expect(job(page, "week", asset)).to_contain_text("9: ", timeout=TIMEOUT_MS)
    city.wait_for(lambda _: pins_of(city), "the pin")
    assert [pin["week"] for pin in pins_of(city)] == [9]
    expect(page.locator("#gantt-graph")).to_contain_text("■", timeout=TIMEOUT_MS)
    hear(page)
    expect(job(page, "pinned", asset).get_by_role("checkbox")).to_be_checked()
    for link, ending, words in (("Export CSV", "csv", asset), ("Export calendar", "ics", f"Maintenance: {asset}")):
        with page.expect_download() as download:
            page.get_by_role("link", name=link).click()
        assert download.value.suggested_filename.endswith(f".{ending}")
        download.value.save_as(tmp_path / ending)
        assert words in (tmp_path / ending).read_text(encoding="utf-8")
    page.get_by_role("button", name="Remove all pins").click()
    city.wait_for(lambda _: not pins_of(city), "removing the pin")
    expect(job(page, "pinned", asset).get_by_role("checkbox")).not_to_be_checked()


def test_pins_that_contradict_one_another_are_named(city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city))
    jobs = city.get("/api/maintenance/schedule")["jobs"]
    city.post("/api/maintenance/schedule", {"pins": [{"id": one["id"], "week": 2} for one in jobs]})
    summary = page.locator("#schedule-summary")
    expect(summary).to_contain_text("pins contradict one another", timeout=TIMEOUT_MS)
    expect(summary).to_contain_text("week 2: crew lines is short of")
    page.get_by_role("button", name="Remove all pins").click()
    expect(summary).to_contain_text("Expected cost", timeout=TIMEOUT_MS)


def test_the_chosen_asset_survives_a_visit_elsewhere_and_an_edit_survives_ticks(
    city: LiveServer, new_page: NewPage
) -> None:
    page = open_page(new_page(city), "?asset=branch-3")
    title = page.locator(".asset-panel h2")
    expect(title).not_to_have_text("Asset", timeout=TIMEOUT_MS)
    name = title.inner_text()
    page.get_by_role("link", name="Overview").click()
    expect(page.locator(".kpi-value").first).to_contain_text("MW", timeout=TIMEOUT_MS)
    page.go_back()
    expect(title).to_have_text(name, timeout=TIMEOUT_MS)
    box = job(page, "pinned", name).get_by_role("checkbox")
    box.click()
    hear(page, 3)
    expect(box).to_be_checked()


def test_what_was_set_by_hand_outlives_the_schedules_of_others(city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city), "?asset=branch-3")
    title = page.locator(".asset-panel h2")
    expect(title).not_to_have_text("Asset", timeout=TIMEOUT_MS)
    mine = title.inner_text()
    job(page, "pinned", mine).get_by_role("checkbox").click()
    tie = next(one for one in city.get("/api/maintenance/schedule")["jobs"] if "Tie" in one["name"])
    city.post("/api/maintenance/schedule", {"pins": [{"id": tie["id"], "week": 4}]})
    expect(job(page, "pinned", tie["name"]).get_by_role("checkbox")).to_be_checked()
    expect(job(page, "pinned", mine).get_by_role("checkbox")).to_be_checked()
    assert [pin["id"] for pin in pins_of(city)] == [tie["id"]]
    page.get_by_role("button", name="Solve again").click()
    city.wait_for(lambda _: len(pins_of(city)) == 2, "both pins")
    city.post("/api/maintenance/schedule", {"pins": []})
    expect(job(page, "pinned", tie["name"]).get_by_role("checkbox")).not_to_be_checked()
    expect(job(page, "pinned", mine).get_by_role("checkbox")).not_to_be_checked()
    job(page, "pinned", mine).get_by_role("checkbox").click()
    page.get_by_role("button", name="Remove all pins").click()
    expect(job(page, "pinned", mine).get_by_role("checkbox")).not_to_be_checked()


def test_another_case_forgets_the_asset(switched: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(switched), "?asset=branch-3")
    expect(page.locator(".asset-panel h2")).not_to_have_text("Asset", timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Case", exact=True).click()
    page.get_by_role("textbox", name="or a code").fill("city8")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("#grid-name")).to_have_text("City, 66 kV", timeout=TIMEOUT_MS)
    page.keyboard.press("Escape")
    expect(page.locator(".asset-panel h2")).to_have_text("Asset", timeout=TIMEOUT_MS)
    expect(page.locator("#fleet")).to_contain_text(f"{ASSETS} by the model", timeout=TIMEOUT_MS)
    page.wait_for_function("!location.search", timeout=TIMEOUT_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme: str, city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city, scheme=scheme), "?asset=branch-3")
    expect(page.locator("#drivers-graph .barlayer .point")).to_have_count(5, timeout=TIMEOUT_MS)
    assert serious(page) == []


@pytest.mark.parametrize("case", ["city8", pytest.param("simbench:1-MV-urban--0-sw", marks=pytest.mark.long)])
def test_a_phone_needs_no_horizontal_scroll(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = open_page(new_page(server_on(case), viewport=PHONE), "?asset=branch-3")
    expect(page.locator(".signals-table table")).to_be_visible(timeout=TIMEOUT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_table_and_schedule_are_worked_with_the_keyboard(city: LiveServer, new_page: NewPage) -> None:
    page = open_page(new_page(city, viewport=DESKTOP))
    reached = set()
    for _ in range(110):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert {"risk-export", "risk-reset", "schedule-solve", "schedule-free", "Export CSV"} <= reached
    names(page).first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".asset-panel h2")).not_to_have_text("Asset", timeout=TIMEOUT_MS)
