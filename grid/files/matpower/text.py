"""Reads a MATPOWER case written as an .m file, without running it.

A case file is a list of matrices, sometimes followed by statements that convert their units. Matrices and
strings are parsed here, arithmetic by grid.files.matpower.expressions. A statement that is not understood raises: a
half-read file would give numbers in the wrong unit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from grid.errors import CaseError
from grid.files.matpower.expressions import MatpowerScope, StatementError, evaluate, evaluate_target, number
from grid.files.matpower.format import COLUMNS, CONSTANTS, INDEX_OUTPUTS, USED_FIELDS, Matrix, Mpc, build_mpc, shorten

_QUOTED = re.compile(r"(?<![\w)\]}.'])'(?:[^'\n]|'')*'|\"(?:[^\"\n]|\"\")*\"")
_CUT = re.compile(r"[%#]|\.\.\.")
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?|[Ii]nf|NaN|nan)")
_FUNCTION = re.compile(r"function\s+(\w+)\s*=\s*\w+(?:\s*\(\s*\))?")
_VERSION_1 = re.compile(r"function\s*\[")
_OUTPUTS = re.compile(r"\[([^\]]*)\]\s*=\s*(idx_\w+)(?:\s*\(\s*\))?")
_CLOSING = ("end", "endfunction")


@dataclass(frozen=True)
class Statement:
    """One statement of the file: the line it starts on (from 1) and its text without comments."""

    line: int
    text: str


@dataclass
class _Workspace:
    """What the statements so far have defined."""

    file: str
    struct: str = "mpc"
    fields: dict[str, object] = field(default_factory=dict)
    matrices: dict[str, Matrix] = field(default_factory=dict)
    variables: dict[str, Matrix] = field(default_factory=dict)
    closed: bool = False

    def scope(self) -> MatpowerScope:
        return MatpowerScope(self.struct, self.matrices, self.variables)


def read_m(text: str, file: str) -> Mpc:
    """The case written in the text of an .m file; file is what errors call it.

    Understood: the function line, comments (% and #, also as blocks), `...`, matrices, cell arrays of
    strings, the constants of idx_bus, idx_gen, idx_brch and define_constants, and arithmetic on the fields
    that are read.
    Raises CaseError naming the line and the statement, or the matrix, row and column, that is not understood.
    """
    workspace = _Workspace(file)
    for statement in statements(text, file):
        try:
            _execute(statement, workspace)
        except StatementError as exc:
            raise _error(file, statement, str(exc)) from exc
    return build_mpc(file, {**workspace.fields, **workspace.matrices})


def statements(text: str, file: str) -> Iterator[Statement]:
    """The statements of an .m file in order; raises CaseError where a bracket is not closed."""
    pending: list[str] = []
    start, depth = 0, 0
    for line, code, continued in _code_lines(text):
        if not pending:
            if not code.strip():
                continue
            start = line
        pending.append(code)
        masked = _mask(code)
        depth += sum(map(masked.count, "[{(")) - sum(map(masked.count, "]})"))
        if continued or depth > 0:
            pending.append(" " if continued else "\n")
            continue
        yield from _split(start, "".join(pending))
        pending, depth = [], 0
    if pending:
        problem = "this statement is not closed: a bracket or a line is missing"
        raise CaseError(file, problem, f"line {start}", "statement", f"`{shorten(''.join(pending))}`")


def _code_lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Line number, the line without its comment, and whether `...` continues it."""
    in_comment = 0
    for line, raw in enumerate(text.splitlines(), start=1):
        if raw.strip() in ("%{", "#{"):
            in_comment += 1
        elif in_comment:
            in_comment -= raw.strip() in ("%}", "#}")
        else:
            cut = _CUT.search(_mask(raw))
            yield line, raw if cut is None else raw[: cut.start()], bool(cut and cut.group() == "...")


def _mask(code: str) -> str:
    """The code with every quoted text replaced by as many letters, so that brackets in it are not seen."""
    return _QUOTED.sub(lambda match: "s" * len(match.group()), code)


def _split(line: int, code: str) -> Iterator[Statement]:
    """The statements of a closed piece of code, which `;` and `,` outside of brackets separate."""
    depth, start = 0, 0
    for match in re.finditer(r"[\[\](){};,]", _mask(code) + ";"):
        mark = match.group()
        depth += (mark in "[({") - (mark in "])}")
        if depth == 0 and mark in ";,":
            if text := code[start : match.start()].strip():
                yield Statement(line, text)
            start = match.end()
    if text := code[start:].strip():
        yield Statement(line, text)


def _error(file: str, statement: Statement, why: str) -> CaseError:
    problem = f"{why}. Write the numbers in MW, Mvar, kV and p.u. instead, or use the forms MATPOWER's cases use"
    return CaseError(file, problem, f"line {statement.line}", "statement", f"`{shorten(statement.text)}`")


def _execute(statement: Statement, workspace: _Workspace) -> None:
    text = statement.text
    if workspace.closed:
        raise StatementError("nothing may follow the end of the function")
    if text in _CLOSING:
        workspace.closed = True
    elif _VERSION_1.match(text):
        problem = "this is the case format of version 1; convert it to version 2 with MATPOWER's savecase"
        raise CaseError(workspace.file, problem, f"line {statement.line}", "function", shorten(text))
    elif match := _FUNCTION.fullmatch(text):
        workspace.struct = match.group(1)
    elif text == "define_constants":
        workspace.variables |= {name: number(value) for name, value in CONSTANTS.items()}
    elif match := _OUTPUTS.fullmatch(text):
        _name_constants(match.group(1), match.group(2), workspace)
    else:
        _assign(text, workspace)


def _name_constants(listed: str, function: str, workspace: _Workspace) -> None:
    """`[PQ, PV, ...] = idx_bus`: outputs go by position, whatever they are called."""
    names = listed.replace(",", " ").split()
    if function not in INDEX_OUTPUTS or len(names) > len(INDEX_OUTPUTS[function]):
        raise StatementError(f"'{function}' with {len(names)} outputs is not understood")
    for name, constant in zip(names, INDEX_OUTPUTS[function], strict=False):
        if name.isidentifier():
            workspace.variables[name] = number(CONSTANTS[constant])
        elif name != "~":
            raise StatementError(f"'{name}' is not a name")


def _assign(text: str, workspace: _Workspace) -> None:
    match = re.search(r"(?<![<>~!=])=(?!=)", _mask(text))
    if match is None:
        raise StatementError("this is not an assignment")
    target, value = text[: match.start()].strip(), text[match.end() :].strip()
    if re.fullmatch(r"[A-Za-z]\w*", target):
        workspace.variables[target] = evaluate(value, workspace.scope())
        return
    path = re.fullmatch(rf"{workspace.struct}\.(\w+)(.*)", target, re.DOTALL)
    if path is None:
        raise StatementError(f"'{shorten(target, 30)}' is not a field of {workspace.struct}")
    name, part = path.groups()
    if name not in USED_FIELDS:
        workspace.fields[name] = None  # there is one, and it isn't read
        return
    if part:
        _assign_part(target, value, workspace)
    elif name in COLUMNS or name == "baseMVA":
        workspace.matrices[name] = _matrix_value(name, value, workspace)
    else:
        workspace.fields[name] = _text_value(name, value)


def _assign_part(target: str, value: str, workspace: _Workspace) -> None:
    part = evaluate_target(target, workspace.scope())
    values = evaluate(value, workspace.scope())
    shape = (len(part.rows), len(part.columns))
    if values.size != 1 and values.shape != shape:
        raise StatementError(f"a part of {shape} elements cannot take a value of {values.shape}")
    changed = workspace.matrices[part.field].copy()
    changed[np.ix_(part.rows, part.columns)] = values
    workspace.matrices[part.field] = changed


def _text_value(name: str, value: str) -> object:
    """A version, quoted or not, or the names in a cell array."""
    quoted = [match.group() for match in _QUOTED.finditer(value)]
    texts = tuple(item[1:-1].replace(item[0] * 2, item[0]).strip() for item in quoted)
    rest = _QUOTED.sub("", value)
    if name == "bus_name" and re.fullmatch(r"\{[\s;,]*\}", rest):
        return texts
    if name == "version" and len(texts) <= 1 and bool(texts) != bool(rest.strip()):
        return texts[0] if texts else rest.strip()
    raise StatementError(f"the value of {name} is not understood")


def _matrix_value(name: str, value: str, workspace: _Workspace) -> Matrix:
    if not (value.startswith("[") and value.endswith("]")):
        return evaluate(value, workspace.scope())
    body = value[1:-1]
    if re.search(r"[\[\]{}]", body):
        raise StatementError("brackets within a matrix are not understood")
    rows = [row.strip() for row in re.split(r"[;\n]", body)]
    numbers = [_row(name, position, row, workspace) for position, row in enumerate(filter(None, rows), start=1)]
    for position, row in enumerate(numbers, start=1):
        if len(row) != len(numbers[0]):
            problem = f"row 1 has {len(numbers[0])} columns; every row must have as many"
            raise CaseError(workspace.file, problem, f"mpc.{name} row {position}", "columns", str(len(row)))
    return np.array(numbers, dtype=np.float64) if numbers else np.empty((0, 0))


def _row(name: str, position: int, text: str, workspace: _Workspace) -> list[float]:
    entries = re.split(r"\s*,\s*|\s+", text.removesuffix(",").rstrip())
    return [
        float(entry.lower().replace("d", "e"))
        if _NUMBER.fullmatch(entry)
        else _entry(name, position, column, entry, workspace)
        for column, entry in enumerate(entries)
    ]


def _entry(name: str, position: int, column: int, text: str, workspace: _Workspace) -> float:
    """An entry that is no plain number, e.g. `1/3` or a variable; raises CaseError naming row and column."""
    try:
        value = evaluate(text, workspace.scope())
        if value.size != 1:
            raise StatementError("an entry is one number")
    except StatementError as exc:
        names = COLUMNS.get(name, ())
        label = names[column] if column < len(names) else f"column {column + 1}"
        problem = f"this is not a number: {exc}"
        raise CaseError(workspace.file, problem, f"mpc.{name} row {position}", label, f"'{text}'") from exc
    return value.item()
