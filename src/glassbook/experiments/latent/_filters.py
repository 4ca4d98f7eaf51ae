"""Filters that take noise from pictures: the rivals of a denoiser."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.measure.reconstruction import psnr

BLURS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4)
"""Standard deviations of Gaussian blur that are tried, pixels."""
COMPONENTS = (5, 10, 20, 30, 40, 50, 70, 100, 150, 200, 300)
"""Numbers of principal components that are tried."""


def filtered(clean: Tensor, dev: tuple[Tensor, Tensor], noisy: Tensor, sigma: float) -> dict[str, Tensor]:
    """Noisy pictures after each filter, whose setting is the best one on dev pictures.

    Args:
        clean: [N, C, H, W] pictures to learn from.
        dev: clean pictures and the same with noise, to choose by.
        noisy: [M, C, H, W] pictures to filter.
        sigma: standard deviation of the noise.

    Returns:
        "blur" (Gaussian), "components" (projection on principal components) and "linear" (the linear map of least
        squared error, which is Wiener's filter for pictures of this mean and covariance), each [M, C, H, W].
    """
    flat = clean.flatten(1)
    mean = flat.mean(0)
    covariance = (flat - mean).T @ (flat - mean) / len(flat)
    spread, directions = (t.flip(-1).float() for t in torch.linalg.eigh(covariance.double()))  # the widest first

    def projected(pictures: Tensor, gains: Tensor) -> Tensor:
        """On the first components, each times its gain."""
        first = directions[:, : len(gains)]
        return ((pictures.flatten(1) - mean) @ first * gains @ first.T + mean).view_as(pictures)

    width = max(BLURS, key=lambda w: psnr(dev[0], _blurred(dev[1], w)))
    n = max((n for n in COMPONENTS if n <= len(spread)), key=lambda n: psnr(dev[0], projected(dev[1], torch.ones(n))))
    spread = spread.clamp_min(0)
    return {
        "blur": _blurred(noisy, width),
        "components": projected(noisy, torch.ones(n)),
        "linear": projected(noisy, spread / (spread + sigma**2)),
    }


def _blurred(pictures: Tensor, width: float) -> Tensor:
    """Gaussian blur of a standard deviation in pixels; what lies outside is as the border."""
    reach = 4
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width) ** 2)
    kernel = kernel / kernel.sum()
    x = torch.nn.functional.pad(pictures, (reach,) * 4, mode="replicate")
    x = x.unfold(2, 2 * reach + 1, 1) @ kernel
    return x.unfold(3, 2 * reach + 1, 1) @ kernel
