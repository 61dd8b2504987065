"""Servers for the session, a browser, and a fresh page for each test that fails on any error in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from ml.failure_store import save
from tests.browser.chromium import MISSING, find_chromium
from tests.browser.live import MODELS, TIMEOUT_MS, LiveServer, Watched
from tests.ml.fleets import smallest_models

DESKTOP = {"width": 1440, "height": 900}
FORGET = "localStorage.clear(), sessionStorage.clear()"
NewPage = Callable[..., Watched]
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.fail(MISSING)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shared(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser for all tests: scripts that it has loaded once come from its cache."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def server_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], LiveServer]]:
    """A running server for a case. The others wait meanwhile: each one's optimiser keeps a core busy."""
    cache: Path = tmp_path_factory.mktemp("cache")
    save(smallest_models(), cache / MODELS)
    running: dict[str, LiveServer] = {}

    def get(case: str) -> LiveServer:
        server = running.pop(case, None)
        for other in running.values():
            other.pause()
        if server is None:
            server = LiveServer(case, cache)
            server.start()
        else:
            server.resume()
        running[case] = server
        return server

    yield get
    for server in running.values():
        server.kill()


@pytest.fixture
def city8(server_on: Callable[[str], LiveServer]) -> LiveServer:
    return server_on("city8")


@pytest.fixture
def new_page(browser: Browser, shared: BrowserContext) -> Iterator[NewPage]:
    """Makes pages, a second one in another person's browser. At the end none of them may have had an error or asked
    another host, and what they have kept is forgotten."""
    watched: list[Watched] = []
    with ExitStack() as stack:

        def make(server: LiveServer, scheme: str = "light", viewport: dict[str, int] = DESKTOP) -> Watched:
            context = browser.new_context() if watched else shared
            page = context.new_page()
            stack.callback(context.close if watched else page.close)
            stack.callback(page.evaluate, FORGET)
            page.set_default_timeout(TIMEOUT_MS)
            page.set_viewport_size(viewport)
            page.emulate_media(color_scheme=scheme, reduced_motion="no-preference")
            watched.append(Watched(page, server.url))
            return watched[-1]

        yield make
        problems = [problem for page in watched for problem in page.problems]
    assert not problems, problems
