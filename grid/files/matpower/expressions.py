"""The arithmetic that MATPOWER cases do on their own data: a small evaluator that runs no foreign code.

Grammar, in MATLAB's order of precedence (unary minus binds weaker than a power, powers group to the left):

    sum      := product (("+" | "-") product)*
    product  := signed (("*" | "/" | ".*" | "./") signed)*
    signed   := ("+" | "-") signed | power
    power    := atom (("^" | ".^") exponent)*        exponent := ("+" | "-") exponent | atom
    atom     := number | name | function "(" sum ")" | struct.field ["(" index "," index ")"] | "(" sum ")"
    index    := ":" | "[" atom ([","] atom)* "]" | sum

Whatever is outside of this raises; nothing is guessed.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grid.files.matpower.format import Matrix

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.(?![*/^])\d*)?|\.\d+)(?:[eEdD][+-]?\d+)?(?!\w))"
    r"|(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)?)|(?P<mark>\.[*/^]|[-+*/^()\[\],:]))"
)
MOST_TOKENS = 10_000  # of an expression
_NUMBERS: Mapping[str, float] = {"pi": np.pi, "Inf": np.inf, "inf": np.inf, "NaN": np.nan, "nan": np.nan}
_FUNCTIONS: Mapping[str, Callable[[Matrix], Matrix]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sqrt": np.sqrt,
}
_OPERATORS: Mapping[str, Callable[[Matrix, Matrix], Matrix]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}


class StatementError(ValueError):
    """A statement is not understood; the message says why. The reader of the file adds where."""


@dataclass(frozen=True)
class Target:
    """The part of a matrix that a statement assigns to: its name and zero-based row and column numbers."""

    field: str
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


@dataclass(frozen=True)
class MatpowerScope:
    """What an expression may name: the struct's own name, its matrices, and variables. All values are 2-D."""

    struct: str
    fields: Mapping[str, Matrix]
    variables: Mapping[str, Matrix]


def number(value: float) -> Matrix:
    """A scalar as the (1, 1) matrix that MATLAB takes it for."""
    return np.array([[value]], dtype=np.float64)


def evaluate(text: str, scope: MatpowerScope) -> Matrix:
    """The value of an expression, a 2-D array; raises StatementError where it is not understood."""
    parser = _Parser(text, scope)
    try:
        value = parser.sum()
    except RecursionError as exc:
        raise StatementError("the expression is nested too deeply") from exc
    parser.expect_end()
    return value


def evaluate_target(text: str, scope: MatpowerScope) -> Target:
    """The part of a matrix left of an equals sign, e.g. `mpc.bus(:, [PD QD])`; raises StatementError."""
    parser = _Parser(text, scope)
    field = parser.field_of(parser.take())
    try:
        rows, columns = parser.indices(parser.matrix(field))
    except RecursionError as exc:
        raise StatementError("the index is nested too deeply") from exc
    parser.expect_end()
    return Target(field, rows, columns)


def _tokens(text: str) -> deque[str]:
    found: deque[str] = deque()
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise StatementError(f"'{text[position:].strip()[:20]}' is not understood here")
        found.append(match.group().strip())
        position = match.end()
        if len(found) > MOST_TOKENS:
            raise StatementError(f"an expression of over {MOST_TOKENS:,} words is not understood")
    return found


def _combine(sign: str, left: Matrix, right: Matrix) -> Matrix:
    """An operation on two matrices; those of linear algebra are refused."""
    left_many, right_many = left.size > 1, right.size > 1
    refused = {"*": left_many and right_many, "/": right_many, "^": left_many or right_many}
    if refused.get(sign, False):
        raise StatementError(f"'{sign}' of matrices is not understood; '.{sign}' works element by element")
    try:
        with np.errstate(all="ignore"):
            result = _OPERATORS[sign.lstrip(".")](left, right)
    except ValueError as exc:
        raise StatementError(f"'{sign}' cannot combine {left.shape} with {right.shape} elements") from exc
    if np.any(np.isnan(result) & ~np.isnan(left) & ~np.isnan(right)):
        raise StatementError(f"'{sign}' gives no real number here")
    return result


