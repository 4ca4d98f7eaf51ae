"""Dictionary learning: a sparse autoencoder of a language model's activations, scored against the world's truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, experiment
from glassbook.notebook import Claim, Run
from glassbook.notebook.runs.feature_dashboard import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glassbook.features import Coder, Scores
    from glassbook.features.detect import Detected
    from glassbook.nets import LanguageModel


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder", "Feature", "Monosemanticity"],
    source="Gao et al. 2024, arXiv:2406.04093; Bricken et al. 2023",
)
@dataclass(frozen=True, kw_only=True)
class DictionaryLearning:
    """Do the features of a sparse autoencoder correspond to the attributes of the text?"""

    layer: int = 3
    """Block whose output is taken apart."""
    width: int = 2048
    """Features in the dictionary."""
    k: int = 32
    """Features active on a token."""
    tokens: int = 400_000
    """Tokens of activations recorded to learn from."""
    steps: int = 1500
    """Optimiser steps."""
    batch_size: int = 4096
    """Activations in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    held_out: int = 3000
    """Documents to score on: half choose each attribute's feature, half report it."""
    model: str = "builtin"
    """Language model to open."""

    claims = (
        Claim("features-explain",
              "With 32 active features per token a dictionary explains most variance; random directions explain less",
              "explained_variance", ">=", 0.85, control="random_explained_variance <= 0.6"),
        Claim("code-is-sparse", "At most 32 features of the dictionary are active per token",
              "l0", "<=", 32, no_control="a check of the setting: the sparsity rule is defined to satisfy it"),
        Claim("loss-is-recovered", "A dictionary's reconstruction preserves nearly all of the model's cross-entropy",
              "ce_recovered", ">=", 0.95,
              no_control="random directions recover much of the loss as well; beats-random-loss compares what is lost"),
        Claim("beats-random-loss", "A dictionary's loss increase is at most a tenth of that of random directions",
              "ce_lost_over_random", "<=", 0.1, no_control="the metric itself compares with the baseline"),
        Claim("few-are-dead", "At most 5 % of the dictionary's features are dead",
              "dead_share", "<=", 0.05, no_control="a count without a baseline"),
        Claim("attributes-detected", "Most attributes of the synthetic text have a feature that detects them",
              "attributes_detected", ">=", 0.8,
              no_control="beats-neurons and beats-random compare this number with baselines"),
        Claim("beats-neurons", "Features detect clearly more attributes of the synthetic text than neurons do",
              "detected_beyond_neurons", ">=", 0.1, no_control="the metric itself compares with the baseline"),
        Claim("beats-random", "Features detect clearly more attributes of synthetic text than random directions do",
              "detected_beyond_random", ">=", 0.1, no_control="the metric itself compares with the baseline"),
    )  # fmt: skip
    outputs = Outputs(charts=("detection",), tables=("attributes",))

    @classmethod
    def quick(cls) -> DictionaryLearning:
        """A small dictionary of few tokens, in seconds."""
        return cls(width=256, k=8, tokens=8_000, steps=30, batch_size=512, held_out=40)

    def run(self, run: Run) -> None:
        """Collect activations, train, score by reconstruction and by the truth; keep the dictionary as an artifact."""
        from glassbook.features import TopK, frozen_random
        from glassbook.trace.roles import residual_site

        lm = kit.open_model(run, self.model)
        site = residual_site(lm.model, self.layer)
        text = kit.reserve_rows(lm, -(-self.tokens // min(256, lm.context or 256)), run.rng("text").seed)
        acts = kit.collect(run, "text", lm, text, site)
        d, rule, rng = acts.dim(site), TopK(self.k), run.rng("dictionary")
        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr, "seed": rng.seed}
        sae = kit.train_sae(run, "dictionary", (acts, site), d, self.width, rule, **how)
        mean = acts.read(site)[:50_000].mean(0)
        random = frozen_random(d, self.width, rule, mean, run.rng("random directions").torch())
        sae.save(run.artifact("dictionary.safetensors"), model=lm.name, site=site, skip=sorted(kit.special_ids(lm)))
        self._score(run, lm, site, {"features": sae, "random directions": random})

    def _score(self, run: Run, lm: LanguageModel, site: str, dictionaries: Mapping[str, Coder]) -> None:
        """Reconstruction and detection on documents that nothing was trained on; a dashboard of the features."""
        from glassbook.features import evaluate
        from glassbook.features.dashboard import build_dashboard
        from glassbook.features.dashboard.autointerp import from_truth
        from glassbook.features.detect import both_signs, detect
        from glassbook.trace.roles import roles

        neurons = roles(lm.model)[f"mlp.{self.layer}.neurons"]
        test = kit.documents(lm, self.held_out, seed=-1 - run.rng("held-out text").seed)
        held_out = kit.collect(run, "held-out", lm, test.batches, [site, neurons])
        x, hidden, (document, position) = held_out.read(site), held_out.read(neurons), held_out.index()
        sentence, labels = test.sentence[document, position], test.labels[document, position]
        skip = kit.special_ids(lm)
        scores = {
            name: evaluate(d, x, model=lm.model, site=site, batches=test.batches, skip=skip)
            for name, d in dictionaries.items()
        }
        detectors = {name: (d.encode, x) for name, d in dictionaries.items()}
        detectors |= {"neurons": (both_signs, hidden), "residual basis": (both_signs, x)}
        detected = detect(detectors, sentence, labels)
        run.result(**_numbers(scores["features"], scores["random directions"], detected))
        table = [
            {"kind": kind, "value": value, **{name: float(d.auroc[i]) for name, d in detected.items()},
             "feature": int(detected["features"].best[i])}
            for i, (kind, value) in enumerate(test.attributes)
        ]  # fmt: skip
        run.table("attributes", table)
        rows = [
            {"kind": row["kind"], "auroc": row[name], "detector": name}
            for row in table for name in detected if row[name] == row[name]
        ]  # fmt: skip
        auroc = charts.Axis("auroc", "AUROC on held-out sentences", domain=(0.5, 1))
        run.chart("detection", charts.spread(rows, auroc, "detector", "kind", "tick"))
        build_dashboard(
            dictionaries["features"], x, lm, run.artifact(NAME).parent, tokens=held_out.tokens(), sequence=document,
            names=from_truth(detected["features"], test.attributes, at_least=0.9),
            label_score="AUROC on held-out sentences",
            about={"model": self.model, "site": site, "dictionary": "dictionary.safetensors"},
        )  # fmt: skip


def _numbers(ours: Scores, random: Scores, detected: Mapping[str, Detected]) -> dict[str, float]:
    """The scores of the features beside those of neurons and of random directions."""
    share = {name: d.share() for name, d in detected.items()}
    neurons = max(share["neurons"], share["residual basis"])
    return {
        **ours.numbers(),
        "dead_share": ours.dead,
        "random_explained_variance": random.explained_variance,
        "random_ce_recovered": random.ce_recovered,
        "ce_lost_over_random": (1 - ours.ce_recovered) / (1 - random.ce_recovered),
        "attributes_detected": share["features"],
        "neuron_attributes_detected": neurons,
        "random_attributes_detected": share["random directions"],
        "detected_beyond_neurons": share["features"] - neurons,
        "detected_beyond_random": share["features"] - share["random directions"],
        "attributes_scored": int((~detected["features"].auroc.isnan()).sum()),
    }
