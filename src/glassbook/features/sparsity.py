"""Sparsity rules of sparse autoencoders: TopK, BatchTopK, ReLU, JumpReLU, Gated, Matryoshka.

A rule is a small frozen value that says which latents are active for a row of pre-activations.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.coder import entries


class _Rule:
    """What every rule does with pre-activations [..., width]; only a JumpReLU has thresholds theta [width]."""

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width]."""
        raise NotImplementedError

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        return entries(self.dense(pre, theta))


@dataclass(frozen=True)
class TopK(_Rule):
    """z = relu(the k largest pre-activations of each row), else 0 (Gao et al. 2024, arXiv:2406.04093)."""

    k: int

    def __post_init__(self) -> None:
        _check_k(self.k)

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width] of pre-activations."""
        values, indices = self.sparse(pre)
        return torch.zeros_like(pre).scatter_(-1, indices, values)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., k] each, in no particular order."""
        values, indices = largest(pre.reshape(-1, pre.shape[-1]), self.k)
        shape = (*pre.shape[:-1], self.k)
        return values.relu().reshape(shape), indices.reshape(shape)


@dataclass(frozen=True)
class BatchTopK(_Rule):
    """k active latents on average, dealt out over the batch by size (Bussmann et al. 2024, arXiv:2412.06410).

    While training, the B * k largest relu pre-activations of a batch of B rows are kept. Afterwards a row must not
    depend on the others beside it, so a fixed threshold takes over: z = a * 1[a > threshold], a JumpReLU. `fit` sets
    it to the quantile of held-out pre-activations at which k latents are active on average.
    """

    k: int
    threshold: float | None = None

    def __post_init__(self) -> None:
        _check_k(self.k)

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width]; without a threshold yet, all rows are one batch."""
        if self.threshold is not None:
            return torch.where(pre > max(self.threshold, 0.0), pre, 0.0)
        flat = pre.reshape(-1)
        values, kept = flat.topk(self.k * (len(flat) // pre.shape[-1]), sorted=False)
        return torch.zeros_like(flat).scatter_(0, kept, values.relu()).view(pre.shape)


@dataclass(frozen=True)
class ReLU(_Rule):
    """z = relu(a), kept sparse by an L1 loss: the recipe of Anthropic's April 2024 update (Conerly et al. 2024).

    Loss: ||x - xh||^2 + l1 * sum_i z_i ||W_dec,i||, activations scaled so that E||x|| = sqrt(d), decoder rows free.

    Args:
        l1: weight of the L1 loss, reached by a linear ramp over the first twentieth of the training. More is sparser.
    """

    l1: float = 5.0

    def __post_init__(self) -> None:
        if not self.l1 >= 0:
            raise GlassbookError(f"l1 = {self.l1}: the weight of the L1 loss cannot be negative")

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width] of pre-activations."""
        return pre.relu()


@dataclass(frozen=True)
class JumpReLU(_Rule):
    """z = a * 1[a > theta], theta >= 0 learnt for each latent (Rajamanoharan et al. 2024, arXiv:2407.14435).

    Loss: the share of variance left + (L0 / l0 - 1)^2, a penalty whose knob is the number of active latents wanted.
    The step has no slope, so theta learns by the slope of a rectangle of width `bandwidth` around it (a
    straight-through estimate): dz/dtheta = -theta / bandwidth and d1[a > theta]/dtheta = -1 / bandwidth inside it.

    Args:
        l0: mean number of active latents that training steers to.
        bandwidth: width of the rectangle, in units where E||x||^2 = d (the papers' 0.001 is for E||x||^2 = 1).
    """

    l0: float = 32.0
    bandwidth: float = 0.5

    def __post_init__(self) -> None:
        if not (self.l0 > 0 and self.bandwidth > 0):
            raise GlassbookError(f"l0 = {self.l0}, bandwidth = {self.bandwidth}: both must be above 0")

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width] of pre-activations."""
        assert theta is not None
        return torch.where(pre > theta, pre, 0.0)


@dataclass(frozen=True)
class Gated(_Rule):
    """A gate decides which latents are active and a second bias how strongly (Rajamanoharan et al. 2024, 2404.16014).

    Only loaded and used, not learnt: pi = W_enc (x - b_dec) + b_enc and z = 1[pi > 0] relu(gain (pi - b_enc) + b_mag);
    `Dictionary.pre` gives the right-hand side, to which this rule applies.
    """

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width] of pre-activations."""
        return pre.relu()


