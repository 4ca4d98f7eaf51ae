"""Denoising filters, each at its best setting on dev pictures: the baselines of a trained denoiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import fold, pad, unfold

from glassbook.measure.reconstruction import psnr

BLURS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.9)
"""Standard deviations of Gaussian blur that are tried, pixels."""
COMPONENTS = (5, 10, 20, 30, 40, 50, 70, 100, 150, 200, 300)
"""Numbers of principal components that are tried."""
PATCH = 8
"""Pixels of the side of a patch."""
THRESHOLDS = (2.3, 2.5, 2.7, 2.9, 3.1)
"""Sizes below which a component of a patch is taken for noise that are tried, in standard deviations of the noise."""
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4)
"""Standard deviations that linear filters take the noise to have, as shares of its own."""
VARIATIONS = (0.1, 0.14, 0.17, 0.2, 0.24, 0.3, 0.35, 0.4, 0.45)
"""Weights of the total variation that are tried."""
WIDTHS = (1.0, 2.0, 2.5, 3.0, 3.5)
"""Standard deviations of the likeness to known pictures that are tried, in those of the noise."""


class Filtered(NamedTuple):
    """Pictures after a filter, and the setting that did best on dev pictures."""

    pictures: Tensor
    setting: float


def filtered(clean: Tensor, dev: tuple[Tensor, Tensor], noisy: Tensor, sigma: float) -> dict[str, Filtered]:
    """Noisy pictures after each filter, whose setting is the best one on dev pictures.

    Args:
        clean: [N, C, H, W] pictures to learn from.
        dev: clean pictures and the same with noise, to choose by.
        noisy: [M, C, H, W] pictures to filter.
        sigma: standard deviation of the noise.

    Returns:
        "blur" (Gaussian), "components" (projection on principal components), "linear" (the linear map of least squared
        error, which is Wiener's filter for pictures of this mean and covariance), "total variation", "patches" and
        "linear patches" (see `PatchFilter`) and "known pictures" (see `mean_of_alike`).
    """
    flat = clean.flatten(1)
    mean = flat.mean(0)
    spread, directions = (t.flip(-1) for t in torch.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat)))
    spread = spread.clamp_min(0)
    patches = PatchFilter(clean)

    def projected(pictures: Tensor, gains: Tensor) -> Tensor:
        """On the first components, the widest, each times its gain."""
        first = directions[:, : len(gains)]
        return ((pictures.flatten(1) - mean) @ first * gains @ first.T + mean).view_as(pictures)

    filters: dict[str, tuple[Callable[[Tensor, float], Tensor], Sequence[float]]] = {
        "blur": (blurred, BLURS),
        "components": (lambda x, n: projected(x, torch.ones(int(n))), [n for n in COMPONENTS if n <= len(spread)]),
        "linear": (lambda x, share: projected(x, spread / (spread + (share * sigma) ** 2)), SHARES),
        "total variation": (less_variation, VARIATIONS),
        "patches": (lambda x, threshold: patches(x, lambda parts: parts.abs() > threshold * sigma), THRESHOLDS),
        "linear patches": (lambda x, share: patches(x, lambda _: patches.wiener(share * sigma)), SHARES),
        "known pictures": (lambda x, width: mean_of_alike(x, clean, width * sigma), WIDTHS),
    }

    def best(apply: Callable[[Tensor, float], Tensor], settings: Sequence[float]) -> Filtered:
        setting = max(settings, key=lambda setting: psnr(dev[0], apply(dev[1], setting)))
        return Filtered(apply(noisy, setting), setting)

    return {name: best(*one) for name, one in filters.items()}


def blurred(pictures: Tensor, width: float) -> Tensor:
    """Gaussian blur of a standard deviation in pixels; what lies outside is as the border."""
    reach = 4
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / width) ** 2)
    kernel = kernel / kernel.sum()
    x = pad(pictures, (reach,) * 4, mode="replicate")
    x = x.unfold(2, 2 * reach + 1, 1) @ kernel
    return x.unfold(3, 2 * reach + 1, 1) @ kernel


def less_variation(pictures: Tensor, weight: float, steps: int = 60) -> Tensor:
    """The pictures u that make |u - pictures|^2 / 2 + weight times their total variation least, channels together.

    Source: Rudin, Osher and Fatemi 1992; found by the projections of Chambolle 2004, theorem 3.1, whose dual variable
    has a part across and one upwards.
    """
    across, up = torch.zeros_like(pictures), torch.zeros_like(pictures)

    def divergence() -> Tensor:
        return torch.cat([across[..., :1], across[..., :-1].diff(dim=-1), -across[..., -2:-1]], -1) + torch.cat(
            [up[..., :1, :], up[..., :-1, :].diff(dim=-2), -up[..., -2:-1, :]], -2
        )

    for _ in range(steps):
        u = divergence() - pictures / weight
        to_right, to_below = pad(u.diff(dim=-1), (0, 1)), pad(u.diff(dim=-2), (0, 0, 0, 1))
        size = 1 + 0.25 * (to_right.square() + to_below.square()).sum(1, keepdim=True).sqrt()
        across, up = (across + 0.25 * to_right) / size, (up + 0.25 * to_below) / size
    return pictures - weight * divergence()


class PatchFilter:
    """Patches of a picture with a gain for each of their principal components; each pixel is the mean of its patches.

    The components are those of patches of clean pictures [N, C, H, W], of which the first 500 are enough.

    Source: Deledalle, Salmon and Dalalyan 2011, sections 2 (global patches) and 3 (hard thresholds, Wiener's gains).
    """

    def __init__(self, clean: Tensor) -> None:
        self.side = min(PATCH, *clean.shape[-2:])
        patches = unfold(clean[:500], self.side).transpose(1, 2).flatten(0, 1)
        self.mean = patches.mean(0)
        variances, self.directions = torch.linalg.eigh((patches - self.mean).T @ (patches - self.mean) / len(patches))
        self.variances = variances.clamp_min(0)

    def wiener(self, sigma: float) -> Tensor:
        """The gains of least squared error for noise of a standard deviation, [components]."""
        return self.variances / (self.variances + sigma**2)

    def __call__(self, pictures: Tensor, gains: Callable[[Tensor], Tensor]) -> Tensor:
        """The pictures [M, C, H, W] whose patches have their components times `gains` of these."""
        return torch.cat([self._with_gains(part, gains) for part in pictures.split(50)])

    def _with_gains(self, pictures: Tensor, gains: Callable[[Tensor], Tensor]) -> Tensor:
        size = pictures.shape[-2:]
        parts = (unfold(pictures, self.side).transpose(1, 2) - self.mean) @ self.directions
        kept = (parts * gains(parts)) @ self.directions.T + self.mean
        covered = fold(torch.ones_like(kept).transpose(1, 2), size, self.side)
        return fold(kept.transpose(1, 2), size, self.side) / covered


def mean_of_alike(pictures: Tensor, known: Tensor, width: float) -> Tensor:
    """The mean of known pictures [N, C, H, W], weighted by a normal density of their distance from each picture.

    With the standard deviation of the noise as `width` it is what is expected of a clean picture if it is one of those
    known (Tweedie's formula of their empirical distribution); wider ones join more of them.
    """
    flat, half = known.flatten(1), known.flatten(1).square().sum(1) / 2
    parts = [((x @ flat.T - half) / width**2).softmax(1) @ flat for x in pictures.flatten(1).split(500)]
    return torch.cat(parts).view_as(pictures)
