"""`python -m tests.benchmarks.answers write FILE`: every endpoint's answer on four grids, workers driven by hand.

`python -m tests.benchmarks.answers compare BEFORE AFTER` lists what differs between two such files, but for what the
clock decides. With one seed two runs of one tree give the same answers, so it shows what a change to code has changed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.shell.endpoints import ENDPOINTS
from tests.app.rig import Rig, make_rig

CASES = ("city8", "case118", "case33bw", "simbench")
SETTINGS: dict[str, Any] = {"training_fleets": 0, "training_episodes": 5, "dispatch_episodes": 5, "history_days": 0}
STEP = timedelta(minutes=10)
POSTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("/api/grid/optimize", {}),
    ("/api/grid/optimize", {"risk_weight": 1.0, "min_vm_pu": 0.9}),
    ("/api/grid/apply", {"count": 1}),
    ("/api/events", {"kind": "line_outage", "target": 2, "magnitude": 1}),
)
AFTERWARDS = ("/api/grid/state", "/api/alarms", "/api/events", "/api/health")
BY_THE_CLOCK = ("timestamp", "created_at", "uptime_s", "data_age_s", "last_ms", "p95_ms", "time_ms", "seconds",
                "training_s", "heartbeat_age_s", "milliseconds", "since")  # fmt: skip


def answers(case: str) -> dict[str, Any]:
    """By request: status and body."""
    rig = make_rig(Path(tempfile.mkdtemp()), case, **SETTINGS)
    rig.services.maintainer.load_or_train()
    for _ in range(5):
        rig.run(3, STEP)
        _turn(rig)
    found: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        if endpoint.method == "get":
            response = rig.client.get(endpoint.path.replace("{id}", "3"))
            body = response.get_json(silent=True) if response.is_json else response.get_data(as_text=True)
            found[f"GET {endpoint.path}"] = [response.status_code, body]
    for path, asked in POSTS:
        response = rig.client.post(path, json=asked)
        found[f"POST {path} {json.dumps(asked)}"] = [response.status_code, response.get_json(silent=True)]
    rig.run(2, STEP)
    return found | {f"then GET {path}": rig.client.get(path).get_json() for path in AFTERWARDS}


def _turn(rig: Rig) -> None:
    """What the workers' threads do with a new snapshot, without training."""
    services, board = rig.services, rig.board
    services.planner.plan_once(board, services.planner.requirements)
    services.maintainer.look(board)
    services.maintainer.schedule_once(board)
    services.forecast_worker.turn(rig.board)


def differences(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """Where two answers differ, as a path with both values."""
    if at.rpartition("/")[2] in BY_THE_CLOCK:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            if name not in before or name not in after:
                yield f"{at}/{name}: only {'after' if name in after else 'before'}"
            else:
                yield from differences(before[name], after[name], f"{at}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")
    elif before != after:
        yield f"{at}: {str(before)[:90]} -> {str(after)[:90]}"


def main() -> int:
    """Returns 1 where answers differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("write", "compare"))
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    if given.what == "write":
        found = {case: answers(case) for case in CASES}
        given.files[0].write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")
        return 0
    before, after = (json.loads(file.read_text(encoding="utf-8")) for file in given.files)
    lines = list(differences(before, after))
    print("\n".join(lines) or "equal")
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
