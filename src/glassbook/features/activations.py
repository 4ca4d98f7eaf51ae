"""Code rules: which latents a row of pre-activations turns on. Small frozen values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.features.coder import entries


@dataclass(frozen=True)
class TopK:
    """z = relu(the k largest pre-activations of each row), else 0 (Gao et al. 2024, arXiv:2406.04093)."""

    k: int

    def __post_init__(self) -> None:
        _check_k(self.k)

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of pre-activations [..., width]."""
        values, indices = self.sparse(pre)
        return torch.zeros_like(pre).scatter_(-1, indices, values)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., k] each, in no particular order."""
        values, indices = largest(pre.reshape(-1, pre.shape[-1]), self.k)
        shape = (*pre.shape[:-1], self.k)
        return values.relu().reshape(shape), indices.reshape(shape)


@dataclass(frozen=True)
class BatchTopK:
    """k active latents on average, dealt out over the batch by size (Bussmann et al. 2024, arXiv:2412.06410).

    While training, the B * k largest relu pre-activations of a batch of B rows are kept. Afterwards a row must not
    depend on the others beside it, so a fixed threshold takes over: z = a * 1[a > threshold], a JumpReLU. `fit` sets
    it to the quantile of held-out pre-activations at which k latents are active on average.
    """

    k: int
    threshold: float | None = None

    def __post_init__(self) -> None:
        _check_k(self.k)

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of pre-activations [..., width]; without a threshold yet, those of all rows as one batch."""
        if self.threshold is not None:
            return torch.where(pre > max(self.threshold, 0.0), pre, 0.0)
        flat = pre.reshape(-1)
        values, kept = flat.topk(self.k * (len(flat) // pre.shape[-1]), sorted=False)
        return torch.zeros_like(flat).scatter_(0, kept, values.relu()).view(pre.shape)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        return entries(self.codes(pre))


@dataclass(frozen=True)
class ReLU:
    """z = relu(a), kept sparse by an L1 loss: the recipe of Anthropic's April 2024 update (Conerly et al. 2024).

    Loss: ||x - xh||^2 + l1 * sum_i z_i ||W_dec,i||, activations scaled so that E||x|| = sqrt(d), decoder rows free.

    Args:
        l1: weight of the L1 loss, reached by a linear ramp over the first twentieth of the training. More is sparser.
    """

    l1: float = 5.0

    def __post_init__(self) -> None:
        if not self.l1 >= 0:
            raise GlassbookError(f"l1 = {self.l1}: the weight of the L1 loss cannot be negative")

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of pre-activations [..., width]."""
        return pre.relu()

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        return entries(self.codes(pre))


@dataclass(frozen=True)
class JumpReLU:
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

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of pre-activations [..., width] under thresholds theta [width]."""
        assert theta is not None
        return torch.where(pre > theta, pre, 0.0)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        return entries(self.codes(pre, theta))


@dataclass(frozen=True)
class Gated:
    """A gate decides which latents are active and a second bias how strongly (Rajamanoharan et al. 2024, 2404.16014).

    Only loaded and used, not learnt: pi = W_enc (x - b_dec) + b_enc and z = 1[pi > 0] relu(gain (pi - b_enc) + b_mag);
    `Dictionary.pre` gives the right-hand side, of which these are the codes.
    """

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of gated magnitudes [..., width]."""
        return pre.relu()

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each with m the largest number active in a row; spare entries have value 0."""
        return entries(self.codes(pre))


Rule = TopK | BatchTopK | ReLU | JumpReLU


@dataclass(frozen=True)
class Matryoshka:
    """A dictionary whose first latents are a dictionary too (Bussmann et al. 2025, arXiv:2503.17547).

    The loss is the mean of the reconstruction losses of nested prefixes of the latents, all cut from one code.

    Args:
        inner: the rule of that code.
        prefixes: sizes, rising; the last must be the dictionary's width.
    """

    inner: Rule
    prefixes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefixes", tuple(self.prefixes))
        if not self.prefixes or any(b <= a for a, b in zip((0, *self.prefixes), self.prefixes, strict=False)):
            raise GlassbookError(f"prefixes = {self.prefixes} must rise from 1 or more to the width")
        if isinstance(self.inner, (Matryoshka, Gated)):
            raise GlassbookError(f"prefixes go over TopK, BatchTopK, ReLU or JumpReLU, not {type(self.inner).__name__}")

    def codes(self, pre: Tensor, theta: Tensor | None = None) -> Tensor:
        """Dense codes of pre-activations [..., width], by the inner rule over all latents."""
        return self.inner.codes(pre, theta)

    def sparse(self, pre: Tensor, theta: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(values, indices), [..., m] each; spare entries have value 0."""
        return self.inner.sparse(pre, theta)


Code = Rule | Matryoshka | Gated
_NAMES = {code.__name__: code for code in (TopK, BatchTopK, ReLU, JumpReLU, Matryoshka, Gated)}


def rule(code: Code) -> Rule | Gated:
    """The rule that makes the codes: what a Matryoshka has inside, else the code itself."""
    return code.inner if isinstance(code, Matryoshka) else code


def with_rule(code: Code, inner: Rule) -> Code:
    """The same code with another rule inside."""
    return replace(code, inner=inner) if isinstance(code, Matryoshka) else inner


def check_width(code: Code, width: int) -> None:
    """Refuse a code that a dictionary of `width` latents cannot have."""
    k = getattr(rule(code), "k", 1)
    if width < k:
        raise GlassbookError(f"k = {k} but the dictionary has only {width} latents; choose a smaller k")
    if isinstance(code, Matryoshka) and code.prefixes[-1] != width:
        raise GlassbookError(f"the last prefix is {code.prefixes[-1]} but the dictionary has {width} latents")


def describe(code: Code) -> dict[str, Any]:
    """The code as JSON data."""
    facts: dict[str, Any] = {"name": type(code).__name__, **asdict(code)}
    return facts | {"inner": describe(code.inner)} if isinstance(code, Matryoshka) else facts


def from_description(facts: dict[str, Any]) -> Code:
    """What `describe` wrote, as a code again; KeyError or TypeError for anything else."""
    kind = _NAMES[facts["name"]]
    known = {field.name for field in fields(kind)}
    given: dict[str, Any] = {key: value for key, value in facts.items() if key != "name"}
    if set(given) - known:
        raise TypeError(f"{facts['name']} has no {', '.join(sorted(set(given) - known))}")
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
