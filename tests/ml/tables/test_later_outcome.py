"""A second file of what became of a table's rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.tables.csv_text import TableError
from ml.tables.later_outcome import read_later


def written(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    frame.to_csv(folder / name, index=False)
    return folder / name


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return written(tmp_path, "assets.csv", pd.DataFrame({"asset": [f"T{i}" for i in range(200)], "load": range(200)}))


def outcomes(rows: int = 150) -> pd.DataFrame:
    return pd.DataFrame(
        {"asset": [f"T{i}" for i in range(rows)], "failed_2021": [int(i % 5 == 0) for i in range(rows)]}
    )


def test_outcomes_are_joined_by_name_whatever_their_order(tmp_path: Path, table: Path) -> None:
    later = read_later(written(tmp_path, "later.csv", outcomes().iloc[::-1]), table)
    assert (later.name, later.target) == ("later.csv", "failed_2021")
    np.testing.assert_array_equal(later.label[:150], outcomes()["failed_2021"])
    assert np.isnan(later.label[150:]).all()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda frame: frame.rename(columns={"asset": "id"}), "two columns are needed"),
        (lambda frame: frame.assign(load=1), "two columns are needed"),
        (lambda frame: pd.concat([frame, frame.tail(1)]), "row 152: 'T149' comes twice"),
        (lambda frame: frame.assign(failed_2021=2), "is not binary"),
        (lambda frame: frame.assign(asset=[f"X{i}" for i in range(150)]), "no value of it is in assets.csv"),
    ],
)
def test_what_can_t_be_joined_is_told(tmp_path: Path, table: Path, made, words: str) -> None:
    with pytest.raises(TableError, match=words):
        read_later(written(tmp_path, "later.csv", made(outcomes())), table)
