import numpy as np
import pandas as pd

from ml.forecasting.records import ContestVerdict
from ml.forecasting.renewal import renew
from tests.ml.series import hourly, quick


def test_after_a_change_of_habits_the_new_model_is_taken() -> None:
    frame = hourly(320)
    frame.iloc[24 * 200 :, 0] += 60 * (frame.index[24 * 200 :].hour < 6)
    old = quick().fit(frame, frame.index[24 * 190])
    found, decided = renew(old, frame.index[24 * 310])
    assert decided.taken, decided
    assert decided.candidate_loss < decided.current_loss
    assert found is not old
    assert found.until_ == 24 * 310


def test_a_worse_candidate_is_refused_and_the_model_in_use_stays() -> None:
    frame = hourly(320)
    old = quick().fit(frame, frame.index[24 * 250])
    worse = quick(calibrated=False, settings=quick().settings.__class__(rounds=1, penalty=1e4))
    found, decided = renew(old, frame.index[24 * 310], worse)
    assert not decided.taken
    assert found is old
    assert decided.verdict is ContestVerdict.WORSE


def test_the_contest_is_decided_by_days_that_neither_learned_from() -> None:
    frame = hourly(320)
    old = quick().fit(frame, frame.index[24 * 300])
    found, decided = renew(old, frame.index[24 * 310])
    assert found is old
    assert decided.verdict is ContestVerdict.NOT_COMPARABLE


def test_without_a_model_in_use_the_first_that_can_be_fitted_is_taken() -> None:
    frame = hourly(100)
    old = quick().fit(frame, frame.index[24 * 30])
    found, decided = renew(old, frame.index[24 * 90])
    assert decided.taken
    assert found.model_ is not None
    assert np.isnan(decided.current_loss)
    assert set(found.predict(frame.index[24 * 90])["source"]) == {"blend of model and same hour last week"}
    assert isinstance(found.predict(frame.index[24 * 90]).index, pd.DatetimeIndex)
