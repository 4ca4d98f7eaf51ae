"""Reconstruction and sparsity of dictionaries: explained variance, L0, density, dead latents.

Every quantity is summed over the whole set before anything is divided; a mean of batches' ratios is another number.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from glassbook.measure.arrays import to_tensor


class ExplainedVariance:
    """Explained variance of a set that is seen piece by piece: EV = 1 - sum ||x - xh||^2 / sum ||x - mean||^2.

    The mean is that of the whole set, so predicting it scores 0 and a perfect copy 1. NaN for a set without variance.
    Sums are kept in float64 and around the first piece's mean, so that a large common offset costs no digits.
    """

    def __init__(self) -> None:
        self.n = 0
        self._error = torch.zeros((), dtype=torch.float64)
        self._shift: Tensor | None = None
        self._sum = self._squares = torch.zeros((), dtype=torch.float64)

    def add(self, x: Any, xh: Any) -> None:
        """Take in rows x [..., d] and their reconstructions xh of the same shape."""
        x, xh = (to_tensor(a) for a in (x, xh))
        if x.shape != xh.shape:
            raise ValueError(f"x has shape {tuple(x.shape)}, its reconstruction {tuple(xh.shape)}")
        if not x.numel():
            return
        x, xh = x.reshape(-1, x.shape[-1]), xh.reshape(-1, x.shape[-1])
        if self._shift is None:
            self._shift = x.mean(0)
        near = x - self._shift
        self.n += len(x)
        self._error = self._error + (x - xh).square().sum()
        self._sum = self._sum + near.sum(0)
        self._squares = self._squares + near.square().sum()

    @property
    def error(self) -> float:
        """Mean squared error summed over the dimensions: sum ||x - xh||^2 / n."""
        return float(self._error) / self.n if self.n else float("nan")

    @property
    def variance(self) -> float:
        """Total variance: sum ||x - mean||^2 / n."""
        if not self.n:
            return float("nan")
        return float(self._squares - self._sum.square().sum() / self.n) / self.n

    def value(self) -> float:
        """The explained variance of all rows so far."""
        return 1 - self.error / self.variance if self.n and self.variance > 0 else float("nan")


def explained_variance(x: Any, xh: Any) -> float:
    """1 - sum ||x - xh||^2 / sum ||x - mean||^2 over all rows of x [..., d] and xh; see `ExplainedVariance`."""
    sums = ExplainedVariance()
    sums.add(x, xh)
    return sums.value()


def psnr(x: Any, xh: Any) -> float:
    """Peak signal-to-noise ratio, dB: -10 log10 of the mean squared error over all values, which lie from 0 to 1.

    Args:
        x: values, any shape.
        xh: their reconstruction; what lies beyond 0 and 1 is clipped, as a screen does.
    """
    x, xh = to_tensor(x), to_tensor(xh)
    return float(-10 * (x - xh.clamp(0, 1)).square().mean().log10())
