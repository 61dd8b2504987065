"""Servers for the session, a browser, and a fresh page for each test that fails on any error in it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from ml.failure_store import save
from tests.browser.chromium import MISSING, find_chromium
from tests.browser.live import MODELS, LiveServer, Watched
from tests.ml.fleets import smallest_models

DESKTOP = {"width": 1440, "height": 900}
NewPage = Callable[..., Watched]


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
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Makes pages; at the end none of them may have had an error or asked another host."""
    watched: list[Watched] = []
    with ExitStack() as stack:

        def make(server: LiveServer, scheme: str = "light", viewport: dict[str, int] = DESKTOP) -> Watched:
            context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="no-preference")
            stack.callback(context.close)
            watched.append(Watched(context.new_page(), server.url))
            return watched[-1]

        yield make
        problems = [problem for page in watched for problem in page.problems]
    assert not problems, problems
