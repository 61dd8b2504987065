"""Operating by hand in a real browser: looked at, confirmed, taken back, tagged."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage, ServerOn
from tests.browser.live import GRAPH, TIMEOUT_MS, LiveServer, hear

LINE, PERSON, REASON = "Campus Line", "Ann Weber", "Crew at work on tower 12"
TYPED_AT_MOST = 20
PHONE = {"width": 390, "height": 844}


def drawer_of(page: Page, name: str) -> Locator:
    field, option = (
        page.get_by_role("textbox", name="Find a bus or branch"),
        page.get_by_role("option", name=name).first,
    )
    for _ in range(TYPED_AT_MOST):  # what is typed before the names have come finds nothing
        field.fill("")
        field.fill(name)
        page.wait_for_timeout(1000)
        if option.is_visible():
            break
    option.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text(name, timeout=TIMEOUT_MS)
    return drawer


def number(words: str) -> float:
    found = re.search(r"[\d,]+(\.\d+)?", words)
    assert found is not None, words
    return float(found.group().replace(",", ""))


@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 1000}, PHONE], ids=["wide", "phone"])
def test_a_switch_is_looked_at_opened_taken_back_and_tagged(
    city8: LiveServer, new_page: NewPage, viewport: dict[str, int]
) -> None:
    page = new_page(city8, viewport=viewport).open()
    edge = next(edge for edge in city8.get("/api/grid/state")["edges"] if edge["name"] == LINE)

    def is_closed() -> bool:
        return next(e for e in city8.get("/api/grid/state")["edges"] if e["id"] == edge["id"])["in_service"]

    drawer = drawer_of(page, LINE)
    expect(drawer.get_by_role("button", name="Undo last")).to_be_disabled()
    drawer.get_by_role("button", name=f"Open {LINE} …").click()
    preview = drawer.locator(".preview")
    expect(preview).to_contain_text("loses supply: Shopping Complex, University Campus", timeout=TIMEOUT_MS)
    seen = city8.post("/api/operations/preview", {"kind": "branch", "target": edge["id"], "close": False})
    lost = preview.locator(".operate-alarm").first.inner_text()
    assert number(lost) == pytest.approx(seen["dark_kw"], rel=0.25)  # loads have gone on meanwhile
    assert f"{round(seen['dark_customers']):,} customers" in lost

    drawer.get_by_role("textbox", name="Who operates or tags").fill("")
    drawer.get_by_role("button", name="Confirm").click()
    expect(drawer).to_contain_text("Not operated: say who you are", timeout=TIMEOUT_MS)
    assert is_closed()
    drawer.get_by_role("textbox", name="Who operates or tags").fill(PERSON)
    drawer.get_by_role("button", name="Confirm").click()
    expect(drawer.get_by_role("button", name=f"Close {LINE} …")).to_be_visible(timeout=TIMEOUT_MS)
    expect(preview).to_have_count(0)
    expect(drawer).to_contain_text(f"Last by hand: Open {LINE}; {PERSON}")
    done = city8.get("/api/operations")["operations"][0]
    assert (done["person"], done["operation"]["name"], done["operation"]["close"]) == (PERSON, LINE, False)

    drawer.get_by_role("button", name="Undo last").click()
    expect(drawer.get_by_role("button", name=f"Open {LINE} …")).to_be_visible(timeout=TIMEOUT_MS)
    expect(drawer).to_contain_text("taken back")
    city8.wait_for(lambda state: is_closed() and state["metrics"]["unsupplied_mw"] == 0, "supply after the undo")

    drawer.get_by_text("Hang a tag").click()
    drawer.get_by_role("button", name="Hang the tag").click()
    expect(drawer).to_contain_text("A reason is needed", timeout=TIMEOUT_MS)
    drawer.get_by_role("textbox", name="Reason").fill(REASON)
    drawer.get_by_role("button", name="Hang the tag").click()
    expect(drawer.locator(".tag")).to_contain_text(REASON, timeout=TIMEOUT_MS)
    expect(drawer.locator(".tag")).to_contain_text(PERSON)
    page.wait_for_function(f"{GRAPH}.getElementById('branch-{edge['id']}').data('k') === 1")
    drawer.get_by_role("button", name=f"Open {LINE} …").click()
    expect(preview).to_contain_text(f"{LINE} is tagged, do not operate: {REASON}", timeout=TIMEOUT_MS)
    expect(drawer.get_by_role("button", name="Confirm")).to_be_disabled()
    drawer.get_by_role("button", name="Cancel").click()
    expect(preview).to_have_count(0)
    drawer.get_by_role("button", name=f"Take off the tag: {REASON}").click()
    expect(drawer.locator(".tag")).to_have_count(0, timeout=TIMEOUT_MS)
    page.wait_for_function(f"{GRAPH}.getElementById('branch-{edge['id']}').data('k') === 0")
    assert city8.get("/api/tags") == {"tags": []}


def test_another_asset_has_another_form(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    drawer = drawer_of(page, LINE)
    drawer.get_by_role("button", name=f"Open {LINE} …").click()
    expect(drawer.locator(".preview")).to_be_visible(timeout=TIMEOUT_MS)
    drawer = drawer_of(page, "Residential Hub")
    expect(drawer.locator(".preview")).to_have_count(0)
    expect(drawer.get_by_role("textbox", name="Voltage, p.u.")).to_be_disabled(timeout=TIMEOUT_MS)  # it holds none
    drawer.get_by_role("textbox", name="Power, MW").fill("-1")
    drawer.get_by_role("button", name="Preview …").click()
    expect(drawer.locator("#operate-result")).to_contain_text("p_mw", timeout=TIMEOUT_MS)
    hear(page)
    expect(drawer.locator(".preview")).to_have_count(0)


@pytest.mark.parametrize("case", ["simbench:1-MV-urban--0-sw"])
def test_a_tap_is_looked_at_moved_and_taken_back(server_on: ServerOn, new_page: NewPage, case: str) -> None:
    server, name = server_on(case), "HV1-MV3.101-Trafo1"
    branch = next(edge for edge in server.get("/api/grid/state")["edges"] if edge["name"] == name)
    page = new_page(server, viewport=PHONE).open()
    drawer = drawer_of(page, "loop_line 2")
    expect(drawer.get_by_role("textbox", name="Tap position")).to_have_count(0)  # a line has none
    page.get_by_role("button", name="Close", exact=True).click()
    drawer = drawer_of(page, name)
    position, result = drawer.get_by_role("textbox", name="Tap position, −9 to 9, 0 is neutral"), "#operate-result"
    expect(position).to_have_value("0", timeout=TIMEOUT_MS)
    position.fill("2.5")
    drawer.get_by_role("button", name="Preview …").click()
    expect(drawer.locator(result)).to_have_text(
        f"tap_pos: {name} has whole positions from -9 to 9, not 2.5", timeout=TIMEOUT_MS
    )
    hear(page)
    position.fill("2")
    drawer.get_by_role("button", name="Preview …").click()
    preview = drawer.locator(".preview")
    expect(preview).to_contain_text(f"Move the tap of {name} to 2", timeout=TIMEOUT_MS)
    expect(preview).to_contain_text("Nobody loses supply.")
    expect(preview).to_contain_text("Voltages")
    expect(preview).to_contain_text("Losses")
    drawer.get_by_role("textbox", name="Who operates or tags").fill(PERSON)
    drawer.get_by_role("button", name="Confirm").click()
    expect(drawer).to_contain_text(f"Last by hand: Move the tap of {name} to 2; {PERSON}", timeout=TIMEOUT_MS)
    expect(preview).to_have_count(0)
    expect(drawer.locator("#drawer-live")).to_contain_text(re.compile("Tap position2.*Measured tap position2"))
    done = server.get("/api/operations")["operations"][0]["operation"]
    assert (done["target"], done["tap_pos"], done["close"]) == (branch["id"], 2, None)
    drawer.get_by_role("button", name="Undo last").click()
    expect(drawer).to_contain_text("taken back", timeout=TIMEOUT_MS)
    expect(drawer.locator("#drawer-live")).to_contain_text(re.compile("Tap position0.*Measured tap position0"))
