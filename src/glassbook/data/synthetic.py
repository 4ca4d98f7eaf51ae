"""Synthetic activations as hard as those of language models, with a known truth: rare, nested and correlated features.

A scaled SynthSAEBench (Chanin and Garriga-Alonso 2026, arXiv:2602.14687): frequencies fall like Zipf's law, features
stand in trees (a child is on only if its parent is, and at most one of some siblings), and which are on together is
correlated. More features than dimensions, and more than a dictionary of sensible width has latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from glassbook.errors import GlassbookError


class Forest(NamedTuple):
    """Trees of features. The roots come first, then level by level.

    Attributes:
        parent: [features], -1 for roots and for features outside every tree.
        levels: for each level below the roots the features there, siblings beside each other: [n, branching].
    """

    parent: Tensor
    levels: tuple[Tensor, ...]


@dataclass(frozen=True)
class NestedWorld:
    """Activations x = s D + bias with a hierarchy in the strengths s.

    Attributes:
        directions: D, [features, d] unit vectors, nearly orthogonal.
        probabilities: [features], how often each is on.
        strength: [features], mean strength when on.
        spread: [features], standard deviation of the strength.
        forest: which features are children of which.
        threshold: [features], of the correlated normal variables that turn features on.
        factors: [features, rank], what those variables share.
        bias: [d].
    """

    directions: Tensor
    probabilities: Tensor
    strength: Tensor
    spread: Tensor
    forest: Forest
    threshold: Tensor
    factors: Tensor
    bias: Tensor

    def sample(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """`n` samples: strengths [n, features], 0 where a feature is off, and the activations [n, d]."""
        features, rank = self.factors.shape
        shared = torch.randn(n, rank, generator=generator) @ self.factors.T
        own = (1 - self.factors.square().sum(1)).sqrt()
        on = torch.randn(n, features, generator=generator).mul_(own).add_(shared) > self.threshold
        # Everything else is drawn for the few that are on.
        active = on.nonzero(as_tuple=True)
        values = torch.randn(len(active[0]), generator=generator) * self.spread[active[1]] + self.strength[active[1]]
        s = torch.zeros(n, features).index_put_(active, values.relu_())
        draw = torch.zeros(n, features).index_put_(active, torch.rand(len(values), generator=generator))
        for level in self.forest.levels:
            # One of the siblings that were proposed, at random, and only below a parent that is on.
            parent, children = self.forest.parent[level[:, 0]], slice(int(level[0, 0]), int(level[-1, -1]) + 1)
            priority = draw[:, children].view(n, *level.shape)
            first = priority == priority.amax(2, keepdim=True).clamp_(min=1e-30)
            s[:, children].view(n, *level.shape).mul_(first * (s[:, parent] / self.strength[parent])[:, :, None])
        return s, s @ self.directions + self.bias


def nested_world(
    features: int = 2048,
    d: int = 256,
    *,
    roots: int = 16,
    branching: int = 4,
    depth: int = 3,
    most: float = 0.4,
    least: float = 5e-3,
    rank: int = 25,
    correlation: float = 0.1,
    generator: torch.Generator,
) -> NestedWorld:
    """A world of nested features, by default an eighth of the published one in features and a third in dimensions.

    Args:
        features: number of true directions.
        d: dimensions they share.
        roots: trees.
        branching: children of a feature.
        depth: levels below the roots.
        most: how often the commonest feature would be on by itself.
        least: how often the rarest would.
        rank: number of hidden causes that features share.
        correlation: standard deviation of the share of each cause in each feature.
        generator: of the world, not of its samples.

    Raises:
        GlassbookError: the trees need more features than there are.
    """
    forest = _forest(features, roots, branching, depth)
    directions = _spread_out(normalize(torch.randn(features, d, generator=generator), dim=1))
    falling = torch.arange(1, features + 1, dtype=torch.float32) ** -0.5
    falling = (falling - falling[-1]) / (falling[0] - falling[-1])
    marginal = (least + (most - least) * falling)[_frequent_first(forest, features, generator)]
    # A child is on only below its parent, and instead of its siblings, so it has to be proposed more often.
    proposal = marginal.clone()
    for level in forest.levels:
        conditional = (marginal[level] / marginal[forest.parent[level]]).clamp(max=0.95)
        conditional = conditional / conditional.sum(1, keepdim=True).clamp(min=1.0)
        proposal[level] = _proposal_rates(conditional)
        marginal[level] = conditional * marginal[forest.parent[level]]
    factors = correlation * torch.randn(features, rank, generator=generator)
    factors /= factors.norm(dim=1, keepdim=True).clamp(min=1.0) / 0.95
    threshold = -torch.special.ndtri(proposal.clamp(1e-6, 1 - 1e-6))
    strength = torch.linspace(5.0, 4.0, features)[marginal.argsort(descending=True).argsort()]
    spread = (0.5 + 0.5 * torch.randn(features, generator=generator)).abs()
    bias = 0.5 * torch.randn(d, generator=generator) / d**0.5 * 5
    return NestedWorld(directions, marginal, strength, spread, forest, threshold, factors, bias)


def _proposal_rates(wanted: Tensor) -> Tensor:
    """How often each sibling must be proposed [n, branching] so that the one chosen of those proposed is it `wanted`.

    Each of m proposed siblings is chosen with probability 1 / m; a few steps of fixed-point iteration find the rates.
    """
    rate = wanted.clone()
    for _ in range(50):
        none = (1 - rate).prod(1, keepdim=True)
        # P(i chosen) is near rate_i * (chance that any is proposed) / (expected number of proposed).
        chosen = rate * (1 - none) / rate.sum(1, keepdim=True).clamp(min=1e-12)
        rate = (rate * wanted / chosen.clamp(min=1e-12)).clamp(max=0.999)
    return rate


def _forest(features: int, roots: int, branching: int, depth: int) -> Forest:
    parent = torch.full((features,), -1)
    levels, above, start = [], torch.arange(roots), roots
    for _ in range(depth):
        level = torch.arange(start, start + len(above) * branching).view(-1, branching)
        if start + level.numel() > features:
            raise GlassbookError(f"the trees have more than {features} features; choose fewer roots or more features")
        parent[level] = above[:, None]
        levels.append(level)
        above, start = level.flatten(), start + level.numel()
    return Forest(parent, tuple(levels))


def _frequent_first(forest: Forest, features: int, generator: torch.Generator) -> Tensor:
    """A random rank of frequency for each feature, such that a parent is more frequent than its children."""
    rank = torch.randperm(features, generator=generator)
    if forest.levels:
        roots = forest.parent[forest.levels[0]][:, :1]
        trees = torch.cat([roots, *(level.reshape(len(roots), -1) for level in forest.levels)], 1)
        rank[trees] = rank[trees].sort(1).values  # read level by level, a sorted list is a heap
    return rank


def _spread_out(directions: Tensor, steps: int = 20, rate: float = 0.05) -> Tensor:
    """Push unit vectors apart: gradient steps on the sum of their squared cosines."""
    v = directions
    # The curvature grows with how many share a dimension; larger steps would throw all of them onto one line.
    rate = min(rate, 0.5 * v.shape[1] / len(v))
    for _ in range(steps):
        overlap = (v @ v.T).fill_diagonal_(0.0)
        v = normalize(v - rate * overlap @ v, dim=1)
    return v
