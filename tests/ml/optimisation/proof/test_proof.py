"""The proof against exhaustive search, the programme against power flows, and what is said when time runs out."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from grid.network import FloatArray, IntArray
from ml.optimisation.proof.__main__ import left_out, main
from ml.optimisation.proof.cone_programme import ConicModel, Rows, reactive_loss_bound
from ml.optimisation.proof.proof import Proof, ProofError, Round, prove
from ml.optimisation.radial.flow import RadialFlow
from ml.optimisation.radial.grid import RadialGrid
from ml.optimisation.radial.trees import Loops
from tests.cases import shared_case
from tests.ml.exhaustive import exhaustive
from tests.paths import ROOT, SHARED

FEEDERS = SHARED / "feeders"
GAP = 1e-4
AMPLE_S = 1e6  # no test depends on the time that it takes
PLAIN, FEEDING_IN, TWO_SOURCES = "plain", "feeding in", "two sources"
KINDS = [(PLAIN, 1), (PLAIN, 2), (PLAIN, 3), (FEEDING_IN, 4), (FEEDING_IN, 5), (TWO_SOURCES, 6), (TWO_SOURCES, 7)]


@cache
def small_grid(kind: str, seed: int) -> RadialGrid:
    """Nine buses, a third without load, two of them joined by parallel branches, and four loops."""
    rng = np.random.default_rng(seed)
    buses = 9
    tree = [(int(rng.integers(bus)), bus) for bus in range(1, buses)]
    others = [pair for pair in itertools.combinations(range(buses), 2) if pair not in tree]
    ties = [others[place] for place in rng.choice(len(others), 3, replace=False)]
    ends = np.array([*tree, *ties, tree[3]])
    demand = rng.uniform(0.05, 0.3, buses) * (1 + 1j * rng.uniform(-0.2, 0.8, buses))
    demand[rng.choice(buses, 3, replace=False)] = 0
    if kind == FEEDING_IN:
        demand[[4, 7]] = -0.4
    source = np.array([0, 5]) if kind == TWO_SOURCES else np.array([0])
    return RadialGrid(
        n_bus=buses, from_bus=ends[:, 0], to_bus=ends[:, 1],
        impedance_pu=rng.uniform(0.005, 0.05, len(ends)) + 1j * rng.uniform(0.0, 0.08, len(ends)),
        usable=np.ones(len(ends), dtype=bool), fixed_closed=np.zeros(len(ends), dtype=bool), source_bus=source,
        source_vm_pu=1.02, demand_pu=demand, load_pu=demand.real.clip(min=0), base_mva=10.0,
    )  # fmt: skip


def losses(grid: RadialGrid, loops: Loops) -> Callable[[IntArray], FloatArray]:
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    return lambda opened: 1000 * grid.base_mva * flow.solve(opened, grid.demand_pu, 60).loss_pu


def configurations(loops: Loops) -> IntArray:
    """Every radial configuration, by trying all sets of branches."""
    sets = itertools.combinations(range(len(loops.branch)), loops.ties)
    return np.array([each for each in sets if abs(np.linalg.det(loops.cycle[:, loops.branch[list(each)]])) > 0.5])


def proof_of(grid: RadialGrid, **options: object) -> Proof:
    loops = grid.loops()
    options = {"time_limit_s": AMPLE_S, **options}
    return prove(grid, configurations(loops)[-1], np.random.default_rng(1), GAP, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "seed"), KINDS)
def test_optimum_and_bound_agree_with_exhaustive_search(kind: str, seed: int) -> None:
    grid = small_grid(kind, seed)
    loops = grid.loops()
    best = exhaustive(losses(grid, loops), loops)
    proof = proof_of(grid)
    assert proof.proven
    assert proof.loss_kw == pytest.approx(best.cost, rel=GAP)
    assert best.cost * (1 - 1.01 * GAP) <= proof.lower_kw <= best.cost
    assert losses(grid, loops)(loops.opened(proof.closed)[None])[0] == pytest.approx(proof.loss_kw, rel=1e-9)
    lower = [step.lower_kw for step in proof.rounds]
    assert lower == sorted(lower)


def variables(model: ConicModel, grid: RadialGrid, closed: np.ndarray) -> FloatArray:
    """The programme's variables of a radial configuration, by sweeps over its tree that share no code with ours."""
    number = np.arange(grid.n_bus)
    number[grid.source_bus] = grid.source_bus[0]
    order, reached = [], {int(grid.source_bus[0])}
    while len(order) < closed.sum():
        for branch in np.flatnonzero(closed):
            ends = int(number[grid.from_bus[branch]]), int(number[grid.to_bus[branch]])
            for tail, head in (ends, ends[::-1]):
                if tail in reached and head not in reached:
                    order.append((branch, tail, head))
                    reached.add(head)
    voltage = np.full(grid.n_bus, complex(grid.source_vm_pu))
    for _ in range(200):
        drawn = np.where(np.isin(np.arange(grid.n_bus), grid.source_bus), 0, np.conj(grid.demand_pu / voltage))
        current = np.zeros(len(closed), dtype=complex)
        for branch, tail, head in reversed(order):
            current[branch] = drawn[head]
            drawn[tail] += drawn[head]
        for branch, tail, head in order:
            voltage[head] = voltage[tail] - grid.impedance_pu[branch] * current[branch]
    unit = np.abs(grid.demand_pu).sum() / 10
    values = np.zeros(len(model.cost))
    values[model.block["s"]] = 1
    values[model.block["v"]] = np.abs(voltage[number]) ** 2
    fed = np.ones(grid.n_bus)
    for branch, tail, head in reversed(order):
        arc = int(np.flatnonzero((model.arcs.branch == branch) & (model.arcs.tail == tail))[0])
        assert model.arcs.below[arc, head]
        power = voltage[tail] * np.conj(current[branch]) / unit
        square = np.abs(voltage[tail]) ** 2
        carried = (1, power.real, power.imag, np.abs(current[branch] / unit) ** 2, square, fed[head])
        for name, value in zip("zpqlwf", carried, strict=True):
            values[model.block[name].start + arc] = value
        fed[tail] += fed[head]
    return values


