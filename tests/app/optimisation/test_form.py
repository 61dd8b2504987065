"""The form: from requirements to its values and back."""

import pytest

from app.optimisation.form import FIELDS, FREE, WEIGHTS, changed, form_of, weight_words
from app.optimisation.page_form import with_lock, without_emergency
from grid.network import Network
from ml.optimisation.plans.plan import Requirements
from tests.cases import shared_case


@pytest.fixture(scope="module")
def network() -> Network:
    return shared_case("city8").network


@pytest.mark.parametrize(
    "asked",
    [
        Requirements(),
        Requirements(risk_weight=0.5, most_pairs=2, n_minus_1=True, max_loading_percent=80.0),
        Requirements(min_vm_pu=0.97, max_vm_pu=1.05),
        Requirements(emergency_loading_percent=120.0, emergency_min_vm_pu=0.9, emergency_minutes=45.0),
        Requirements(min_vm_pu=0.97, max_vm_pu=1.05, emergency_max_vm_pu=1.1),
    ],
)
def test_the_form_gives_back_what_it_shows(asked: Requirements, network: Network) -> None:
    values = dict(zip(FIELDS, form_of(asked, network), strict=True))
    assert changed(Requirements(), list(FIELDS), values) == asked


def test_only_named_fields_change(network: Network) -> None:
    asked = Requirements(risk_weight=0.05, locked=frozenset({3}))
    values = dict(zip(FIELDS, form_of(Requirements(n_minus_1=True), network), strict=True))
    assert changed(asked, ["n1"], values) == Requirements(risk_weight=0.05, locked=frozenset({3}), n_minus_1=True)


def test_the_limits_of_the_case_are_where_the_band_begins(network: Network) -> None:
    case, band = form_of(Requirements(), network)[2:4]
    assert case is True
    assert band == [0.94, 1.06]


def test_a_weight_between_the_steps_shows_as_the_nearest(network: Network) -> None:
    assert form_of(Requirements(risk_weight=0.0), network)[0] == 0
    assert form_of(Requirements(risk_weight=0.055), network)[0] == WEIGHTS.index(0.05)
    assert form_of(Requirements(risk_weight=1e6), network)[0] == len(WEIGHTS) - 1


@pytest.mark.parametrize("values", [{}, {"weight": 99}, {"weight": None}, {"pairs": "x"}, {"band": [1], "case": False}])
def test_what_is_no_value_of_the_form_is_refused(values: dict[str, object]) -> None:
    name = next(iter(values), "weight")
    with pytest.raises(ValueError, match=r"."):
        changed(Requirements(), [name], values)


def test_a_loading_that_was_cleared_is_asked_for() -> None:
    with pytest.raises(ValueError, match="number of percent"):
        changed(Requirements(), ["loading"], {"loading": ""})
    assert changed(Requirements(most_pairs=1), ["pairs"], {"pairs": FREE}).most_pairs is None


def test_emergency_values_that_are_the_normal_ones_are_none(network: Network) -> None:
    shown = dict(zip(FIELDS, form_of(Requirements(max_loading_percent=90.0), network), strict=True))
    assert [shown[name] for name in ("em_loading", "em_low", "em_high")] == [90.0, 0.94, 1.06]
    wide = Requirements(max_loading_percent=90.0, emergency_loading_percent=120.0, emergency_min_vm_pu=0.9)
    assert changed(wide, ["em_loading", "em_low", "em_high"], shown) == Requirements(max_loading_percent=90.0)
    assert changed(wide, ["em_loading"], shown | {"em_loading": ""}).emergency_loading_percent is None
    with pytest.raises(ValueError, match="number of minutes"):
        changed(wide, ["em_minutes"], shown | {"em_minutes": ""})


def test_the_button_takes_all_emergency_values_back() -> None:
    wide = Requirements(most_pairs=2, emergency_loading_percent=120.0, emergency_min_vm_pu=0.9, emergency_minutes=15.0)
    assert without_emergency(wide) == Requirements(most_pairs=2)


def test_weights_are_said_in_words() -> None:
    assert "losses alone" in weight_words(0.0)
    assert "0.05 kW of losses" in weight_words(0.05)


def test_a_tap_locks_and_the_next_unlocks() -> None:
    once = with_lock(Requirements(), 3, None)
    assert once.locked == {3}
    assert with_lock(once, 3, None).locked == frozenset()
    assert with_lock(once, 3, True) == once
