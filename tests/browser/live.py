"""The real process on a free port, and a page that watches over what a browser must not do."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from playwright.sync_api import ConsoleMessage, Error, Page, expect
from playwright.sync_api import Request as PageRequest

ROOT = Path(__file__).resolve().parents[2]
CYCLE_S = 1.0
MODELS = "models"  # in the cache directory
START_TIMEOUT_S, STOP_TIMEOUT_S = 120, 30
TIMEOUT_MS = 40_000  # longer than a slow machine needs; only a failing test waits for so long


class LiveServer:
    """`python -m app` in a process of its own."""

    def __init__(self, case: str, cache_dir: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.case = case
        self._log = cache_dir / f"server-{self.port}.log"
        self._environment = os.environ | {
            "SMARTGRID_CYCLE_SECONDS": str(CYCLE_S),
            "SMARTGRID_CACHE_DIR": str(cache_dir),
            "SMARTGRID_MODELS_DIR": str(cache_dir / MODELS),
            "SMARTGRID_TRAINING_FLEETS": "0",
            "SMARTGRID_TRAINING_EPISODES": "60",  # policies needn't be good here
            "SMARTGRID_DISPATCH_EPISODES": "60",
            "SMARTGRID_HISTORY_DAYS": "20",  # too few for models, which take seconds to train
            "SMARTGRID_SPEED_MINUTES_PER_S": "20",
        }

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "app", "--case", self.case, "--port", str(self.port)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.get("/api/health")
            except (URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the server on {self.case} didn't start:\n{self._log.read_text()[-2000:]}")

    def pause(self) -> None:
        """Let the process wait."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the process."""
        self.resume()
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End the process at once, paused or not."""
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)

    def get(self, path: str) -> Any:
        """The JSON answer to a GET."""
        with urlopen(f"{self.url}{path}", timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to a POST."""
        request = Request(f"{self.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def wait_for(self, condition: Any, what: str, timeout_s: float = TIMEOUT_MS / 1000) -> Any:
        """The first true value of a function of the grid's state."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if found := condition(self.get("/api/grid/state")):
                return found
            time.sleep(0.1)
        raise AssertionError(f"{what} didn't happen within {timeout_s} s")


@dataclass
class Watched:
    """A page with what went wrong in it."""

    page: Page
    origin: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _on_error(self, error: Error) -> None:
        self.problems.append(f"page error: {error}")

    def _on_request(self, request: PageRequest) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.problems.append(f"request to another host: {request.url}")

    def open(self) -> Page:
        """Load the page and wait until it shows values."""
        self.page.goto(self.origin)
        expect(self.page.locator(".kpi-value").first).to_contain_text("MW", timeout=TIMEOUT_MS)
        self.page.wait_for_function(MAP_IS_PAINTED, timeout=TIMEOUT_MS)
        return self.page


GRAPH = "document.getElementById('topology')._cyreg.cy"
MAP_IS_PAINTED = f"document.getElementById('topology')?._cyreg && {GRAPH}.edges().some((edge) => edge.data('d'))"
PLACE = """([map, wanted]) => {
    const cy = document.getElementById(map)._cyreg.cy, element = cy.$(wanted);
    const box = cy.container().getBoundingClientRect();
    const at = element.isNode() ? element.renderedPosition() : element.renderedMidpoint();
    return [box.x + at.x, box.y + at.y];
}"""
LISTEN = """([map, wanted]) => {
    const cy = document.getElementById(map)._cyreg.cy;
    window.tapped = null;
    cy.one('tap', ({ target }) => { window.tapped = target !== cy && target.same(cy.$(wanted)) ? 'hit' : 'missed'; });
}"""
TAPS, STILL = 5, 7  # times: it is tapped at most, it was seen at one place, which is longer than a cycle of theirs


def tap(page: Page, wanted: str, map_id: str = "topology") -> None:
    """Tap an element of a map, by cytoscape's selector, once the map stands still; again where it moved just then."""
    which = [map_id, wanted]
    for _ in range(TAPS):
        places = [page.evaluate(PLACE, which)]
        while len(places) < STILL or places[-1] != places[-STILL]:
            page.wait_for_timeout(200)
            places.append(page.evaluate(PLACE, which))
        page.evaluate(LISTEN, which)
        page.mouse.click(*places[-1])
        if page.wait_for_function("window.tapped", timeout=TIMEOUT_MS).json_value() == "hit":
            return
    raise AssertionError(f"{wanted} wasn't hit in {TAPS} taps")