def missed(rows: Rows, values: FloatArray) -> float:
    product = rows.matrix @ values
    return float(np.maximum(rows.lower - product, product - rows.upper).max())


@pytest.mark.parametrize(("kind", "seed"), KINDS)
def test_every_radial_configuration_satisfies_the_programme(kind: str, seed: int) -> None:
    grid = small_grid(kind, seed)
    loops = grid.loops()
    opened = configurations(loops)
    cost = losses(grid, loops)(opened)
    bound = 1.0001 * float(cost[np.isfinite(cost)].max())
    model = ConicModel(grid, loops, bound / (1000 * grid.base_mva))
    rng = np.random.default_rng(seed)
    arc = rng.integers(len(model.arcs.branch), size=200)
    tangents = model.tangents(arc, 12 * (rng.standard_normal(200) + 1j * rng.standard_normal(200)))
    for row, closed in enumerate(loops.closed(opened)):
        if np.isinf(cost[row]):
            continue
        values = variables(model, grid, closed)
        assert missed(model.rows, values) < 1e-6
        assert missed(tangents, values) < 1e-6
        assert (values >= model.lower - 1e-9).all()
        assert (values <= model.upper + 1e-9).all()
        assert model.cost @ values == pytest.approx(100 * cost[row] / bound, rel=1e-5)
        assert model.closed(values).tolist() == closed.tolist()
        assert missed(model.all_but(values), values) == 1
        assert not len(model.violated(values, 1e-6)[0])


def test_tangents_touch_the_cones_of_the_flows_that_they_were_made_for() -> None:
    grid = small_grid(PLAIN, 1)
    loops = grid.loops()
    opened = configurations(loops)
    model = ConicModel(grid, loops, 2 * losses(grid, loops)(opened).max() / (1000 * grid.base_mva))
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    for row in opened[:20]:
        values = variables(model, grid, loops.closed(row))
        arc, slope = model.flow_slopes(flow, row[None])
        assert len(arc) == grid.n_bus - 1
        np.testing.assert_allclose(model.tangents(arc, slope).matrix @ values, 0, atol=1e-5)


def test_the_programme_alone_finds_the_optimum() -> None:
    """Without a good configuration to start from: its minimum, tangents at all flows, is that of all losses."""
    grid = small_grid(PLAIN, 2)
    loops = grid.loops()
    opened = configurations(loops)
    cost = losses(grid, loops)(opened)
    model = ConicModel(grid, loops, cost.max() / (1000 * grid.base_mva))
    flow = RadialFlow(loops, grid.impedance_pu, grid.source_vm_pu)
    rows = Rows.stacked([model.rows, model.tangents(*model.flow_slopes(flow, opened))])
    lower = model.lower.copy()
    lower[model.block["s"]] = 1
    found = milp(
        model.cost, integrality=model.integrality, bounds=Bounds(lower, model.upper),
        constraints=LinearConstraint(rows.matrix, rows.lower, rows.upper),
    )  # fmt: skip
    assert found.fun * cost.max() / 100 == pytest.approx(cost.min(), rel=1e-4)
    chosen = loops.opened(model.closed(found.x))
    assert losses(grid, loops)(chosen[None])[0] == pytest.approx(cost.min(), rel=1e-4)


def test_branches_that_stay_closed_are_not_opened() -> None:
    grid = small_grid(PLAIN, 3)
    free = proof_of(grid)
    fixed = np.zeros(len(grid.usable), dtype=bool)
    fixed[free.opened[0]] = True
    locked = replace(grid, fixed_closed=fixed)
    loops = locked.loops()
    proof = proof_of(locked)
    assert proof.proven
    assert proof.closed[free.opened[0]]
    assert proof.loss_kw == pytest.approx(exhaustive(losses(locked, loops), loops).cost, rel=GAP)
    assert proof.loss_kw >= free.loss_kw


