"""What is said of chances that were said: on how much it rests, bin by bin, and what isn't known."""

from dataclasses import replace

import numpy as np

from components.analytics.chance_record import LEARNING, NOTHING_YET, chance_record, record_words
from ml.forecasting.records import ChanceBin, ChanceLead, ChanceRecord
from tests.components.optimisation.test_plan import words

LEADS = (
    ChanceLead(first=0, last=0, shift=0.0, slope=1.0, is_known=False),
    ChanceLead(first=1, last=5, shift=-0.62, slope=1.2, is_known=True),
)
RECORD = ChanceRecord(
    hours=480,
    days=20,
    bins=(
        ChanceBin(low=0.0, high=0.01, cases=12_000, said=0.001, came=0.0005),
        ChanceBin(low=0.2, high=0.3, cases=150, said=0.25, came=0.06),
        ChanceBin(low=0.9, high=1.0, cases=0, said=np.nan, came=np.nan),
    ),
    scored=9_000,
    brier=0.008,
    usual_brier=0.01,
    leads=LEADS,
)


def test_bins_with_cases_are_told_with_numbers() -> None:
    found = words(chance_record(RECORD))
    assert "480 hours of 20 days" in found
    assert "12,000" in found
    assert "25\u202f%" in found
    assert "6.0\u202f%" in found
    assert "90\u202f% to" not in found


def test_skill_and_correction_are_said() -> None:
    rests, skill, correction = record_words(RECORD)
    assert "0.20" in skill
    assert "9,000 cases" in skill
    assert "1 to 5 h ahead times 1.20, −0.62" in correction
    assert "0 to 0 h" not in correction
    assert rests.startswith("Rests on")


def test_it_says_plainly_what_it_does_not_know_yet() -> None:
    assert LEARNING in words(chance_record(None))
    assert NOTHING_YET in words(chance_record(replace(RECORD, hours=0)))
    _, skill, correction = record_words(replace(RECORD, scored=0, brier=np.nan, usual_brier=np.nan, leads=LEADS[:1]))
    assert "not known yet" in skill
    assert "14 days and 20 overloads" in correction
    _, never, _ = record_words(replace(RECORD, brier=0.0, usual_brier=0.0))
    assert "nothing has been overloaded" in never
