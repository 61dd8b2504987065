"""The form of what is asked of a plan. It is everyone's: what one browser asks, the others show."""

from dataclasses import replace
from functools import partial
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from app.engine.board import NotReadyError
from app.map.context import PageServices
from app.map.search import finder, found, register_finder
from app.optimisation.form import BAND_ENDS, FREE, MOST_PAIRS, WEIGHTS, changed, form_of
from app.optimisation.tick import form_key, form_words
from app.web.browser_view import Asset
from app.web.callbacks import Clicked, Clicks, Sent
from app.web.ids import Id, Many
from grid.alarms.book import AssetKind
from ml.optimisation.plans.plan import Requirements

SCRIPT = "smartgridPlan"
MARKED_WEIGHTS = (0.0, 0.1, 1.0, 10.0, 100.0)
INPUTS = (  # of app.optimisation.form.FIELDS, in their order
    (Id.WEIGHT, "value"),
    (Id.PAIRS, "value"),
    (Id.CASE_LIMITS, "checked"),
    (Id.BAND, "value"),
    (Id.LOADING, "value"),
    (Id.N_MINUS_1, "checked"),
    (Id.WORST_HOUR, "checked"),
    (Id.EMERGENCY_LOADING, "value"),
    (Id.EMERGENCY_LOW, "value"),
    (Id.EMERGENCY_HIGH, "value"),
    (Id.EMERGENCY_MINUTES, "value"),
)
EMERGENCY_INPUTS = (  # id, label, least, most, step and what it means
    (
        Id.EMERGENCY_LOADING,
        "Loading, %",
        10,
        300,
        5,
        "Highest loading in percent of the rating; as above: no other one.",
    ),
    (Id.EMERGENCY_LOW, "Lowest voltage, p.u.", 0.5, 1.5, 0.01, "No higher than the lowest voltage above."),
    (Id.EMERGENCY_HIGH, "Highest voltage, p.u.", 0.5, 1.5, 0.01, "No lower than the highest voltage above."),
    (
        Id.EMERGENCY_MINUTES,
        "Lasting, minutes",
        1,
        1380,
        15,
        "After so long all must be within normal limits again, by the forecast's courses.",
    ),
)


class FormAsked(Sent):
    """A change of the form. changed: those of app.optimisation.form.FIELDS. values: of all. at: tells two apart."""

    changed: list[str]
    values: dict[str, bool | float | str | list[float] | None]
    at: float


class LineTapped(Sent):
    """A line on a map that was tapped, by its code."""

    code: str


class UnlockButton(Sent):
    """The id of a button that unlocks the switch of a branch."""

    branch: int


def layout(services: PageServices) -> Component:
    """The form with the present values."""
    usual = Requirements()
    values, words, key = (
        [0, FREE, True, [0.9, 1.1], 100.0, False, False, 100.0, 0.9, 1.1, usual.emergency_minutes],
        ["", None],
        None,
    )
    if services.boards.ready:
        snapshot, requirements = services.boards.latest.snapshot, services.planner.requirements
        values, words = form_of(requirements, snapshot.case.network), form_words(requirements, snapshot)  # type: ignore[assignment]
        key = form_key(requirements, services.views.of(snapshot.case.network), snapshot.control.tags)
    weight, pairs, case, band, loading, n_minus_1, worst_hour, *emergency = values
    return dmc.Paper(
        [
            html.H2("What a plan must keep"),
            _field("Risk weight", _weight(weight), html.Div(words[0], id=Id.WEIGHT_WORDS, className="field-words")),
            _field("Pairs of switches, at most", _pairs(pairs)),
            _field("Voltage band, p.u.", *_band(case, band)),
            _field("Highest loading, %", _loading(loading)),
            dmc.Switch(id=Id.N_MINUS_1, label="Keep limits after any outage (N-1)", size="xs", checked=n_minus_1),
            dmc.Switch(
                id=Id.WORST_HOUR, label="For the worst of the coming 24 h instead of now", size="xs", checked=worst_hour
            ),
            _field("Emergency limits, for restoring supply", *_emergency(emergency)),
            _field("Locked switches", *_search(), html.Div(words[1], id=Id.LOCKED)),
            html.Div(id=Id.FORM_RESULT, role="status", className="result"),
            html.P("These hold for everyone who looks at this grid.", className="quiet-line"),
            dcc.Store(id=Id.FORM_SEEN, data=key),
            dcc.Store(id=Id.FORM_SHOWN, data=values),
            dcc.Store(id=Id.FORM_REQUEST),
            dcc.Store(id=Id.FORM_TAKEN),
            dcc.Store(id=Id.UNLOCK_REQUEST),
        ],
        id=Id.PLAN_FORM,
        className="card plan-form",
    )


