"""Root causes: each consequence under the trip that explains it, against graph searches of networkx and by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from grid.alarms.book import Alarm, AlarmKind, AlarmRule, AlarmState, AssetKind, Priority
from grid.alarms.cards import AlarmCard, ProspectKind
from grid.alarms.root_causes import Operation, explain_dead
from grid.alarms.rules import AlarmWatch, SolvedScan
from grid.assets.register import temperature_limit_c
from grid.flow.powerflow import Injection, PowerFlow
from grid.network import BoolArray, Network
from tests.cases import shared_case

START, MINUTES = datetime(2026, 1, 15, 6, tzinfo=UTC), timedelta(minutes=5)


class Watch:
    """A case that is judged every five minutes, with branches and generators that are out and loads scaled."""

    def __init__(self, spec: str) -> None:
        self.network = shared_case(spec).network
        self.limit_c = temperature_limit_c(self.network)
        self.alarms = AlarmWatch(self.network, self.limit_c)
        self.ordered = self.network.branch.closed.copy()
        self.scale = 1.0
        self.now = START
        self._power_flow = PowerFlow(self.network)

    def cycle(self, out: Sequence[int] = (), off: Sequence[int] = (), cycles: int = 1) -> tuple[AlarmCard, ...]:
        """Judge cycles with tripped branches and generators; the cards after the last."""
        own = Injection.of_case(self.network)
        closed, on = self.ordered.copy(), np.ones(len(self.network.generator), dtype=bool)
        closed[list(out)], on[list(off)] = False, False
        injection = replace(
            own, load_p_mw=self.scale * own.load_p_mw, load_q_mvar=self.scale * own.load_q_mvar, generator_on=on
        )
        state = self._power_flow.solve(injection, closed)
        for _ in range(cycles):
            self.alarms.watch_state(
                SolvedScan(
                    state=state,
                    temperature_c=np.full(self.network.n_branch, 20.0),
                    expected_closed=self.ordered,
                    expected_on=np.ones(len(on), dtype=bool),
                    generator_on=on,
                    load_p_mw=injection.load_p_mw,
                ),
                self.now,
            )
            self.now += MINUTES
        return self.alarms.cards()

    def branch(self, name: str) -> int:
        return self.network.branch.name.index(name)

    def generator(self, name: str) -> int:
        return self.network.generator.name.index(name)


def named(card: AlarmCard) -> tuple[str, set[str]]:
    return card.alarm.asset_name, {one.alarm.asset_name for one in card.consequences}


def flat(cards: Sequence[AlarmCard]) -> list[Alarm]:
    return [alarm for card in cards for alarm in card.alarms]


def graph_of(network: Network, closed: BoolArray) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(network.n_bus))
    ends = zip(network.branch.from_bus.tolist(), network.branch.to_bus.tolist(), closed.tolist(), strict=True)
    graph.add_edges_from((tail, head, place) for place, (tail, head, is_closed) in enumerate(ends) if is_closed)
    return graph


def test_one_trip_is_one_card_with_what_it_darkens() -> None:
    watch = Watch("city8")
    assert watch.cycle() == ()
    (card,) = watch.cycle([watch.branch("Campus Line")])
    assert named(card) == ("Campus Line", {"University Campus", "Shopping Complex"})
    effects = card.effects
    assert effects is not None
    assert (effects.dead_buses, effects.lost_loads) == (2, 2)
    assert effects.lost_kw == pytest.approx(48_000)
    assert (card.prospect.kind, card.prospect.value) == (ProspectKind.UNSUPPLIED, pytest.approx(48_000))
    assert {one.prospect.value for one in card.consequences} == {20_000, 28_000}
    assert {one.root for one in card.consequences} == {card.alarm}


def test_of_two_trips_each_has_the_buses_behind_it() -> None:
    """Mall Line lies behind Campus Line: what is dark behind both belongs to the nearer one."""
    watch = Watch("city8")
    watch.cycle()
    cards = watch.cycle([watch.branch(name) for name in ("Campus Line", "Mall Line", "Ridge Line")])
    assert dict(named(card) for card in cards) == {
        "Campus Line": {"University Campus"},
        "Mall Line": {"Shopping Complex"},
        "Ridge Line": {"Uptown Substation"},
    }
    cards = watch.cycle([watch.branch("Campus Line")])
    held = {named(card)[0]: named(card)[1] for card in cards if card.alarm.state is AlarmState.UNACKNOWLEDGED}
    assert held == {"Campus Line": {"University Campus", "Shopping Complex"}}


@pytest.mark.parametrize("seed", range(6))
def test_dead_buses_belong_to_the_nearest_trip_on_their_only_path(seed: int) -> None:
    """In a radial grid there is one path to the source: networkx finds it."""
    network = shared_case("synthetic:300:5").network
    rng, ordered = np.random.default_rng(seed), network.branch.closed
    out = rng.choice(np.flatnonzero(ordered), 4, replace=False)
    closed = ordered.copy()
    closed[out] = False
    injection = Injection.of_case(network)
    state = PowerFlow(network).solve(injection, closed)
    operation = Operation(
        state=state,
        expected_closed=ordered,
        generator_on=injection.generator_on,
        load_p_mw=injection.load_p_mw,
        is_loaded_too_much=np.zeros(network.n_branch, dtype=bool),
        is_out_of_band=np.zeros(network.n_bus, dtype=bool),
    )
    found, graph, root = explain_dead(network, operation), graph_of(network, ordered), network.n_bus
    graph.add_edges_from((root, source, "source") for source in network.source_buses.tolist())
    for bus in range(network.n_bus):
        expected = -1
        path = nx.shortest_path(graph, bus, root)
        for tail, head in pairwise(path[:-1]):
            (edge,) = graph[tail][head]
            if edge in out:
                expected = edge
                break
        assert found.branch[bus] == expected
        assert (expected >= 0) == (not state.energised[bus])
    assert (found.generator == -1).all()


def test_a_tripped_head_of_a_feeder_folds_hundreds_of_dead_buses() -> None:
    watch = Watch("synthetic:1000:2")
    network, graph = watch.network, graph_of(watch.network, watch.ordered)
    assert watch.cycle() == ()
    behind: dict[int, set[int]] = {}
    for source in network.source_buses.tolist():
        for head, places in graph[source].items():
            reach = graph.copy()
            reach.remove_node(source)
            behind[next(iter(places))] = nx.node_connected_component(reach, head)
    head = max(behind, key=lambda place: len(behind[place]))
    dark = sorted(behind[head])
    assert len(dark) >= 100
    (card,) = watch.cycle([head])
    assert card.alarm.asset_id == head
    assert card.effects is not None
    assert card.effects.dead_buses == len(dark)
    at = np.isin(network.load.bus, dark) & (network.load.p_mw != 0)
    assert card.effects.lost_loads == at.sum()
    assert card.effects.lost_kw == pytest.approx(1000 * network.load.p_mw[at].sum())
    assert {one.alarm.asset_id for one in card.consequences} == set(network.load.bus[at].tolist())


def test_a_lost_station_has_its_island_and_a_lost_machine_what_others_take_over() -> None:
    watch = Watch("city8")
    watch.cycle()
    (card,) = watch.cycle(off=[watch.generator("South Thermal Station")])
    assert card.alarm.kind is AlarmKind.GENERATOR_TRIPPED
    assert named(card) == ("South Thermal Station", {"Industrial Zone", "Residential Hub"})
    meshed = Watch("case30")
    meshed.cycle()
    machine = int(np.flatnonzero(meshed.network.generator.is_regulating)[0])
    card = next(one for one in meshed.cycle(off=[machine]) if one.alarm.kind is AlarmKind.GENERATOR_TRIPPED)
    assert card.prospect.kind is ProspectKind.OTHERS_TAKE_OVER
    assert card.prospect.value == pytest.approx(meshed.network.generator.p_mw[machine])


def test_a_region_that_was_switched_off_is_one_card_without_a_trip() -> None:
    watch = Watch("city8")
    watch.cycle()
    watch.ordered[watch.branch("Campus Line")] = False  # an order, so nothing has tripped
    (card,) = watch.cycle()
    assert card.alarm.kind is AlarmKind.LOSS_OF_SUPPLY
    assert named(card) == ("Shopping Complex", {"University Campus"})  # the larger demand leads
    assert card.effects is not None
    assert (card.effects.dead_buses, card.effects.lost_kw) == (2, pytest.approx(48_000))


def test_limits_broken_in_the_cycle_of_a_trip_come_with_it_and_earlier_ones_do_not() -> None:
    """Two parallel ways in case30: the trip of one overloads the rest; an overload that was there stays on its own."""
    watch = Watch("case30")
    watch.scale = 1.15
    before = watch.cycle(cycles=3)
    earlier = {alarm.id for alarm in flat(before)}
    assert before
    assert all(not card.consequences for card in before)
    trip = watch.branch(most_loaded(watch))
    cards = watch.cycle([trip], cycles=3)  # the alarm comes after its delay, what it is of began with the trip
    (card,) = [one for one in cards if one.alarm.kind is AlarmKind.BRANCH_TRIPPED]
    folded = {one.alarm.id for one in card.consequences}
    new = {alarm.id for alarm in flat(cards)} - earlier - {card.alarm.id}
    assert new
    assert folded == new
    assert card.effects is not None
    assert card.effects.overloads + card.effects.low_voltages + card.effects.high_voltages == len(new)


def most_loaded(watch: Watch) -> str:
    """The branch that carries most in case30's own state and whose trip leaves every bus with supply."""
    network = watch.network
    state = PowerFlow(network).solve(Injection.of_case(network), watch.ordered)
    return network.branch.name[int(np.argmax(np.abs(state.p_from_mw)))]


