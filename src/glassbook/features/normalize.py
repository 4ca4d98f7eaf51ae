"""Training sees activations centred and scaled, so that one learning rate fits all models; files and users do not.

A dictionary between trainings reads raw activations. `unfold` writes its weights in the units of training, `fold`
writes them back: each time the same function.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.sparsity import BatchTopK, JumpReLU, ReLU, base_rule, with_base_rule

if TYPE_CHECKING:
    from glassbook.features.dictionary import Dictionary


@dataclass(frozen=True)
class Scaling:
    """x' = (x - centre) * scale for what is read, and the same (`_out`) for what is predicted.

    Attributes:
        centre: [d_in].
        scale: [d_in], the same for all dimensions of a site: each site has E||x'||^2 = its dimensions.
        centre_out: [d_out].
        scale_out: [d_out].
    """

    centre: Tensor
    scale: Tensor
    centre_out: Tensor
    scale_out: Tensor

    @classmethod
    def of(cls, d: Dictionary, x: Tensor, y: Tensor, how: str) -> Scaling:
        """Measured on samples: x [n, d_in] that is read, y [n, d_out] that is predicted."""
        known = [torch.cat(part) for part in zip(*(_measure(site, how) for site in x.split(d.parts, 1)), strict=True)]
        known += known if not d.transcodes else _measure(y, how)
        return cls(*known)

    def see(self, x: Tensor) -> Tensor:
        """Raw activations [..., d_in] as training sees them."""
        return (x - self.centre) * self.scale

    def see_out(self, y: Tensor) -> Tensor:
        """Raw targets [..., d_out] as training sees them."""
        return (y - self.centre_out) * self.scale_out

    @torch.no_grad()
    def fold(self, d: Dictionary) -> None:
        """Write the weights for raw activations; rows of W_dec get norm 1 where that changes no code."""
        if d.transcodes:
            d.b_enc.sub_(d.W_enc @ (self.scale * self.centre))
        d.W_enc.mul_(self.scale)
        d.W_dec.div_(self.scale_out)
        d.b_dec.div_(self.scale_out).add_(self.centre_out)
        if d.W_skip is not None:
            d.W_skip.mul_(self.scale).div_(self.scale_out[:, None])
            d.b_dec.sub_(d.W_skip @ self.centre)
        self._count_in(d, self._units(d))

    @torch.no_grad()
    def unfold(self, d: Dictionary) -> None:
        """Write the weights as training needs them: what `fold` does, backwards."""
        if len(d.parts) == 1:
            self._count_in(d, self.scale_out[0].expand(d.width))
        if d.W_skip is not None:
            d.b_dec.add_(d.W_skip @ self.centre)
            d.W_skip.div_(self.scale).mul_(self.scale_out[:, None])
        d.b_dec.sub_(self.centre_out).mul_(self.scale_out)
        d.W_dec.mul_(self.scale_out)
        d.W_enc.div_(self.scale)
        if d.transcodes:
            d.b_enc.add_(d.W_enc @ (self.scale * self.centre))

    def _units(self, d: Dictionary) -> Tensor:
        """What a code of 1 in training is worth [F], so that the row has norm 1. All codes of a rule that compares
        latents with each other have to be counted in the same unit; with several sites the norms stay what they are.
        """
        if len(d.parts) > 1:
            return torch.ones_like(d.b_enc)
        if isinstance(base_rule(d.rule), (ReLU, JumpReLU)):
            norms = torch.linalg.vector_norm(d.W_dec, dim=1)
            return torch.where(norms > 0, norms, 1.0)
        return (1 / self.scale_out[0]).expand(d.width)

    @staticmethod
    def _count_in(d: Dictionary, unit: Tensor) -> None:
        """Codes of unit times the size they had."""
        d.W_dec.div_(unit[:, None])
        d.W_enc.mul_(unit[:, None])
        d.b_enc.mul_(unit)
        if d.theta is not None:
            d.theta.mul_(unit)
        inner = base_rule(d.rule)
        if isinstance(inner, BatchTopK) and inner.threshold is not None:
            d.rule = with_base_rule(d.rule, replace(inner, threshold=float(inner.threshold * unit[0])))


def geometric_median(x: Tensor, iterations: int = 50) -> Tensor:
    """The point [d] with the least sum of distances to the rows of x [n, d], by Weiszfeld's iterations."""
    point = x.mean(0)
    for _ in range(iterations):
        weights = 1 / torch.linalg.vector_norm(x - point, dim=1, keepdim=True).clamp(min=1e-6)
        point = (weights * x).sum(0) / weights.sum()
    return point


def _measure(x: Tensor, how: str) -> list[Tensor]:
    """Centre and scale of one site, [d] each."""
    ways = {"mean": lambda: x.mean(0), "median": lambda: geometric_median(x), "none": lambda: torch.zeros_like(x[0])}
    if how not in ways:
        raise GlassbookError(f"centre = {how!r}; choose one of {', '.join(ways)}")
    centre = ways[how]()
    size = (x - centre).square().sum(1).mean()
    if not bool(torch.isfinite(size) & (size > 0)):
        raise GlassbookError("the activations are all the same or not finite; there is nothing to learn from them")
    return [centre, (x.shape[1] / size).sqrt().expand(x.shape[1])]
