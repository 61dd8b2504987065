"""DivergenceFinder: why what is measured has no power flow solution, found beside the cycle, as it may take seconds."""

import logging
import math
import threading
import time

from grid.files.report import divergence_sentence
from grid.flow.powerflow import Injection
from grid.network import BoolArray, Network
from grid.studies.divergence import why_no_solution

log = logging.getLogger(__name__)
RENEWED_S = 60.0  # after which an answer is looked for again, while there is still no solution


class DivergenceFinder:
    """Every method may be called from any thread, and returns at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0  # answers to earlier ones are dropped
        self._running = False
        self._words = ""
        self._found_s = -math.inf
        self._of = ""  # the network's name

    @property
    def words(self) -> str:
        """Why there is no solution; empty while that isn't known."""
        with self._lock:
            return self._words

    def ask(self, network: Network, injection: Injection, closed: BoolArray) -> None:
        """Find out why these injections and switch states (m,) have none, unless that is known or being found."""
        with self._lock:
            if network.name != self._of:
                self._forget()
                self._of = network.name
            if self._running or time.monotonic() - self._found_s < RENEWED_S:
                return
            self._running = True
            arguments = self._asked, network, injection, closed
        threading.Thread(target=self._find, args=arguments, name="divergence", daemon=True).start()

    def forget(self) -> None:
        """There is a solution again."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._asked += 1
        self._words, self._found_s = "", -math.inf

    def _find(self, asked: int, network: Network, injection: Injection, closed: BoolArray) -> None:
        words = ""
        try:
            words = divergence_sentence(network, why_no_solution(network, injection, closed))
        except Exception:
            log.exception("why %s has no solution couldn't be found", network.name)
        with self._lock:
            self._running = False
            if asked == self._asked:
                self._words, self._found_s = words, time.monotonic()
