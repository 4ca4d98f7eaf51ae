"""Circuits found by attribution: against one that was written by hand, and on a trained model's choice of a pronoun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glassbook.experiments.base import experiment
from glassbook.experiments.circuits._pronouns import pronouns, repetitions
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.circuits import Graph, Task
    from glassbook.nets import LanguageModel


@experiment(
    terms=["Circuit"],
    source="Hanna et al. 2024, arXiv:2403.17806; Syed et al. 2023, arXiv:2310.10348",
)
@dataclass(frozen=True, kw_only=True)
class CircuitDiscovery:
    """Does edge attribution find a circuit that is known, and is a small part of a trained model enough?"""

    noise: float = 0.02
    """Size of the random weights beside the hand-written ones of size 1."""
    rows: int = 32
    """Pairs that edges are scored on, and as many others that circuits are tested on."""
    period: int = 12
    """Tokens of a sequence before it repeats, at most 16."""
    steps: int = 8
    """Points of the integrated gradients."""
    share: float = 0.1
    """Share of a trained model's edges that its circuit may have."""
    features: int = 16
    """Features of the model's dictionary that may stand for its whole layer."""
    model: str = "builtin"
    """Language model of the Reserve whose choice of a pronoun is looked at; its dictionary lies beside it."""

    claims = (
        Claim(
            "attribution-finds-edges",
            "Edge attribution with integrated gradients finds the known edges, and random scores do not",
            "auroc",
            ">=",
            0.95,
            control="random_auroc <= 0.75",
        ),
        Claim(
            "one-point-misses",
            "The gradient at one point misses edges into saturated attention that integrated gradients find",
            "auroc_over_one_point",
            ">=",
            0.1,
            no_control="the metric itself compares with the rival",
            source="Kramar et al. 2024, arXiv:2403.00745",
        ),
        Claim(
            "known-edges-suffice",
            "The known edges alone do what the model does, and as many random ones do not",
            "known_faithfulness",
            ">=",
            0.9,
            control="random_faithfulness <= 0.1",
        ),
        Claim(
            "edges-are-needed",
            "Each edge that is found and kept is needed, by an exact cut",
            "least_loss_of_a_cut",
            ">=",
            0.05,
            no_control="each cut is measured against the uncut circuit",
        ),
        Claim(
            "few-edges-choose-pronoun",
            "A tenth of the edges carries most of the choice between he and she, and a random tenth does not",
            "pronoun_faithfulness",
            ">=",
            0.8,
            control="pronoun_random_faithfulness <= 0.2",
        ),
        Claim(
            "few-features-choose-pronoun",
            "A few features carry most of the choice of he or she through their layer, as many random ones do not",
            "feature_faithfulness",
            ">=",
            0.7,
            control="random_feature_faithfulness <= 0.2",
            source="Marks et al. 2024, arXiv:2403.19647",
        ),
    )

    @classmethod
    def quick(cls) -> CircuitDiscovery:
        """Few pairs and points."""
        return cls(rows=4, period=6, steps=2)

    def run(self, run: Run) -> None:
        """Score the edges on some pairs, judge the circuits on others."""
        from glassbook.nets import model_path, open_model

        lm = open_model(self.model)
        run.uses("model", self.model, path=model_path(self.model))
        task, held = pronouns(lm, self.rows, 2 * run.seed), pronouns(lm, self.rows, 2 * run.seed + 1)
        found, tested = self._by_hand(run), self._pronouns(run, lm, task, held)
        run.result(**found[0], **tested[0])
        run.table("edges", found[1])
        run.table("pronoun_edges", tested[1])
        run.chart("faithfulness", _curves({"written by hand": found[2], "pronouns": tested[2]}))
        run.result(**self._features(run, lm, task, held))

    def _by_hand(self, run: Run) -> tuple[dict[str, float], list[dict[str, Any]], dict[float, float]]:
        """Numbers, a table of edges and the faithfulness curve of the compiled model."""
        import torch

        from glassbook.circuits import Circuit, Graph, Receiver, Sender, circuit_chart, edge_scores
        from glassbook.measure import auroc
        from glassbook.nets.compiled import compile_induction
        from glassbook.trace.roles import roles

        graph = Graph(roles(compile_induction(self.noise, run.seed)))
        task, held = (repetitions(self.rows, self.period, 2 * run.seed + i) for i in (0, 1))
        source, notes, copies = Sender(-1, "input"), Sender(0, "head", 0), Sender(1, "head", 0)
        known = {
            (source, Receiver(0, "v", 0)), (notes, Receiver(1, "k", 0)), (source, Receiver(1, "q", 0)),
            (source, Receiver(1, "v", 0)), (copies, Receiver(2, "logits")),
        }  # fmt: skip
        truth = torch.zeros_like(graph.edges)
        for edge in known:
            truth[graph.index(edge)] = True
        scores, rough = edge_scores(graph, task, self.steps), edge_scores(graph, task, 1)
        chance = torch.rand(scores.shape, generator=torch.Generator().manual_seed(run.seed))
        here, alone = graph.edges, Circuit(graph, truth)
        random = torch.zeros_like(truth)
        random.view(-1)[chance.masked_fill(~here, -1.0).flatten().topk(len(known)).indices] = True
        circuit = Circuit.top(graph, scores, 3 * len(known)).pruned(task, 0.02)
        lost = circuit.verify(held)

        def area(s: torch.Tensor) -> float:
            return float(auroc(s.abs()[here], truth[here]))

        numbers = {
            "auroc": area(scores),
            "one_point_auroc": area(rough),
            "auroc_over_one_point": area(scores) - area(rough),
            "random_auroc": area(chance),
            "known_faithfulness": alone.faithfulness(held),
            "random_faithfulness": Circuit(graph, random).faithfulness(held),
            "edges_kept": len(circuit),
            "known_edges_kept": int((circuit.mask & truth).sum()),
            "circuit_faithfulness": circuit.faithfulness(held),
            "least_loss_of_a_cut": min(lost.values(), default=0.0),
        }
        run.chart("circuit", circuit_chart(circuit, _cuts(graph, lost)))
        return numbers, _rows(graph, scores, lost, known), _faithfulness(graph, scores, held)

    def _pronouns(
        self, run: Run, lm: LanguageModel, task: Task, held: Task
    ) -> tuple[dict[str, float], list[dict[str, Any]], dict[float, float]]:
        """The same for the choice of a pronoun."""
        import torch

        from glassbook.circuits import Circuit, Graph, circuit_chart, edge_scores, effects_chart, patch
        from glassbook.trace.roles import roles

        graph = Graph(roles(lm.model))
        scores = edge_scores(graph, task, self.steps)
        n = round(self.share * len(graph))
        circuit = Circuit.top(graph, scores, n)
        chance = torch.rand(scores.shape, generator=torch.Generator().manual_seed(run.seed))
        clean, _ = held.baseline_metrics(lm.model)
        numbers = {
            "pronoun_right": float((clean > 0).float().mean()),
            "pronoun_edges": len(circuit),
            "pronoun_all_edges": len(graph),
            "pronoun_faithfulness": circuit.faithfulness(held),
            "pronoun_random_faithfulness": Circuit.top(graph, chance, n).faithfulness(held),
        }
        best, r = Circuit.top(graph, scores, 15), graph.roles
        lost = best.verify(held)
        run.chart("pronoun_circuit", circuit_chart(best, _cuts(graph, lost)))
        names = [f"head {h}" for h in range(r.n_heads)]
        heads = list(r.select("attn.*.heads").values())
        run.chart("pronoun_heads", effects_chart(patch(lm.model, held, heads, heads=r.n_heads), names))
        return numbers, _rows(graph, scores, lost, set()), _faithfulness(graph, scores, held)

    def _features(self, run: Run, lm: LanguageModel, task: Task, held: Task) -> dict[str, float]:
        """The pronoun again, through the features of one layer and what its dictionary leaves unexplained."""
        import torch

        from glassbook.circuits import SAESite, feature_effects
        from glassbook.features.formats import load
        from glassbook.nets import model_path

        d = load(model_path(self.model).parent / "dictionary.safetensors")
        found = feature_effects(lm.model, task, [SAESite(d, d.about["site"])], self.steps)
        best = replace(found.top(self.features, errors=False), task=held)
        chance = torch.rand(d.width + 1, generator=torch.Generator().manual_seed(run.seed))
        other = replace(best, effects=[chance])
        lost = dict(sorted(best.verify().items(), key=lambda item: -item[1]))
        run.table("features", [{"feature": n.feature, "lost when cut": x} for n, x in lost.items()])
        return {
            "feature_faithfulness": best.faithfulness(),
            "random_feature_faithfulness": other.top(self.features, errors=False).faithfulness(),
            "all_features_faithfulness": replace(found, task=held).top(d.width, errors=False).faithfulness(),
            "feature_effect_share": float(found.effects[0][:-1].sum() / found.effects[0].sum()),
        }


