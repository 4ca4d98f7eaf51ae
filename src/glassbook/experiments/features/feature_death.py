"""Dead latents: why they die, and the one line that keeps them alive."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

CENTRES: tuple[Literal["none", "mean"], ...] = ("none", "mean")
"""The activations as they are, and with their mean taken off."""


@experiment(
    terms=["Dictionary learning", "Sparse autoencoder"],
    source="Simon et al. 2026, arXiv:2605.31518",
)
@dataclass(frozen=True, kw_only=True)
class FeatureDeath:
    """Do activations far from the origin kill latents, and does subtracting their mean prevent it?"""

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
    batch_size: int = 1024
    """Activations in a step."""
    lr: float = 2e-3
    """Peak learning rate of Adam."""
    model: str = "builtin"
    """A language model, for activations as they are found."""
    layer: int = 3
    """Its block whose output is taken."""
    sabotage: Literal["none", "not-centred", "scattered", "centred-later"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("far-mean-kills",
              "If the mean of the activations is far from the origin, most latents are dead before training",
              "dead_start_far", ">=", 0.5, control="dead_start_scattered <= 0.1", sabotages=("scattered",)),
        Claim("training-does-not-revive",
              "Training revives at most a tenth of the latents that are dead because the mean is far from the origin",
              "dead_end_over_start", ">=", 0.9, control="dead_start_far >= 0.5", sabotages=("centred-later",)),
        Claim("centring-prevents-death",
              "If the mean of the activations is subtracted, few latents die, however far from the origin it was",
              "dead_end_centred", "<=", 0.05, control="dead_end_far >= 0.25", sabotages=("not-centred",),
              explanation="Centring prevents the deaths that the mean causes. Latents that die all the same "
                          "probably do so since others explain the data before them"),
        Claim("distance-predicts-death",
              "The farther the mean of the activations is from the origin, the more latents are dead before training",
              "offset_predicts_death", ">=", 0.8, control="dead_start_scattered <= 0.1", sabotages=("scattered",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("scattered", "The activations lie as far from the origin, each in a direction of its own",
                 {"sabotage": "scattered"}),
        Sabotage("not-centred", "The mean is not subtracted where it is said to be", {"sabotage": "not-centred"}),
        Sabotage("centred-later", "The mean is subtracted once training begins, whatever is said",
                 {"sabotage": "centred-later"}),
    )  # fmt: skip
    outputs = Outputs(charts=("death",), tables=("offsets",))

    @classmethod
    def quick(cls) -> FeatureDeath:
        """Two offsets, few steps."""
        return cls(offsets=(0.0, 8.0), features=64, width=128, k=4, steps=20, batch_size=128)

    def run(self, run: Run) -> None:
        """The same activations at several distances from the origin, learnt with and without centring."""
        import torch

        from glassbook.data.toy import sharkey_world

        generator = run.rng("world").torch()
        world = sharkey_world(self.features, self.features // 2, generator=generator)
        _, x = world.sample(60_000, generator)
        x = x - x.mean(0)
        way = torch.nn.functional.normalize(torch.randn(x.shape[1], generator=generator), dim=0)
        spread = x.square().sum(1).mean().sqrt()
        # As far from the origin, but each sample in a direction of its own, so that the mean stays there.
        ways = torch.nn.functional.normalize(torch.randn(x.shape, generator=generator), dim=1)
        scattered = self._dead(run, "scattered", x + self.offsets[-1] * spread * ways, "none")
        way = ways.roll(1, 0) if self.sabotage == "scattered" else way
        centred_by = dict(zip(CENTRES, CENTRES if self.sabotage != "not-centred" else ("none", "none"), strict=True))
        rows = [
            {"offset": offset, "centre": centre}
            | self._dead(run, f"offset {offset:g}, {centre}", x + offset * spread * way, centred_by[centre])
            for offset in self.offsets
            for centre in CENTRES
        ]
        run.table("offsets", rows)
        run.chart("death", _chart(rows))
        raw, centred = ([row for row in rows if row["centre"] == centre] for centre in CENTRES)
        model = self._activations(run)
        model_raw, model_centred = (self._dead(run, f"model, {centre}", model, centre) for centre in CENTRES)
        run.result(
            dead_start_far=raw[-1]["start"],
            dead_end_far=raw[-1]["end"],
            dead_end_over_start=raw[-1]["end"] / max(raw[-1]["start"], 1e-9),
            dead_end_centred=max(row["end"] for row in centred),
            dead_start_centred=max(row["start"] for row in centred),
            offset_predicts_death=_rank(raw),
            dead_start_scattered=scattered["start"],
            dead_end_scattered=scattered["end"],
            model_offset=float(model.mean(0).norm() / (model - model.mean(0)).square().sum(1).mean().sqrt()),
            model_dead_raw=model_raw["end"],
            model_dead_centred=model_centred["end"],
            model_dead_start_raw=model_raw["start"],
            model_dead_start_centred=model_centred["start"],
        )

    def _dead(self, run: Run, label: str, x: Tensor, centre: Literal["none", "mean"]) -> dict[str, float]:
        """Share of latents that fire on none of 16,384 samples, before ("start") and after training ("end")."""
        import torch

        from glassbook.features import Dictionary, TopK, evaluate, fit

        def train() -> dict[str, float]:
            torch.manual_seed(run.rng("weights").seed)
            sae = Dictionary(x.shape[1], self.width, TopK(self.k))
            sample = x[-16_384:]
            start = evaluate(sae, sample - sample.mean(0) if centre == "mean" else sample).dead
            taken = "mean" if self.sabotage == "centred-later" else centre
            how: dict[str, Any] = {"steps": self.steps, "batch": self.batch_size, "lr": self.lr, "centre": taken}
            fit(sae, x, **how, aux=0.0, seed=run.rng("order").seed)
            return {"start": start, "end": evaluate(sae, sample).dead}

        return kit.stage(run, label, train)

    def _activations(self, run: Run) -> Tensor:
        """Activations of the model's own text, special tokens included: their norms are the largest."""
        from glassbook.trace.roles import residual_site

        lm = kit.open_model(run, self.model)
        site = residual_site(lm.model, self.layer)
        text = kit.reserve_rows(lm, 15 * 16, run.rng("text").seed)
        return kit.collect(run, "text", lm, text, site, skip=False).read(site)


def _rank(rows: list[dict[str, Any]]) -> float:
    """Kendall's tau-a of the offset with the share that is dead at the start: of all pairs of offsets, the share in
    which the larger one has more dead latents, less the share in which it has fewer; 0 if that never changes."""
    ordered = [row["start"] for row in sorted(rows, key=lambda row: row["offset"])]
    pairs = list(combinations(ordered, 2))
    return sum((more > less) - (more < less) for less, more in pairs) / len(pairs)


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"none": "as they are", "mean": "mean taken off"}
    points = [
        {"offset": row["offset"], "dead": row[when], "latents": f"{when}, {names[row['centre']]}"}
        for row in rows
        for when in ("start", "end")
    ]
    x = charts.Axis("offset", "distance of the mean, in spreads of the activations")
    y = charts.Axis("dead", "share of dead latents", percent=True, zero=True)
    return charts.lines(points, x, y, "latents", points=True)