def _field(label: str, *content: Component) -> Component:
    return html.Div([html.H3(label), *content], className="field", role="group", **{"aria-label": label})


def _weight(value: object) -> Component:
    marks = [{"value": WEIGHTS.index(weight), "label": f"{weight:g}"} for weight in MARKED_WEIGHTS]
    return dmc.Slider(
        id=Id.WEIGHT,
        value=value,
        min=0,
        max=len(WEIGHTS) - 1,
        step=1,
        marks=marks,
        label=None,
        size="sm",
        updatemode="drag",
        thumbLabel="Risk weight",
        className="slider",
    )


def _pairs(value: object) -> Component:
    choices = [*(str(count) for count in range(1, MOST_PAIRS + 1)), FREE]
    return dmc.SegmentedControl(
        id=Id.PAIRS,
        value=value,
        data=[{"value": choice, "label": choice.capitalize()} for choice in choices],
        size="xs",
        fullWidth=True,
        **{"aria-label": "Pairs of switches, at most"},
    )


def _band(case: object, value: object) -> tuple[Component, ...]:
    low, high = BAND_ENDS
    marks = [{"value": mark, "label": f"{mark:.2f}"} for mark in (0.9, 0.95, 1.0, 1.05, 1.1)]
    return (
        dmc.Switch(id=Id.CASE_LIMITS, label="Limits of the case", size="xs", checked=case),
        dmc.RangeSlider(
            id=Id.BAND,
            value=value,
            min=low,
            max=high,
            step=0.005,
            precision=3,
            minRange=0.01,
            marks=marks,
            size="sm",
            updatemode="drag",
            disabled=case,
            thumbFromLabel="Lowest voltage, p.u.",
            thumbToLabel="Highest voltage, p.u.",
            className="slider",
        ),
    )


def _loading(value: object) -> Component:
    return dmc.NumberInput(
        id=Id.LOADING,
        value=value,
        min=10,
        max=300,
        step=5,
        size="xs",
        w=92,
        debounce=500,
        **{"aria-label": "Highest loading, %"},
    )


def _emergency(values: list[object]) -> tuple[Component, ...]:
    """The inputs of emergency limits and their duration, and what takes them back to the normal ones."""
    inputs = [
        dmc.Tooltip(
            dmc.NumberInput(
                id=name,
                label=label,
                value=value,
                min=least,
                max=most,
                step=step,
                size="xs",
                debounce=500,
                **{"aria-label": f"Emergency limits: {label}"},
            ),
            label=words,
            multiline=True,
            w=240,
        )
        for (name, label, least, most, step, words), value in zip(EMERGENCY_INPUTS, values, strict=True)
    ]
    reset = dmc.Tooltip(
        dmc.Button("Normal limits", id=Id.EMERGENCY_RESET, size="compact-xs", variant="default"),
        label="Takes back all emergency limits: plans keep the normal ones again.",
        multiline=True,
        w=240,
    )
    words = "Used only for restoring supply, where normal limits allow less. Alarms keep the normal ones."
    return html.Div(inputs, className="emergency-inputs"), html.Div(words, className="field-words"), reset


def _search() -> list[Component]:
    name = {"aria-label": "Lock the switch of a branch"}
    return finder(Id.LOCK_SEARCH, placeholder="Lock the switch of …", size="xs", **name)


