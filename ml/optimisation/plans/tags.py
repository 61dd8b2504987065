"""Tags on branches and generators: what a person has to say of one, and what nobody may operate until it is removed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grid.network import Network
from ml.optimisation.plans.by_hand import Operation, Switching, TapMove
from ml.optimisation.plans.plan import Requirements


class TagKind(StrEnum):
    """What a tag forbids."""

    NOTE = "note"  # nothing: it tells
    DO_NOT_OPERATE = "do_not_operate"  # any operation, by hand, by a plan or in taking back


class TaggedKind(StrEnum):
    """What a tag hangs on."""

    BRANCH = "branch"
    GENERATOR = "generator"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag on a branch's switch and tap changer, or on a generator. placed_at: simulated."""

    id: int
    kind: TagKind
    on: TaggedKind
    target: int
    reason: str
    person: str
    placed_at: datetime

    @property
    def forbids(self) -> bool:
        """Whether nobody may operate what it hangs on."""
        return self.kind is TagKind.DO_NOT_OPERATE

    def name_in(self, network: Network) -> str:
        """The name of what it hangs on."""
        names = network.branch.name if self.on is TaggedKind.BRANCH else network.generator.name
        return names[self.target]


Tags = tuple[Tag, ...]


def locked(tags: Sequence[Tag], on: TaggedKind) -> frozenset[int]:
    """Branches or generators that nobody may operate."""
    return frozenset(tag.target for tag in tags if tag.forbids and tag.on is on)


def keeping(wanted: Requirements, tags: Sequence[Tag]) -> Requirements:
    """Requirements that keep tags as well."""
    return replace(
        wanted,
        locked=wanted.locked | locked(tags, TaggedKind.BRANCH),
        locked_generators=wanted.locked_generators | locked(tags, TaggedKind.GENERATOR),
    )


def tag_against(operation: Operation, network: Network, tags: Sequence[Tag]) -> Tag | None:
    """The tag that forbids an operation; None where none does.

    A voltage is held by all generators of its bus, so the tag of any one of them forbids to change it.
    """
    for tag in tags:
        if not tag.forbids:
            continue
        if isinstance(operation, Switching | TapMove):
            if tag.on is TaggedKind.BRANCH and tag.target == operation.branch:
                return tag
        elif tag.on is TaggedKind.GENERATOR:
            bus, changes_voltage = network.generator.bus, operation.vm_pu is not None
            shares = changes_voltage and bus[tag.target] == bus[operation.generator]
            if shares or tag.target == operation.generator:
                return tag
    return None
