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
        here = on.nonzero(as_tuple=True)
        some = torch.randn(len(here[0]), generator=generator) * self.spread[here[1]] + self.strength[here[1]]
        s = torch.zeros(n, features).index_put_(here, some.relu_())
        draw = torch.zeros(n, features).index_put_(here, torch.rand(len(some), generator=generator))
        for level in self.forest.levels:
            # One of the siblings that want to be on, at random, and only below a parent that is.
            up, kids = self.forest.parent[level[:, 0]], slice(int(level[0, 0]), int(level[-1, -1]) + 1)
            wish = draw[:, kids].view(n, *level.shape)
            first = wish == wish.amax(2, keepdim=True).clamp_(min=1e-30)
            s[:, kids].view(n, *level.shape).mul_(first * (s[:, up] / self.strength[up])[:, :, None])
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
    wanted = (least + (most - least) * falling)[_frequent_first(forest, features, generator)]
    # A child that is on only below its parent, and instead of its siblings, has to want it more often.
    asked = wanted.clone()
    for level in forest.levels:
        given = (wanted[level] / wanted[forest.parent[level]]).clamp(max=0.95)
        crowd = given.sum(1, keepdim=True).clamp(min=1.0)
        asked[level] = _alone(given / crowd)
        wanted[level] = given / crowd * wanted[forest.parent[level]]
    factors = correlation * torch.randn(features, rank, generator=generator)
    factors /= factors.norm(dim=1, keepdim=True).clamp(min=1.0) / 0.95
    threshold = -torch.special.ndtri(asked.clamp(1e-6, 1 - 1e-6))
    strength = torch.linspace(5.0, 4.0, features)[wanted.argsort(descending=True).argsort()]
    spread = (0.5 + 0.5 * torch.randn(features, generator=generator)).abs()
    bias = 0.5 * torch.randn(d, generator=generator) / d**0.5 * 5
    return NestedWorld(directions, wanted, strength, spread, forest, threshold, factors, bias)


def _alone(given: Tensor) -> Tensor:
    """How often each sibling must want to be on [n, branching] for one chosen among the willing to be on `given`.

    The chosen one of m willing is each with probability 1 / m; a few steps of fixed-point iteration find the rates.
    """
    ask = given.clone()
    for _ in range(50):
        none = (1 - ask).prod(1, keepdim=True)
        # P(i on) is near ask_i * (chance that somebody is on) / (expected number of the willing).
        got = ask * (1 - none) / ask.sum(1, keepdim=True).clamp(min=1e-12)
        ask = (ask * given / got.clamp(min=1e-12)).clamp(max=0.999)
    return ask


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
    for _ in range(steps):
        overlap = (v @ v.T).fill_diagonal_(0.0)
        v = normalize(v - rate * overlap @ v, dim=1)
    return v
