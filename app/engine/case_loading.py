"""CaseLoader: brings another case into the running engine, or says why not."""

import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from app.engine.engine import Engine
from app.settings import Settings
from grid.cases.case import Case
from grid.cases.cases import BUILT_IN, DEFAULT_SIMBENCH, load_file, load_named
from grid.errors import CaseError
from grid.files.fileimport import SUFFIXES

LONGEST_SUFFIX = 10
LONGEST_STEM = 50  # characters of a file name that are kept; any file system takes as many
CaseRead = Callable[[], Case]


class CaseLoader:
    """Reads cases in the caller's thread, one at a time; the engine goes on meanwhile and keeps its case on errors."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._busy = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Built-in cases, and the default SimBench grid."""
        return (*BUILT_IN, f"simbench:{DEFAULT_SIMBENCH}", "synthetic:200:4")

    def load(self, spec: str) -> Case:
        """Load a case by name or code. CaseError where there is none, or while another is being loaded."""
        return self.bring_in(self.named(spec))

    def named(self, spec: str) -> CaseRead:
        """How a case is read by name or code. CaseError for a path.

        Paths are refused: a visitor of a hosted page must not read the server's files.
        """
        if Path(spec.strip()).suffix.lower() in SUFFIXES:
            raise CaseError(spec, "files are uploaded or named on the command line (--case), not opened by path")
        return lambda: load_named(spec, self._settings.cache_dir)

    def uploaded(self, file_name: str, content: bytes) -> CaseRead:
        """How an uploaded network file is read. CaseError where it is too large."""
        name = _plain_name(file_name)
        limit = self._settings.upload_mb * 1e6
        if len(content) > limit:
            raise CaseError(name, f"the file has {len(content) / 1e6:.1f} MB, the limit is {limit / 1e6:g} MB")

        def read() -> Case:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(content)  # a name that is plain stays in this folder
                return load_file(path, self._settings.cache_dir)

        return read

    def bring_in(self, read: CaseRead, between: Callable[[], None] = lambda: None) -> Case:
        """Read a case and let the engine watch it. CaseError, also while another is being loaded.

        between: called when the case is read; what it raises leaves the engine with its case.
        """
        if not self._busy.acquire(blocking=False):
            raise CaseError("case", "another case is being loaded; try again in a moment")
        try:
            case = read()
            between()
            self._engine.load(case)
            return case
        finally:
            self._busy.release()


def _plain_name(file_name: str) -> str:
    """A file name without folders, of either slash, and without characters that a file system might refuse."""
    last = Path(re.split(r"[\\/]", file_name)[-1])
    stem = re.sub(r"[^\w .()+-]", "_", last.stem).strip(". ")[:LONGEST_STEM].rstrip()
    suffix = re.sub(r"[^\w.]", "", last.suffix.lower())[:LONGEST_SUFFIX]
    return (stem or "upload") + suffix
