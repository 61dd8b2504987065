"""Why this plan: what each pair brings, what the best plan with another tie would cost, and what limits cost.

All of it is found when somebody looks, so that no plan waits for it.
"""

from collections.abc import Callable

import dash
import dash_mantine_components as dmc
from dash import Input, Output, State, html, no_update
from dash.development.base_component import Component

from app.engine.board import Board, NotReadyError
from app.map.context import PageServices
from app.optimisation.explainer import ProposalBase
from app.optimisation.view import branch_names, explicable
from app.web.callbacks import Clicks, Position
from app.web.ids import Id
from components.common import text
from components.optimisation.explanation import price_table, share_table, why_not_words
from ml.optimisation.plans.alternatives import reached


def layout() -> Component:
    """The card, empty until the page is there."""
    tie = dmc.Select(
        id=Id.WHY_NOT_TIE,
        data=[],
        placeholder="Choose a tie",
        searchable=True,
        clearable=True,
        size="xs",
        nothingFoundMessage="No open branch has that name",
        **{"aria-label": "Why not this tie"},
    )
    ask = dmc.Button("Find what binds", id=Id.WHY_BINDS_ASK, size="compact-sm", variant="default")
    return dmc.Paper(
        [
            html.H2("Why this plan"),
            html.Div(id=Id.WHY_SHARES),
            html.H3("Why not ..."),
            html.Div([tie], className="plan-why-ask"),
            html.Div(id=Id.WHY_NOT, role="status"),
            html.H3("What binds"),
            html.Div([ask], className="plan-why-ask"),
            html.Div(id=Id.WHY_BINDS, role="status"),
        ],
        className="card plan-why",
    )


def register(app: dash.Dash, services: PageServices) -> None:
    """Shares and ties follow the plan; the other two are asked for."""

    @app.callback(
        Output(Id.WHY_SHARES, "children"),
        Output(Id.WHY_NOT_TIE, "data"),
        Input(Id.PLAN_CODE, "data"),
        Input(Id.NETWORK, "data"),
        State(Id.WHY_NOT_TIE, "data"),
    )
    def shares(_code: str | None, _network: str | None, offered: object) -> tuple[object, object]:
        if not services.boards.ready:
            return "", []
        board = services.boards.latest
        ties = _ties(services, board)
        told = _told(services, board, lambda base: _shares(services, base))
        return told, no_update if ties == offered else ties  # new ones would close the list under a hand

    @app.callback(
        Output(Id.WHY_NOT, "children"),
        Input(Id.WHY_NOT_TIE, "value"),
        Input(Id.PLAN_CODE, "data"),
        prevent_initial_call=True,
    )
    def why_not(tie: Position | None, _code: str | None) -> object:
        if not tie or not services.boards.ready:
            return ""
        board = services.boards.latest
        if int(tie) >= board.network.n_branch:
            return ""
        return _told(services, board, lambda base: _why_not(services, base, int(tie)))

    @app.callback(
        Output(Id.WHY_BINDS, "children"),
        Input(Id.WHY_BINDS_ASK, "n_clicks"),
        running=[(Output(Id.WHY_BINDS_ASK, "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def binds(clicks: Clicks) -> object:
        if not clicks or not services.boards.ready:
            return no_update
        return _told(services, services.boards.latest, lambda base: _binds(services, base))


def _told(services: PageServices, board: Board, tell: Callable[[ProposalBase], list[Component]]) -> object:
    """What is told of the proposal on a board, with the time that it is of, or why nothing can be."""
    report = services.planner.report_on(board)
    base, words = explicable(report, board.snapshot)
    if base is None:
        return html.P(f"{words[:1].upper()}{words[1:]}.", className="quiet-line")
    try:
        told = tell(base)
    except NotReadyError as error:
        return html.P(str(error), className="quiet-line")
    if report.simulated_at is not None:
        told.append(html.P(f"For the state of {text.clock(report.simulated_at)}.", className="quiet-line"))
    return told


def _shares(services: PageServices, base: ProposalBase) -> list[Component]:
    plan = base.proposal.plan
    if plan is None:
        return [html.P("There is no better plan to explain.", className="quiet-line")]
    return share_table(services.planner.explainer.shares(base, plan), branch_names(base.network))


def _why_not(services: PageServices, base: ProposalBase, tie: int) -> list[Component]:
    found = services.planner.explainer.why_not(base, tie)
    return [html.P(why_not_words(base.network, found), className="why-words")]


def _binds(services: PageServices, base: ProposalBase) -> list[Component]:
    return price_table(services.planner.explainer.prices(base, _go_on))


def _go_on() -> None:
    """Nobody ends what a page has asked for."""


def _ties(services: PageServices, board: Board) -> list[dict[str, str]]:
    """The branches that the plan leaves open, to choose from."""
    base, _ = explicable(services.planner.report_on(board), board.snapshot)
    if base is None:
        return []
    names, closed = branch_names(base.network), reached(base.proposal).closed
    return [{"value": str(branch), "label": names[branch]} for branch in range(len(names)) if not closed[branch]]
