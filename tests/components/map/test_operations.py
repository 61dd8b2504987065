"""What an operation by hand would do, in words: the gravest is said, and never softened by what looks good."""

import math

from components.map.operations import Affected, Extremes, LimitRow, PreviewCard, preview_part
from ml.optimisation.plans.plan import Constraint

NOBODY = Affected(kw=0.0, customers=0.0, names=(), derived=False)
LOW = LimitRow(
    constraint=Constraint.LOW_VOLTAGE,
    element="Bus 18",
    value=0.89,
    limit=0.9,
    before=0.95,
    unit="p.u.",
    derived=False,
)
NOW_OTHERWISE = Extremes(min_vm_pu=0.962, max_vm_pu=1.035, max_loading_percent=math.nan)


def words(**changes: object) -> str:
    values: dict[str, object] = {
        "title": "Open Campus Line",
        "dark": NOBODY,
        "restored": NOBODY,
        "loss_kw": (100.0, 90.0),
        "spans": (Extremes(min_vm_pu=0.95, max_vm_pu=1.02, max_loading_percent=61.5), NOW_OTHERWISE),
        "loop": (),
        "radial_grid": True,
        "limits": (),
        "still_broken": 0,
        "stale": False,
        "refused": "",
    }
    shown = str(preview_part(PreviewCard(**(values | changes))))  # type: ignore[arg-type]
    return shown.replace("\\u202f", " ")


def test_lost_load_is_said_in_kw_and_customers_in_the_colour_of_alarms() -> None:
    dark = Affected(kw=4210.0, customers=1250.4, names=("A", "B", "C", "D", "E", "F"), derived=True)
    shown = words(dark=dark)
    assert "4,210 kW (about 1,250 customers) loses supply: A, B, C, D and 2 more." in shown
    assert "operate-alarm" in shown
    assert "less load is supplied" in shown  # that is why losses fall
    quiet = words()
    assert "Nobody loses supply." in quiet
    assert "operate-alarm" not in quiet
    assert "less load is supplied" not in quiet


def test_voltages_and_loadings_are_told_now_and_then() -> None:
    assert "Voltages 0.950 to 1.020 → 0.962 to 1.035 p.u.; highest loading 61.5 → — %." in words()
    assert "Voltages" not in words(spans=None)


def test_a_loop_is_grave_only_where_the_grid_is_radial() -> None:
    assert "operate-alarm" in words(loop=("A", "B"))
    assert "Closes a loop of 2 branches: A, B. This grid is operated radially." in words(loop=("A", "B"))
    assert "operate-alarm" not in words(loop=("A", "B"), radial_grid=False)


def test_limits_come_with_value_limit_and_what_is_so_now() -> None:
    shown = words(limits=(LOW,) * 7, still_broken=2)
    assert "Breaks 7 limits" in shown
    assert "Voltage of Bus 18: 0.890 p.u., limit 0.900; now 0.950" in shown
    assert "and 2 more" in shown
    assert "2 that are broken now get no worse" in shown
    assert "now" not in str(words(limits=(LimitRow(**{**vars(LOW), "before": math.nan}),))).split("limit 0.900")[1][:6]


def test_a_refusal_and_an_earlier_state_are_said_first() -> None:
    shown = words(refused="Campus Line is tagged.", stale=True)
    assert shown.index("last state that could be solved") < shown.index("is tagged") < shown.index("Nobody loses")
    assert "Losses" not in words(loss_kw=None)
