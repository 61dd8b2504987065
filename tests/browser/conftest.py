"""Servers for the whole run, a browser, and a fresh page for each test that fails on any error in it.

Two processes share the tests (pytest-xdist). The tests on one of OTHER_CASES stay together, so that its server is
started once in a run; those on city8 go file by file.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.browser.chromium import MISSING, find_chromium
from tests.browser.live import TIMEOUT_MS, LiveServer, Watched, models_in

DESKTOP = {"width": 1440, "height": 900}
FORGET = "localStorage.clear(), sessionStorage.clear()"
SWITCHED = "case33bw"  # where the server begins that is made to load other cases
OTHER_CASES = (SWITCHED, "case118", "case2869pegase", "simbench:1-MV-urban--0-sw")
TIMEOUT_S = 900  # of a test: on a busy machine a page needs ten seconds for another grid, and one test asks for 17
NewPage = Callable[..., Watched]
ServerOn = Callable[..., LiveServer]
expect.set_options(timeout=TIMEOUT_MS)


def other_case(nodeid: str) -> str | None:
    """The one of OTHER_CASES that a test's parameters name."""
    parameters = nodeid.partition("[")[2]
    return next((case for case in OTHER_CASES if case in parameters), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Other cases first: their servers start slowly, and short tests at the end leave no process waiting for long."""
    items.sort(key=lambda item: other_case(item.nodeid) is None)
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


class ByServer(LoadScopeScheduling):
    """Gives a process all tests of a case whose name stands in their parameters, or else of a file."""

    def _split_scope(self, nodeid: str) -> str:
        return other_case(nodeid) or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Named by pytest-xdist; --dist loadgroup does nothing on pytest 9.2."""
    return ByServer(config, log)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One person's browser for all tests. Scripts that it has loaded and compiled once come from its cache on the disk,
    which Chromium has for a profile only."""
    path = find_chromium()
    if path is None:
        pytest.fail(MISSING)
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        profile = tmp_path_factory.mktemp("profile")
        context = playwright.chromium.launch_persistent_context(profile, executable_path=path, args=flags)
        yield context
        context.close()


@pytest.fixture(scope="session")
def browser(shared: BrowserContext) -> Browser:
    assert shared.browser is not None
    return shared.browser


@pytest.fixture(scope="session")
def server_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOn]:
    """A running server for a case, for a source where it is named, and for settings by their variables' names.

    The others wait meanwhile: each one's optimiser keeps a core busy.
    """
    cache = tmp_path_factory.mktemp("cache")
    base = tmp_path_factory.getbasetemp()
    models = models_in(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
    running: dict[tuple[str, ...], LiveServer] = {}

    def get(case: str, source: str = "simulator", **environment: str) -> LiveServer:
        key = (case, source, *(f"{name}={value}" for name, value in environment.items()))
        server = running.pop(key, None)
        for other in running.values():
            other.pause()
        if server is None:
            server = LiveServer(case, cache, models, source, **environment)
            server.start()
        else:
            server.resume()
        running[key] = server
        return server

    yield get
    for server in running.values():
        server.kill()


@pytest.fixture
def city8(server_on: ServerOn) -> LiveServer:
    return server_on("city8")


@pytest.fixture(params=[SWITCHED])
def switched(server_on: ServerOn) -> LiveServer:
    """A server that tests make load other cases. It watches SWITCHED now, whatever it watched last."""
    server = server_on(SWITCHED)
    if server.get("/api/case")["case"] != SWITCHED:
        server.post("/api/case", {"case": SWITCHED})
        server.wait_for(lambda _: server.get("/api/case")["case"] == SWITCHED, f"loading {SWITCHED}")
    return server


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
