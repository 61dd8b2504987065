"""The spanning-tree policy as it learns: the distributions of ml.optimisation.radial.trees, differentiable in torch."""

import numpy as np
import torch
from torch import Tensor

from grid.network import IntArray
from ml.optimisation.radial.trees import Loops, most_probable
from ml.optimisation.radial.trees_compiled import draw


class TreePolicy:
    """The distributions of b situations in one grid, for phi (b, c); differentiable in phi."""

    def __init__(self, loops: Loops, phi: Tensor) -> None:
        self.loops = loops
        self._phi = phi - phi.detach().amax(dim=-1, keepdim=True)  # a common shift changes no probability
        self._weighted = torch.as_tensor(loops.free_cycle) * torch.exp(self._phi / 2)[:, None, :]
        self._factor = torch.linalg.cholesky(self._weighted @ self._weighted.mT)
        self._log_det = 2 * self._factor.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)

    def _basis(self) -> Tensor:
        """(b, t, c) orthonormal rows; the squared norm of a column is the probability that its branch is open."""
        return torch.linalg.solve_triangular(self._factor, self._weighted, upper=False)

    def log_prob(self, opened: Tensor) -> Tensor:
        """Logarithm of the probability (b, k) of configurations opened (b, k, t): positions of phi."""
        chosen = torch.gather(self._phi[:, None, :].expand(-1, opened.shape[1], -1), 2, opened)
        return chosen.sum(dim=-1) - self._log_det[:, None]

    def open_probability(self) -> Tensor:
        """(b, c) probability that each branch is open."""
        return (self._basis() ** 2).sum(dim=1)

    def entropy(self) -> Tensor:
        """(b,) entropy of each distribution in nats."""
        return self._log_det - (self.open_probability() * self._phi).sum(dim=-1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(b, count, t) independent exact samples: as many Gram-Schmidt steps as there are loops."""
        basis = self._basis().contiguous()
        situations, ties, _ = basis.shape
        uniform = torch.rand((ties, situations, count), generator=generator, dtype=basis.dtype)
        picked = np.empty((situations, count, ties), dtype=np.int64)
        draw(basis.numpy(), uniform.numpy(), picked)
        return torch.as_tensor(np.sort(picked, axis=-1))

    def mode(self) -> IntArray:
        """(b, t) the most probable configuration of each situation."""
        return most_probable(self.loops, self._phi.detach().numpy())
