"""The policy of dispatch in meshed grids as it decides: the most likely set-points, by learned weights, without torch.

A policy belongs to a network in its case's own switch states. Under other switch states, or with generators lost, its
set-points are carried over by generator and bus; what it proposes is polished and verified on the grid as it is
(ml/optimisation/dispatch/optimizer.py). What learns is ml/optimisation/dispatch/training.py.
"""

import numpy as np

from grid.flow.powerflow import Injection
from grid.network import FloatArray
from ml.optimisation.dispatch.polish import one_thread
from ml.optimisation.dispatch.prior import Coordinates
from ml.optimisation.policy import PolicyError, Weights

MEAN_BOUND = 3.0  # beyond it all is cut at limits and nothing can be learnt
DIRECT_GAIN, HEAD_GAIN = 4.0, 8.0  # over the number of inputs: one step of Adam moves all weights at once


class DispatchMean:
    """Means (b, u) of the actions from features (b, f), by the weights of a DispatchNet, named as it names them.

    Raises PolicyError where they aren't of such a net, or not of size u.
    """

    def __init__(self, weights: Weights, size: int) -> None:
        try:
            self._centre, self._spread = (weights[name].astype(float) for name in ("centre", "spread"))
            self._first, self._second = _linear(weights, "body.0"), _linear(weights, "body.2")
            self._direct = _linear(weights, "direct")
            weight, bias = _linear(weights, "head")
        except KeyError as error:
            raise PolicyError(f"these are no weights of a dispatch policy: {error} is missing") from None
        if self._direct[0].shape[1] != size:
            raise PolicyError(f"the policy has {self._direct[0].shape[1]} set-points, the grid {size}")
        self._head = weight[:, :size], bias[:size]  # the others are the spread, by which only training samples

    def __call__(self, features: FloatArray) -> FloatArray:
        """The means, as the net gives them."""
        seen = (features - self._centre) / self._spread
        hidden = _silu(_mapped(_silu(_mapped(seen, self._first)), self._second))
        mean = HEAD_GAIN / hidden.shape[1] * _mapped(hidden, self._head)
        mean += DIRECT_GAIN / seen.shape[1] * _mapped(seen, self._direct)
        bounded: FloatArray = MEAN_BOUND * np.tanh(mean / MEAN_BOUND)
        return bounded


class DispatchPolicy:
    """Set-points in the coordinates of one grid. weights: None for the untrained prior."""

    def __init__(self, coordinates: Coordinates, weights: Weights | None = None) -> None:
        self.coordinates = coordinates
        self._mean = None if weights is None else DispatchMean(weights, coordinates.grid.size)

    def set_points(self, rest_pu: FloatArray) -> FloatArray:
        """(b, u) the most likely set-points for what the buses are fed without them, (b, n)."""
        with one_thread():
            prior = self.coordinates.prior(rest_pu)
            if self._mean is None:
                return prior
            mean = self._mean(features_of(rest_pu))
            return self.coordinates.set_points(prior, mean[:, None])[:, 0]

    def prior(self, injection: Injection) -> Injection:
        """The injection with what an untrained policy would set."""
        grid = self.coordinates.grid
        return grid.with_set_points(injection, self.coordinates.prior(grid.rest_pu(injection)[None])[0])

    def propose(self, injection: Injection) -> Injection:
        """The injection with the policy's set-points."""
        grid = self.coordinates.grid
        return grid.with_set_points(injection, self.set_points(grid.rest_pu(injection)[None])[0])


def features_of(rest_pu: FloatArray) -> FloatArray:
    """(b, f) what a policy sees of what the buses are fed without the generators set, (b, n)."""
    return np.concatenate([rest_pu.real, rest_pu.imag], axis=1)


def _linear(weights: Weights, layer: str) -> tuple[FloatArray, FloatArray]:
    """Weight (inputs, outputs) and bias (outputs,)."""
    return weights[f"{layer}.weight"].T.astype(float), weights[f"{layer}.bias"].astype(float)


def _mapped(values: FloatArray, layer: tuple[FloatArray, FloatArray]) -> FloatArray:
    weight, bias = layer
    mapped: FloatArray = values @ weight + bias
    return mapped


def _silu(values: FloatArray) -> FloatArray:
    silu: FloatArray = values / (1 + np.exp(-values))
    return silu
