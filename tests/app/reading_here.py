"""Reading in the test's own process: the very readers, without limits."""

from collections.abc import Callable
from pathlib import Path

from grid.cases.case import Case
from grid.cases.cases import load_file


class ReadingHere:
    """Reads at once."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir

    def prepare(self) -> None:
        """There is nothing to start."""

    def read(self, path: Path, waiting: Callable[[], None] = lambda: None) -> Case:
        waiting()
        return load_file(path, self._cache_dir)

    def stop(self) -> None:
        """There is nothing to end."""
