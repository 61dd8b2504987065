"""The process that learns: `python -m app.learning`. LearningProcess starts it and talks to it through its pipes."""

import logging
import os
import queue
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from app.wire import Alive, Asked, Told, Wire, own_pipes, survives_the_wire

if TYPE_CHECKING:
    from app.learning.learners import Learners

BEAT_S = 5.0


def main(niceness: int, log_level: str) -> int:
    """Answer requests until the parent is gone, which is noticed from the first moment on."""
    wire = own_pipes()
    heard: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
    loaded = threading.Event()
    threading.Thread(target=_hear, args=(wire, heard, loaded), name="hear", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is ours
    if hasattr(os, "nice"):
        os.nice(niceness)
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    from app.learning.learners import Learners
    from app.learning.requests import LearnerName

    threadpool_limits(1)
    learners = Learners()
    queues: dict[LearnerName, queue.SimpleQueue[Asked]] = {name: queue.SimpleQueue() for name in LearnerName}
    for name, asked in queues.items():
        threading.Thread(target=_answer, args=(learners, asked, wire), name=name, daemon=True).start()
    loaded.set()
    threading.Thread(target=_beat, args=(wire,), name="beat", daemon=True).start()
    while (one := heard.get()) is not None:
        queues[one.request.learner].put(one)
    learners.stop()
    _exit()
    return 0


def _hear(wire: Wire, heard: "queue.SimpleQueue[Asked | None]", loaded: threading.Event) -> None:
    """Pass on requests, and None at the end of the parent; while libraries are still loaded, leave at once then."""
    while (message := wire.receive()) is not None:
        if isinstance(message, Asked):
            heard.put(message)
    if not loaded.is_set():
        _exit()
    heard.put(None)


def _answer(learners: "Learners", asked: "queue.SimpleQueue[Asked]", wire: Wire) -> None:
    while True:
        one = asked.get()
        try:
            told = Told(one.number, learners.answer(one.request))
        except Exception as error:  # noqa: BLE001 whoever asked is told
            told = Told(one.number, None, survives_the_wire(error))
        _send(wire, told)


def _beat(wire: Wire) -> None:
    while True:
        _send(wire, Alive())
        time.sleep(BEAT_S)


def _send(wire: Wire, message: Told | Alive) -> None:
    try:
        wire.send(message)
    except OSError:
        _exit()


def _exit() -> None:
    """At once: other threads may be far from an end, and what they have not kept is learned again."""
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
