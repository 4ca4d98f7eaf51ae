"""Reading untrusted files of other programs (JSON, safetensors, torch, NumPy), and making dictionaries of them."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dictionary import Dictionary
from glassbook.features.sparsity import SparsityRule


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise GlassbookError(f"{path} is damaged or no safetensors file ({problem}); get it again") from problem


def read_torch(path: Path) -> dict[str, Any]:
    """What `torch.save` wrote of tensors and plain values; anything that would have to run code is refused."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, zipfile.BadZipFile) as problem:
        why = str(problem).strip().partition("\n")[0]
        raise GlassbookError(f"{path} is damaged, or a pickle that would run code ({why}); not loaded") from problem
    if not isinstance(state, dict):
        raise GlassbookError(f"{path} holds no named tensors; give a state dict")
    return state


def read_npz(path: Path) -> dict[str, Tensor]:
    """Arrays by name."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as problem:
        raise GlassbookError(f"{path} is damaged or would run code ({problem}); not loaded") from problem


def pick_tensors(tensors: Mapping[str, Any], path: Path, *names: str) -> list[Tensor]:
    """The tensors of those names, in float32."""
    missing = [name for name in names if not isinstance(tensors.get(name), Tensor)]
    if missing:
        raise GlassbookError(f"{path} has no {' and no '.join(missing)}; is it whole, and of the layout it looks like?")
    return [tensors[name].float() for name in names]


def read_k(k: Any, path: Path) -> int:
    """How many latents are active, from a file's settings."""
    k = k.item() if isinstance(k, Tensor) and k.numel() == 1 else k
    if isinstance(k, int) or (isinstance(k, float) and k.is_integer()):
        return int(k)
    raise GlassbookError(f"{path} does not say how many latents are active (k = {k!r}); get it again")


@torch.no_grad()
def build_dictionary(
    path: Path,
    rule: SparsityRule,
    W_enc: Tensor,
    W_dec: Tensor,
    b_enc: Tensor,
    b_dec: Tensor,
    *,
    subtract: bool = True,
    transcodes: bool = False,
    about: Mapping[str, Any],
    more: Mapping[str, Tensor | None] | None = None,
) -> Dictionary:
    """A dictionary of weights as they were read.

    Args:
        path: for messages.
        rule: the sparsity rule.
        W_enc: [F, d_in].
        W_dec: [F, d_out].
        b_enc: [F].
        b_dec: [d_out].
        subtract: whether its own program takes b_dec off what it reads; if not, b_enc makes up for it.
        transcodes: whether it predicts another site.
        about: where it is from.
        more: theta, W_skip, gain, b_mag.
    """
    if W_enc.dim() != 2 or W_dec.shape[0] != W_enc.shape[0]:
        raise GlassbookError(f"{path} has an encoder {tuple(W_enc.shape)} and a decoder {tuple(W_dec.shape)}; damaged?")
    extra = {name: value for name, value in (more or {}).items() if value is not None}
    width, d_in = W_enc.shape
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
        d = Dictionary(d_in, width, rule, W_dec.shape[1] if transcodes else None, skip="W_skip" in extra)
    if not transcodes and not subtract:
        b_enc = b_enc + W_enc @ b_dec
    try:
        d.take({"W_enc": W_enc, "W_dec": W_dec, "b_enc": b_enc, "b_dec": b_dec, **extra})
    except ValueError as problem:
        raise GlassbookError(f"{path} cannot be used: {problem}") from problem
    d.about = {key: value for key, value in about.items() if value not in (None, "")}
    return d
