"""Direct logit attribution: what each head and MLP adds to a logit difference by its own output."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from glassbook.circuits.graph import Graph, Sender
from glassbook.circuits.task import last_real
from glassbook.nets import LanguageModel
from glassbook.trace.roles import final, frozen_norm


@torch.no_grad()
def direct_attribution(
    graph: Graph, lm: LanguageModel, inputs: Mapping[str, Tensor], right: Tensor, wrong: Tensor
) -> dict[Sender | str, Tensor]:
    """Direct contribution of each sender to logit(right) - logit(wrong) at the last token that is no pad.

    The final norm's scale is held fixed. The contributions add up to the difference exactly (in half precision up to
    the model's own rounding); biases, which no sender writes, are under "rest". Where a model soft-caps its logits, it
    is the difference before the cap, which is not linear.

    Args:
        graph: of the model.
        lm: the model.
        inputs: [B, T] tokens.
        right, wrong: token ids, [B].

    Returns:
        sender -> [B].

    Raises:
        GlassbookError: the inputs exceed the model's context, or its final norm and head are not known.
    """
    lm.check_fits(inputs["input_ids"].shape[1])
    readout = final(lm)
    head = readout.head
    end = last_real(inputs)
    row = torch.arange(len(end), device=end.device)
    writes, stream = graph.writes(inputs)[:, row, end].float(), f"resid.{graph.roles.n_layers - 1}.out"
    with graph.roles.trace(read=stream) as t:
        lm.model(**inputs)
    last = t[stream][row, end].float()
    through, bias = frozen_norm(readout.norm, last)
    towards = readout.scale * (head.weight[right].float() - head.weight[wrong].float())
    shares = torch.einsum("ubd,bd->ub", through(writes), towards)
    rest = ((through(last - writes.sum(0)) + bias) * towards).sum(-1)
    if getattr(head, "bias", None) is not None:
        rest = rest + readout.scale * head.bias[right].float() - readout.scale * head.bias[wrong].float()
    return {**dict(zip(graph.senders, shares, strict=True)), "rest": rest}
