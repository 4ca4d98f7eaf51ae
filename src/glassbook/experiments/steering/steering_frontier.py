"""Seven ways to steer towards one topic, on one chart: what each brings, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from glassbook.experiments.steering._topics import Topic
    from glassbook.features import Coder
    from glassbook.nets import LanguageModel
    from glassbook.steer.apply import Intervention
    from glassbook.steer.effects import Condition, Effect


@experiment(
    terms=["Activation steering", "Pareto frontier"],
    source="Wu et al. 2025, arXiv:2501.17148 (AxBench); Turner et al. 2023, arXiv:2308.10248",
)
@dataclass(frozen=True, kw_only=True)
class SteeringFrontier:
    """Which source of directions gives the most effect for its damage, and does any reach a prompt?"""

    model: str = "builtin"
    """Of any other model, texts that it wrote itself are steered towards, those with the theme as a word."""
    theme: str = "wedding"
    """Theme of the stories that are to be made likelier."""
    pair: tuple[str, str] = ("The wedding", "The path")
    """Texts of the activation addition."""
    actadd_site: str = "blocks.2.in"
    """Where the activation addition is made; all else is done at the dictionary's site."""
    pairs: int = 200
    """Sentences of the theme, and of others, that directions are found on."""
    texts: int = 200
    """Other sentences of the theme, and as many texts off it; half picks each strength, half is reported."""
    strengths: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    """Of directions, in median norms of the stream; clamps take the multiples of this list over its middle."""
    raw: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    """Of the activation addition, as published."""
    bound: float = 1.02
    """Off-topic perplexity ratio that a strength may have on the half that picks."""

    claims = (
        Claim(
            "mean-difference-works",
            "Adding the mean difference makes on-topic text likelier, and a random direction does not",
            "mean_difference_on_topic",
            "<=",
            0.95,
            control="random_on_topic >= 0.98",
        ),
        Claim(
            "prompt-is-as-strong",
            "A sentence of the theme in the prompt does at least as much as any direction; another theme's does not",
            "prompt_over_best",
            "<=",
            1.0,
            control="other_prompt_over_best > 1.0",
        ),
        Claim(
            "mean-difference-beats-feature",
            "Adding the mean difference makes on-topic text at least as likely as adding a dictionary feature does",
            "mean_difference_over_feature",
            "<=",
            1.0,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "clamping-beats-adding",
            "Clamping the feature makes on-topic text at least as likely as adding it does",
            "clamp_over_feature",
            "<=",
            1.0,
            no_control="the metric itself compares with the rival",
        ),
        Claim(
            "facts-stay-likely",
            "Statements of fact become hardly less likely under the best steering direction",
            "facts_ratio",
            "<=",
            1.05,
            no_control="the effect on topic, in mean-difference-works, shows that the same direction does something",
        ),
        Claim(
            "facts-stay-recalled",
            "Facts are recalled under the best steering direction as often as without it, within a point",
            "recall_drop",
            "<=",
            0.01,
            control="recall >= 0.5",
        ),
    )

    @classmethod
    def quick(cls) -> SteeringFrontier:
        """Few texts and strengths."""
        return cls(pairs=8, texts=8, strengths=(0.1, 0.2), raw=(1.0, 2.0))

    def run(self, run: Run) -> None:
        """Make every vector, measure all strengths, pick on one half and report on the other."""
        import torch

        from glassbook.experiments.steering._topics import of_its_own_texts, of_the_reserve
        from glassbook.nets import recall
        from glassbook.steer import steer
        from glassbook.steer.effects import PROMPT, effects

        if self.model == "builtin":
            topic = of_the_reserve(self.theme, self.pairs, self.texts, run.seed, run)
        else:
            topic = of_its_own_texts(self.model, self.theme, self.pairs, self.texts, run.seed, run)
        lm, on, off = topic.lm, topic.on, topic.off
        arms = self._arms(topic, run.seed)
        theme, other = (lm.encode(prompt)[1:] for prompt in topic.prompts)
        found = [effects(lm, texts, arms, prompt=(theme, [])) for texts in (on, off, topic.facts) if texts]
        first = dict([next(iter(arms.items()))])
        unrelated = effects(lm, on, first, prompt=(other, []))[PROMPT]
        generator = torch.Generator().manual_seed(run.seed)
        halves = [torch.randperm(len(texts), generator=generator).tensor_split(2) for texts in (on, off)]
        rows = [self._row(key, half, found, [h[half] for h in halves]) for key in found[0] for half in (0, 1)]
        best = {arm: self._pick(rows, arm) for arm in dict.fromkeys(row["arm"] for row in rows)}
        vectors = {arm: row for arm, row in best.items() if arm not in ("prompt", "random")}
        winner = min(vectors, key=lambda arm: vectors[arm]["on"])
        run.result(
            **{f"{arm}_on_topic": row["on"] for arm, row in best.items()},
            **{f"{arm}_off_topic": row["off"] for arm, row in best.items()},
            **{f"{arm}_wrong_share": row["wrong"] for arm, row in best.items()},
            prompt_over_best=best["prompt"]["on"] / vectors[winner]["on"],
            other_prompt_over_best=unrelated.ratio(halves[0][1]) / vectors[winner]["on"],
            mean_difference_over_feature=best["mean_difference"]["on"] / best["feature"]["on"],
            clamp_over_feature=best["clamp"]["on"] / best["feature"]["on"],
        )
        if topic.facts:
            steered = next(k for k in arms if k[1:] == (winner, vectors[winner]["by"]))
            run.result(facts_ratio=found[2][steered].ratio(), prompt_facts_ratio=found[2][PROMPT].ratio())
            known = recall(lm, topic.known)
            with steer(lm, arms[steered]):
                run.result(recall=known, recall_drop=known - recall(lm, topic.known))
        run.table("best", [{**row, **self._texts(topic, arms, row, run.seed)} for row in best.values()])
        run.table("all", rows)
        run.chart("frontier", _frontier([row for row in rows if row["half"] == "test"]))

    def _arms(self, topic: Topic, seed: int) -> dict[Condition, Intervention]:
        """Every way at every strength, in the model's own units."""
        import torch

        from glassbook.steer import (
            Clamp,
            actadd,
            feature,
            in_norms,
            logistic_probe,
            mean_difference,
            random_like,
            repe_pca,
        )
        from glassbook.steer.effects import Condition

        lm, d, plus, minus = topic.lm, topic.coder, topic.plus, topic.minus
        site = d.about["site"]
        mean = mean_difference(lm, plus, minus, site, token="mean")
        index, largest = _feature(lm, d, plus, minus, site)
        directions = {
            "mean_difference": mean,
            "principal": repe_pca(lm, plus, minus, site, token="mean"),
            "probe": logistic_probe(lm, plus, minus, site, token="mean"),
            "feature": feature(d, index, site),
            "random": random_like(mean, torch.Generator().manual_seed(seed)),
        }
        arms: dict[Condition, Intervention] = {}
        for arm, v in directions.items():
            arms |= {Condition(site, arm, by): in_norms(lm, v) * by for by in self.strengths}
        middle = self.strengths[len(self.strengths) // 2]
        arms |= {Condition(site, "clamp", by): Clamp(d, {index: largest * by / middle}, site) for by in self.strengths}
        pair = actadd(lm, *self.pair, self.actadd_site)
        return arms | {Condition(self.actadd_site, "actadd", by): pair * by for by in self.raw}

    def _row(self, key: Condition, half: int, found: list[dict[Condition, Effect]], texts: list[Any]) -> dict[str, Any]:
        on, off = (effect[key] for effect in found[:2])
        return {
            "arm": key[1],
            "by": key[2],
            "half": ("dev", "test")[half],
            "on": on.ratio(texts[0]),
            "off": off.ratio(texts[1]),
            "kl": off.mean_kl(texts[1]),
            "wrong": on.fraction_harmed(texts[0]),
        }

    def _pick(self, rows: list[dict[str, Any]], arm: str) -> dict[str, Any]:
        """The test row of the strength that the dev half picks: the lowest on-topic ratio within the bound."""
        dev = [row for row in rows if (row["arm"], row["half"]) == (arm, "dev")]
        allowed = [row for row in dev if row["off"] <= self.bound]
        chosen = min(allowed, key=lambda r: r["on"]) if allowed else min(dev, key=lambda r: r["off"])
        return next(r for r in rows if (r["arm"], r["by"], r["half"]) == (arm, chosen["by"], "test"))

    def _texts(
        self, topic: Topic, arms: dict[Condition, Intervention], row: dict[str, Any], seed: int
    ) -> dict[str, Any]:
        """How varied what is written under a way of steering is, and an example."""
        from contextlib import nullcontext

        from glassbook.measure import distinct_n, repetition
        from glassbook.steer import steer

        lm, starts = topic.lm, topic.starts
        what = next((v for k, v in arms.items() if k[1:] == (row["arm"], row["by"])), None)
        if row["arm"] == "prompt":
            starts = [f"{topic.prompts[0]} {start}" for start in starts]
        with steer(lm, what) if what is not None else nullcontext():
            new = lm.generate_ids(starts, tokens=24, temperature=0.8, seed=seed)
        return {"distinct_2": distinct_n(new, 2), "repetition": repetition(new, 4), "example": lm.decode(new[0])}


def _feature(lm: LanguageModel, d: Coder, plus: list[str], minus: list[str], site: str) -> tuple[int, float]:
    """The feature whose mean over a text differs most between the lists, in its spreads, and its largest value."""
    import torch

    from glassbook.steer.extract import read

    means, largest = [], torch.zeros(d.width)
    for texts in (plus, minus):
        rows = []
        for start in range(0, len(texts), 32):
            inputs = lm.batch(texts[start : start + 32], pad="right")
            mask = inputs["attention_mask"].bool()
            mask[:, 0] = False
            z = d.encode(read(lm, inputs, [site])[site]).detach() * mask[..., None]
            largest = torch.maximum(largest, z.amax((0, 1)))
            rows.append(z.sum(1) / mask.sum(1, keepdim=True))
        means.append(torch.cat(rows))
    spread = torch.cat(means).std(0).clamp(min=1e-6)
    index = int(((means[0].mean(0) - means[1].mean(0)) / spread).argmax())
    return index, float(largest[index])


def _frontier(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    seen = [{**row, "damage": 100 * (row["off"] - 1)} for row in rows if row["off"] < 1.3]
    # nearly linear below 1 %, where most of the strengths are, and logarithmic beyond
    scale = alt.Scale(type="symlog", constant=1)
    x = alt.X("damage:Q", title="damage: perplexity off the topic, % more (30 and beyond not shown)", scale=scale)
    y = alt.Y("on:Q", title="effect: perplexity on the topic", scale=alt.Scale(zero=False))
    chart = alt.Chart(alt.Data(values=seen)).mark_line(point=True)
    return chart.encode(
        x=x, y=y, order="by:Q", color=alt.Color("arm:N", title=None), tooltip=["arm:N", "by:Q", "on:Q", "off:Q"]
    ).to_dict()  # fmt: skip
