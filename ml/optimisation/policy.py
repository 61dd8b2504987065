"""A learned policy as plain arrays: what training hands over to what decides, in memory or as one file.

The file is one .npz: every weight under its name, and a record in JSON of what the policy is of, with which
hyperparameters and for how many episodes it has learned, and the hash of all that. It is all or nothing: it is written
beside its place and then moved there, and a file of which one byte is amiss is refused. Nothing in it is unpickled.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[Any]]
FILE, RECORD = "policy.npz", "record.json"


class PolicyError(ValueError):
    """A policy's file is damaged or of something else, or its weights don't fit; the message says what."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LearnedPolicy:
    """Weights by name, as the net that learned them names them, and what they are.

    about: what the policy is of, such as a grid's fingerprint. parameters: the hyperparameters of training. episodes:
    how many steps it has learned for.
    """

    weights: Weights
    about: Mapping[str, object]
    parameters: Mapping[str, object]
    episodes: int

    def save(self, folder: Path) -> None:
        """Write the one file. Raises OSError; what was there before stays then."""
        folder.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        record = json.dumps({**self._record, "hash": self._hash}).encode()
        arrays: dict[str, Any] = {**self.weights, RECORD: np.frombuffer(record, dtype=np.uint8)}
        np.savez(content, **arrays)
        (folder / f"{FILE}.part").write_bytes(content.getvalue())
        (folder / f"{FILE}.part").replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path, about: Mapping[str, object]) -> "LearnedPolicy":
        """The policy kept in a folder.

        Raises FileNotFoundError where there is none, PolicyError where it is damaged or of something else than about.
        """
        file = folder / FILE
        try:
            found = cls._read(file)
        except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
            raise PolicyError(f"{file}: the policy is damaged: {error}") from None
        if dict(found.about) != dict(about):
            raise PolicyError(f"{file}: the policy is of {dict(found.about)}, not {dict(about)}")
        return found

    @classmethod
    def _read(cls, file: Path) -> "LearnedPolicy":
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        record = json.loads(weights.pop(RECORD).tobytes())
        found = cls(
            weights=weights,
            about=record["about"],
            parameters=record["parameters"],
            episodes=int(record["episodes"]),
        )
        if record["hash"] != found._hash:
            raise PolicyError("its hash is not that of its content")
        return found

    @property
    def _record(self) -> dict[str, object]:
        return {"about": dict(self.about), "parameters": dict(self.parameters), "episodes": self.episodes}

    @property
    def _hash(self) -> str:
        """SHA-256 of the record and of every weight's name, type, shape and bytes."""
        digest = hashlib.sha256(json.dumps(self._record, sort_keys=True).encode())
        for name, weight in sorted(self.weights.items()):
            digest.update(f"{name} {weight.dtype.str} {weight.shape}".encode())
            digest.update(weight.tobytes())
        return digest.hexdigest()
