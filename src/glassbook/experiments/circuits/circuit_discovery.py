"""Circuit discovery by edge attribution: a circuit written by hand, and a trained model's choice of a pronoun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import mean
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.circuits import _edges
from glassbook.experiments.circuits._tasks import pronouns, repetitions
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import Graph, Task
    from glassbook.nets import LanguageModel

DRAWS = 5
"""Random circuits that a circuit is compared with; their mean counts."""


@experiment(
    terms=["Circuit"],
    source="Hanna et al. 2024, arXiv:2403.17806; Syed et al. 2023, arXiv:2310.10348",
)
@dataclass(frozen=True, kw_only=True)
class CircuitDiscovery:
    """Does edge attribution find a known circuit, and is a small part of a trained model sufficient?"""

    noise: float = 0.04
    """Size of the random weights beside the hand-written ones of size 1; with many of them, sizes hide the circuit."""
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
    sabotage: Literal["none", "scores-shuffled", "wrong-edges"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("attribution-finds-edges",
              "Edge attribution with integrated gradients finds the edges of a known circuit; sizes of weights do not",
              "auroc", ">=", 0.95, control="weights_auroc <= 0.85", sabotages=("scores-shuffled", "wrong-edges")),
        Claim("one-point-misses",
              "Integrated gradients find edges into saturated attention that the gradient at a single point misses",
              "auroc_over_one_point", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("one-point",), source="Kramar et al. 2024, arXiv:2403.00745",
              explanation="The gradient at one point finds nearly all edges here: the attention of the circuit "
                          "written by hand seems not saturated enough to hide them"),
        Claim("known-edges-suffice",
              "The edges of a known circuit alone reproduce its behaviour within 10 %; with one replaced they do not",
              "known_faithfulness_off", "<=", 0.1, control="one_edge_replaced <= 0.75", sabotages=("wrong-edges",),
              explanation="All other edges of the circuit written by hand are noise, which works against what it "
                          "does: without them it can do more of it than the whole model"),
        Claim("edges-are-needed",
              "Ablating any edge of the circuit that attribution finds, which behaves as the model, loses 5 % of that",
              "least_loss_of_a_cut", ">=", 0.05, control="circuit_faithfulness >= 0.8", sabotages=("scores-shuffled",),
              explanation="Attribution can keep an edge that others replace: the circuit then behaves as the model "
                          "without it"),
        Claim("few-edges-choose-pronoun",
              "A tenth of a model's edges carries most of its choice of he or she; as many connected random ones don't",
              "pronoun_faithfulness", ">=", 0.8, control="pronoun_random_faithfulness <= 0.2",
              sabotages=("scores-shuffled",)),
        Claim("few-features-choose-pronoun",
              "A few features carry most of a layer's effect on the choice of he or she; random active ones do not",
              "feature_faithfulness", ">=", 0.7, control="random_feature_faithfulness <= 0.2",
              sabotages=("scores-shuffled",), source="Marks et al. 2024, arXiv:2403.19647"),
    )  # fmt: skip
    sabotages = (
        Sabotage("scores-shuffled", "Scores of edges and active features shuffled", {"sabotage": "scores-shuffled"}),
        Sabotage("one-point", "The gradient at a single point stands in for integrated gradients", {"steps": 1}),
        Sabotage("wrong-edges", "The edges that are called known are drawn by chance", {"sabotage": "wrong-edges"}),
    )  # fmt: skip
    outputs = Outputs(
        charts=("faithfulness", "circuit", "pronoun_circuit", "pronoun_heads"),
        tables=("edges", "pronoun_edges", "features"),
    )

    @classmethod
    def quick(cls) -> CircuitDiscovery:
        """Few pairs and points."""
        return cls(rows=4, period=6, steps=2)

    def run(self, run: Run) -> None:
        """Score the edges on some pairs, judge the circuits on others."""
        lm = kit.open_model(run, self.model)
        task, held_out = (pronouns(lm, self.rows, run.rng(name)) for name in ("pronouns", "held-out pronouns"))
        rows = self._by_hand(run) + self._pronouns(run, lm, task, held_out)
        share = charts.Axis("share", "share of the edges kept", scale="log", percent=True)
        faithfulness = charts.Axis("faithfulness", "faithfulness on other pairs", zero=True)
        run.chart("faithfulness", charts.lines(rows, share, faithfulness, "model", points=True))
        self._features(run, lm, task, held_out)

    def _by_hand(self, run: Run) -> list[dict[str, float]]:
        """The compiled model, whose edges are known; returns rows of the faithfulness curve."""
        from glassbook.circuits import Circuit, Graph, edge_scores
        from glassbook.measure.detection import auroc
        from glassbook.nets.compiled import compile_induction
        from glassbook.trace.roles import roles

        graph = Graph(roles(compile_induction(self.noise, run.rng("noise").seed)))
        task, held_out = (repetitions(self.rows, self.period, run.rng(name)) for name in ("repetitions", "held-out"))
        known = _edges.known()
        truth = _edges.mask(graph, known)
        if self.sabotage == "wrong-edges":
            truth = _edges.permuted(truth, graph.edges, run.rng("sabotage"))
        scores, one_point = self._scores(run, graph, task), edge_scores(graph, task, 1)
        circuit = Circuit.top(graph, scores, 3 * len(known)).pruned(task, 0.02)
        lost, faithful = circuit.verify(held_out), Circuit(graph, truth).faithfulness(held_out)

        def area(s: Tensor) -> float:
            return float(auroc(s.abs()[graph.edges], truth[graph.edges]))

        run.result(
            auroc=area(scores),
            one_point_auroc=area(one_point),
            auroc_over_one_point=area(scores) - area(one_point),
            weights_auroc=area(_edges.weight_scores(graph)),
            known_faithfulness=faithful,
            known_faithfulness_off=abs(faithful - 1),
            one_edge_replaced=_edges.one_replaced(Circuit(graph, truth), held_out, run.rng("replacements")),
            edges_kept=len(circuit),
            known_edges_kept=int((circuit.mask & truth).sum()),
            circuit_faithfulness=circuit.faithfulness(held_out),
            least_loss_of_a_cut=min(lost.values(), default=0.0),
        )
        _edges.draw(run, "circuit", circuit, lost)
        run.table("edges", _edges.edge_table(graph, scores, lost, known))
        return _edges.faithfulness_rows("written by hand", graph, scores, held_out)

    def _pronouns(self, run: Run, lm: LanguageModel, task: Task, held_out: Task) -> list[dict[str, float]]:
        """The trained model's choice of a pronoun; returns rows of the faithfulness curve."""
        from glassbook.circuits import Circuit, Graph, effects_chart, patch
        from glassbook.trace.roles import roles

        graph = Graph(roles(lm.model))
        scores = self._scores(run, graph, task)
        n = round(self.share * len(graph))
        circuit = Circuit.top(graph, scores, n)
        random = [_edges.random_circuit(graph, n, run.rng(f"random edges {i}")) for i in range(DRAWS)]
        run.result(
            pronoun_right=float((held_out.baseline_metrics(lm.model)[0] > 0).float().mean()),
            pronoun_edges=len(circuit),
            pronoun_all_edges=len(graph),
            pronoun_faithfulness=circuit.faithfulness(held_out),
            pronoun_random_faithfulness=mean(other.faithfulness(held_out) for other in random),
            pronoun_next_faithfulness=_edges.next_best(graph, scores, n).faithfulness(held_out),
        )
        best, r = Circuit.top(graph, scores, 15), graph.roles
        lost = best.verify(held_out)
        _edges.draw(run, "pronoun_circuit", best, lost)
        run.table("pronoun_edges", _edges.edge_table(graph, scores, lost))
        heads = patch(lm.model, held_out, list(r.select("attn.*.heads").values()), heads=r.n_heads)
        run.chart("pronoun_heads", effects_chart(heads, [f"head {h}" for h in range(r.n_heads)]))
        return _edges.faithfulness_rows("pronouns", graph, scores, held_out)

    def _scores(self, run: Run, graph: Graph, task: Task) -> Tensor:
        from glassbook.circuits import edge_scores

        scores = edge_scores(graph, task, self.steps)
        shuffle = self.sabotage == "scores-shuffled"
        return _edges.permuted(scores, graph.edges, run.rng("sabotage")) if shuffle else scores

    def _features(self, run: Run, lm: LanguageModel, task: Task, held_out: Task) -> None:
        """The pronoun again, through the features of one layer and what its dictionary leaves unexplained."""
        from glassbook.circuits import SAESite, feature_effects
        from glassbook.nets import model_path

        sae = kit.open_dictionary(run, model_path(self.model).parent / kit.DICTIONARY, label=self.model)
        effects = feature_effects(lm.model, task, [SAESite(sae, sae.about["site"])], self.steps)
        if self.sabotage == "scores-shuffled":
            effects = _edges.other_features(effects, run.rng("sabotage"))
        tested = replace(effects, task=held_out)
        random = [_edges.other_features(tested, run.rng(f"random features {i}")) for i in range(DRAWS)]
        best = tested.top(self.features, errors=False)
        lost = dict(sorted(best.verify().items(), key=lambda item: -item[1]))
        run.table("features", [{"feature": node.feature, "lost when cut": x} for node, x in lost.items()])
        run.result(
            feature_faithfulness=best.faithfulness(),
            random_feature_faithfulness=mean(r.top(self.features, errors=False).faithfulness() for r in random),
            all_features_faithfulness=tested.top(sae.width, errors=False).faithfulness(),
            feature_effect_share=float(effects.effects[0][:-1].sum() / effects.effects[0].sum()),
        )
