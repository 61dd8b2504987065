"""The README's hosting command goes on answering while many others send bodies and headers that never end."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
HALF_SENT = 100
START_S, PATIENCE_S = 180, 30


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server that was started as the README says."""
    folder = tmp_path_factory.mktemp("hosted")
    (command,) = re.findall(r"^## Host it\n\n    (.+)\n", README, re.MULTILINE)
    python, *words = shlex.split(command)
    assert python == ".venv/bin/python"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SMARTGRID_CACHE_DIR": str(folder),
        "SMARTGRID_MODELS_DIR": str(folder / "models"),
        "SMARTGRID_TRAINING_FLEETS": "0",
        "SMARTGRID_TRAINING_EPISODES": "1",
        "SMARTGRID_HISTORY_DAYS": "0",
        "SMARTGRID_LOG_LEVEL": "WARNING",
    }
    log = folder / "server.log"
    with log.open("w") as lines:
        server = subprocess.Popen(
            [sys.executable, *words, "--port", str(port)], cwd=ROOT, env=environment, stdout=lines, stderr=lines
        )
    try:
        wait_for(port, server, log)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            cycle_of(port)
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the server doesn't answer:\n{log.read_text()[-2000:]}")


def cycle_of(port: int) -> dict[str, float]:
    """What /api/health says of cycles."""
    with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=PATIENCE_S) as answer:
        return json.load(answer)["cycle"]


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_half_sent_requests_silence_nobody(hosted: int, seconds: int) -> None:
    body = (
        f"POST /api/events HTTP/1.1\r\nHost: 127.0.0.1:{hosted}\r\nContent-Type: application/json\r\n"
        'Content-Length: 1000\r\n\r\n{"kind": '
    )
    headers = f"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{hosted}\r\nX-Slow: "
    before = cycle_of(hosted)
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", hosted))) for _ in range(HALF_SENT)]
        for number, line in enumerate(lines):
            line.sendall((body if number % 4 else headers).encode())
        deadline = time.monotonic() + seconds
        answered = 0
        while time.monotonic() < deadline:
            after = cycle_of(hosted)
            answered += 1
            for line in lines[:: len(lines) // 5]:
                line.sendall(b"1")  # never enough
            time.sleep(0.2)
    assert answered
    assert after["failed"] == before["failed"]
