"""Search fields for names. Few names are all options; of many, the server finds those that match as one types.

The component forgets a choice when its options change within some milliseconds of it. So options go to a store, from
which a script puts them in place only where they are others, and not while the field holds just what was chosen.
"""

from collections.abc import Callable

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc
from dash.development.base_component import Component

from app.web.ids import Id

MOST_AT_ONCE = 500
MATCHES = 30  # that are offered to choose from
FOUND = {Id.SEARCH: Id.SEARCH_FOUND, Id.LOCK_SEARCH: Id.LOCK_FOUND, Id.EVENT_TARGET: Id.EVENT_FOUND}
Options = list[dict[str, str]]


def finder(field: Id, **look: object) -> list[Component]:
    """The field and the store of its options."""
    select = dmc.Select(
        id=field, searchable=True, clearable=True, data=[], limit=MATCHES, nothingFoundMessage="No such name", **look
    )
    return [select, dcc.Store(id=FOUND[field])]


def found(field: Id, text: str | None, names: int, search: Callable[[str, int], Options]) -> dict[str, object]:
    """What a callback of the field puts into its store.

    names: how many there are to search. search: options that contain a text, so many at most.
    """
    typed = set(dash.ctx.triggered_prop_ids.values()) == {field}
    options = search(text or "", MATCHES) if names > MOST_AT_ONCE else search("", names)
    return {"options": options, "typed": typed}


def register_finder(app: dash.Dash, field: Id) -> None:
    """The way of the options from the store to the field."""
    app.clientside_callback(
        ClientsideFunction("smartgrid", "offer"),
        Output(field, "data"),
        Input(FOUND[field], "data"),
        State(field, "searchValue"),
        State(field, "data"),
        prevent_initial_call=True,
    )
