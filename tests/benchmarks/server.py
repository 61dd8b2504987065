"""Figures of the running server: start, memory, API latency, and many dashboards at once."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.benchmarks import dashboards
from tests.benchmarks.report import Figure, at_most
from tests.paths import ROOT

DASHBOARDS, SECONDS = 200, 40


def figures() -> list[Figure]:
    """Start, memory and API on `python -m app`, dashboards on gunicorn; all on city8."""
    found = []
    with running([sys.executable, "-m", "app", "--case", "city8"]) as (port, process, started):
        found.append(at_most("city8: start to first page", started, 6, "s"))
        latencies = api_latencies_ms(port, "/api/grid/state", 400)
        found.append(at_most("city8: GET /api/grid/state p95", float(np.percentile(latencies, 95)), 5, "ms"))
        time.sleep(10)
        found.append(at_most("city8: resident memory", resident_mb(process.pid), 550, "MB"))
    gunicorn = [sys.executable, "-m", "gunicorn", "app:create_app()", "-w1", "--threads=16", "--keep-alive=60"]
    with running(gunicorn) as (port, _, _):
        measured = np.array(dashboards.poll(port, DASHBOARDS, SECONDS))
        name = f"{DASHBOARDS} dashboards on one gunicorn process, {len(measured)} ticks: p95"
        found.append(at_most(name, 1000 * float(np.percentile(measured, 95)), 150, "ms"))
    return found


@contextmanager
def running(command: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes], float]]:
    """The server on a free port: its port, its process, and the seconds until the page answered."""
    port = free_port()
    address = [f"--bind=127.0.0.1:{port}"] if "gunicorn" in command else [f"--port={port}"]
    environment = {**os.environ, "SMARTGRID_CASE": "city8", "SMARTGRID_LOG_LEVEL": "WARNING"}
    began = time.perf_counter()
    process = subprocess.Popen([*command, *address], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not page_answers(port):
            if process.poll() is not None or time.perf_counter() - began > 60:
                raise RuntimeError(f"{' '.join(command)} doesn't answer")
            time.sleep(0.02)
        yield port, process, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


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


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


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


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    if match is None:
        raise RuntimeError(f"process {pid} is gone")
    return int(match[1]) * 1024 / 1e6
