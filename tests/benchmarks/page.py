"""The request that every open page repeats, and what its answer weighs."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from app.settings import Settings
from app.shell.poll import PARTS_SEEN
from app.web.guard import TICK
from tests.benchmarks.report import Figure, at_most

ENCODINGS = "gzip, deflate, br"  # what browsers accept


@dataclass(frozen=True)
class Shown:
    """What an overview shows: of the tick, and the key of each of its parts."""

    seen: dict[str, Any] | None = None
    parts: Mapping[str, object] = field(default_factory=dict)

    def after(self, answer: bytes) -> "Shown":
        """What it shows after an answer; the same where that brought nothing new."""
        tick = json.loads(answer)
        if tick is None:
            return self
        found = {"alarms": tick["seen"]["alarms"], "ahead": tick["ahead"]}
        if "outages" in tick:
            found["outages"] = tick["outages"][-1]
        return Shown(tick["seen"], {**self.parts, **found})


def request_body(shown: Shown) -> bytes:
    """The poll of a page that looks at the overview."""
    parts = {store: shown.parts.get(name) for name, store in PARTS_SEEN.items()}
    return json.dumps({"view": {}, "seen": shown.seen, "parts": parts}).encode()


def figures(ticks: int = 40) -> list[Figure]:
    """Bytes of a tick on case118 as a browser receives them, median and worst of many cycles."""
    app = create_app(Settings(case="case118", cycle_seconds=0.2, log_level="WARNING"))
    client = app.test_client()
    sizes: list[int] = []
    shown = Shown()
    while len(sizes) < ticks + 1:
        then = shown.after(_post(client, shown, "identity"))
        if then is not shown:
            sizes.append(len(_post(client, shown, ENCODINGS)))
            shown = then
        time.sleep(0.05)
    app.extensions["smartgrid"].stop()
    later = sorted(sizes[1:])
    return [
        at_most("case118: bytes a tick, compressed, median", later[len(later) // 2], 2000, "B"),
        Figure("case118: bytes a tick, compressed, largest of 40", f"{later[-1]} B"),
        Figure("case118: bytes of a page's first tick, compressed", f"{sizes[0]} B"),
    ]


def _post(client: FlaskClient, shown: Shown, encoding: str) -> bytes:
    headers = {"Accept-Encoding": encoding}
    return client.post(TICK, data=request_body(shown), content_type="application/json", headers=headers).data
