"""Attention patterns and the logit lens, of our models and of those of transformers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.logits import final
from glassbook.nets import LM, LanguageModel
from glassbook.nets.blocks import rotary, rotate
from glassbook.nets.lm import positions
from glassbook.trace import blocks, trace


def attention(lm: LanguageModel, ids: Tensor) -> dict[str, Tensor]:
    """Attention patterns [heads, T, T] of each layer on one prompt [1, T]; rows are queries and sum to 1.

    Ours are computed again from the queries and keys that a trace reads; for transformers' models, explicit attention
    is switched on for this one call.

    Raises:
        GlassbookError: the model does not give its patterns.
    """
    if isinstance(lm.model, LM):
        return _own_attention(lm.model, ids)
    return _their_attention(lm, ids)


def _own_attention(model: LM, ids: Tensor) -> dict[str, Tensor]:
    c = model.config
    names = [f"blocks.{i}.attn" for i in range(c.n_layers)]
    with trace(model, read=[f"{name}.{part}.out" for name in names for part in ("q", "k")]) as t:
        model(input_ids=ids)
    length = ids.shape[1]
    turn = rotary(positions(length, 0, None, ids.device), c.head_dim, c.rope_theta)
    seen = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
    out = {}
    for name in names:
        q = rotate(t[f"{name}.q.out"].view(1, length, c.n_heads, c.head_dim).transpose(1, 2), turn)
        k = rotate(t[f"{name}.k.out"].view(1, length, c.n_kv_heads, c.head_dim).transpose(1, 2), turn)
        k = k.repeat_interleave(c.n_heads // c.n_kv_heads, dim=1)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(c.head_dim)).masked_fill(~seen, -math.inf)
        out[name] = scores.softmax(-1)[0]
    return out


def _their_attention(lm: LanguageModel, ids: Tensor) -> dict[str, Tensor]:
    model: Any = lm.model
    if not hasattr(model, "set_attn_implementation"):
        raise GlassbookError(f"{lm.name} does not give its attention patterns")
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        patterns = model(input_ids=ids, output_attentions=True, use_cache=False).attentions
    finally:
        model.set_attn_implementation(before)
    if not patterns or any(p is None for p in patterns):
        raise GlassbookError(f"{lm.name} does not give its attention patterns")
    return {name: p[0].float() for name, p in zip(blocks(model), patterns, strict=True)}


def lens(lm: LanguageModel, ids: Tensor) -> dict[str, Tensor]:
    """Logit lens: the stream after each block, through the final norm and the head, as logits [T, vocab].

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Raises:
        GlassbookError: the model has no final norm and head that lead from its last block to its logits.
    """
    found = final(lm)
    if found is None:
        raise GlassbookError(f"the final norm and head of {lm.name} are not known here, so it has no logit lens")
    norm, head = found
    names = [f"{name}.out" for name in blocks(lm.model)]
    with trace(lm.model, read=names) as t:
        lm.model(input_ids=ids)
    return {name: head(norm(t[name]))[0].float() for name in names}
