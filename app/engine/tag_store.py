"""Tags in a file: what nobody may operate stays so when the process starts anew, or its grid is watched again."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from grid.fingerprint import fingerprint
from grid.network import Network
from ml.optimisation.plans.tags import Tag, TaggedKind, TagKind, Tags


class TagsUnreadableError(ValueError):
    """A file of tags that can't be read: nobody knows what may be operated."""


class TagStore:
    """The tags of one network, below a folder."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self.file = folder / "tags" / f"{fingerprint(network)}.json"

    def load(self) -> Tags:
        """The kept tags, none where none were ever kept. TagsUnreadableError for a file that doesn't hold tags of the
        network."""
        try:
            rows = json.loads(self.file.read_text(encoding="utf-8"))
            tags = tuple(_tag(row) for row in rows)
            for tag in tags:
                tag.name_in(self._network)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise TagsUnreadableError(f"{self.file}: {error}") from error
        return tags

    def save(self, tags: Tags) -> None:
        """Keep tags instead of those before, all or none. OSError where they can't be written."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_suffix(".new")
        rows = [asdict(tag) | {"placed_at": tag.placed_at.isoformat()} for tag in tags]
        beside.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
        beside.replace(self.file)


def _tag(row: dict[str, Any]) -> Tag:
    return Tag(
        id=int(row["id"]),
        kind=TagKind(row["kind"]),
        on=TaggedKind(row["on"]),
        target=int(row["target"]),
        reason=str(row["reason"]),
        person=str(row["person"]),
        placed_at=datetime.fromisoformat(row["placed_at"]),
    )
