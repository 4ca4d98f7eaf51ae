"""Tour: features of a language model's middle layer, what they detect, and whether steering with them works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.tour import _charts, _learning, _steering, cards, corpus
from glassbook.notebook import Claim, Run
from glassbook.notebook.runs.feature_dashboard import NAME, FeatureDashboard

if TYPE_CHECKING:
    from glassbook.experiments.tour.corpus import Corpus
    from glassbook.features import Dictionary
    from glassbook.nets import LanguageModel
    from glassbook.trace import Activations


@experiment(
    terms=["Dictionary learning", "Feature", "Activation steering"],
    source="Gao et al. 2024, arXiv:2406.04093; Turner et al. 2023, arXiv:2308.10248",
)
@dataclass(frozen=True, kw_only=True)
class Tour:
    """What do the features of a model's middle layer mean, and does steering with them do what they seem to mean?"""

    model: str = "builtin"
    """Language model: "builtin", a llama2.c .bin, a folder (config.json and safetensors), or a Hugging Face id."""
    tokenizer: str | None = None
    """A tokenizer.json, a folder, a llama2.c tokenizer .bin, a Hugging Face id, or "bytes"; by default the model's."""
    text: Path | None = None
    """Text file to record activations on, paragraphs between blank lines; by default the Reserve for the built-in
    model, and text that the model writes for any other."""
    small: bool = False
    """Take a tenth of the text, a small dictionary and a handful of prompts: ends in seconds."""
    sabotage: Literal["none", "random-dictionary", "random-vectors"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("features-explain",
              "Features leave at most half as much variance unexplained as equally many random directions do",
              "unexplained_over_random", "<=", 0.5, no_control="the metric itself compares with the baseline",
              sabotages=("random-dictionary",)),
        Claim("beats-random-loss", "A dictionary's loss increase is at most a fifth of that of random directions",
              "ce_lost_over_random", "<=", 0.2, no_control="the metric itself compares with the baseline",
              sabotages=("random-dictionary",),
              explanation="The tour trains its dictionary for a minute or so; a longer training probably brings it "
                          "nearer to the model's own loss"),
        Claim("feature-steers", "Steering with a feature brings its words into more texts; a random vector does not",
              "feature_lift", ">=", 0.2, control="feature_random_lift <= 0.1",
              sabotages=("random-vectors",),
              explanation="The model keeps to the people and things that a story has named; a direction added to its "
                          "stream competes with them"),
        Claim("pair-steers", "Activation addition of a pair brings its words into more texts; a random one does not",
              "pair_lift", ">=", 0.1, control="pair_random_lift <= 0.1", sabotages=("random-vectors",),
              explanation="The model keeps to the people and things that a story has named; a direction added to its "
                          "stream competes with them"),
        Claim("attributes-detected",
              "Most attributes of the synthetic text have a feature that detects them: its F1 is at least half-way "
              "from that of calling every sentence positive to 1",
              "attributes_detected", ">=", 0.5, sabotages=("random-dictionary",),
              no_control="beats-neurons and beats-random compare this number with baselines"),
        Claim("beats-neurons", "Features detect clearly more attributes of the synthetic text than neurons do",
              "detected_beyond_neurons", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("random-dictionary",)),
        Claim("beats-random", "Features detect clearly more attributes of synthetic text than random directions do",
              "detected_beyond_random", ">=", 0.1, no_control="the metric itself compares with the baseline",
              sabotages=("random-dictionary",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("random-dictionary", "Random directions of another seed stand in where the features are scored",
                 {"sabotage": "random-dictionary"}),
        Sabotage("random-vectors", "Random vectors stand in for the feature's and the pair's",
                 {"sabotage": "random-vectors"}),
    )  # fmt: skip
    outputs = Outputs(
        charts=("learning", "density", "detection", "steering"),
        tables=("attributes", "tour", "scores", "features", "steering"),
    )

    @classmethod
    def quick(cls) -> Tour:
        """Every step, in seconds."""
        return cls(small=True)

    def run(self, run: Run) -> None:
        """Read, train a dictionary, name its features, steer; keep what the tour's page is written from."""
        from glassbook.trace.roles import blocks, residual_site, roles

        lm = kit.open_model(run, self.model, tokenizer=self.tokenizer)
        layer = len(blocks(lm.model)) // 2
        site = residual_site(lm.model, layer)
        text = corpus.collect(lm, self.text, small=self.small, run=run)
        sae, (random, other), tokens = _learning.dictionary(run, lm, site, text, self.small)
        scored = other if self.sabotage == "random-dictionary" else sae
        inputs = text.documents.batches if text.documents else corpus.batches(lm, text.held_out)
        sites = [site, roles(lm.model)[f"mlp.{layer}.neurons"]] if text.documents else [site]
        held_out = kit.collect(run, "held-out", lm, inputs, sites)
        # The loss takes four passes through the whole model: a few batches of all lengths say enough.
        some = inputs[:: max(1, len(inputs) // 8)]
        x = held_out.read(site)
        scores = _learning.scores(run, lm, site, some, x, {"learnt": scored, "random": random})
        run.result(**_learning.numbers(scores["learnt"], scores["random"]))
        attributes, shipped = [], []
        if text.documents:
            rows = (x, held_out.read(sites[1]), text.documents, held_out.index(), held_out.tokens(), lm.decode)
            attributes = cards.detect_attributes(scored, random, *rows)
            run.result(**cards.results(attributes))
            run.table("attributes", attributes)
            # The shipped dictionary is larger and trained for longer: its features are the better ones to steer with.
            trained = kit.open_dictionary(run, "builtin")
            shipped = _steering.named_features(trained, site, cards.detect_attributes(trained, random, *rows))
        described = self._features(run, lm, site, sae, held_out, attributes)
        self._steer(run, lm, text, shipped or _steering.word_features(sae, site, described))
        opening = "One day" if text.documents else lm.opening
        sample = lm.generate([opening], tokens=80 if text.documents else 40)
        steps, _ = run.metrics("dictionary_explained_variance")
        facts = {"model": lm.name, "parameters": lm.parameters, "vocabulary": lm.vocab, "sample": opening + sample[0],
                 "text": text.origin, "site": site, "d_in": sae.d_in, "width": sae.width, "tokens": tokens,
                 "steps": max(steps, default=0)}  # fmt: skip
        run.table("tour", [facts])
        run.table("scores", [{"dictionary": name, **s.numbers(), "dead": s.dead} for name, s in scores.items()])

    def _features(
        self, run: Run, lm: LanguageModel, site: str, sae: Dictionary, held_out: Activations,
        attributes: Sequence[dict[str, Any]],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The dashboard of the features, and each active feature in short, the most telling first."""
        from glassbook.features.dashboard import build_dashboard

        build_dashboard(sae, (held_out, site), lm, run.artifact(NAME).parent, names=cards.names(attributes),
              label_score="average precision on held-out sentences",
              about={"model": lm.name, "site": site, "dictionary": kit.DICTIONARY})  # fmt: skip
        dashboard, named = FeatureDashboard(run.folder), cards.named(attributes)
        features = [feature for i in range(sae.width) if (feature := dashboard.feature(i)).density]
        described = cards.ranked([cards.card(feature, named.get(feature.index, ())) for feature in features])
        run.table("features", described)
        _charts.learning(run)
        _charts.density(run, [feature.density for feature in features])
        if attributes:
            _charts.detection(run, attributes)
        return described

    def _steer(self, run: Run, lm: LanguageModel, text: Corpus, features: Sequence[_steering.Candidate]) -> None:
        """Steer with one feature and with one pair; strengths are chosen on other prompts than those reported."""
        from glassbook.steer import everywhere, in_norms, random_like
        from glassbook.trace.roles import blocks, residual_site

        n = len(blocks(lm.model))
        early = [residual_site(lm.model, i, "in") for i in sorted({n // 6, n // 3})]
        pairs = _steering.pairs(lm, early, themes=bool(text.documents))
        features = [replace(c, vector=in_norms(lm, c.vector)) for c in features]
        if self.sabotage == "random-vectors":
            g = run.rng("random vectors").torch()
            pairs, features = ([replace(c, vector=random_like(c.vector, g)) for c in of] for of in (pairs, features))
        effort = _steering.effort(lm, self.small)
        tried = _steering.try_out(run, "pair", lm, pairs, text.openings, _steering.PAIR_STRENGTHS, effort)
        results = {"pair": tried}
        if features:  # none has a word of its own that could be counted
            strengths = _steering.FEATURE_STRENGTHS
            tried = _steering.try_out(run, "feature", lm, features, text.openings, strengths, effort, everywhere())
            results = {"feature": tried, **results}
        for name, result in results.items():
            share = {condition["condition"]: condition["share"] for condition in result["conditions"]}
            gained = {c: share.get(c, share["plain"]) - share["plain"] for c in ("steered", "random vector")}
            run.result(**{f"{name}_lift": gained["steered"], f"{name}_random_lift": gained["random vector"]})
        run.table("steering", list(results.values()))
        _charts.steering(run, list(results.values()))
