"""Why a plan is what it is, for people: shares by pair, the price of limits, why not, promised and measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from components.common import text
from components.optimisation.plan import sentence
from components.optimisation.tables import table
from grid.network import Network
from ml.optimisation.plans.plan import Constraint, Margin
from ml.optimisation.plans.reasons import Explanation, Gain, Price, ShareMethod, TieUse, TieUseKind

NOTHING_KW = 0.005  # changes that are worth no word
NOTHING_SHARE = 0.5e-4
LIMIT_NAMES = {
    Constraint.LOW_VOLTAGE: "Lowest voltage",
    Constraint.HIGH_VOLTAGE: "Highest voltage",
    Constraint.LOADING: "Loading",
    Constraint.GENERATION: "Generation",
    Constraint.LOCKED: "Locked switch",
    Constraint.ACTIONS: "Pairs of switches",
    Constraint.N_MINUS_1: "Limits after any outage (N-1)",
}
STEPS = {
    Constraint.LOCKED: "lock taken away",
    Constraint.ACTIONS: "one pair more",
    Constraint.N_MINUS_1: "not asked for",
}


@dataclass(frozen=True)
class ComparedPromise:
    """A quantity as it was promised and as it was measured; NaN where it isn't known."""

    label: str
    unit: str
    promised: float
    measured: float
    digits: int


def gain_words(gain: Gain) -> str:
    """What one state is better and worse by than another, in the order in which that counts."""
    parts = []
    if abs(gain.supply_kw) > NOTHING_KW:
        parts.append(f"{text.small(abs(gain.supply_kw), 'kW')} {'more' if gain.supply_kw > 0 else 'less'} supply")
    if abs(gain.violation) > NOTHING_SHARE:
        share = text.number(100 * abs(gain.violation), 2, "%")
        parts.append(f"limits exceeded by {share} {'less' if gain.violation > 0 else 'more'}")
    if abs(gain.loss_kw) > NOTHING_KW:
        parts.append(f"{text.small(abs(gain.loss_kw), 'kW')} {'less' if gain.loss_kw > 0 else 'more'} losses")
    if abs(gain.expected_interrupted_kw) > NOTHING_KW:
        kw = text.small(abs(gain.expected_interrupted_kw), "kW/yr")
        parts.append(f"{kw} {'less' if gain.expected_interrupted_kw > 0 else 'more'} expected interruption")
    return ", ".join(parts) or "no difference"


def why_not_words(network: Network, found: TieUse) -> str:
    """Why a plan doesn't use a branch, as a sentence."""
    name = network.branch.name[found.branch]
    match found.kind:
        case TieUseKind.IN_USE:
            return f"The plan uses {name}."
        case TieUseKind.OUT_OF_SERVICE:
            return f"{name} is out of service."
        case TieUseKind.LOCKED:
            return f"{name} is locked open."
        case TieUseKind.LOOP:
            return f"{name} would close a loop of branches that stay closed."
        case TieUseKind.NOT_WITHIN_LIMITS:
            return f"No plan that uses {name} keeps all limits: {_broken_words(found.binding)}."
        case TieUseKind.NO_ORDER:
            return f"No safe order of switching leads to a plan that uses {name}, or it would supply nobody."
        case TieUseKind.POSSIBLE:
            words = "" if found.gain is None else gain_words(found.gain)
            return f"The best plan that uses {name}, against this one: {words}."


def _broken_words(binding: Margin | None) -> str:
    if binding is None:
        return "something else than a limit stands against it"
    if math.isnan(binding.value):
        return f"the limit of {binding.constraint} would be broken"
    where = f" at {binding.element}" if binding.element else ""
    return f"there would be {binding.value:.4g} {binding.unit}{where}, {binding.limit:.4g} {binding.unit} is asked"


