"""Threads of a process that answers share few heaps of the C library, so that what they free is used again."""

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

HEAPS = """
import ctypes, tempfile, threading
import numpy as np
from app.memory import keep_few_arenas

keep_few_arenas()
kept, at_once = [], threading.Barrier(8)

def use():
    at_once.wait()
    kept.append([np.ones(12_000) for _ in range(100)])  # too small to be mapped apart

threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile("r") as file:
    stream = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(file.read().count("<heap nr="))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc of Linux is told so")
def test_threads_share_few_arenas() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", HEAPS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 2
