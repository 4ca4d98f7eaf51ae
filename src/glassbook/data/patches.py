"""Whitened patches of photographs: the input of the classical experiments on sparse coding."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from glassbook.errors import extra


def photograph_patches(n: int, size: int, *, generator: torch.Generator) -> Tensor:
    """`n` whitened patches of the two photographs that come with scikit-learn.

    The images' spectrum is flattened up to 0.8 of the highest frequency that the pixels carry, as Olshausen and Field
    did: by |f| exp(-(f / f0)^4). Then each patch loses its mean; all together have a variance of 1 in each pixel.

    Args:
        n: number of patches, drawn with replacement; flat ones (no contrast) are left out.
        size: width and height in pixels.
        generator: of where they lie.

    Returns:
        [n, size * size] float32.
    """
    with extra("baselines"):
        import PIL  # noqa: F401  (what scikit-learn reads them with)
        from sklearn.datasets import load_sample_images

    images = [
        torch.from_numpy(_whiten(image.astype(np.float64).mean(2))).float() for image in load_sample_images().images
    ]
    parts: list[Tensor] = []
    while sum(map(len, parts)) < n:
        for image in images:
            windows = image.unfold(0, size, 1).unfold(1, size, 1)
            rows = torch.randint(windows.shape[0], (n,), generator=generator)
            columns = torch.randint(windows.shape[1], (n,), generator=generator)
            patches = windows[rows, columns].reshape(n, -1)
            patches = patches - patches.mean(1, keepdim=True)
            contrast = patches.std(1)
            parts.append(patches[contrast > 0.1 * contrast.mean()])
    x = torch.cat(parts)
    x = x[torch.randperm(len(x), generator=generator)[:n]]
    return x / x.std()


def _whiten(image: np.ndarray, cut: float = 0.8) -> np.ndarray:
    """The image [height, width] with a flat spectrum below the cut."""
    f = np.hypot(np.fft.fftfreq(image.shape[0])[:, None], np.fft.fftfreq(image.shape[1])[None])
    return np.fft.ifft2(np.fft.fft2(image - image.mean()) * f * np.exp(-((f / (cut / 2)) ** 4))).real
