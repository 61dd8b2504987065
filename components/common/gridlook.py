"""How every AG Grid of the pages looks and behaves: colours of the page's own properties, so that both looks fit."""

from components.common.text import UNKNOWN

JSON = dict[str, object]

_COLOURS = {
    "backgroundColor": "surface",
    "foregroundColor": "text",
    "textColor": "text",
    "headerTextColor": "muted",
    "headerBackgroundColor": "surface",
    "chromeBackgroundColor": "surface",
    "borderColor": "border",
    "accentColor": "accent",
    "oddRowBackgroundColor": "surface",
    "rowHoverColor": "raised",
    "selectedRowBackgroundColor": "equipment-fill",
    "inputBackgroundColor": "raised",
    "inputTextColor": "text",
    "inputPlaceholderTextColor": "muted",
    "menuBackgroundColor": "raised",
    "menuTextColor": "text",
    "iconColor": "muted",
}
NUMBER_FILTERS = ["greaterThanOrEqual", "lessThan", "inRange", "blank"]
_SIZES = {"fontSize": 13, "headerFontSize": 12, "spacing": 5, "rowHeight": 30, "wrapperBorderRadius": 4}


def _theme() -> str:
    colours = [f"{name}: 'var(--sg-{colour})'" for name, colour in _COLOURS.items()]
    sizes = [f"{name}: {size}" for name, size in _SIZES.items()]
    parameters = ", ".join([*colours, *sizes, "fontFamily: 'inherit'"])
    return f"themeQuartz.withParams({{{parameters}}})"


THEME: JSON = {"function": _theme()}


def number_column(field: str, title: str, formatter: str, **more: object) -> JSON:
    """A column of numbers, None where unknown. formatter: d3's, e.g. ',.3~r'."""
    shown = f"params.value == null ? '{UNKNOWN}' : d3.format('{formatter}')(params.value)"
    return {
        "field": field,
        "headerName": title,
        "type": "numericColumn",
        "filter": "agNumberColumnFilter",
        "filterParams": {"filterOptions": NUMBER_FILTERS},
        "valueFormatter": {"function": shown},
        **more,
    }


def text_column(field: str, title: str, **more: object) -> JSON:
    """A column of words."""
    return {"field": field, "headerName": title, "filter": "agTextColumnFilter", **more}


def every_column() -> JSON:
    """What holds for all columns: sorting, a filter in sight below the header, headers that wrap."""
    return {
        "sortable": True,
        "resizable": True,
        "floatingFilter": True,
        "wrapHeaderText": True,
        "autoHeaderHeight": True,
        "suppressHeaderMenuButton": True,
        "suppressHeaderFilterButton": True,
        "minWidth": 60,
    }


def options(empty: str, **more: object) -> JSON:
    """Options of a grid. empty: what stands there without rows."""
    return {
        "theme": THEME,
        "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
        "localeText": {"noRowsToShow": empty},
        "animateRows": False,
        "tooltipShowDelay": 300,
        "ensureDomOrder": True,
        "tabToNextCell": {"function": "false"},  # the tabulator leaves the cells, arrows go through them
        **more,
    }
