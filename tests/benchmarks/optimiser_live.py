"""Figures 7 and 8 of the optimiser: the running server."""

import http.client
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.report import Figure, at_most
from tests.benchmarks.server import get, running

REQUESTS = 100
PAUSE_S = 0.25  # between two requests, so that they meet every moment of several cycles
CASES = (("city8", 50), ("simbench:1-MV-urban--0-sw", 300))
TRAINING_LIMIT_S = 20
MODELS_WITHIN_S = 1200.0


def live() -> tuple[list[Figure], str]:
    """POST /api/grid/optimize while the grid runs, and the first start's training."""
    figures = []
    with tempfile.TemporaryDirectory() as cache:
        for case, limit_ms in CASES:
            with running([sys.executable, "-m", "app", "--case", case], Path(cache)) as (port, _, _):
                seconds, at_first = _wait_for_policy(port)
                if case == "city8":
                    figures.append(at_most("city8: first training, seconds after the page answers", seconds,
                                           TRAINING_LIMIT_S, "s"))  # fmt: skip
                    figures.append(
                        Figure("city8: optimize answered while training", "yes" if at_first else "no", "yes", at_first)
                    )
                figures += _answering(port, case, limit_ms, "while forecasts are being learned")
                _wait_for_models(port)
                figures += _answering(port, case, limit_ms, "with all models trained")
            with running([sys.executable, "-m", "app", "--case", case], Path(cache)) as (port, _, _):
                kept = not _post(port)["training"]
                what = f"{case}: second start takes the policy from the cache"
                figures.append(Figure(what, "yes" if kept else "no", "yes", kept))
    return figures, ""


def _answering(port: int, case: str, limit_ms: int, when: str) -> list[Figure]:
    """Requests for what the planner makes in each cycle anyhow, and such with a risk weight that nobody else has."""
    kinds = {
        "as required for all": [b"{}"] * REQUESTS,
        "each with another risk weight": [json.dumps({"risk_weight": 1 + i / 100}).encode() for i in range(REQUESTS)],
    }
    figures = []
    for kind, bodies in kinds.items():
        times = [_optimize_ms(port, body) for body in bodies]
        what = f"{case}: POST /api/grid/optimize, {kind}, {when}"
        figures.append(at_most(f"{what}, p95 of {REQUESTS}", float(np.percentile(times, 95)), limit_ms, "ms"))
        figures.append(Figure(f"{what}, median", f"{np.median(times):.0f} ms"))
    return figures


def _wait_for_models(port: int) -> None:
    """Until every series has a model and the failure models are trained. TimeoutError where that takes too long."""
    deadline = time.monotonic() + MODELS_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(2.0)
        learning = json.loads(get(port, "/api/forecast?horizon=1")[1]).get("status", "Learning").startswith("Learning")
        if not learning and not json.loads(get(port, "/api/maintenance/model")[1])["training"]["running"]:
            return
    raise TimeoutError(f"models are still being trained after {MODELS_WITHIN_S} s")


def _post(port: int, body: bytes = b"{}") -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/api/grid/optimize", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return dict(answer)


def _optimize_ms(port: int, body: bytes) -> float:
    time.sleep(PAUSE_S)
    began = time.perf_counter()
    _post(port, body)
    return 1000 * (time.perf_counter() - began)


def _wait_for_policy(port: int) -> tuple[float, bool]:
    """Seconds until the policy is trained, and whether the first answer came while it was still learning."""
    began, first = time.perf_counter(), True
    at_first = bool(_post(port)["training"])
    while first or _post(port)["training"]:
        first = False
        time.sleep(0.5)
    return time.perf_counter() - began, at_first
