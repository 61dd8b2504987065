"""A heat wave followed through: hot spots, thermal failure probability, and what the optimiser proposes."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandapower
import pytest

from app.engine.operating_point import operating_point_of
from grid.telemetry import EventKind
from ml.maintenance.model.causes import CAUSES, Cause
from ml.maintenance.model.prognosis import HORIZONS, Prognosis
from ml.optimisation.plans.plan import Requirements
from ml.optimisation.plans.verification import Verifier
from tests.app.rig import Rig, make_rig

SUMMER = datetime(2026, 7, 6)
HEAT_K, STEP, STEPS = 22.0, timedelta(minutes=30), 64
REGISTER = "name,year_built\nOld transformer,1985\nNew transformer,2024\nShort,2025\nFar,2025\nTie,2025\n"


def two_transformers(folder: Path) -> Path:
    """Two transformers of one size with a busbar each: a load between them hangs on the one that carries more."""
    net = pandapower.create_empty_network(name="twins", sn_mva=10.0)
    top = pandapower.create_bus(net, 110.0, name="Top")
    left, right, middle, end = (
        pandapower.create_bus(net, 20.0, name=name) for name in ("Left", "Right", "Middle", "End")
    )
    pandapower.create_ext_grid(net, top)
    for bus, name in ((left, "Old transformer"), (right, "New transformer")):
        pandapower.create_transformer(net, top, bus, "25 MVA 110/20 kV", name=name)
    for ends, ohm, name in (((left, middle), 0.04, "Short"), ((right, end), 0.04, "Far"), ((middle, end), 0.5, "Tie")):
        pandapower.create_line_from_parameters(
            net, *ends, length_km=1.0, r_ohm_per_km=ohm, x_ohm_per_km=0.1, c_nf_per_km=10.0, max_i_ka=0.65,
            name=name,
        )  # fmt: skip
    tie = int(net.line.index[net.line["name"] == "Tie"][0])
    pandapower.create_switch(net, middle, tie, et="l", closed=False)
    for bus, mw in ((left, 19.0), (right, 5.0), (middle, 8.0), (end, 0.5)):
        pandapower.create_load(net, bus, mw, 0.3 * mw, name=f"Load {mw}")
    path = folder / "twins.json"
    pandapower.to_json(net, str(path))
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    return path


def run(folder: Path, case: Path, models: Path, heat: bool) -> tuple[Rig, Prognosis]:
    """A day and a half of summer, with or without the heat wave, and the prognosis at its end."""
    rig = make_rig(
        folder, case=str(case), asset_file=folder / "register.csv", models_dir=models, start=SUMMER,
        training_episodes=3, seed=5,
    )  # fmt: skip
    rig.services.maintainer.load_or_train()
    if heat:
        rig.engine.add_event(EventKind.HEAT_WAVE, None, HEAT_K)
    rig.run(STEPS, STEP)
    rig.services.maintainer.look(rig.board)
    rig.run(1, timedelta(0))
    found = rig.services.maintainer.latest.prognosis
    assert found is not None
    return rig, found


@pytest.fixture(scope="module")
def summers(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> dict[bool, tuple[Rig, Prognosis]]:
    """The same days calm and hot."""
    folder = tmp_path_factory.mktemp("summers")
    case = two_transformers(folder)
    return {heat: run(folder, case, models_folder, heat) for heat in (False, True)}


Summers = dict[bool, tuple[Rig, Prognosis]]


def weight_worth_moving(rig: Rig) -> float:
    """The risk weight from which on the load in the middle is better supplied by the new transformer; inf: none is."""
    operating_point, verifier = operating_point_of(rig.now, 80.0), Verifier(rig.now.case.network)
    moved = operating_point.closed.copy()
    moved[[rig.branch("Tie"), rig.branch("Short")]] = True, False
    before, after = (
        verifier.verdict(operating_point, closed, Requirements()) for closed in (operating_point.closed, moved)
    )
    assert before is not None
    assert after is not None
    gain_kw = before.expected_interrupted_kw - after.expected_interrupted_kw
    return (after.loss_kw - before.loss_kw) / gain_kw if gain_kw > 0 else np.inf


def test_the_hot_spots_rise_with_the_air(summers: Summers) -> None:
    (calm, _), (hot, _) = summers[False], summers[True]
    for name in ("Old transformer", "New transformer"):
        branch = calm.branch(name)
        peaks = [float(rig.now.assessed.condition.peak_temperature_c[branch]) for rig in (calm, hot)]
        assert HEAT_K / 2 < peaks[1] - peaks[0] < 3 * HEAT_K  # hot air also draws load


def test_the_thermal_probability_of_the_loaded_transformer_rises(summers: Summers) -> None:
    (rig, calm), (_, hot) = summers[False], summers[True]
    branch, thermal = rig.branch("Old transformer"), CAUSES.index(Cause.THERMAL)
    for column in range(len(HORIZONS)):
        any_cause = [found.probability[branch, column] for found in (calm, hot)]
        of_heat = [found.probability[branch, column] * found.cause[branch, thermal] for found in (calm, hot)]
        assert any_cause[1] > 1.3 * any_cause[0]
        assert of_heat[1] > 1.3 * of_heat[0]
    assert hot.learned.all()


def test_the_grid_counts_with_it_and_the_optimiser_proposes_otherwise(summers: Summers) -> None:
    """At a weight at which the calm grid stays as it is, the hot one takes load off the endangered transformer."""
    worth = {heat: weight_worth_moving(rig) for heat, (rig, _) in summers.items()}
    assert 0 < worth[True] < 0.8 * worth[False]
    weight = float(np.sqrt(worth[True] * min(worth[False], 4 * worth[True])))
    rigs = [summers[heat][0] for heat in worth]
    calm, hot = (rig.services.planner.propose(rig.board, Requirements(risk_weight=weight)).plan for rig in rigs)
    assert calm is None
    assert hot is not None
    closed, opened = (action.branch for action in hot.actions)
    assert (closed, opened) == tuple(summers[True][0].branch(name) for name in ("Tie", "Short"))
