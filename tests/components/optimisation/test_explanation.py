"""Why a plan is what it is, in words and tables."""

import json
import math

import pytest
from plotly.utils import PlotlyJSONEncoder

from components.optimisation.explanation import (
    ComparedPromise,
    gain_words,
    price_table,
    promise_table,
    share_table,
    why_not_words,
)
from ml.optimisation.plans.plan import Action, Constraint, Margin
from ml.optimisation.plans.reasons import Explanation, Gain, PairShare, Price, ShareMethod, TieUse, TieUseKind
from tests.cases import shared_case

NETWORK = shared_case("city8").network
NAMES = NETWORK.branch.name


def gain(supply_kw: float = 0.0, violation: float = 0.0, loss_kw: float = 0.0, interrupted_kw: float = 0.0) -> Gain:
    return Gain(supply_kw=supply_kw, violation=violation, loss_kw=loss_kw, expected_interrupted_kw=interrupted_kw)


def words(parts: object) -> str:
    return json.dumps(parts, cls=PlotlyJSONEncoder, allow_nan=False, ensure_ascii=False).replace("\u202f", " ")


def explanation(*shares: Gain, method: ShareMethod = ShareMethod.EXACT) -> Explanation:
    pairs = tuple(
        PairShare(
            actions=(Action(2 * place, True, 1.0, 1.0, 1.0), Action(2 * place + 1, False, 1.0, 1.0, 1.0)),
            share=share,
            error=gain(loss_kw=0.25),
        )
        for place, share in enumerate(shares)
    )
    whole = gain(*(sum(getattr(share, name) for share in shares) for name in vars(shares[0])))
    return Explanation(pairs=pairs, whole=whole, method=method, states=4, unsolved=0, time_ms=1.0)


def test_a_gain_says_first_what_counts_first_and_leaves_out_what_is_nothing() -> None:
    told = gain_words(gain(12.0, -0.021, 3.5, -0.2)).replace("\u202f", " ")
    assert told == (
        "12.0 kW more supply, limits exceeded by 2.10 % more, 3.50 kW less losses, "
        "0.200 kW/yr more expected interruption"
    )
    assert gain_words(gain(loss_kw=1e-4)) == "no difference"


def test_shares_are_changes_by_pair_with_the_whole_last() -> None:
    told = words(share_table(explanation(gain(loss_kw=5.0), gain(loss_kw=-1.0)), NAMES))
    assert f"Close {NAMES[0]}, open {NAMES[1]}" in told
    assert told.index("−5.00 kW") < told.index("+1.00 kW") < told.index("The whole plan") < told.index("−4.00 kW")
    assert "Exact shares" in told
    assert "Supply" not in told  # nothing of it changes
    assert "Supply" in words(share_table(explanation(gain(supply_kw=3.0)), NAMES))


def test_sampled_shares_say_their_error() -> None:
    told = words(share_table(explanation(gain(loss_kw=5.0), method=ShareMethod.SAMPLED), NAMES))
    assert "standard error of losses at most 0.250 kW" in told


def test_prices_have_their_unit_and_step() -> None:
    limit = Margin(Constraint.LOW_VOLTAGE, 0.951, 0.95, "p.u.", "Hill")
    lock = Margin(Constraint.LOCKED, 1.0, 1.0, "lock", "Hill Tie")
    told = words(
        price_table(
            [Price(limit=limit, by=0.0095, gain=gain(loss_kw=1.9)), Price(limit=lock, by=1.0, gain=gain(loss_kw=4.0))]
        )
    )
    assert "Lowest voltage 0.95 p.u. (Hill)" in told
    assert "200 kW of losses per p.u." in told
    assert "Locked switch Hill Tie" in told
    assert "lock taken away" in told
    assert "No limit binds" in words(price_table([]))


@pytest.mark.parametrize("kind", list(TieUseKind))
def test_every_reason_against_a_tie_is_a_sentence_with_its_name(kind: TieUseKind) -> None:
    binding = Margin(Constraint.LOADING, 112.3, 100.0, "%", "Mall Line")
    told = why_not_words(NETWORK, TieUse(branch=3, kind=kind, gain=gain(loss_kw=-2.0), binding=binding))
    assert NAMES[3] in told
    assert told.endswith(".")
    if kind is TieUseKind.NOT_WITHIN_LIMITS:
        assert "112.3 % at Mall Line, 100 % is asked" in told
    if kind is TieUseKind.POSSIBLE:
        assert "more losses" in told


def test_a_limit_without_a_place_is_named() -> None:
    whole = Margin(Constraint.N_MINUS_1, math.nan, math.nan, "", "")
    assert "the limit of n-1" in why_not_words(
        NETWORK, TieUse(branch=3, kind=TieUseKind.NOT_WITHIN_LIMITS, binding=whole)
    )


def test_promises_stand_beside_what_was_measured() -> None:
    rows = [ComparedPromise("Losses", "kW", 47.4, 51.2, 1), ComparedPromise("Without supply", "kW", math.nan, 0.0, 1)]
    told = words(promise_table(rows, "Close A: measured 06:09."))
    assert "+3.8 kW" in told
    assert "—" in told
    assert "measured 06:09" in told
    assert "No plan has been carried out" in words(promise_table((), ""))
