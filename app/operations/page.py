"""Operating by hand in the drawer of an asset: look, confirm, undo; tags; limits."""

import math
from typing import Annotated, Any

import dash
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from pydantic import Field

from app.engine.board import NotReadyError, Snapshot
from app.engine.commands import OperationRefusedError, PlanRefusedError, UnknownIdError
from app.map.context import PageServices
from app.operations.view import generators_at, preview_card
from app.web.browser_view import Asset, View
from app.web.callbacks import Clicked, Clicks, Position, Sent, Typed
from app.web.ids import Id, Many
from app.web.reasons import operation_refusal_words, plan_refusal_words
from components.map.drawer import tap_range
from components.map.operations import preview_part
from grid.alarms.book import AssetKind
from grid.limits import LimitEdit, LimitedKind
from grid.network import Network
from grid.reliability.priorities import HIGHEST, LOWEST
from grid.taps import tap_of
from ml.optimisation.plans.by_hand import Operation, Setting, Switching, TapMove
from ml.optimisation.plans.tags import TaggedKind, TagKind

Kind = Annotated[TaggedKind, Field(strict=False)]
TagSort = Annotated[TagKind, Field(strict=False)]
HIDDEN, SHOWN, SHOWN_ROW = {"display": "none"}, {"display": "block"}, {"display": "flex"}
SHOWN_GRID = {"display": "grid"}
NAMELESS, NAME_NEEDED = "say who you are, it goes into the record.", "Your name is needed"
REFUSALS = (OperationRefusedError, PlanRefusedError, UnknownIdError, NotReadyError, ValueError)


class SwitchButton(Sent):
    """The id of a button that closes a branch's switch, or opens it."""

    branch: int
    close: int


class TagButton(Sent):
    """The id of a button that takes a tag off."""

    tag: int


class OperationAsked(Sent):
    """An operation to look at: what becomes of a branch, its tap changer or a generator."""

    kind: Kind
    target: int
    close: bool | None = None
    p_mw: float | None = None
    vm_pu: float | None = None
    tap_pos: float | None = None


class Previewed(OperationAsked):
    """The operation that is looked at. code: of its effect. network: on which."""

    code: str
    network: str


def panel() -> Component:
    """The part of the drawer that stays while ticks come; the buttons in it are a tick's."""
    return html.Section(
        [
            html.H3("Operate"),
            html.Div(id=Id.OPERATE_BUTTONS),
            _generator_form(),
            _tap_form(),
            html.Div(id=Id.PREVIEW, role="status"),
            html.Div(
                [
                    dmc.Button("Confirm", id=Id.PREVIEW_CONFIRM, size="compact-sm"),
                    dmc.Button("Cancel", id=Id.PREVIEW_CANCEL, size="compact-sm", variant="default"),
                ],
                id=Id.PREVIEW_ANSWER,
                className="operate-buttons",
                style=HIDDEN,
            ),
            dmc.TextInput(
                id=Id.OPERATE_PERSON,
                label="Who operates or tags",
                placeholder="Your name",
                size="xs",
                persistence=True,
                persistence_type="local",
            ),
            html.Div(id=Id.OPERATE_RESULT, role="status", className="result"),
            _tag_form(),
            _limit_form(),
            _priority_form(),
            dcc.Store(id=Id.OPERATE_REQUEST),
            dcc.Store(id=Id.UNDO_REQUEST),
            dcc.Store(id=Id.UNTAG_REQUEST),
            dcc.Store(id=Id.PREVIEWED),
            dcc.Store(id=Id.OPERATE_ASSET),
        ],
        className="asset-section operate",
    )


def _generator_form() -> Component:
    return html.Div(
        [
            dmc.Select(id=Id.GENERATOR, label="Generator", data=[], size="xs", allowDeselect=False),
            html.Div(
                [
                    dmc.NumberInput(id=Id.GENERATOR_P, label="Power, MW", size="xs", decimalScale=3),
                    dmc.NumberInput(id=Id.GENERATOR_V, label="Voltage, p.u.", size="xs", step=0.005, decimalScale=4),
                    dmc.Button("Preview …", id=Id.GENERATOR_LOOK, size="compact-sm", variant="default"),
                ],
                className="operate-set",
            ),
        ],
        id=Id.GENERATOR_FORM,
        style=HIDDEN,
    )


