"""The process that reads network files: `python -m app.reading`. ReadingProcess starts it and talks to it by pipes."""

import logging
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from queue import SimpleQueue

from app.wire import Alive, Asked, Told, Wire, own_pipes, survives_the_wire

log = logging.getLogger("app.reading")


def main(memory_mb: float, log_level: str) -> int:
    """Answer requests until the parent is gone, which is noticed at any moment. A request is (path, cache folder)."""
    wire = own_pipes()
    heard: SimpleQueue[Asked] = SimpleQueue()
    threading.Thread(target=_hear, args=(wire, heard), name="hear", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is ours
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pandapower").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # pandapower's, of what it reads: what matters of them is in the findings
    from grid.cases.cases import load_file

    _limit(memory_mb)
    wire.send(Alive())
    while True:
        asked = heard.get()
        try:
            told = Told(asked.number, load_file(*asked.request))
        except Exception as error:
            told = Told(asked.number, None, survives_the_wire(error))
            if not isinstance(error, (ValueError, MemoryError)):
                log.exception("a reader failed")
        wire.send(told)


def _hear(wire: Wire, heard: "SimpleQueue[Asked]") -> None:
    while (message := wire.receive()) is not None:
        if isinstance(message, Asked):
            heard.put(message)
    os._exit(0)


def _limit(memory_mb: float) -> None:
    """Take no more memory than now and so much, where the system holds us to it (Linux)."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + round(memory_mb * 1e6)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2]))
