"""View: what one browser looks at. It lives in that browser and comes along with each of its requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from app.web.query import position
from grid.alarms.book import AssetKind
from grid.network import Network

MOST_PATHS = 8
HOME = "overview"  # the page of a browser that names none


class Layer(StrEnum):
    """Which quantity the map shows."""

    LOADING = "loading"
    VOLTAGE = "voltage"
    TEMPERATURE = "temperature"
    RISK = "risk"


@dataclass(frozen=True)
class Asset:
    """A bus or a branch by its position in the network."""

    kind: AssetKind
    index: int

    @property
    def code(self) -> str:
        """The text form, e.g. `bus-12`, which is also the id of its element on the map."""
        return f"{self.kind}-{self.index}"

    @classmethod
    def parse(cls, code: object, network: Network) -> Self | None:
        """The asset of a code, with or without an area (`bus-12@3`); None where the network has no such asset."""
        if not isinstance(code, str):
            return None
        kind, _, rest = code.partition("-")
        size = {AssetKind.BUS: network.n_bus, AssetKind.BRANCH: network.n_branch}.get(kind)  # type: ignore[call-overload]
        index = position(rest.partition("@")[0])
        if size is None or index is None or index >= size:
            return None
        return cls(AssetKind(kind), index)


@dataclass(frozen=True)
class View:
    """layer: what the map shows. area: the part of a large grid that is open. paths: generator buses whose supply
    paths are marked. asset: what the drawer shows. page: a page's name. plan: whether the overview's map marks the
    proposed plan."""

    layer: Layer = Layer.LOADING
    area: int | None = None
    asset: Asset | None = None
    paths: tuple[int, ...] = ()
    page: str = HOME
    plan: bool = True

    @classmethod
    def parse(cls, data: object, network: Network, key: str) -> Self:
        """The view in a browser's data; what isn't valid is left out, and so is what was chosen in another network."""
        if not isinstance(data, Mapping):
            return cls()
        layer = Layer(data["layer"]) if data.get("layer") in tuple(Layer) else Layer.LOADING
        page = data.get("page")
        page = page if isinstance(page, str) else HOME
        plan = data.get("plan") is not False
        if data.get("network") != key:
            return cls(layer, page=page, plan=plan)
        area, paths = data.get("area"), data.get("paths")
        buses = (Asset.parse(path, network) for path in paths) if isinstance(paths, list) else ()
        return cls(
            layer=layer,
            area=area if isinstance(area, int) and not isinstance(area, bool) and area >= 0 else None,
            asset=Asset.parse(data.get("asset"), network),
            paths=tuple(bus.index for bus in buses if bus is not None and bus.kind is AssetKind.BUS)[:MOST_PATHS],
            page=page,
            plan=plan,
        )
