"""HTML reports from Jinja2 templates: one file that needs nothing else, light and dark on a screen, A4 on paper.

Every report extends templates/base.html. Everything that is put into a template is escaped, for names come from
people's files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from ml.reporting.charts import bar, svg

PRODUCT = "Smart Grid Operations System"
HERE = "ml.reporting"


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours by use, for light and for dark; paper is always light. font: what CSS takes as font-family.

    base.html needs text, muted, border, raised, surface, accent and high; charts name those of their lines.
    """

    light: Mapping[str, str]
    dark: Mapping[str, str]
    font: str = "system-ui, sans-serif"


COMMANDS_LOOK = Look(
    light={
        "text": "#1c2430",
        "muted": "#5b6675",
        "border": "#c9d0d9",
        "raised": "#ffffff",
        "surface": "#f4f5f6",
        "accent": "#1f5fbf",
        "second": "#b4530a",
        "high": "#9a3412",
    },
    dark={
        "text": "#e6eaf0",
        "muted": "#a3adba",
        "border": "#3a4452",
        "raised": "#14181e",
        "surface": "#1c2128",
        "accent": "#7fb2ff",
        "second": "#f2a65a",
        "high": "#fdba74",
    },
)


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table whose first `words` columns are text and the others numbers; not shown without rows.

    A cell that is a number is a share from 0 to 1, drawn as a bar.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    words: int = 1
    caption: str = ""


def render(template: str, content: Mapping[str, object], look: Look = COMMANDS_LOOK, package: str = HERE) -> str:
    """A template of a package's templates folder, or of ours, as a page. content: title, and what the template names.

    Names that UTF-8 can't hold, as lone surrogates, must be replaced by who encodes it. jinja2.UndefinedError where
    the template names what isn't in content.
    """
    return _environment(package).get_template(template).render(content, look=look, product=PRODUCT)


@cache
def _environment(package: str) -> Environment:
    names = dict.fromkeys((package, HERE))
    made = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in names]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"svg": svg, "bar": bar}
    return made
