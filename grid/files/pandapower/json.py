"""Reads a pandapower network from JSON without letting the file choose what is imported.

pandapower's decoder imports the module that an object of the file names, before it looks whether the class is
harmless, and pandas opens a path given in place of a table. A network needs neither, so the plain JSON is
searched first, with the JSON texts inside of it, and only what networks are made of passes to the decoder.
"""

import json
import re
from collections.abc import Iterator

import pandapower
from pandapower.auxiliary import pandapowerNet
from pandapower.convert_format import convert_format

from grid.errors import CaseError
from grid.files.declared import require_narrow
from grid.files.matpower.format import shorten

_FRAMES = re.compile(r"pandas(\.core\.(frame|series))?\.(DataFrame|Series)")
_ALLOWED = re.compile(
    r"pandapower\.auxiliary\.pandapowerNet"
    r"|pandas(\.core\.(frame|series))?\.(DataFrame|Series)"
    r"|pandas(\.core\.indexes\.\w+)?\.(\w*Index)"
    r"|numpy\.(array|bool_?|u?int\d+|float\d+|complex\d+)"
    r"|builtins\.(tuple|set|frozenset|complex)"
    r"|networkx\.MultiGraph"
    r"|shapely(\.geometry\.\w+)?\.(Point|LineString|Polygon)"
    r"|pandapower\.(control|protection|timeseries)(\.\w+)*\.(?!function$|method$)[A-Z]\w*"
)
_KEYS = frozenset(
    {
        "_module",
        "_class",
        "_object",
        "dtype",
        "orient",
        "typ",
        "index_name",
        "index_names",
        "column_name",
        "column_names",
        "is_multiindex",
        "is_multicolumn",
    }
)


def read_json(text: str, file: str) -> pandapowerNet:
    """The network in a pandapower JSON text, upgraded to this pandapower; file is what errors call it.

    Controllers are carried along but not run: taps stay where the file has them.
    Raises CaseError when the text is no JSON, no pandapower network, names an object of another kind than
    networks are made of, or cannot be decoded.
    """
    try:
        plain = json.loads(text, object_pairs_hook=_Pairs)
        for pairs in _objects(plain):
            _require_harmless(pairs, file)
    except json.JSONDecodeError as exc:
        problem = f"this is not JSON, or it is cut off: {exc.msg}"
        raise CaseError(file, problem, f"line {exc.lineno}", f"column {exc.colno}") from exc
    except RecursionError as exc:
        raise CaseError(file, "the JSON is nested too deeply for a network") from exc
    except CaseError:
        raise
    except ValueError as exc:  # a number of thousands of digits
        raise CaseError(file, f"this JSON can't be a network ({shorten(exc)})") from exc
    if not isinstance(plain, _Pairs) or not ({"bus", "_object"} & {key for key, _ in plain}):
        problem = "this is JSON, but not a network saved with pandapower's to_json"
        raise CaseError(file, f"{problem}, nor a feeder: that has base_kv, source_bus, bus and branch")
    return _decode(text, file)


class _Pairs(list[tuple[str, object]]):
    """A JSON object as its pairs, so that a key given twice is not lost."""


def _objects(value: object) -> Iterator[_Pairs]:
    """Every object in a parsed JSON value, also within texts that are JSON themselves."""
    if isinstance(value, str):
        inner = _inner_json(value)
        if inner is not None:
            yield from _objects(inner)
    elif isinstance(value, _Pairs):
        yield value
        for _, item in value:
            yield from _objects(item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (str, list)):
                yield from _objects(item)


def _inner_json(text: str) -> object | None:
    """The value of a text that is JSON, None for one that is not (a name may begin with a bracket)."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        value: object = json.loads(text, object_pairs_hook=_Pairs)
    except ValueError:
        return None
    return value


def _require_harmless(pairs: _Pairs, file: str) -> None:
    for key, value in pairs:
        if key == "dtype":
            require_narrow(dict(value) if isinstance(value, _Pairs) else value, file)
    named = [key for key, _ in pairs if key in ("_module", "_class")]
    if not named:
        return
    content = dict(pairs)
    kind = f"{content.get('_module')}.{content.get('_class')}"
    if len(named) > len(set(named)) or not _ALLOWED.fullmatch(kind):
        problem = "a network file may hold tables, numbers and pandapower's controllers, and name nothing else"
        raise CaseError(file, problem, "object", "_module", shorten(kind))
    if _FRAMES.fullmatch(kind):
        body = content.get("_object")
        if not isinstance(body, str) or _inner_json(body) is None:
            problem = "the content of a table must be given as JSON text"
            raise CaseError(file, problem, kind, "_object", shorten(body))
        if unknown := sorted(set(content) - _KEYS):
            raise CaseError(file, "a table has no such key", kind, unknown[0], shorten(content[unknown[0]]))


def _decode(text: str, file: str) -> pandapowerNet:
    # The decoder and the upgrade raise whatever a wrong file makes them stumble over (KeyError, TypeError,
    # UserWarning and more), so every exception is turned into the one that names the file.
    try:
        net = pandapower.from_json_string(text, convert=False)
    except Exception as exc:
        problem = f"pandapower cannot decode this as a network ({type(exc).__name__}: {shorten(exc, 120)})"
        raise CaseError(file, problem) from exc
    if not isinstance(net, pandapowerNet):
        raise CaseError(file, "this is JSON, but not a network saved with pandapower's to_json")
    try:
        return convert_format(net)
    except Exception as exc:
        problem = f"pandapower {pandapower.__version__} cannot upgrade this network"
        raise CaseError(file, f"{problem} ({type(exc).__name__}: {shorten(exc, 120)})", "version") from exc
