"""OpenAI's release for GPT-2: a .pt file with pre_bias, latent_bias, encoder.weight and decoder.weight."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_torch
from glassbook.features.sparsity import ReLU, SparsityRule, TopK

EPSILON = 1e-5


class TokenNormed(Coder):
    """A dictionary that reads each activation with mean 0 and standard deviation 1, as the release's version 5 does.

    `encode` sees raw activations, and so does `forward`; `decode` gives normed ones, because latents do not say which
    activation it is of. `direction(i)` is in normed units as well.

    Args:
        d: the dictionary of normed activations.
    """

    def __init__(self, d: Dictionary) -> None:
        super().__init__()
        self.d, self.d_in, self.d_out, self.width = d, d.d_in, d.d_out, d.width
        self.W_dec, self.b_dec, self.about = d.W_dec, d.b_dec, d.about

    def encode(self, x: Tensor) -> Tensor:
        """Latents [..., F] of raw activations x [..., d]."""
        self.check(x)
        return self.d.encode(_norm(x)[0])

    def encode_sparse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The active latents: (values, indices), [..., m]."""
        self.check(x)
        return self.d.encode_sparse(_norm(x)[0])

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction [..., d] of raw activations."""
        normed, mean, size = _norm(x)
        return self.d(normed) * size + mean


def _norm(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(normed, mean, size); the size is the standard deviation (of a sample) plus a little, as in the release."""
    mean = x.mean(-1, keepdim=True)
    size = (x - mean).std(-1, keepdim=True) + EPSILON
    return (x - mean) / size, mean, size


def load_openai(path: Path) -> Coder:
    """Read a file of the release: with ReLU latents (versions 1 to 4) a Dictionary, with TopK (5) a `TokenNormed`."""
    state = read_torch(path)
    names = ("encoder.weight", "decoder.weight", "latent_bias", "pre_bias")
    W_enc, W_dec, b_enc, b_dec = pick_tensors(state, path, *names)
    kind = state.get("activation", "ReLU")
    settings = state.get("activation_state_dict") or {}
    rule: SparsityRule
    if kind == "ReLU":
        rule = ReLU()
    elif kind == "TopK":
        k = settings.get("k")
        if k is None:
            raise GlassbookError(f"{path} does not say how many latents are active (k); get it again")
        if settings.get("postact_fn", "ReLU") != "ReLU":
            raise GlassbookError(
                f"{path} lets chosen latents be negative ({settings['postact_fn']}), which is not supported"
            )
        rule = TopK(int(k))
    else:
        raise GlassbookError(f"{path} uses {kind!r} codes, which are not supported")
    d = build_dictionary(path, rule, W_enc, W_dec.T, b_enc, b_dec, about={"site": path.stem, "from": "OpenAI"})
    return TokenNormed(d).requires_grad_(False) if kind == "TopK" else d
