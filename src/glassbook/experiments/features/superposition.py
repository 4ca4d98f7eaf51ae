"""When does a network store more features than it has dimensions, and can a dictionary take them out again?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, experiment
from glassbook.experiments.features._geometry import geometry
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

DENSE = "represented_dense >= 4"
"""The model has learnt to represent dense features at all; it has dimensions for five."""


@experiment(
    terms=["Superposition", "Feature", "Sparse coding"],
    source='Elhage et al. 2022, "Toy models of superposition"; Sharkey et al. 2022',
)
@dataclass(frozen=True, kw_only=True)
class Superposition:
    """Do features go into superposition as they become sparse, and does a dictionary recover them?"""

    features: int = 20
    """Features of the toy model's input."""
    hidden: int = 5
    """Dimensions that it has to keep them in."""
    densities: tuple[float, ...] = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.0075)
    """Probability that a feature is present, from dense to sparse."""
    instances: int = 4
    """Models trained for each density; the one of least loss counts, as in the paper."""
    importance: float = 0.9
    """Importance of each feature in the loss, relative to the one before."""
    toy_steps: int = 6000
    """Optimiser steps of the toy models."""
    true_features: int = 512
    """Features of the recovery test, in half as many dimensions."""
    width: int = 1024
    """Features of the dictionary."""
    k: int = 8
    """Active features of the dictionary."""
    steps: int = 3000
    """Optimiser steps of the dictionary."""
    lr: float = 3e-3
    """Peak learning rate of the dictionary."""

    claims = (
        Claim("dense-features-fit", "A model represents no more dense features than it has dimensions",
              "represented_dense", "<=", 5, control=DENSE, sabotages=("always-sparse",)),
        Claim("sparse-features-share",
              "A model with a ReLU represents more sparse features than it has dimensions; a linear model does not",
              "represented_sparse", ">=", 10, control="linear_represented_sparse <= 5", sabotages=("always-dense",)),
        Claim("dense-not-superposed", "Dense features are not in superposition",
              "superposed_dense", "<=", 0.1, control=DENSE, sabotages=("always-sparse",)),
        Claim("superposition-pays",
              "With sparse features, a model that uses superposition loses at most 60 % of what a linear model loses",
              "loss_over_linear_sparse", "<=", 0.6, control="loss_over_linear_dense >= 0.8",
              sabotages=("always-dense",)),
        Claim("dictionary-recovers",
              "A sparse autoencoder recovers the true features in superposition; cluster centres and samples do not",
              "mmcs", ">=", 0.9, control="naive_mmcs <= 0.8", sabotages=("untrained",)),
    )  # fmt: skip
    sabotages = (
        Sabotage("always-dense", "Features are always present, whatever density is asked for",
                 {"densities": (1.0,) * 8}),
        Sabotage("always-sparse", "Features are hardly ever present, whatever density is asked for",
                 {"densities": (0.0075,) * 8}),
        Sabotage("untrained", "The dictionary is trained for one step only", {"steps": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("superposition",), tables=("densities",))

    @classmethod
    def quick(cls) -> Superposition:
        """A few steps of small models."""
        return cls(densities=(1.0, 0.05), instances=2, toy_steps=50, true_features=16, width=32, k=2, steps=20)

    def run(self, run: Run) -> None:
        """Train the toy models over all densities at once, then the dictionary."""
        relu = kit.stage(run, "relu", lambda: self._toy(run, nonlinear=True))
        linear = kit.stage(run, "linear", lambda: self._toy(run, nonlinear=False))
        run.table("densities", relu)
        rows = [
            {"density": row["density"], "features": row["represented"], "model": name}
            for name, models in (("ReLU model", relu), ("linear control", linear))
            for row in models
        ]
        density = charts.Axis("density", "how often a feature is present", scale="log", reverse=True)
        represented = charts.Axis("features", "features represented", zero=True)
        lines = charts.lines(rows, density, represented, "model", points=True, rules={"dimensions": self.hidden})
        run.chart("superposition", lines)
        run.result(
            represented_dense=relu[0]["represented"],
            represented_sparse=relu[-1]["represented"],
            linear_represented_sparse=max(row["represented"] for row in linear),
            superposed_dense=relu[0]["superposed"],
            superposed_sparse=relu[-1]["superposed"],
            loss_over_linear_dense=relu[0]["loss"] / linear[0]["loss"],
            loss_over_linear_sparse=relu[-1]["loss"] / linear[-1]["loss"],
            **self._recover(run),
        )

    def _toy(self, run: Run, nonlinear: bool) -> list[dict[str, Any]]:
        """x' = relu(W^T W x + b) for every density and instance, as one batched model (section 2 of the paper)."""
        import torch

        from glassbook.data.toy import elhage_inputs

        generator = run.rng("toy models").torch()  # the same for both kinds
        density = torch.tensor(self.densities).repeat_interleave(self.instances)
        models, n = len(density), self.features
        w = (torch.randn(models, self.hidden, n, generator=generator) / n**0.5).requires_grad_()
        b = torch.zeros(models, 1, n, requires_grad=True)
        importance = self.importance ** torch.arange(n)
        optimiser = torch.optim.Adam([w, b], lr=3e-3, fused=True)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.toy_steps)
        label = "toy models" if nonlinear else "linear control"
        with run.progress(self.toy_steps, label) as bar:
            for _ in range(self.toy_steps):
                x = elhage_inputs((models, 256, n), density, generator)
                out = x @ w.mT @ w + b
                error = importance * (x - (out.relu() if nonlinear else out)) ** 2
                # Divided by the density, so that sparse models, whose errors are small, move as fast as dense ones.
                (error.mean((1, 2)) / density).sum().backward()
                optimiser.step()
                optimiser.zero_grad()
                decay.step()
                bar.advance()
        with torch.no_grad():
            x = elhage_inputs((models, 20_000, n), density, generator)
            out = x @ w.mT @ w + b
            loss = (importance * (x - (out.relu() if nonlinear else out)) ** 2).mean((1, 2))
            best = loss.view(-1, self.instances).argmin(1) + torch.arange(0, models, self.instances)
            return [geometry(w[i], float(density[i]), float(loss[i])) for i in best]

    def _recover(self, run: Run) -> dict[str, float]:
        """Sharkey et al.'s test: known directions in superposition, learnt back from samples alone."""
        import torch

        from glassbook.data.toy import sharkey_world
        from glassbook.features import TopK
        from glassbook.features.classical import kmeans
        from glassbook.measure.matching import mcc, mmcs
        from glassbook.measure.reconstruction import explained_variance

        d = self.true_features // 2
        world = sharkey_world(self.true_features, d, generator=run.rng("world").torch())
        _, x = world.sample(20_000, run.rng("test").torch())
        samples = run.rng("samples")

        def batch(step: int) -> Tensor:
            return world.sample(1024, samples.child(str(step)).torch())[1]

        how: dict[str, Any] = {"steps": self.steps, "batch_size": 1024, "lr": self.lr}
        sae = kit.train_sae(
            run, "dictionary", batch, d, self.width, TopK(self.k), **how, seed=run.rng("dictionary").seed
        )
        random = kit.frozen_random(x, self.width, self.k, run.rng("random directions"))
        with torch.no_grad():
            explained = explained_variance(x, sae(x))
        truth = world.directions
        # Rows of unit length: samples as they come, and the centres of their clusters.
        rows = torch.nn.functional.normalize(x[x.norm(dim=1) > 0], dim=1)
        centres = kmeans(rows, self.width, seed=run.rng("centres").seed % 2**32).W_dec
        by_samples, by_centres = mmcs(truth, rows[: self.width]), mmcs(truth, centres)
        return {
            "mmcs": mmcs(truth, sae.W_dec),
            "mcc": mcc(truth, sae.W_dec),
            "random_mmcs": mmcs(truth, random.W_dec),
            "random_mcc": mcc(truth, random.W_dec),
            "naive_mmcs": max(by_samples, by_centres),
            "explained_variance": explained,
        }