class _Parser:
    """Recursive descent over the tokens of one expression; each method reads one rule of the grammar."""

    def __init__(self, text: str, scope: MatpowerScope) -> None:
        self._rest = _tokens(text)
        self._scope = scope

    def take(self) -> str:
        if not self._rest:
            raise StatementError("the expression ends too early")
        return self._rest.popleft()

    def expect_end(self) -> None:
        if self._rest:
            raise StatementError(f"'{self._rest[0]}' is not understood here")

    def sum(self) -> Matrix:
        value = self._product()
        while self._next_is("+", "-"):
            value = _combine(self.take(), value, self._product())
        return value

    def field_of(self, name: str) -> str:
        struct, dot, field = name.partition(".")
        if not dot or struct != self._scope.struct:
            raise StatementError(f"'{name}' is not a field of {self._scope.struct}")
        return field

    def matrix(self, field: str) -> Matrix:
        if field not in self._scope.fields:
            raise StatementError(f"{self._scope.struct}.{field} is not defined before this statement")
        return self._scope.fields[field]

    def indices(self, matrix: Matrix) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Zero-based row and column numbers out of `(rows, columns)`."""
        self._expect("(")
        rows = self._index(matrix.shape[0], "row")
        self._expect(",")
        columns = self._index(matrix.shape[1], "column")
        self._expect(")")
        return rows, columns

    def _next_is(self, *marks: str) -> bool:
        return bool(self._rest) and self._rest[0] in marks

    def _expect(self, mark: str) -> None:
        if not self._next_is(mark):
            found = self._rest[0] if self._rest else "the end"
            raise StatementError(f"'{mark}' is expected before '{found}'")
        self.take()

    def _product(self) -> Matrix:
        value = self._signed()
        while self._next_is("*", "/", ".*", "./"):
            value = _combine(self.take(), value, self._signed())
        return value

    def _signed(self) -> Matrix:
        if self._next_is("+", "-"):
            return self._signed() if self.take() == "+" else -self._signed()
        value = self._atom()
        while self._next_is("^", ".^"):
            value = _combine(self.take(), value, self._exponent())
        return value

    def _exponent(self) -> Matrix:
        if self._next_is("+", "-"):
            return self._exponent() if self.take() == "+" else -self._exponent()
        return self._atom()

    def _atom(self) -> Matrix:
        token = self.take()
        if token[0].isdigit() or (token[0] == "." and token[1:2].isdigit()):
            return number(float(token.lower().replace("d", "e")))
        if token == "(":
            value = self.sum()
            self._expect(")")
            return value
        if "." in token and token[0].isalpha():
            return self._field_value(self.field_of(token))
        return self._named(token)

    def _field_value(self, field: str) -> Matrix:
        matrix = self.matrix(field)
        if not self._next_is("("):
            return matrix
        rows, columns = self.indices(matrix)
        return matrix[np.ix_(rows, columns)]

    def _named(self, token: str) -> Matrix:
        if token in self._scope.variables:
            return self._scope.variables[token]
        if token in _NUMBERS:
            return number(_NUMBERS[token])
        if token not in _FUNCTIONS:
            known = ", ".join(_FUNCTIONS)
            raise StatementError(f"'{token}' is neither a variable defined before nor one of {known}")
        self._expect("(")
        argument = self.sum()
        self._expect(")")
        with np.errstate(all="ignore"):
            result = _FUNCTIONS[token](argument)
        if np.isnan(result).any():
            raise StatementError(f"{token} gives no real number here")
        return result

    def _index(self, size: int, kind: str) -> NDArray[np.intp]:
        if self._next_is(":"):
            self.take()
            return np.arange(size)
        listed = self._list() if self._next_is("[") else self.sum().ravel()
        if not np.all((listed == np.floor(listed)) & (listed >= 1) & (listed <= size)):
            raise StatementError(f"{kind} {listed.tolist()} is not within 1 to {size}")
        return listed.astype(np.intp) - 1

    def _list(self) -> Matrix:
        self._expect("[")
        entries = [self._atom()]
        while not self._next_is("]"):
            if self._next_is(","):
                self.take()
            entries.append(self._atom())
        self._expect("]")
        return np.concatenate([entry.ravel() for entry in entries])