def share_table(found: Explanation, names: Sequence[str]) -> list[Component]:
    """By pair what it brings, and the sum. names: of branches."""
    if not found.pairs:
        return [html.P("This plan switches nothing: there are no pairs.", className="quiet-line")]
    gains = [pair.share for pair in found.pairs] + [found.whole]
    columns = [
        (title, cells)
        for title, cells in (
            ("Supply", [_signed(gain.supply_kw, "kW", NOTHING_KW) for gain in gains]),
            ("Limits exceeded", [_signed(-100 * gain.violation, "%", 100 * NOTHING_SHARE) for gain in gains]),
            ("Losses", [_signed(-gain.loss_kw, "kW", NOTHING_KW) for gain in gains]),
            ("Interruption", [_signed(-gain.expected_interrupted_kw, "kW/yr", NOTHING_KW) for gain in gains]),
        )
        if title == "Losses" or any(cell != "–" for cell in cells)
    ]
    words = [sentence([(action.close, names[action.branch]) for action in pair.actions]) for pair in found.pairs]
    rows = [[what, *(cells[place] for _, cells in columns)] for place, what in enumerate([*words, "The whole plan"])]
    note = "Exact shares (Shapley): the mean of what each pair adds over all orders in which they could be done."
    if found.method is ShareMethod.SAMPLED:
        error = max(pair.error.loss_kw for pair in found.pairs)
        note = (
            "Shares (Shapley) by a sample of the orders in which pairs could be done; "
            f"standard error of losses at most {text.small(error, 'kW')}."
        )
    return [
        table(("Pair", *(title for title, _ in columns)), rows, "What each pair brings", "plan-table why-table"),
        html.P(note, className="quiet-line"),
    ]


def _signed(value: float, unit: str, nothing: float) -> str:
    """A change with its sign, a dash where it is none."""
    if abs(value) <= nothing:
        return "–"
    return f"{'+' if value > 0 else '−'}{text.small(abs(value), unit)}"


def price_table(prices: Sequence[Price]) -> list[Component]:
    """What each limit that binds costs."""
    note = "Found by planning again with each limit 1 % wider, one pair more, or one lock less."
    if not prices:
        words = "No limit binds: with each limit 1 % wider, one pair more or one lock less the plan would be no better."
        return [html.P(words, className="quiet-line")]
    rows = [[_limit_words(price), _step_words(price), gain_words(price.gain), _price_words(price)] for price in prices]
    columns = ("Limit", "Step", "The best plan then", "Price")
    return [
        table(columns, rows, "What limits cost", "plan-table why-table"),
        html.P(note, className="quiet-line"),
    ]


def _limit_words(price: Price) -> str:
    limit = price.limit
    name = LIMIT_NAMES[limit.constraint]
    if limit.constraint in STEPS:
        return f"{name} {limit.element}".strip()
    where = f" ({limit.element})" if limit.element else ""
    return f"{name} {limit.limit:.4g} {limit.unit}{where}"


def _step_words(price: Price) -> str:
    return STEPS.get(price.limit.constraint) or f"{price.by:.3g} {price.limit.unit} wider"


def _price_words(price: Price) -> str:
    if price.limit.constraint in STEPS:
        return "–"
    if abs(price.gain.supply_kw) > NOTHING_KW:
        return f"{text.small(price.supply_kw_per_unit, 'kW')} of supply per {price.limit.unit}"
    return f"{text.small(price.loss_kw_per_unit, 'kW')} of losses per {price.limit.unit}"


def promise_table(rows: Sequence[ComparedPromise], words: str) -> list[Component]:
    """What a plan promised beside what was measured after it. words: which plan, and when."""
    if not rows:
        return [html.P("No plan has been carried out since this grid is watched.", className="quiet-line")]
    cells = [
        [
            row.label,
            text.number(row.promised, row.digits, row.unit),
            text.number(row.measured, row.digits, row.unit),
            text.change(row.measured, row.promised, row.digits, row.unit),
        ]
        for row in rows
    ]
    return [
        html.P(words, className="quiet-line"),
        table(("", "Promised", "Measured", "Difference"), cells, "Promised and measured"),
    ]
