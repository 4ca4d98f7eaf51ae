"""Monosemanticity: is a feature about one thing more often than a neuron or a random direction is?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

OFTEN = 20
"""Units and labels that occur on fewer tokens are left out."""


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

    claims = (
        Claim("attribute-beats-neurons",
              "One attribute of the text explains more of the median feature's variance than of the median neuron's",
              "attribute_over_neurons", ">=", 1.5, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
        Claim("explained-beats-neurons",
              "One attribute or token explains more of the median feature's variance than of the median neuron's",
              "explained_over_neurons", ">=", 1.5, control="random_over_neurons <= 1.5", sabotages=("untrained",)),
        Claim("explained-beats-components",
              "One attribute or token explains more of the median feature than of the median principal component",
              "explained_over_components", ">=", 1.5, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
        Claim("explained-beats-random",
              "One attribute or token explains more of the median feature than of an equally sparse random direction",
              "explained_over_random", ">=", 1.5, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
        Claim("story-beats-neurons",
              "In a story model the median feature responds to fewer tokens (in bits) than the median neuron",
              "story_bits_saved", ">=", 1.0, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
        Claim("story-beats-random",
              "In a story model the median feature responds to fewer tokens (in bits) than the median random direction",
              "story_bits_saved_random", ">=", 0.5, no_control="the metric itself compares with the baseline",
              sabotages=("untrained",)),
    )  # fmt: skip
    sabotages = (Sabotage("untrained", "The dictionaries are hardly trained", {"steps": 1}),)
    outputs = Outputs(charts=("monosemanticity",))

    @classmethod
    def quick(cls) -> Monosemanticity:
        """Small dictionaries and little text."""
        return cls(width=128, k=4, steps=20, batch_size=256, sequences=32, documents=60, stories=8)

    def run(self, run: Run) -> None:
        """The Reserve with its truth, then real stories by their tokens."""
        explained, attribute = self._reserve(run)
        bits = self._stories(run)
        rows = [
            {"unit": unit, "score": float(v), "measure": measure}
            for measure, scores in {"variance explained by one label": explained, "bits of the token": bits}.items()
            for unit, values in scores.items() for v in values
        ]  # fmt: skip
        run.chart("monosemanticity", charts.spread(rows, charts.Axis("score"), "unit", "measure"))
        world, alone, stories = (
            {unit: float(values.median()) for unit, values in scores.items()} for scores in (explained, attribute, bits)
        )
        run.result(
            **{f"explained_{unit}": value for unit, value in world.items()},
            **{f"attribute_{unit}": value for unit, value in alone.items()},
            attribute_over_neurons=alone["features"] / alone["neurons"],
            explained_over_neurons=world["features"] / world["neurons"],
            explained_over_components=world["features"] / world["components"],
            explained_over_random=world["features"] / world["random"],
            random_over_neurons=world["random"] / world["neurons"],
            **{f"story_bits_{unit}": value for unit, value in stories.items()},
            story_bits_saved=stories["neurons"] - stories["features"],
            story_bits_saved_random=stories["random"] - stories["features"],
        )

    def _reserve(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Share of each unit's variance that its best attribute or token explains, and by attributes alone."""
        import torch

        from glassbook.measure.monosemanticity import single_label_r2
        from glassbook.trace.roles import residual_site, roles

        lm = kit.open_model(run, "builtin")
        site, neurons = residual_site(lm.model, self.layer), roles(lm.model)[f"mlp.{self.layer}.neurons"]
        text = kit.reserve_rows(lm, self.sequences, run.rng("text").seed)
        x = kit.collect(run, "text", lm, text, site).read(site)
        test = kit.documents(lm, self.documents, seed=-1 - run.rng("held-out text").seed)
        held_out = kit.collect(run, "held-out", lm, test.batches, [site, neurons])
        units = self._units(run, "reserve", x, held_out.read(site), held_out.read(neurons))
        labels = test.labels[held_out.index()]
        _, token, count = held_out.tokens().unique(return_inverse=True, return_counts=True)
        either = torch.cat([labels, torch.nn.functional.one_hot(token, len(count)).bool()], 1)
        either, labels = (kinds[:, kinds.sum(0) >= OFTEN] for kinds in (either, labels))
        often = {unit: (latents != 0).sum(0) >= OFTEN for unit, latents in units.items()}
        explained, by_attribute = (
            {unit: single_label_r2(latents, kinds)[0][often[unit]] for unit, latents in units.items()}
            for kinds in (either, labels)
        )
        return explained, by_attribute

    def _stories(self, run: Run) -> dict[str, Tensor]:
        """Entropy of each unit's activation over the current token, in bits, on text that the model writes."""
        import torch

        from glassbook.data.registry import find
        from glassbook.measure.monosemanticity import label_entropy
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
        found = {}
        for unit, latents in self._units(run, "stories", learn.read(site), test.read(site), test.read(neurons)).items():
            index = torch.arange(latents.shape[1]).expand_as(latents)
            parts = zip(latents.split(64, 1), index.split(64, 1), strict=True)
            bits = torch.cat([label_entropy(z, i - i[0, 0], test.tokens(), z.shape[1]) for z, i in parts])
            found[unit] = bits[(latents > 0).sum(0) >= OFTEN]
        return found

    def _units(self, run: Run, label: str, x: Tensor, held_out: Tensor, neurons: Tensor) -> dict[str, Tensor]:
        """Values of features, neurons, components and random directions on held-out tokens; none is negative.

        Neurons, components and random directions have two signs, which count as two units.
        """
        import torch

        from glassbook.features import TopK, both_signs
        from glassbook.features.classical import pca

        d, rng = x.shape[1], run.rng(f"dictionary of {label}")
        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr, "seed": rng.seed}
        sae = kit.train_sae(run, f"dictionary of {label}", x, d, self.width, TopK(self.k), **how)
        random = kit.frozen_random(x, self.width, self.k, rng.child("random directions"))
        rivals = {"neurons": neurons, "components": pca(x, d).encode(held_out), "random": random.encode(held_out)}
        with torch.no_grad():
            features = sae.encode(held_out)
        return {"features": features, **{name: both_signs(values).relu() for name, values in rivals.items()}}
