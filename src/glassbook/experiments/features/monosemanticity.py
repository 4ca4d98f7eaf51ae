"""Is a feature about one thing more often than a neuron is?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any, cast

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run


@experiment(
    terms=["Monosemanticity", "Feature", "Dictionary learning"],
    source="Bricken et al. 2023; Cunningham et al. 2023, arXiv:2309.08600; controls: Korznikov et al. 2026, 2602.14111",
)
@dataclass(frozen=True, kw_only=True)
class Monosemanticity:
    """Does one attribute, or one token, account for more of a feature than of a neuron or a random direction?"""

    layer: int = 3
    """Block of the built-in model whose output is taken apart."""
    width: int = 1024
    """Features of each dictionary."""
    k: int = 16
    """Features active on a token."""
    steps: int = 1000
    """Optimiser steps."""
    batch: int = 2048
    """Tokens in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    sequences: int = 800
    """Sequences of 256 tokens of the Reserve to learn from."""
    documents: int = 1500
    """Held-out documents of the Reserve."""
    story_layer: int = 3
    """Block of the story model, if its files are there."""
    stories: int = 600
    """Sequences that the story model writes, to learn from and to judge by."""

    claims = (
        Claim(
            "attribute-beats-neurons",
            "An attribute explains more of the median feature than of the median neuron",
            "attribute_over_neurons",
            ">=",
            1.5,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "explained-beats-neurons",
            "An attribute or token explains more of the median feature than of the median neuron",
            "explained_over_neurons",
            ">=",
            1.5,
            control="random_over_neurons <= 1.5",
        ),
        Claim(
            "explained-beats-components",
            "An attribute or token explains more of the median feature than of the median principal component",
            "explained_over_components",
            ">=",
            1.5,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "explained-beats-random",
            "An attribute or token explains more of the median feature than of an equally sparse random direction",
            "explained_over_random",
            ">=",
            1.5,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "story-beats-neurons",
            "In a story model the median feature responds to fewer tokens than the median neuron (in bits)",
            "story_bits_saved",
            ">=",
            1.0,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "story-beats-random",
            "In a story model the median feature responds to fewer tokens than the median random direction (in bits)",
            "story_bits_saved_random",
            ">=",
            0.5,
            no_control="the metric itself compares with the rival",
        ),
    )

    @classmethod
    def quick(cls) -> Monosemanticity:
        """Small dictionaries and little text."""
        return cls(width=128, k=4, steps=20, batch=256, sequences=32, documents=60, stories=8)

    def run(self, run: Run) -> None:
        """The Reserve with its truth, then real stories by their tokens."""
        from glassbook.data.registry import find

        path = find("stories260k").paths()["stories260K.bin"]  # before any work: it may not be here
        world, attribute, rows = self._reserve(run)
        stories, more = self._stories(run, str(path))
        run.chart("monosemanticity", _chart(rows + more))
        run.result(
            **{f"explained_{name}": value for name, value in world.items()},
            **{f"attribute_{name}": value for name, value in attribute.items()},
            attribute_over_neurons=attribute["features"] / attribute["neurons"],
            explained_over_neurons=world["features"] / world["neurons"],
            explained_over_components=world["features"] / world["components"],
            explained_over_random=world["features"] / world["random"],
            random_over_neurons=world["random"] / world["neurons"],
            **{f"story_bits_{name}": value for name, value in stories.items()},
            story_bits_saved=stories["neurons"] - stories["features"],
            story_bits_saved_random=stories["random"] - stories["features"],
        )

    def _reserve(self, run: Run) -> tuple[dict[str, float], dict[str, float], list[dict[str, Any]]]:
        """Median share of a unit's variance that its best attribute or token explains, and by attributes alone."""
        import torch

        from glassbook.data.tokens import labelled, take, training_rows
        from glassbook.data.world import World
        from glassbook.measure import single_label_r2
        from glassbook.nets import model_path, open_model
        from glassbook.trace import record
        from glassbook.trace.roles import blocks

        lm, world = open_model("builtin"), World()
        run.uses("model", "builtin", path=model_path("builtin"))
        assert lm.tokenizer is not None
        block = blocks(lm.model)[self.layer]
        sites = [f"{block}.out", f"{block}.mlp.down.in"]
        specials = {i for i in (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) if i is not None}
        text = (
            {"input_ids": torch.from_numpy(training_rows(world, lm.tokenizer, step, 16, 256, seed=4000 + run.seed))}
            for step in range(-(-self.sequences // 16))
        )
        test = labelled(lm.tokenizer, take(world.stream(-1000 - run.seed), self.documents), world.attributes())
        ids, real = torch.from_numpy(test.input_ids), torch.from_numpy(test.real)
        held = [
            {"input_ids": i, "attention_mask": m.long()} for i, m in zip(ids.split(64), real.split(64), strict=True)
        ]
        with tempfile.TemporaryDirectory() as folder:
            x = record(lm.model, text, sites[0], f"{folder}/x", skip=specials).read(sites[0]).clone()
            seen = record(lm.model, held, sites, f"{folder}/held", skip=specials)
            sequence, position = seen.index()
            labels = torch.from_numpy(test.labels)[sequence, position]
            units = self._units(run, x, *(seen.read(site).clone() for site in sites))
            tokens = seen.tokens()
        _, token, count = tokens.unique(return_inverse=True, return_counts=True)
        said = torch.cat([labels, torch.nn.functional.one_hot(token, len(count)).bool()], 1)
        said, known = said[:, said.sum(0) >= 20], labels[:, labels.sum(0) >= 20]
        rows, medians, alone = [], {}, {}
        for name, codes in units.items():
            often = (codes != 0).sum(0) >= 20
            share = single_label_r2(codes, said)[0][often]
            medians[name] = float(share.median())
            alone[name] = float(single_label_r2(codes, known)[0][often].median())
            rows += [{"unit": name, "score": float(v), "measure": "variance explained by one label"} for v in share]
        return medians, alone, rows

    def _stories(self, run: Run, path: str) -> tuple[dict[str, float], list[dict[str, Any]]]:
        """Median entropy of a unit's activation over the current token, in bits, on text that the model writes."""
        import torch

        from glassbook.measure import label_entropy
        from glassbook.nets import open_model
        from glassbook.trace import record
        from glassbook.trace.roles import blocks

        run.uses("model", "stories260K", path=path)
        lm = open_model(path)
        assert lm.tokenizer is not None
        start = torch.full((self.stories, 1), lm.tokenizer.bos or 1)
        draws, write = torch.Generator().manual_seed(run.seed), cast(Any, lm.model).generate
        parts = [write(ids, max_new_tokens=200, temperature=1.0, generator=draws) for ids in start.split(100)]
        written = torch.cat(parts)
        block = blocks(lm.model)[self.story_layer]
        sites = [f"{block}.out", f"{block}.mlp.down.in"]
        skip = {i for i in (lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad) if i is not None}
        cut = len(written) * 4 // 5
        with tempfile.TemporaryDirectory() as folder:
            train, test = (
                record(lm.model, [{"input_ids": i} for i in part.split(32)], sites, f"{folder}/{n}", skip=skip)
                for n, part in enumerate((written[:cut], written[cut:]))
            )
            x, held, neurons = (r.read(s).clone() for r, s in ((train, sites[0]), (test, sites[0]), (test, sites[1])))
            tokens = test.tokens()
        rows, medians = [], {}
        for name, codes in self._units(run, x, held, neurons).items():
            index = torch.arange(codes.shape[1]).expand_as(codes)
            parts = zip(codes.split(64, 1), index.split(64, 1), strict=True)
            bits = torch.cat([label_entropy(z, i - i[0, 0], tokens, z.shape[1]) for z, i in parts])
            alive = bits[(codes > 0).sum(0) >= 20]
            medians[name] = float(alive.median())
            rows += [{"unit": name, "score": float(v), "measure": "bits of the token (stories)"} for v in alive]
        return medians, rows

    def _units(self, run: Run, x, held, neurons) -> dict[str, Any]:
        """Codes of held-out tokens by features, neurons, components and random directions; none is negative.

        Neurons and components have two signs, which count as two units.
        """
        import torch

        from glassbook.features import Dictionary, TopK, fit
        from glassbook.features.classical import pca

        torch.manual_seed(run.seed)
        learnt, random = (Dictionary(x.shape[1], self.width, TopK(self.k)) for _ in range(2))
        random.b_dec.data.copy_(x.mean(0))
        fit(learnt, x, steps=self.steps, batch=self.batch, lr=self.lr, seed=run.seed)
        components = pca(x, x.shape[1]).encode(held)
        with torch.no_grad():
            features, directions = learnt.encode(held), random.encode(held)
        both = [torch.cat([u, -u], 1).relu() for u in (neurons, components)]
        return {"features": features, "neurons": both[0], "components": both[1], "random": directions}


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    return (
        alt.Chart(alt.Data(values=rows))
        .mark_boxplot(extent="min-max", size=14)
        .encode(
            x=alt.X("score:Q", title=None),
            y=alt.Y("unit:N", title=None, sort=["features", "neurons", "components", "random"]),
            color=alt.Color("unit:N", legend=None),
            row=alt.Row("measure:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left", labelOrient="top")),
        )
        .properties(height=100)
        .resolve_scale(x="independent")
        .to_dict()
    )
