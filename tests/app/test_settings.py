"""Settings come from the environment, are bounded, and stand in the README."""

import re

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    text = default.isoformat() if hasattr(default, "isoformat") else str(default)
    assert re.search(rf"^\| `SMARTGRID_{name.upper()}` \| `{re.escape(text)}` \|", README, re.MULTILINE)


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    assert {name.lower() for name in re.findall(r"`SMARTGRID_(\w+)`", README)} == set(Settings.model_fields)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTGRID_CASE", "case14")
    monkeypatch.setenv("SMARTGRID_CYCLE_SECONDS", "0.5")
    settings = Settings()
    assert (settings.case, settings.cycle_seconds) == ("case14", 0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "x"),
        ("cycle_seconds", "0"),
        ("speed_minutes_per_s", "-1"),
        ("start", "tomorrow"),
        ("start", "9999-12-31T23:00"),
        ("start", "1900-01-01T00:00"),
        ("risk_weight", "nan"),
        ("log_level", "LOUD"),
        ("upload_mb", "0"),
    ],
)
def test_wrong_values_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SMARTGRID_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()
