"""What real browsers make of the guard: pages run under its policy, foreign ones get nowhere, exports are inert."""

import csv
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.live import TIMEOUT_MS, LiveServer, hear

WORDS = {
    "=1+1": "'=1+1", "+x": "'+x", "-x": "'-x", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "-5.25": "-5.25",
    "-1e-7": "-1e-7", "+3": "+3", "Line": "Line", "": "",
}  # fmt: skip
INJECT = """() => {
    const script = document.createElement("script");
    script.textContent = "window.injected = true";
    document.body.append(script);
    return window.injected === true;
}"""
ATTACK = """async (server) => {
    const told = [];
    for (const [path, body, type] of [
        ["/api/case", '{"case": "case14"}', "text/plain"], ["/api/events", '{"kind": "heat_wave"}', "text/plain"],
        ["/api/events/all", "", "text/plain"], ["/_dash-update-component", "{}", "text/plain"],
    ]) {
        const headers = { "Content-Type": type };
        const answer = await fetch(server + path, { method: "POST", mode: "no-cors", headers, body });
        told.push(answer.type);
    }
    return told;
}"""


@contextmanager
def foreign(folder: Path, page: str) -> Iterator[str]:
    """The address of a server of somebody else that has one page."""
    (folder / "index.html").write_text(page, encoding="utf-8")
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_runs_under_the_policy_that_forbids_foreign_scripts(
    city8: LiveServer, new_page: NewPage, scheme: str
) -> None:
    watched = new_page(city8, scheme=scheme)
    page = watched.open()
    for path in ("/optimisation", "/maintenance", "/analytics", "/"):
        page.goto(f"{city8.url}{path}")
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=TIMEOUT_MS)
        hear(page)
    for name in ("Case", "Events"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    for path in ("/api/docs", "/api/analytics/report"):
        assert page.goto(f"{city8.url}{path}").status == 200
        assert page.evaluate("getComputedStyle(document.body).fontFamily") != ""
    assert watched.problems == []
    assert not page.evaluate(INJECT)
    assert any("Content Security Policy" in problem for problem in watched.problems)
    watched.problems.clear()


def test_a_foreign_page_neither_changes_nor_frames_anything(
    city8: LiveServer, new_page: NewPage, tmp_path: Path
) -> None:
    before = city8.get("/api/case")["case"], city8.get("/api/events")["events"]
    watched = new_page(city8)
    page = watched.page
    with foreign(tmp_path, f'<title>x</title><iframe src="{city8.url}/"></iframe>') as address:
        page.goto(address)
        assert page.evaluate(ATTACK, city8.url) == ["opaque"] * 4
        page.wait_for_timeout(500)
        assert page.frames[1].url.startswith("chrome-error:")
    page.goto(city8.url)
    hear(page)
    assert (city8.get("/api/case")["case"], city8.get("/api/events")["events"]) == before
    watched.problems.clear()  # the browser said that it refused the frame


def test_exported_cells_hold_no_formula(city8: LiveServer, new_page: NewPage, tmp_path: Path) -> None:
    page = new_page(city8).open()
    written: Any = page.evaluate(
        "(words) => window.dash_clientside.smartgridExport.lines(words.map((one) => [one]))", list(WORDS)
    )
    assert [row[0] if row else "" for row in csv.reader(written.split("\r\n"))] == list(WORDS.values())
    numbers = page.evaluate("window.dash_clientside.smartgridExport.lines([[-5.5, 0, -1e-12]])")
    assert numbers == "-5.5,0,-1e-12"
    cell = "(value) => window.dashAgGridFunctions.spreadsheetCell({ value, formatValue: (one) => one })"
    assert [page.evaluate(cell, word) for word in WORDS] == list(WORDS.values())


def test_all_events_end_with_one_button(city8: LiveServer, new_page: NewPage) -> None:
    page = new_page(city8).open()
    for target in (1, 2):
        city8.post("/api/events", {"kind": "sensor_stuck", "target": target})
    city8.wait_for(lambda _: len(city8.get("/api/events")["events"]) == 2, "two events")
    page.get_by_role("button", name="Events", exact=True).click()
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator("#event-result")).to_have_text("Removed: 2 events.")
    city8.wait_for(lambda _: city8.get("/api/events")["events"] == [], "no event")
