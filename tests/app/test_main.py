"""The command line refuses in a sentence, before seconds are spent on loading."""

import socket
import subprocess
import sys

import pytest

from tests.paths import ROOT


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What `python -m app` says to arguments that it refuses."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_port_in_use_is_said_before_anything_is_loaded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("--port", str(port), "--case", "no-such-case")  # the case would be refused, too: later
    assert refused.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("host", ["nowhere.invalid", "not a host"])
def test_a_host_that_does_not_resolve_is_a_sentence(host: str) -> None:
    refused = run("--host", host)
    assert refused.returncode == 1
    assert f"host: '{host}' is no address of this machine" in refused.stderr
    assert "Traceback" not in refused.stderr