def test_two_trips_in_one_cycle_share_the_overloads_by_distance() -> None:
    watch = Watch("case118")
    watch.scale = 0.9
    watch.cycle(cycles=3)
    graph, state = graph_of(watch.network, watch.ordered), None
    state = PowerFlow(watch.network).solve(Injection.of_case(watch.network), watch.ordered)
    order = np.argsort(-np.abs(state.p_from_mw))
    trips = [int(order[0]), next(int(i) for i in order[1:] if far(graph, watch.network, int(order[0]), int(i)))]
    cards = watch.cycle(trips, cycles=3)
    roots = {card.alarm.asset_id: card for card in cards if card.alarm.kind is AlarmKind.BRANCH_TRIPPED}
    assert set(roots) == set(trips)
    overloads = [
        (place, one.alarm.asset_id)
        for place, card in roots.items()
        for one in card.consequences
        if one.alarm.kind is AlarmKind.OVERLOAD
    ]
    assert overloads
    for place, branch in overloads:
        assert branch is not None
        assert place is not None
        distances = {trip: apart(graph, watch.network, trip, branch) for trip in trips}
        assert distances[place] == min(distances.values())


def apart(graph: nx.MultiGraph, network: Network, one: int, other: int) -> int:
    ends = [(int(network.branch.from_bus[i]), int(network.branch.to_bus[i])) for i in (one, other)]
    return min(nx.shortest_path_length(graph, a, b) for a in ends[0] for b in ends[1])