def register(app: dash.Dash, services: PageServices) -> None:
    """From inputs to requirements, and from the requirements back to every browser."""
    _register_browser(app)
    _register_locks(app, services)

    @app.callback(
        Output(Id.FORM_RESULT, "children"),
        Output(Id.FORM_TAKEN, "data"),
        Input(Id.FORM_REQUEST, "data"),
        prevent_initial_call=True,
    )
    def ask(request: FormAsked) -> tuple[str, dict[str, object]]:
        refused, board = "", services.boards.latest
        try:
            services.planner.amend(board, lambda present: changed(present, request.changed, request.values))
        except (ValueError, NotReadyError) as error:
            refused = f"Not taken: {error}"
        shown = services.views.of(board.network)
        key = form_key(services.planner.requirements_on(board), shown, board.snapshot.control.tags)
        return refused, {"key": key, "at": request.at}

    @app.callback(
        Output(Id.FORM_RESULT, "children", allow_duplicate=True),
        Input(Id.EMERGENCY_RESET, "n_clicks"),
        prevent_initial_call=True,
    )
    def reset(_clicks: Clicks) -> str:
        try:
            services.planner.amend(services.boards.latest, without_emergency)
        except (ValueError, NotReadyError) as error:
            return f"Not taken: {error}"
        return ""


def without_emergency(requirements: Requirements) -> Requirements:
    """The requirements with normal limits only, and the usual duration."""
    return replace(requirements.within_normal, emergency_minutes=Requirements.emergency_minutes)


def _register_browser(app: dash.Dash) -> None:
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "takeForm"),
        Output(Id.WEIGHT_WORDS, "children"),
        Output(Id.LOCKED, "children"),
        Output(Id.FORM_SEEN, "data"),
        Input(Id.TICK, "data"),
        State(Id.PLAN_FORM, "id"),
        State(Id.FORM_SHOWN, "id"),
        *(State(name, "id") for name, _ in INPUTS),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "askForm"),
        Output(Id.FORM_REQUEST, "data"),
        Output(Id.BAND, "disabled"),
        *(Input(name, prop) for name, prop in INPUTS),
        State(Id.FORM_SHOWN, "id"),
        State(Id.FORM_SHOWN, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(ClientsideFunction(SCRIPT, "formTaken"), Input(Id.FORM_TAKEN, "data"))
    app.clientside_callback(
        ClientsideFunction("smartgrid", "clicked"),
        Output(Id.UNLOCK_REQUEST, "data"),
        Input({"type": Many.UNLOCK, "branch": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )


def _register_locks(app: dash.Dash, services: PageServices) -> None:
    """Three ways to a lock. Each has its callback: Dash names one trigger only of several that come at once."""

    def settle(code: str, adds: bool | None) -> object:
        """Change a lock, see with_lock; what stands against it in words, no change where there is no such branch."""
        board = services.boards.latest
        branch = Asset.parse(code, board.network)
        if branch is None or branch.kind is not AssetKind.BRANCH:
            return no_update
        try:
            services.planner.amend(board, lambda present: with_lock(present, branch.index, adds))
        except (ValueError, NotReadyError) as error:
            return f"Not taken: {error}"
        return ""

    words = Output(Id.FORM_RESULT, "children", allow_duplicate=True)

    @app.callback(words, Input(Id.LOCK_REQUEST, "data"), prevent_initial_call=True)
    def change(tapped: LineTapped) -> object:
        return settle(tapped.code, None)

    @app.callback(words, Input(Id.UNLOCK_REQUEST, "data"), prevent_initial_call=True)
    def unlock(clicked: Clicked[UnlockButton]) -> object:
        return settle(f"{AssetKind.BRANCH}-{clicked.id.branch}", False)

    @app.callback(words, Output(Id.LOCK_SEARCH, "value"), Input(Id.LOCK_SEARCH, "value"), prevent_initial_call=True)
    def lock(code: str | None) -> tuple[Any, ...]:
        return (no_update, no_update) if code is None else (settle(code, True), None)

    register_finder(app, Id.LOCK_SEARCH)

    @app.callback(
        Output(Id.LOCK_FOUND, "data"),
        Input(Id.LOCK_SEARCH, "searchValue"),
        Input(Id.NETWORK, "data"),
    )
    def search(wanted: str | None, _network: str | None) -> object:
        if not services.boards.ready:
            return no_update
        network = services.boards.latest.network
        branches = partial(services.views.of(network).search, kind=AssetKind.BRANCH)
        return found(Id.LOCK_SEARCH, wanted, network.n_branch, branches)


def with_lock(requirements: Requirements, branch: int, adds: bool | None) -> Requirements:
    """The requirements with a branch locked; adds None: unlocked if it is locked now."""
    locked = requirements.locked
    if adds is None:
        adds = branch not in locked
    return replace(requirements, locked=locked | {branch} if adds else locked - {branch})
