"""Whether bytes are well-formed UBJSON: a file that is cut off can make XGBoost end the process."""

from __future__ import annotations

SIZES = {"Z": 0, "T": 0, "F": 0, "i": 1, "U": 1, "C": 1, "I": 2, "l": 4, "d": 4, "L": 8, "D": 8}
"""Bytes of a value of each type with a fixed size (UBJSON, draft 12)."""
WHOLE = "iUIlL"
DEEPEST = 64


def check_ubjson(content: bytes) -> None:
    """Raise ValueError, with the position, where content isn't one complete object and nothing else."""
    end = _value(content, 0, 0)
    if end != len(content):
        raise ValueError(f"{len(content) - end} bytes follow its end at byte {end}")


def _value(content: bytes, at: int, depth: int) -> int:
    """Position after the value that starts at a position."""
    kind = _letter(content, at)
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels at byte {at}")
    if kind in SIZES:
        return _skip(content, at + 1, SIZES[kind])
    if kind in "SH":
        return _text(content, at + 1)
    if kind == "{":
        return _object(content, at + 1, depth)
    if kind == "[":
        return _array(content, at + 1, depth)
    raise ValueError(f"unknown type at byte {at}")


def _object(content: bytes, at: int, depth: int) -> int:
    while _letter(content, at) != "}":
        at = _value(content, _text(content, at), depth + 1)
    return at + 1


def _array(content: bytes, at: int, depth: int) -> int:
    if _letter(content, at) == "$":
        kind = _letter(content, at + 1)
        if kind not in SIZES or _letter(content, at + 2) != "#":
            raise ValueError(f"unknown kind of array at byte {at}")
        count, at = _count(content, at + 3)
        return _skip(content, at, count * SIZES[kind])
    if _letter(content, at) == "#":
        count, at = _count(content, at + 1)
        for _ in range(count):
            at = _value(content, at, depth + 1)
        return at
    while _letter(content, at) != "]":
        at = _value(content, at, depth + 1)
    return at + 1


def _text(content: bytes, at: int) -> int:
    count, at = _count(content, at)
    return _skip(content, at, count)


def _count(content: bytes, at: int) -> tuple[int, int]:
    """A length and the position after it."""
    kind = _letter(content, at)
    if kind not in WHOLE:
        raise ValueError(f"a length is missing at byte {at}")
    end = _skip(content, at + 1, SIZES[kind])
    count = int.from_bytes(content[at + 1 : end], "big", signed=kind != "U")
    if count < 0:
        raise ValueError(f"a negative length at byte {at}")
    return count, end


def _skip(content: bytes, at: int, size: int) -> int:
    if at + size > len(content):
        raise ValueError(f"it ends within a value at byte {at}")
    return at + size


def _letter(content: bytes, at: int) -> str:
    if at >= len(content):
        raise ValueError(f"it ends too early, at byte {at}")
    return chr(content[at])
