"""Edge attribution patching, and the circuits that it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from glassbook.circuits.graph import READS, Graph, Reader, Writer
from glassbook.circuits.task import Task, frozen
from glassbook.errors import GlassbookError
from glassbook.trace import allow_identity, trace


def edge_scores(graph: Graph, task: Task, steps: int = 5) -> Tensor:
    """What cutting each edge does to the metric, estimated: (dirty - clean of the writer) . slope at the reader.

    Args:
        graph: of the model.
        task: the pairs; the mean over rows is taken.
        steps: 1 for the slope at the clean run (EAP); more for its mean over runs whose embeddings lie between the
            dirty and the clean ones (EAP-IG, inputs), by the midpoint rule.

    Returns:
        [readers, writers], 0 where there is no edge. Negative: cutting it lowers the metric.

    Source: Syed et al. 2023, arXiv:2310.10348; Hanna et al. 2024, arXiv:2403.17806.
    """
    if steps < 1:
        raise GlassbookError(f"steps is {steps}; give at least 1")
    dirty, clean = graph.writes(task.dirty), graph.writes(task.clean)
    missing = dirty - clean
    points = [clean[0]] if steps == 1 else [dirty[0] - (k + 0.5) / steps * missing[0] for k in range(steps)]
    total = torch.zeros(len(graph.readers), len(graph.writers), device=missing.device)
    with frozen(graph.model):
        for point in points:
            for row, slope in _slopes(graph, task, point):
                total[row : row + len(slope)] += torch.einsum("vbtd,ubtd->vu", slope, missing)
    return (total / (len(points) * missing.shape[1])).cpu() * graph.edges


def _slopes(graph: Graph, task: Task, embedding: Tensor):
    """(first reader, slopes [readers, B, T, d]): the metric's gradient at what each reader reads, in one run.

    A reader's own slope is what comes back through its queries, keys, values or MLP alone, so it is taken behind the
    norm and pulled back through it.
    """
    r, n = graph.roles, graph.roles.n_layers
    made = {(kind, layer): graph.projection(layer, kind)[0] for kind in READS for layer in graph.layers}
    normed = [f"{name}.{graph.family.norm2}.out" for name in r.names]
    streams = [role for layer in graph.layers for role in (f"resid.{layer}.in", f"resid.{layer}.mid")]
    last = f"resid.{n - 1}.out"
    sites = [*dict.fromkeys(made.values()), *normed, *(r[role] for role in streams), r[last]]
    start = allow_identity(lambda x, at: embedding)
    with trace(graph.model, read=sites, edit={r["resid.0.in"]: start}, grad=True) as t:
        task.score(graph.model, task.clean).sum().backward()
    row = 0
    for layer in graph.layers:
        slopes = []
        for kind in READS:
            _, weight, _, columns = graph.projection(layer, kind)
            back = t.grad[made[kind, layer]][..., columns].unflatten(-1, (graph.count(kind), -1))
            slopes.append(torch.einsum("bthk,dhk->hbtd", back, weight.to(back).unflatten(1, (graph.count(kind), -1))))
        stream = t[r[f"resid.{layer}.in"]]
        yield row, _through(graph.norm(Reader(layer, "q")), stream, torch.cat(slopes))
        row += sum(map(len, slopes))
        yield row, _through(graph.norm(Reader(layer, "mlp")), t[r[f"resid.{layer}.mid"]], t.grad[normed[layer]][None])
        row += 1
    yield row, t.grad[r[last]][None]


def _through(norm: torch.nn.Module, x: Tensor, back: Tensor) -> Tensor:
    """Gradients [n, B, T, d] behind a norm of x [B, T, d], pulled back to before it."""
    with torch.enable_grad():
        copies = x.detach().expand_as(back).clone().requires_grad_()
        return torch.autograd.grad(norm(copies), copies, back)[0]


@dataclass(frozen=True)
class Circuit:
    """Some of a graph's edges.

    Args:
        graph: of the model.
        kept: bool [readers, writers].
    """

    graph: Graph
    kept: Tensor

    @classmethod
    def top(cls, graph: Graph, scores: Tensor, n: int) -> Circuit:
        """The n edges with the largest absolute scores, less those that lead nowhere."""
        if not 0 <= n <= len(graph):
            raise GlassbookError(f"a circuit of {n} edges: choose 0 to {len(graph)}")
        kept = torch.zeros_like(graph.edges)
        best = scores.abs().masked_fill(~graph.edges, -1.0).flatten().topk(n).indices
        kept.view(-1)[best] = True
        return cls(graph, kept).connected()

    def __len__(self) -> int:
        return int(self.kept.sum())

    @property
    def edges(self) -> list[tuple[Writer, Reader]]:
        """The edges kept, in the order of the forward pass."""
        return [(self.graph.writers[u], self.graph.readers[v]) for v, u in self.kept.nonzero().tolist()]

    def connected(self) -> Circuit:
        """Without edges into a writer that reads nothing, or out of one that nothing reads."""
        joins, kept = self.graph.joins, self.kept
        while True:
            fed = ~joins.any(0) | (joins & kept.any(1)[:, None]).any(0)  # writers that read something, or never do
            heard = ~joins.any(1) | (joins & kept.any(0)).any(1)  # readers for a writer that is read, and the logits
            less = kept & fed & heard[:, None]
            if less.equal(kept):
                return replace(self, kept=kept)
            kept = less

    def run(self, task: Task) -> Tensor:
        """The metric [B] when only these edges carry the clean run; all others carry the dirty one."""
        return self.graph.run(task, self.graph.edges & ~self.kept)

    def faithfulness(self, task: Task) -> float:
        """How much of the metric's difference the circuit alone keeps up: 1 for the whole graph, 0 for none of it."""
        clean, dirty = task.ends(self.graph.model)
        return float((self.run(task).mean() - dirty.mean()) / (clean.mean() - dirty.mean()))

    def verify(self, task: Task) -> dict[tuple[Writer, Reader], float]:
        """For each edge: the share of the metric's difference that is lost when it is cut too, exactly."""
        clean, dirty = task.ends(self.graph.model)
        base, writes = self.run(task).mean(), self.graph.writes(task.dirty)
        lost = {}
        for v, u in self.kept.nonzero().tolist():
            cut = self.graph.edges & ~self.kept
            cut[v, u] = True
            without = self.graph.run(task, cut, writes).mean()
            lost[self.graph.writers[u], self.graph.readers[v]] = float((base - without) / (clean - dirty).mean())
        return lost

    def pruned(self, task: Task, least: float = 0.01) -> Circuit:
        """Without the edges whose cut from the circuit moves the metric by less than `least` of the difference."""
        kept = self.kept.clone()
        for edge, lost in self.verify(task).items():
            if abs(lost) < least:
                kept[self.graph.index(edge)] = False
        return replace(self, kept=kept).connected()


def faithfulness_curve(graph: Graph, scores: Tensor, task: Task, sizes: Sequence[int]) -> dict[int, float]:
    """Faithfulness of the top n edges, for each n."""
    return {n: Circuit.top(graph, scores, n).faithfulness(task) for n in sizes}
