"""A variational autoencoder of sprites, whose factors are known."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook import charts
from glassbook.data.factors import FACTORS, sprites
from glassbook.experiments import kit
from glassbook.measure.factors import matched_correlation, rank_correlations
from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.notebook import Run
from glassbook.train.objectives import negative_elbo


def factors_found(run: Run, beta: float, warm_up: int, steps: int, lr: float, pictures: int) -> dict[str, float]:
    """How well single latents of a VAE follow the factors of sprites, beside components and the first encoder.

    Args:
        run: keeps the reconstructions ("sprites") and the correlations ("latents").
        beta: weight of the KL divergence.
        warm_up: steps in which it rises to that.
        steps, lr: of the training, as `train` takes them.
        pictures: sprites to judge by.
    """

    config, rng = PictureConfig(size=32, channels=1, code=10, width=16), run.rng("sprites")

    def batch(step: int) -> dict[str, Tensor]:
        generator = rng.child(str(step)).torch()
        return {
            "pixel_values": sprites(64, config.size, generator).images,
            "noise": torch.randn(64, config.code, generator=generator),
            "warmth": torch.tensor(min(1.0, (step + 1) / warm_up)),
        }

    vae = kit.train_model(
        run, "sprites", lambda: VAE(config), negative_elbo(beta), batch, steps=steps,
        lr=lr, seed=run.rng("weights of sprites").seed,
    )  # fmt: skip
    images, factors = sprites(pictures, config.size, run.rng("test sprites").torch())
    torch.manual_seed(run.rng("weights of sprites").seed)
    untrained = VAE(config).eval()
    with torch.no_grad():
        codes, first = (torch.cat([m.encode(part) for part in images.split(1000)]) for m in (vae, untrained))
        run.image("sprites", charts.sheet(torch.cat([images[:16], vae(images[:16])]), columns=16))
    _, _, components = torch.pca_lowrank(images.flatten(1), config.code, niter=8)
    order = torch.randperm(len(codes), generator=run.rng("permutation").torch())
    used = codes.var(0).argsort(descending=True)
    correlations = rank_correlations(codes[:, used], factors).abs().T.tolist()
    names = [str(i + 1) for i in range(config.code)]
    run.chart("latents", charts.heat(correlations, names, FACTORS, title="correlation", y_title="factor"))
    matched, pca, start = (matched_correlation(z, factors) for z in (codes, images.flatten(1) @ components, first))
    return {
        "matched_factors": matched,
        "pca_matched_factors": pca,
        "untrained_matched_factors": start,
        "matched_over_rivals": matched - max(pca, start),
        "permuted_matched": matched_correlation(codes[order], factors),
    }
