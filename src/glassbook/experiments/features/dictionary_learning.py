"""Dictionary learning: a sparse autoencoder of a language model's activations, scored against the world's truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.features import _detection
from glassbook.experiments.features._detection import FEATURES, RIVALS
from glassbook.notebook import Claim, Run
from glassbook.notebook.runs.feature_dashboard import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glassbook.features import Coder
    from glassbook.nets import LanguageModel
    from glassbook.trace import Activations
    from glassbook.train import Batch

PART = 8
"""Reconstruction and loss are compared on one of so many held-out rows and batches: matching pursuit is slow."""
BY_CHANCE = "shuffled_beyond_base_rate <= 0.02"
ABLATED = "ablation_cost >= 0.05"
UNLEARNT = ("random-features", "untrained")


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder", "Feature", "Monosemanticity"],
    source="Gao et al. 2024, arXiv:2406.04093; Bricken et al. 2023; controls: Korznikov et al. 2026, arXiv:2602.14111",
)
@dataclass(frozen=True, kw_only=True)
class DictionaryLearning:
    """Do the features of a sparse autoencoder correspond to the attributes of the text?"""

    layer: int = 3
    """Block whose output is taken apart."""
    width: int = 2048
    """Features in the dictionary."""
    k: int = 8
    """Features active on a token."""
    tokens: int = 400_000
    """Tokens of activations recorded to learn from."""
    steps: int = 1500
    """Optimiser steps."""
    batch_size: int = 4096
    """Activations in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    held_out: int = 2000
    """Documents to score on: half choose each attribute's units, half report them."""
    ablated: int = 24
    """Attributes whose units are ablated, drawn from those that a feature is named after."""
    model: str = "builtin"
    """Language model to open."""
    sabotage: Literal["none", "labels-shuffled", "random-features"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("variance-beats-random",
              "A dictionary leaves at most half as much variance unexplained as random directions of equal sparsity",
              "variance_lost_over_random", "<=", 0.5, control="random_explained_variance >= 0.2", sabotages=UNLEARNT),
        Claim("loss-beats-random",
              "A dictionary raises the model's loss at most half as much as random directions of equal sparsity",
              "ce_lost_over_random", "<=", 0.5, control="random_ce_recovered >= 0.5", sabotages=UNLEARNT),
        Claim("few-are-dead", "At most 5 % of the dictionary's features are dead",
              "dead_share", "<=", 0.05, no_control="a count without a baseline",
              no_sabotage="what kills latents is broken on purpose in feature-death"),
        Claim("precision-beats-neurons",
              "Features detect attributes of synthetic text with clearly higher average precision than neurons",
              "beyond_neurons", ">=", 0.05, control=BY_CHANCE, sabotages=("labels-shuffled",)),
        Claim("precision-beats-axes",
              "Features detect attributes of synthetic text with clearly higher average precision than residual axes",
              "beyond_residual_axes", ">=", 0.05, control=BY_CHANCE, sabotages=("labels-shuffled",)),
        Claim("precision-beats-random",
              "Features detect attributes of the text with clearly higher average precision than random directions",
              "beyond_random_directions", ">=", 0.05, control=BY_CHANCE,
              sabotages=("labels-shuffled", "random-features")),
        Claim("precision-beats-token",
              "Attributes that no single token gives away are detected better by a feature than by any token",
              "beyond_one_token_unsolved", ">=", 0.02, control="unsolved_attributes >= 10",
              sabotages=("labels-shuffled",)),
        Claim("ablation-beats-neurons",
              "At equal damage, ablating a feature makes its attribute less likely than ablating a neuron does",
              "ablation_beats_neurons", ">=", 0.65, control=ABLATED, sabotages=("random-features",)),
        Claim("ablation-beats-axes",
              "At equal damage, ablating a feature makes its attribute less likely than ablating an axis does",
              "ablation_beats_residual_axes", ">=", 0.65, control=ABLATED, sabotages=("random-features",)),
        Claim("ablation-beats-random",
              "At equal damage, ablating a feature makes its attribute less likely than ablating a random one does",
              "ablation_beats_random_directions", ">=", 0.65, control=ABLATED, sabotages=("random-features",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("labels-shuffled", "Each document has the labels of another", {"sabotage": "labels-shuffled"}),
        Sabotage("random-features", "Random directions are scored as if they were the dictionary's features",
                 {"sabotage": "random-features"}),
        Sabotage("untrained", "The dictionary is trained for one step only", {"steps": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("detection", "ablation"), tables=("attributes", "ablations"))

    @classmethod
    def quick(cls) -> DictionaryLearning:
        """A small dictionary of few tokens, in seconds."""
        return cls(width=256, tokens=8_000, steps=30, batch_size=512, held_out=60, ablated=2)

    def run(self, run: Run) -> None:
        """Collect activations, train, score by reconstruction and by the truth; keep the dictionary as an artifact."""
        from glassbook.features import TopK
        from glassbook.trace.roles import residual_site

        lm = kit.open_model(run, self.model)
        site = residual_site(lm.model, self.layer)
        text = kit.reserve_rows(lm, -(-self.tokens // min(256, lm.context or 256)), run.rng("text").seed)
        acts = kit.collect(run, "text", lm, text, site)
        d, rng = acts.dim(site), run.rng("dictionary")
        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr, "seed": rng.seed}
        sae = kit.train_sae(run, "dictionary", (acts, site), d, self.width, TopK(self.k), **how)
        sae.save(run.artifact("dictionary.safetensors"), model=lm.name, site=site, skip=sorted(kit.special_ids(lm)))
        random, other = (kit.frozen_random(acts.read(site), self.width, self.k, run.rng(name))
                         for name in ("random directions", "random features"))  # fmt: skip
        self._score(run, lm, site, other if self.sabotage == "random-features" else sae, random)

    def _score(self, run: Run, lm: LanguageModel, site: str, features: Coder, random: Coder) -> None:
        """Reconstruction, detection and ablation on documents that nothing was trained on; the features' dashboard."""
        import torch

        from glassbook.features import Sentences
        from glassbook.features.dashboard import build_dashboard
        from glassbook.features.dashboard.autointerp import TRUTH_SCORE, from_truth
        from glassbook.trace.roles import roles

        neurons = roles(lm.model)[f"mlp.{self.layer}.neurons"]
        test = kit.documents(lm, self.held_out, seed=-1 - run.rng("held-out text").seed)
        acts = kit.collect(run, "held-out", lm, test.batches, [site, neurons])
        run.result(**self._reconstruction(lm, site, features, random, acts, test.batches))
        labels, mix = test.labels, run.rng("shuffled labels").torch()
        if self.sabotage == "labels-shuffled":
            labels = labels[torch.randperm(len(labels), generator=mix)]
        text = Sentences.of(test.sentence[acts.index()], labels[acts.index()])
        units = _detection.detectors(features, random, acts, site, neurons)
        found, chance = _detection.detect_all(units, acts, text, torch.randperm(len(text.present), generator=mix))
        ablations = _detection.ablate(lm, units, found, test, labels, acts, run.rng("ablations"), self.ablated)
        run.result(shuffled_beyond_base_rate=chance, **_detection.detection_results(found),
                   **_detection.ablation_results(ablations))  # fmt: skip
        self._charts(run, _detection.attribute_rows(found, test.attributes), list(found), ablations)
        build_dashboard(
            features, (acts, site), lm, run.artifact(NAME).parent,
            names=from_truth(found[FEATURES], test.attributes, at_least=kit.NAMED), label_score=TRUTH_SCORE,
            about={"model": self.model, "site": site, "dictionary": "dictionary.safetensors"},
        )  # fmt: skip

    @staticmethod
    def _reconstruction(
        lm: LanguageModel, site: str, features: Coder, random: Coder, acts: Activations, batches: Sequence[Batch]
    ) -> dict[str, float]:
        """The dictionary's scores beside those of random directions."""
        from glassbook.features import evaluate

        x = acts.read(site)
        loss: dict[str, Any] = {"model": lm.model, "site": site, "batches": batches[::PART],
                                "skip": kit.special_ids(lm)}  # fmt: skip
        ours, theirs = (evaluate(d, x[::PART], **loss) for d in (features, random))
        return {
            **ours.numbers(),
            "dead_share": evaluate(features, x).dead,
            "random_explained_variance": theirs.explained_variance,
            "random_ce_recovered": theirs.ce_recovered,
            "variance_lost_over_random": (1 - ours.explained_variance) / (1 - theirs.explained_variance),
            "ce_lost_over_random": (1 - ours.ce_recovered) / (1 - theirs.ce_recovered),
        }

    @staticmethod
    def _charts(
        run: Run, table: list[dict[str, Any]], detectors: Sequence[str], ablations: list[dict[str, Any]]
    ) -> None:
        """Tables, and how average precision and the costs of ablations are spread."""
        run.table("attributes", table)
        run.table("ablations", ablations)
        rows = [{"kind": row["kind"], "ap": row[name], "detector": name} for row in table for name in detectors]
        precision = charts.Axis("ap", "average precision on held-out sentences", domain=(0, 1))
        run.chart("detection", charts.spread(rows, precision, "detector", "kind", "tick"))
        costs = [{"unit": name, "cost": row[name], "at": "equal damage"} for name in (FEATURES, *RIVALS)
                 for row in ablations if row[name] == row[name]]  # fmt: skip
        cost = charts.Axis("cost", "nats that the attribute's own tokens lose")
        run.chart("ablation", charts.spread(costs, cost, "unit", "at", "tick"))
