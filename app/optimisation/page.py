"""The optimisation page: the answer with its buttons, both maps, what is asked, steps, and how the optimiser does."""

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from app.engine.commands import PlanRefusedError
from app.map.context import PageServices
from app.map.page import Page
from app.optimisation import page_form as planform
from app.optimisation import page_maps as planmaps
from app.optimisation import page_reasons as planreasons
from app.optimisation.tick import Figures, ahead_line, answer_parts, figure_key, figures_of, optimisation_tick
from app.optimisation.view import beyond_plans, status_of
from app.web.callbacks import Look
from app.web.ids import Id
from app.web.reasons import plan_refusal_words
from components.common.theme import Scheme
from components.common.trends import CONFIG
from components.optimisation.figures import course_figure, front_figure, learning_figure, methods_figure

SCRIPT = "smartgridPlan"
APPLY, UNDO = (Id.APPLY_ONE, Id.APPLY_ALL), (Id.UNDO_ONE, Id.UNDO_ALL)
COURSE_TITLE = "Supply while the plan is carried out"
CHANGED = "Not applied: this plan is no longer up to date. Look at the new one, then apply."
PARTS = {  # of the answer, and where each is shown
    "head": Id.PLAN_HEAD,
    "steps": Id.PLAN_STEPS,
    "compare": Id.PLAN_COMPARE,
    "rooms": Id.PLAN_ROOMS,
    "limited": Id.PLAN_LIMITED,
    "methods": Id.PLAN_METHODS,
    "promised": Id.PLAN_PROMISED,
    "title": Id.PROPOSED_TITLE,
    "back": Id.PLAN_BACK,
}
CODES = {"code": Id.PLAN_CODE, "back_code": Id.BACK_CODE}  # of the plan, and of the way back to normal


def layout(services: PageServices) -> Component:
    """The page as it is now; ticks change what is new."""
    parts, status, held, orders = {}, "", "", True
    if services.boards.ready:
        board = services.boards.latest
        orders = board.snapshot.control.offers.orders
        report = services.planner.report_on(board)
        parts, status, held = (
            answer_parts(report, board.snapshot),
            status_of(report, board.network),
            ahead_line(services.ahead_worker.report_on(board), report, board),
        )
    return html.Div(
        [
            html.Div(
                [_answer(parts, status, held, orders), planmaps.layout(services), planform.layout(services)],
                className="plan-top",
            ),
            html.Div(
                [
                    html.Div(
                        [
                            _card("Steps", Id.PLAN_STEPS, parts.get("steps")),
                            _card("With fewer switches", Id.PLAN_LIMITED, parts.get("limited")),
                        ],
                        className="plan-stack",
                    ),
                    _card("Present and proposed", Id.PLAN_COMPARE, parts.get("compare")),
                    _card("Limits", Id.PLAN_ROOMS, parts.get("rooms")),
                ],
                className="plan-cards",
            ),
            html.Div(
                [
                    planreasons.layout(),
                    _card("Promised and measured", Id.PLAN_PROMISED, parts.get("promised")),
                ],
                className="plan-reasons",
            ),
            html.Div(id=Id.FIGURES, className="plan-figures"),
            _card("Methods in numbers", Id.PLAN_METHODS, parts.get("methods")),
            *(dcc.Store(id=store, data=parts.get(name)) for name, store in CODES.items()),
            dcc.Store(id=Id.PLAN_SEEN),
        ],
        className="plan-page",
    )


def _answer(parts: dict[str, object], status: str, held: str, orders: bool) -> Component:
    """orders: whether the source takes any; the buttons aren't to be seen where it doesn't, ticks still need them."""
    words = ("Apply next step", "Apply all", "Undo last", "Undo all", "Return to normal")
    disabled = parts.get("disabled", [True] * 5)
    shown = {} if orders else {"display": "none"}
    *buttons, back = [
        dmc.Button(text, id=name, size="compact-sm", disabled=off, variant="filled" if name in APPLY else "default")
        for name, text, off in zip((*APPLY, *UNDO, Id.RETURN), words, disabled, strict=True)  # type: ignore[call-overload]
    ]
    return dmc.Paper(
        [
            html.Div(parts.get("head"), id=Id.PLAN_HEAD),
            html.P(held, id=Id.PLAN_HELD, className="plan-note"),
            html.Div(status, id=Id.PLAN_STATUS, className="plan-status"),
            html.Div(
                buttons,
                className="plan-buttons",
                role="group",
                style=shown,
                **{"aria-label": "Apply and undo"},
            ),
            html.Div(
                [html.P(parts.get("back"), id=Id.PLAN_BACK, className="plan-note"), html.Div(back, style=shown)],
                className="plan-back",
            ),
            html.Div(id=Id.PLAN_RESULT, role="status", className="result"),
        ],
        className="card plan-answer",
    )


