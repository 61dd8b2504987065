"""The real process on a free port, and a page that watches over what a browser must not do."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from playwright.sync_api import ConsoleMessage, Error, JSHandle, Page, Response, expect
from playwright.sync_api import Request as PageRequest

from app.web.guard import TICK
from tests.paths import ROOT

CYCLE_S = 2.0  # the usual is 3: at 1 two pages and two servers leave two cores no room
START_TIMEOUT_S, STOP_TIMEOUT_S = 300, 60
MODELS_TIMEOUT_S = 600
TIMEOUT_MS = 240_000  # longer than a slow machine needs; only a failing test waits for so long


def models_in(folder: Path) -> Path:
    """The folder of the smallest failure models that are whole, trained by whichever process of the run asks first."""
    models = folder / "models"
    try:
        (folder / "models-claimed").mkdir()
    except FileExistsError:
        deadline = time.monotonic() + MODELS_TIMEOUT_S
        while not models.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"another process has trained no models in {folder}") from None
            time.sleep(0.1)
        return models
    from ml.maintenance.model.store import save  # heavy imports wait until a process has to train
    from tests.ml.fleets import smallest_models

    save(smallest_models(), models)
    return models


class LiveServer:
    """`python -m app` in a process of its own."""

    def __init__(
        self, case: str, cache_dir: Path, models_dir: Path, source: str = "simulator", **environment: str
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.case, self.source = case, source
        self._log = cache_dir / f"server-{self.port}.log"
        self._environment = os.environ | {
            "SMARTGRID_CYCLE_SECONDS": str(CYCLE_S),
            "SMARTGRID_CACHE_DIR": str(cache_dir),
            "SMARTGRID_MODELS_DIR": str(models_dir),
            "SMARTGRID_TRAINING_FLEETS": "0",
            "SMARTGRID_TRAINING_EPISODES": "60",  # policies needn't be good here
            "SMARTGRID_DISPATCH_EPISODES": "60",
            "SMARTGRID_HISTORY_DAYS": "20",  # too few for models, which take seconds to train
            "SMARTGRID_SPEED_MINUTES_PER_S": "10",
            **environment,
        }

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "app", "--case", self.case, "--source", self.source, "--port", str(self.port)]
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
        with urlopen(f"{self.url}{path}", timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """The JSON answer to a POST."""
        request = Request(f"{self.url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=60) as answer:
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
        # Playwright's own evaluates strings in the page, which the page's Content-Security-Policy forbids
        self.page.wait_for_function = partial(wait_until, self.page)  # type: ignore[method-assign]
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


def wait_until(page: Page, expression: str, arg: object = None, timeout: float = TIMEOUT_MS) -> JSHandle:
    """The first true value of a script's expression or function; TimeoutError where none comes."""
    deadline = time.monotonic() + timeout / 1000
    while time.monotonic() < deadline:
        try:
            value = page.evaluate_handle(expression, arg)
            if value.evaluate("(value) => Boolean(value)"):
                return value
        except Error as error:
            if "context was destroyed" not in error.message:  # by another page that has just been opened
                raise
        page.wait_for_timeout(30)
    raise TimeoutError(f"{expression} isn't true after {timeout:.0f} ms")


GRAPH = "document.getElementById('topology')._cyreg.cy"
MAP_IS_PAINTED = f"document.getElementById('topology')?._cyreg && {GRAPH}.edges().some((edge) => edge.data('d'))"
PLACE = """([map, wanted]) => {
    const cy = document.getElementById(map)._cyreg.cy, element = cy.$(wanted);
    const box = cy.container().getBoundingClientRect();
    const at = element.isNode() ? element.renderedPosition() : element.renderedMidpoint();
    return [box.x + at.x, box.y + at.y];
}"""
LISTEN = """([map, wanted, within]) => {
    const cy = document.getElementById(map)._cyreg.cy, kinds = ["pointerdown", "mousedown", "pointerup", "mouseup"];
    let moved = false;
    const guard = (event) => {
        if (event.type === "pointerdown") {
            const box = cy.container().getBoundingClientRect(), element = cy.$(wanted);
            const at = element.isNode() ? element.renderedPosition() : element.renderedMidpoint();
            moved = Math.hypot(box.x + at.x - event.clientX, box.y + at.y - event.clientY) > within;
        }
        if (moved) event.stopImmediatePropagation();
        if (event.type !== "mouseup") return;
        kinds.forEach((kind) => window.removeEventListener(kind, guard, true));
        if (moved) window.tapped = "moved";
    };
    window.tapped = null;
    kinds.forEach((kind) => window.addEventListener(kind, guard, true));
    cy.one("tap", ({ target }) => { window.tapped ??= target !== cy && target.same(cy.$(wanted)) ? "hit" : "missed"; });
}"""
TAPS, STILL = 12, 3  # times: it is tapped at most, it was seen at one place
WITHIN_PX = 1.5


def tap(page: Page, wanted: str, map_id: str = "topology") -> None:
    """Tap an element of a map, by cytoscape's selector, once the map stands still. Where it moved just then, the page
    doesn't hear of the tap, and it is tapped again."""
    which = [map_id, wanted]
    for _ in range(TAPS):
        places = [page.evaluate(PLACE, which)]
        while len(places) < STILL or places[-1] != places[-STILL]:
            page.wait_for_timeout(50)
            places.append(page.evaluate(PLACE, which))
        page.evaluate(LISTEN, [*which, WITHIN_PX])
        page.mouse.click(*places[-1])
        if page.wait_for_function("window.tapped", timeout=TIMEOUT_MS).json_value() == "hit":
            return
    raise AssertionError(f"{wanted} wasn't hit in {TAPS} taps")


def hear(page: Page, answers: int = 2) -> None:
    """Wait until the server has answered so many of the page's polls from now on, and they are in their places."""
    for _ in range(answers):
        with page.expect_response(_answers_a_poll, timeout=TIMEOUT_MS) as answer:
            pass
        answer.value.finished()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def _answers_a_poll(response: Response) -> bool:
    return response.url.endswith(TICK)