def _tap_form() -> Component:
    position = dmc.NumberInput(id=Id.TAP_POSITION, label="Tap position", size="xs", step=1, clampBehavior="none")
    return html.Div(
        [position, dmc.Button("Preview …", id=Id.TAP_LOOK, size="compact-sm", variant="default")],
        id=Id.TAP_MOVE_FORM,
        className="operate-set operate-tap",
        style=HIDDEN,
    )


def _tag_form() -> Component:
    kinds = [
        {"value": TagKind.DO_NOT_OPERATE.value, "label": "Do not operate"},
        {"value": TagKind.NOTE.value, "label": "Note"},
    ]
    return html.Details(
        [
            html.Summary("Hang a tag"),
            dmc.SegmentedControl(
                id=Id.TAG_KIND,
                data=kinds,
                value=TagKind.DO_NOT_OPERATE.value,
                size="xs",
                **{"aria-label": "What the tag says"},
            ),
            dmc.TextInput(id=Id.TAG_REASON, label="Reason", placeholder="Why", size="xs"),
            dmc.Button("Hang the tag", id=Id.TAG_HANG, size="compact-sm", variant="default"),
        ],
        id=Id.TAG_FORM,
        style=HIDDEN,
        className="tag-form",
    )


def _limit_form() -> Component:
    def field(name: Id, label: str, step: float) -> Component:
        return dmc.NumberInput(id=name, label=label, size="xs", step=step, decimalScale=4)

    band = [field(Id.LIMIT_LOW, "Lowest, p.u.", 0.01), field(Id.LIMIT_HIGH, "Highest, p.u.", 0.01)]
    return html.Details(
        [
            html.Summary("Edit limits"),
            html.Div(band, id=Id.LIMIT_BAND, className="operate-set", style=HIDDEN),
            html.Div(field(Id.LIMIT_RATING, "Rating, kA", 0.01), id=Id.LIMIT_RATED, style=HIDDEN),
            dmc.Button("Set the limits", id=Id.LIMIT_SET, size="compact-sm", variant="default"),
        ],
        className="tag-form",
    )


