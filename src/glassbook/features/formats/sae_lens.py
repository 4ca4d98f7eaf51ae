"""SAELens: a folder with cfg.json and sae_weights.safetensors (versions 3 to 6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_safetensors
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, ReLU, SparsityRule, TopK, base_rule
from glassbook.nets.io.files import read_json
from glassbook.notebook.files import write_atomic

SETTINGS, WEIGHTS = "cfg.json", "sae_weights.safetensors"
FOLDED = ("none", "expected_average_only_in", None)
"""Ways of scaling activations that are in the weights already when SAELens saves them."""


def load_sae_lens(folder: Path) -> Dictionary:
    """Read a folder that SAELens saved."""
    cfg, tensors = read_json(folder / SETTINGS), read_safetensors(folder / WEIGHTS)
    path = folder / WEIGHTS
    if cfg.get("normalize_activations") not in FOLDED:
        how = cfg["normalize_activations"]
        raise GlassbookError(f"{folder} scales each activation by itself ({how}), which no weights can express")
    if cfg.get("finetuning_scaling_factor") or "scaling_factor" in tensors or "finetuning_scaling_factor" in tensors:
        raise GlassbookError(
            f"{folder} has a separate scaling factor for fine-tuning, which is not read; fold it first"
        )
    kind = str(cfg.get("architecture", "standard"))
    transcodes = "transcoder" in kind
    W_enc, W_dec, b_dec = pick_tensors(tensors, path, "W_enc", "W_dec", "b_dec")
    W_enc = W_enc.T
    if kind == "gated":
        b_enc, r_mag, b_mag = pick_tensors(tensors, path, "b_gate", "r_mag", "b_mag")
        more: dict[str, Tensor] = {"gain": r_mag.exp(), "b_mag": b_mag}
    else:
        (b_enc,), more = pick_tensors(tensors, path, "b_enc"), {}
    rule = _rule(cfg, kind, folder)
    if isinstance(rule, JumpReLU):
        (theta,) = pick_tensors(tensors, path, "threshold")
        more["theta"] = theta.clamp(min=0)
    if "skip" in kind:
        (more["W_skip"],) = pick_tensors(tensors, path, "W_skip")
    if cfg.get("rescale_acts_by_decoder_norm"):
        norms = W_dec.norm(dim=1)
        W_enc, b_enc, W_dec = W_enc * norms[:, None], b_enc * norms, W_dec / norms[:, None]
    metadata: dict[str, Any] = cfg["metadata"] if isinstance(cfg.get("metadata"), dict) else cfg
    about = {"model": metadata.get("model_name"), "site": metadata.get("hook_name"), "from": "SAELens"}
    subtract = bool(cfg.get("apply_b_dec_to_input", True))
    return build_dictionary(
        path, rule, W_enc, W_dec, b_enc, b_dec, subtract=subtract, transcodes=transcodes, about=about, more=more
    )


def _rule(cfg: dict[str, Any], kind: str, folder: Path) -> SparsityRule:
    if "jumprelu" in kind:
        return JumpReLU()
    if kind == "gated":
        return Gated()
    if kind == "topk":
        return TopK(int(cfg["k"] if "k" in cfg else cfg.get("activation_fn_kwargs", {}).get("k", 0)))
    if kind in ("standard", "transcoder", "skip_transcoder"):
        function = cfg.get("activation_fn_str", cfg.get("activation_fn", "relu"))
        if function == "topk":
            return TopK(int(cfg.get("activation_fn_kwargs", {}).get("k", 0)))
        if function == "relu":
            return ReLU()
        raise GlassbookError(f"{folder} uses the activation function {function!r}, which is not supported")
    raise GlassbookError(f"{folder} has the architecture {kind!r}, which is not supported")


@torch.no_grad()
def save_sae_lens(d: Dictionary, folder: str | Path) -> Path:
    """Write a dictionary so that SAELens loads it, with equal latents.

    A BatchTopK is written as the JumpReLU that it is after training; a Matryoshka as the rule inside it.

    Args:
        d: a trained dictionary.
        folder: created if missing; files of those names in it are replaced.

    Raises:
        GlassbookError: SAELens has no such dictionary, or the disk refused.
    """
    inner, folder = base_rule(d.rule), Path(folder)
    if len(d.parts) > 1:
        raise GlassbookError("SAELens has no crosscoders")
    if d.transcodes and isinstance(inner, (TopK, Gated)):
        raise GlassbookError(f"SAELens has no transcoder with {type(inner).__name__} latents; use ReLU or JumpReLU")
    theta = d.theta
    if isinstance(inner, BatchTopK):
        if inner.threshold is None:
            raise GlassbookError("this BatchTopK has no threshold yet; train it first")
        theta = torch.full((d.width,), inner.threshold)
    kind = {TopK: "topk", ReLU: "standard", Gated: "gated"}.get(type(inner), "jumprelu")
    if d.transcodes:
        skip = "skip_" if d.W_skip is not None else ""
        kind = f"{'jumprelu_' if kind == 'jumprelu' else ''}{skip}transcoder"
    tensors = {"W_enc": d.W_enc.T, "W_dec": d.W_dec, "b_dec": d.b_dec}
    if d.gain is not None and d.b_mag is not None:
        if not bool((d.gain > 0).all()):
            raise GlassbookError("SAELens keeps the logarithm of a Gated dictionary's gain, which has to be above 0")
        tensors |= {"b_gate": d.b_enc, "r_mag": d.gain.log(), "b_mag": d.b_mag}
    else:
        tensors["b_enc"] = d.b_enc
    if theta is not None:
        tensors["threshold"] = theta
    if d.W_skip is not None:
        tensors["W_skip"] = d.W_skip
    model, site = d.about.get("model"), d.about.get("site")
    cfg: dict[str, Any] = {
        "architecture": kind,
        "d_in": d.d_in,
        "d_sae": d.width,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": not d.transcodes,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "model_name": model if isinstance(model, str) else (model or {}).get("name"),
            "hook_name": site if isinstance(site, str) else None,
        },
    }
    cfg |= {"k": inner.k, "rescale_acts_by_decoder_norm": False} if isinstance(inner, TopK) else {}
    cfg |= {"d_out": d.d_out} if d.transcodes else {}
    arrays = {name: t.detach().float().cpu().contiguous() for name, t in tensors.items()}
    write_atomic(folder / WEIGHTS, to_bytes(arrays))
    write_atomic(folder / SETTINGS, json.dumps(cfg, indent=1).encode())
    return folder
