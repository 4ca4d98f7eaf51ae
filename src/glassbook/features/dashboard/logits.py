"""Logit effects of directions in the residual stream (direct logit attribution)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from glassbook.trace.roles.final import in_float, without_scale


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
    directions = directions.to(device=head.weight.device, dtype=torch.float32)
    through = without_scale(in_float(norm), directions)
    logits = (through.to(head.weight.dtype) @ head.weight.T).float()
    return logits - logits.mean(1, keepdim=True)
