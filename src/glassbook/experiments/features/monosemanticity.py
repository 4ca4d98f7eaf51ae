"""Monosemanticity: is a feature about one thing more often than a neuron or a random direction is?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.features._units import dense_or_sparse, explained, named, token_bits, units
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.features import Dictionary
    from glassbook.trace import Activations

UNLEARNT = ("untrained", "random-features")
HEAP = "Heap et al. 2025, arXiv:2501.17727"


@experiment(
    terms=["Monosemanticity", "Feature", "Dictionary learning"],
    source="Bricken et al. 2023; Cunningham et al. 2023, arXiv:2309.08600; controls: Korznikov et al. 2026, 2602.14111",
    data=["stories260k"],
)
@dataclass(frozen=True, kw_only=True)
class Monosemanticity:
    """Does one attribute or token explain more of a dictionary feature than of a neuron or a random direction?"""

    layer: int = 3
    """Block of the built-in model whose output is taken apart."""
    width: int = 1024
    """Features of each dictionary."""
    k: int = 8
    """Features active on a token."""
    steps: int = 1000
    """Optimiser steps."""
    batch_size: int = 2048
    """Tokens in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    sequences: int = 800
    """Sequences of 256 tokens of the Reserve to learn from."""
    documents: int = 1500
    """Held-out documents of the Reserve."""
    story_layer: int = 3
    """Block of the story model."""
    stories: int = 600
    """Sequences that the story model writes, to learn from and to judge by."""

    sabotage: Literal["none", "random-features", "untrained-model"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("attribute-beats-neurons",
              "One attribute of the text explains more of the median feature's variance than of the median neuron's",
              "attribute_over_neurons", ">=", 1.5, control="attribute_features >= 0.01", sabotages=UNLEARNT,
              explanation="Attributes belong to sentences, and most features to tokens: too few features have an "
                          "attribute that explains them at all"),
        Claim("attribute-beats-untrained",
              "One attribute explains more of the median feature in a trained model than in an untrained one",
              "attribute_over_untrained", ">=", 1.5, control="attribute_features >= 0.01",
              sabotages=("untrained-model",), source=HEAP,
              explanation="Attributes belong to sentences, and most features to tokens: too few features have an "
                          "attribute that explains them at all"),
        Claim("explained-beats-neurons",
              "One attribute or token explains more of the median feature's variance than of the median neuron's",
              "explained_over_neurons", ">=", 1.5, control="random_over_neurons <= 1.5", sabotages=UNLEARNT),
        Claim("explained-beats-components",
              "One attribute or token explains more of the median feature than of the median principal component",
              "explained_over_components", ">=", 1.5, control="explained_features >= 0.1", sabotages=UNLEARNT),
        Claim("explained-beats-random",
              "One attribute or token explains more of the median feature than of an equally sparse random direction",
              "explained_over_random", ">=", 1.5, control="explained_features >= 0.1", sabotages=UNLEARNT),
        Claim("explained-beats-untrained",
              "One attribute or token explains more of the median feature in a trained than in an untrained model",
              "explained_over_untrained", ">=", 1.5, control="explained_features >= 0.1",
              sabotages=("untrained-model",), source=HEAP,
              explanation="The stream of an untrained model holds the token and little else, so the features of its "
                          "dictionary are tokens, which this score counts as explained. It measures how simple a "
                          "feature is, not what was learnt"),
        Claim("story-beats-neurons",
              "In a story model the median feature responds to fewer tokens (in bits) than the median neuron",
              "story_bits_saved", ">=", 1.0, no_control="the metric itself compares with the baseline",
              sabotages=UNLEARNT),
        Claim("story-beats-random",
              "In a story model the median feature responds to fewer tokens (in bits) than the median random direction",
              "story_bits_saved_random", ">=", 0.5, no_control="the metric itself compares with the baseline",
              sabotages=UNLEARNT),
    )  # fmt: skip
    sabotages = (
        Sabotage("untrained", "The dictionaries are hardly trained", {"steps": 1}),
        Sabotage("random-features", "Random directions of another seed stand in for the features",
                 {"sabotage": "random-features"}),
        Sabotage("untrained-model", "The model of the Reserve is untrained too, with random weights of another seed",
                 {"sabotage": "untrained-model"}),
    )  # fmt: skip
    outputs = Outputs(charts=("monosemanticity",))

    @classmethod
    def quick(cls) -> Monosemanticity:
        """Small dictionaries and little text."""
        return cls(width=128, k=4, steps=20, batch_size=256, sequences=32, documents=60, stories=40)

    def run(self, run: Run) -> None:
        """The Reserve with its truth, then real stories by their tokens."""
        either, attribute = self._reserve(run)
        bits = self._stories(run)
        rows = [
            {"unit": unit, "score": float(v), "measure": measure}
            for measure, scores in {"variance explained by one label": either, "bits of the token": bits}.items()
            for unit, values in scores.items() for v in values
        ]  # fmt: skip
        run.chart("monosemanticity", charts.spread(rows, charts.Axis("score"), "unit", "measure"))
        world, alone, stories = (
            {unit: float(values.median()) for unit, values in scores.items()} for scores in (either, attribute, bits)
        )
        neurons = dense_or_sparse(world, "neurons")[1]
        run.result(
            **named("explained", world),
            **named("attribute", alone),
            **named("story_bits", stories),
            attribute_over_neurons=alone["features"] / dense_or_sparse(alone, "neurons")[1],
            attribute_over_untrained=alone["features"] / alone["untrained model"],
            explained_over_neurons=world["features"] / neurons,
            explained_over_components=world["features"] / dense_or_sparse(world, "components")[1],
            explained_over_random=world["features"] / world["random"],
            explained_over_untrained=world["features"] / world["untrained model"],
            random_over_neurons=world["random"] / neurons,
            story_bits_saved=dense_or_sparse(stories, "neurons")[0] - stories["features"],
            story_bits_saved_random=stories["random"] - stories["features"],
        )

    def _reserve(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Share of each unit's variance that its best attribute or token explains, and by attributes alone."""
        from glassbook.features import reinitialised
        from glassbook.trace.roles import residual_site, roles

        lm = kit.open_model(run, "builtin")
        fresh, stand_in = (replace(lm, model=reinitialised(lm.model, run.rng(name).torch()))
                           for name in ("untrained model", "stand-in"))  # fmt: skip
        lm = stand_in if self.sabotage == "untrained-model" else lm
        site, neurons = residual_site(lm.model, self.layer), roles(lm.model)[f"mlp.{self.layer}.neurons"]
        text = list(kit.reserve_rows(lm, self.sequences, run.rng("text").seed))
        test = kit.documents(lm, self.documents, seed=-1 - run.rng("held-out text").seed)
        x, other = (kit.collect(run, label, model, text, site).read(site)
                    for label, model in (("text", lm), ("text, untrained", fresh)))  # fmt: skip
        held_out = kit.collect(run, "held-out", lm, test.batches, [site, neurons])
        values = self._units(run, "reserve", x, held_out, (site, neurons))
        sae = self._dictionary(run, "untrained", other)
        acts = kit.collect(run, "held-out, untrained", fresh, test.batches, site)
        values["untrained model"] = sae.encode(acts.read(site)).detach()
        return explained(values, test.labels[held_out.index()], held_out.tokens())

    def _stories(self, run: Run) -> dict[str, Tensor]:
        """Entropy of each unit's activation over the current token, in bits, on text that the model writes."""
        import torch

        from glassbook.data.registry import find
        from glassbook.trace.roles import residual_site, roles

        lm = kit.open_model(run, str(find("stories260k").paths()["stories260K.bin"]), label="stories260K")
        assert lm.tokenizer is not None
        start = torch.full((self.stories, 1), lm.tokenizer.bos or 1)
        generator, generate = run.rng("stories").torch(), cast(Any, lm.model).generate
        written = torch.cat(
            [generate(ids, max_new_tokens=200, temperature=1.0, generator=generator) for ids in start.split(100)]
        )
        site, neurons = residual_site(lm.model, self.story_layer), roles(lm.model)[f"mlp.{self.story_layer}.neurons"]
        cut = len(written) * 4 // 5
        learn, test = (
            kit.collect(run, label, lm, [{"input_ids": ids} for ids in part.split(32)], [site, neurons])
            for label, part in (("stories", written[:cut]), ("held-out stories", written[cut:]))
        )
        return token_bits(self._units(run, "stories", learn.read(site), test, (site, neurons)), test.tokens())

    def _units(self, run: Run, label: str, x: Tensor, test: Activations, sites: tuple[str, str]) -> dict[str, Tensor]:
        """Values of features and their rivals on held-out tokens."""
        sae, stand_in = self._dictionary(run, label, x), self.sabotage == "random-features"
        rng = run.rng(f"random directions of {label}")
        return units(sae, self.k, x, test.read(sites[0]), test.read(sites[1]), rng, stand_in)

    def _dictionary(self, run: Run, label: str, x: Tensor) -> Dictionary:
        """A sparse autoencoder of activations."""
        from glassbook.features import TopK

        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr}
        seed = run.rng(f"dictionary of {label}").seed
        return kit.train_sae(run, f"dictionary of {label}", x, x.shape[1], self.width, TopK(self.k), seed=seed, **how)
