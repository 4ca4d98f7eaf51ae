"""Model stitching: one model's activations continued by another, through the best affine map between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import next_token_nll
from glassbook.trace import trace
from glassbook.trace.rows import read_rows

Inputs = Mapping[str, Tensor]
RIDGE = 1e-3
"""Weight of the penalty on the map, relative to the mean variance."""


@dataclass(frozen=True)
class Stitch:
    """Cross-entropies of the target model, nats a token.

    Attributes:
        own: with its own activations.
        stitched: with the other's, mapped.
        mean: with the mean activation at every token, which says nothing.
    """

    own: float
    stitched: float
    mean: float

    @property
    def relative_loss(self) -> float:
        """Loss of stitching on a scale from 0 (the target's own activations) to 1 (its mean activation)."""
        return (self.stitched - self.own) / (self.mean - self.own)


@torch.no_grad()
def stitch(
    source: nn.Module,
    source_site: str,
    target: nn.Module,
    target_site: str,
    learn: Sequence[Inputs],
    test: Sequence[Inputs],
) -> Stitch:
    """The target reads the source's activations through the best affine map (ridge regression).

    Args:
        source, source_site: the model and site whose activations are read.
        target, target_site: where they are put instead of its own. Both models read the same token ids.
        learn: inputs {"input_ids": [B, T]} for the map.
        test: other inputs for the cross-entropies.

    Source: Lenc and Vedaldi 2015, arXiv:1411.5908; Bansal et al. 2021, arXiv:2106.07682.
    """
    if not learn or not test:
        raise GlassbookError("stitching needs inputs to learn the map from and others to test it on")
    # Sums for the least squares of [x, 1] -> y; float64, because they run over all tokens.
    xx = xy = torch.zeros(())
    for inputs in learn:
        x, y = (read_rows(m, inputs, [site])[site].flatten(0, 1).double() for m, site in
                ((source, source_site), (target, target_site)))  # fmt: skip
        x = torch.cat([x, x.new_ones(len(x), 1)], 1)
        xx, xy = xx + x.T @ x, xy + x.T @ y
    penalty = RIDGE * xx.diagonal()[:-1].mean() * torch.eye(len(xx), dtype=xx.dtype, device=xx.device)
    penalty[-1, -1] = 0
    weight = torch.linalg.solve(xx + penalty, xy)
    mean = xy[-1] / xx[-1, -1]  # the row of ones
    losses = torch.zeros(3, dtype=torch.float64)
    for inputs in test:
        x = read_rows(source, inputs, [source_site])[source_site].double()
        mapped = x @ weight[:-1] + weight[-1]
        losses[0] += _loss(target, inputs)
        for i, new in ((1, mapped), (2, mean.expand_as(mapped))):
            with trace(target, edit={target_site: lambda x, at, new=new: new.to(x)}):
                losses[i] += _loss(target, inputs)
    own, stitched, nothing = (losses / len(test)).tolist()
    return Stitch(own, stitched, nothing)


def _loss(model: nn.Module, inputs: Inputs) -> float:
    return float(next_token_nll(model, inputs["input_ids"]).mean())