def _priority_form() -> Component:
    words = "1 is ordinary; twice as much counts twice when not all can be supplied"
    return html.Details(
        [
            html.Summary("Set the priority of supply"),
            dmc.NumberInput(
                id=Id.PRIORITY, label="Priority", description=words, size="xs", min=LOWEST, max=HIGHEST, decimalScale=2
            ),
            dmc.Button("Set the priority", id=Id.PRIORITY_SET, size="compact-sm", variant="default"),
        ],
        id=Id.PRIORITY_FORM,
        style=HIDDEN,
        className="tag-form",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """From buttons to previews, orders and tags."""
    _register_browser(app)
    _register_choice(app, services)
    _register_looks(app, services)
    _register_taps(app, services)
    _register_answers(app, services)
    _register_tags(app, services)
    _register_limits(app, services)
    _register_priorities(app, services)


def _register_browser(app: dash.Dash) -> None:
    clicks = (
        (Id.OPERATE_REQUEST, {"type": Many.OPERATE, "branch": ALL, "close": ALL}),
        (Id.UNDO_REQUEST, {"type": Many.OPERATE_UNDO, "place": ALL}),
        (Id.UNTAG_REQUEST, {"type": Many.UNTAG, "tag": ALL}),
    )
    for store, button in clicks:
        app.clientside_callback(
            ClientsideFunction("smartgrid", "clicked"),
            Output(store, "data"),
            Input(button, "n_clicks"),
            prevent_initial_call=True,
        )


def _register_choice(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.GENERATOR_FORM, "style"),
        Output(Id.TAG_FORM, "style"),
        Output(Id.GENERATOR, "data"),
        Output(Id.GENERATOR, "value"),
        Output(Id.PREVIEW, "children"),
        Output(Id.PREVIEW_ANSWER, "style"),
        Output(Id.OPERATE_RESULT, "children"),
        Output(Id.OPERATE_ASSET, "data"),
        Input(Id.VIEW, "data"),
        State(Id.OPERATE_ASSET, "data"),
        prevent_initial_call=True,
    )
    def choose(view_data: object, shown: str | None) -> tuple[Any, ...]:
        """Another asset has another form, and nothing previewed."""
        snapshot, asset = _shown_asset(services, view_data)
        network = snapshot.case.network
        key = services.views.of(network).key
        code = None if asset is None else f"{key}/{asset.code}"
        if asset is None or code == shown:
            return (*[no_update] * 7, code if asset is None else no_update)
        generators = generators_at(network, asset)
        options = [{"value": str(g), "label": network.generator.name[g]} for g in generators]
        first = options[0]["value"] if options else None
        tags = SHOWN if options or asset.kind is AssetKind.BRANCH else HIDDEN
        return SHOWN if options else HIDDEN, tags, options, first, None, HIDDEN, "", code

    @app.callback(
        Output(Id.GENERATOR_P, "value"),
        Output(Id.GENERATOR_P, "disabled"),
        Output(Id.GENERATOR_V, "value"),
        Output(Id.GENERATOR_V, "disabled"),
        Input(Id.GENERATOR, "value"),
        prevent_initial_call=True,
    )
    def fill(chosen: Position | None) -> tuple[Any, ...]:
        """A chosen generator's present power and voltage; empty where it can't be set."""
        snapshot = services.boards.latest.snapshot
        generator = snapshot.case.network.generator
        if not chosen or int(chosen) >= len(generator):
            return "", True, "", True
        g = int(chosen)
        p_mw = round(float(snapshot.solved.injection.generator_p_mw[g]), 3)
        vm_pu = round(float(snapshot.solved.injection.generator_vm_pu[g]), 4)
        no_power, no_voltage = bool(generator.is_source[g]), not generator.holds_voltage[g]
        return "" if no_power else p_mw, no_power, "" if no_voltage else vm_pu, no_voltage


def _register_looks(app: dash.Dash, services: PageServices) -> None:
    """Three ways to a preview. Each has its callback: Dash names one trigger only of several that come at once."""
    outputs = (
        Output(Id.PREVIEW, "children", allow_duplicate=True),
        Output(Id.PREVIEW_ANSWER, "style", allow_duplicate=True),
        Output(Id.PREVIEW_CONFIRM, "disabled", allow_duplicate=True),
        Output(Id.PREVIEWED, "data", allow_duplicate=True),
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
    )

    def look(asked: OperationAsked) -> tuple[Any, ...]:
        try:
            seen = services.engine.preview(_operation(asked))
        except REFUSALS as error:
            return None, HIDDEN, True, None, _words(error)
        key = services.views.of(seen.snapshot.case.network).key
        shown = asked.model_dump(mode="json") | {"code": seen.effect.code, "network": key}
        return preview_part(preview_card(seen)), SHOWN_ROW, seen.refusal is not None, shown, ""

    @app.callback(*outputs, Input(Id.OPERATE_REQUEST, "data"), prevent_initial_call=True)
    def look_at_switch(clicked: Clicked[SwitchButton]) -> tuple[Any, ...]:
        return look(OperationAsked(kind=TaggedKind.BRANCH, target=clicked.id.branch, close=bool(clicked.id.close)))

    @app.callback(
        *outputs,
        Input(Id.GENERATOR_LOOK, "n_clicks"),
        State(Id.GENERATOR, "value"),
        State(Id.GENERATOR_P, "value"),
        State(Id.GENERATOR_V, "value"),
        prevent_initial_call=True,
    )
    def look_at_generator(_clicks: Clicks, chosen: Position | None, p_mw: Typed, vm_pu: Typed) -> tuple[Any, ...]:
        snapshot = services.boards.latest.snapshot
        if not chosen or int(chosen) >= len(snapshot.case.network.generator):
            return None, HIDDEN, True, None, "Choose a generator first."
        g, injection = int(chosen), snapshot.solved.injection
        return look(
            OperationAsked(
                kind=TaggedKind.GENERATOR,
                target=g,
                p_mw=_changed(p_mw, injection.generator_p_mw[g], 3),
                vm_pu=_changed(vm_pu, injection.generator_vm_pu[g], 4),
            )
        )

    @app.callback(
        *outputs,
        Input(Id.TAP_LOOK, "n_clicks"),
        State(Id.VIEW, "data"),
        State(Id.TAP_POSITION, "value"),
        prevent_initial_call=True,
    )
    def look_at_tap(_clicks: Clicks, view_data: object, position: Typed) -> tuple[Any, ...]:
        _, asset = _shown_asset(services, view_data)
        if asset is None or asset.kind is not AssetKind.BRANCH:
            return (no_update,) * 5
        if not isinstance(position, int | float):
            return None, HIDDEN, True, None, "Say at which position the tap is to be."
        return look(OperationAsked(kind=TaggedKind.BRANCH, target=asset.index, tap_pos=position))


