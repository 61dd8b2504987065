"""What the dialogs say before they ask the engine for anything."""

import pytest

from app.shell.dialog_events import missing_words
from grid.telemetry import EventKind


@pytest.mark.parametrize(
    ("kind", "target", "magnitude", "words"),
    [
        (EventKind.LINE_OUTAGE, None, 1.0, "Choose a branch first."),
        (EventKind.LINE_OUTAGE, "0", 1.0, ""),
        (EventKind.GENERATOR_TRIP, "", 1.0, "Choose a generator first."),
        (EventKind.SENSOR_GONE, None, None, "Choose a bus first."),
        (EventKind.LOAD_SURGE, None, 1.5, ""),  # the whole grid
        (EventKind.LOAD_SURGE, None, "", "Fill in the factor on the load first."),
        (EventKind.HEAT_WAVE, None, None, "Fill in the kelvin above the weather first."),
        (EventKind.HEAT_WAVE, None, 0.0, ""),  # the engine says what is wrong with it
    ],
)
def test_a_form_says_what_is_missing(
    kind: EventKind, target: str | None, magnitude: float | str | None, words: str
) -> None:
    assert missing_words(kind, target, magnitude) == words
