"""From the residual stream to the logits: the final norm and head, and what directions do through them."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.nets import LanguageModel
from glassbook.trace import blocks, trace

NORMS = ("norm", "ln_f", "final_layer_norm")
"""What the final norm is called in the core of a model: ours and Llama's kin, GPT-2, GPT-NeoX."""


@torch.no_grad()
def final(lm: LanguageModel) -> tuple[nn.Module, Any] | None:
    """The final norm and the head, proved: head(norm(output of the last block)) are the model's own logits.

    Returns:
        (norm, head), or None where the model goes another way (soft caps, scaled logits) or the parts are not found.
    """
    model: Any = lm.model
    core = getattr(model, "base_model", model)
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else getattr(model, "head", None)
    norm = next((part for name in NORMS if isinstance(part := getattr(core, name, None), nn.Module)), None)
    if head is None or norm is None:
        return None
    ids = torch.arange(4, device=lm.device)[None] % lm.vocab
    last = f"{blocks(model)[-1]}.out"
    with trace(model, read=[last, "out"]) as t:
        model(input_ids=ids)
    found, logits = head(norm(t[last])).float(), t["out"].float()  # the first tensor that goes out is the logits
    close = found.shape == logits.shape and float((found - logits).abs().max()) <= 1e-3 * float(logits.abs().max())
    return (norm, head) if close else None


@torch.no_grad()
def logit_effects(directions: Tensor, norm: nn.Module, head: Any) -> Tensor:
    """What one unit of each direction adds to the logits, relative to the mean over the vocabulary.

    The final norm divides by the scale of the whole stream, which a direction alone does not decide, so the scale is
    taken as 1; the norm's gain, and its centring if it is a layer norm, are the model's own.

    Args:
        directions: [n, d] in the residual stream.
        norm: the final norm; with head, from `final`.
        head: the unembedding, with `weight` [vocab, d].

    Returns:
        [n, vocab].
    """
    norm, d = copy.deepcopy(norm).float(), directions.shape[1]
    directions = directions.to(device=head.weight.device, dtype=torch.float32)
    # The norm of a direction and of its opposite differ by twice its part alone: the bias cancels. Large, so that
    # the norm's epsilon is nothing beside it.
    large = directions * (1e3 * math.sqrt(d))
    through = (norm(large) - norm(-large)) / 2
    ones = torch.ones(1, d, device=directions.device)
    if torch.allclose(norm(ones), norm(-ones), atol=1e-4):  # what is the same everywhere is taken away
        directions = directions - directions.mean(1, keepdim=True)
    through = through * directions.norm(dim=1, keepdim=True) / math.sqrt(d)
    logits = (through.to(head.weight.dtype) @ head.weight.T).float()
    return logits - logits.mean(1, keepdim=True)
