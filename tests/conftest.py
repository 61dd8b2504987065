"""What tests of several folders share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from ml.maintenance.model.store import save
from tests.cases import changed_cases
from tests.ml.fleets import tiny_models

SAMPLE, LONG = "sample", "long"
settings.register_profile(SAMPLE, max_examples=30, deadline=None)
settings.register_profile(LONG, max_examples=1000, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """Generate a sample of examples where the long tests are left out, and many where they are not."""
    settings.load_profile(SAMPLE if "not long" in config.getoption("markexpr") else LONG)


@pytest.fixture(scope="session", autouse=True)
def cases_stay_as_they_are() -> Iterator[None]:
    """At the end no test has written to a case that others share."""
    yield
    assert not changed_cases()


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Failure models as files, to be read only: trained once a run, by the worker that needs them first."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder = run / "failure-models"
    with FileLock(run / "failure-models.lock"):
        if not folder.exists():
            save(tiny_models(), folder)
    return folder