def _card(title: str, name: Id, content: object) -> Component:
    label = {"aria-label": title}
    scrolled = html.Div(content, id=name, className="plan-scroll", tabIndex=0, role="region", **label)
    return dmc.Paper([html.H2(title), scrolled], className="card")


def register(app: dash.Dash, services: PageServices) -> None:
    """What a tick changes, the figures of a look, and the buttons."""
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "answer"),
        *(Output(name, "children") for name in PARTS.values()),
        *(Output(store, "data") for store in CODES.values()),
        *(Output(name, "disabled") for name in (*APPLY, *UNDO, Id.RETURN)),
        Output(Id.PLAN_SEEN, "data"),
        Output(Id.PLAN_STATUS, "children"),
        Output(Id.PLAN_HELD, "children"),
        Input(Id.TICK, "data"),
        State(Id.PLAN_HEAD, "id"),
    )
    _register_figures(app, services)
    _register_buttons(app, services)


def _register_figures(app: dash.Dash, services: PageServices) -> None:
    graphs = (Id.COURSE_GRAPH, Id.METHODS_GRAPH, Id.FRONT_GRAPH, Id.LEARNING_GRAPH)
    app.clientside_callback(
        ClientsideFunction(SCRIPT, "figures"),
        *(Output(name, "figure") for name in graphs),
        Output(Id.FIGURES_SEEN, "data"),
        Input(Id.NEWS, "data"),
        *(State(name, "figure") for name in graphs),
        prevent_initial_call=True,
    )

    @app.callback(Output(Id.FIGURES, "children"), Input(Id.NETWORK, "data"), Input(Id.SCHEME, "data"))
    def draw_figures(_network: str | None, scheme: Look | None) -> object:
        if scheme is None or not services.boards.ready:
            return no_update
        board = services.boards.latest
        snapshot, report = board.snapshot, services.planner.report_on(board)
        if beyond := beyond_plans(report, snapshot.case.network):
            return dmc.Paper(
                [html.H2("Methods and learning"), html.P(beyond, className="quiet-line")], className="card"
            )
        key = figure_key(report, snapshot, services.views.of(snapshot.case.network))
        return [*_figures(figures_of(report, snapshot), scheme), dcc.Store(id=Id.FIGURES_SEEN, data=key)]


def _figures(figures: Figures, scheme: Scheme) -> list[Component]:
    drawn = (
        (COURSE_TITLE, Id.COURSE_GRAPH, course_figure(figures.course, scheme)),
        ("Methods: result against time", Id.METHODS_GRAPH, methods_figure(figures.methods, scheme)),
        ("Losses against risk", Id.FRONT_GRAPH, front_figure(figures.front, scheme)),
        ("Learning", Id.LEARNING_GRAPH, learning_figure(figures.learning, scheme)),
    )
    return [
        dmc.Paper(
            [html.H2(title), dcc.Graph(id=name, figure=figure, config=CONFIG, className="plan-graph")], className="card"
        )
        for title, name, figure in drawn
    ]


def _register_buttons(app: dash.Dash, services: PageServices) -> None:
    @app.callback(
        Output(Id.PLAN_RESULT, "children"),
        *(Input(name, "n_clicks") for name in (*APPLY, *UNDO, Id.RETURN)),
        *(State(store, "data") for store in CODES.values()),
        prevent_initial_call=True,
    )
    def operate(*arguments: int | str | None) -> str:
        button, count = ctx.triggered_id, 1 if ctx.triggered_id in (Id.APPLY_ONE, Id.UNDO_ONE) else None
        code, back_code = arguments[-len(CODES) :]
        plan = services.planner.plan_seen(str(back_code if button == Id.RETURN else code))
        try:
            if button in UNDO:
                services.engine.undo(count)
            elif plan is None:
                return CHANGED
            else:
                services.engine.apply(plan, count)
        except PlanRefusedError as error:
            return plan_refusal_words(error.refusal)
        return ""


OPTIMISATION = Page(
    name="optimisation",
    path="/optimisation",
    title="Optimisation",
    layout=layout,
    registers=(register, planmaps.register, planform.register, planreasons.register),
    tick=optimisation_tick,
    seen={"answer": Id.PLAN_SEEN, "form": Id.FORM_SEEN, "figures": Id.FIGURES_SEEN},
    has_map=True,
)
