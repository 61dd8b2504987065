"""Rigs for the tests of the process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.rig import Rig, make_rig


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def rig(cache_dir: Path) -> Rig:
    """city8 after a first cycle."""
    return make_rig(cache_dir)


@pytest.fixture
def new_rig(cache_dir: Path) -> Callable[..., Rig]:
    """Makes rigs of other cases and settings."""

    def make(case: str = "city8", **settings: object) -> Rig:
        return make_rig(cache_dir, case, **settings)

    return make