def test_a_grid_without_a_choice_is_proven_at_once() -> None:
    grid = small_grid(PLAIN, 1)
    tree = replace(grid, usable=proof_of(grid).closed)
    proof = prove(tree, np.zeros(0, dtype=np.int64), np.random.default_rng(1))
    assert proof.proven
    assert not len(proof.opened)


def test_without_time_nothing_is_claimed() -> None:
    ticks = itertools.count(step=1000)
    proof = proof_of(small_grid(PLAIN, 1), time_limit_s=10.0, clock=lambda: float(next(ticks)))
    assert not proof.proven
    assert proof.lower_kw == 0
    assert proof.rounds[-1].gap == 1


def test_when_time_runs_out_the_bound_so_far_is_given() -> None:
    grid = small_grid(PLAIN, 2)
    now = 0.0

    def report(step: Round) -> None:
        nonlocal now
        now = 1e6 if step.step == "relaxed" else now

    proof = proof_of(grid, time_limit_s=1e5, clock=lambda: now, report=report)
    loops = grid.loops()
    assert not proof.proven
    assert 0 < proof.lower_kw < exhaustive(losses(grid, loops), loops).cost * (1 - GAP)
    assert proof.rounds[-1].gap == pytest.approx(1 - proof.lower_kw / proof.loss_kw)


def test_what_can_not_be_proven_is_refused() -> None:
    grid = small_grid(PLAIN, 1)
    with pytest.raises(ProofError, match="negative"):
        proof_of(replace(grid, impedance_pu=grid.impedance_pu * np.where(np.arange(12) == 5, -1, 1)))
    with pytest.raises(ProofError, match="no losses"):
        proof_of(replace(grid, demand_pu=np.zeros(9, dtype=complex)))
    with pytest.raises(ProofError, match="no configuration"):
        proof_of(replace(grid, demand_pu=100 * grid.demand_pu))


def test_reactive_losses_stay_below_their_bound() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        z = rng.uniform(0, 1, 6) * (rng.uniform(size=6) < 0.8) + 1j * rng.uniform(0, 1, 6)
        square = rng.uniform(0, 4, 6)
        assert (z.imag * square).sum() <= reactive_loss_bound(z, (z.real * square).sum(), 2.0) * (1 + 1e-12)
    assert reactive_loss_bound(np.array([0.5 + 1j, 0.5 + 1j]), 0.3, 100.0) == pytest.approx(0.6)


def test_what_the_model_leaves_out_is_said() -> None:
    network = shared_case("city8").network
    assert [note.split(" is left out")[0].split(" ", 1)[1] for note in left_out(network)] == [
        "Mvar of charging of branches"
    ]
    assert left_out(shared_case("case33bw").network) == []
    uneven = replace(network.generator, vm_pu=np.array([1.03, 1.02, *network.generator.vm_pu[2:]]))
    with pytest.raises(ProofError, match="different voltages"):
        left_out(replace(network, generator=uneven))
    holding = replace(network.generator, is_regulating=~network.generator.is_source)
    with pytest.raises(ProofError, match="holds its voltage"):
        left_out(replace(network, generator=holding))


@pytest.mark.parametrize(
    ("case", "words"),
    [("case14", "not operated radially"), ("cigre_mv", "tap or a phase shift"), ("nowhere", "no such case")],
)
def test_the_command_says_why_a_case_is_refused(case: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([case]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.long
def test_the_command_proves_the_published_optimum(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case33bw", "--time-limit", str(AMPLE_S)]) == 0
    printed = capsys.readouterr().out
    assert "proven: this configuration loses 139.5513 kW" in printed
    assert "Bus 6 - Bus 7, Bus 8 - Bus 9, Bus 13 - Bus 14, Bus 31 - Bus 32, Bus 24 - Bus 28" in printed
    assert "by full AC power flow: 139.5513 kW, in the present state 202.6771 kW" in printed


def test_the_command_says_that_time_was_too_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["case33bw", "--time-limit", "1e-9"]) == 1
    assert "NOT proven within 1e-09 s: the best known loses 139.5513 kW" in capsys.readouterr().out


def test_the_proof_is_a_command() -> None:
    command = [sys.executable, "-m", "ml.optimisation.proof", "case33bw", "--gap", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 2
    assert "a number above zero is needed" in ended.stderr


@pytest.mark.skipif(not FEEDERS.is_dir(), reason=f"the published feeders are not in {FEEDERS}")
def test_the_bound_of_a_published_feeder_is_below_its_published_optimum() -> None:
    known = json.loads((FEEDERS / "best_known.json").read_text())["feeder16"]
    network = shared_case(f"feeder:{FEEDERS}/feeder16.json").network
    grid = RadialGrid.of(network)
    start = grid.loops().opened(network.branch.closed)
    proof = prove(grid, start, np.random.default_rng(1), time_limit_s=AMPLE_S)
    assert proof.proven
    assert proof.loss_kw == pytest.approx(known["best_loss_kw"], abs=1e-3)
    assert known["best_loss_kw"] * (1 - 1.01 * GAP) <= proof.lower_kw <= known["best_loss_kw"]
    assert [network.branch.name[branch] for branch in proof.opened] == [f"Branch {i}" for i in known["open_branches"]]
