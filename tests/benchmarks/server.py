"""Figures of the running server: start, memory, latency in peace and beside learning, and many dashboards at once."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.benchmarks import dashboards
from tests.benchmarks.report import Figure, at_most
from tests.paths import ROOT

DASHBOARDS, SECONDS = 200, 40
LIBRARIES = "import dash, pandapower, lightsim2grid"
STARTS, PLANS = 3, 60
LEARNED_S = 240.0  # so long at most do policies and forecasts of city8 take on two busy cores
APP = [sys.executable, "-m", "app", "--case", "city8"]


def figures() -> list[Figure]:
    """All on city8: with empty folders, where everything is learned, and with what was learned, where nothing is."""
    with TemporaryDirectory() as empty, TemporaryDirectory() as kept:
        asked = [*planning(Path(empty), "case118", 100), *planning(Path(empty), "synthetic:874:20", 1500)]
        return [*starts(Path(empty)), *beside_learning(Path(empty)), *in_peace(Path(kept)), *many(Path(empty)), *asked]


def starts(folder: Path) -> list[Figure]:
    """The first page against what its largest libraries alone take to import: the fastest of several, in turns."""
    libraries, pages = [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", LIBRARIES], cwd=ROOT, check=True)
        libraries.append(time.perf_counter() - began)
        with running(APP, folder / "starts") as (_, _, started):
            pages.append(started)
    return [
        Figure(f"`{LIBRARIES}`", f"{min(libraries):.2f} s"),
        Figure("start to first page", f"{min(pages):.2f} s"),
        at_most("start to first page, over those imports", min(pages) / min(libraries), 1.8, "x"),
    ]


def beside_learning(folder: Path) -> list[Figure]:
    """Latency while policies, failure models and forecasts are learned for the first time."""
    with running(APP, folder / "learning") as (port, process, _):
        latencies = api_latencies_ms(port, "/api/grid/state", 2000)
        status = api_json(port, "/api/maintenance/model")["training"]
        return [
            Figure("GET /api/grid/state p95 beside first learning", f"{np.percentile(latencies, 95):.3g} ms"),
            Figure("failure models still in training then", str(status["running"]).lower()),
            at_most("resident memory of the process that answers, then", resident_mb(process.pid), 450, "MB"),
        ]


def in_peace(folder: Path) -> list[Figure]:
    """Latency and memory once policies and forecasts are learned; failure models are CNAIM's."""
    with running(APP, folder, SMARTGRID_TRAINING_FLEETS="0") as (port, process, _):
        until = time.perf_counter() + LEARNED_S
        while time.perf_counter() < until and not learned(port):
            time.sleep(1)
        latencies = api_latencies_ms(port, "/api/grid/state", 1000)
        answering, learning = resident_mb(process.pid), sum(resident_mb(child) for child in children(process.pid))
        shared = proportional_mb(process.pid) + sum(proportional_mb(child) for child in children(process.pid))
        return [
            Figure("everything was learned before", str(learned(port)).lower()),
            Figure("GET /api/grid/state p95 in peace", f"{np.percentile(latencies, 95):.3g} ms"),
            at_most("resident memory of the process that answers, after learning", answering, 450, "MB"),
            Figure("resident memory of the process that learns", f"{learning:.0f} MB"),
            at_most("both together", answering + learning, 900, "MB"),
            Figure("both together, what they share counted once", f"{shared:.0f} MB"),
        ]


def many(folder: Path) -> list[Figure]:
    """Dashboards beside first learning."""
    with running(APP, folder / "many") as (port, _, _):
        measured = np.array(dashboards.poll(port, DASHBOARDS, SECONDS))
        cycle = api_json(port, "/api/health")["cycle"]
        name = f"{DASHBOARDS} dashboards on one process beside first learning, {len(measured)} ticks: p95"
        return [
            at_most(name, 1000 * float(np.percentile(measured, 95)), 50, "ms"),
            at_most("missed cycles meanwhile", cycle["missed"], 0, ""),
            Figure("cycle p95 meanwhile", f"{cycle['p95_ms']:.3g} ms"),
        ]


def planning(folder: Path, case: str, limit_ms: float) -> list[Figure]:
    """Latency of plans by requirements that nobody has asked for, beside the planner's own and first learning."""
    settings = {"SMARTGRID_CASE": case, "SMARTGRID_TRAINING_FLEETS": "0"}
    with running([*APP[:-1], case], folder / case.replace(":", "-"), **settings) as (port, *_):
        latencies = []
        for step in range(PLANS):
            began = time.perf_counter()
            api_json(port, "/api/grid/optimize", {"risk_weight": 0.05 + 0.001 * step, "keep": False})
            latencies.append(1000 * (time.perf_counter() - began))
            time.sleep(0.2)
        name = f"{case}: POST /api/grid/optimize with other requirements p95"
        return [at_most(name, float(np.percentile(latencies, 95)), limit_ms, "ms")]


def learned(port: int) -> bool:
    """Whether policy and forecasts have had their first training."""
    policy, forecasts = api_json(port, "/api/grid/state")["optimization"], api_json(port, "/api/forecast")
    return policy["episodes_trained"] > 0 and not policy["training"] and "Learning" not in forecasts["status"]


@contextmanager
def running(command: list[str], folder: Path, **settings: str) -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """The server on a free port: its port, its process, and the seconds until the page answered. Folder: its files."""
    port = free_port()
    environment = {
        **os.environ,
        "SMARTGRID_CASE": "city8",
        "SMARTGRID_LOG_LEVEL": "WARNING",
        "SMARTGRID_CACHE_DIR": str(folder / "var"),
        "SMARTGRID_MODELS_DIR": str(folder / "models"),
        **settings,
    }
    began = time.perf_counter()
    process = subprocess.Popen([*command, f"--port={port}"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not page_answers(port):
            if process.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError(f"{' '.join(command)} doesn't answer")
            time.sleep(0.02)
        yield port, process, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page_answers(port: int) -> bool:
    """Whether the page and its layout are served."""
    try:
        return all(get(port, path)[0] == 200 for path in ("/", "/_dash-layout", "/_dash-dependencies"))
    except OSError:
        return False


def get(port: int, path: str, body: object = None) -> tuple[int, bytes]:
    """Status and body of a GET, or of a POST with a body as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def api_json(port: int, path: str, body: object = None) -> dict[str, Any]:
    """The JSON of a GET, or of a POST with a body."""
    status, answer = get(port, path, body)
    if status != HTTPStatus.OK:
        raise RuntimeError(f"{path} is answered with {status}: {answer[:200]!r}")
    return dict(json.loads(answer))


def api_latencies_ms(port: int, path: str, count: int) -> list[float]:
    """Latencies of requests one after the other on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    latencies = []
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", path)
        connection.getresponse().read()
        latencies.append(1000 * (time.perf_counter() - began))
        time.sleep(0.01)
    connection.close()
    return latencies


def children(pid: int) -> list[int]:
    """Processes that a process has started and that are still there (Linux)."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    return _memory_mb(pid, "Rss")


def proportional_mb(pid: int) -> float:
    """The same with pages that several processes share divided among them."""
    return _memory_mb(pid, "Pss")


def _memory_mb(pid: int, name: str) -> float:
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    if match is None:
        raise RuntimeError(f"process {pid} is gone")
    return int(match[1]) * 1024 / 1e6
