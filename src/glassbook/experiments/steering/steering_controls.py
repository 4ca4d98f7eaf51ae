"""Layer curve of activation addition: where it works, where it only does damage, and what its controls do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from glassbook.charts import Axis
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.steering._texts import other_texts, perplexity_lines, theme_sentences
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.steer import Row


@experiment(
    terms=["Activation addition", "Steering vector"],
    source="Turner et al. 2023, arXiv:2308.10248: layer curve, random vectors and transplants of its evaluation",
)
@dataclass(frozen=True, kw_only=True)
class SteeringControls:
    """Does steering damage off-topic text in early layers and not in middle ones, as published?"""

    plus: str = "The wedding"
    """Text to steer towards."""
    minus: str = "The path"
    """Text to steer away from."""
    theme: str = "wedding"
    """Theme of the stories whose sentences are the on-topic texts."""
    texts: int = 300
    """Sentences on the topic, and as many off it, that are reported."""
    dev_texts: int = 100
    """Others, which pick the layer of each third that is reported."""
    strength: float = 2.0
    """Raw coefficient, the same at every layer."""
    model: str = "builtin"
    """Language model to steer."""
    sabotage: Literal["none", "layers-reversed", "middle-as-last", "nothing-moved"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("damage-is-early",
              "Steering damages off-topic text most when it is applied in the first third of the layers",
              "worst_layer_share", "<", 1 / 3, no_control="the metric is the position of a maximum over all layers",
              sabotages=("layers-reversed",)),
        Claim("middle-works",
              "Steering in the middle third of the layers makes on-topic text more likely; a random vector does not",
              "middle_on_topic", "<=", 0.95, control="random_middle_on_topic >= 0.97", sabotages=("pair-swapped",)),
        Claim("middle-does-less-damage",
              "Steering the middle third of the layers does at most half the off-topic damage of the first third",
              "half_early_less_middle", ">=", 0.0, no_control="the metric itself compares with the baseline",
              sabotages=("layers-reversed",)),
        Claim("last-layer-does-little",
              "Steering at the last layer changes the perplexity of on-topic text by at most 2 %",
              "last_layer_change", "<=", 0.02, sabotages=("middle-as-last",),
              no_control="claim middle-works shows that the same method has an effect elsewhere"),
        Claim("embeddings-do-less",
              "A difference of embeddings, added in the middle layers at equal norm, steers at most half as strongly",
              "transplant_share", "<=", 0.5, no_control="the metric itself compares with the baseline",
              sabotages=("nothing-moved",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("layers-reversed", "What is measured at a layer is taken for that at the layer opposite to it",
                 {"sabotage": "layers-reversed"}),
        Sabotage("middle-as-last", "The middle layer stands in for the last", {"sabotage": "middle-as-last"}),
        Sabotage("pair-swapped", "The pair of prompts is swapped", {"plus": "The path", "minus": "The wedding"}),
        Sabotage("nothing-moved", "The middle layer's own difference stands in for that of the embeddings",
                 {"sabotage": "nothing-moved"}),
    )  # fmt: skip
    outputs = Outputs(charts=("layers",), tables=("layers",))

    @classmethod
    def quick(cls) -> SteeringControls:
        """Few texts."""
        return cls(texts=12, dev_texts=8)

    def run(self, run: Run) -> None:
        """The layer curve with random rows beside it, and the first layer's difference moved to the middle."""
        from glassbook.data.world import World
        from glassbook.steer import Vector, actadd, layer_sweep, strength_sweep
        from glassbook.trace.roles import blocks

        lm, world = kit.open_model(run, self.model), World()
        names, reported = blocks(lm.model), self.texts
        n, seed = len(names), run.rng("random vectors").seed
        on = theme_sentences(world, self.theme, reported + self.dev_texts, run.rng("on topic"))
        off = other_texts(world, reported + self.dev_texts, run.rng("off topic"))

        def sweep(part: slice) -> dict[str, list[Row]]:
            rows = layer_sweep(lm, self.plus, self.minus, on[part], off[part], coeffs=self.strength, seed=seed)
            by = {name: [r for r in rows if r.condition == name] for name in ("vector", "random")}
            return {name: r[::-1] for name, r in by.items()} if self.sabotage == "layers-reversed" else by

        dev, test = sweep(slice(reported, None)), sweep(slice(reported))
        early, middle = range(-(-n // 3)), range(n // 3, -(-2 * n // 3))
        best = min(middle, key=lambda i: dev["vector"][i].on_topic_ppl_ratio)
        worst = max(early, key=lambda i: dev["vector"][i].off_topic_ppl_ratio)
        real, random, rows = test["vector"], test["random"], [*test["vector"], *test["random"]]
        on, off, site = on[:reported], off[:reported], f"{names[best]}.in"
        first, there = (actadd(lm, self.plus, self.minus, s).rows[s] for s in (f"{names[0]}.in", site))
        # Row 0, the shared BOS, is zero in both.
        same_norms = first * (there.norm(dim=1) / first.norm(dim=1).clamp(min=1e-9))[:, None]
        moved = Vector({site: there if self.sabotage == "nothing-moved" else same_norms}, positional=True)
        transplant = strength_sweep(lm, moved, on, off, coeffs=[self.strength], controls=())[0]
        damage = [r.off_topic_ppl_ratio - 1 for r in real]
        run.result(
            worst_layer_share=damage.index(max(damage)) / n,
            middle_layer=best,
            middle_on_topic=real[best].on_topic_ppl_ratio,
            middle_off_topic=real[best].off_topic_ppl_ratio,
            middle_wrong_share=real[best].fraction_harmed,
            random_middle_on_topic=random[best].on_topic_ppl_ratio,
            random_middle_off_topic=random[best].off_topic_ppl_ratio,
            early_off_topic=real[worst].off_topic_ppl_ratio,
            half_early_less_middle=damage[worst] / 2 - damage[best],
            last_layer_change=abs(real[best if self.sabotage == "middle-as-last" else -1].on_topic_ppl_ratio - 1),
            transplant_on_topic=transplant.on_topic_ppl_ratio,
            transplant_share=(1 - transplant.on_topic_ppl_ratio) / (1 - real[best].on_topic_ppl_ratio),
        )
        run.table("layers", [vars(row) for row in rows])
        axis = Axis("layer", "added at the input of layer", scale="category")
        run.chart("layers", perplexity_lines(rows, axis, lambda row: int(row.site.split(".")[-2])))