def _faithfulness(graph: Graph, scores, task: Task) -> dict[float, float]:
    """Share of the edges -> faithfulness."""
    from glassbook.circuits import faithfulness_curve

    sizes = sorted({max(1, round(s * len(graph))) for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)})
    return {n / len(graph): f for n, f in faithfulness_curve(graph, scores, task, sizes).items()}


def _cuts(graph: Graph, lost):
    """What exact cuts lose, in the place and with the sign of scores."""
    import torch

    cuts = torch.zeros(graph.edges.shape)
    for edge, value in lost.items():
        cuts[graph.index(edge)] = -value
    return cuts


def _rows(graph: Graph, scores, lost, known) -> list[dict[str, Any]]:
    """The edges of a circuit with their scores and what an exact cut loses."""
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


def _curves(curves: dict[str, dict[float, float]]) -> dict[str, Any]:
    import altair as alt

    rows = [{"model": k, "share": x, "faithfulness": y} for k, points in curves.items() for x, y in points.items()]
    x = alt.X("share:Q", title="share of the edges kept", scale=alt.Scale(type="log"), axis=alt.Axis(format="%"))
    y = alt.Y("faithfulness:Q", title="faithfulness on other pairs")
    line = alt.Chart(alt.Data(values=rows)).mark_line(point=True)
    return line.encode(x=x, y=y, color=alt.Color("model:N", title=None)).to_dict()