BaseRule = TopK | BatchTopK | ReLU | JumpReLU


@dataclass(frozen=True)
class Matryoshka(_Rule):
    """A dictionary whose first latents are a dictionary too (Bussmann et al. 2025, arXiv:2503.17547).

    The loss is the mean of the reconstruction losses of nested prefixes of the latents.

    Args:
        inner: the rule over all latents.
        prefixes: sizes, rising; the last must be the dictionary's width.
    """

    inner: BaseRule
    prefixes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefixes", tuple(self.prefixes))
        if not self.prefixes or any(b <= a for a, b in zip((0, *self.prefixes), self.prefixes, strict=False)):
            raise GlassbookError(f"prefixes = {self.prefixes} must rise from 1 or more to the width")
        if isinstance(self.inner, (Matryoshka, Gated)):
            raise GlassbookError(f"prefixes go over TopK, BatchTopK, ReLU or JumpReLU, not {type(self.inner).__name__}")

    def dense(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Latents [..., width] of pre-activations."""
        return self.inner.dense(pre, theta)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latents as entries, by the inner rule."""
        return self.inner.sparse(pre, theta)


SparsityRule = BaseRule | Matryoshka | Gated
_NAMES = {rule.__name__: rule for rule in (TopK, BatchTopK, ReLU, JumpReLU, Matryoshka, Gated)}


def base_rule(rule: SparsityRule) -> BaseRule | Gated:
    """The rule over all latents: what a Matryoshka has inside, else the rule itself."""
    return rule.inner if isinstance(rule, Matryoshka) else rule


def with_base_rule(rule: SparsityRule, base: BaseRule) -> SparsityRule:
    """The same rule with another `base_rule`."""
    return replace(rule, inner=base) if isinstance(rule, Matryoshka) else base


def check_width(rule: SparsityRule, width: int) -> None:
    """Refuse a rule that a dictionary of `width` latents cannot have."""
    k = getattr(base_rule(rule), "k", 1)
    if width < k:
        raise GlassbookError(f"k = {k} but the dictionary has only {width} latents; choose a smaller k")
    if isinstance(rule, Matryoshka) and rule.prefixes[-1] != width:
        raise GlassbookError(f"the last prefix is {rule.prefixes[-1]} but the dictionary has {width} latents")


def describe(rule: SparsityRule) -> dict[str, Any]:
    """The rule as JSON data."""
    facts: dict[str, Any] = {"name": type(rule).__name__, **asdict(rule)}
    return facts | {"inner": describe(rule.inner)} if isinstance(rule, Matryoshka) else facts


def from_description(facts: dict[str, Any]) -> SparsityRule:
    """What `describe` wrote, as a rule again; KeyError or TypeError for anything else."""
    kind = _NAMES[facts["name"]]
    given: dict[str, Any] = {key: value for key, value in facts.items() if key != "name"}
    if kind is Matryoshka:
        given |= {"inner": from_description(given["inner"])}
    return kind(**given)


def largest(pre: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest entries of each row [n, width], unsorted: (values, indices), as `torch.topk`.

    The k largest entries lie in the k groups whose maxima are largest. Looking at the maxima of groups of four first,
    again and again, is about twice as fast on a CPU as one search through the row.
    """
    width = pre.shape[1]
    if width < k:
        raise GlassbookError(f"k = {k} but the dictionary has only {width} latents; choose a smaller k")
    quarter = width // 4
    if pre.is_cuda or width <= 256 or width % 4 or quarter <= k:
        return pre.topk(k, sorted=False)
    _, groups = largest(pre.view(-1, 4, quarter).amax(1), k)
    members = (groups[:, :, None] + torch.arange(0, width, quarter)).flatten(1)
    values, at = pre.gather(1, members).topk(k, sorted=False)
    return values, members.gather(1, at)


def _check_k(k: int) -> None:
    if k < 1:
        raise GlassbookError(f"k = {k}: at least one latent must be active")
