"""Edge attribution patching (EAP, EAP-IG), and circuits as sets of edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from glassbook.circuits.graph import READS, Graph, Receiver, Sender
from glassbook.circuits.task import Task, frozen
from glassbook.errors import GlassbookError
from glassbook.trace import allow_identity, trace


def edge_scores(graph: Graph, task: Task, steps: int = 5) -> Tensor:
    """Estimated effect of cutting each edge: (corrupted - clean output of the sender) . gradient at the receiver.

    Args:
        graph: of the model.
        task: the pairs; the mean over rows is taken.
        steps: 1 for the gradient at the clean run (EAP); more for its mean over runs whose embeddings lie between the
            corrupted and the clean ones (EAP-IG, inputs), by the midpoint rule.

    Returns:
        [receivers, senders], 0 where there is no edge. Negative: cutting it lowers the metric.

    Source: Syed et al. 2023, arXiv:2310.10348; Hanna et al. 2024, arXiv:2403.17806.
    """
    if steps < 1:
        raise GlassbookError(f"steps is {steps}; give at least 1")
    corrupted, clean = graph.writes(task.corrupted), graph.writes(task.clean)
    delta = corrupted - clean
    points = [clean[0]] if steps == 1 else [corrupted[0] - (k + 0.5) / steps * delta[0] for k in range(steps)]
    total = torch.zeros(len(graph.receivers), len(graph.senders), device=delta.device)
    with frozen(graph.model):
        for point in points:
            for row, grad in _receiver_grads(graph, task, point):
                total[row : row + len(grad)] += torch.einsum("vbtd,ubtd->vu", grad.float(), delta.float())
    return (total / (len(points) * delta.shape[1])).cpu() * graph.edges


def _receiver_grads(graph: Graph, task: Task, embedding: Tensor):
    """(first receiver, grads [receivers, B, T, d]): the metric's gradient at the input of each receiver, in one run.

    A receiver's own gradient is what comes back through its queries, keys, values or MLP alone, so it is taken after
    the norm and pulled back through it.
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
        grads = []
        for kind in READS:
            _, weight, _, columns = graph.projection(layer, kind)
            back = t.grad(made[kind, layer])[..., columns].unflatten(-1, (graph.count(kind), -1))
            grads.append(torch.einsum("bthk,dhk->hbtd", back, weight.to(back).unflatten(1, (graph.count(kind), -1))))
        stream = t[r[f"resid.{layer}.in"]]
        yield row, _through(graph.norm(Receiver(layer, "q")), stream, torch.cat(grads))
        row += sum(map(len, grads))
        yield row, _through(graph.norm(Receiver(layer, "mlp")), t[r[f"resid.{layer}.mid"]], t.grad(normed[layer])[None])
        row += 1
    yield row, t.grad(r[last])[None]


def _through(norm: torch.nn.Module, x: Tensor, back: Tensor) -> Tensor:
    """Gradients [n, B, T, d] after a norm of x [B, T, d], pulled back to before it."""
    with torch.enable_grad():
        copies = x.detach().expand_as(back).clone().requires_grad_()
        return torch.autograd.grad(norm(copies), copies, back)[0]


@dataclass(frozen=True)
class Circuit:
    """A set of a graph's edges.

    Args:
        graph: of the model.
        mask: bool [receivers, senders], True where the circuit has the edge.
    """

    graph: Graph
    mask: Tensor

    @classmethod
    def top(cls, graph: Graph, scores: Tensor, n: int) -> Circuit:
        """The n edges with the largest absolute scores, without those that lead nowhere."""
        if not 0 <= n <= len(graph):
            raise GlassbookError(f"a circuit cannot have {n} edges; choose 0 to {len(graph)}")
        mask = torch.zeros_like(graph.edges)
        best = scores.abs().masked_fill(~graph.edges, -1.0).flatten().topk(n).indices
        mask.view(-1)[best] = True
        return cls(graph, mask).connected()

    def __len__(self) -> int:
        return int(self.mask.sum())

    @property
    def edges(self) -> list[tuple[Sender, Receiver]]:
        """The edges, in the order of the forward pass."""
        return [(self.graph.senders[u], self.graph.receivers[v]) for v, u in self.mask.nonzero().tolist()]

    def connected(self) -> Circuit:
        """Without edges into a sender that reads nothing, or out of one that nothing reads."""
        joins, mask = self.graph.joins, self.mask
        while True:
            has_input = ~joins.any(0) | (joins & mask.any(1)[:, None]).any(0)  # senders that read, and the embedding
            is_read = ~joins.any(1) | (joins & mask.any(0)).any(1)  # receivers of a sender that is read, and the logits
            pruned = mask & has_input & is_read[:, None]
            if pruned.equal(mask):
                return replace(self, mask=mask)
            mask = pruned

    def run(self, task: Task) -> Tensor:
        """The metric [B] when only these edges carry the clean run; all others carry the corrupted one."""
        return self.graph.run(task, self.graph.edges & ~self.mask)

    def faithfulness(self, task: Task) -> float:
        """Fraction of the metric's difference that the circuit alone recovers: 1 for the whole graph, 0 for no edge."""
        clean, corrupted = task.baseline_metrics(self.graph.model)
        return float((self.run(task).mean() - corrupted.mean()) / (clean.mean() - corrupted.mean()))

    def verify(self, task: Task) -> dict[tuple[Sender, Receiver], float]:
        """For each edge, exactly: the fraction of the metric's difference that is lost when it is cut too."""
        clean, corrupted = task.baseline_metrics(self.graph.model)
        base, corrupted_outputs = self.run(task).mean(), self.graph.writes(task.corrupted)
        lost = {}
        for v, u in self.mask.nonzero().tolist():
            cut = self.graph.edges & ~self.mask
            cut[v, u] = True
            without = self.graph.run(task, cut, corrupted_outputs).mean()
            lost[self.graph.senders[u], self.graph.receivers[v]] = float((base - without) / (clean - corrupted).mean())
        return lost

    def pruned(self, task: Task, least: float = 0.01) -> Circuit:
        """Without the edges whose cut from the circuit moves the metric by less than `least` of the difference."""
        mask = self.mask.clone()
        for edge, lost in self.verify(task).items():
            if abs(lost) < least:
                mask[self.graph.index(edge)] = False
        return replace(self, mask=mask).connected()


def faithfulness_curve(graph: Graph, scores: Tensor, task: Task, sizes: Sequence[int]) -> dict[int, float]:
    """Faithfulness of the top n edges, for each n."""
    return {n: Circuit.top(graph, scores, n).faithfulness(task) for n in sizes}
