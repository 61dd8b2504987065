"""A daily report as one self-contained HTML page: light and dark on a screen, A4 on paper."""

from dataclasses import fields

from markupsafe import Markup

from app.maintenance.view import status_of
from app.optimisation.view import status_of as planner_status
from app.report import now as reportnow
from app.report import past as reportpast
from app.report.day import DayReport
from app.report.parts import paragraph, section, table
from components.common import text
from components.common.theme import DARK, FONT, LIGHT, Palette

PRODUCT = "Smart Grid Operations System"
GREEN = {LIGHT: "#117733", DARK: "#44aa99"}  # P. Tol's muted scheme, as on the map
STYLE = """
* { box-sizing: border-box; }
body { font: .94rem/1.5 FONT; color: var(--text); background: var(--raised); max-width: 62rem; margin: 0 auto;
  padding: 1.5rem 1rem 3rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem;
  padding-top: .75rem; border-top: 2px solid var(--border); } h2.part { border: 0; font-size: 1.3rem; }
p { margin: .4rem 0; } ul { margin: .4rem 0; padding-left: 1.2rem; }
.quiet, caption, figcaption { color: var(--muted); }
.warning { border-left: .25rem solid var(--high); padding-left: .7rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .6rem; margin: .6rem 0; }
.tiles div { border: 1px solid var(--border); border-radius: .4rem; padding: .5rem .75rem; background: var(--surface); }
.tiles dt { color: var(--muted); font-size: .85rem; } .tiles dd { margin: 0; font-size: .85rem; color: var(--muted); }
.tiles dt + dd { font-size: 1.3rem; color: var(--text); font-variant-numeric: tabular-nums; }
.table { overflow-x: auto; margin: .8rem 0; } table { border-collapse: collapse; min-width: min(100%, 34rem);
  font-size: .87rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: right; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--border);
  font-variant-numeric: tabular-nums; vertical-align: top; overflow-wrap: normal; }
th { font-weight: 600; color: var(--muted); vertical-align: bottom; } td { white-space: nowrap; }
.words { text-align: left; white-space: normal; min-width: 7rem; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: .4rem 0; } figcaption { font-weight: 600; font-size: .87rem; }
figure > svg { display: block; width: 100%; height: auto; font-size: 13px; fill: var(--muted); }
.grid { stroke: var(--border); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.course { fill: none; stroke-width: 1.8; } .dashed { stroke-dasharray: 5 3; } .band { opacity: .22; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .82rem; color: var(--muted); }
.legend .key { width: 20px; height: 10px; margin-right: .35rem; }
.bar { width: 5rem; height: .6rem; fill: var(--accent); vertical-align: middle; }
@page { size: A4; margin: 14mm 12mm; }
@media print { :root { font-size: 11.5px; } body { max-width: none; padding: 0; }
  .charts { grid-template-columns: 1fr 1fr; } .table { overflow: visible; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
  h2 { break-after: avoid; margin-top: 1.2rem; } figure, tr, .tiles, li { break-inside: avoid; }
  caption { break-after: avoid; }
  th, td { padding-right: .7rem; } .words { min-width: 4rem; }
  thead { display: table-header-group; } }
"""


_PAGE = Markup(
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="{}">'
    '<meta name="color-scheme" content="light dark"><title>{}</title><style>{}</style></head>\n'
    "<body>{}</body></html>\n"
)


def page(report: DayReport) -> str:
    """The whole page. Names that UTF-8 can't hold, as lone surrogates, must be replaced by who encodes it."""
    title = f"{report.snapshot.network.title}: daily report of {report.day.isoformat()}"
    parts = [
        _head(report),
        reportpast.summary(report),
        reportpast.energy(report),
        reportpast.losses(report),
        reportpast.forecasts(report),
        Markup('<h2 class="part">As of {}</h2>').format(text.moment(report.snapshot.simulated_at)),
        reportnow.ahead(report),
        reportnow.mix(report),
        reportnow.alarms(report),
        reportnow.assets(report),
        reportnow.plan(report),
        _foot(),
    ]
    style = Markup(_style())  # noqa: S704 our own style sheet
    return str(_PAGE.format(PRODUCT, title, style, Markup("\n").join(parts)))


def _style() -> str:
    """Paper is always light."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{ {_colours(DARK)} }}"
    return "\n".join([_colours(LIGHT), dark, STYLE.replace("FONT", FONT)])


def _colours(palette: Palette) -> str:
    pairs = [f"--{field.name.replace('_', '-')}: {getattr(palette, field.name)};" for field in fields(palette)]
    return f":root {{ {' '.join(pairs)} --green: {GREEN[palette]}; }}"


def _head(report: DayReport) -> Markup:
    """Grid, day and the state of the data."""
    snapshot, network = report.snapshot, report.snapshot.network
    day = f"{report.day:%A} {report.day.day} {report.day:%B %Y}"
    running = "" if report.over == 24 else f", {text.count(report.over, 'hour')} so far"
    data = f"stale, the last solved state is shown: {snapshot.stale_reason}" if snapshot.stale else "fresh"
    rows = [
        ["Grid", f"{network.title} ({network.name}), {network.n_bus:,} buses, {network.n_branch:,} branches"],
        ["Latest cycle", f"{text.moment(snapshot.simulated_at)}, simulated time; the data are {data}"],
        ["Source", snapshot.source],
        ["Forecasts", _sentence(report.lookout.status, report.lookout.problem)],
        ["Failure models", _sentence(status_of(report.maintained).words, report.maintained.report.problem)],
        ["Optimiser", planner_status(report.planner, network) or report.planner.status],
    ]
    return Markup("<header><p class='quiet'>Daily report, {}{}</p><h1>{}</h1></header>{}").format(
        day, running, network.title, section("State of the data", table(("part", "state"), rows, words=2))
    )


def _sentence(status: str, problem: str) -> str:
    return "; ".join(filter(None, [status, problem]))


def _foot() -> Markup:
    note = (
        f"Made by the {PRODUCT}. Loads, weather, instrument noise and disturbances are simulated; the grid's state is "
        "an AC power flow. — stands for what isn't known. Values of an hour are means from its beginning to its end."
    )
    return Markup("<footer>{}</footer>").format(paragraph(note, "quiet"))
