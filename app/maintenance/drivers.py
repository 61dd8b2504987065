"""DriverDesk: what drives the failure rates of the assets that people look at, asked of the process that learns.

That process gives way to everybody. Who looks waits for it a moment only; the answer is kept for when it comes, and the
page asks again as long as it hasn't.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

from app.learning.process import LearningDownError, LearningHost
from app.learning.requests import Drivers
from grid.network import Network

MOST_KEPT = 256  # assets


class DriversState(StrEnum):
    """Whether drivers are known, and if not, why."""

    KNOWN = "known"
    NO_MODEL = "no model judges it"
    AWAITED = "what learns has not answered yet"
    DOWN = "what learns is down"


@dataclass(frozen=True)
class DriversFound:
    """adds: what each feature adds to the log of the failure rate within 365 days; empty unless known."""

    state: DriversState
    adds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Asked:
    as_of: object
    answer: Future[Mapping[str, float]]


class DriverDesk:
    """Asks for each asset but once at a time. Every method for any thread."""

    def __init__(self, learning: LearningHost) -> None:
        self._learning = learning
        self._lock = threading.Lock()
        self._network: Network | None = None
        self._asked: dict[int, _Asked] = {}
        self._late: dict[int, int] = {}  # how often somebody has gone on without an answer

    def of(
        self, network: Network, branch: int, as_of: object, make: Callable[[], Drivers], most_s: float
    ) -> DriversFound:
        """An asset's drivers; as_of: equal as long as they are the same. Earlier ones where those are still awaited."""
        with self._lock:
            if self._network is not network:
                self._network, self._asked, self._late = network, {}, {}
            asked = self._asked.get(branch)
            if asked is None or (asked.answer.done() and (asked.as_of != as_of or _failed(asked.answer))):
                self._asked.pop(branch, None)
                asked = self._asked[branch] = _Asked(as_of, Future())
                threading.Thread(target=self._ask, args=(make, asked.answer), name="drivers", daemon=True).start()
                if len(self._asked) > MOST_KEPT:
                    del self._asked[next(iter(self._asked))]
        try:
            return DriversFound(DriversState.KNOWN, asked.answer.result(most_s))
        except TimeoutError:
            with self._lock:
                self._late[branch] = self._late.get(branch, 0) + 1
            return DriversFound(DriversState.AWAITED)
        except LearningDownError:
            return DriversFound(DriversState.DOWN)

    def mark(self, network: Network, branch: int) -> str:
        """Another one whenever it is worth asking again: somebody has waited in vain, or what learns is a new one."""
        with self._lock:
            late = self._late.get(branch, 0) if self._network is network else 0
        return f"{self._learning.generation}.{late}"

    def _ask(self, make: Callable[[], Drivers], answer: "Future[Mapping[str, float]]") -> None:
        """In a thread of its own, which ends with the answer or with what learns."""
        try:
            answer.set_result(self._learning.ask(make()))
        except Exception as error:  # noqa: BLE001 whoever looks is told
            answer.set_exception(error)


def _failed(answer: "Future[Mapping[str, float]]") -> bool:
    return answer.exception() is not None
