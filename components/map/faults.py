"""The list of trips whose fault isn't repaired: what tripped, and where the fault is."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from components.common import text
from grid.network import Network
from grid.protection.records import LocatedFault, LocatedSection

MOST_SECTIONS = 3
MOST_NAMES = 4


def fault_list(faults: Sequence[LocatedFault], network: Network) -> Component:
    """Trips in the order of their faults, each with its most probable sections; nothing where there is none."""
    if not faults:
        return html.Div()
    return html.Div(
        [
            dmc.Divider(label="Located by indicators"),
            html.Ul([_row(fault, network) for fault in faults], className="event-list"),
        ]
    )


def section_words(section: LocatedSection, network: Network) -> str:
    """What is in a section: its branches, then its buses."""
    names = [network.branch.name[i] for i in section.branches] + [network.bus.name[i] for i in section.buses]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _row(fault: LocatedFault, network: Network) -> html.Li:
    trip = fault.report.trip
    devices = [network.branch.name[i] for i in trip.branches] + [network.generator.name[i] for i in trip.generators]
    places = [
        html.Div(f"{_percent(section.probability)}: {section_words(section, network)}", className="note")
        for section in fault.sections[:MOST_SECTIONS]
    ]
    since = html.Span(f"at {text.clock(fault.report.tripped_at)}", className="note")
    return html.Li(html.Div([f"Tripped: {', '.join(devices)} ", since, *places]))


def _percent(probability: float) -> str:
    """Never 100 %: flags prove nothing."""
    return "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
