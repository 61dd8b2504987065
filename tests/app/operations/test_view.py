"""What the drawer and the map show of tags."""

from pathlib import Path

import pytest

from app.map.network_view import NetworkViews
from app.operations.view import operate_card
from app.optimisation.view_marks import tag_marks
from app.web.browser_view import Asset
from grid.alarms.book import AssetKind
from ml.optimisation.plans.tags import TaggedKind, TagKind
from tests.app.rig import Rig, make_rig


@pytest.fixture
def tagged(tmp_path: Path) -> Rig:
    """city8 with a note on Mall Line, a lock on Campus Line, and one on the rooftop PV of Residential Hub."""
    rig = make_rig(tmp_path)
    pv = rig.generator("Residential rooftop PV")
    for kind, on, target in (
        (TagKind.NOTE, TaggedKind.BRANCH, rig.branch("Mall Line")),
        (TagKind.DO_NOT_OPERATE, TaggedKind.BRANCH, rig.branch("Campus Line")),
        (TagKind.DO_NOT_OPERATE, TaggedKind.GENERATOR, pv),
    ):
        rig.engine.tag(kind, on, target, "crew at work", "Ann")
    rig.run()
    return rig


def test_an_asset_lists_the_tags_that_hang_on_it(tagged: Rig) -> None:
    def tags(kind: AssetKind, index: int) -> list[tuple[str, bool]]:
        return [(tag.words, tag.forbids) for tag in operate_card(tagged.now, Asset(kind, index)).tags]

    assert tags(AssetKind.BRANCH, tagged.branch("Mall Line")) == [("Note", False)]
    assert tags(AssetKind.BRANCH, tagged.branch("Campus Line")) == [("Do not operate", True)]
    assert tags(AssetKind.BRANCH, tagged.branch("Ridge Line")) == []
    hub = [("Do not operate: Residential rooftop PV", True)]
    assert tags(AssetKind.BUS, tagged.bus("Residential Hub")) == hub
    assert tags(AssetKind.BUS, tagged.bus("Shopping Complex")) == []


def test_the_map_marks_notes_and_locked_generators_apart(tagged: Rig) -> None:
    network = tagged.now.case.network
    scope = NetworkViews().of(network).scope(None)
    marked = tag_marks(tagged.now.control.tags, scope, network)
    assert [int(scope.branch[i]) for i in marked["kn"]] == [tagged.branch("Mall Line")]  # type: ignore[attr-defined]
    assert [[int(scope.bus[i]), held] for i, held in marked["kb"]] == [[tagged.bus("Residential Hub"), 1]]  # type: ignore[attr-defined]
    assert tag_marks((), scope, network) == {}


def test_a_switch_offers_the_other_position(tagged: Rig) -> None:
    offered = operate_card(tagged.now, Asset(AssetKind.BRANCH, tagged.branch("Park Tie"))).switch
    assert offered == (tagged.branch("Park Tie"), "Park Tie", True)
    offered = operate_card(tagged.now, Asset(AssetKind.BRANCH, tagged.branch("Ridge Line"))).switch
    assert offered == (tagged.branch("Ridge Line"), "Ridge Line", False)
    assert operate_card(tagged.now, Asset(AssetKind.BUS, 0)).switch is None
