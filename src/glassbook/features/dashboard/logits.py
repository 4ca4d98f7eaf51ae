"""Logit effects of directions in the residual stream (direct logit attribution)."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.trace.roles.final import Readout, in_float, without_scale


@torch.no_grad()
def logit_effects(directions: Tensor, readout: Readout) -> Tensor:
    """What one unit of each direction adds to the logits, relative to the mean over the vocabulary.

    The final norm divides by the scale of the whole stream, which a direction alone does not decide, so the scale is
    taken as 1; the norm's gain, and its centring if it is a layer norm, are the model's own. A soft cap of the logits,
    which leaves their order as it is, is not applied.

    Args:
        directions: [n, d] in the residual stream.
        readout: of the model, from `final`.

    Returns:
        [n, vocab].
    """
    weight = readout.head.weight
    directions = directions.to(device=weight.device, dtype=torch.float32)
    through = without_scale(in_float(readout.norm), directions)
    logits = readout.scale * (through.to(weight.dtype) @ weight.T).float()
    return logits - logits.mean(1, keepdim=True)
