"""Why latents die, and the one line that keeps them alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from glassbook.experiments.base import experiment
from glassbook.notebook import Claim, Run


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder"],
    source="Simon et al. 2026, arXiv:2605.31518",
)
@dataclass(frozen=True, kw_only=True)
class FeatureDeath:
    """Do activations far from the origin kill latents, and does taking off their mean keep them alive?"""

    offsets: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
    """Length of the activations' mean, in units of their spread: gamma = ||mean|| / sqrt(E||x - mean||^2)."""
    features: int = 512
    """True features, in half as many dimensions."""
    width: int = 1024
    """Latents of the dictionary."""
    k: int = 8
    """Latents active on a sample."""
    steps: int = 800
    """Optimiser steps; none of the losses looks after dead latents."""
    batch: int = 1024
    """Activations in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    model: str = "builtin"
    """A language model, for activations as they are found."""
    layer: int = 3
    """Its block whose output is taken."""

    claims = (
        Claim(
            "far-mean-kills",
            "With the mean far from the origin most latents are dead at the start",
            "dead_start_far",
            ">=",
            0.5,
            no_control="data with the mean taken off, in centring-prevents-death, are the contrast",
        ),
        Claim(
            "training-does-not-revive",
            "Training does not revive the latents that a far mean has killed",
            "dead_end_far",
            ">=",
            0.25,
            no_control="data with the mean taken off, in centring-prevents-death, are the contrast",
        ),
        Claim(
            "centring-prevents-death",
            "With the mean taken off few latents are dead, however far it was",
            "dead_end_centred",
            "<=",
            0.05,
            no_control="data with their mean, in far-mean-kills, are the contrast",
        ),
        Claim(
            "distance-predicts-death",
            "The further the mean is from the origin, the more latents are dead at the start",
            "offset_predicts_death",
            ">=",
            0.8,
            control="offset_predicts_death_centred <= 0.8",
        ),
    )

    @classmethod
    def quick(cls) -> FeatureDeath:
        """Two offsets, few steps."""
        return cls(offsets=(0.0, 8.0), features=64, width=128, k=4, steps=20, batch=128)

    def run(self, run: Run) -> None:
        """The same activations at several distances from the origin, learnt with and without centring."""
        import torch

        from glassbook.data.toy import sharkey_world

        generator = torch.Generator().manual_seed(10**9 + run.seed)  # apart from the learners' seeds
        world = sharkey_world(self.features, self.features // 2, generator=generator)
        _, x = world.sample(60_000, generator)
        x = x - x.mean(0)
        way = torch.nn.functional.normalize(torch.randn(x.shape[1], generator=generator), dim=0)
        spread = x.square().sum(1).mean().sqrt()
        rows = []
        with run.progress(2 * len(self.offsets), "offsets", "training") as bar:
            for offset in self.offsets:
                for centre in ("none", "mean"):
                    start, end = self._dead(x + offset * spread * way, centre, run.seed)
                    rows.append({"offset": offset, "centre": centre, "start": start, "end": end})
                    bar.advance()
        raw, centred = ([row for row in rows if row["centre"] == how] for how in ("none", "mean"))
        ranks = [_rank(part) for part in (raw, centred)]
        run.table("offsets", rows)
        run.chart("death", _chart(rows))
        found = self._activations(run.seed)
        model = {how: self._dead(found, how, run.seed) for how in ("none", "mean")}
        gamma = float(found.mean(0).norm() / (found - found.mean(0)).square().sum(1).mean().sqrt())
        run.result(
            dead_start_far=raw[-1]["start"],
            dead_end_far=raw[-1]["end"],
            dead_end_centred=max(row["end"] for row in centred),
            dead_start_centred=max(row["start"] for row in centred),
            offset_predicts_death=ranks[0],
            offset_predicts_death_centred=ranks[1],
            model_offset=gamma,
            model_dead_raw=model["none"][1],
            model_dead_centred=model["mean"][1],
            model_dead_start_raw=model["none"][0],
            model_dead_start_centred=model["mean"][0],
        )

    def _dead(self, x, centre: str, seed: int) -> tuple[float, float]:
        """Share of latents that fire on none of 16,384 samples, before and after training."""
        import torch

        from glassbook.features import Dictionary, TopK, evaluate, fit

        torch.manual_seed(seed)
        d = Dictionary(x.shape[1], self.width, TopK(self.k))
        sample = x[-16_384:]
        start = evaluate(d, sample - sample.mean(0) if centre == "mean" else sample).dead
        fit(d, x, steps=self.steps, batch=self.batch, lr=self.lr, aux=0.0, centre=centre, seed=seed)
        return start, evaluate(d, sample).dead

    def _activations(self, seed: int):
        """Activations of the model's own text."""
        import tempfile

        import torch

        from glassbook.data.tokens import training_rows
        from glassbook.data.world import World
        from glassbook.nets import open_model
        from glassbook.trace import record
        from glassbook.trace.roles import blocks

        lm = open_model(self.model)
        assert lm.tokenizer is not None
        length, world = min(256, lm.context or 256), World()
        rows = [training_rows(world, lm.tokenizer, step, 16, length, seed=2000 + seed) for step in range(15)]
        site = f"{blocks(lm.model)[self.layer]}.out"
        with tempfile.TemporaryDirectory() as folder:
            batches = ({"input_ids": torch.from_numpy(ids)} for ids in rows)
            return record(lm.model, batches, site, f"{folder}/activations").read(site).clone()


def _rank(rows: list[dict[str, Any]]) -> float:
    """Spearman's rank correlation of the offset with the share that is dead at the start; 0 if that never changes."""
    from scipy.stats import spearmanr

    starts = [row["start"] for row in rows]
    if len(set(starts)) == 1:
        return 0.0
    return float(cast(Any, spearmanr([row["offset"] for row in rows], starts)).statistic)


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    import altair as alt

    values = [
        {"offset": row["offset"], "dead": row[when], "latents": f"{when}, {name}"}
        for row in rows
        for name in [{"none": "as they are", "mean": "mean taken off"}[row["centre"]]]
        for when in ("start", "end")
    ]
    return (
        alt.Chart(alt.Data(values=values))
        .mark_line(point=True)
        .encode(
            x=alt.X("offset:Q", title="distance of the mean, in spreads of the activations"),
            y=alt.Y("dead:Q", title="share of dead latents", axis=alt.Axis(format="%")),
            color=alt.Color("latents:N", title=None),
        )
        .to_dict()
    )
