"""The dashboard runs on a recording: the same states as the simulator showed, and nothing that a replay can't do."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from app import record
from app.engine.commands import NotOfferedError
from app.map.asset_card import asset_card
from app.map.context import PageServices
from app.map.network_view import NetworkViews
from app.map.tick import source_state
from app.settings import Settings
from app.shell.frame import layout
from app.web.browser_view import Asset
from app.web.models import SourceAnswer
from app.web.reasons import stale_reason
from grid.alarms.book import AlarmKind, AssetKind
from grid.errors import CaseError
from grid.telemetry import EventKind
from tests.app.rig import Rig

NewRig = Callable[..., Rig]
HOURS, STEP = 4, timedelta(minutes=15)
ROWS = HOURS * 4 + 1


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some hours of city8 by the command that records."""
    monkeypatch.setenv("SMARTGRID_SEED", "7")
    path = tmp_path / "day.csv"
    assert record.main(["--out", str(path), "--hours", str(HOURS)]) == 0
    return path


@pytest.fixture
def replayed(new_rig: NewRig, file: Path) -> Rig:
    return new_rig(source=f"replay:{file}")


def test_a_recorded_day_replays_to_the_states_that_the_simulator_showed(new_rig: NewRig, replayed: Rig) -> None:
    simulated = new_rig()
    for row in range(ROWS):
        one, two = simulated.now, replayed.now
        assert one.simulated_at == two.simulated_at
        for field in ("vm_pu", "va_degree", "p_from_mw", "q_to_mvar", "loading_percent", "generator_p_mw"):
            np.testing.assert_array_equal(getattr(one.solved.state, field), getattr(two.solved.state, field))
        np.testing.assert_array_equal(one.assessed.temperature_c, two.assessed.temperature_c)
        np.testing.assert_array_equal(one.assessed.risk.failure_probability, two.assessed.risk.failure_probability)
        assert one.assessed.metrics == two.assessed.metrics
        if row < ROWS - 1:
            simulated.run(elapsed=STEP)
            replayed.run(elapsed=timedelta(0))


def test_after_its_end_the_last_state_stays_and_is_stale(replayed: Rig) -> None:
    last = replayed.run(ROWS - 1)
    assert not last.solved.stale
    ended = replayed.run()
    assert ended.solved.stale
    assert "the recording has ended" in stale_reason(ended)
    assert ended.simulated_at == last.simulated_at
    np.testing.assert_array_equal(ended.solved.state.vm_pu, last.solved.state.vm_pu)
    assert replayed.alarms(AlarmKind.SOURCE_STALE) == ["The source"]


def test_a_file_that_is_gone_makes_the_state_stale_until_it_is_back(replayed: Rig, file: Path) -> None:
    before = replayed.run()
    away = file.rename(file.with_suffix(".away"))
    stale = replayed.run()
    assert stale.solved.stale
    assert "day.csv" in stale_reason(stale)
    replayed.run(10)
    away.rename(file)
    good = replayed.run()
    assert (good.solved.stale, good.control.cycle.failed) == (False, 0)
    assert good.simulated_at == before.simulated_at + STEP


def test_plans_are_made_but_nobody_carries_them_out(replayed: Rig) -> None:
    planner = replayed.services.planner
    planner.plan_once(replayed.board, planner.requirements)
    assert planner.plan is not None
    assert replayed.post("/api/grid/optimize", {})["plan"] is not None
    closed = replayed.now.solved.state.closed
    refused = replayed.post("/api/grid/apply", {}, 409)
    assert refused["error"] == "The plan is advice only: the source (replay) carries out no orders."
    assert replayed.post("/api/grid/apply", {"undo": True}, 409)["error"].startswith("There is nothing to undo")
    after = replayed.run()
    np.testing.assert_array_equal(after.solved.state.closed, closed)
    assert after.control.operations.pending == ()


def test_events_and_simulated_time_are_refused(replayed: Rig) -> None:
    event = {"kind": EventKind.LOAD_SURGE, "target": None, "magnitude": 2.0}
    assert replayed.post("/api/events", event, 409)["error"] == "The source (replay) takes no simulated events."
    assert replayed.client.delete("/api/events?id=1").status_code == 409
    engine = replayed.engine
    for command in (engine.pause, engine.resume, engine.step, lambda: engine.set_speed(2.0)):
        with pytest.raises(NotOfferedError, match="no simulated time"):
            command()
    SourceAnswer.model_validate_json(replayed.client.get("/api/grid/data-source").data)
    source = replayed.get("/api/grid/data-source")
    assert (source["source"], source["is_active"], source["speed_minutes_per_s"]) == ("replay", True, None)


def hidden(rig: Rig, component: str) -> bool:
    """Whether the page's frame hides a component, itself or with what is around it."""
    chain = chain_to(layout(PageServices(**vars(rig.services), views=NetworkViews())), component)
    assert chain
    return any((getattr(part, "style", None) or {}).get("display") == "none" for part in chain)


