"""A page on a recording: it says so, offers nothing that a recording can't do, and says when nothing comes any more."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from grid.sources.replay import write_recording
from grid.sources.simulator import Simulator
from tests.browser.conftest import NewPage, ServerOn
from tests.browser.live import TIMEOUT_MS, LiveServer
from tests.browser.test_access import serious
from tests.browser.test_optimisation import open_plan
from tests.cases import shared_case

ROWS = 600  # more than the cycles of these tests: the recording must not end
PAGES = ("", "optimisation", "maintenance", "analytics")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulator = Simulator(shared_case("city8"), datetime(2026, 1, 15, 6), 7)
    frames = [simulator.read()]
    while len(frames) < ROWS:
        simulator.advance(timedelta(minutes=5))
        frames.append(simulator.read())
    path = tmp_path_factory.mktemp("recordings") / "days.csv"
    write_recording(path, frames)
    return path


@pytest.fixture
def replay(server_on: ServerOn, recording: Path) -> LiveServer:
    return server_on("city8", f"replay:{recording}")


def test_every_page_says_replay_and_offers_neither_time_nor_events(replay: LiveServer, new_page: NewPage) -> None:
    page = new_page(replay).open()
    for address in PAGES:
        page.goto(f"{replay.url}/{address}")
        expect(page.locator("#source-state")).to_have_text("Replay", timeout=TIMEOUT_MS)
        expect(page.locator("#quality-summary")).to_contain_text("Fresh", timeout=TIMEOUT_MS)
        for name in ("Pause", "Resume", "Step", "Events"):
            expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
        expect(page.locator("#simulation-speed")).to_be_hidden()
        expect(page.get_by_role("button", name="Case")).to_be_visible()


def test_plans_are_advice_without_buttons_that_give_orders(replay: LiveServer, new_page: NewPage) -> None:
    page = open_plan(new_page(replay))
    expect(page.locator("#plan-head")).to_contain_text("Advice only: this source takes no orders.")
    for name in ("Apply next step", "Apply all", "Undo last", "Undo all"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    assert serious(page) == []


def test_a_recording_that_cannot_be_read_is_said_on_every_page_until_it_can(
    replay: LiveServer, new_page: NewPage, recording: Path
) -> None:
    page = open_plan(new_page(replay))
    aside = recording.with_suffix(".aside")
    recording.rename(aside)
    try:
        for address in PAGES:
            page.goto(f"{replay.url}/{address}")
            expect(page.locator("#quality-summary")).to_contain_text("■Stale since", timeout=TIMEOUT_MS)
            expect(page.locator("#quality-problems")).to_be_hidden()
            page.locator("#quality-summary").click()
            expect(page.locator("#quality-problems")).to_contain_text("The source (replay) doesn't answer.")
            expect(page.locator("#quality-problems")).to_contain_text("No such file")
            assert serious(page) == []
        page.goto(replay.url)
        expect(page.locator(".kpi-change").first).to_contain_text("as of ", timeout=TIMEOUT_MS)
        expect(page.locator("#plan-tone")).to_have_text("No plan: stale")
        expect(page.locator("#alarm-banner")).not_to_contain_text("No unacknowledged alarms")
    finally:
        aside.rename(recording)
    expect(page.locator("#quality-summary")).to_contain_text("Fresh", timeout=TIMEOUT_MS)
    expect(page.locator(".kpi-change").first).not_to_contain_text("as of ")
