"""One table of colours and type that drives Mantine, Plotly, both topology stylesheets and the page's own CSS.

After ISA-101 the screen is grey and calm: saturated colour means that something is abnormal, and never says so alone.
"""

from dataclasses import dataclass, fields
from enum import StrEnum

import plotly.graph_objects as go

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


class Scheme(StrEnum):
    """The two looks."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True)
class Palette:
    """The colours of one look; names say the use."""

    page: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    equipment: str
    equipment_fill: str
    quiet: str
    dead: str
    overload: str
    high: str
    low_voltage: str
    overload_text: str
    high_text: str
    low_voltage_text: str
    selected: str


LIGHT = Palette(
    page="#e4e6e8",
    surface="#f4f5f6",
    raised="#ffffff",
    border="#c9cdd2",
    text="#1c2126",
    muted="#515a63",
    accent="#2f5573",
    equipment="#6b747d",
    equipment_fill="#d3d7db",
    quiet="#9aa2aa",
    dead="#a9b0b7",
    overload="#d55e00",
    high="#e69f00",
    low_voltage="#0072b2",
    overload_text="#a04300",
    high_text="#7a5200",
    low_voltage_text="#005c91",
    selected="#1c2126",
)
DARK = Palette(
    page="#15181b",
    surface="#1d2125",
    raised="#262b30",
    border="#3a4148",
    text="#e3e6e9",
    muted="#a3acb5",
    accent="#8fb6d4",
    equipment="#8b949d",
    equipment_fill="#3d444b",
    quiet="#6a737c",
    dead="#59616a",
    overload="#d55e00",
    high="#e69f00",
    low_voltage="#0072b2",
    overload_text="#ff9a52",
    high_text="#f3bd4a",
    low_voltage_text="#6cbcf0",
    selected="#ffffff",
)
PALETTES = {Scheme.LIGHT: LIGHT, Scheme.DARK: DARK}

# One colour a generator on supply paths: told apart with any colour vision, and none that means abnormal.
# P. Tol, "Colour Schemes", SRON/EPS/TN/09-002, 2021, the muted scheme, in an order of large steps.
PATH_COLOURS = ("#44aa99", "#882255", "#88ccee", "#999933", "#aa4499", "#117733", "#ddcc77", "#6f63c0")


def faded(colour: str, share: float) -> str:
    """A colour of the table (#rrggbb) of which a share from 0 to 1 is left, over whatever lies below."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def css_variables() -> str:
    """The page's custom properties, light and dark, as a style sheet."""
    rules = []
    for scheme, palette in PALETTES.items():
        pairs = (f"--sg-{field.name.replace('_', '-')}: {getattr(palette, field.name)};" for field in fields(palette))
        rules.append(f':root[data-mantine-color-scheme="{scheme}"] {{ color-scheme: {scheme}; {" ".join(pairs)} }}')
    return "\n".join(rules)


def mantine_theme() -> dict[str, object]:
    """The theme that MantineProvider takes; its colours point to the page's own."""
    accent = (
        "#eaf1f6",
        "#d3e0ea",
        "#a9c3d6",
        "#8fb6d4",
        "#5f8eb0",
        "#46789c",
        "#3a6788",
        "#2f5573",
        "#264660",
        "#1d374c",
    )
    return {
        "fontFamily": FONT,
        "headings": {"fontFamily": FONT, "fontWeight": "600"},
        "primaryColor": "accent",
        "primaryShade": {"light": 7, "dark": 5},
        "colors": {"accent": list(accent), "dark": _dark_shades()},
        "defaultRadius": "sm",
        "cursorType": "pointer",
        "components": {
            "Tooltip": {"defaultProps": {"withArrow": True, "openDelay": 300}},
            "Button": {"defaultProps": {"fw": 500}},
            "ActionIcon": {"defaultProps": {"variant": "default", "size": 32}},
        },
    }


def _dark_shades() -> list[str]:
    """Mantine's ten dark shades, light text first, page last, from our own greys."""
    return [
        DARK.text,
        "#c5cad0",
        DARK.muted,
        "#7d868f",
        DARK.border,
        "#31373d",
        DARK.raised,
        DARK.surface,
        "#181b1f",
        DARK.page,
    ]


def figure_template(scheme: Scheme) -> go.layout.Template:
    """The Plotly template of a look; the paper is transparent, so that the card shows through."""
    palette = PALETTES[scheme]
    axis = {
        "gridcolor": palette.border,
        "linecolor": palette.border,
        "zeroline": False,
        "tickfont": {"color": palette.muted, "size": 11},
        "title": {"font": {"color": palette.muted, "size": 11}},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "color": palette.text, "size": 12},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": [palette.accent, palette.equipment, *PATH_COLOURS],
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "hovermode": "x unified",
            "hoverlabel": {
                "bgcolor": palette.raised,
                "bordercolor": palette.border,
                "font": {"color": palette.text},
            },
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 11}},
            "modebar": {"color": palette.muted, "activecolor": palette.text, "bgcolor": "rgba(0,0,0,0)"},
        }
    )
