"""Rigs for the tests of the process."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.rig import Rig, make_rig


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def no_training_is_left() -> Iterator[None]:
    """A training that a test leaves behind takes a core from all others."""
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "fleets" and not _ends(thread)]


def _ends(thread: threading.Thread) -> bool:
    thread.join(10.0)
    return not thread.is_alive()


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
