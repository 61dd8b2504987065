"""What a file says of its own size, looked at before anything is allocated for it: in one pass and constant memory.

A few kilobytes may stand for gigabytes: a compressed MATLAB file, a list of empty lists, a column of texts a gigabyte
wide. What can't be seen here (whatever a reader does with what it is given) is for who limits the reading process.
"""

import struct
import zlib
from pathlib import Path

import numpy as np

from grid.errors import CaseError

MOST_VALUES = 4_000_000  # of a JSON file, lists and objects among them: 9,241 buses have 650,000
MOST_WIDTH_BYTES = 4096  # of one value of a table's column
MOST_EXPANDED_BYTES = 100_000_000  # of a MATLAB file: 9,241 buses take 3 million
MAT_HEADER_BYTES, MAT_TAG = 128, 8
COMPRESSED = 15  # miCOMPRESSED, in "MAT-File Format", MathWorks
BIG_ENDIAN, LITTLE_ENDIAN = b"MI", b"IM"
CHUNK_BYTES = 65_536


def require_modest(content: bytes, file: str) -> None:
    """CaseError for a file that says itself that it holds more than any network, by what it ends in."""
    suffix = Path(file).suffix.lower()
    if suffix == ".json":
        values = sum(content.count(mark) for mark in (b",", b"[", b"{"))
        if values > MOST_VALUES:
            raise CaseError(file, f"the file has over {MOST_VALUES:,} values", value=f"{values:,}")
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
