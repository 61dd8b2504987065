"""What benchmarks share: which parts are made."""

from argparse import ArgumentParser

import pytest

from tests.benchmarks.report import add_parts


def test_any_parts_may_be_named_or_none_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    command = ArgumentParser()
    add_parts(command, ("static", "live"))
    assert command.parse_args([]).part == []
    assert command.parse_args(["live", "static"]).part == ["live", "static"]
    with pytest.raises(SystemExit):
        command.parse_args(["lively"])
    assert "there is no part 'lively'; there are static, live" in capsys.readouterr().err
