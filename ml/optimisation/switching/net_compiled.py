"""A SwitchingNet's answer without torch: its layers compiled by Numba.

A decision for one situation of a small grid is a hundred operators in torch, and their calls take longer than their
arithmetic. Training needs gradients and stays in torch (ml/optimisation/switching/net.py);
tests/ml/optimisation/switching/test_net_compiled.py compares them.
"""

import math
from typing import Any, cast

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, nn

from grid.network import IntArray
from ml.optimisation.switching.net import Situation, SwitchingNet, bounded_phi

Single = NDArray[np.float32]
NORM_EPSILON = np.float32(1e-5)  # of LayerNorm
REORDERED = {"reassoc", "contract", "arcp", "nsz"}  # sums in vectors; NaN stays NaN


class Forward:
    """phi of situations by the weights that a net has now; later steps of training don't change it."""

    def __init__(self, net: SwitchingNet) -> None:
        self._read_bus, self._read_branch = _linear(net.read_bus), _linear(net.read_branch)
        self._branch_steps, self._bus_steps = _steps(net.branch_steps), _steps(net.bus_steps)
        self._correction, self._correction_bias = (array[..., 0] for array in _linear(net.correction))
        self._prior_weight = float(net.prior_weight.detach())

    def __call__(self, seen: Situation) -> Tensor:
        """phi (b, c), as the net gives it."""
        correction = np.empty(seen.prior.shape, dtype=np.float32)
        ends = seen.from_bus.numpy(), seen.to_bus.numpy()
        for row, (bus, branch) in enumerate(zip(seen.bus.numpy(), seen.branch.numpy(), strict=True)):
            weight, bias = self._read_bus
            bus_state = bus @ weight + bias
            weight, bias = self._read_branch
            branch_state = branch @ weight + bias
            pass_messages(bus_state, branch_state, *ends, self._branch_steps, self._bus_steps)
            correction[row] = branch_state @ self._correction + self._correction_bias
        return bounded_phi(seen, self._prior_weight * seen.prior + 2.0 * torch.as_tensor(correction))


def _linear(layer: nn.Linear) -> tuple[Single, Single]:
    """Weight (inputs, outputs) and bias (outputs,)."""
    return layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy()


def _steps(layers: nn.ModuleList) -> tuple[Single, Single, Single, Single]:
    """Weights and biases of each layer's two linear maps; what LayerNorm scales and shifts by is in the first."""
    parts = []
    for layer in layers:
        norm, first, _, second = cast(tuple[nn.LayerNorm, nn.Linear, nn.SiLU, nn.Linear], layer)
        scale, shift = norm.weight.detach().numpy(), norm.bias.detach().numpy()
        weight, bias = _linear(first)
        parts.append((scale[:, None] * weight, bias + shift @ weight, *_linear(second)))
    first_weight, first_bias, second_weight, second_bias = (np.stack(part) for part in zip(*parts, strict=True))
    return first_weight, first_bias, second_weight, second_bias


@njit(cache=True, fastmath=REORDERED)
def _normalise(rows: Single) -> None:
    """Bring rows (k, i) to mean 0 and variance 1, in place."""
    one, count = np.float32(1.0), np.float32(rows.shape[1])  # with a double among them, nothing is done in vectors
    for row in range(len(rows)):
        total, squares = np.float32(0.0), np.float32(0.0)
        for place in range(rows.shape[1]):
            total += rows[row, place]
        mean = total / count
        for place in range(rows.shape[1]):
            squares += (rows[row, place] - mean) ** 2
        scale = one / np.float32(math.sqrt(squares / count + NORM_EPSILON))
        for place in range(rows.shape[1]):
            rows[row, place] = (rows[row, place] - mean) * scale


@njit(cache=True, fastmath=REORDERED)
def _step(state: Single, about: Single, first: Single, first_bias: Single, second: Single, second_bias: Single) -> None:
    """Add to state (k, h) what LayerNorm, linear map, SiLU and linear map make of about (k, i), which is lost."""
    _normalise(about)
    hidden = np.dot(about, first)
    for row in range(len(hidden)):
        for place in range(hidden.shape[1]):
            value = hidden[row, place] + first_bias[place]
            hidden[row, place] = value / (np.float32(1.0) + math.exp(-value))
    change = np.dot(hidden, second)
    for row in range(len(state)):
        for place in range(state.shape[1]):
            state[row, place] += change[row, place] + second_bias[place]


@njit(cache=True, fastmath=REORDERED)
def pass_messages(
    bus: Single, branch: Single, from_bus: IntArray, to_bus: IntArray, branch_steps: Any, bus_steps: Any
) -> None:
    """Carry states of buses (n, h) and branches (m, h) through all layers, in place."""
    width = bus.shape[1]
    about_branch = np.empty((len(branch), 4 * width), np.float32)
    about_bus = np.empty((len(bus), 2 * width), np.float32)
    for layer in range(len(branch_steps[0])):
        whole = np.zeros(width, np.float32)
        for row in range(len(branch)):
            for place in range(width):
                whole[place] += branch[row, place] / np.float32(len(branch))
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
                about_bus[row, width + place] = np.float32(0.0)
        for row in range(len(branch)):
            tail, head = from_bus[row], to_bus[row]
            for place in range(width):
                about_bus[tail, width + place] += branch[row, place]
                about_bus[head, width + place] += branch[row, place]
        first, first_bias, second, second_bias = bus_steps
        _step(bus, about_bus, first[layer], first_bias[layer], second[layer], second_bias[layer])
