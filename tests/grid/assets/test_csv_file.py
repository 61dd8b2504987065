"""An asset file is taken as it stands or refused as a whole, with everything that is wrong in it."""

import contextlib
import csv
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.__main__ import main
from app.engine.pipeline import Pipeline, source_of
from app.history.ring import HistoryRing
from app.settings import Settings
from grid.assets.csv_file import COLUMNS, read_assets
from grid.assets.csv_table import AssetFileError
from grid.assets.register import GivenAssets, LocationClass, Skill
from grid.cases.case import Case
from grid.cases.cases import load_case
from grid.errors import CaseError
from tests.cases import shared_case
from tests.paths import DATA

FULL = "name,year_built,location,criticality,skill,replacement_eur,failure_eur,customers,job_eur,job_hours\n"


def case_of(name: str) -> Case:
    return shared_case(name)


def read(folder: Path, text: str | bytes, case: str = "city8") -> GivenAssets:
    path = folder / "assets.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_assets(path, case_of(case).network, 2026)


def refused(folder: Path, text: str | bytes, case: str = "city8") -> AssetFileError:
    with pytest.raises(AssetFileError) as caught:
        read(folder, text, case)
    return caught.value


def test_a_full_row_and_an_empty_one(tmp_path: Path) -> None:
    found = read(
        tmp_path, FULL + "Campus Line,1985,coastal,4,lines,120000,1.5e3,900,2500,6.5\nCentral North Line,,,,,,,,,\n"
    )
    names = case_of("city8").network.branch.name
    campus, north = names.index("Campus Line"), names.index("Central North Line")
    assert found.year_built[campus] == 1985
    assert found.location[campus] is LocationClass.COASTAL
    assert found.skill[campus] is Skill.LINES
    assert (found.criticality[campus], found.customers[campus]) == (4, 900)
    assert (found.replacement_eur[campus], found.failure_eur[campus]) == (120000, 1500)
    assert (found.job_eur[campus], found.job_hours[campus]) == (2500, 6.5)
    jobs = (found.job_eur, found.job_hours)
    numbers = (found.year_built, found.criticality, found.replacement_eur, found.failure_eur, found.customers, *jobs)
    assert all(np.isnan(np.delete(values, campus)).all() for values in numbers)
    assert found.location[north] is found.skill[north] is None


def test_columns_in_any_order_short_rows_blank_lines_and_what_spreadsheets_write(tmp_path: Path) -> None:
    text = '\ufeff\r\ncustomers,name,location\r\n12,"Campus Line",Urban\r\n\r\n,,\r\n3,Central North Line\r\n'
    found = read(tmp_path, text)
    assert np.nansum(found.customers) == 15
    assert [one for one in found.location if one] == [LocationClass.URBAN]


@pytest.mark.parametrize(
    "date", ["1985-06-30", "30/06/1985", "6/30/1985", "03.04.1985", "June 30, 1985", "1985-06-30T12:00:00Z", "19850630"]
)
def test_the_year_of_a_date_is_the_year_whatever_comes_first_in_it(tmp_path: Path, date: str) -> None:
    found = read(tmp_path, f'name,year_built\nCampus Line,"{date}"\n')
    assert found.year_built[case_of("city8").network.branch.name.index("Campus Line")] == 1985


