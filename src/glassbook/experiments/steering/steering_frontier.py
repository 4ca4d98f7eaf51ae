"""Ways of steering compared: the effect of seven of them beside the damage that they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.charts import Axis
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.steering._arms import arm_row, best_vector, pick, ratio, recalled, sample
from glassbook.experiments.steering._topics import find_topic, steering_feature
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    import torch

    from glassbook.experiments.steering._topics import Topic
    from glassbook.steer.apply import Intervention
    from glassbook.steer.effects import Condition, Effect


TYPICAL = 0.2
"""A strength at which directions usually act without much damage, in median norms of the stream."""


@experiment(
    terms=["Activation steering", "Pareto frontier"],
    source="Wu et al. 2025, arXiv:2501.17148 (AxBench); Turner et al. 2023, arXiv:2308.10248",
)
@dataclass(frozen=True, kw_only=True)
class SteeringFrontier:
    """Which source of steering vectors has the most effect for its damage, and does any match a prompt?"""

    model: str = "builtin"
    """Of any other model, texts that it wrote itself are steered towards, those with the theme as a word."""
    theme: str = "wedding"
    """Theme of the stories that are to be made likelier."""
    pair: tuple[str, str] = (" bride", " storm")
    """Texts of the activation addition."""
    actadd_site: str = "blocks.2.in"
    """Where the activation addition is made; all else is done at the dictionary's site."""
    pairs: int = 200
    """Sentences of the theme, and of others, that directions are found on."""
    texts: int = 200
    """Other sentences of the theme, and as many texts off it; half picks each strength, half is reported."""
    strengths: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    """Of directions, in median norms of the stream; clamps are at the feature's largest value for `TYPICAL`."""
    raw: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    """Of the activation addition, as published."""
    bound: float = 1.02
    """Off-topic perplexity ratio that a strength, or a prompt, may have on the half that picks."""
    sabotage: Literal["none", "labels-swapped", "random-direction", "prompt-off-topic", "wrong-feature", "always"] = (
        "none"
    )
    """What is broken on purpose."""

    claims = (
        Claim("mean-difference-works",
              "Adding the mean difference of activations makes on-topic text more likely; a random vector does not",
              "mean_difference_on_topic", "<=", 0.95, control="random_on_topic >= 0.98",
              sabotages=("labels-swapped", "random-direction"),
              explanation="Random vectors of the same norm make these texts likelier as well, so the runs cannot tell "
                          "the direction from a push of its length"),
        Claim("prompt-is-stronger",
              "Within the same damage, an on-topic prompt leaves on-topic text a perplexity at least 2 % below that "
              "under the best steering vector",
              "prompt_over_best", "<=", 0.98, control="prompt_on_topic < 1.0", sabotages=("prompt-off-topic",),
              explanation="Even its first words harm off-topic text more than a vector is allowed to, so that "
                          "no prompt is left to compare"),
        Claim("mean-difference-beats-feature",
              "Adding the mean difference, which works, leaves on-topic text a perplexity at least 2 % below that "
              "under the direction of a dictionary feature",
              "mean_difference_over_feature", "<=", 0.98, control="mean_difference_on_topic <= 0.95",
              sabotages=("labels-swapped", "random-direction"),
              explanation="A feature that is chosen by what it brings about seems to be nearly as good a direction"),
        Claim("clamping-beats-adding",
              "Clamping a dictionary feature, which works, leaves on-topic text a perplexity at least 2 % below that "
              "under its direction, added",
              "clamp_over_feature", "<=", 0.98, control="clamp_on_topic <= 0.95", sabotages=("wrong-feature",),
              explanation="Clamping sets the feature wherever a text goes, also where it was active already; adding it "
                          "leaves that difference in place and does as well"),
        Claim("facts-stay-likely",
              "The best steering vector, which works, raises the perplexity of statements of fact by at most 5 %",
              "facts_ratio", "<=", 1.05, control="best_on_topic <= 0.95", sabotages=("no-bound",)),
        Claim("facts-stay-recalled",
              "Under the best steering vector, which works, a model recalls at most 1 % fewer facts",
              "recall_drop", "<=", 0.01, control="best_on_topic <= 0.95", sabotages=("no-bound",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("labels-swapped", "Directions are found with on-topic texts taken for others",
                 {"sabotage": "labels-swapped"}),
        Sabotage("random-direction", "A random direction stands in for the mean difference",
                 {"sabotage": "random-direction"}),
        Sabotage("prompt-off-topic", "Words of another topic stand in for the on-topic prompt",
                 {"sabotage": "prompt-off-topic"}),
        Sabotage("wrong-feature", "Another feature is clamped than the one whose direction is added",
                 {"sabotage": "wrong-feature"}),
        Sabotage("no-bound", "Strengths are large, one is always taken, any damage is allowed, and activation "
                 "addition, which does little, is left out",
                 {"strengths": (0.8, 1.2, 1.6), "raw": (), "bound": 1e6, "sabotage": "always"}),
    )  # fmt: skip
    outputs = Outputs(charts=("frontier",), tables=("best", "all"))

    @classmethod
    def quick(cls) -> SteeringFrontier:
        """Few texts and strengths."""
        return cls(pairs=8, texts=8, strengths=(0.1, 0.2), raw=(1.0, 2.0))

    def run(self, run: Run) -> None:
        """Make every vector, measure all strengths, pick on one half and report on the other."""
        import torch

        from glassbook.steer.effects import PROMPT, Condition, effects

        topic = find_topic(self.model, self.theme, self.pairs, self.texts, run)
        lm, on, off = topic.lm, topic.on, topic.off
        ways = self._ways(topic, run.rng("random direction").torch())
        theme, other = topic.prompts
        theme = topic.minus[0] if self.sabotage == "prompt-off-topic" else theme
        measured = [effects(lm, texts, ways) for texts in (on, off, topic.facts) if texts]
        some = dict([next(iter(ways.items()))])

        def after(prompt: str, texts: list[str]) -> Effect:
            return effects(lm, texts, some, prompt=(lm.encode(prompt, bos=False), []))[PROMPT]

        # What strengths are to a vector, the first words of a prompt and the whole of it are to the prompt.
        prompts = {
            (name, n): " ".join(prompt.split()[:n])
            for name, prompt in (("prompt", theme), ("other_prompt", other))
            for n in sorted({2, 4, len(prompt.split())})
        }
        for key, prompt in prompts.items():
            for texts, found in zip((on, off, topic.facts), measured, strict=False):
                found[Condition("", *key)] = after(prompt, texts)
        generator = run.rng("halves").torch()
        halves = [torch.randperm(len(texts), generator=generator).tensor_split(2) for texts in (on, off)]
        rows = [arm_row(way, half, measured, [h[half] for h in halves]) for way in measured[0] for half in (0, 1)]
        names = dict.fromkeys(row["condition"] for row in rows)
        best = {name: pick(rows, name, self.bound, self.sabotage != "always") for name in names}
        winner = best_vector(best)
        run.result(
            **{f"{name}_on_topic": row["on"] for name, row in best.items()},
            **{f"{name}_off_topic": row["off"] for name, row in best.items()},
            **{f"{name}_wrong_share": row["harmed"] for name, row in best.items()},
            best_on_topic=winner["on"],
            prompt_over_best=best["prompt"]["on"] / winner["on"],
            other_prompt_over_best=best["other_prompt"]["on"] / winner["on"],
            mean_difference_over_feature=best["mean_difference"]["on"] / best["feature"]["on"],
            clamp_over_feature=best["clamp"]["on"] / best["feature"]["on"],
        )
        interventions = {(way.name, way.coeff): intervention for way, intervention in ways.items()}
        if topic.facts:
            run.result(**recalled(topic, interventions.get((winner["condition"], winner["coeff"]))))
            facts, prompt = (ratio(measured[2], row) for row in (winner, best["prompt"]))
            run.result(facts_ratio=facts, prompt_facts_ratio=prompt)
        samples = [sample(topic, row, interventions, prompts, run.rng("samples").seed) for row in best.values()]
        run.table("best", [row | sample for row, sample in zip(best.values(), samples, strict=True)])
        run.table("all", rows)
        tested = [row for row in rows if row["half"] == "test" and row["off"] < 1.3]
        points = [row | {"damage": 100 * (row["off"] - 1)} for row in tested]
        title = "damage: perplexity off the topic, % more (30 and beyond not shown)"
        damage, effect = Axis("damage", title, scale="symlog"), Axis("on", "effect: perplexity on the topic")
        run.chart("frontier", charts.lines(points, damage, effect, "condition", order="coeff", points=True))

    def _ways(self, topic: Topic, generator: torch.Generator) -> dict[Condition, Intervention]:
        """Every way of steering at every strength, in the model's own units."""
        from glassbook import steer
        from glassbook.steer.effects import Condition

        lm, coder, plus, minus = topic.lm, topic.coder, topic.plus, topic.minus
        if self.sabotage == "labels-swapped":
            plus, minus = minus, plus
        site = coder.about["site"]
        mean = steer.mean_difference(lm, plus, minus, site, token="mean")
        random = steer.random_like(mean, generator)
        mean = steer.random_like(mean, generator) if self.sabotage == "random-direction" else mean
        index, largest = steering_feature(topic, TYPICAL)
        clamped = (index + 1) % coder.width if self.sabotage == "wrong-feature" else index
        directions = {
            "mean_difference": mean,
            "principal": steer.repe_pca(lm, plus, minus, site, token="mean"),
            "probe": steer.logistic_probe(lm, plus, minus, site, token="mean"),
            "feature": steer.feature(coder, index, site),
            "random": random,
        }
        ways: dict[Condition, Intervention] = {}
        for name, v in directions.items():
            ways |= {Condition(site, name, x): steer.in_norms(lm, v) * x for x in self.strengths}
        for x in self.strengths:
            ways[Condition(site, "clamp", x)] = steer.Clamp(coder, {clamped: largest * x / TYPICAL}, site)
        pair = steer.actadd(lm, *self.pair, self.actadd_site)
        return ways | {Condition(self.actadd_site, "actadd", x): pair * x for x in self.raw}
