"""Feature absorption: general features that fall silent where a special one is active, and Matryoshka prefixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.features import Dictionary


ABSORBS = "batchtopk_absorbed >= 0.05"
"""Without absorption there is nothing to prevent."""


@experiment(
    terms=["Monosemanticity", "Dictionary learning", "Feature"],
    source="Chanin et al. 2024, arXiv:2409.14507; Bussmann et al. 2025, arXiv:2503.17547",
)
@dataclass(frozen=True, kw_only=True)
class Absorption:
    """Does a dictionary absorb general features into specific ones, and do Matryoshka prefixes prevent it?"""

    features: int = 1024
    """True features; those in trees have a parent or children."""
    d: int = 256
    """Dimensions that they share."""
    roots: int = 12
    """Trees; each root is a general feature."""
    branching: int = 4
    """Special features of each general one."""
    depth: int = 2
    """Levels below the roots."""
    width: int = 384
    """Latents of each dictionary."""
    k: int = 12
    """Latents active on a sample."""
    prefixes: tuple[int, ...] = (24, 96, 384)
    """Nested dictionaries of the Matryoshka."""
    samples: int = 200_000
    """Samples to learn from."""
    steps: int = 3000
    """Optimiser steps."""
    batch_size: int = 1024
    """Samples in a step."""
    lr: float = 3e-3
    """Peak learning rate of Adam."""
    sabotage: Literal["none", "no-prefixes"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("plain-dictionary-absorbs",
              "A BatchTopK dictionary absorbs general features into specific ones; without a hierarchy it does not",
              "batchtopk_absorbed", ">=", 0.05, control="flat_absorbed <= 0.02", sabotages=("no-hierarchy",)),
        Claim("nested-absorbs-less",
              "A Matryoshka dictionary absorbs general features at most half as often as a BatchTopK dictionary",
              "matryoshka_over_batchtopk", "<=", 0.5, control=ABSORBS, sabotages=("no-prefixes",)),
        Claim("nested-detects-general",
              "The best Matryoshka latent detects a general feature better than the best BatchTopK latent",
              "probe_lead", ">=", 0.02, control=ABSORBS, sabotages=("no-prefixes",)),
        Claim("nested-rebuilds-less",
              "A Matryoshka dictionary explains less variance than a BatchTopK dictionary of the same size",
              "explained_variance_lead", "<=", -0.005, control="matryoshka_explained_variance >= 0.5",
              sabotages=("no-prefixes",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("no-hierarchy", "The features of the world have no hierarchy", {"depth": 0}),
        Sabotage("no-prefixes", "A BatchTopK dictionary of another seed stands in for the Matryoshka dictionary",
                 {"sabotage": "no-prefixes"}),
    )  # fmt: skip
    outputs = Outputs(charts=("absorption",), tables=("parents",))

    @classmethod
    def quick(cls) -> Absorption:
        """A small world, few steps."""
        sizes: dict[str, Any] = {"features": 96, "d": 24, "roots": 4, "branching": 2, "width": 32, "k": 4}
        return cls(**sizes, prefixes=(8, 32), samples=4096, steps=20, batch_size=128)

    def run(self, run: Run) -> None:
        """Learn both dictionaries of a world with a hierarchy, and one of the same world without."""
        rows = self._world(run, "hierarchy", self.depth) + self._world(run, "flat", 0)
        run.table("parents", [row for row in rows for row in row.pop("parents")])
        by = {row["name"]: row for row in rows}
        plain, nested, flat = by["BatchTopK"], by["Matryoshka"], by["BatchTopK, no hierarchy"]
        share = charts.Axis(
            "absorbed", "share of a general feature's samples that are absorbed", percent=True, zero=True
        )
        run.chart("absorption", charts.bars(rows, share, "name", format=".1%"))
        run.result(
            batchtopk_absorbed=plain["absorbed"],
            matryoshka_absorbed=nested["absorbed"],
            flat_absorbed=flat["absorbed"],
            matryoshka_over_batchtopk=nested["absorbed"] / max(plain["absorbed"], 1e-9),
            batchtopk_probe=plain["probe"],
            matryoshka_probe=nested["probe"],
            probe_lead=nested["probe"] - plain["probe"],
            batchtopk_splits=plain["splits"],
            matryoshka_splits=nested["splits"],
            batchtopk_explained_variance=plain["explained_variance"],
            matryoshka_explained_variance=nested["explained_variance"],
            explained_variance_lead=nested["explained_variance"] - plain["explained_variance"],
        )

    def _world(self, run: Run, label: str, depth: int) -> list[dict[str, Any]]:
        """The scores of both dictionaries in a world whose trees have `depth` levels below their roots."""
        import torch

        from glassbook.data.synthetic import nested_world
        from glassbook.features import BatchTopK, Dictionary, Matryoshka

        generator = run.rng("world").torch()
        sizes: dict[str, Any] = {"roots": self.roots, "branching": self.branching, "depth": depth}
        world = nested_world(self.features, self.d, **sizes, generator=generator)
        x = torch.cat([world.sample(4096, generator)[1] for _ in range(-(-self.samples // 4096))])
        strengths, test = world.sample(min(16_384, self.samples), generator)
        plain = BatchTopK(self.k)
        nested = plain if self.sabotage == "no-prefixes" else Matryoshka(plain, self.prefixes)
        rules = {"BatchTopK": plain, "Matryoshka": nested}
        torch.manual_seed(run.rng("weights").seed)
        saes = {name: Dictionary(self.d, self.width, rule) for name, rule in rules.items()}
        how: dict[str, Any] = {"steps": self.steps, "batch_size": self.batch_size, "lr": self.lr}
        kit.train_saes(run, label, x, list(saes.values()), **how, seed=run.rng("order").seed)
        suffix = "" if label == "hierarchy" else ", no hierarchy"
        parents = slice(0, self.roots)  # the roots come first
        return [
            _score(sae, test, strengths[:, parents], world.directions[parents], name + suffix)
            for name, sae in saes.items()
        ]


def _score(sae: Dictionary, test: Tensor, strengths: Tensor, directions: Tensor, name: str) -> dict[str, Any]:
    """How the general features fare in one dictionary."""
    import torch

    from glassbook.measure.feature_absorption import absorption
    from glassbook.measure.probing import sparse_probe, splits
    from glassbook.measure.reconstruction import explained_variance

    with torch.no_grad():
        latents = sae.encode(test)
        explained = explained_variance(test, sae(test))
    present, W = strengths > 0, sae.W_dec.detach()
    each = [absorption(latents, W, directions[i : i + 1], strengths[:, i : i + 1]) for i in range(len(directions))]
    probe, parts = sparse_probe(latents, present), splits(latents, present)
    return {
        "name": name,
        "absorbed": sum(each) / len(each),
        "probe": float(probe.nanmean()),
        "splits": float(parts.float().mean()),
        "explained_variance": explained,
        "parents": [
            {"dictionary": name, "parent": i, "absorbed": a, "probe F1": float(p), "latents": int(n)}
            for i, (a, p, n) in enumerate(zip(each, probe, parts, strict=True))
        ],
    }
