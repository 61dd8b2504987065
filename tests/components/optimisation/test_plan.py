"""A plan in words, tables and figures."""

import json
import math

import pytest

from components.common import text
from components.common.labels import label_places
from components.common.theme import Scheme
from components.optimisation.figures import (
    CURVE_POINTS,
    EntropyPoint,
    Front,
    FrontPoint,
    GapPoint,
    Learning,
    front_figure,
    front_traces,
    learning_figure,
    learning_traces,
    method_traces,
    methods_figure,
)
from components.optimisation.form import locked_list
from components.optimisation.plan import (
    Headline,
    Saving,
    Step,
    StepState,
    Tone,
    headline,
    risk_words,
    saving_words,
    sentence,
    step_table,
)
from components.optimisation.tables import (
    ComparedQuantity,
    Limited,
    MethodRow,
    Room,
    SetPointRow,
    comparison_table,
    limited_table,
    methods_table,
    room_table,
    set_point_table,
)

NAN = math.nan
SWITCHING = ((True, "Hill Tie"), (False, "Central North Line"))
SAVING = Saving(123.4, 5.61, 1080.2, 86_416.0, 12.3, 12.6)
METHODS = (
    MethodRow("policy", 2190.1, 9.05, 2190.1, 33, 4.2, True),
    MethodRow("sequential opening", 2255.8, 9.05, 2255.8, 8, 1.1, False),
    MethodRow("exhaustive search", NAN, NAN, NAN, 0, 2.0, False),
)


def words(component: object) -> str:
    """All texts of a component."""
    if isinstance(component, (list, tuple)):
        return " ".join(words(part) for part in component)
    children = getattr(component, "children", component)
    return "" if children is None else str(children) if children is component else words(children)


def test_the_sentence_says_what_is_done_in_its_order() -> None:
    assert sentence(SWITCHING) == "Close Hill Tie, open Central North Line"
    assert sentence(SWITCHING * 3) == (
        "Close Hill Tie, open Central North Line, close Hill Tie, open Central North Line, 2 more steps"
    )
    assert sentence((), 1) == "Set 1 generator"
    assert sentence(()) == ""


def test_the_headline_tells_saving_risk_and_checks() -> None:
    shown = words(headline(Headline(Tone.PLAN, "Close Hill Tie", SAVING, ((True, "radial"), (False, "late")), "")))
    facts = ("123\u202fkW", "5.6\u202f%", "1,080\u202fMWh", "86,400\u202fEUR", "12.3 → 12.6\u202fkW/yr")
    for expected in ("Proposed", *facts, "0.30\u202fkW/yr more risk", "✓", "▲"):
        assert expected in shown


def test_a_plan_for_less_risk_may_cost_losses_and_says_so() -> None:
    costly = Saving(-1218.0, -86.2, -17_200.0, -1_380_000.0, 12.6, 5.0)
    shown = words(headline(Headline(Tone.PLAN, "Close Hill Tie", costly)))
    for expected in ("Costs", "1,218\u202fkW", "86.2\u202f% more losses", "17,200\u202fMWh", "more a year"):
        assert expected in shown
    assert "−" not in shown
    assert saving_words(costly) == "Costs 1,218\u202fkW (86.2\u202f%), 17,200\u202fMWh more a year"
    assert saving_words(SAVING) == "Saves 123\u202fkW (5.6\u202f%), 1,080\u202fMWh a year"


@pytest.mark.parametrize("tone", Tone)
def test_every_answer_is_a_sentence_and_never_an_empty_panel(tone: Tone) -> None:
    assert words(headline(Headline(tone, "So it is."))).count("So it is.") == 1


def test_risk_words_tell_which_way_it_goes() -> None:
    assert risk_words(10.0, 9.0) == "1.0\u202fkW/yr less risk"
    assert risk_words(10.0, 10.01) == "risk as before"
    assert risk_words(NAN, 1.0) == "risk unknown"


def test_steps_have_numbers_marks_and_states() -> None:
    steps = (
        Step(True, "Hill Tie", 3653.0, 0.9704, 62.6, StepState.DONE, 31.2, 0),
        Step(False, "Mall Line", NAN, NAN, NAN),
    )
    shown = words(step_table(steps))
    assert "● Close  Hill Tie" in shown
    assert "○ Open  Mall Line" in shown
    assert "✓ done" in shown
    assert "31 crew 1" in " ".join(shown.split())
    assert shown.count(text.UNKNOWN) == 4
    assert "nan" not in shown.lower()
    assert words(step_table(())) == "No switching."


def test_before_and_after_have_a_signed_change() -> None:
    rows = (
        ComparedQuantity("Losses", "kW", 2413.0, 2190.0),
        ComparedQuantity("Lowest voltage", "p.u.", 0.9957, 1.0001, ("Industrial Zone", "Mall"), 4),
        ComparedQuantity("Risk", "kW/yr", NAN, 2.0),
    )
    shown = words(comparison_table(rows))
    for expected in ("−223\u202fkW", "+0.0044\u202fp.u.", "Industrial Zone", "Mall", text.UNKNOWN):
        assert expected in shown
    alone = words(comparison_table((ComparedQuantity("Losses", "kW", 2413.0, None),)))
    assert alone.count(text.UNKNOWN) == 2


def test_rooms_say_what_is_kept_and_what_is_missed() -> None:
    shown = words(room_table("Plan", (Room("Lowest voltage", 0.9957, 0.94, 0.0557, "p.u.", "Industrial Zone"),
                                      Room("Highest loading", 104.0, 100.0, -4.0, "%", "Mall Line"))))  # fmt: skip
    assert "✓ 0.0557\u202fp.u." in shown
    assert "▲ missed by 4.0\u202f%" in shown