def chain_to(part: object, component: str) -> list[object]:
    """A component and what it stands in; nothing where it doesn't."""
    if getattr(part, "id", None) == component:
        return [part]
    children = getattr(part, "children", None) or []
    for child in children if isinstance(children, list | tuple) else [children]:
        if found := chain_to(child, component):
            return [part, *found]
    return []


def test_the_page_says_replay_and_offers_neither_events_nor_speed(new_rig: NewRig, replayed: Rig) -> None:
    assert source_state(replayed.now) == ("running", "Replay")
    simulated = new_rig()
    for component in ("simulation-speed", "simulation-toggle", "simulation-step", "events-open"):
        assert hidden(replayed, component)
        assert not hidden(simulated, component)


def edited(file: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> Path:
    """The file with its rows of cells changed; the first is the header."""
    rows = change([line.split(",") for line in file.read_text(encoding="utf-8").splitlines()])
    file.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    return file


def active_loads_alone(rows: list[list[str]]) -> list[list[str]]:
    kept = [
        place
        for place, name in enumerate(rows[0])
        if name == "time" or name.startswith("weather.") or (name.startswith("load.") and name.endswith(".p_mw"))
    ]
    return [[row[place] for place in kept] for row in rows]


def test_a_grid_that_measures_active_loads_alone_is_watched_all_the_same(new_rig: NewRig, file: Path) -> None:
    """No reactive power, voltage, generator, branch or switch is measured; nothing is suspect for that."""
    rig = new_rig(source=f"replay:{edited(file, active_loads_alone)}")
    now, network = rig.run(3), rig.now.case.network
    assert not now.solved.stale
    assert (now.measured.frame.load.q_mvar, now.measured.frame.bus.vm_pu, now.measured.frame.branch.closed) == (
        None,
        None,
        None,
    )
    assert rig.alarms(AlarmKind.SENSOR_SUSPECT) == []
    np.testing.assert_array_equal(now.solved.state.load_p_mw, now.measured.frame.load.p_mw.value)
    np.testing.assert_allclose(
        now.solved.state.load_q_mvar / now.solved.state.load_p_mw, network.load.q_mvar / network.load.p_mw
    )
    np.testing.assert_array_equal(now.solved.state.closed, network.branch.closed)
    for path in ("grid/state", "grid/statistics", "grid/node/3", "grid/paths", "grid/risk", "grid/loss", "alarms"):
        rig.get(f"/api/{path}")
    for asset in (Asset(AssetKind.BUS, 3), Asset(AssetKind.BRANCH, 3)):
        card = asset_card(now, NetworkViews().of(network), asset)
        assert not [fact.label for fact in card.live if "easured" in fact.label]
    rig.run(ROWS - 4)
    first, *_ = rig.board.history.hours.take()
    assert np.isnan(first.fed_in_mw)  # nobody meters the generators
    assert first.delivered_mw == pytest.approx(first.load_mw)


def test_the_drawer_says_what_is_measured_and_what_it_is_worth(new_rig: NewRig, file: Path) -> None:
    more = {
        "branch.3.temperature_c": "41.25",
        "branch.3.temperature_c.standard_deviation": "0.5",
        "branch.3.tap_pos": "-2",
        "branch.3.tap_pos.reason": "substituted",
        "bus.3.va_degree": "-1.5",
        "bus.3.va_degree.quality": "suspect",
        "bus.3.va_degree.reason": "out_of_range",
    }
    edited(file, lambda rows: [[*rows[0], *more], *([*row, *more.values()] for row in rows[1:])])
    rig = new_rig(source=f"replay:{file}")
    views = NetworkViews().of(rig.now.case.network)
    branch, bus = (
        {fact.label: f"{fact.value}; {fact.note}".replace("\u202f", " ").replace("\u00a0", " ") for fact in card.live}
        for card in (asset_card(rig.now, views, Asset(kind, 3)) for kind in (AssetKind.BRANCH, AssetKind.BUS))
    )
    assert branch["Measured temperature"] == "41.2 °C; quality: good, σ 0.50 °C"
    assert branch["Measured tap position"] == "−2; quality: good, substituted"
    assert bus["Measured angle"] == "−1.50 °; quality: suspect, out of range"
    assert bus["Measured"].startswith("1.0")


def test_a_recording_of_another_grid_is_refused(replayed: Rig, new_rig: NewRig, file: Path) -> None:
    refused = replayed.post("/api/case", {"case": "case14"}, 422)
    assert "day.csv" in refused["error"]
    assert not replayed.run().solved.stale
    with pytest.raises(CaseError, match=r"day\.csv: row 1, load"):
        new_rig("case14", source=f"replay:{file}")


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record.main(["--out", str(tmp_path / "no" / "day.csv"), "--hours", "1"]) == 1
    assert "No such file" in capsys.readouterr().err
    assert record.main(["--out", str(tmp_path / "day.csv"), "--case", "nowhere"]) == 2
    assert Settings(_env_file=None).source == "simulator"
