"""The operator's log of failures: read in any order, and refused with file, row, column and value."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from grid.assets.csv_table import AssetFileError
from grid.assets.failure_log import FailureLog, read_failure_log
from tests.cases import shared_case

NETWORK = shared_case("city8").network
FIRST, SECOND = NETWORK.branch.name[:2]
SINCE = date(2020, 1, 1)


def read(folder: Path, *rows: str, header: str = "name,failed_at") -> FailureLog:
    path = folder / "failures.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_failure_log(path, NETWORK, SINCE)


def test_failures_are_put_in_order_and_an_asset_may_have_several(tmp_path: Path) -> None:
    log = read(tmp_path, f"{SECOND},2022-03-01 12:30", f"{FIRST},2021-05-06", f"{SECOND},2024-01-01T00:00:00+02:00")
    assert log.branch.tolist() == [0, 1, 1]
    assert log.time.tolist() == np.array(
        ["2021-05-06T00:00:00", "2022-03-01T12:30:00", "2023-12-31T22:00:00"], dtype="datetime64[s]"
    ).tolist()  # fmt: skip


def test_a_log_without_a_row_says_that_nothing_failed(tmp_path: Path) -> None:
    assert len(read(tmp_path).branch) == 0


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            (f"{FIRST},2019-12-31",),
            "row 2, failed_at = '2019-12-31': this is before the first day of the log",
        ),
        ((f"{FIRST},",), "row 2, failed_at: each row needs the time of the failure"),
        ((f"{FIRST},2021-01-01", f"{FIRST},soon"), "row 3, failed_at = 'soon'"),
        (("Nowhere,2021-01-01",), "row 2, name = 'Nowhere'"),
        ((",2021-01-01",), "row 2, name: each row needs the name of a branch"),
        ((f"{FIRST},2021-01-01,7",), "row 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, rows: tuple[str, ...], told: str) -> None:
    with pytest.raises(AssetFileError) as refused:
        read(tmp_path, *rows)
    assert "failures.csv" in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize("header", ["name", "failed_at", "name,failed_at,cause", "name;failed_at"])
def test_other_columns_are_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(AssetFileError, match=r"failures\.csv"):
        read(tmp_path, f"{FIRST},2021-01-01", header=header)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetFileError, match=r"nothing\.csv.*cannot be opened"):
        read_failure_log(tmp_path / "nothing.csv", NETWORK, SINCE)
