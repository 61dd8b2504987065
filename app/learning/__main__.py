"""The process that learns: `python -m app.learning`. LearningProcess starts it and talks to it through its pipes."""

import logging
import os
import queue
import signal
import sys
import threading
import time

from threadpoolctl import threadpool_limits

from app.learning.learners import Learners
from app.learning.requests import LearnerName
from app.learning.wire import Alive, Asked, Told, Wire, survives_the_wire

BEAT_S = 5.0


def main(niceness: int, log_level: str) -> int:
    """Answer requests until the parent is gone."""
    wire = _wire()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is ours
    if hasattr(os, "nice"):
        os.nice(niceness)
    threadpool_limits(1)
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    learners = Learners()
    queues: dict[LearnerName, queue.SimpleQueue[Asked]] = {name: queue.SimpleQueue() for name in LearnerName}
    for name, asked in queues.items():
        threading.Thread(target=_answer, args=(learners, asked, wire), name=name, daemon=True).start()
    threading.Thread(target=_beat, args=(wire,), name="beat", daemon=True).start()
    while (message := wire.receive()) is not None:
        if isinstance(message, Asked):
            queues[message.request.learner].put(message)
    learners.stop()
    _exit()
    return 0


def _wire() -> Wire:
    """Our pipes for messages alone: what a library prints goes to the log instead."""
    wire = Wire(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return wire


def _answer(learners: Learners, asked: "queue.SimpleQueue[Asked]", wire: Wire) -> None:
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
