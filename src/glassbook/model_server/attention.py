"""Attention patterns of a prompt, for every model whose family is known or that returns them itself."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.trace.roles import blocks, explicit_attention, roles


def attention(lm: LanguageModel, ids: Tensor) -> dict[str, Tensor]:
    """Attention patterns [heads, T, T] of each block on one prompt [1, T]; rows are queries and sum to 1.

    Raises:
        GlassbookError: the model's family is not known, and it does not return its patterns itself either.
    """
    names = blocks(lm.model)
    try:
        r = roles(lm.model)
    except GlassbookError:
        return dict(zip(names, _returned_by_model(lm, ids, len(names)), strict=True))
    with r.trace(read="attn.*.pattern") as t:
        lm.model(input_ids=ids)
    return {name: t[f"attn.{layer}.pattern"][0].float() for layer, name in enumerate(names)}


def _returned_by_model(lm: LanguageModel, ids: Tensor, n: int) -> list[Tensor]:
    """The patterns that models of transformers return with output_attentions."""
    model: Any = lm.model
    patterns = ()
    if hasattr(model, "set_attn_implementation"):
        with explicit_attention(model):
            patterns = model(input_ids=ids, output_attentions=True, use_cache=False).attentions or ()
    if len(patterns) != n or any(p is None for p in patterns):
        raise GlassbookError(
            f"{lm.name} does not return its attention patterns; open a model of a family that roles() knows"
        )
    return [p[0].float() for p in patterns]
