"""Base class of dictionaries and other coders: `encode` and `decode`, so that one score, page and panel serve all."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from glassbook.errors import GlassbookError


class Coder(nn.Module):
    """Activations as sums of directions: x ~ z W_dec + b_dec. A subclass says how x becomes z (`encode`).

    Activations and latents of any precision are taken to that of W_dec, in which everything is returned.

    Attributes:
        d_in: dimensions of the activations that are read.
        d_out: dimensions of what `decode` gives; d_in but for a transcoder.
        width: number of directions F.
        W_dec: [F, d_out], one direction in each row.
        b_dec: [d_out], what `decode` gives where all latents are 0.
        about: what it was learnt from (model, site, tokens, ...).
        transcodes: whether it predicts another activation than the one that it reads.
        per_token: whether it norms each activation by itself, so that `decode` gives normed ones and only `forward`
            the reconstruction.
    """

    d_in: int
    d_out: int
    width: int
    W_dec: Tensor
    b_dec: Tensor
    about: dict[str, Any]
    transcodes: bool = False
    per_token: bool = False

    def encode(self, x: Tensor) -> Tensor:
        """Latent activations [..., F] of activations x [..., d_in]."""
        raise NotImplementedError

    def encode_sparse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The latents of x [..., d_in] that are not 0: (values, indices), [..., m]; spare values are 0."""
        return entries(self.encode(x))

    def decode(self, z: Tensor) -> Tensor:
        """Activations [..., d_out] from latents z [..., F], without what a transcoder's skip adds."""
        return z.to(self.W_dec.dtype) @ self.W_dec + self.b_dec

    def decode_sparse(self, values: Tensor, indices: Tensor) -> Tensor:
        """The same from sparse latents (values, indices) [..., m]; touches m rows of W_dec only."""
        m = indices.shape[-1]
        flat, weights = indices.reshape(-1, m), values.reshape(-1, m).to(self.W_dec.dtype)
        out = embedding_bag(flat, self.W_dec, mode="sum", per_sample_weights=weights)
        return out.reshape(*indices.shape[:-1], self.d_out) + self.b_dec

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction [..., d_out] of x [..., d_in]."""
        return self.decode_sparse(*self.encode_sparse(x))

    def direction(self, i: int) -> Tensor:
        """What latent i adds at a value of 1: [d_out]."""
        if not 0 <= i < self.width:
            raise GlassbookError(f"there is no feature {i}; choose 0 to {self.width - 1}")
        return self.W_dec[i].detach()

    def checked(self, x: Tensor) -> Tensor:
        """Activations x [..., d_in] in the precision of the directions: models often run in half of it.

        Raises:
            GlassbookError: they have another width.
        """
        if x.shape[-1] != self.d_in:
            raise GlassbookError(
                f"the dictionary reads {self.d_in} dimensions, not {x.shape[-1]}; is it the right site?"
            )
        return x.to(self.W_dec.dtype)


class FixedCoder(Coder):
    """A coder whose directions are given: none of them is a parameter.

    Args:
        directions: W_dec, [F, d].
        mean: b_dec, [d].
    """

    def __init__(self, directions: Tensor, mean: Tensor) -> None:
        super().__init__()
        self.W_dec, self.b_dec = nn.Buffer(directions.detach().clone()), nn.Buffer(mean.detach().clone())
        self.width, self.d_in = directions.shape
        self.d_out, self.about = self.d_in, {}


def entries(z: Tensor) -> tuple[Tensor, Tensor]:
    """(values, indices) of the non-zero entries of latents [..., width], as wide as the fullest row."""
    active = z != 0
    m = int(active.sum(-1).max()) if z.numel() else 0
    at = z.abs().topk(max(m, 1), dim=-1, sorted=False).indices
    return z.gather(-1, at), at
