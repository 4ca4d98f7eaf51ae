"""Final norm and unembedding of a language model, and the norm as a linear map of parts of the stream."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace import trace
from glassbook.trace.roles.blocks import blocks

NORMS = ("norm", "ln_f", "final_layer_norm")
"""What the final norm is called in the core of a model: ours and Llama's kin, GPT-2, GPT-NeoX."""


@torch.no_grad()
def final(lm: LanguageModel) -> tuple[nn.Module, Any]:
    """The final norm and the head, proved: head(norm(output of the last block)) are the model's own logits.

    Returns:
        (norm, head).

    Raises:
        GlassbookError: the parts are not found, or the model goes another way (soft caps, scaled logits).
    """
    model: Any = lm.model
    core = getattr(model, "base_model", model)
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else getattr(model, "head", None)
    norm = next((part for name in NORMS if isinstance(part := getattr(core, name, None), nn.Module)), None)
    unknown = f"the final norm and head of {lm.name} are not known here, so there is no lens through them"
    if head is None or norm is None:
        raise GlassbookError(unknown)
    ids = torch.arange(4, device=lm.device)[None] % lm.vocab
    last = f"{blocks(model)[-1]}.out"
    with trace(model, read=[last, "out"]) as t:
        model(input_ids=ids)
    found, logits = head(norm(t[last])).float(), t["out"].float()  # the first tensor that goes out is the logits
    close = found.shape == logits.shape and float((found - logits).abs().max()) <= 1e-3 * float(logits.abs().max())
    if not close:
        raise GlassbookError(unknown)
    return norm, head


def frozen_norm(norm: nn.Module, x: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """(map, bias): the norm as the linear map that it is at the scale of x; map(x) + bias is norm(x).

    All is computed in float32 at least: in half precision the rounding of a sum would be as large as its parts.

    Args:
        norm: a layer norm or an RMS norm.
        x: [..., d].

    Returns:
        map: [..., d] or [n, ..., d] -> the same shape.
    """
    norm, x = in_float(norm), x.to(torch.promote_types(x.dtype, torch.float32))
    bias = norm(torch.zeros_like(x))
    plain, normed = without_scale(norm, x), norm(x) - bias
    scale = (plain * normed).sum(-1, keepdim=True) / plain.square().sum(-1, keepdim=True).clamp(min=1e-30)
    return (lambda w: without_scale(norm, w) * scale), bias


def in_float(norm: nn.Module) -> nn.Module:
    """The norm in float32: itself, or a copy of one in half precision."""
    half = any(p.dtype in (torch.float16, torch.bfloat16) for p in norm.parameters())
    return copy.deepcopy(norm).float() if half else norm


def without_scale(norm: nn.Module, w: Tensor) -> Tensor:
    """The norm's gain on w [..., d], centred if it is a layer norm; nothing is divided by, no bias added."""
    ones = torch.ones_like(w[..., :1, :]) if w.dim() > 1 else torch.ones_like(w)
    if torch.allclose(norm(ones), norm(-ones), atol=1e-4):  # what is the same everywhere is taken away
        w = w - w.mean(-1, keepdim=True)
    size = w.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-30)
    # What it makes of w and of -w differ by twice w's own part: the bias cancels. Beside 1e3 its epsilon is nothing.
    large = w / size * 1e3
    return (norm(large) - norm(-large)) / 2 * size
