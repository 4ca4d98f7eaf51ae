"""Dictionaries of normed activations: each activation is normed by itself before it is read (OpenAI, SAELens)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary

EPSILON = 1e-5

Norm = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
"""x [..., d] to (normed [..., d], what was taken off, what it was then divided by; [..., 1] each)."""


class TokenNormed(Coder):
    """A dictionary that reads each activation normed by itself, as no weights can express.

    `encode` sees raw activations, and so does `forward`; `decode` gives normed ones, because latents do not say which
    activation it is of. `direction(i)` is in normed units as well.

    Args:
        d: the dictionary of normed activations, no transcoder.
        norm: `standardize` or `rescale`.
    """

    per_token = True

    def __init__(self, d: Dictionary, norm: Norm) -> None:
        super().__init__()
        self.d, self.norm, self.d_in, self.d_out, self.width = d, norm, d.d_in, d.d_out, d.width
        self.W_dec, self.b_dec, self.about = d.W_dec, d.b_dec, d.about

    def encode(self, x: Tensor) -> Tensor:
        """Latents [..., F] of raw activations x [..., d]."""
        return self.d.encode(self.norm(self.checked(x))[0])

    def encode_sparse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The active latents: (values, indices), [..., m]."""
        return self.d.encode_sparse(self.norm(self.checked(x))[0])

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction [..., d] of raw activations."""
        normed, mean, size = self.norm(self.checked(x))
        return self.d(normed) * size + mean


def standardize(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean 0 and standard deviation (of a sample) 1.

    As the two programs have it, a little is added to the deviation that x is divided by, and not to the one that the
    reconstruction is multiplied by.
    """
    mean = x.mean(-1, keepdim=True)
    size = x.std(-1, keepdim=True)
    return (x - mean) / (size + EPSILON), mean, size


def rescale(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Euclidean norm sqrt(d); an activation that is zero stays so."""
    size = x.norm(dim=-1, keepdim=True) / x.shape[-1] ** 0.5
    return x / size.clamp(min=1e-30), size.new_zeros(()), size
