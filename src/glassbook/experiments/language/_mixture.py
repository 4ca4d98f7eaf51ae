"""Mixture-of-experts MLP: each token goes to the few experts that a router scores highest for it.

Source: Shazeer et al. 2017, arXiv:1701.06538; the weights are those of Mixtral, Jiang et al. 2024, arXiv:2401.04088.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from glassbook.nets.blocks import SwiGLU


class Mixture(nn.Module):
    """Sum of the chosen experts' outputs, weighted by a softmax over their scores.

    Args:
        d_model: width of the residual stream.
        d_hidden: hidden width of each expert.
        experts: how many there are.
        active: how many a token goes to.
    """

    def __init__(self, d_model: int, d_hidden: int, experts: int, active: int) -> None:
        super().__init__()
        self.active = active
        self.router = nn.Linear(d_model, experts, bias=False)
        self.experts = nn.ModuleList(SwiGLU(d_model, d_hidden) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        """[..., d_model] -> [..., d_model]; each expert computes the tokens that go to it, and no others."""
        tokens = x.flatten(0, -2)
        scores, chosen = self.router(tokens).topk(self.active, dim=-1)
        weights = scores.softmax(-1)
        out = torch.zeros_like(tokens)
        for i, expert in enumerate(self.experts):
            rows, place = torch.nonzero(chosen == i, as_tuple=True)
            out = out.index_add(0, rows, expert(tokens[rows]) * weights[rows, place, None])
        return out.view_as(x)
