"""OpenAI's release for GPT-2: a .pt file with pre_bias, latent_bias, encoder.weight and decoder.weight."""

from __future__ import annotations

from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_k, read_torch
from glassbook.features.formats.token_normed import TokenNormed, standardize
from glassbook.features.sparsity import ReLU, SparsityRule, TopK


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
        if settings.get("postact_fn", "ReLU") != "ReLU":
            raise GlassbookError(
                f"{path} lets chosen latents be negative ({settings['postact_fn']}), which is not supported"
            )
        rule = TopK(read_k(settings.get("k"), path))
    else:
        raise GlassbookError(f"{path} uses {kind!r} codes, which are not supported")
    d = build_dictionary(path, rule, W_enc, W_dec.T, b_enc, b_dec, about={"site": path.stem, "from": "OpenAI"})
    return TokenNormed(d, standardize).requires_grad_(False) if kind == "TopK" else d
