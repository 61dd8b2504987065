"""The daily report: one file, nothing from outside, every name escaped, whole without data; and its command."""

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from werkzeug.serving import make_server

from app.report.__main__ import main
from app.report.content import DayHours, DayReport, issue_of_day
from app.report.page import page
from grid.network import Network
from grid.telemetry import EventKind
from ml.forecasting.live.ledger import EnergyTotals
from ml.forecasting.records import (
    Contest,
    ContestVerdict,
    ForecastHindrance,
    ForecastHindranceKind,
    ForecastStatus,
    ForecastStatusKind,
)
from ml.optimisation.plans.status import PlanStatus, PlanStatusKind
from tests.app.analyticsdata import day_of, empty_report, ledger_of
from tests.app.rig import Rig, no_answer

NewRig = Callable[..., Rig]
EVIL = "\"><script>alert(1)</script>&amp;'</style>{0}"
MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)
SECTIONS = ["State of the data", "The day in short", "Energy and losses", "Where losses arose", "Forecasts of the day",
            "The next hours", "Generation now", "Alarms", "Reliability", "Assets and maintenance",
            "The optimiser's plan"]  # fmt: skip
EMPTY_TAGS = {"meta", "path", "rect", "br"}


class Reader(HTMLParser):
    """Elements, text and headings of a page; every tag must be closed where it was opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name in ("src", "href", "onload", "srcset") for name, _ in attributes)
        if tag not in EMPTY_TAGS:
            self._open.append(tag)
        if tag == "h2":
            self.headings.append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data
        if self._open[-1:] == ["h2"]:
            self.headings[-1] += data


def read(report: DayReport) -> Reader:
    return Reader(page(report))


def renamed(network: Network, name: str) -> Network:
    """The network with one name for everything that has one."""
    load, generator = network.load, network.generator
    return replace(
        network, name=name, title=name, bus=replace(network.bus, name=(name,) * network.n_bus),
        branch=replace(network.branch, name=(name,) * network.n_branch),
        load=replace(load, name=(name,) * len(load)),
        generator=replace(generator, name=(name,) * len(generator)),
    )  # fmt: skip


def busy(rig: Rig) -> Rig:
    """A rig late in its first day, with a prognosis and a schedule."""
    rig.run(elapsed=timedelta(hours=11))
    rig.services.maintainer.look(rig.board)
    rig.services.maintainer.schedule_once(rig.board)
    return rig


def test_a_report_has_all_its_parts_and_needs_nothing_else(rig: Rig) -> None:
    report = day_of(busy(rig), stress=1.4)
    html = page(report)
    found = Reader(html)
    assert [name for name in found.headings if not name.startswith("As of")] == SECTIONS
    assert not re.search(r"https?:|@import|url\(|<script|<link|<img|nan\b", html)
    assert "svg" in found.tags
    assert "Thursday 15 January 2026, 17 hours so far" in found.text
    assert "chance of" in found.text
    assert "Riskiest assets" in found.text
    assert "Next jobs" in found.text
    assert "62 % of the last 7 days" in found.text


def test_the_figures_are_those_of_the_day(rig: Rig) -> None:
    report = day_of(busy(rig))
    performance = ledger_of(rig.now).performance(rig.now.simulated_at)
    assert vars(report.energy) == pytest.approx(vars(performance.today))
    for mine, ledgers in zip(report.comparisons, performance.comparisons, strict=True):
        assert (mine.period, mine.hours) == (ledgers.period, ledgers.hours)
        np.testing.assert_allclose(mine.loss_change_percent, ledgers.loss_change_percent)
    text = read(report).text
    assert f"{report.energy.loss_kwh / 1000:.1f}\u202fMWh" in text
    assert f"{report.energy.loss_percent:.2f}\u202f%" in text
    assert report.avoidable is not None
    assert "Avoidable by plans" in text


def test_interruptions_are_reported_with_their_indices(rig: Rig) -> None:
    outage = rig.engine.add_event(EventKind.LINE_OUTAGE, rig.branch("Campus Line"), None)
    rig.run(6)
    rig.engine.remove_event(outage.id)
    found, shown = rig.run().assessed.reliability, read(day_of(rig)).text
    assert found.saifi > 0
    for words in ("SAIDI", "SAIFI", "CAIDI", "MAIFI", "ENS", f"{found.saifi:.3f}", f"{found.ens_mwh:.2f} MWh"):
        assert words in shown
    assert "Customers are derived" in shown


def test_an_earlier_day_is_whole_and_has_no_plans(rig: Rig) -> None:
    report = day_of(busy(rig), date(2026, 1, 12))
    assert (report.over, int(report.whole.sum()), report.avoidable) == (24, 24, None)
    text = read(report).text
    assert "Monday 12 January 2026" in text
    assert "so far" not in text
    assert "Avoidable by plans" not in text


def test_what_plans_would_have_saved_is_not_shown_on_another_day(rig: Rig) -> None:
    report = day_of(busy(rig))
    late = replace(report, forecasts=replace(report.forecasts, simulated_at=rig.now.simulated_at - timedelta(days=1)))
    assert report.avoidable is not None
    assert late.avoidable is None


def test_names_from_files_are_text_and_never_markup(rig: Rig) -> None:
    report = day_of(busy(rig), stress=1.6)
    network = renamed(rig.now.case.network, EVIL)
    assert report.forecasts.ahead is not None
    alerts = tuple(replace(one, asset_name=EVIL) for one in report.forecasts.ahead.outlook.alerts)
    ahead = replace(report.forecasts.ahead, outlook=replace(report.forecasts.ahead.outlook, alerts=alerts))
    series = tuple(
        replace(one, series=replace(one.series, info=replace(one.series.info, name=EVIL))) for one in report.series
    )
    snapshot = replace(
        rig.now,
        case=replace(rig.now.case, network=network),
        measured=replace(rig.now.measured, source=EVIL),
        solved=replace(rig.now.solved, stale=True, stale_because=no_answer(EVIL)),
    )
    named = replace(
        report, snapshot=snapshot, series=series, maintained=replace(report.maintained, snapshot=snapshot),
        forecasts=replace(
            report.forecasts, network=network, ahead=ahead,
            status=ForecastStatus(
                kind=ForecastStatusKind.RENEWED, renewed=EVIL, contest=Contest(verdict=ContestVerdict.NONE_IN_USE)
            ),
            hindrance=ForecastHindrance(kind=ForecastHindranceKind.FAILED, failure=EVIL),
        ),
        planner=replace(
            report.planner, network=network, status=PlanStatus(kind=PlanStatusKind.FAILED, failure=EVIL)
        ),
    )  # fmt: skip
    found = read(named)
    assert "script" not in found.tags
    assert found.text.count("<script>alert(1)</script>") > 20
    assert set(found.tags) == set(read(report).tags)


def test_names_that_utf8_cannot_hold_do_not_stop_a_report(rig: Rig) -> None:
    report = day_of(rig)
    html = page(
        replace(
            report,
            snapshot=replace(
                rig.now, case=replace(rig.now.case, network=renamed(rig.now.case.network, "Grid \ud800 \x00"))
            ),
        )
    )
    assert "Grid ? " in html.encode(errors="replace").decode()


def unknown(report: DayReport) -> DayReport:
    """A report in which no number is known."""
    nothing = DayHours(*[np.full(24, np.nan)] * 4)
    look = report.forecasts.ahead
    losses = report.losses
    assert look is not None
    assert losses is not None
    blank = {
        field.name: np.full_like(np.asarray(getattr(look.look, field.name), dtype=float), np.nan)
        for field in fields(look.look) if field.name != "samples"
    }  # fmt: skip
    outlook = replace(
        look.outlook, alerts=(), branch_percent=look.outlook.branch_percent * np.nan,
        bus_percent=look.outlook.bus_percent * np.nan,
    )  # fmt: skip
    ahead = replace(
        look, look=replace(look.look, **blank), outlook=outlook, load_mw=look.load_mw * np.nan,
        renewable_mw=look.renewable_mw * np.nan, curtailed_mw=look.curtailed_mw * np.nan,
    )  # fmt: skip
    return replace(
        report, hours=nothing, earlier=dict.fromkeys(report.earlier, nothing),
        forecasts=replace(report.forecasts, ahead=ahead, mix=None, performance=None),
        series=tuple(
            replace(one, actual_mw=one.actual_mw * np.nan, accuracy=None, forecast=None if one.forecast is None else
                    replace(one.forecast, quantiles_mw=one.forecast.quantiles_mw * np.nan)) for one in report.series
        ),
        losses=replace(losses, level_mwh=losses.level_mwh * np.nan, branch_mwh=losses.branch_mwh * np.nan,
                       shunt_mwh=losses.shunt_mwh * np.nan,
                       non_technical=replace(losses.non_technical, hours_known=0)),
    )  # fmt: skip


def test_a_report_in_which_nothing_is_known_says_so(rig: Rig) -> None:
    html = page(unknown(day_of(busy(rig))))
    found = Reader(html)
    assert [name for name in found.headings if not name.startswith("As of")] == SECTIONS
    assert not re.search(r"\bnan\b|\binf\b", html, re.IGNORECASE)
    assert "Nothing is known of these hours." in found.text
    assert "0 whole hours recorded of 17" in found.text


def test_before_the_workers_have_looked_there_is_a_report(rig: Rig) -> None:
    report = replace(day_of(rig), forecasts=empty_report(rig.now), series=(), losses=None)
    text = read(report).text
    for words in ("There are no forecasts yet", "Nothing has been looked ahead yet", "Of no hour of the day is there",
                  "Waiting for the first prognosis", "Waiting for the grid"):  # fmt: skip
        assert words in text, words


def test_a_grid_without_known_renewables_has_no_share(new_rig: NewRig) -> None:
    text = read(day_of(busy(new_rig("case14")))).text
    assert "not known of this grid" in text
    assert "The renewable share isn't known" in text


def test_the_forecast_of_a_day_is_the_last_one_made_before_it() -> None:
    def at(hours: float) -> datetime:
        return MIDNIGHT + timedelta(hours=hours)

    assert issue_of_day((), MIDNIGHT) is None
    assert issue_of_day((at(-30), at(-3), at(0), at(5)), MIDNIGHT) == at(0)
    assert issue_of_day((at(-30), at(6), at(8), at(30)), MIDNIGHT) == at(6)
    assert issue_of_day((at(-30), at(30)), MIDNIGHT) is None


def test_sums_of_no_hours_are_unknown() -> None:
    hours = DayHours(*[np.full(24, 2.0)] * 4)
    assert hours.energy(np.arange(24) < 3) == EnergyTotals(6.0, 6.0, 6.0, 6.0)
    assert np.isnan(hours.energy(np.zeros(24, dtype=bool)).loss_kwh)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def url(rig: Rig) -> Iterator[str]:
    """A rig that answers on a port of its own."""
    server = make_server("127.0.0.1", 0, rig.client.application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_command_writes_the_report_of_a_running_dashboard(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.html"
    assert main(["--out", str(out), "--url", f"{url}/", "--day", "2026-01-15"]) == 0
    assert "City, 66 kV" in out.read_text(encoding="utf-8")
    assert "report.html" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [out]


def test_a_day_to_come_is_refused_in_the_dashboards_words(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "r.html"), "--url", url, "--day", "2030-01-01"]) == 2
    assert "must not be after 2026-01-15" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong", [["--day", "yesterday"], ["--url", "file:///etc/hostname"], ["--url", "localhost"], []]
)
def test_what_is_asked_wrongly_ends_with_2(
    wrong: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = [*wrong, "--out", str(tmp_path / "r.html")] if wrong else []
    try:
        code: object = main(given)
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert "error:" in capsys.readouterr().err


def test_no_dashboard_is_said_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "r.html"), "--url", "http://127.0.0.1:9"]) == 1
    error = capsys.readouterr().err
    assert "no dashboard answers on http://127.0.0.1:9" in error
    assert "make run" in error


def test_a_file_that_cannot_be_written_is_named(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "none" / "r.html"), "--url", url]) == 1
    assert "can't write" in capsys.readouterr().err
    (tmp_path / "folder").mkdir()
    assert main(["--out", str(tmp_path / "folder"), "--url", url]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_another_program_is_not_taken_for_the_dashboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if "other" in self.server.server_name else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Hello</h1>")

        def log_message(self, *args: object) -> None:
            pass

    for name, words in (("other", "isn't this dashboard"), ("missing", "refused: status 404")):
        with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
            server.server_name = name
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            assert main(["--out", str(tmp_path / "r.html"), "--url", f"http://127.0.0.1:{server.server_port}"]) == 1
            thread.join()
        assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
