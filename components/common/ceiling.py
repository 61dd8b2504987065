"""What a grid of this size doesn't get, in words with the ceiling."""

from dash import html
from dash.development.base_component import Component

from grid.capabilities import ANY_SWITCHING, DISPATCH, Ceiling


def beyond_words(ceiling: Ceiling, size: int) -> str:
    """What a grid of a size, in the ceiling's unit, gets instead; empty where it gets the thing in full."""
    if size <= ceiling.most:
        return ""
    return f"{ceiling.capability}: up to {up_to(ceiling)}. This grid has {size:,}: {ceiling.beyond}."


def up_to(ceiling: Ceiling) -> str:
    """E.g. '1,500 buses'."""
    return f"{ceiling.most:,} {ceiling.unit}"


def beyond_notes(*ceilings: tuple[Ceiling, int]) -> list[Component]:
    """A quiet line for each ceiling that a grid is beyond; ceilings with the grid's size in their unit."""
    told = [beyond_words(ceiling, size) for ceiling, size in ceilings]
    return [html.P(words, className="quiet-line beyond") for words in told if words]


def plan_words(buses: int) -> str:
    """Why a grid of so many buses gets no plan of any kind."""
    kinds = f"switching in radial grids of up to {up_to(ANY_SWITCHING)}, dispatch in grids of up to {DISPATCH.most:,}"
    return f"Not for a grid of {buses:,} buses. Planned are {kinds}."
