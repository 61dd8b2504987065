"""Elements of the map, sent once for each network; the values that change are set in place by the browser.

Every element carries `i`, its position in the arrays of a tick. Data that a tick changes: `s` status, `l` label,
`w` width, `h` half of it, `d` direction of flow, `p` number of a marked supply path. What these look like is in
components.map.style. A node's place is also among its data: the browser moves nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.map.geometry import FloatArray

Element = dict[str, object]


@dataclass(frozen=True)
class Node:
    """A bus, an area or the stub of a neighbouring area. kind is its class in the style sheet."""

    id: str
    name: str
    kind: str
    area: int | None = None  # which area a tap opens


@dataclass(frozen=True)
class Edge:
    """A branch or a corridor between two nodes given by id."""

    id: str
    name: str
    kind: str
    source: str
    target: str


def elements(nodes: Sequence[Node], edges: Sequence[Edge], points: FloatArray, scope: str) -> list[Element]:
    """All elements; points (n, 2) are the nodes' places in pixels. scope: its key, which the first node carries."""
    places = points.round(1).tolist()
    found = [
        *(_node(position, node, place) for position, (node, place) in enumerate(zip(nodes, places, strict=True))),
        *(_edge(position, edge) for position, edge in enumerate(edges)),
    ]
    found[0]["data"]["scope"] = scope  # type: ignore[index]
    return found


def _node(position: int, node: Node, place: list[float]) -> Element:
    data: dict[str, object] = {
        "id": node.id,
        "i": position,
        "name": node.name,
        "l": node.name,
        "home": {"x": place[0], "y": place[1]},
    }
    if node.area is not None:
        data["area"] = node.area
    return {"data": data, "classes": node.kind, "position": {"x": place[0], "y": place[1]}}


def _edge(position: int, edge: Edge) -> Element:
    data: Mapping[str, object] = {
        "id": edge.id,
        "i": position,
        "name": edge.name,
        "l": "",
        "source": edge.source,
        "target": edge.target,
        "w": 2,
        "h": 1,
    }
    return {"data": data, "classes": edge.kind}
