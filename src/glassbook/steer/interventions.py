"""Interventions besides adding a vector: feature clamping, directional ablation, conditional steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.steer.edit import Change, positions
from glassbook.steer.extract import FeatureCoder, read
from glassbook.steer.vector import Vector
from glassbook.trace import At


@dataclass(frozen=True, eq=False)
class Clamp:
    """Feature clamping: features of a dictionary set to values at a site; give it to `steer`.

    The reconstruction error is left in place: x + (value - latent) * direction, so features that have their values
    already change nothing.

    Args:
        coder: the dictionary; see `glassbook.features`.
        values: feature -> value.
        site: the site that the dictionary was trained on.

    Source: Templeton et al. 2024, "Scaling monosemanticity", feature steering.
    """

    coder: FeatureCoder
    values: Mapping[int, float]
    site: str

    def __post_init__(self) -> None:
        if not self.values:
            raise GlassbookError("there is no feature to clamp; give {feature: value}")
        if getattr(self.coder, "per_token", False):
            raise GlassbookError(
                "the dictionary norms each activation by itself, so a value of its features means another length at "
                "each token; add a feature's direction instead of clamping it"
            )
        for i in self.values:
            self.coder.direction(i)  # raises if there is no feature i

    def changes(self) -> dict[str, tuple[Tensor, Change]]:
        """At its site: the features' directions, and the change that moves x along them to their values."""
        index = list(self.values)
        values = torch.tensor([self.values[i] for i in index])

        def change(x: Tensor, rows: Tensor) -> Tensor:
            latents = self.coder.encode(x.float())[..., index]
            return x + (values.to(x) - latents.to(x.dtype)) @ rows

        return {self.site: (torch.stack([self.coder.direction(i) for i in index]), change)}


@dataclass(frozen=True, eq=False)
class Ablate:
    """Directional ablation: x - (x . u) u at the sites of a direction; give it to `steer`.

    Args:
        vectors: the directions; those of one site are ablated together, as the subspace that they span.

    Source: Arditi et al. 2024, "Refusal in language models is mediated by a single direction", arXiv:2406.11717.
    """

    vectors: tuple[Vector, ...]

    def __init__(self, *vectors: Vector) -> None:
        if not vectors or any(v.positional for v in vectors):
            raise GlassbookError("only directions can be ablated; give at least one, and none that is positional")
        object.__setattr__(self, "vectors", vectors)

    def changes(self) -> dict[str, tuple[Tensor, Change]]:
        """At each site: an orthonormal basis of the ablated subspace, and the change that projects it out."""
        rows: dict[str, list[Tensor]] = {}
        for v in self.vectors:
            for site, row in v.unit().rows.items():
                rows.setdefault(site, []).append(row)
        changes: dict[str, tuple[Tensor, Change]] = {}
        for site, directions in rows.items():
            _, s, vh = torch.linalg.svd(torch.cat(directions), full_matrices=False)
            changes[site] = vh[s > 1e-5 * s.max()], lambda x, u: x - (x @ u.T) @ u
        return changes


@dataclass(eq=False)
class When:
    """Conditional steering: only rows whose prompt lies along a direction; give it to `steer(..., when=...)`.

    A row is steered if the mean cosine between its prompt's activations and the direction is above the threshold. That
    is decided when the prompt is read and stays for the row's new tokens. The first `skip` positions do not count: at
    position 0, be it BOS or a word, activations are unlike all others (an attention sink) and the same in every
    prompt. A prompt of no more tokens has the value 0.

    Args:
        v: the condition, a direction at one site, which the model reaches no later than where it is steered.
        above: the threshold; see `threshold`.
        skip: first positions of each prompt that are left out; 0 counts all, for a model without BOS whose prompts are
            short.

    Attributes:
        values: the mean cosines [B] of the last prompts.

    Source: Lee et al. 2024, "Programming refusal with conditional activation steering", arXiv:2409.05907, which
    compares h with tanh of its projection instead.
    """

    v: Vector
    above: float
    skip: int = 1
    values: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if len(self.v.sites) != 1 or self.v.positional:
            raise GlassbookError("a condition is one direction at one site")
        _check_skip(self.skip)

    @property
    def site(self) -> str:
        """Where the condition is read."""
        return self.v.sites[0]

    def watch(self, x: Tensor, at: At) -> Tensor:
        """The edit that reads the condition; it changes nothing."""
        if at.phase == "prefill":
            pos, real, _ = positions(x, at)
            self.values = _mean_cosine(x, self.v.rows[self.site][0], real & (pos >= self.skip))
        return x

    def open(self, at: At) -> Tensor:
        """[B]: which rows are steered."""
        if self.values is None:
            raise GlassbookError(
                f"{at.site} is steered before the condition at {self.site} is read; read it at an earlier site"
            )
        return self.values > self.above


def threshold(lm: LanguageModel, v: Vector, steered: Sequence[str], others: Sequence[str], skip: int = 1) -> float:
    """The threshold of `When` that separates two lists of prompts with the fewest errors.

    Args:
        lm: the model.
        v: the condition.
        steered: prompts that should be steered.
        others: prompts that should not.
        skip: first positions of each prompt that are left out, as in `When`.

    Returns:
        The midpoint of the two neighbouring values.
    """
    _check_skip(skip)
    [site] = v.sites
    values, labels = [], []
    for texts, label in ((steered, True), (others, False)):
        inputs = lm.batch(list(texts), pad="right")
        mask = inputs["attention_mask"].bool()
        mask[:, :skip] = False
        values.append(_mean_cosine(read(lm, inputs, [site])[site], v.rows[site][0], mask).cpu())
        labels.append(torch.full((len(texts),), label))
    value, label = torch.cat(values), torch.cat(labels)
    edges = torch.cat([value, value.min()[None] - 1e-3, value.max()[None] + 1e-3]).sort().values
    cuts = (edges[1:] + edges[:-1]) / 2
    errors = ((value > cuts[:, None]) != label).sum(1)
    return float(cuts[errors.argmin()])


def _check_skip(skip: int) -> None:
    if skip < 0:
        raise GlassbookError(f"skip={skip}: a condition leaves out 0 or more first positions")


def _mean_cosine(x: Tensor, direction: Tensor, mask: Tensor) -> Tensor:
    """[B]: over the tokens of a mask [B, T]; 0 where there are none."""
    cosine = cosine_similarity(x.float(), direction.to(x.device).float(), dim=-1) * mask
    return cosine.sum(1) / mask.sum(1).clamp(min=1)
