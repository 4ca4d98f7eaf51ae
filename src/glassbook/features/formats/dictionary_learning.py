"""saprmarks/dictionary_learning: a folder with ae.pt and config.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_k, read_torch
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, Matryoshka, ReLU, SparsityRule, TopK
from glassbook.nets.io.files import read_json

SETTINGS, WEIGHTS = "config.json", "ae.pt"


def load_dictionary_learning(folder: Path) -> Dictionary:
    """Read a folder that dictionary_learning saved."""
    path, facts = folder / WEIGHTS, read_json(folder / SETTINGS)
    trainer = facts.get("trainer")
    if not isinstance(trainer, dict) or "dict_class" not in trainer:
        raise GlassbookError(f"{folder / SETTINGS} does not say which class of dictionary it is; get it again")
    state, kind = read_torch(path), trainer["dict_class"]
    about = {"model": trainer.get("lm_name"), "site": trainer.get("submodule_name"), "from": "dictionary_learning"}
    rule, subtract, more = _rule(kind, trainer, state, path)
    if kind in ("JumpReluAutoEncoder", "MatryoshkaBatchTopKSAE"):
        W_enc, b_enc, W_dec, b_dec = pick_tensors(state, path, "W_enc", "b_enc", "W_dec", "b_dec")
        W_enc, W_dec = W_enc.T, W_dec
    else:
        biases = {
            "AutoEncoder": ("encoder.bias", "bias"),
            "AutoEncoderNew": ("encoder.bias", "decoder.bias"),
            "GatedAutoEncoder": ("gate_bias", "decoder_bias"),
        }.get(kind, ("encoder.bias", "b_dec"))
        W_enc, W_dec, b_enc, b_dec = pick_tensors(state, path, "encoder.weight", "decoder.weight", *biases)
        W_dec = W_dec.T
    if kind == "AutoEncoder":  # it is used with rows of norm 1, its latents scaled by their length
        norms = W_dec.norm(dim=1)
        W_enc, b_enc, W_dec = W_enc * norms[:, None], b_enc * norms, W_dec / norms[:, None]
    return build_dictionary(path, rule, W_enc, W_dec, b_enc, b_dec, subtract=subtract, about=about, more=more)


def _rule(
    kind: str, trainer: dict[str, Any], state: dict[str, Any], path: Path
) -> tuple[SparsityRule, bool, dict[str, Tensor]]:
    """The rule, whether b_dec is taken off the input, and the weights that only this rule has."""
    if kind in ("AutoEncoder", "AutoEncoderNew"):
        return ReLU(), kind == "AutoEncoder", {}
    if kind == "GatedAutoEncoder":
        r_mag, b_mag = pick_tensors(state, path, "r_mag", "mag_bias")
        return Gated(), True, {"gain": r_mag.exp(), "b_mag": b_mag}
    if kind == "JumpReluAutoEncoder":
        (theta,) = pick_tensors(state, path, "threshold")
        return JumpReLU(), False, {"theta": theta.clamp(min=0)}
    if kind in ("AutoEncoderTopK", "BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
        k = read_k(trainer["k"] if "k" in trainer else state.get("k"), path)
        if kind == "AutoEncoderTopK":
            return TopK(k), True, {}
        (threshold,) = pick_tensors(state, path, "threshold")
        rule = BatchTopK(k, float(threshold))
        if kind == "BatchTopKSAE":
            return rule, True, {}
        (sizes,) = pick_tensors(state, path, "group_sizes")
        return Matryoshka(rule, tuple(int(n) for n in sizes.cumsum(0))), True, {}
    raise GlassbookError(f"{path.parent} is a {kind}, which is not supported")
