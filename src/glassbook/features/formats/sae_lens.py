"""SAELens: a folder with cfg.json and sae_weights.safetensors (versions 3 to 6)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.dictionary import Dictionary
from glassbook.features.formats.files import build_dictionary, pick_tensors, read_k, read_safetensors
from glassbook.features.formats.token_normed import Norm, TokenNormed, rescale, standardize
from glassbook.features.sparsity import BatchTopK, Gated, JumpReLU, ReLU, SparsityRule, TopK, base_rule
from glassbook.nets.io.files import read_json
from glassbook.notebook.files import write_atomic

SETTINGS, WEIGHTS, SCALER = "cfg.json", "sae_weights.safetensors", "activation_scaler.json"
_OLD_NAMES = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
_ABOUT = {
    "model": "model_name",
    "site": "hook_name",
    "head": "hook_head_index",
    "site_out": "hook_name_out",
    "head_out": "hook_head_index_out",
}
"""What `about` of a dictionary calls them -> their names in SAELens."""
_USED = (
    "prepend_bos", "context_size", "seqpos_slice", "exclude_special_tokens", "model_class_name",
    "model_from_pretrained_kwargs",
)  # fmt: skip
"""Settings that say which activations it was trained on; `features.origin` says where a use differs."""
_TOKEN_NORMS = {"layer_norm": standardize, "constant_norm_rescale": rescale}


def load_sae_lens(folder: Path, scale: float | None = None) -> Coder:
    """Read a folder that SAELens saved.

    Args:
        folder: with cfg.json and sae_weights.safetensors.
        scale: what activations were multiplied by in training, for a checkpoint that says normalize_activations =
            "expected_average_only_in" and has no activation_scaler.json: sqrt(d_in) / the mean norm of activations.
            SAELens folds it into the weights, and then says "none", only when the training ends.

    Returns:
        a Dictionary, or a `TokenNormed` where each activation is normed by itself.

    Raises:
        GlassbookError: damaged; a setting that cannot be expressed; a scale that is not known, or not needed.
    """
    cfg, tensors, path = _settings(read_json(folder / SETTINGS)), read_safetensors(folder / WEIGHTS), folder / WEIGHTS
    _check_fine_tuning(cfg, tensors, folder)
    kind, normalization = str(cfg["architecture"]), cfg["normalize_activations"]
    rule, norm = _rule(cfg, kind, folder), _TOKEN_NORMS.get(normalization)
    transcodes = kind.endswith("transcoder")
    if norm is not None and transcodes:
        raise GlassbookError(f"{folder} is a transcoder that norms what it reads ({normalization}); not supported")
    names = {
        "W_enc": "W_enc",
        "W_dec": "W_dec",
        "b_dec": "b_dec",
        **({"b_enc": "b_gate", "gain": "r_mag", "b_mag": "b_mag"} if isinstance(rule, Gated) else {"b_enc": "b_enc"}),
        **({"theta": "threshold"} if isinstance(rule, JumpReLU) else {}),
        **({"W_skip": "W_skip"} if "skip" in kind else {}),
    }
    if unread := sorted(tensors.keys() - names.values()):
        raise GlassbookError(f"{path} holds {', '.join(unread)}, which a dictionary of architecture {kind!r} lacks")
    w = dict(zip(names, pick_tensors(tensors, path, *names.values()), strict=True))
    scale = _scale(normalization, norm, folder, scale)
    W_enc, W_dec, b_enc, b_dec = w.pop("W_enc").T * scale, w.pop("W_dec") / scale, w.pop("b_enc"), w.pop("b_dec")
    b_dec = b_dec / scale
    if "theta" in w:
        w["theta"] = w["theta"].clamp(min=0)
    if "gain" in w:
        w["gain"] = w["gain"].exp()
    if kind == "topk" and cfg.get("rescale_acts_by_decoder_norm"):
        norms = W_dec.norm(dim=1)
        W_enc, b_enc, W_dec = W_enc * norms[:, None], b_enc * norms, W_dec / norms[:, None]
    d = build_dictionary(
        path, rule, W_enc, W_dec, b_enc, b_dec, subtract=bool(cfg.get("apply_b_dec_to_input", True)),
        transcodes=transcodes, about=_about(cfg), more=w,
    )  # fmt: skip
    return d if norm is None else TokenNormed(d, norm).requires_grad_(False)


def _settings(saved: dict[str, Any]) -> dict[str, Any]:
    """The settings of any version under their present names and values."""
    cfg = {_OLD_NAMES.get(key, key): value for key, value in saved.items()}
    how = cfg.get("normalize_activations")
    older = {None: "none", False: "none", True: "expected_average_only_in"}
    cfg["normalize_activations"] = older[how] if how is None or isinstance(how, bool) else str(how)
    more = cfg.get("activation_fn_kwargs")
    cfg["activation_fn_kwargs"] = more if isinstance(more, dict) else {}
    cfg["k"] = cfg.get("k", cfg["activation_fn_kwargs"].get("k"))
    cfg.setdefault("activation_fn", "relu")
    cfg.setdefault("architecture", "standard")
    if cfg["architecture"] == "standard" and cfg["activation_fn"] == "topk":
        cfg |= {"architecture": "topk", "activation_fn": "relu"}
    return cfg


def _check_fine_tuning(cfg: dict[str, Any], tensors: dict[str, Tensor], folder: Path) -> None:
    """Refuse a factor of each latent that fine-tuning left. For a while one was saved that was never used, all ones;
    it is taken out of `tensors`, as SAELens does."""
    used = bool(cfg.get("finetuning_scaling_factor"))
    for name in ("scaling_factor", "finetuning_scaling_factor"):
        if name in tensors:
            used = not torch.allclose(tensors[name].float(), torch.ones(()))
            del tensors[name]
    if used:
        raise GlassbookError(f"{folder} has a scaling factor from fine-tuning, which is not read; fold it first")


def _scale(normalization: Any, norm: Norm | None, folder: Path, given: float | None) -> float:
    """What activations are multiplied by before the dictionary reads them."""
    if normalization == "none" or norm is not None:
        if given is not None:
            raise GlassbookError(f"{folder} scales no activations by a constant ({normalization}); give no scale")
        return 1.0
    if normalization != "expected_average_only_in":
        raise GlassbookError(f"{folder} has normalize_activations = {normalization!r}, which is not supported")
    kept = read_json(folder / SCALER).get("scaling_factor") if (folder / SCALER).is_file() else None
    scale = kept if given is None else given
    if not isinstance(scale, (int, float)) or not 0 < scale < float("inf"):
        raise GlassbookError(
            f"{folder} reads activations times a constant that is not in its files (normalize_activations = "
            f"{normalization!r}, never folded); load_sae_lens(folder, scale) takes it: sqrt(d_in) / their mean norm"
        )
    return float(scale)


def _rule(cfg: dict[str, Any], kind: str, folder: Path) -> SparsityRule:
    function = cfg["activation_fn"]
    if function != "relu" and kind != "topk":
        raise GlassbookError(f"{folder} uses the activation function {function!r} ({kind}), which is not supported")
    if kind in ("jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder"):
        return JumpReLU()
    if kind == "gated":
        return Gated()
    if kind in ("standard", "transcoder", "skip_transcoder"):
        return ReLU()
    if kind != "topk":
        raise GlassbookError(f"{folder} has the architecture {kind!r}, which is not supported")
    if cfg["activation_fn_kwargs"].get("postact_fn") is not None:
        raise GlassbookError(f"{folder} applies another function than ReLU to the largest latents; not supported")
    return TopK(read_k(cfg["k"], folder / SETTINGS))


def _about(cfg: dict[str, Any]) -> dict[str, Any]:
    """Model, site and settings, which version 6 keeps in "metadata".

    "head" where the dictionary reads one head of the site; "site_out" and "head_out" are what a transcoder predicts.
    """
    kept = cfg["metadata"] if isinstance(cfg.get("metadata"), dict) else cfg
    facts = {key: kept.get(name) for key, name in _ABOUT.items()}
    settings = {name: kept[name] for name in _USED if kept.get(name) not in (None, {})}
    return facts | {"settings": settings or None, "from": "SAELens"}


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
    model = d.about.get("model")
    facts = {name: value for key, name in _ABOUT.items() if isinstance(value := d.about.get(key), (str, int))}
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
            "hook_name": None,
            **facts,
            "model_name": model if isinstance(model, str) else (model or {}).get("name"),
            **d.about.get("settings", {}),
        },
    }
    cfg |= {"k": inner.k, "rescale_acts_by_decoder_norm": False} if isinstance(inner, TopK) else {}
    cfg |= {"d_out": d.d_out} if d.transcodes else {}
    arrays = {name: t.detach().float().cpu().contiguous() for name, t in tensors.items()}
    write_atomic(folder / WEIGHTS, to_bytes(arrays))
    write_atomic(folder / SETTINGS, json.dumps(cfg, indent=1).encode())
    return folder
