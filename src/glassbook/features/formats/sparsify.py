"""EleutherAI's sparsify: a folder with cfg.json and sae.safetensors."""

from __future__ import annotations

from pathlib import Path

from glassbook.errors import GlassbookError
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_k, read_safetensors
from glassbook.features.sparsity import TopK
from glassbook.nets.io.files import read_json

SETTINGS, WEIGHTS = "cfg.json", "sae.safetensors"


def load_sparsify(folder: Path) -> Dictionary:
    """Read a folder that sparsify saved."""
    cfg, tensors, path = read_json(folder / SETTINGS), read_safetensors(folder / WEIGHTS), folder / WEIGHTS
    if cfg.get("activation", "topk") != "topk":
        raise GlassbookError(f"{folder} uses {cfg['activation']!r} codes, which are not supported")
    if cfg.get("signed"):
        raise GlassbookError(f"{folder} chooses latents by their size and keeps their signs (signed); not supported")
    W_enc, b_enc, W_dec, b_dec = pick_tensors(tensors, path, "encoder.weight", "encoder.bias", "W_dec", "b_dec")
    skip = pick_tensors(tensors, path, "W_skip")[0] if cfg.get("skip_connection") else None
    transcodes = bool(cfg.get("transcode"))
    about = {"site": folder.name, "from": "sparsify"}
    if skip is not None and not transcodes:
        raise GlassbookError(f"{folder} is an autoencoder with a path past its latents, which is not supported")
    rule = TopK(read_k(cfg.get("k"), folder / SETTINGS))
    return build_dictionary(
        path, rule, W_enc, W_dec, b_enc, b_dec, transcodes=transcodes, about=about, more={"W_skip": skip}
    )
