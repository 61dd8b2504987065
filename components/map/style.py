"""The style sheets of the map, light and dark: static, with selectors on the data that ticks change."""

from enum import IntEnum
from urllib.parse import quote

from components.common.theme import PALETTES, PATH_COLOURS, Palette, Scheme

Rule = dict[str, object]

# Cytoscape compares a smallest font size with font size times zoom, rounded up to a power of two: a value above the
# font size shows a label from zoom 1 on, one above half of it from zoom 0.5 on.
LABELS_FROM_ZOOM_1 = 12


class NodeStatus(IntEnum):
    """Data `s` of a node."""

    NORMAL = 0
    LOW_VOLTAGE = 1
    HIGH_VOLTAGE = 2
    DEAD = 3
    HIGH = 4  # an area with something high inside
    OVERLOAD = 5  # an area with an overload inside


class EdgeStatus(IntEnum):
    """Data `s` of an edge."""

    NORMAL = 0
    HIGH = 1
    OVERLOAD = 2
    OPEN = 3
    DEAD = 4


class Mark(IntEnum):
    """Data `x` of an edge whose switch a plan changes."""

    CLOSE = 1
    OPEN = 2


def stylesheet(scheme: Scheme) -> list[Rule]:
    """The whole style sheet of a look; later rules win."""
    palette = PALETTES[scheme]
    return [
        *_nodes(palette),
        *_edges(palette),
        *_node_status(palette),
        *_areas(palette),
        *_edge_status(palette),
        *_paths(),
        *_plan(palette),
        *_selection(palette),
    ]


def _rule(selector: str, **style: object) -> Rule:
    return {"selector": selector, "style": {name.replace("_", "-"): value for name, value in style.items()}}


def _nodes(palette: Palette) -> list[Rule]:
    return [
        _rule(
            "node",
            width=12,
            height=12,
            shape="ellipse",
            background_color=palette.equipment_fill,
            border_width=1.5,
            border_color=palette.equipment,
            label="data(l)",
            color=palette.text,
            font_size=12,
            min_zoomed_font_size=7,
            text_valign="bottom",
            text_halign="center",
            text_margin_y=3,
            text_wrap="wrap",
            text_max_width=130,
            text_background_color=palette.surface,
            text_background_opacity=0.82,
            text_background_padding=1,
            text_background_shape="roundrectangle",
            overlay_padding=6,
        ),
        _rule(
            ".generator",
            width=22,
            height=22,
            background_color=palette.raised,
            background_image=_sine(palette.equipment),
            background_fit="contain",
            border_width=2,
        ),
        _rule(".substation", width=17, height=17, shape="round-rectangle"),
        _rule(".junction", width=8, height=8, border_width=1),
        _rule(".auxiliary", width=3, height=3, border_width=0, background_color=palette.equipment, label=""),
        _rule(
            ".stub",
            width=15,
            height=15,
            shape="diamond",
            background_opacity=0.4,
            border_style="dashed",
            color=palette.muted,
        ),
    ]


def _areas(palette: Palette) -> list[Rule]:
    return [
        _rule(
            ".area",
            width="data(w)",
            height="data(w)",
            shape="round-rectangle",
            border_width=2,
            font_size=11,
            text_background_opacity=0.7,
            text_margin_y=2,
            min_zoomed_font_size=6,
        ),
        _rule(".corridor", line_opacity=0.7, text_opacity=0),
        *(
            _rule(
                f"node.area[s = {status.value}]",
                border_color=colour,
                border_width=5,
                font_weight="normal",
                background_color=palette.equipment_fill,
            )
            for status, colour in (
                (NodeStatus.LOW_VOLTAGE, palette.low_voltage),
                (NodeStatus.HIGH_VOLTAGE, palette.high),
                (NodeStatus.HIGH, palette.high),
                (NodeStatus.OVERLOAD, palette.overload),
            )
        ),
    ]


def _edges(palette: Palette) -> list[Rule]:
    return [
        _rule(
            "edge",
            width="data(w)",
            curve_style="bezier",
            control_point_step_size=16,
            line_color=palette.quiet,
            label="data(l)",
            color=palette.text,
            font_size=11,
            min_zoomed_font_size=LABELS_FROM_ZOOM_1,
            text_wrap="wrap",
            text_rotation="autorotate",
            text_margin_y=-10,
            text_background_color=palette.surface,
            text_background_opacity=0.9,
            text_background_padding=1,
            text_background_shape="roundrectangle",
            arrow_scale=0.9,
            mid_target_arrow_color=palette.quiet,
            mid_source_arrow_color=palette.quiet,
        ),
        _rule(
            ".transformer",
            line_color=palette.equipment,
            curve_style="bezier",
            source_arrow_shape="circle",
            target_arrow_shape="circle",
            source_arrow_color=palette.equipment,
            target_arrow_color=palette.equipment,
            source_arrow_fill="hollow",
            target_arrow_fill="hollow",
        ),
        _rule("edge[d > 0]", mid_target_arrow_shape="triangle"),
        _rule("edge[d < 0]", mid_source_arrow_shape="triangle"),
        _rule(
            "edge.flow[d != 0]",
            line_style="dashed",
            line_dash_pattern=[9, 5],
            underlay_color=palette.quiet,
            underlay_opacity=0.35,
            underlay_padding="data(h)",
        ),
    ]


