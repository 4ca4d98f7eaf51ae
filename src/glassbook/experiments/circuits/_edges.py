"""Edges of circuits as evidence: tables, exact cuts, and faithfulness by the share of edges kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import Circuit, Graph, Receiver, Sender, Task
    from glassbook.notebook import Run
    from glassbook.notebook.runs.rng import Rng

    Edge = tuple[Sender, Receiver]

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)


def faithfulness_rows(model: str, graph: Graph, scores: Tensor, task: Task) -> list[dict[str, Any]]:
    """Faithfulness of the best-scored edges at several shares of all edges, as rows of a chart."""
    from glassbook.circuits import faithfulness_curve

    sizes = sorted({max(1, round(share * len(graph))) for share in SHARES})
    curve = faithfulness_curve(graph, scores, task, sizes)
    return [{"model": model, "share": n / len(graph), "faithfulness": value} for n, value in curve.items()]


def known() -> set[Edge]:
    """The edges of the compiled induction circuit: a head that notes the previous token, a head that copies."""
    from glassbook.circuits import Receiver, Sender

    source, previous, copies = Sender(-1, "input"), Sender(0, "head", 0), Sender(1, "head", 0)
    return {
        (source, Receiver(0, "v", 0)), (previous, Receiver(1, "k", 0)), (source, Receiver(1, "q", 0)),
        (source, Receiver(1, "v", 0)), (copies, Receiver(2, "logits")),
    }  # fmt: skip


def mask(graph: Graph, edges: Collection[Edge]) -> Tensor:
    """bool [receivers, senders], True at these edges."""
    import torch

    found = torch.zeros_like(graph.edges)
    for edge in edges:
        found[graph.index(edge)] = True
    return found


def shuffled(graph: Graph, scores: Tensor, rng: Rng) -> Tensor:
    """The same scores (or marks), each on an edge drawn by chance."""
    import torch

    out, values = torch.zeros_like(scores), scores[graph.edges]
    out[graph.edges] = values[torch.randperm(len(values), generator=rng.torch())]
    return out


def draw(run: Run, name: str, circuit: Circuit, lost: Mapping[Edge, float]) -> None:
    """Keep the chart of a circuit, its edges by what exact cuts of them lose; without an edge there is none."""
    import torch

    from glassbook.circuits import circuit_chart

    cuts = torch.zeros(circuit.graph.edges.shape)
    for edge, value in lost.items():
        cuts[circuit.graph.index(edge)] = -value  # with the sign of `edge_scores`
    if len(circuit):
        run.chart(name, circuit_chart(circuit, cuts))


def edge_table(
    graph: Graph, scores: Tensor, lost: Mapping[Edge, float], known: Collection[Edge] = ()
) -> list[dict[str, Any]]:
    """The edges of a circuit with their scores and what an exact cut loses, the most needed first."""
    return [
        {
            "from": str(sender),
            "to": str(receiver),
            "score": float(scores[graph.index((sender, receiver))]),
            "lost when cut": value,
            "known": (sender, receiver) in known,
        }
        for (sender, receiver), value in sorted(lost.items(), key=lambda item: -abs(item[1]))
    ]
