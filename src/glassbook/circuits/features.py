"""Circuits whose nodes are features of dictionaries, and at each site what its dictionary leaves unexplained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from glassbook.circuits.patching import line
from glassbook.circuits.task import Task, frozen
from glassbook.errors import GlassbookError
from glassbook.features import Coder
from glassbook.trace import At, allow_identity, trace

ERROR = -1
"""The number of a site's error node."""


@dataclass(frozen=True, eq=False)
class Part:
    """A site whose activations y are written as codes and an error: y = z W_dec + b_dec + error.

    Args:
        coder: a dictionary, or a transcoder.
        site: what it reconstructs.
        reads: what a transcoder reads, if that is another site.
    """

    coder: Coder
    site: str
    reads: str | None = None

    @property
    def source(self) -> str:
        """The site whose activations are encoded."""
        return self.reads or self.site

    def nodes(self, read: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Codes [B, T, F] and error [B, T, d] of what was read."""
        z = self.coder.encode(read[self.source])
        return z, read[self.site] - self.coder.decode(z)

    def weigh(self, slope: Tensor, z: Tensor, error: Tensor) -> Tensor:
        """What changes z [B, T, F] and error [B, T, d] are worth by a metric's slope [B, T, d] at the site: [B, F + 1].

        Summed over positions; the error comes last.
        """
        by_feature = torch.einsum("btd,btf,fd->bf", slope, z, self.coder.W_dec.detach())
        return torch.cat([by_feature, (slope * error).sum((1, 2))[:, None]], 1)


class Node(NamedTuple):
    """A feature of the part at a site, or its error (-1)."""

    site: str
    feature: int


class Edge(NamedTuple):
    """What one node does to the metric through another of the next part."""

    source: Node
    target: Node
    effect: float


@torch.no_grad()
def feature_effects(model: nn.Module, task: Task, parts: Sequence[Part], steps: int = 10) -> FeatureCircuit:
    """What each feature, and each error, does to the metric: (clean - dirty) . slope, by integrated gradients.

    Args:
        model: any module with activations [B, T, d] at the sites.
        task: the pairs.
        parts: in the order of the forward pass.
        steps: points of the line from dirty to clean at each site; 0 for the slope at the dirty run alone.

    Returns:
        The circuit of all nodes. The effects of a site add up to what patching the whole site brings back (within
        1 % at ten steps, where the model is smooth).

    Source: Marks et al. 2024, arXiv:2403.19647; transcoders: Dunefsky et al. 2024, arXiv:2406.11944.
    """
    sites = [part.site for part in parts]
    if not parts or len(set(sites)) != len(sites):
        raise GlassbookError("a feature circuit needs at least one part, and no two of one site")
    clean, dirty = (_nodes(model, parts, inputs) for inputs in (task.clean, task.dirty))
    slopes = line(model, task, sites, steps).slopes
    effects = [
        part.weigh(slopes[part.site], z1 - z0, e1 - e0).mean(0)
        for part, (z1, e1), (z0, e0) in zip(parts, clean, dirty, strict=True)
    ]
    kept = [torch.ones_like(x, dtype=torch.bool) for x in effects]
    return FeatureCircuit(model, task, list(parts), effects, kept)


@dataclass(frozen=True, eq=False)
class FeatureCircuit:
    """Some nodes of a feature graph; what is not kept is as in the dirty run.

    `dataclasses.replace(circuit, task=...)` measures the same nodes on other pairs.

    Attributes:
        effects: for each part [F + 1], the estimated effect of its features, and of its error last.
        kept: for each part bool [F + 1].
    """

    model: nn.Module
    task: Task
    parts: list[Part]
    effects: list[Tensor]
    kept: list[Tensor]

    def __len__(self) -> int:
        return sum(int(k.sum()) for k in self.kept)

    @property
    def nodes(self) -> list[Node]:
        """The nodes kept, in the order of the parts."""
        return [
            Node(part.site, i if i < part.coder.width else ERROR)
            for part, kept in zip(self.parts, self.kept, strict=True)
            for i in kept.nonzero().flatten().tolist()
        ]

    def top(self, n: int, errors: bool = True) -> FeatureCircuit:
        """The n features of each part with the largest effects, with the errors or without them."""
        kept = []
        for part, effect in zip(self.parts, self.effects, strict=True):
            if not 0 <= n <= part.coder.width:
                raise GlassbookError(f"{n} features of a dictionary of {part.coder.width}: choose no more than it has")
            keep = torch.zeros_like(effect, dtype=torch.bool)
            keep[effect[:-1].abs().topk(n).indices] = True
            keep[-1] = errors
            kept.append(keep)
        return replace(self, kept=kept)

    def without(self, node: Node) -> FeatureCircuit:
        """The same less one node."""
        kept = [k.clone() for k in self.kept]
        for part, keep in zip(self.parts, kept, strict=True):
            if part.site == node.site:
                keep[node.feature] = False
        return replace(self, kept=kept)

    @torch.no_grad()
    def metric(self) -> float:
        """The metric on the clean inputs with every node that is not kept as in the dirty run."""
        return self._measured(_nodes(self.model, self.parts, self.task.dirty))

    @torch.no_grad()
    def faithfulness(self) -> float:
        """0 where no node is kept, 1 where all are."""
        dirty = _nodes(self.model, self.parts, self.task.dirty)
        none, whole = self._ends(dirty)
        return (self._measured(dirty) - none) / (whole - none)

    @torch.no_grad()
    def verify(self) -> dict[Node, float]:
        """What taking each kept node out loses of the faithfulness, exactly: one run a node."""
        dirty = _nodes(self.model, self.parts, self.task.dirty)
        (none, whole), own = self._ends(dirty), self._measured(dirty)
        return {node: (own - self.without(node)._measured(dirty)) / (whole - none) for node in self.nodes}

    def edges(self) -> list[Edge]:
        """What each kept node does through each kept feature of the next part, by slopes at the clean run."""
        found = []
        with frozen(self.model):
            for i in range(1, len(self.parts)):
                found += self._edges_into(i)
        return sorted(found, key=lambda edge: -abs(edge.effect))

    def _ends(self, dirty: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
        """The metric with no node kept, and that of the plain clean run."""
        none = replace(self, kept=[torch.zeros_like(k) for k in self.kept])
        return none._measured(dirty), float(self.task.score(self.model, self.task.clean).mean())

    def _measured(self, dirty: list[tuple[Tensor, Tensor]]) -> float:
        edits = {}
        for part, kept, (z, error) in zip(self.parts, self.kept, dirty, strict=True):
            write = _Instead(part, kept, z, error)
            if part.reads:
                edits[part.reads] = allow_identity(write.encode)
            edits[part.site] = allow_identity(write)
        with trace(self.model, edit=edits):
            return float(self.task.score(self.model, self.task.clean).mean())

    def _edges_into(self, i: int) -> list[Edge]:
        before, part = self.parts[i - 1], self.parts[i]
        targets = [n.feature for n in self.nodes if n.site == part.site and n.feature != ERROR]
        sources = [n for n in self.nodes if n.site == before.site]
        sites = list(dict.fromkeys((before.site, before.source, part.site, part.source)))
        ((z0, e0),) = _nodes(self.model, [before], self.task.dirty)
        with trace(self.model, read=sites, edit={before.site: allow_identity(_leaf)}, grad=True) as t:
            score = self.task.score(self.model, self.task.clean).sum()
            z, _ = part.nodes({site: t[site] for site in t.sites})
            (at_target,) = torch.autograd.grad(score, t[part.site], retain_graph=True)
            with torch.no_grad():
                z1, e1 = before.nodes({site: t[site].detach() for site in t.sites})
            weight = at_target @ part.coder.W_dec.T  # of each feature, [B, T, F]
            found = []
            for k in targets:
                through = (weight[..., k].detach() * z[..., k]).sum()
                (slope,) = torch.autograd.grad(through, t[before.site], retain_graph=True)
                effect = before.weigh(slope, z1 - z0, e1 - e0).mean(0).tolist()
                found += [Edge(node, Node(part.site, k), effect[node.feature]) for node in sources]
        return found


class _Instead:
    """The edit that sets what is not kept as in another run."""

    def __init__(self, part: Part, kept: Tensor, z: Tensor, error: Tensor) -> None:
        self.part, self.kept, self.z, self.error = part, kept, z, error
        self.own: Tensor | None = None

    def encode(self, x: Tensor, at: At) -> Tensor:
        """At the site that a transcoder reads: note its codes."""
        self.own = self.part.coder.encode(x)
        return x

    def __call__(self, y: Tensor, at: At) -> Tensor:
        z = self.own if self.own is not None else self.part.coder.encode(y)
        new = y + torch.where(self.kept[:-1], 0.0, self.z - z) @ self.part.coder.W_dec
        return new if self.kept[-1] else new + self.error - (y - self.part.coder.decode(z))


@torch.no_grad()
def _nodes(model: nn.Module, parts: Sequence[Part], inputs: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    sites = list(dict.fromkeys(site for part in parts for site in (part.site, part.source)))
    with trace(model, read=sites) as t:
        model(**inputs)
    return [part.nodes({site: t[site] for site in t.sites}) for part in parts]


def _leaf(x: Tensor, at: At) -> Tensor:
    """Gradients end here."""
    return x.detach().requires_grad_()
