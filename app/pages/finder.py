"""Search fields whose options come from the server as one types.

The component forgets a choice when its options change in the same moment. So the server's options go to a store, and a
script puts them in place; not while the field holds just what was chosen.
"""

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, dcc
from dash.development.base_component import Component

from app.ids import Id

FOUND = {Id.SEARCH: Id.SEARCH_FOUND, Id.LOCK_SEARCH: Id.LOCK_FOUND, Id.EVENT_TARGET: Id.EVENT_FOUND}
Options = list[dict[str, str]]


def finder(field: Id, **look: object) -> list[Component]:
    """The field and the store of its options."""
    select = dmc.Select(id=field, searchable=True, clearable=True, data=[], nothingFoundMessage="No such name", **look)
    return [select, dcc.Store(id=FOUND[field])]


def found(options: Options, field: Id) -> dict[str, object]:
    """What a search answers, and whether what was typed is its only cause, not other things to search."""
    return {"options": options, "typed": set(dash.ctx.triggered_prop_ids.values()) == {field}}


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
