"""Memory that a training has used, given back to the system."""

import ctypes
import gc
import sys


def give_back() -> None:
    """Let the C library hand free memory back, where it can be told to: of its own accord glibc keeps most of it."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
