"""Pieces of a report's HTML: everything that isn't Markup already is escaped, for names come from people's files."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

Cell = str | Markup
NARROW = "\u202f"  # the space before a unit, where no line may end

_TABLE = Markup('<div class="table"><table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>')
_HEAD_CELL, _CELL = Markup('<th scope="col"{}>{}</th>'), Markup("<td{}>{}</td>")


def section(title: str, *parts: Markup) -> Markup:
    """A part of the report under a heading."""
    return Markup("<section><h2>{}</h2>{}</section>").format(title, Markup("\n").join(parts))


def paragraph(words: str, kind: str = "") -> Markup:
    """A paragraph, nothing without words. kind: `quiet`, `warning` or none."""
    return (
        Markup("<p{}>{}</p>").format(Markup(' class="{}"').format(kind) if kind else "", words) if words else Markup()
    )


def figures(drawn: Iterable[Markup]) -> Markup:
    """Charts beside one another where there is room."""
    return Markup('<div class="charts">{}</div>').format(Markup("").join(drawn))


def tiles(shown: Sequence[tuple[str, str, str]]) -> Markup:
    """(name, value, what else is to be said) of the figures that matter most."""
    one = Markup("<div><dt>{}</dt><dd>{}</dd><dd>{}</dd></div>")
    return Markup('<dl class="tiles">{}</dl>').format(Markup("").join(one.format(*tile) for tile in shown))


def bullets(sentences: Sequence[str], most: int) -> Markup:
    """A list of the first sentences, and how many more there are."""
    more = [f"… and {len(sentences) - most:,} more"] if len(sentences) > most else []
    items = Markup("").join(Markup("<li>{}</li>").format(words) for words in [*sentences[:most], *more])
    return Markup("<ul>{}</ul>").format(items) if sentences else Markup()


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], words: int = 1, caption: str = "") -> Markup:
    """A table whose first `words` columns are text and the others numbers; nothing without rows."""
    if not rows:
        return Markup()
    kinds = [Markup(' class="words"') if column < words else Markup() for column in range(len(headers))]
    head = _cells(_HEAD_CELL, headers, kinds)
    body = Markup("").join(Markup("<tr>{}</tr>").format(_cells(_CELL, row, kinds)) for row in rows)
    named = Markup("<caption>{}</caption>").format(caption) if caption else Markup()
    return _TABLE.format(named, head, body)


def _cells(form: Markup, cells: Sequence[Cell], kinds: Sequence[Markup]) -> Markup:
    return Markup("").join(form.format(kind, cell) for kind, cell in zip(kinds, cells, strict=True))
