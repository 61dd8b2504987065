"""A rest lasts as long as the work before it took, times what is asked."""

import pytest

from app.engine import worker
from app.engine.worker import Rest


def test_a_rest_is_over_after_so_many_times_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    rest = Rest()
    assert rest.over(9.0)  # nothing was done yet
    for seconds in (2.0, 1.0):
        with rest.working():
            now[0] += seconds
        now[0] += 50.0  # others had their turn
    now[0] -= 50.0
    assert not rest.over(9.0)
    assert rest.over(0.0)
    now[0] += 26.9
    assert not rest.over(9.0)
    now[0] += 0.2
    assert rest.over(9.0)


def test_work_that_fails_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    rest = Rest()

    def fail() -> None:
        now[0] += 5.0
        raise RuntimeError

    with pytest.raises(RuntimeError), rest.working():
        fail()
    assert not rest.over(1.0)
