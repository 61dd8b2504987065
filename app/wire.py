"""Messages between the process that answers and those beside it: pickles with their length before them.

Both ends are ours: the child is started by the parent, and the pipes are nobody else's. Nothing is read from a file.
"""

import os
import pickle
import struct
import threading
from dataclasses import dataclass
from typing import IO, Any

LENGTH = struct.Struct("!Q")


@dataclass(frozen=True, eq=False)
class Asked:
    """A request with its number."""

    number: int
    request: Any


@dataclass(frozen=True, eq=False)
class Told:
    """The answer to a request, or what it raised."""

    number: int
    answer: Any
    error: Exception | None = None


@dataclass(frozen=True)
class Alive:
    """A sign of life; the first one says that requests are answered."""


Message = Asked | Told | Alive


class Wire:
    """One end. send may be called from several threads, receive from one."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Hand over a message. Raises OSError where an end is gone, ours too; before anything is sent what can't be."""
        content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            try:
                self._outgoing.write(LENGTH.pack(len(content)))
                self._outgoing.write(content)
                self._outgoing.flush()
            except ValueError as error:  # another thread has closed it, at any moment
                raise BrokenPipeError("this end is closed") from error

    def receive(self) -> Message | None:
        """The next message; None once the other end is gone."""
        head = self._incoming.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(head)
        content = self._incoming.read(length)
        if len(content) < length:
            return None
        message: Message = pickle.loads(content)  # noqa: S301 from our own other half, see above
        return message


def survives_the_wire(error: Exception) -> Exception:
    """An exception as it arrives, or a plain one with its words where it would not."""
    try:
        arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 our own
    except Exception:  # noqa: BLE001 pickling calls whatever the class has
        arrived = None
    return arrived if isinstance(arrived, Exception) else RuntimeError(f"{type(error).__name__}: {error}")


def own_pipes() -> Wire:
    """A child's end: its pipes for messages alone, and what a library prints goes to the log instead."""
    wire = Wire(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return wire
