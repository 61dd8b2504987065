"""The tick: what it holds, and how small it is."""

import gzip
import json
import time
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.utils import PlotlyJSONEncoder

from app.map.controls import size_notes
from app.map.network_view import NetworkView, NetworkViews, short_names
from app.map.tick import Seen, now_seen, tick
from app.overview.tick import figures_tick
from app.web.browser_view import Asset, Layer, View
from components.common.kpi import TITLES
from components.map.style import EdgeStatus, NodeStatus
from grid.alarms.book import AssetKind
from grid.cases.cases import load_case
from grid.studies.areas import partition
from grid.telemetry import EventKind
from tests.app.rig import Rig, make_rig

BUDGET_BYTES = 2000
EVERYTHING, NOTHING = View(), Seen()


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def tick_of(rig: Rig, shown: NetworkView, view: View = EVERYTHING, seen: Seen = NOTHING) -> dict[str, Any]:
    """The tick of a rig's latest snapshot as a browser gets it."""
    data = tick(rig.board, shown, view, seen, time.monotonic())
    data |= figures_tick(rig.board, shown, view, seen, {"alarms": seen.alarms})
    return json.loads(json.dumps(data, cls=PlotlyJSONEncoder, allow_nan=False))


def view_of(rig: Rig) -> NetworkView:
    return NetworkView(rig.now.case.network, "k")


@pytest.mark.parametrize("layer", Layer)
def test_a_tick_of_case118_is_small(cache_dir: Path, layer: Layer) -> None:
    rig = make_rig(cache_dir, "case118")
    shown, view = view_of(rig), View(layer)
    rig.run(3)
    seen = now_seen(rig.board, shown, view)
    rig.run(1, timedelta(minutes=15))
    data = tick_of(rig, shown, view, seen)
    assert len(gzip.compress(json.dumps(data, separators=(",", ":")).encode())) <= BUDGET_BYTES
    assert data["loss"][-1][1] == pytest.approx(rig.now.assessed.metrics.loss_mw, rel=1e-4)


