"""What the API answers of single outages. Values that aren't known are null."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from app.web.models import Answer, Count, Percent, PerUnit, Place
from ml.optimisation.plans.plan import Constraint, OutcomeKind

Minutes = Annotated[float, Field(ge=0, description="minutes")]


class OutageItem(Answer):
    """What the outage of one branch comes to.

    lost: right after it. dark: after the best restoration, until the repair. restored: also of what was dark before.
    unsupplied_kwh: until the repair. outcome: of the restoration, null where none was asked for. binding: the limit
    that keeps load dark. close, open: what the restoration does. worst_loading_percent, band_excess_pu: in meshed
    grids.
    """

    edge: Place
    name: str
    solved: bool
    lost_kw: float
    lost_customers: float
    dark_kw: float
    dark_customers: float
    restored_kw: float
    restored_minutes: Minutes
    repair_minutes: Minutes
    unsupplied_kwh: float
    outcome: OutcomeKind | None
    binding: Constraint | None
    binding_element: str | None
    close: tuple[Place, ...]
    open: tuple[Place, ...]
    worst_loading_percent: Percent
    loaded_edge: Place | None
    band_excess_pu: PerUnit
    band_node: Place | None


class ContingenciesAnswer(Answer):
    """GET /api/grid/contingencies. tried of total: in the present sweep. complete: all outages have been tried.

    radial: outages are restored by switching; else what they cut off and break is told. reason: why there is no list.
    """

    outages: tuple[OutageItem, ...]
    radial: bool
    tried: Count
    total: Count
    complete: bool
    made_at: AwareDatetime | None
    reason: str