def test_tables_without_rows_say_so() -> None:
    for empty in (room_table("", ()), limited_table(()), limited_table(None), comparison_table(()), methods_table(())):
        assert words(empty).endswith(".")


def test_plans_with_fewer_switches_and_set_points() -> None:
    assert "1 pair Close Hill Tie, open Central North Line 12.0\u202fkW" in words(
        limited_table((Limited(1, SWITCHING, 12.0),))
    )
    restoring = words(limited_table((Limited(1, SWITCHING, -744.0, 23_968.0),)))  # what is supplied again has losses
    assert "Restores" in restoring
    assert "-" not in restoring
    shown = words(set_point_table((SetPointRow("G1", 10.0, 12.5, 1.0, NAN),)))
    assert "+2.5\u202fMW" in shown
    assert text.UNKNOWN in shown


def test_a_method_that_found_nothing_is_in_the_table_and_not_in_the_chart() -> None:
    assert "nothing feasible" in words(methods_table(METHODS))
    others, policy, _ = method_traces(METHODS)
    assert others["text"] == ["sequential opening"]
    assert policy["text"] == ["policy"]


def test_the_front_marks_the_present_and_what_the_risk_weight_chooses() -> None:
    points = (FrontPoint(10.0, 2200.0, 9.0), FrontPoint(0.0, 2190.0, 9.5))
    front, present, chosen = front_traces(Front(points, FrontPoint(0.0, 2413.0, 9.1), 50.0))
    assert front["x"] == [9.0, 9.5]
    assert front["text"] == ["risk weight 10", "risk weight 0"]
    assert (present["x"], chosen["x"]) == ([9.1], [9.0])


def test_long_curves_are_thinned_to_the_means_of_bins() -> None:
    curve = tuple(EntropyPoint(step, float(step % 2)) for step in range(1, 1001))
    _, _, entropy = learning_traces(Learning((), curve))
    assert len(entropy["x"]) == CURVE_POINTS  # type: ignore[arg-type]
    assert set(entropy["y"]) == {0.5}  # type: ignore[call-overload]
    assert entropy["x"][-1] == 1000  # type: ignore[index]


def test_the_learning_chart_shows_decisions_where_they_were_judged_and_says_what_it_shows() -> None:
    learning = Learning(
        (GapPoint(0, 2.5, 16), GapPoint(20, 0.25, 16)), tuple(EntropyPoint(step, 1.0) for step in range(1, 30))
    )
    gap, dark, _ = learning_traces(learning)
    assert dark["x"] == []  # no restoration was judged
    assert (gap["x"], gap["y"]) == ([0, 20], [2.5, 0.25])
    assert gap["text"] == ["16 fixed situations"] * 2
    figure = learning_figure(learning, Scheme.LIGHT)
    assert figure.layout.yaxis.title.text == "Decisions over best known, %"
    assert "over best known" in figure.data[0].hovertemplate
    assert "%{text}" in figure.data[0].hovertemplate


@pytest.mark.parametrize("scheme", Scheme)
def test_figures_hold_no_nan_and_say_when_they_are_empty(scheme: Scheme) -> None:
    present = FrontPoint(0.0, NAN, NAN)
    full = (methods_figure(METHODS, scheme), front_figure(Front((), present, 0.0), scheme),
            learning_figure(Learning((GapPoint(0, 2.0, 16),), (EntropyPoint(1, 3.0),)), scheme))  # fmt: skip
    empty = (
        methods_figure((), scheme),
        front_figure(Front((), None, 0.0), scheme),
        learning_figure(Learning((), ()), scheme),
    )
    for figures, visible in ((full, False), (empty, True)):
        for figure in figures:
            assert "NaN" not in figure.to_json()
            assert json.loads(figure.to_json())["layout"]["annotations"][0]["visible"] is visible


def test_locked_switches_can_be_unlocked() -> None:
    shown = str(locked_list(((3, "Mall Line"),), lambda branch: {"branch": branch}))
    assert "Unlock Mall Line" in shown
    assert "'branch': 3" in shown
    assert "No switch is locked" in words(locked_list((), lambda branch: {"branch": branch}))


def test_rough_numbers_and_counts() -> None:
    assert text.rough(324_214.0, "EUR") == "324,000\u202fEUR"
    assert text.rough(0.0) == "0"
    assert text.rough(NAN) == text.UNKNOWN
    assert (text.count(1, "pair"), text.count(2, "pair")) == ("1 pair", "2 pairs")


def test_labels_of_neighbours_go_to_different_sides_and_stay_inside() -> None:
    assert (
        len(set(label_places([1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 5.0], ["Policy", "Prior", "Exchange", "Far"]))) > 2
    )
    assert all("left" in place for place in label_places([0.0, 1.0], [0.0, 0.0], ["a", "a long label at the edge"])[1:])
    assert label_places([], [], []) == []


def test_a_short_label_makes_room_for_a_long_one_that_comes_later() -> None:
    times, results = [0.0, 0.83, 1.32, 1.49, 1.55], [5.3, 4.5, 4.5, 4.5, 4.5]
    names = ["Present state", "Untrained prior", "Policy", "Branch exchange", "Policy + branch exchange"]
    places = dict(zip(names, label_places(times, results, names), strict=True))
    assert places["Policy"].split()[0] != places["Policy + branch exchange"].split()[0]


def test_what_tags_lock_is_listed_without_a_button() -> None:
    shown = str(locked_list((), lambda branch: {"branch": branch}, (("Mall Line", "crew at work"),)))
    assert "Mall Line" in shown
    assert "crew at work" in shown
    assert "Unlock" not in shown
