"""Edges of circuits as evidence: tables, exact cuts, and faithfulness by the share of edges kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import Graph, Receiver, Sender, Task

    Edge = tuple[Sender, Receiver]

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)


def faithfulness_rows(model: str, graph: Graph, scores: Tensor, task: Task) -> list[dict[str, Any]]:
    """Faithfulness of the best-scored edges at several shares of all edges, as rows of a chart."""
    from glassbook.circuits import faithfulness_curve

    sizes = sorted({max(1, round(share * len(graph))) for share in SHARES})
    curve = faithfulness_curve(graph, scores, task, sizes)
    return [{"model": model, "share": n / len(graph), "faithfulness": value} for n, value in curve.items()]


def cut_scores(graph: Graph, lost: Mapping[Edge, float]) -> Tensor:
    """What exact cuts of edges lose, in the layout and with the sign of `edge_scores`."""
    import torch

    cuts = torch.zeros(graph.edges.shape)
    for edge, value in lost.items():
        cuts[graph.index(edge)] = -value
    return cuts


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