def _register_taps(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.TAP_MOVE_FORM, "style"),
        Output(Id.TAP_POSITION, "value"),
        Output(Id.TAP_POSITION, "label"),
        Input(Id.OPERATE_ASSET, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def fill(_asset: str | None, view_data: object) -> tuple[Any, ...]:
        """The present tap position of another transformer; what has none that can be moved has no form."""
        snapshot, asset = _shown_asset(services, view_data)
        tap = None
        if asset is not None and asset.kind is AssetKind.BRANCH:
            tap = tap_of(snapshot.case.network, asset.index)
        if tap is None:
            return HIDDEN, "", no_update
        return SHOWN_GRID, tap.position, f"Tap position, {tap_range(tap.lowest, tap.neutral, tap.highest)}"


def _changed(value: Typed, now: float, digits: int) -> float | None:
    """A number that a person has typed, None where it is what is so already."""
    if not isinstance(value, int | float) or round(float(value), digits) == round(float(now), digits):
        return None
    return float(value)


def _operation(asked: OperationAsked) -> Operation:
    """The operation of a preview. ValueError where it doesn't say what to do with a branch."""
    if asked.kind is TaggedKind.GENERATOR:
        return Setting(generator=asked.target, p_mw=asked.p_mw, vm_pu=asked.vm_pu)
    if asked.tap_pos is not None:
        return TapMove(branch=asked.target, position=asked.tap_pos)
    if asked.close is None:
        raise ValueError("close: true or false is needed")
    return Switching(branch=asked.target, close=asked.close)


def _register_answers(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.PREVIEW, "children", allow_duplicate=True),
        Output(Id.PREVIEW_ANSWER, "style", allow_duplicate=True),
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Output(Id.OPERATE_PERSON, "error"),
        Input(Id.PREVIEW_CONFIRM, "n_clicks"),
        State(Id.PREVIEWED, "data"),
        State(Id.OPERATE_PERSON, "value"),
        prevent_initial_call=True,
    )
    def confirm(_clicks: Clicks, previewed: Previewed | None, person: str | None) -> tuple[Any, ...]:
        if previewed is None:
            return None, HIDDEN, "", None
        if not (person or "").strip():
            return (
                no_update,
                no_update,
                "Not operated: say who you are, it goes into the record.",
                "Your name is needed",
            )
        if previewed.network != services.views.of(services.boards.latest.network).key:
            return None, HIDDEN, "Not operated: another grid is watched by now.", None
        try:
            services.engine.operate(_operation(previewed), person or "", previewed.code)
        except REFUSALS as error:
            return no_update, no_update, _words(error), None
        return None, HIDDEN, "", None

    @app.callback(
        Output(Id.PREVIEW, "children", allow_duplicate=True),
        Output(Id.PREVIEW_ANSWER, "style", allow_duplicate=True),
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Input(Id.PREVIEW_CANCEL, "n_clicks"),
        prevent_initial_call=True,
    )
    def cancel(_clicks: Clicks) -> tuple[Any, ...]:
        return None, HIDDEN, ""

    @app.callback(
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Input(Id.UNDO_REQUEST, "data"),
        prevent_initial_call=True,
    )
    def undo(_clicked: Clicked[Sent]) -> str:
        try:
            services.engine.undo(1)
        except REFUSALS as error:
            return _words(error)
        return ""


