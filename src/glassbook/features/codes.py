"""Code rules: which latents a row of pre-activations turns on. Small frozen values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.errors import GlassbookError


@dataclass(frozen=True)
class TopK:
    """z = relu(the k largest pre-activations of each row), else 0 (Gao et al. 2024, arXiv:2406.04093)."""

    k: int

    def __post_init__(self) -> None:
        _check_k(self.k)

    def codes(self, pre: Tensor) -> Tensor:
        """Dense codes of pre-activations [..., width]."""
        values, indices = self.sparse(pre)
        return torch.zeros_like(pre).scatter_(-1, indices, values)

    def sparse(self, pre: Tensor) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., k] each, in no particular order."""
        values, indices = largest(pre.reshape(-1, pre.shape[-1]), self.k)
        shape = (*pre.shape[:-1], self.k)
        return values.relu().reshape(shape), indices.reshape(shape)


@dataclass(frozen=True)
class BatchTopK:
    """k active latents on average, dealt out over the batch by size (Bussmann et al. 2024, arXiv:2412.06410).

    While training, the B * k largest relu pre-activations of a batch of B rows are kept. Afterwards a row must not
    depend on the others beside it, so a fixed threshold takes over: z = a * 1[a > threshold], a JumpReLU. `fit` sets
    it to the quantile of held-out pre-activations at which k latents are active on average.
    """

    k: int
    threshold: float | None = None

    def __post_init__(self) -> None:
        _check_k(self.k)

    def codes(self, pre: Tensor) -> Tensor:
        """Dense codes of pre-activations [..., width]; without a threshold yet, those of all rows as one batch."""
        if self.threshold is not None:
            return torch.where(pre > max(self.threshold, 0.0), pre, 0.0)
        flat = pre.reshape(-1)
        values, kept = flat.topk(self.k * (len(flat) // pre.shape[-1]), sorted=False)
        return torch.zeros_like(flat).scatter_(0, kept, values.relu()).view(pre.shape)

    def sparse(self, pre: Tensor) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        z = self.codes(pre)
        m = int((z > 0).sum(-1).max()) if z.numel() else 0
        return z.topk(max(m, 1), dim=-1, sorted=False)


Code = TopK | BatchTopK


def largest(pre: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest entries of each row [n, width], unsorted: (values, indices), as `torch.topk`.

    The k largest entries lie in the k groups whose maxima are largest. Looking at the maxima of groups of four first,
    again and again, is about twice as fast on a CPU as one search through the row.
    """
    width = pre.shape[1]
    if width < k:
        raise GlassbookError(f"k = {k} but the dictionary has only {width} latents; choose a smaller k")
    quarter = width // 4
    if pre.is_cuda or width <= 256 or width % 4 or quarter <= k:
        return pre.topk(k, sorted=False)
    _, groups = largest(pre.view(-1, 4, quarter).amax(1), k)
    members = (groups[:, :, None] + torch.arange(0, width, quarter)).flatten(1)
    values, at = pre.gather(1, members).topk(k, sorted=False)
    return values, members.gather(1, at)


def _check_k(k: int) -> None:
    if k < 1:
        raise GlassbookError(f"k = {k}: at least one latent must be active")