def far(graph: nx.MultiGraph, network: Network, one: int, other: int) -> bool:
    return apart(graph, network, one, other) >= 3


def test_after_the_repair_a_card_returns_as_one_and_goes_when_it_is_acknowledged() -> None:
    watch = Watch("city8")
    watch.cycle()
    (card,) = watch.cycle([watch.branch("Campus Line")])
    (back,) = watch.cycle()
    assert named(back) == named(card)
    assert {alarm.state for alarm in back.alarms} == {AlarmState.RETURNED_UNACKNOWLEDGED}
    assert back.prospect.kind is ProspectKind.OVER
    assert back.effects is not None
    assert (back.effects.dead_buses, back.effects.lost_kw) == (0, 0)
    watch.alarms.acknowledge(back.alarm.id, "Ada", watch.now)
    assert watch.alarms.cards() == ()


def test_acknowledging_the_root_acknowledges_what_is_folded_and_no_other() -> None:
    watch = Watch("city8")
    watch.cycle()
    cards = watch.cycle([watch.branch("Campus Line"), watch.branch("Ridge Line")])
    campus = next(card for card in cards if card.alarm.asset_name == "Campus Line")
    watch.alarms.acknowledge(campus.alarm.id, "Ada", watch.now)
    states = {card.alarm.asset_name: {alarm.state for alarm in card.alarms} for card in watch.alarms.cards()}
    assert states == {"Campus Line": {AlarmState.ACKNOWLEDGED}, "Ridge Line": {AlarmState.UNACKNOWLEDGED}}
    assert {alarm.acknowledged_by for alarm in flat(watch.alarms.cards())} == {"Ada", None}
    assert watch.cycle() != ()  # Ridge Line has returned unacknowledged; what Ada has seen is gone
    assert {card.alarm.asset_name for card in watch.alarms.cards()} == {"Ridge Line"}


