"""Where models have seen assets: inside, outside of a trait's range, and unlike all in traits together."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.maintenance.fleet.fleet import simulate
from ml.maintenance.model.store import ModelBundle, load
from ml.maintenance.model.support import TRAITS, WIDENED, Support
from ml.maintenance.records import WhyNot, WhyNotKind


def rows_of(*seeds: int) -> pd.DataFrame:
    """Of fleets with a climate each."""
    fleets = [simulate(150, 1, np.random.default_rng(seed), 4).features for seed in seeds]
    return pd.concat(fleets, ignore_index=True)


@pytest.fixture(scope="module")
def support() -> Support:
    return Support.of(rows_of(*range(1, 9)), rows_of(9, 10), seed=1)


@pytest.fixture(scope="module")
def others() -> pd.DataFrame:
    """Assets of other fleets."""
    return rows_of(11, 12)


@pytest.fixture(scope="module")
def usual(support: Support, others: pd.DataFrame) -> pd.DataFrame:
    """Those that are inside."""
    inside = [one is None for one in support.outside(others)]
    return others[inside].reset_index(drop=True)


def at(frame: pd.DataFrame, place: int, **values: float) -> pd.DataFrame:
    """A frame's row with other values."""
    return frame.iloc[[place]].assign(**values).reset_index(drop=True)


def test_assets_of_other_fleets_are_inside(support: Support, others: pd.DataFrame) -> None:
    assert outside_share(support, others) < 0.02


def outside_share(support: Support, frame: pd.DataFrame) -> float:
    return float(np.mean([one is not None for one in support.outside(frame)]))


@pytest.mark.parametrize("trait", TRAITS)
def test_a_trait_beyond_its_range_is_named_with_its_value(support: Support, usual: pd.DataFrame, trait: str) -> None:
    place = int(np.flatnonzero(usual["kind"] == "transformer")[0])
    kind = support.kinds["transformer"]
    lowest, highest = kind.lowest[TRAITS.index(trait)], kind.highest[TRAITS.index(trait)]
    beyond = [lowest - 0.5 * (highest - lowest)]
    if trait == "age_years":
        beyond.append(highest + 0.5 * (highest - lowest))
    for value in beyond:
        (found,) = support.outside(at(usual, place, **{trait: value}))
        assert found is not None
        assert (found.kind, found.trait) == (WhyNotKind.OUTSIDE, trait)
        assert (found.value, found.lowest, found.highest) == pytest.approx((value, lowest, highest))


def test_the_edge_is_a_little_wider_than_what_was_seen(support: Support, usual: pd.DataFrame) -> None:
    kind = support.kinds[str(usual["kind"].iloc[0])]
    highest, width = kind.highest[0], kind.highest[0] - kind.lowest[0]
    found = [support.outside(at(usual, 0, age_years=highest + share * WIDENED * width))[0] for share in (0.5, 1.5)]
    assert found[0] is None
    assert found[1] is not None
    assert found[1].kind is WhyNotKind.OUTSIDE


def test_traits_that_never_met_are_unlike() -> None:
    """Each within its range, but old ones were always hot."""
    rng = np.random.default_rng(1)
    age = rng.uniform(0.0, 60.0, (2, 2000))
    fitted, held_out = (
        pd.DataFrame({"kind": "transformer", "age_years": one, "thermal_age_years": one * rng.uniform(0.9, 1.1, 2000)})
        for one in age
    )
    support = Support.of(fitted, held_out, 1)
    kind = support.kinds["transformer"]
    (cold,) = support.outside(at(fitted, 0, age_years=kind.highest[0], thermal_age_years=kind.lowest[1]))
    assert cold == WhyNot(kind=WhyNotKind.UNLIKE)


@pytest.mark.parametrize("share", [0.9, 1.5, 20.0])
def test_insulation_aged_by_heat_more_than_any_is_no_reason(
    support: Support, usual: pd.DataFrame, share: float
) -> None:
    """Nor at an age at which none was so hot: CNAIM would say a sixth of what fails."""
    place = int(np.flatnonzero(usual["kind"] == "transformer")[0])
    kind = support.kinds["transformer"]
    age, thermal = (TRAITS.index(name) for name in ("age_years", "thermal_age_years"))
    hot = {"age_years": kind.lowest[age], "thermal_age_years": share * kind.highest[thermal]}
    assert support.outside(at(usual, place, **hot)) == (None,)


@pytest.mark.parametrize("trait", TRAITS)
def test_what_is_not_known_is_no_reason(support: Support, usual: pd.DataFrame, trait: str) -> None:
    assert outside_share(support, usual.assign(**{trait: np.nan})) < 0.02


def test_worse_condition_than_any_is_no_reason(support: Support, usual: pd.DataFrame) -> None:
    worse = usual.assign(vibration_ratio=20.0, corrosion=1.0, oil_quality=0.0, trips_last_year=50.0)
    assert support.outside(worse) == support.outside(usual)


def test_a_kind_that_was_never_seen_is_unlike(support: Support, usual: pd.DataFrame) -> None:
    known = Support({"line": support.kinds["line"]})
    outside = known.outside(usual)
    assert all(
        one == WhyNot(kind=WhyNotKind.UNLIKE)
        for one, kind in zip(outside, usual["kind"], strict=True)
        if kind != "line"
    )


def test_it_comes_back_from_json(support: Support, usual: pd.DataFrame) -> None:
    again = Support.from_plain(json.loads(json.dumps(support.as_plain())))
    assert again.outside(usual) == support.outside(usual)


def test_a_damaged_one_is_refused(support: Support) -> None:
    entry = support.as_plain()
    entry["line"]["reference"] = [[1.0]]
    with pytest.raises(ValueError, match="support of line"):
        Support.from_plain(entry)
    del entry["line"]["lowest"]["age_years"]
    with pytest.raises(KeyError):
        Support.from_plain(entry)


def test_trained_models_know_where_they_have_seen_assets(models_folder: Path) -> None:
    bundle: ModelBundle = load(models_folder)
    assert bundle.card.support is not None
    assert set(bundle.card.support.kinds) == {"line", "cable", "transformer"}
