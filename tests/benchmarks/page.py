"""The request that every open page repeats, and what its answer weighs."""

import json
import time
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from app.settings import Settings
from app.shell.poll import PARTS_SEEN
from app.web.ids import Id
from tests.benchmarks.report import Figure, at_most

PATH = "/_dash-update-component"
Seen = dict[str, Any] | None
ENCODINGS = "gzip, deflate, br"  # what browsers accept


def request_body(seen: Seen) -> bytes:
    """The poll of a page that looks at the overview and shows the tick it has seen."""
    outputs = [(Id.TICK, "data"), (Id.BEAT, "data")]
    parts: dict[str, object] = {Id.ALARMS_SEEN: seen.get("alarms") if seen else None}
    stores = [_value(store, "data", parts.get(store)) for store in PARTS_SEEN.values()]
    body = {
        "output": ".." + "...".join(f"{name}.{prop}" for name, prop in outputs) + "..",
        "outputs": [{"id": name, "property": prop} for name, prop in outputs],
        "inputs": [_value(Id.POLL, "n_intervals", 1), _value(Id.VIEW, "data", {})],
        "changedPropIds": [f"{Id.POLL}.n_intervals"],
        "state": [_value(Id.SEEN, "data", seen), *stores],
    }
    return json.dumps(body).encode()


def _value(name: str, prop: str, value: object) -> dict[str, Any]:
    return {"id": name, "property": prop, "value": value}


def seen_in(answer: bytes) -> Seen:
    """What a page has seen after an answer; None where the answer brought nothing new."""
    response = json.loads(answer)["response"]
    return response[Id.TICK]["data"]["seen"] if Id.TICK in response else None


def figures(ticks: int = 40) -> list[Figure]:
    """Bytes of a tick on case118 as a browser receives them, median and worst of many cycles."""
    app = create_app(Settings(case="case118", cycle_seconds=0.2, log_level="WARNING"))
    client = app.test_client()
    sizes: list[int] = []
    seen: Seen = None
    while len(sizes) < ticks + 1:
        plain = _post(client, seen, "identity")
        found = seen_in(plain)
        if found is not None:
            sizes.append(len(_post(client, seen, ENCODINGS)))
            seen = found
        time.sleep(0.05)
    app.extensions["smartgrid"].stop()
    later = sorted(sizes[1:])
    return [
        at_most("case118: bytes a tick, compressed, median", later[len(later) // 2], 2000, "B"),
        Figure("case118: bytes a tick, compressed, largest of 40", f"{later[-1]} B"),
        Figure("case118: bytes of a page's first tick, compressed", f"{sizes[0]} B"),
    ]


def _post(client: FlaskClient, seen: Seen, encoding: str) -> bytes:
    headers = {"Accept-Encoding": encoding}
    return client.post(PATH, data=request_body(seen), content_type="application/json", headers=headers).data
