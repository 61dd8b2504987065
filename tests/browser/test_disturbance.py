"""A disturbance from its beginning to the return to normal, as an operator sees it: every figure is the API's.

A fault and a surge in the evening peak of city8, what is dark, the plan that restores it, the repair, and the way back.
"""

import math
import re
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage, ServerOn
from tests.browser.live import TIMEOUT_MS, LiveServer, Watched, hear
from tests.browser.test_overview import SAME_VERSION, numbers

FIRST_LOOK_MS = 240_000
LOOKS, TRIES, BEHIND = 60, 4, 4
PEAK = {"SMARTGRID_START": "2026-01-15T18:00", "SMARTGRID_SPEED_MINUTES_PER_S": "2"}


@pytest.fixture
def evening(server_on: ServerOn) -> LiveServer:
    """City8 in the evening peak, for this test alone."""
    return server_on("city8", **PEAK)


def agrees(where: Locator, wanted: Callable[[], list[str]]) -> str:
    """The text of a place once it has all words of one of the API's last answers: a page is a tick behind."""
    shown = ""
    answers: deque[list[str]] = deque(maxlen=BEHIND)
    for _ in range(LOOKS):
        answers.append(wanted())
        shown = where.inner_text().replace("\u202f", " ")
        if any(all(word in shown for word in words) for words in answers):
            return shown
        hear(where.page, 1)
    raise AssertionError(f"none of {list(answers)} ever stood in {shown!r}")


def small(value: float, unit: str) -> str:
    """Three significant digits, as pages show magnitudes that vary widely."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{digits}f} {unit}"


def visit(watched: Watched, path: str) -> Page:
    watched.page.goto(f"{watched.origin}{path}")
    return watched.page


def of_kind(server: LiveServer, kind: str, target: int, magnitude: float = 1.0) -> dict[str, Any]:
    event: dict[str, Any] = server.post("/api/events", {"kind": kind, "target": target, "magnitude": magnitude})
    return event["event"]


def test_a_disturbance_is_played_to_its_end(evening: LiveServer, new_page: NewPage) -> None:
    state = evening.get("/api/grid/state")
    campus = next(node["id"] for node in state["nodes"] if node["name"] == "University Campus")
    line = next(edge["id"] for edge in state["edges"] if edge["name"] == "Campus Line")
    normal = {edge["id"] for edge in state["edges"] if edge["in_service"]}
    watched = new_page(evening)
    watched.open()

    surge, fault = of_kind(evening, "load_surge", campus, 1.2), of_kind(evening, "branch_fault", line)
    evening.wait_for(lambda now: now["metrics"]["unsupplied_mw"] > 0, "the trip")
    overview_tells(watched, evening)
    optimisation_tells(watched, evening)
    analytics_tells(watched, evening)
    maintenance_tells(watched, evening)

    page = visit(watched, "/optimisation")
    restores(page, evening)
    promised_and_measured(page, evening)
    expect(page.locator("#plan-back")).to_be_empty()  # the fault still stands

    for event in (fault, surge):
        page.request.delete(f"{evening.url}/api/events?id={event['id']}")
    evening.wait_for(lambda now: evening.get("/api/grid/plan/normal")["due"], "the offer to go back")
    returns(page, evening)
    evening.wait_for(
        lambda now: {edge["id"] for edge in now["edges"] if edge["in_service"]} == normal, "the return to normal"
    )
    evening.wait_for(lambda now: not evening.get("/api/grid/plan/normal")["due"], "that nothing is left to go back to")
    page = watched.open()
    expect(page.locator("#kpi-row .kpi-alarm")).to_have_count(0, timeout=TIMEOUT_MS)
    found = page.evaluate(SAME_VERSION)
    assert found["metrics"]["unsupplied_mw"] == 0


def overview_tells(watched: Watched, server: LiveServer) -> None:
    """The cards, the alarm with what is folded under it, and the line about the plan."""
    page = visit(watched, "/")
    expect(page.locator("#kpi-row .kpi-alarm")).to_contain_text("Without supply", timeout=TIMEOUT_MS)
    found = page.evaluate(SAME_VERSION)
    metrics, cards = found["metrics"], [numbers(card) for card in found["cards"]]
    for shown, name in zip(cards, ("total_load", "unsupplied_mw", "total_generation", "loss_mw"), strict=False):
        assert shown[0] == pytest.approx(metrics[name], rel=6e-3, abs=0.051)
    assert cards[-1][0] == metrics["active_alarms"] == 1
    for title in ("Losses", "Efficiency"):
        card = next(card for card in found["cards"] if card.startswith(title))
        assert "not compared: load is lost" in card
    (alarm,) = server.get("/api/alarms")["alarms"]
    assert alarm["asset_name"] == "Campus Line"
    assert len(alarm["consequences"]) >= 2
    agrees(page.get_by_role("region", name="Alarm list"), lambda: alarm_words(server))
    agrees(page.locator("#plan-sentence"), lambda: plan_words(server))


def alarm_words(server: LiveServer) -> list[str]:
    (alarm,) = server.get("/api/alarms")["alarms"]
    words = [server.get("/api/alarms")["summary"], alarm["effects"]["message"], alarm["if_nothing_is_done"]["message"]]
    return [word.replace("\u202f", " ") for word in words]


def plan_words(server: LiveServer) -> list[str]:
    """What a restoration's headline says."""
    answer = server.post("/api/grid/optimize", {})
    plan, outcome = answer["plan"], answer["outcome"]
    assert outcome["kind"] in {"all_restored", "part_restored"}
    line = plan["timeline"]
    customers = round(line["steps"][-1]["supplied_customers"] - line["supplied_customers"])
    minutes = math.ceil(line["minutes"])
    words = [f"Restores {small(outcome['restored_kw'] / 1000, 'MW')} ({customers:,} customers) in {minutes} minutes"]
    if outcome["kind"] == "part_restored":
        words.append(f"{small(outcome['unsupplied_kw'] / 1000, 'MW')} stay without supply")
    return words


