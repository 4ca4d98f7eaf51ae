"""Edges of circuits as evidence: tables, exact cuts, and faithfulness by the share of edges kept."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import Circuit, Graph, Receiver, Sender, Task
    from glassbook.circuits.features import FeatureCircuit
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


def weight_scores(graph: Graph) -> Tensor:
    """Size of the weights of each edge of an `LM`, [receivers, senders]: the simplest rival of attribution.

    It is the Frobenius norm of the product of what the sender writes and what the receiver reads; no text is looked at.
    """
    import torch

    lm: Any = graph.model
    writes, reads = [lm.embed.weight], []
    for layer, block in enumerate(lm.blocks):
        writes += [*graph.mixers[layer], block.mlp.down.weight.T]
    for receiver in graph.receivers:
        if receiver.kind == "logits":
            reads.append(lm.head.weight.T)
        elif receiver.kind == "mlp":
            reads.append(
                torch.cat([lm.blocks[receiver.layer].mlp.gate.weight, lm.blocks[receiver.layer].mlp.up.weight]).T
            )
        else:
            weight = graph.projection(receiver.layer, receiver.kind)[1]
            reads.append(weight.unflatten(1, (graph.count(receiver.kind), -1))[:, receiver.head])
    with torch.no_grad():
        return torch.stack([torch.stack([(write @ read).norm() for write in writes]) for read in reads])


def mask(graph: Graph, edges: Collection[Edge]) -> Tensor:
    """bool [receivers, senders], True at these edges."""
    import torch

    found = torch.zeros_like(graph.edges)
    for edge in edges:
        found[graph.index(edge)] = True
    return found


def permuted(values: Tensor, among: Tensor, rng: Rng) -> Tensor:
    """The same values, those where `among` is True exchanged by chance."""
    import torch

    out, these = values.clone(), values[among]
    out[among] = these[torch.randperm(len(these), generator=rng.torch())]
    return out


def other_features(circuit: FeatureCircuit, rng: Rng) -> FeatureCircuit:
    """A circuit of one site, its features' effects exchanged by chance among the features that have any."""
    effects = circuit.effects[0]
    among = effects != 0
    among[-1] = False  # the error is no feature
    return replace(circuit, effects=[permuted(effects, among, rng)])


def one_replaced(circuit: Circuit, task: Task, rng: Rng) -> float:
    """The largest faithfulness of the circuit with one of its edges replaced by another of the graph, each in turn."""
    from glassbook.circuits import Circuit

    graph, generator, found = circuit.graph, random.Random(rng.seed), []
    others = (graph.edges & ~circuit.mask).nonzero().tolist()
    for v, u in circuit.mask.nonzero().tolist():
        changed = circuit.mask.clone()
        changed[v, u], (row, column) = False, generator.choice(others)
        changed[row, column] = True
        found.append(Circuit(graph, changed).faithfulness(task))
    return max(found)


def random_circuit(graph: Graph, n: int, rng: Rng) -> Circuit:
    """At least `n` edges drawn by chance, each on a path from the input to the logits.

    As many of a random order of all edges are taken as leave so many when those that lead nowhere are dropped.
    """
    import torch

    from glassbook.circuits import Circuit

    scores = torch.rand(graph.edges.shape, generator=rng.torch())
    sizes = range(n, len(graph) + 1)
    return Circuit.top(graph, scores, sizes[bisect_left(sizes, n, key=lambda k: len(Circuit.top(graph, scores, k)))])


def next_best(graph: Graph, scores: Tensor, n: int) -> Circuit:
    """The `n` edges with the best scores after the first `n`."""
    from glassbook.circuits import Circuit

    first = scores.abs().masked_fill(~graph.edges, -1.0).flatten().topk(n).indices
    rest = scores.clone()
    rest.view(-1)[first] = 0
    return Circuit.top(graph, rest, n)


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
