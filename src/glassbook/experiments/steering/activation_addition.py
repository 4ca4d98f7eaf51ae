"""Activation addition: steering by the difference of two prompts' activations, its effect beside its damage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook.charts import Axis
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.steering._texts import other_sentences, other_texts, perplexity_lines, theme_sentences
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel
    from glassbook.steer import Row, Score, Vector


@experiment(
    terms=["Activation addition", "Steering vector"],
    source="Turner et al. 2023, arXiv:2308.10248 (section 4, figure 3)",
)
@dataclass(frozen=True, kw_only=True)
class ActivationAddition:
    """Does adding the activations of one prompt pair make a topic more likely without damaging other text?"""

    plus: str = " bride"
    """Text to steer towards."""
    minus: str = " storm"
    """Text to steer away from."""
    theme: str = "wedding"
    """Theme of the stories whose sentences are the on-topic texts."""
    texts: int = 200
    """Sentences on the topic, and as many off it; half picks layer and strength, half is reported. As many again are
    those of the curves."""
    strengths: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0)
    """Raw coefficients to try."""
    bound: float = 1.01
    """Off-topic perplexity ratio that a strength may have on the dev half."""
    model: str = "builtin"
    """Language model to steer."""
    sabotage: Literal["none", "everywhere", "random-vector", "late-as-early"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("on-topic-likelier",
              "Activation addition makes on-topic text more likely; a random vector of the same norm does not",
              "on_topic_ratio", "<=", 0.95, control="random_on_topic_ratio >= 0.97",
              sabotages=("pair-swapped", "random-vector"),
              explanation="The effect of the best pair lies near the bound, on either side of it by the texts of a "
                          "seed: a model this small seems to keep a theme in the words said so far more than in one "
                          "direction"),
        Claim("other-themes-unharmed",
              "Activation addition that makes its topic likelier raises the perplexity of stories of other themes, "
              "which picked nothing, by at most 2 %",
              "other_themes_ratio", "<=", 1.02, control="on_topic_ratio <= 0.95", sabotages=("everywhere", "no-bound"),
              explanation="Harm to other themes is judged only where steering works on its own topic"),
        Claim("opposite-vector-hurts",
              "Activation addition with the prompt pair swapped raises the perplexity of on-topic text by at least 2 % "
              "more than a random vector of the same norm does",
              "swapped_over_random", ">=", 1.02, no_control="the metric itself compares with the random vector",
              sabotages=("pair-swapped", "random-vector"),
              explanation="The vector overwrites the tokens that a sentence begins with; how much that hurts seems to "
                          "depend on the texts of a seed more than on the direction"),
        Claim("damage-is-early",
              "Activation addition damages off-topic text most in the first half of the layers: perplexity at its "
              "worst layer is at least 1 % above that at the worst of the second half",
              "early_over_late_damage", ">=", 1.01, no_control="the metric is the ratio of early to late layers",
              sabotages=("late-as-early",),
              explanation="The vector does hardly any damage to off-topic text at any layer of this model, so no "
                          "layer stands out"),
    )  # fmt: skip
    sabotages = (
        Sabotage("pair-swapped", "The pair of prompts is swapped", {"plus": " storm", "minus": " bride"}),
        Sabotage("random-vector", "A random vector stands in for that of the pair", {"sabotage": "random-vector"}),
        Sabotage("everywhere", "The vector is added at every position, and any damage to off-topic text is allowed",
                 {"sabotage": "everywhere", "strengths": (3.0, 4.0), "bound": 1e6}),
        Sabotage("no-bound", "Strengths are large, and any damage to off-topic text is allowed",
                 {"strengths": (6.0, 8.0), "bound": 1e6}),
        Sabotage("late-as-early", "Later layers, measured on other texts, stand in for the early ones",
                 {"sabotage": "late-as-early"}),
    )  # fmt: skip
    outputs = Outputs(charts=("layers", "doses"), tables=("scores", "layers"))

    @classmethod
    def quick(cls) -> ActivationAddition:
        """Few texts and strengths: shows the machinery, judges nothing."""
        return cls(texts=12, strengths=(1.0, 2.0))

    def run(self, run: Run) -> None:
        """Sweep layers and strengths on the dev half; report the best on the test half, beside its controls."""
        from glassbook.data.world import World
        from glassbook.steer import layer_sweep, score, strength_sweep
        from glassbook.trace.roles import blocks

        lm, world = kit.open_model(run, self.model), World()
        on = theme_sentences(world, self.theme, 2 * self.texts, run.rng("on topic"))
        off = other_texts(world, 2 * self.texts, run.rng("off topic"))
        # Neither the layer nor the strength of the curves is picked on the texts that they are measured on.
        (on, curves_on), (off, curves_off) = ((x[: self.texts], x[self.texts :]) for x in (on, off))
        scores, seed = {}, run.rng("scores").seed
        names = blocks(lm.model)
        with run.progress(len(names), "layers", unit="layer") as bar:
            for name in names:
                v = self._vector(run, lm, f"{name}.in")
                scores[name] = score(lm, v, on, off, coeffs=self.strengths, bound=self.bound, seed=seed)
                bar.advance()
        site, best = self._pick_on_dev(scores)
        conditions = best.best
        strength = conditions["vector"].test.coeff or 0.0
        # Controls at the strength of the pair itself: at its own strength the swapped one would choose to do nothing.
        same = {r.condition: r for r in best.rows if (r.coeff, r.split) == (strength, "test")}
        texts, seed = (curves_on, curves_off), run.rng("layers").seed
        sweep = layer_sweep(lm, self.plus, self.minus, *texts, coeffs=strength, seed=seed)
        strengths = tuple(sorted({-b for b in self.strengths} | set(self.strengths)))
        v = self._vector(run, lm, f"{site}.in")
        others = other_sentences(world, self.theme, self.texts, run.rng("other themes"))
        curve = strength_sweep(lm, v, *texts, coeffs=strengths, seed=run.rng("strengths").seed)
        damage = [row.off_topic_ppl_ratio for row in sweep if row.condition == "vector"]
        early, late = damage[: len(names) // 2], damage[len(names) // 2 :]
        if self.sabotage == "late-as-early":
            layers = range(len(names) // 2, len(names))
            again = layer_sweep(lm, self.plus, self.minus, on, off, layers, coeffs=strength, seed=seed)
            early = [row.off_topic_ppl_ratio for row in again if row.condition == "vector"]
        run.result(
            layer=names.index(site),
            strength=strength,
            on_topic_ratio=conditions["vector"].test.on_topic_ppl_ratio,
            off_topic_ratio=conditions["vector"].test.off_topic_ppl_ratio,
            other_themes_ratio=strength_sweep(lm, v, others, others, [strength], controls=())[0].off_topic_ppl_ratio,
            random_on_topic_ratio=conditions["random"].test.on_topic_ppl_ratio,
            random_off_topic_ratio=conditions["random"].test.off_topic_ppl_ratio,
            swapped_on_topic_ratio=same["swap"].on_topic_ppl_ratio,
            swapped_over_random=same["swap"].on_topic_ppl_ratio / same["random"].on_topic_ppl_ratio,
            prompt_on_topic_ratio=conditions["prompt"].test.on_topic_ppl_ratio,
            prompt_off_topic_ratio=conditions["prompt"].test.off_topic_ppl_ratio,
            early_over_late_damage=max(early) / max(late),
        )
        run.table("scores", [row for s in scores.values() for row in s.table()])
        run.table("layers", [vars(row) for row in sweep])
        layers = perplexity_lines(
            sweep, Axis("layer", "vector added at layer"), lambda row: int(row.site.split(".")[-2])
        )
        run.chart("layers", layers)
        run.chart(
            "doses", perplexity_lines(curve, Axis("strength", "strength (raw coefficient)"), lambda row: row.coeff)
        )

    def _vector(self, run: Run, lm: LanguageModel, site: str) -> Vector:
        from glassbook.steer import Vector, actadd, random_like

        v = actadd(lm, self.plus, self.minus, site)
        if self.sabotage == "random-vector":
            return Vector(random_like(v, run.rng(f"stands in at {site}").torch()).rows, v.positional, about=v.about)
        return Vector({site: v.rows[site][-1]}, about=v.about) if self.sabotage == "everywhere" else v

    def _pick_on_dev(self, scores: dict[str, Score]) -> tuple[str, Score]:
        """The layer whose best strength makes on-topic text likeliest on the dev half within the bound."""

        def dev(score: Score) -> Row:
            key = ("vector", score.best["vector"].test.coeff, "dev")
            return next(row for row in score.rows if (row.condition, row.coeff, row.split) == key)

        def rank(item: tuple[str, Score]) -> tuple[bool, float]:
            row = dev(item[1])
            return row.off_topic_ppl_ratio > self.bound, row.on_topic_ppl_ratio

        return min(scores.items(), key=rank)
