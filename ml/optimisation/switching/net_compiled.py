"""A SwitchingNet's answer without torch: its layers compiled by Numba, from weights as plain arrays.

Training needs gradients and stays in torch (ml/optimisation/switching/net.py), in single precision; here sums are of
doubles, so that the answer is the one that the weights define, not one rounding of it.
tests/ml/optimisation/switching/test_net_compiled.py compares them.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from grid.network import FloatArray, IntArray
from ml.optimisation.policy import PolicyError, Weights
from ml.optimisation.switching.situation import BRANCH_FEATURES, BUS_FEATURES, Situation, bounded_phi

NORM_EPSILON = 1e-5  # of LayerNorm
REORDERED = {"reassoc", "contract", "arcp", "nsz"}  # sums in vectors; NaN stays NaN


class Forward:
    """phi of situations by weights, named as SwitchingNet names them. PolicyError where they aren't of such a net."""

    def __init__(self, weights: Weights) -> None:
        try:
            self._read_bus, self._read_branch = _linear(weights, "read_bus"), _linear(weights, "read_branch")
            self._branch_steps, self._bus_steps = _steps(weights, "branch_steps"), _steps(weights, "bus_steps")
            self._correction, self._correction_bias = (array[..., 0] for array in _linear(weights, "correction"))
            self._prior_weight = float(weights["prior_weight"])
        except (KeyError, ValueError, IndexError) as error:
            raise PolicyError(f"these are no weights of a switching policy: {error!r}") from None
        widths = len(self._read_bus[0]), len(self._read_branch[0])
        if widths != (BUS_FEATURES, BRANCH_FEATURES):
            raise PolicyError(f"the policy reads {widths} features of buses and branches, not 5 and 8")

    def __call__(self, seen: Situation) -> FloatArray:
        """phi (b, c), as the net gives it."""
        correction = np.empty(seen.prior.shape)
        for row, (bus, branch) in enumerate(zip(seen.bus, seen.branch, strict=True)):
            weight, bias = self._read_bus
            bus_state = bus @ weight + bias
            weight, bias = self._read_branch
            branch_state = branch @ weight + bias
            pass_messages(bus_state, branch_state, seen.from_bus, seen.to_bus, self._branch_steps, self._bus_steps)
            correction[row] = branch_state @ self._correction + self._correction_bias
        return bounded_phi(seen, self._prior_weight * seen.prior.astype(float) + 2.0 * correction)


def _linear(weights: Weights, layer: str) -> tuple[FloatArray, FloatArray]:
    """Weight (inputs, outputs) and bias (outputs,)."""
    return weights[f"{layer}.weight"].T.astype(float, order="C"), weights[f"{layer}.bias"].astype(float)


def _steps(weights: Weights, layers: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Weights and biases of each layer's two linear maps; what LayerNorm scales and shifts by is in the first."""
    parts = []
    count = sum(name.startswith(f"{layers}.") and name.endswith(".0.weight") for name in weights)
    for layer in range(count):
        scale, shift = (weights[f"{layers}.{layer}.0.{part}"].astype(float) for part in ("weight", "bias"))
        weight, bias = _linear(weights, f"{layers}.{layer}.1")
        parts.append((scale[:, None] * weight, bias + shift @ weight, *_linear(weights, f"{layers}.{layer}.3")))
    first_weight, first_bias, second_weight, second_bias = (np.stack(part) for part in zip(*parts, strict=True))
    return first_weight, first_bias, second_weight, second_bias


@njit(cache=True, fastmath=REORDERED)
def _normalise(rows: FloatArray) -> None:
    """Bring rows (k, i) to mean 0 and variance 1, in place."""
    count = rows.shape[1]
    for row in range(len(rows)):
        total, squares = 0.0, 0.0
        for place in range(rows.shape[1]):
            total += rows[row, place]
        mean = total / count
        for place in range(rows.shape[1]):
            squares += (rows[row, place] - mean) ** 2
        scale = 1 / math.sqrt(squares / count + NORM_EPSILON)
        for place in range(rows.shape[1]):
            rows[row, place] = (rows[row, place] - mean) * scale


@njit(cache=True, fastmath=REORDERED)
def _step(
    state: FloatArray,
    about: FloatArray,
    first: FloatArray,
    first_bias: FloatArray,
    second: FloatArray,
    second_bias: FloatArray,
) -> None:
    """Add to state (k, h) what LayerNorm, linear map, SiLU and linear map make of about (k, i), which is lost."""
    _normalise(about)
    hidden = np.dot(about, first)
    for row in range(len(hidden)):
        for place in range(hidden.shape[1]):
            value = hidden[row, place] + first_bias[place]
            hidden[row, place] = value / (1.0 + math.exp(-value))
    change = np.dot(hidden, second)
    for row in range(len(state)):
        for place in range(state.shape[1]):
            state[row, place] += change[row, place] + second_bias[place]


@njit(cache=True, fastmath=REORDERED)
def pass_messages(
    bus: FloatArray, branch: FloatArray, from_bus: IntArray, to_bus: IntArray, branch_steps: Any, bus_steps: Any
) -> None:
    """Carry states of buses (n, h) and branches (m, h) through all layers, in place."""
    width = bus.shape[1]
    about_branch = np.empty((len(branch), 4 * width))
    about_bus = np.empty((len(bus), 2 * width))
    for layer in range(len(branch_steps[0])):
        whole = np.zeros(width)
        for row in range(len(branch)):
            for place in range(width):
                whole[place] += branch[row, place] / len(branch)
        for row in range(len(branch)):
            tail, head = from_bus[row], to_bus[row]
            for place in range(width):
                about_branch[row, place] = branch[row, place]
                about_branch[row, width + place] = bus[tail, place] + bus[head, place]
                about_branch[row, 2 * width + place] = abs(bus[tail, place] - bus[head, place])
                about_branch[row, 3 * width + place] = whole[place]
        first, first_bias, second, second_bias = branch_steps
        _step(branch, about_branch, first[layer], first_bias[layer], second[layer], second_bias[layer])
        for row in range(len(bus)):
            for place in range(width):
                about_bus[row, place] = bus[row, place]
                about_bus[row, width + place] = 0.0
        for row in range(len(branch)):
            tail, head = from_bus[row], to_bus[row]
            for place in range(width):
                about_bus[tail, width + place] += branch[row, place]
                about_bus[head, width + place] += branch[row, place]
        first, first_bias, second, second_bias = bus_steps
        _step(bus, about_bus, first[layer], first_bias[layer], second[layer], second_bias[layer])
