"""A training's process ends well by itself, and leaves when whoever started it is gone."""

import subprocess
import sys

from tests.paths import ROOT

WATCHED = """
import threading, sys, time
from ml.maintenance.fleet.parent import leave_with_input
threading.Thread(target=leave_with_input, daemon=True).start()
print("watching", flush=True)
time.sleep(float(sys.argv[1]))
"""


def watched(seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WATCHED, str(seconds)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    return process


def test_it_ends_well_while_its_input_is_open() -> None:
    process = watched(0.1)
    assert process.stderr is not None
    said = process.stderr.read()  # until it has ended; the input is open all the time
    process.wait()
    with process:
        assert (process.returncode, said) == (0, "")


def test_it_leaves_when_its_input_ends() -> None:
    process = watched(600)
    process.communicate(timeout=60)
    assert process.returncode == 1
