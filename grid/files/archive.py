"""A zip archive that a person hands in: its members, read into memory one at a time and never onto a path of theirs."""

import io
import lzma
import zipfile
import zlib

from grid.errors import CaseError
from grid.files.declared import require_modest


class Archive:
    """A guarded archive (grid.files.declared); file is what errors call it. CaseError where it is none."""

    def __init__(self, content: bytes, file: str) -> None:
        require_modest(content, file)
        self.file = file
        self._zip = zipfile.ZipFile(io.BytesIO(content))

    def names(self, *suffixes: str) -> list[str]:
        """The members whose names end so, in capitals or not; hidden files of other systems aside."""
        names = [member.filename for member in self._zip.infolist() if not member.is_dir()]
        plain = [name for name in names if not name.startswith("__MACOSX/")]
        return [name for name in plain if name.lower().endswith(suffixes)]

    def read(self, name: str) -> bytes:
        """A member's content, no more than its entry declares. CaseError where it can't be expanded."""
        try:
            return self._zip.read(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            NotImplementedError,
            RuntimeError,
            EOFError,
            OSError,
        ) as exc:
            raise CaseError(self.file, f"this member can't be expanded ({exc})", f"member {name!r}") from exc