def _node_status(palette: Palette) -> list[Rule]:
    def filled(status: NodeStatus, colour: str, text: str) -> Rule:
        return _rule(
            f"node[s = {status.value}]",
            background_color=colour,
            border_color=colour,
            border_width=4,
            color=text,
            font_weight="bold",
            min_zoomed_font_size=5,
            z_index=20,
        )

    return [
        filled(NodeStatus.LOW_VOLTAGE, palette.low_voltage, palette.low_voltage_text),
        filled(NodeStatus.HIGH_VOLTAGE, palette.high, palette.high_text),
        filled(NodeStatus.HIGH, palette.high, palette.high_text),
        filled(NodeStatus.OVERLOAD, palette.overload, palette.overload_text),
        _rule(
            f"node[s = {NodeStatus.DEAD.value}]",
            background_color=palette.surface,
            border_color=palette.dead,
            border_style="dashed",
            border_width=2,
            background_image_opacity=0.3,
            color=palette.muted,
            min_zoomed_font_size=5,
        ),
        _rule("node[a = 1]", border_style="double", border_width=6),
    ]


def _edge_status(palette: Palette) -> list[Rule]:
    def coloured(status: EdgeStatus, colour: str, text: str) -> Rule:
        return _rule(
            f"edge[s = {status.value}]",
            line_color=colour,
            mid_target_arrow_color=colour,
            mid_source_arrow_color=colour,
            underlay_color=colour,
            color=text,
            font_weight="bold",
            min_zoomed_font_size=5,
            z_index=15,
        )

    return [
        coloured(EdgeStatus.HIGH, palette.high, palette.high_text),
        coloured(EdgeStatus.OVERLOAD, palette.overload, palette.overload_text),
        _rule(
            f"edge[s = {EdgeStatus.OPEN.value}]",
            width=1.5,
            line_style="dashed",
            line_dash_pattern=[7, 6],
            line_color=palette.quiet,
            mid_target_arrow_shape="square",
            mid_target_arrow_fill="hollow",
            mid_target_arrow_color=palette.equipment,
        ),
        _rule(
            f"edge[s = {EdgeStatus.DEAD.value}]",
            width=1.5,
            line_style="dashed",
            line_dash_pattern=[2, 6],
            line_color=palette.dead,
            color=palette.muted,
        ),
    ]


def _paths() -> list[Rule]:
    return [
        rule
        for number, colour in enumerate(PATH_COLOURS, start=1)
        for rule in (
            _rule(f"edge[p = {number}]", underlay_color=colour, underlay_opacity=0.55, underlay_padding=5),
            _rule(f"node[p = {number}]", underlay_color=colour, underlay_opacity=0.55, underlay_padding=5),
        )
    ]


def _plan(palette: Palette) -> list[Rule]:
    """Switches that a plan closes (filled circle) and opens (hollow), locks (filled square) and notes (hollow), and
    generators that it changes.

    The browser sets `m`, the size of a mark, and `z` and `o`, size and place of its words, so that they stay the same
    at any zoom.
    """
    label = {
        "color": palette.text,
        "font_weight": "bold",
        "font_size": "data(z)",
        "min_zoomed_font_size": 0,
        "z_index": 40,
        "z_index_compare": "manual",
    }

    def switched(mark: Mark, fill: str) -> Rule:
        return _rule(
            f"edge[x = {mark.value}]",
            underlay_color=palette.accent,
            underlay_opacity=0.3,
            underlay_padding=5,
            arrow_scale="data(m)",
            mid_source_arrow_shape="none",
            mid_target_arrow_shape="circle",
            mid_target_arrow_fill=fill,
            mid_target_arrow_color=palette.text,
            text_rotation="none",
            text_margin_y="data(o)",
            **label,
        )

    def tagged(kind: int, fill: str) -> Rule:
        return _rule(
            f"edge[k = {kind}]",
            mid_source_arrow_shape="none",
            mid_target_arrow_shape="square",
            mid_target_arrow_fill=fill,
            mid_target_arrow_color=palette.text,
            arrow_scale="data(m)",
            text_rotation="none",
            text_margin_y="data(o)",
            **label,
        )

    return [
        _rule("edge[r = 1]", underlay_color=palette.accent, underlay_opacity=0.25, underlay_padding=4),
        tagged(1, "filled"),
        tagged(2, "hollow"),
        switched(Mark.CLOSE, "filled"),
        switched(Mark.OPEN, "hollow"),
        _rule("node[g]", border_color=palette.accent, border_width=4, z_index=18, min_zoomed_font_size=5),
    ]


def _selection(palette: Palette) -> list[Rule]:
    return [
        _rule("edge.route", underlay_color=palette.accent, underlay_opacity=0.5, underlay_padding=6),
        _rule("node:selected", overlay_color=palette.selected, overlay_opacity=0.18, overlay_padding=9),
        _rule("edge:selected", overlay_color=palette.selected, overlay_opacity=0.18, overlay_padding=7),
    ]


def _sine(colour: str) -> str:
    """The generator's symbol as an image."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 26" width="22" height="22">'
        f'<path d="M6 13c2.3-5.5 4.7-5.5 7 0s4.7 5.5 7 0" fill="none" stroke="{colour}" stroke-width="2"/></svg>'
    )
    return f"data:image/svg+xml;utf8,{quote(svg)}"
