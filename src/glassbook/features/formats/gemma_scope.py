"""Gemma Scope: params.npz with a JumpReLU autoencoder or transcoder."""

from __future__ import annotations

from pathlib import Path

from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_npz
from glassbook.features.sparsity import JumpReLU


def load_gemma_scope(path: Path) -> Dictionary:
    """Read a params.npz; one below a folder whose name has "transcoder" in it is taken for a transcoder.

    The two have the same tensors and neither takes b_dec off what it reads.
    """
    names = ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")
    W_enc, W_dec, b_enc, b_dec, theta = pick_tensors(read_npz(path), path, *names)
    transcodes = any("transcoder" in part for part in path.absolute().parts) or W_dec.shape[1] != W_enc.shape[0]
    about = {"site": "/".join(path.parts[-4:-1]), "from": "Gemma Scope"}
    return build_dictionary(
        path, JumpReLU(), W_enc.T, W_dec, b_enc, b_dec, subtract=False, transcodes=transcodes, about=about,
        more={"theta": theta.clamp(min=0)},
    )  # fmt: skip