def test_map_tells_outage_and_lost_supply_without_nan(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    mall, shopping = rig.branch("Mall Line"), rig.bus("Shopping Complex")
    rig.engine.add_event(EventKind.LINE_OUTAGE, mall, 1.0)
    rig.run(2)
    for layer in Layer:
        values = tick_of(rig, view_of(rig), View(layer, asset=Asset(AssetKind.BUS, shopping)))["map"]
        assert [mall, EdgeStatus.OPEN.value] in values["es"]
        assert [shopping, NodeStatus.DEAD.value, None] in values["ns"]
        assert values["f"][mall] == 0
        assert len(values["f"]) == rig.now.case.network.n_branch


def test_lost_load_is_told_in_alarm_colour_and_losses_are_not_compared(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    rig.run(2)
    kpi = dict(zip(TITLES, tick_of(rig, view_of(rig))["kpi"], strict=True))
    assert "kpi-alarm" not in kpi["Without supply"][3]
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Mall Line"), 1.0)
    rig.run(2, timedelta(minutes=30))
    lost = rig.now.assessed.metrics.unsupplied_mw
    assert lost > 0
    kpi = dict(zip(TITLES, tick_of(rig, view_of(rig))["kpi"], strict=True))
    assert kpi["Without supply"][0] == f"■ {lost:.1f}\u202fMW"
    assert "kpi-alarm" in kpi["Without supply"][3]
    for title in ("Losses", "Efficiency"):
        assert kpi[title][2] == "not compared: load is lost"
        assert "kpi-muted" in kpi[title][3]


def test_marked_supply_paths_reach_every_supplied_bus(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    north, south = rig.bus("North Power Plant"), rig.bus("South Thermal Station")
    values = tick_of(rig, view_of(rig), View(paths=(north, south)))["map"]
    assert set(values["np"]) == {1, 2}
    assert sum(number > 0 for number in values["ep"]) == rig.now.case.network.n_bus - 2


def test_lists_that_a_browser_has_are_left_out(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    shown, view = view_of(rig), View()
    assert {"alarms", "events", "banner", "quality"} <= tick_of(rig, shown).keys()
    again = tick_of(rig, shown, view, now_seen(rig.board, shown, view))
    assert not {"alarms", "events", "banner", "quality"} & again.keys()
    has = now_seen(rig.board, shown, view)
    assert Seen.parse(asdict(has)) == replace(has, alarms="")
    assert Seen.parse({"version": "x"}) == Seen.parse(None) == Seen()


def test_a_consequence_is_found_at_its_asset_and_names_its_root(cache_dir: Path) -> None:
    rig = make_rig(cache_dir)
    rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), 1.0)
    rig.run(2)
    listed = str(tick_of(rig, view_of(rig))["alarms"])
    assert "Campus Line has tripped (2 consequences)." in listed
    assert "Shopping Complex has lost its supply." in listed
    chosen = View(asset=Asset(AssetKind.BUS, rig.bus("Shopping Complex")))
    drawer = str(tick_of(rig, view_of(rig), chosen)["asset"]["body"])
    assert "Shopping Complex has lost its supply." in drawer
    assert "Consequence of: Campus Line has tripped." in drawer


@pytest.mark.parametrize("kind", [AssetKind.BUS, AssetKind.BRANCH])
def test_drawer_tells_of_every_asset(cache_dir: Path, kind: AssetKind) -> None:
    rig = make_rig(cache_dir)
    network = rig.now.case.network
    for index in range(network.n_bus if kind is AssetKind.BUS else network.n_branch):
        asset = tick_of(rig, view_of(rig), View(asset=Asset(kind, index)))["asset"]
        assert "nan" not in json.dumps(asset).lower().replace("mantine", "")
        assert asset["name"]


LONG = {"network": "k", "asset": f"bus-{'9' * 5000}"}


def test_views_from_browsers_are_checked(cache_dir: Path) -> None:
    network = make_rig(cache_dir).now.case.network
    good = {"network": "k", "layer": "voltage", "asset": "bus-3@1", "paths": ["bus-0", "x"], "area": 2}
    assert View.parse(good, network, "k") == View(Layer.VOLTAGE, 2, Asset(AssetKind.BUS, 3), (0,))
    assert View.parse(good, network, "other") == View(Layer.VOLTAGE)
    for bad in (
        None,
        3,
        {"network": "k", "asset": "bus-99", "area": -1, "layer": "x", "paths": 5},
        {"asset": {}},
        LONG,
    ):
        assert View.parse(bad, network, "k") == View()


def test_search_finds_names_and_its_own_entries(cache_dir: Path) -> None:
    shown = view_of(make_rig(cache_dir))
    found = shown.search("campus", 30)
    assert [option["label"] for option in found[:2]] == ["Campus Line (branch)", "University Campus (bus)"]
    assert shown.search(found[0]["label"], 1)[0] == found[0]


def test_another_network_gets_another_key(cache_dir: Path) -> None:
    first = make_rig(cache_dir).now.case.network
    second = load_case("city8", cache_dir).network  # the same grid loaded again is another network
    views = NetworkViews()
    key = views.of(first).key
    assert views.of(first).key == key
    assert views.of(second).key != key


def test_areas_of_a_large_grid(cache_dir: Path) -> None:
    rig = make_rig(cache_dir, "case2869pegase")
    shown, network = view_of(rig), rig.now.case.network
    areas = partition(network)
    assert 40 <= len(areas) <= 120
    assert (partition(network).area == areas.area).all()
    assert set(areas.area) == set(range(len(areas)))
    outside = tick_of(rig, shown)["map"]
    assert len(outside["b"]) == len(areas)
    assert len(outside["f"]) == len(areas.corridor_from)
    owned = np.concatenate([shown.scope(area).bus[: shown.scope(area).n_own] for area in range(len(areas))])
    assert sorted(owned) == list(range(network.n_bus))
    assert len(tick_of(rig, shown, View(area=0))["map"]["f"]) == len(shown.scope(0).branch)


def test_the_map_says_what_a_grid_of_its_size_does_not_get(cache_dir: Path) -> None:
    told = str(size_notes(make_rig(cache_dir, "case2869pegase").now.case.network))
    assert "up to 1,500 buses" in told
    assert "up to 300 branches" in told
    assert size_notes(make_rig(cache_dir).now.case.network) == []


def test_corridor_flow_is_the_sum_of_its_branches(cache_dir: Path) -> None:
    rig = make_rig(cache_dir, "case2869pegase")
    shown = view_of(rig)
    areas, state = partition(rig.now.case.network), rig.now.solved.state
    across = areas.corridor == 0
    flow = float((state.p_from_mw * areas.direction)[across & state.closed].sum())
    sent = tick_of(rig, shown)["map"]["f"][0] * shown.flow_reference_mw / 100
    assert sent == pytest.approx(flow, abs=0.006 * shown.flow_reference_mw)


def test_short_names_drop_only_a_common_first_word() -> None:
    names = ("MV1 Bus 1", "MV1 Bus 2", "MV1 Bus 3", "MV1 Bus 4", "HV1 Bus 9")
    assert short_names(names) == ("Bus 1", "Bus 2", "Bus 3", "Bus 4", "HV1 Bus 9")
    assert short_names(("Bus 1", "Bus 2")) == ("Bus 1", "Bus 2")
    assert short_names(()) == ()
