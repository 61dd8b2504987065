"""What the API answers of operations by hand and of tags: one model an endpoint. Values that aren't known are null."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from app.web.models import Answer, Count, Megawatt, Percent, PerUnit, Place
from grid.limits import LimitedKind
from ml.optimisation.plans.plan import Constraint
from ml.optimisation.plans.tags import TaggedKind, TagKind

Kilowatt = Annotated[float | None, Field(description="kW")]


class OperatedItem(Answer):
    """A switch that opens or closes, a generator that is held at a power or voltage, or a tap that is moved; the others
    are null."""

    kind: TaggedKind
    target: Place
    name: str
    close: bool | None
    p_mw: Megawatt
    vm_pu: PerUnit
    tap_pos: Annotated[int | None, Field(description="position of the tap changer")]


class LimitItem(Answer):
    """A limit that gets broken or worse. before: the present value. derived: the case doesn't give the limit."""

    constraint: Constraint
    element: str
    value: float | None
    limit: float | None
    before: float | None
    unit: str
    derived: bool


class TotalsItem(Answer):
    """A judged state."""

    loss_kw: Kilowatt
    unsupplied_kw: Kilowatt
    min_vm_pu: PerUnit
    max_vm_pu: PerUnit
    max_loading_percent: Percent


class PreviewAnswer(Answer):
    """POST /api/operations/preview.

    dark and restored: loads that lose supply or get it. loop: edges of the loop that is closed, the operated one first.
    broken: limits that get broken or worse, the worst first; still_broken: others that are broken now already. stale:
    whether all that is by an earlier state. refused: why it can't be done, null where it can. code: names the effect;
    POST /api/operations may name it.
    """

    operation: OperatedItem
    code: str
    present: TotalsItem | None
    after: TotalsItem | None
    dark_kw: Annotated[float, Field(ge=0, description="kW")]
    dark_customers: Annotated[float, Field(ge=0)]
    dark_nodes: tuple[Place, ...]
    dark_node_names: tuple[str, ...]
    restored_kw: Annotated[float, Field(ge=0, description="kW")]
    restored_customers: Annotated[float, Field(ge=0)]
    customers_derived: bool
    loop: tuple[Place, ...]
    loop_names: tuple[str, ...]
    radial_grid: bool
    broken: tuple[LimitItem, ...]
    still_broken: Count
    stale: bool
    refused: str | None


class OperateAnswer(Answer):
    """POST /api/operations: what is done in the next cycle, and by whom."""

    success: Literal[True]
    operation: OperatedItem
    person: str
    code: str


class HandOperationItem(Answer):
    """An operation by hand that was carried out. ordered_at: simulated. taken_back: undone since."""

    id: Count
    operation: OperatedItem
    person: str
    ordered_at: AwareDatetime
    dark_kw: Annotated[float, Field(ge=0, description="kW")]
    taken_back: bool


class OperationsAnswer(Answer):
    """GET /api/operations: the last ones by hand, the newest first. note: why the last thing asked for wasn't done."""

    operations: tuple[HandOperationItem, ...]
    may_undo: bool
    note: str


class UndoAnswer(Answer):
    """DELETE /api/operations."""

    success: Literal[True]


class TagItem(Answer):
    """A tag on a branch or a generator. placed_at: simulated."""

    id: Count
    kind: TagKind
    on: TaggedKind
    target: Place
    name: str
    reason: str
    person: str
    placed_at: AwareDatetime


class TagsAnswer(Answer):
    """GET /api/tags."""

    tags: tuple[TagItem, ...]


class TagAnswer(Answer):
    """POST /api/tags and DELETE /api/tags: the tag that is placed or taken off."""

    tag: TagItem


class LimitEditItem(Answer):
    """An edited limit: the band of a bus, or the rating of a branch at its source; the others are null. edited_at:
    simulated."""

    on: LimitedKind
    target: Place
    name: str
    min_vm_pu: PerUnit
    max_vm_pu: PerUnit
    rating_ka: Annotated[float | None, Field(description="kA")]
    person: str
    edited_at: AwareDatetime


class PriorityItem(Answer):
    """The priority of supply of all loads of a bus, an ordinary one has 1. edited_at: simulated."""

    target: Place
    name: str
    priority: Annotated[float, Field(ge=0.01, le=1000)]
    person: str
    edited_at: AwareDatetime


class BusPriorityItem(Answer):
    """What a bus counts: the mean of its loads by power."""

    target: Place
    name: str
    priority: Annotated[float, Field(ge=0.01, le=1000)]


class PrioritiesAnswer(Answer):
    """GET /api/priorities. buses: those that don't count 1. edits: by people, the newest first."""

    buses: tuple[BusPriorityItem, ...]
    edits: tuple[PriorityItem, ...]


class PriorityAnswer(Answer):
    """POST /api/priorities: what holds from the next cycle on."""

    edit: PriorityItem


class LimitsAnswer(Answer):
    """GET /api/limits: what people have edited since the grid is watched, the newest first."""

    edits: tuple[LimitEditItem, ...]


class LimitAnswer(Answer):
    """POST /api/limits: what holds from the next cycle on."""

    edit: LimitEditItem
