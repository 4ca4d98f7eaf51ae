"""The built-in language model, measured on the world that its text comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run


@experiment(terms=["Language model", "Entropy", "Honesty and deceit"], source="Shannon 1951")
@dataclass(frozen=True, kw_only=True)
class BuiltinModel:
    """How much of what can be known of its text does the built-in model know?

    The seeds draw other held-out text; the model stays the same.
    """

    model: str = "builtin"
    """Language model, as `open_model` takes it."""
    held_out: int = 2000
    """Documents that the loss is measured on; none was trained on."""
    reports: int = 1200
    """Held-out reports whose verdict is predicted."""
    sampled: int = 192
    """Texts sampled from nothing, and as many after beginnings of stories, whose words are looked up."""
    counted: int = 20_000
    """Rows of training text that the n-gram models count."""
    sabotage: Literal["none", "untrained", "another-world"] = "none"
    """What is done to the model or the world on purpose."""

    claims = (
        Claim("near-entropy",
              "In each genre, the cross-entropy of the built-in model is within 3 % of the entropy of the text",
              "worst_loss_over_entropy", "<=", 1.03, control="bigram_over_entropy >= 1.5",
              sabotages=("another-world",),
              explanation="Stories are what is missing: they ask for what was said many sentences before, and a model "
                          "of this size has not learnt all of that from this much text"),
        Claim("beats-ngrams",
              "The cross-entropy of the built-in model is at least 0.1 nats below that of the best n-gram model that "
              "sees up to four tokens before the next, counted on text as it was trained on",
              "ngram_gap_nats", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
        Claim("knows-its-words",
              "At most one word in 200 that the built-in model writes at top-p 0.95 is no word of its training text's "
              "language", "unknown_words", "<=", 0.005, control="unknown_words_of_bigrams >= 0.02",
              sabotages=("untrained",),
              explanation="Rare words are written in pieces, and one unlikely piece is enough to make a word that "
                          "does not exist"),
        Claim("recalls-facts",
              "The built-in model recalls the facts that its training text states, a word for each beginning",
              "recall", ">=", 0.9, control="recall_of_another_world <= 0.2", sabotages=("another-world",)),
        Claim("tells-lies",
              "The built-in model tells an account that contradicts the record before it from one that agrees",
              "verdict_auroc", ">=", 0.9, control="verdict_auroc_other_record <= 0.6", sabotages=("untrained",),
              explanation="The verdict needs two sentences to be compared word by word. Training on "
                          "reports did not bring the model to compare, nor did exercises made for that"),
    )  # fmt: skip
    sabotages = (
        Sabotage("untrained", "Every tensor of the model is drawn anew with its mean and spread",
                 {"sabotage": "untrained"}),
        Sabotage("another-world", "The text that it is measured on is told by a world with other facts",
                 {"sabotage": "another-world"}),
    )  # fmt: skip
    outputs = Outputs(charts=("genres",), tables=("samples", "genres"))

    @classmethod
    def quick(cls) -> BuiltinModel:
        """Few texts, in seconds."""
        return cls(held_out=40, reports=20, sampled=4, counted=64)

    def run(self, run: Run) -> None:
        """Count the rivals on training text, then measure the model on held-out text."""
        import numpy as np

        from glassbook.data.world import World
        from glassbook.experiments.language._ngrams import NGrams
        from glassbook.experiments.language._scores import measure
        from glassbook.features.controls import reinitialised

        lm = kit.open_model(run, self.model)
        if self.sabotage == "untrained":
            lm = replace(lm, model=reinitialised(lm.model, run.rng("weights").torch()))
        world = World(1 if self.sabotage == "another-world" else 0)
        seed = run.rng("counted text").seed
        text = (batch["input_ids"].numpy().astype(np.int32) for batch in kit.reserve_rows(lm, self.counted, seed))
        rival = NGrams(np.concatenate(list(text)), len(kit.tokenizer_of(lm)))
        measure(run, lm, world, rival, self.held_out, self.reports, self.sampled)
