"""CaseLoader: brings another case into the running engine, or says why not."""

import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from app.engine.engine import Engine
from app.reading.process import FileReader
from app.settings import Settings
from grid.cases.case import Case
from grid.cases.cases import BUILT_IN, DEFAULT_SIMBENCH, load_named
from grid.errors import CaseError
from grid.files.declared import require_modest
from grid.files.fileimport import SUFFIXES

LONGEST_SUFFIX = 10
LONGEST_STEM = 50  # characters of a file name that are kept; any file system takes as many
Waiting = Callable[[], None]
CaseRead = Callable[[Waiting], Case]
"""How a case is read. What it is given is called again and again meanwhile where reading may take long; what that
raises ends the reading."""


class CaseLoader:
    """Reads cases, one at a time; the engine goes on meanwhile and keeps its case on errors.

    reader: of files, which nobody here has made.
    """

    def __init__(self, settings: Settings, engine: Engine, reader: FileReader) -> None:
        self._settings, self._engine, self._reader = settings, engine, reader
        self._busy = threading.Lock()

    def prepare(self) -> None:
        """A file may be uploaded soon. Returns at once."""
        self._reader.prepare()

    def stop(self) -> None:
        """No case will come."""
        self._reader.stop()

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
        return lambda _waiting: load_named(spec, self._settings.cache_dir)

    def uploaded(self, file_name: str, content: bytes) -> CaseRead:
        """How an uploaded network file is read. CaseError where it is too large, or would be once it is expanded."""
        name = _plain_name(file_name)
        limit = self._settings.upload_mb * 1e6
        if len(content) > limit:
            raise CaseError(name, f"the file has {len(content) / 1e6:.1f} MB, the limit is {limit / 1e6:g} MB")
        require_modest(content, name)

        def read(waiting: Waiting) -> Case:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(content)  # a name that is plain stays in this folder
                return self._reader.read(path, waiting)

        return read

    def bring_in(self, read: CaseRead, between: Waiting = lambda: None) -> Case:
        """Read a case and let the engine watch it. CaseError, also while another is being loaded.

        between: called while the case is read and when it is; what it raises leaves the engine with its case.
        """
        if not self._busy.acquire(blocking=False):
            raise CaseError("case", "another case is being loaded; try again in a moment")
        try:
            case = read(between)
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
