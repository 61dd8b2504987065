"""What pages say of the N-1 list: from its records to those that components draw."""

import math

from app.contingencies.worker import OutageReport
from app.engine.board import Board
from app.map.network_view import NetworkView
from app.web.browser_view import Asset
from app.web.ids import show_asset_id
from components.common import text
from components.contingencies.table import OutageLine, OutageTable
from components.optimisation.words import no_plan_words
from grid.alarms.book import AssetKind
from grid.flow.contingency import BAND_TOLERANCE_PU, FULL_LOAD_PERCENT
from grid.network import Network
from ml.optimisation.plans.outages import NOTHING_KW, SingleOutage

LISTED = 50
PLACE = "outages"


def table_of(report: OutageReport, board: Board, shown: NetworkView) -> OutageTable:
    """The list for a page; nothing of it for a stale state."""
    network, stale = board.network, board.snapshot.solved.stale
    rows = () if stale else report.rows
    harm = [row for row in rows if not row.harmless]
    told = [row for row in rows if not (row.harmless and row.lost_kw < NOTHING_KW)]
    return OutageTable(
        headline=_headline(report, network, harm, stale),
        progress=_progress(report, stale),
        radial=report.radial,
        lines=tuple(_line(row, network, shown) for row in told[:LISTED]),
        more=max(0, len(told) - LISTED),
        harmless=len(rows) - len(told),
    )


def list_key(report: OutageReport, board: Board, shown: NetworkView) -> str:
    """Changes with the list, and where the state becomes stale or fresh again."""
    return f"{shown.key}/{report.version}{'/stale' if board.snapshot.solved.stale else ''}"


def _headline(report: OutageReport, network: Network, harm: list[SingleOutage], stale: bool) -> str:
    """What is worst, in a line."""
    if stale:
        return "Not judged: the state is stale."
    if report.why_not is not None:
        words = no_plan_words(network, report.why_not)
        return f"No list: {words}."
    tried = len(report.rows)
    if not tried:
        return "No outage has been tried yet."
    if not harm:
        return f"None of {text.count(tried, 'single outage')} tried leaves load dark or breaks a limit."
    worst, leave = harm[0], "leaves" if len(harm) == 1 else "leave"
    return (
        f"{len(harm):,} of {text.count(tried, 'single outage')} tried {leave} load dark"
        f"{'' if report.radial else ' or a limit broken'}; the worst: {network.branch.name[worst.branch]}"
        f"{_how_bad(worst, network)}."
    )


def _how_bad(row: SingleOutage, network: Network) -> str:
    if not row.solved:
        return ", after which no state is found"
    if row.dark_kw >= NOTHING_KW:
        return f", {text.small(row.dark_kw / 1000, 'MW')} for {_duration(row.repair_minutes)}"
    return f", {_violation(row, network)}"


def _progress(report: OutageReport, stale: bool) -> str:
    if stale or report.made_at is None or report.why_not is not None:
        return ""
    of = f"As of {text.clock(report.made_at)}"
    return of if report.done == report.total else f"{of}; {report.done:,} of {report.total:,} tried"


def _line(row: SingleOutage, network: Network, shown: NetworkView) -> OutageLine:
    code = shown.code(Asset(AssetKind.BRANCH, row.branch))
    return OutageLine(
        name=network.branch.name[row.branch],
        button=show_asset_id(code, PLACE),
        lost_mw=row.lost_kw / 1000,
        dark_mw=row.dark_kw / 1000 if row.solved else math.nan,
        dark_customers=row.dark_customers if row.solved else math.nan,
        restored=_restored(row),
        dark_for=_duration(row.repair_minutes) if row.dark_kw >= NOTHING_KW else text.UNKNOWN,
        unsupplied_mwh=row.unsupplied_kwh / 1000,
        because=_because(row, network),
    )


def _restored(row: SingleOutage) -> str:
    if row.restored_minutes <= 0:
        return text.UNKNOWN
    return f"{text.small(row.restored_kw / 1000, 'MW')} in {text.number(row.restored_minutes, 0, 'min')}"


def _duration(minutes: float) -> str:
    return text.number(minutes / 60, 0, "h") if minutes >= 60 else text.number(minutes, 0, "min")


def _because(row: SingleOutage, network: Network) -> str:
    """What stands against more supply, or which limits are broken."""
    if not row.solved:
        return "no state found"
    if violation := _violation(row, network):
        return violation
    if row.binding is not None:
        where = f" at {row.binding.element}" if row.binding.element else ""
        return f"{row.binding.constraint}{where}"
    return "no way left" if row.outcome is not None and row.dark_kw >= NOTHING_KW else ""


def _violation(row: SingleOutage, network: Network) -> str:
    found = []
    if row.worst_loading_percent > FULL_LOAD_PERCENT and row.loaded_branch >= 0:
        name = network.branch.name[row.loaded_branch]
        derived = ", of a derived rating" if network.branch.rating_derived[row.loaded_branch] else ""
        found.append(f"{name} {text.number(row.worst_loading_percent, 0, '%')}{derived}")
    if row.band_excess_pu > BAND_TOLERANCE_PU and row.band_bus >= 0:
        beyond = text.number(row.band_excess_pu, 3, "p.u.")
        found.append(f"{network.bus.name[row.band_bus]} {beyond} outside its band")
    return "; ".join(found)