def _register_tags(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Output(Id.TAG_REASON, "value"),
        Output(Id.TAG_REASON, "error"),
        Output(Id.OPERATE_PERSON, "error", allow_duplicate=True),
        Input(Id.TAG_HANG, "n_clicks"),
        State(Id.VIEW, "data"),
        State(Id.GENERATOR, "value"),
        State(Id.TAG_KIND, "value"),
        State(Id.TAG_REASON, "value"),
        State(Id.OPERATE_PERSON, "value"),
        prevent_initial_call=True,
    )
    def hang(
        _clicks: Clicks,
        view_data: object,
        chosen: Position | None,
        kind: TagSort,
        reason: str | None,
        person: str | None,
    ) -> tuple[Any, ...]:
        snapshot, asset = _shown_asset(services, view_data)
        target = None if asset is None else _target(snapshot.case.network, asset, chosen)
        if target is None:
            return "Not tagged: there is nothing here to operate.", no_update, None, None
        missing = not (reason or "").strip(), not (person or "").strip()
        if any(missing):
            errors = "A reason is needed" if missing[0] else None, NAME_NEEDED if missing[1] else None
            return "Not tagged: a tag has a reason and a name.", no_update, *errors
        try:
            services.engine.tag(kind, *target, reason or "", person or "")
        except REFUSALS as error:
            return _words(error), no_update, None, None
        return "", "", None, None

    @app.callback(
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Output(Id.OPERATE_PERSON, "error", allow_duplicate=True),
        Input(Id.UNTAG_REQUEST, "data"),
        State(Id.OPERATE_PERSON, "value"),
        prevent_initial_call=True,
    )
    def untag(clicked: Clicked[TagButton], person: str | None) -> tuple[Any, ...]:
        if not (person or "").strip():
            return f"Not taken off: {NAMELESS}", NAME_NEEDED
        try:
            services.engine.remove_tag(clicked.id.tag, person or "")
        except REFUSALS as error:
            return _words(error), None
        return "", None


