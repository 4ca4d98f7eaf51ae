"""Variational autoencoder: is its bound tight, does beta trade, are samples digits, do latents mean something?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.base import Outputs, Sabotage, at_least, experiment
from glassbook.notebook import Claim, Run

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.experiments.latent._digits import Reader
    from glassbook.nets.autoencoder import VAE

PARTS = ("KL divergence", "reconstruction")
ACTIVE = 0.01
"""Variance of a latent's mean over pictures from which on it is in use (Burda et al. 2015, section 5.2)."""


@experiment(
    terms=["Variational auto-encoder"], data=["mnist"], minutes=5,
    source="Kingma and Welling 2013, arXiv:1312.6114; Higgins et al. 2017; Burda et al. 2015, arXiv:1509.00519",
)  # fmt: skip
@dataclass(frozen=True, kw_only=True)
class Vae:
    """Does a variational autoencoder of digits bound their likelihood, trade by beta, and make digits?"""

    betas: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    """Weights of the KL divergence, rising; the second is the bound itself."""
    code: int = 20
    """Latents."""
    hidden: int = 400
    """Units of the hidden layers."""
    steps: int = 3000
    """Optimiser steps of each model of digits."""
    batch_size: int = 128
    """Pictures in a step."""
    lr: float = 2e-3
    """Peak learning rate."""
    reader_steps: int = 1400
    """Optimiser steps of the network that reads the samples."""
    sprite_steps: int = 3500
    """Optimiser steps of the model of sprites."""
    sprite_beta: float = 4.0
    """Weight of the KL divergence of the model of sprites."""
    sprite_warm_up: int = 1500
    """Steps in which it rises to that."""
    samples: int = 500
    """Samples of the importance-weighted bound."""
    pictures: int = 10_000
    """Test pictures, samples and sprites to judge by."""

    sabotage: Literal["none", "mismatched-posteriors"] = "none"
    """What is broken on purpose."""

    claims = (
        Claim("bound-is-tight", "The evidence lower bound of digits lies within 6 nats of the importance-weighted one",
              "iwae_gap_nats", "<=", 6, control="code_nats >= 10", sabotages=("mismatched-posteriors",)),
        Claim("beta-costs-information", "The larger beta is, the fewer nats a code tells about its digit",
              "kl_order", ">=", 1, control="units_given_up >= 0", sabotages=("one-beta",)),
        Claim("beta-costs-fidelity", "The larger beta is, the worse a digit is reconstructed",
              "error_order", ">=", 1, control="units_given_up >= 0", sabotages=("one-beta",)),
        Claim("samples-are-all-digits",
              "Samples are spread over the digits: their entropy, by a classifier, is at least 2.0 of 2.30 nats",
              "sample_class_entropy", ">=", 2.0, control="reader_right >= 0.985", sabotages=("untrained",)),
        Claim("samples-are-digits",
              "As a classifier sees them, samples lie at most half as far from digits as those of a linear model",
              "distance_over_linear", "<=", 0.5, control="test_over_linear <= 0.1", sabotages=("untrained",),
              explanation="Codes between those of digits decode to smears; about half as far is what 20 latents give"),
        Claim("latents-are-factors",
              "Latents follow single factors of sprites more than principal components and an untrained encoder do",
              "matched_over_rivals", ">=", 0.05, control="permuted_matched <= 0.1", sabotages=("untrained",),
              explanation="No order of one latent can follow shape, of three kinds, or the angle of a square; how "
                          "singly place, size and shade are followed depends on the first weights"),
    )  # fmt: skip
    sabotages = (
        Sabotage("mismatched-posteriors", "The latents of the encoder are in another order than those of the decoder",
                 {"sabotage": "mismatched-posteriors", "sprite_steps": 1}),
        Sabotage("one-beta", "All models have the same beta", {"betas": (1.0,) * 5, "sprite_steps": 1}),
        Sabotage("untrained", "The models are trained for one step only", {"steps": 1, "sprite_steps": 1}),
    )  # fmt: skip
    outputs = Outputs(charts=("bound", "latents"), tables=("betas",),
                      images=("samples", "linear", "sprites", *(f"reconstructions-{i}" for i in range(5))))  # fmt: skip

    def __post_init__(self) -> None:
        at_least(2, number_of_betas=len(self.betas))
        at_least(0, **{f"betas[{i}]": beta for i, beta in enumerate(self.betas)}, sprite_beta=self.sprite_beta)
        at_least(1, **{name: value for name, value in vars(self).items() if isinstance(value, int)})

    @classmethod
    def quick(cls) -> Vae:
        """A few steps of small models."""
        return cls(hidden=32, steps=20, reader_steps=20, sprite_steps=10, samples=4, pictures=300)

    def run(self, run: Run) -> None:
        """One model of digits for each beta, then one of sprites."""
        import torch

        from glassbook.experiments.latent._digits import accuracy, digits, reader
        from glassbook.experiments.latent._sprites import factors_found

        train, test = digits("train"), digits("test", self.pictures)
        binary = test.images.bernoulli(generator=run.rng("test pictures").torch())
        models = [self._model(run, i, train.images) for i in range(len(self.betas))]
        rows = [self._parts(run, vae, beta, binary) for vae, beta in zip(models, self.betas, strict=True)]
        with torch.no_grad():
            for i, vae in enumerate(models):
                run.image(f"reconstructions-{i}", charts.sheet(torch.cat([binary[:12], vae(binary[:12])]), columns=12))
        run.table("betas", rows)
        kl, error = ([row[part] for row in rows] for part in PARTS)
        parts = [{"beta": row["beta"], "nats": row[part], "part": part} for row in rows for part in PARTS]
        beta = charts.Axis("beta", "weight of the KL divergence", scale="log")
        nats = charts.Axis("nats", "nats per picture", zero=True)
        run.chart("bound", charts.lines(parts, beta, nats, "part", points=True))
        judge = reader(run, train, self.reader_steps)
        run.result(
            **self._gap(run, models[1], binary), kl_order=float(all(a > b for a, b in pairwise(kl))),
            error_order=float(all(a < b for a, b in pairwise(error))), unused_units_one=rows[1]["unused"],
            unused_units_last=rows[-1]["unused"], units_given_up=rows[-1]["unused"] - rows[1]["unused"],
            elbo_nats=-kl[1] - error[1], code_nats=kl[1], reader_right=accuracy(judge, test),
            **self._samples(run, models[1], judge, train.images, test.images),
            **factors_found(run, self.sprite_beta, self.sprite_warm_up, self.sprite_steps, self.lr, self.pictures),
        )  # fmt: skip

    def _model(self, run: Run, number: int, images: Tensor) -> VAE:
        """The model of digits that is trained with one of the betas; pictures are binarised in each step."""
        import torch

        from glassbook.data.pictures import shuffled
        from glassbook.nets.autoencoder import VAE, PictureConfig
        from glassbook.train.objectives import negative_elbo

        label = f"beta {number}"
        rows, noise = shuffled(len(images), self.batch_size, run.rng(f"order of {label}").seed), run.rng(label)

        def batch(step: int) -> dict[str, Tensor]:
            generator = noise.child(str(step)).torch()
            binary = images[rows(step)].bernoulli(generator=generator)
            return {"pixel_values": binary, "noise": torch.randn(len(binary), self.code, generator=generator)}

        config = PictureConfig(size=28, channels=1, code=self.code, kind="mlp", width=self.hidden)
        return kit.train_model(
            run, label, lambda: VAE(config), negative_elbo(self.betas[number]), batch, steps=self.steps, lr=self.lr,
            seed=run.rng("weights").seed,
        )  # fmt: skip

    def _parts(self, run: Run, vae: VAE, beta: float, binary: Tensor) -> dict[str, float]:
        """The two parts of the bound on test pictures, nats per picture, and how many latents are not in use."""
        import torch

        noise = torch.randn(len(binary), self.code, generator=run.rng("test noise").torch())
        with torch.no_grad():
            _, likelihood, kl = vae.elbo(binary, noise)
            used = vae.encode(binary).var(0) > ACTIVE
        parts = zip(PARTS, (float(kl.sum(1).mean()), -float(likelihood.mean())), strict=True)
        return {"beta": beta, **dict(parts), "unused": float((~used).sum())}

    def _gap(self, run: Run, vae: VAE, binary: Tensor) -> dict[str, float]:
        """How far the bound lies below the importance-weighted one, on the first test pictures."""
        import copy

        import torch

        if self.sabotage == "mismatched-posteriors":
            vae = copy.deepcopy(vae)
            for layer in (vae.to_mean, vae.to_log_variance):
                layer.weight.data, layer.bias.data = layer.weight.data.roll(1, 0), layer.bias.data.roll(1, 0)
        generator, bounds, weighted = run.rng("importance samples").torch(), [], []
        with torch.no_grad():
            for part in binary[:500].split(50):
                noise = torch.randn(self.samples + 1, len(part), self.code, generator=generator)
                bounds.append(vae.elbo(part, noise[0])[0])
                weighted.append(vae.iwae(part, noise[1:]))
        return {"iwae_gap_nats": float((torch.cat(weighted) - torch.cat(bounds)).mean())}

    def _samples(self, run: Run, vae: VAE, judge: Reader, images: Tensor, test: Tensor) -> dict[str, float]:
        """What a classifier says of samples, and of those of a linear model: as many components, normal weights."""
        import torch

        from glassbook.experiments.latent._made_digits import distances

        codes = torch.randn(self.pictures, self.code, generator=run.rng("samples").torch())
        flat = images[:20_000].flatten(1)
        _, spread, directions = torch.pca_lowrank(flat, self.code, niter=8)
        linear = flat.mean(0) + codes * spread / len(flat) ** 0.5 @ directions.T
        with torch.no_grad():
            samples = vae.decode(codes)
        made = {"samples": samples, "linear": linear.clamp(0, 1).view_as(samples)}
        for name, pictures in made.items():
            run.image(name, charts.sheet(pictures[:96], columns=16))
        seen, of_linear = (judge.read(pictures)[1] for pictures in made.values())
        shares = torch.bincount(seen.argmax(1), minlength=10) / len(seen)
        distance = distances(judge, images[: self.pictures], {**made, "test": test})
        return {
            "sample_class_entropy": float(torch.special.entr(shares).sum()), "distance": distance["samples"],
            "sample_confidence": float(seen.amax(1).mean()), "linear_confidence": float(of_linear.amax(1).mean()),
            "distance_over_linear": distance["samples"] / distance["linear"],
            "test_over_linear": distance["test"] / distance["linear"],
        }  # fmt: skip
