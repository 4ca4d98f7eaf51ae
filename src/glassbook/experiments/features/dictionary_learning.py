"""Dictionary learning: a sparse autoencoder of a language model's activations, scored against the world's truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.features import _detection
from glassbook.experiments.features._detection import FEATURES
from glassbook.notebook import Claim, Run
from glassbook.notebook.runs.feature_dashboard import NAME

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.features import Coder, Dictionary
    from glassbook.nets import LanguageModel

BY_CHANCE = "shuffled_beyond_base_rate <= 0.02"
UNSOLVED = "unsolved_attributes >= 10"
UNLEARNT = ("random-features", "untrained")


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder", "Feature", "Monosemanticity"],
    source="Gao et al. 2024, arXiv:2406.04093; Bricken et al. 2023; controls: Korznikov et al. 2026, arXiv:2602.14111; "
    "Heap et al. 2025, arXiv:2501.17727",
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
    ablated: int = 40
    """Attributes whose units are ablated, drawn from those that a feature is named after."""
    model: str = "builtin"
    """Language model to open."""
    sabotage: Literal["none", "labels-shuffled", "random-features", "untrained-model"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("variance-beats-random",
              "A dictionary leaves at most half as much variance unexplained as random directions of equal sparsity",
              "variance_lost_over_random", "<=", 0.5, control="random_explained_variance >= 0.2", sabotages=UNLEARNT),
        Claim("loss-beats-random",
              "A dictionary raises the model's loss at most half as much as random directions of equal sparsity",
              "ce_lost_over_random", "<=", 0.5, control="random_ce_recovered >= 0.5", sabotages=UNLEARNT),
        Claim("few-are-dead", "At most 5 % of the dictionary's features are dead",
              "dead_share", "<=", 0.05, control="explained_variance >= 0.5", sabotages=("large-steps",)),
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
        Claim("precision-beats-untrained",
              "Features detect attributes with clearly higher average precision than features of an untrained model",
              "beyond_untrained_model", ">=", 0.05, control=BY_CHANCE,
              sabotages=("labels-shuffled", "untrained-model")),
        Claim("precision-beats-word",
              "Attributes that words do not give away are detected better by one feature than by a word or word pair",
              "unsolved_beyond_best_word", ">=", 0.02, control=UNSOLVED, sabotages=("labels-shuffled",)),
        Claim("precision-beats-words",
              "Attributes that words do not give away are detected better by one feature than by all words together",
              "unsolved_beyond_bag_of_words", ">=", 0.02, control=UNSOLVED, sabotages=("labels-shuffled",),
              explanation="The attributes of the Reserve are expressed by words: a regression on all words of a "
                          "sentence sees every one of them, a single feature only what its direction holds"),
        Claim("ablation-beats-neurons",
              "At equal damage, ablating a feature makes its attribute less likely than ablating a neuron does",
              "ablation_beats_neurons", ">=", 0.65, control="ablation_pairs_neurons >= 12",
              sabotages=("random-features",)),
        Claim("ablation-beats-axes",
              "At equal damage, ablating a feature makes its attribute less likely than ablating an axis does",
              "ablation_beats_residual_axes", ">=", 0.65, control="ablation_pairs_residual_axes >= 12",
              sabotages=("random-features", "untrained-model")),
        Claim("ablation-beats-random",
              "At equal damage, ablating a feature makes its attribute less likely than ablating a random one does",
              "ablation_beats_random_directions", ">=", 0.65, control="ablation_pairs_random_directions >= 12",
              sabotages=("random-features",)),
        Claim("ablation-beats-difference",
              "At equal damage, ablating a feature makes its attribute less likely than its difference of means does",
              "ablation_beats_difference_of_means", ">=", 0.65, control="ablation_pairs_difference_of_means >= 12",
              source="Wu et al. 2025, arXiv:2501.17148", sabotages=("random-features",),
              explanation="The difference of means is made from the labels and holds all that goes with an attribute; "
                          "a feature holds one part of it"),
    )  # fmt: skip
    sabotages = (
        Sabotage("labels-shuffled", "Each document has the labels of another", {"sabotage": "labels-shuffled"}),
        Sabotage("random-features", "Random directions of another seed stand in for the dictionary's features",
                 {"sabotage": "random-features"}),
        Sabotage("untrained", "The dictionary is trained for one step only", {"steps": 1}),
        Sabotage("untrained-model", "The model is untrained too, with random weights of another seed",
                 {"sabotage": "untrained-model"}),
        Sabotage("large-steps", "The learning rate is 500 times as large", {"lr": 1.0}),
    )  # fmt: skip
    outputs = Outputs(charts=("detection", "ablation"), tables=("attributes", "ablations"))

    @classmethod
    def quick(cls) -> DictionaryLearning:
        """A small dictionary of few tokens, in seconds."""
        return cls(width=256, tokens=8_000, steps=30, batch_size=512, held_out=60, ablated=2)

    def run(self, run: Run) -> None:
        """Learn a dictionary, and one of the untrained model; score both; keep the first as an artifact."""
        from glassbook.features import reinitialised
        from glassbook.trace.roles import residual_site

        lm = kit.open_model(run, self.model)
        untrained, stand_in = (replace(lm, model=reinitialised(lm.model, run.rng(name).torch()))
                               for name in ("untrained model", "stand-in"))  # fmt: skip
        lm = stand_in if self.sabotage == "untrained-model" else lm
        site = residual_site(lm.model, self.layer)
        sae, x = self._learn(run, "dictionary", lm, site)
        sae.save(run.artifact("dictionary.safetensors"), model=lm.name, site=site, skip=sorted(kit.special_ids(lm)))
        other, _ = self._learn(run, "dictionary of the untrained model", untrained, site)
        random, features = (kit.frozen_random(x, self.width, self.k, run.rng(name))
                            for name in ("random directions", "random features"))  # fmt: skip
        features = features if self.sabotage == "random-features" else sae
        self._score(run, lm, site, features, random, (untrained, other))

    def _learn(self, run: Run, label: str, lm: LanguageModel, site: str) -> tuple[Dictionary, Tensor]:
        """A dictionary of a model's activations, and those."""
        from glassbook.features import TopK

        text = kit.reserve_rows(lm, -(-self.tokens // min(256, lm.context or 256)), run.rng("text").seed)
        acts = kit.collect(run, f"text of the {label}", lm, text, site)
        d, seed = acts.dim(site), run.rng("dictionary").seed
        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr, "seed": seed}
        return kit.train_sae(run, label, (acts, site), d, self.width, TopK(self.k), **how), acts.read(site)

    def _score(
        self, run: Run, lm: LanguageModel, site: str, features: Coder, random: Coder,
        untrained: tuple[LanguageModel, Coder],
    ) -> None:  # fmt: skip
        """Reconstruction, detection and ablation on documents that nothing was trained on; the features' dashboard."""
        import torch

        from glassbook.features import Sentences
        from glassbook.features.dashboard import build_dashboard
        from glassbook.features.dashboard.autointerp import TRUTH_SCORE, from_truth
        from glassbook.trace.roles import roles

        neurons = roles(lm.model)[f"mlp.{self.layer}.neurons"]
        test = kit.documents(lm, self.held_out, seed=-1 - run.rng("held-out text").seed)
        acts = kit.collect(run, "held-out", lm, test.batches, [site, neurons])
        fresh = kit.collect(run, "held-out, untrained", untrained[0], test.batches, site).read(site)
        run.result(**_detection.reconstruction(lm, site, features, random, acts, test.batches))
        labels, mix = test.labels, run.rng("shuffled labels").torch()
        if self.sabotage == "labels-shuffled":
            labels = labels[torch.randperm(len(labels), generator=mix)]
        truth = labels[acts.index()]
        text = Sentences.of(test.sentence[acts.index()], truth)
        units = _detection.detectors(features, random, acts, site, neurons, text, truth)
        order = torch.randperm(len(text.present), generator=mix)
        found, chance = _detection.detect_all(units, (untrained[1], fresh), acts, text, lm, order)
        ablations = _detection.ablate(lm, units, found, test, labels, acts, run.rng("ablations"), self.ablated)
        run.result(shuffled_beyond_base_rate=chance, **_detection.detection_results(found),
                   **_detection.ablation_results(ablations))  # fmt: skip
        _detection.draw(run, _detection.attribute_rows(found, test.attributes), list(found), ablations)
        build_dashboard(
            features, (acts, site), lm, run.artifact(NAME).parent,
            names=from_truth(found[FEATURES], test.attributes, at_least=kit.NAMED), label_score=TRUTH_SCORE,
            about={"model": self.model, "site": site, "dictionary": "dictionary.safetensors"},
        )  # fmt: skip
