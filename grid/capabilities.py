"""What a grid gets by its size: ceilings of capabilities in one table, which `python -m grid.capabilities` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The largest grid that gets something in full. most: of unit, inclusive. beyond: what larger ones get."""

    capability: str
    most: int
    unit: str
    beyond: str
    reason: str


DISPATCH = Ceiling(
    capability="Dispatch",
    most=500,
    unit="buses",
    beyond="no plan",
    reason="the matrices are dense: case300 takes half a second, PEGASE 1354 most of a minute",
)
LARGE_PLAN_PAIRS = 20  # of switches
SWITCHING = Ceiling(
    capability="Switching in full: policy, whole searches, outages, other risk weights",
    most=1000,
    unit="buses",
    beyond="sequential opening and branch exchange; plans of at most "
    f"{LARGE_PLAN_PAIRS} pairs of switches, which restore what is dark in blocks; no N-1",
    reason="each configuration takes milliseconds to judge, and the policy too many episodes to learn",
)
ANY_SWITCHING = Ceiling(
    capability="Switching of a radial grid at all",
    most=15_000,
    unit="buses",
    beyond="no plan",
    reason="a plan would take longer than half a minute",
)
WHOLE_MAP = Ceiling(
    capability="The map as a whole",
    most=1500,
    unit="buses",
    beyond="areas first, each opened by a tap",
    reason="a browser draws each bus and branch as an element of its own",
)
ANIMATED_MAP = Ceiling(
    capability="Animated flows from the start",
    most=300,
    unit="branches",
    beyond="flows that stand still until they are switched on",
    reason="each branch is drawn anew some twelve times a second",
)
FULL_LOOK_AHEAD = Ceiling(
    capability="The look-ahead in full",
    most=1500,
    unit="buses",
    beyond="20 samples instead of 100, the last two days of the past, no curtailment, no loadability",
    reason="each sample of each hour is an AC power flow",
)
HOSTING = Ceiling(
    capability="What each bus could take",
    most=150,
    unit="buses",
    beyond="not asked",
    reason="a search by AC power flow for each bus",
)
OUTAGE_WINDOWS = Ceiling(
    capability="When an asset can be taken out",
    most=1500,
    unit="buses",
    beyond="not asked",
    reason="a power flow for each asset and week would take minutes",
)
HOURLY_FLEET = Ceiling(
    capability="The fleet's tables every simulated hour",
    most=500,
    unit="assets",
    beyond="every six hours, or with other models or another schedule",
    reason="every browser that shows the page fetches all rows anew",
)
ALL_JOBS = Ceiling(
    capability="A possible job for each asset",
    most=200,
    unit="assets",
    beyond="the 200 that risk most",
    reason="the integer programme has a variable for each job and week",
)
CEILINGS = (
    HOSTING,
    ALL_JOBS,
    ANIMATED_MAP,
    DISPATCH,
    HOURLY_FLEET,
    SWITCHING,
    WHOLE_MAP,
    FULL_LOOK_AHEAD,
    OUTAGE_WINDOWS,
    ANY_SWITCHING,
)


def table() -> str:
    """The ceilings as a Markdown table, which docs/models.md shows."""
    rows = [f"| {one.capability} | {one.most:,} {one.unit} | {one.beyond} | {one.reason} |" for one in CEILINGS]
    return "\n".join(("| Capability | Up to | Beyond | Because |", "|---|---|---|---|", *rows))


if __name__ == "__main__":
    print(table())