def optimisation_tells(watched: Watched, server: LiveServer) -> None:
    """The headline, its steps, and what is compared; no money is promised while load is lost."""
    page = visit(watched, "/optimisation")
    head = agrees(page.locator("#plan-head"), lambda: plan_words(server))
    assert "EUR" not in head
    assert "Nothing to do" not in head
    agrees(page.locator("#plan-compare"), lambda: compared(server))
    plan = server.post("/api/grid/optimize", {})["plan"]
    expect(page.locator("#plan-steps tbody tr")).to_have_count(len(plan["actions"]), timeout=TIMEOUT_MS)


def compared(server: LiveServer) -> list[str]:
    answer = server.post("/api/grid/optimize", {})
    before, after = answer["present"]["unsupplied_kw"], answer["plan"]["after"]["unsupplied_kw"]
    return [f"{before:,.0f} kW", f"{after:,.0f} kW"]


def analytics_tells(watched: Watched, server: LiveServer) -> None:
    """The next day knows the lost supply, from the present hour on, and reassures nobody."""
    page = visit(watched, "/analytics")
    expect(page.locator("#worst-words")).to_contain_text("without supply", timeout=FIRST_LOOK_MS)
    assert "no limit in danger" not in page.locator("body").inner_text()
    look = server.get("/api/forecast/lookahead")
    assert look["hours"][0]["unsupplied_mw"] > 0
    lost = max(hour["unsupplied_mw"] for hour in look["hours"])
    shown = numbers(page.locator("#worst-words").inner_text())
    assert any(value == pytest.approx(lost, rel=0.15) for value in shown)


def maintenance_tells(watched: Watched, server: LiveServer) -> None:
    """What each asset would interrupt now, of the moment that the table says."""
    page = visit(watched, "/maintenance")
    cells = page.locator('#risk-grid .ag-row [col-id="interrupted_kw"]')
    expect(cells.first).to_be_visible(timeout=TIMEOUT_MS)

    def most() -> list[str]:
        assets = server.get("/api/maintenance/assets")["assets"]
        first = max(assets, key=lambda asset: asset["risk_eur_per_year"])
        rounded_kw = float(f"{first['interrupted_kw']:.3g}")
        return [first["name"], f"{rounded_kw:,.0f}"]

    agrees(page.locator("#risk-grid"), most)


def restores(page: Page, server: LiveServer) -> None:
    """Apply the plan, and the next one where another had just come or loads have grown so much that it stopped."""
    before_mw = server.get("/api/grid/state")["metrics"]["unsupplied_mw"]

    def ended(now: dict[str, Any]) -> bool:
        stopped = now["optimization"]["note"] and not now["optimization"]["to_switch"]
        refused = page.locator("#plan-result").inner_text()
        return bool(stopped or refused or server.get("/api/grid/plan/applied")["plans"])

    for _ in range(TRIES):
        expect(page.locator("#apply-all")).to_be_enabled(timeout=TIMEOUT_MS)
        with page.expect_response(lambda answer: "plan-result" in (answer.request.post_data or "")):
            page.locator("#apply-all").click()
        server.wait_for(ended, "the end of the plan")
        if server.get("/api/grid/plan/applied")["plans"]:
            break
    assert server.get("/api/grid/state")["metrics"]["unsupplied_mw"] < 0.75 * before_mw


def promised_and_measured(page: Page, server: LiveServer) -> None:
    """The plan that was carried out, with both figures of what has no supply."""
    found = server.get("/api/grid/plan/applied")["plans"][0]
    values = [found[which]["unsupplied_kw"] for which in ("promised", "measured")]
    agrees(page.locator("#plan-promised"), lambda: [f"{value:,.1f} kW" for value in values])


def returns(page: Page, server: LiveServer) -> None:
    """Go back to normal, by the plan where it leads there anyhow, else by the button of the way back."""
    button, every = page.locator("#return-to-normal"), page.locator("#apply-all")
    expect(button.or_(page.locator("#plan-head", has_text="Returns to normal")).first).to_be_visible(timeout=TIMEOUT_MS)
    head = page.locator("#plan-head").inner_text()
    chosen = every if re.search("Returns to normal", head) else button
    expect(chosen).to_be_enabled(timeout=TIMEOUT_MS)
    chosen.click()
