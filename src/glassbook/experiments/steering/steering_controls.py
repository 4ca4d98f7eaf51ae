"""Layer curve of activation addition: where it works, where it only does damage, and what its controls do there."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import TYPE_CHECKING, Literal

from glassbook.charts import Axis
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.steering._texts import off_topic_texts, perplexity_lines, theme_sentences
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

    plus: str = " bride"
    """Text to steer towards."""
    minus: str = " storm"
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
    sabotage: Literal["none", "late-as-early", "early-as-middle", "everywhere", "nothing-moved"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("damage-is-early",
              "Steering damages off-topic text most when it is applied in the first third of the layers: perplexity at "
              "the worst layer is at least 1 % above that at the worst later layer",
              "early_over_later", ">=", 1.01, no_control="the metric is the ratio of early to later layers",
              sabotages=("late-as-early",)),
        Claim("middle-works",
              "Steering in the middle third of the layers makes on-topic text more likely; a random vector does not",
              "middle_on_topic", "<=", 0.95, control="random_middle_on_topic >= 0.97", sabotages=("pair-swapped",)),
        Claim("middle-does-less-damage",
              "Steering the middle third of the layers, where it works, does on average at most half the off-topic "
              "damage of the first third, with half a percentage point to spare",
              "half_early_less_middle", ">=", 0.005, control="middle_on_topic <= 0.95",
              sabotages=("early-as-middle", "late-as-early"),
              explanation="Middle layers do less damage than early ones, but early ones do so little to this model "
                          "that half of it leaves no room for the margin"),
        Claim("last-layer-does-little",
              "Steering that works in the middle layers changes on-topic perplexity by at most 2 % at the last layer",
              "last_layer_change", "<=", 0.02, control="middle_on_topic <= 0.95", sabotages=("everywhere",),
              explanation="Added at the last layer, the vector still raises the words that it points at directly; the "
                          "bound lies near what that alone does"),
        Claim("embeddings-do-less",
              "A difference of embeddings, added in the middle layers at equal norm, steers at most half as strongly "
              "as the middle layers' own difference, which works",
              "transplant_share", "<=", 0.5, control="middle_on_topic <= 0.95", sabotages=("nothing-moved",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("late-as-early", "The last third of the layers, measured on other texts, stands in for the first",
                 {"sabotage": "late-as-early"}),
        Sabotage("early-as-middle", "The first third of the layers, measured on other texts, stands in for the middle",
                 {"sabotage": "early-as-middle"}),
        Sabotage("everywhere", "At the last layer the difference is added at every position",
                 {"sabotage": "everywhere"}),
        Sabotage("pair-swapped", "The pair of prompts is swapped", {"plus": " storm", "minus": " bride"}),
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
        off = off_topic_texts(world, self.theme, reported, run.rng("off topic"))
        off += off_topic_texts(world, self.theme, self.dev_texts, run.rng("off topic, dev"))

        def sweep(part: slice) -> dict[str, list[Row]]:
            rows = layer_sweep(lm, self.plus, self.minus, on[part], off[part], coeffs=self.strength, seed=seed)
            return {name: [r for r in rows if r.condition == name] for name in ("vector", "random")}

        dev, test = sweep(slice(reported, None)), sweep(slice(reported))
        early, middle = range(-(-n // 3)), range(n // 3, -(-2 * n // 3))
        best = min(middle, key=lambda i: dev["vector"][i].on_topic_ppl_ratio)
        worst = max(early, key=lambda i: dev["vector"][i].off_topic_ppl_ratio)
        real, random, rows = test["vector"], test["random"], [*test["vector"], *test["random"]]
        on, off, site, end = on[:reported], off[:reported], f"{names[best]}.in", f"{names[-1]}.in"
        first, there, last = (actadd(lm, self.plus, self.minus, s).rows[s] for s in (f"{names[0]}.in", site, end))
        # Row 0, the shared BOS, is zero in both.
        same_norms = first * (there.norm(dim=1) / first.norm(dim=1).clamp(min=1e-9))[:, None]
        moved = Vector({site: there if self.sabotage == "nothing-moved" else same_norms}, positional=True)
        transplant = strength_sweep(lm, moved, on, off, coeffs=[self.strength], controls=())[0]
        at_last = real[-1].on_topic_ppl_ratio
        if self.sabotage == "everywhere":
            spread = Vector({end: last[-1]})
            at_last = strength_sweep(lm, spread, on, off, coeffs=[self.strength], controls=())[0].on_topic_ppl_ratio
        thirds = [[r.off_topic_ppl_ratio for r in real[i:j]] for i, j in pairwise((0, len(early), middle.stop, n))]
        if self.sabotage == "late-as-early":
            thirds[0] = [r.off_topic_ppl_ratio for r in dev["vector"][middle.stop :]]
        if self.sabotage == "early-as-middle":
            thirds[1] = [r.off_topic_ppl_ratio for r in dev["vector"][: len(early)]]
        early_damage, middle_damage = (max(mean(third) - 1, 0.0) for third in thirds[:2])
        run.result(
            early_over_later=max(thirds[0]) / max(thirds[1] + thirds[2]),
            middle_layer=best,
            middle_on_topic=real[best].on_topic_ppl_ratio,
            middle_off_topic=real[best].off_topic_ppl_ratio,
            middle_wrong_share=real[best].fraction_harmed,
            random_middle_on_topic=random[best].on_topic_ppl_ratio,
            random_middle_off_topic=random[best].off_topic_ppl_ratio,
            early_off_topic=real[worst].off_topic_ppl_ratio,
            half_early_less_middle=early_damage / 2 - middle_damage,
            last_layer_change=abs(at_last - 1),
            transplant_on_topic=transplant.on_topic_ppl_ratio,
            transplant_share=(1 - transplant.on_topic_ppl_ratio) / (1 - real[best].on_topic_ppl_ratio),
        )
        run.table("layers", [vars(row) for row in rows])
        axis = Axis("layer", "added at the input of layer", scale="category")
        run.chart("layers", perplexity_lines(rows, axis, lambda row: int(row.site.split(".")[-2])))
