"""What a file says of its own size, looked at before anything is allocated for it: in one pass and constant memory.

A few kilobytes may stand for gigabytes: a compressed MATLAB file, an archive, a list of empty lists, a column of texts
a gigabyte wide. What can't be seen here (whatever a reader does with what it is given) is for who limits the reading
process.
"""

import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from grid.errors import CaseError

MOST_VALUES = 4_000_000  # of a JSON file, lists and objects among them: 9,241 buses have 650,000
PROFILES = b'"profiles"'  # of a pandapower file: what SimBench's networks carry besides, a year of quarters of an hour
MOST_WIDTH_BYTES = 4096  # of one value of a table's column
MOST_EXPANDED_BYTES = 100_000_000  # of a MATLAB file: 9,241 buses take 3 million
MAT_HEADER_BYTES, MAT_TAG = 128, 8
COMPRESSED = 15  # miCOMPRESSED, in "MAT-File Format", MathWorks
BIG_ENDIAN, LITTLE_ENDIAN = b"MI", b"IM"
CHUNK_BYTES = 65_536
MOST_MEMBERS = 300  # of an archive
MOST_DIRECTORY_BYTES = 512 * MOST_MEMBERS
MOST_ARCHIVE_BYTES = 200_000_000  # of an archive's members together; 1,354 buses take 10 million as CGMES
ARCHIVE_END, LARGE_ARCHIVE, ARCHIVE_END_BYTES = b"PK\x05\x06", b"PK\x06\x07", 22  # in "APPNOTE", PKWARE, 4.3
LONGEST_COMMENT = 65_535
ENCRYPTED = 0x1


def require_modest(content: bytes, file: str) -> None:
    """CaseError for a file that says itself that it holds more than any network, by what it ends in."""
    suffix = Path(file).suffix.lower()
    if suffix == ".json":
        values = sum(content.count(mark) for mark in (b",", b"[", b"{"))
        if values > MOST_VALUES:
            hint = "; time series (net.profiles) can be left out: they aren't read" if PROFILES in content else ""
            raise CaseError(file, f"the file has over {MOST_VALUES:,} values{hint}", value=f"{values:,}")
    elif suffix == ".zip":
        _require_modest_archive(content, file)
    elif suffix == ".mat" and _expands(content):
        raise CaseError(file, f"the file expands to more than {MOST_EXPANDED_BYTES / 1e6:,.0f} MB")


def require_narrow(dtype: object, file: str) -> None:
    """CaseError for the types of a table's columns, or of an array, where a value of theirs would be too wide."""
    for name in dtype.values() if isinstance(dtype, dict) else [dtype]:
        if not isinstance(name, str):
            continue
        try:
            width = np.dtype(name).itemsize
        except (TypeError, ValueError):  # one of pandas' own types, or none at all: its reader knows
            continue
        if width > MOST_WIDTH_BYTES:
            problem = f"a value has at most {MOST_WIDTH_BYTES:,} bytes"
            raise CaseError(file, problem, "table", "dtype", name[:40])


def _expands(content: bytes) -> bool:
    """Whether the compressed parts of a MATLAB file of version 5 expand beyond what is taken."""
    order = {LITTLE_ENDIAN: "<", BIG_ENDIAN: ">"}.get(content[MAT_HEADER_BYTES - 2 : MAT_HEADER_BYTES])
    if order is None:  # version 4, which isn't compressed, or no MATLAB file: its reader says so
        return False
    at, expanded = MAT_HEADER_BYTES, 0
    while at + MAT_TAG <= len(content):
        kind, length = struct.unpack_from(f"{order}2I", content, at)
        at += MAT_TAG
        if kind == COMPRESSED:
            expanded += _expanded_bytes(content[at : at + length], MOST_EXPANDED_BYTES - expanded)
            if expanded > MOST_EXPANDED_BYTES:
                return True
        at += length
    return False


def _expanded_bytes(packed: bytes, most: int) -> int:
    """How many bytes zlib makes of these, counted up to a little over the most; what isn't zlib's is for its reader."""
    unpack, count = zlib.decompressobj(), 0
    try:
        while packed and not unpack.eof and count <= most:
            count += len(unpack.decompress(packed, CHUNK_BYTES))
            packed = unpack.unconsumed_tail
    except zlib.error:
        return count
    return count


def _require_modest_archive(content: bytes, file: str) -> None:
    """CaseError for an archive of too many members or bytes, or of members that would leave their folder.

    What members declare is what is read of them at most; the directory's size is looked at before it is listed.
    """
    end = content.rfind(ARCHIVE_END, max(0, len(content) - ARCHIVE_END_BYTES - LONGEST_COMMENT))
    if end < 0 or len(content) < end + ARCHIVE_END_BYTES:
        raise CaseError(file, "this is no zip archive, or it is cut off")
    (directory_bytes,) = struct.unpack_from("<I", content, end + 12)
    if directory_bytes > MOST_DIRECTORY_BYTES or LARGE_ARCHIVE in content[max(0, end - 20) : end]:
        raise CaseError(
            file, f"an archive has at most {MOST_MEMBERS:,} members", "directory", value=f"{directory_bytes:,}"
        )
    try:
        members = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as exc:
        raise CaseError(file, f"this can't be read as a zip archive ({exc})") from exc
    if len(members) > MOST_MEMBERS:
        raise CaseError(file, f"an archive has at most {MOST_MEMBERS:,} members", value=f"{len(members):,}")
    expanded = sum(member.file_size for member in members)
    if expanded > MOST_ARCHIVE_BYTES:
        problem = f"an archive expands to at most {MOST_ARCHIVE_BYTES / 1e6:,.0f} MB"
        raise CaseError(file, problem, value=f"{expanded / 1e6:,.0f} MB")
    for member in members:
        parts = member.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise CaseError(
                file, "a member's name leads out of the archive", "member", value=repr(member.filename[:60])
            )
        if member.flag_bits & ENCRYPTED:
            raise CaseError(file, "a member is encrypted", "member", value=repr(member.filename[:60]))