@pytest.mark.parametrize(
    ("cell", "column", "value", "right"),
    [
        ("year_built", "year_built", "2027", "1900 to 2026"),
        ("year_built", "year_built", "1899", "1900 to 2026"),
        ("year_built", "year_built", "31/12/1899", "1900 to 2026"),
        ("year_built", "year_built", "30/06/85", "or a date such as 1985-06-30"),
        ("year_built", "year_built", "31/02/1985", "or a date such as 1985-06-30"),
        ("year_built", "year_built", "1990.5", "whole year"),
        ("year_built", "year_built", "1_990", "whole year"),
        ("location", "location", "seaside", "coastal, industrial, urban, rural"),
        ("criticality", "criticality", "6", "1, 2, 3, 4 or 5"),
        ("criticality", "criticality", "0", "1, 2, 3, 4 or 5"),
        ("skill", "skill", "welding", "lines, cables, substations"),
        ("replacement_eur", "replacement_eur", "-1", "EUR from 0"),
        ("failure_eur", "failure_eur", "nan", "EUR from 0"),
        ("failure_eur", "failure_eur", "1e400", "EUR from 0"),
        ("customers", "customers", "2.5", "whole number"),
        ("customers", "customers", "many", "whole number"),
        ("job_eur", "job_eur", "-5", "EUR from 0"),
        ("job_hours", "job_hours", "0", "hours from 0.1 to 168"),
        ("job_hours", "job_hours", "200", "hours from 0.1 to 168"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row_and_what_would_be_right(
    tmp_path: Path, cell: str, column: str, value: str, right: str
) -> None:
    error = refused(tmp_path, f"name,{cell}\nCentral North Line,\nCampus Line,{value}\n")
    (problem,) = error.problems
    assert (problem.row, problem.column, problem.value) == (3, column, value)
    assert right in problem.right
    for part in ("assets.csv", "row 3", column, value, right):
        assert part in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("\ufeff \n,,\n", "the file is empty"),
        ("\x0b", "the file is empty"),
        (FULL, "no assets below"),
        ("name,colour\nCampus Line,red\n", "row 1, colour: unknown column"),
        ("name,skill,skill\nCampus Line,,\n", "row 1, skill: there are 2 columns"),
        ("year_built\n1990\n", "row 1, name: this column is missing"),
        ("name;year_built\nCampus Line;1990\n", "write commas"),
        ("name,year_built\nCampus Line,1990,4\n", "the row has 3 cells"),
        ("name,year_built\nCampus Line,1990\nNowhere,\n", r"row 3, name = 'Nowhere': city8 has no branch"),
        ("name,year_built\n,1990\n", "row 2, name: each row needs"),
        ("name\nCampus Line\nCampus Line\n", "row 3, name = 'Campus Line': row 2 has this name already"),
        ('name\n"Campus Line\n', "not comma-separated"),
        ("name\nCämpus\n".encode("latin-1"), "row 2: the text is not UTF-8"),
        ("name\nCampus Line\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str | bytes, words: str) -> None:
    assert words in str(refused(tmp_path, text))


def test_a_name_of_several_branches_is_refused_as_such(tmp_path: Path) -> None:
    names = case_of("case118").network.branch.name
    shared = next(name for name in names if names.count(name) > 1)
    error = refused(tmp_path, f"name\n{shared}\n", "case118")
    assert "2 branches of case118 share this name" in str(error)


def test_everything_wrong_is_told_at_once_and_in_order(tmp_path: Path) -> None:
    rows = "Campus Line,2050,moon\nNowhere,1800,urban\nCentral North Line,1990,urban\nCampus Line,,\n"
    error = refused(tmp_path, "name,year_built,location\n" + rows)
    assert [(wrong.row, wrong.column) for wrong in error.problems] == [
        (2, "year_built"), (2, "location"), (3, "name"), (3, "year_built"), (5, "name"),
    ]  # fmt: skip
    assert "5 things are wrong" in str(error)
    assert isinstance(error, CaseError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_long_list_is_cut_for_people_and_kept_for_programs(tmp_path: Path) -> None:
    error = refused(tmp_path, "name\n" + "".join(f"x{row}\n" for row in range(50)))
    assert len(error.problems) == 50
    assert str(error).endswith("and 30 more")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AssetFileError, match=r"gone\.csv: the file cannot be opened"):
        read_assets(tmp_path / "gone.csv", case_of("city8").network)
    with pytest.raises(AssetFileError, match="cannot be opened"):
        read_assets(tmp_path, case_of("city8").network)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=6), max_size=9), max_size=5), st.binary(max_size=40))
def test_no_content_ends_in_anything_but_an_answer_or_that_error(
    tmp_path: Path, cells: list[list[str]], content: bytes
) -> None:
    table = io.StringIO()
    csv.writer(table).writerows([list(COLUMNS), *cells])
    for text in (table.getvalue().encode("utf-8", "surrogatepass"), content):
        with contextlib.suppress(AssetFileError):
            read(tmp_path, text)


def test_the_pipeline_takes_the_file_and_another_case_goes_without(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("name,customers\nCampus Line,41\n")
    own = Settings(_env_file=None, case="city8", asset_file=path)
    pipeline = Pipeline(case_of("city8"), own, HistoryRing, source_of)
    assert pipeline.watched.register.customers[pipeline.network.branch.name.index("Campus Line")] == 41
    Pipeline(case_of("case118"), own, HistoryRing, source_of)
    with pytest.raises(AssetFileError, match="case118 has no branch"):
        Pipeline(case_of("case118"), Settings(_env_file=None, case="case118", asset_file=path), HistoryRing, source_of)


def test_a_case_from_a_file_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    feeder = tmp_path / "own.json"
    branch = {"id": 1, "from": 0, "to": 1, "r_ohm": 0.1, "x_ohm": 0.1, "is_tie": 0}
    buses = [{"id": bus, "p_kw": 10 * bus, "q_kvar": 0} for bus in (0, 1)]
    feeder.write_text(json.dumps({"base_kv": 10, "source_bus": 0, "bus": buses, "branch": [branch]}))
    path = tmp_path / "assets.csv"
    path.write_text("name\nNowhere\n")
    for spec in (
        "feeder:own.json",
        f"feeder:{feeder}",
        str(feeder),
        str(DATA / "feeder33.m"),
    ):
        case = load_case(spec, tmp_path)
        with pytest.raises(AssetFileError, match="has no branch of this name"):
            Pipeline(case, Settings(_env_file=None, case=spec, asset_file=path), HistoryRing, source_of)
        Pipeline(case, Settings(_env_file=None, case="city8", asset_file=path), HistoryRing, source_of)


def test_a_wrong_file_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "assets.csv"
    path.write_text("name,year_built\nCampus Line,soon\n")
    monkeypatch.setenv("SMARTGRID_ASSET_FILE", str(path))
    monkeypatch.setenv("SMARTGRID_CASE", "city8")
    assert main([]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: assets.csv: row 2, year_built = 'soon': write a whole year")