def _register_limits(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.LIMIT_BAND, "style"),
        Output(Id.LIMIT_RATED, "style"),
        Output(Id.LIMIT_LOW, "value"),
        Output(Id.LIMIT_HIGH, "value"),
        Output(Id.LIMIT_RATING, "value"),
        Input(Id.OPERATE_ASSET, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def fill(_asset: str | None, view_data: object) -> tuple[Any, ...]:
        """The present limits of another asset."""
        snapshot, asset = _shown_asset(services, view_data)
        if asset is None:
            return (no_update,) * 5
        network = snapshot.case.network
        if asset.kind is AssetKind.BUS:
            low, high = (float(values[asset.index]) for values in (network.bus.min_vm_pu, network.bus.max_vm_pu))
            return SHOWN_GRID, HIDDEN, _shown(low), _shown(high), ""
        return HIDDEN, SHOWN, "", "", _shown(float(network.branch.rating_from_ka[asset.index]))

    @app.callback(
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Output(Id.OPERATE_PERSON, "error", allow_duplicate=True),
        Input(Id.LIMIT_SET, "n_clicks"),
        State(Id.VIEW, "data"),
        State(Id.LIMIT_LOW, "value"),
        State(Id.LIMIT_HIGH, "value"),
        State(Id.LIMIT_RATING, "value"),
        State(Id.OPERATE_PERSON, "value"),
        prevent_initial_call=True,
    )
    def settle(
        _clicks: Clicks, view_data: object, low: Typed, high: Typed, rating: Typed, person: str | None
    ) -> tuple[Any, ...]:
        snapshot, asset = _shown_asset(services, view_data)
        if asset is None:
            return no_update, no_update
        if not (person or "").strip():
            return f"Not set: {NAMELESS}", NAME_NEEDED
        is_bus = asset.kind is AssetKind.BUS
        edit = LimitEdit(
            on=LimitedKind.BUS if is_bus else LimitedKind.BRANCH,
            target=asset.index,
            min_vm_pu=_number(low) if is_bus else math.nan,
            max_vm_pu=_number(high) if is_bus else math.nan,
            rating_ka=math.nan if is_bus else _number(rating),
            person=person or "",
            edited_at=snapshot.simulated_at,
        )
        try:
            services.engine.edit_limits(edit)
        except REFUSALS as error:
            return f"Not set: {_words(error)}", None
        return "", None


def _register_priorities(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.PRIORITY_FORM, "style"),
        Output(Id.PRIORITY, "value"),
        Input(Id.OPERATE_ASSET, "data"),
        State(Id.VIEW, "data"),
        prevent_initial_call=True,
    )
    def fill(_asset: str | None, view_data: object) -> tuple[Any, ...]:
        """The present priority of another bus; a branch has none."""
        snapshot, asset = _shown_asset(services, view_data)
        if asset is None or asset.kind is not AssetKind.BUS:
            return HIDDEN, ""
        case = snapshot.case
        now = case.priorities.at_bus(case.network, asset.index)
        return SHOWN if math.isfinite(now) else HIDDEN, _shown(now)

    @app.callback(
        Output(Id.OPERATE_RESULT, "children", allow_duplicate=True),
        Output(Id.OPERATE_PERSON, "error", allow_duplicate=True),
        Input(Id.PRIORITY_SET, "n_clicks"),
        State(Id.VIEW, "data"),
        State(Id.PRIORITY, "value"),
        State(Id.OPERATE_PERSON, "value"),
        prevent_initial_call=True,
    )
    def prioritise(_clicks: Clicks, view_data: object, priority: Typed, person: str | None) -> tuple[Any, ...]:
        _, asset = _shown_asset(services, view_data)
        if asset is None or asset.kind is not AssetKind.BUS:
            return no_update, no_update
        if not (person or "").strip():
            return f"Not set: {NAMELESS}", NAME_NEEDED
        try:
            services.engine.prioritise(asset.index, _number(priority), person or "")
        except REFUSALS as error:
            return f"Not set: {_words(error)}", None
        return "", None


def _shown_asset(services: PageServices, view_data: object) -> tuple[Snapshot, Asset | None]:
    """The latest snapshot, and the asset of its grid whose drawer is open; None where none is."""
    snapshot = services.boards.latest.snapshot
    network = snapshot.case.network
    return snapshot, View.parse(view_data, network, services.views.of(network).key).asset


def _shown(value: float) -> float | str:
    """A limit in its field, empty where there is none."""
    return round(value, 4) if math.isfinite(value) else ""


def _number(value: Typed) -> float:
    """A number that a person has typed, NaN without one."""
    return float(value) if isinstance(value, int | float) else math.nan


def _target(network: Network, asset: Asset, chosen: str | None) -> tuple[TaggedKind, int] | None:
    """What a tag is hung on: the branch, or the chosen generator of the bus."""
    if asset.kind is AssetKind.BRANCH:
        return TaggedKind.BRANCH, asset.index
    generators = generators_at(network, asset)
    return (TaggedKind.GENERATOR, int(chosen)) if chosen and int(chosen) in generators else None


def _words(error: Exception) -> str:
    """What is said of a refusal."""
    if isinstance(error, OperationRefusedError):
        return operation_refusal_words(error.refusal)
    if isinstance(error, PlanRefusedError):
        return plan_refusal_words(error.refusal)
    return str(error.args[0]) if error.args else str(error)
