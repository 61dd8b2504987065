"""Small screens, keyboards and assistive technology."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.live import TIMEOUT_MS, LiveServer, hear, tap

OPAQUE = """() => {
    const shown = [...document.querySelectorAll("[role=dialog]")];
    const opaque = (one) => !one || (getComputedStyle(one).opacity === "1" && opaque(one.parentElement));
    return shown.length > 0 && shown.every(opaque);
}"""
PHONE = {"width": 390, "height": 844}
LOOKS = 4


def serious(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical in each of some looks: what fades in has little contrast."""
    found: list[str] = []
    for _ in range(LOOKS):
        violations = Axe().run(page).response["violations"]
        found = [
            f"{one['id']}: {node['html'][:200]}"
            for one in violations
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
        if not found:
            break
        hear(page, 1)
    return found


def settled(page: Page) -> None:
    """Wait until what opens has opened: what fades in has too little contrast meanwhile."""
    page.wait_for_function(OPAQUE, timeout=TIMEOUT_MS)
    page.wait_for_function("document.getAnimations().every((one) => one.effect.getTiming().iterations === Infinity)")


@pytest.mark.parametrize("case", ["case118"])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing_serious(
    scheme: str, case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = new_page(server_on(case), scheme=scheme).open()
    expect(page.locator(".loss-holder .js-plotly-plot")).to_be_visible(timeout=TIMEOUT_MS)
    assert serious(page) == []
    tap(page, "#bus-3")
    expect(page.get_by_role("dialog")).to_contain_text("traced shares", timeout=TIMEOUT_MS)
    settled(page)
    assert serious(page) == []
    page.get_by_role("button", name="Close").click()
    for name in ("Case", "Events"):
        page.get_by_role("button", name=name).click()
        settled(page)
        assert serious(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize(
    "case", ["city8", "case118", pytest.param("simbench:1-MV-urban--0-sw", marks=pytest.mark.long)]
)
def test_a_phone_needs_no_horizontal_scroll(
    case: str, server_on: Callable[[str], LiveServer], new_page: NewPage
) -> None:
    page = new_page(server_on(case), viewport=PHONE).open()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator("#topology").scroll_into_view_if_needed()
    page.get_by_role("textbox", name="Find a bus or branch").fill("1" if case != "city8" else "Campus Line")
    page.get_by_role("option").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Limits", timeout=TIMEOUT_MS)
    settled(page)
    assert drawer.bounding_box()["width"] == pytest.approx(PHONE["width"], abs=1)  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_every_control_is_reached_with_the_keyboard(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')"))
    wanted = {"simulation-toggle", "simulation-step", "case-open", "events-open", "to-alarms", "search", "fit"}
    assert wanted <= reached
