"""Activation normalization of dictionary training: centred and scaled, so that one learning rate fits all models.

Between trainings a dictionary reads raw activations. `unfold_from_weights` writes its weights in the units of training,
`fold_into_weights` writes them back; it stays the same function.
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
class ActivationNormalizer:
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
    def measure(cls, d: Dictionary, x: Tensor, y: Tensor, centre: str) -> ActivationNormalizer:
        """Statistics of samples.

        Args:
            d: the dictionary, for the sizes of its sites.
            x: [n, d_in], what is read.
            y: [n, d_out], what is predicted.
            centre: "mean", "median" (geometric) or "none".
        """
        stats = [
            torch.cat(part)
            for part in zip(*(_centre_and_scale(site, centre) for site in x.split(d.parts, 1)), strict=True)
        ]
        stats += stats if not d.transcodes else _centre_and_scale(y, centre)
        return cls(*stats)

    def normalize(self, x: Tensor) -> Tensor:
        """Raw activations [..., d_in] in the units of training."""
        return (x - self.centre) * self.scale

    def normalize_target(self, y: Tensor) -> Tensor:
        """Raw targets [..., d_out] in the units of training."""
        return (y - self.centre_out) * self.scale_out

    @torch.no_grad()
    def fold_into_weights(self, d: Dictionary) -> None:
        """Write the weights for raw activations; rows of W_dec get norm 1 where that changes no latent."""
        if d.transcodes:
            d.b_enc.sub_(d.W_enc @ (self.scale * self.centre))
        d.W_enc.mul_(self.scale)
        d.W_dec.div_(self.scale_out)
        d.b_dec.div_(self.scale_out).add_(self.centre_out)
        if d.W_skip is not None:
            d.W_skip.mul_(self.scale).div_(self.scale_out[:, None])
            d.b_dec.sub_(d.W_skip @ self.centre)
        self._rescale_latents(d, self._latent_units(d))

    @torch.no_grad()
    def unfold_from_weights(self, d: Dictionary) -> None:
        """Write the weights as training needs them: what `fold_into_weights` does, backwards."""
        if len(d.parts) == 1:
            self._rescale_latents(d, self.scale_out[0].expand(d.width))
        if d.W_skip is not None:
            d.b_dec.add_(d.W_skip @ self.centre)
            d.W_skip.div_(self.scale).mul_(self.scale_out[:, None])
        d.b_dec.sub_(self.centre_out).mul_(self.scale_out)
        d.W_dec.mul_(self.scale_out)
        d.W_enc.div_(self.scale)
        if d.transcodes:
            d.b_enc.add_(d.W_enc @ (self.scale * self.centre))

    def _latent_units(self, d: Dictionary) -> Tensor:
        """What a latent of 1 in training is worth [F], so that the row has norm 1. All latents of a rule that compares
        them with each other need the same unit; with several sites the norms stay what they are.
        """
        if len(d.parts) > 1:
            return torch.ones_like(d.b_enc)
        if isinstance(base_rule(d.rule), (ReLU, JumpReLU)):
            norms = torch.linalg.vector_norm(d.W_dec, dim=1)
            return torch.where(norms > 0, norms, 1.0)
        return (1 / self.scale_out[0]).expand(d.width)

    @staticmethod
    def _rescale_latents(d: Dictionary, unit: Tensor) -> None:
        """Make latents `unit` times as large as they were."""
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


def _centre_and_scale(x: Tensor, method: str) -> list[Tensor]:
    """Centre and scale of one site, [d] each."""
    ways = {"mean": lambda: x.mean(0), "median": lambda: geometric_median(x), "none": lambda: torch.zeros_like(x[0])}
    if method not in ways:
        raise GlassbookError(f"centre = {method!r}; choose one of {', '.join(ways)}")
    centre = ways[method]()
    size = (x - centre).square().sum(1).mean()
    if not bool(torch.isfinite(size) & (size > 0)):
        raise GlassbookError("the activations are all the same or not finite; there is nothing to learn from them")
    return [centre, (x.shape[1] / size).sqrt().expand(x.shape[1])]