def test_a_consequence_alone_can_be_acknowledged() -> None:
    watch = Watch("city8")
    watch.cycle()
    (card,) = watch.cycle([watch.branch("Campus Line")])
    watch.alarms.acknowledge(card.consequences[0].alarm.id, "Ada", watch.now)
    (card,) = watch.alarms.cards()
    assert card.alarm.state is AlarmState.UNACKNOWLEDGED
    assert {one.alarm.state for one in card.consequences} == {AlarmState.ACKNOWLEDGED, AlarmState.UNACKNOWLEDGED}


def test_what_was_wrong_with_a_dead_bus_before_is_shelved_under_the_trip() -> None:
    watch = Watch("case33bw")
    watch.scale = 1.6  # the far end falls below its band
    before = watch.cycle(cycles=3)
    low = {card.alarm.asset_id for card in before if card.alarm.kind is AlarmKind.VOLTAGE_DEVIATION}
    assert low
    head = int(np.flatnonzero(watch.network.branch.from_bus == watch.network.source_buses[0])[0])
    (card,) = watch.cycle([head])
    assert card.alarm.kind is AlarmKind.BRANCH_TRIPPED
    shelved = {one.alarm.asset_id for one in card.consequences if one.alarm.kind is AlarmKind.VOLTAGE_DEVIATION}
    assert shelved == low
    assert card.effects is not None
    assert card.effects.low_voltages == 0  # a dead bus has no low voltage


def test_every_alarm_is_on_one_card() -> None:
    """Random trips and repairs: nothing is lost and nothing is shown twice."""
    watch, rng = Watch("synthetic:300:5"), np.random.default_rng(3)
    closed = np.flatnonzero(watch.ordered)
    for _ in range(25):
        cards = watch.cycle(rng.choice(closed, int(rng.integers(0, 4)), replace=False).tolist())
        shown = [alarm.id for alarm in flat(cards)]
        assert sorted(shown) == sorted(alarm.id for alarm in watch.alarms.book.active())
        assert len(set(shown)) == len(shown)
        if cards and rng.random() < 0.3:
            watch.alarms.acknowledge(cards[int(rng.integers(len(cards)))].alarm.id, "Ada", watch.now)


def test_an_alarm_of_a_kind_that_is_new_lasts_and_is_not_called_expected() -> None:
    new = str.__new__(AlarmKind, "high_losses")
    new._name_, new._value_, new.quantity, new.condition = "HIGH_LOSSES", "high_losses", "Losses", "loses too much"
    watch = Watch("city8")
    lost, limit = np.full(watch.network.n_branch, 1.0), np.full(watch.network.n_branch, 2.0)
    limit[3] = 0.5
    rule = AlarmRule(new, AssetKind.BRANCH, Priority.LOW, "MW")
    watch.alarms.book.update(rule, lost, watch.network.branch.name, watch.now, high_limits=limit)
    (card,) = watch.cycle()
    assert (card.alarm.asset_id, card.prospect.kind) == (3, ProspectKind.LASTS)
