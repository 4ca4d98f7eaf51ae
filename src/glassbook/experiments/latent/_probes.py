"""Probes of the codes of autoencoders of digits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook.experiments.latent._digits import Digits
from glassbook.measure.probing import logistic_regression
from glassbook.nets.autoencoder import Autoencoder
from glassbook.notebook import Run


def probes(
    run: Run, denoiser: Autoencoder, plain: Autoencoder, train: Digits, test: Digits, labels: int, draws: int
) -> dict[str, float]:
    """Share of test digits that probes of few labels read right from each code, the mean of several draws."""

    def codes(model: Autoencoder, images: Tensor) -> Tensor:
        with torch.no_grad():
            z = torch.cat([model.encode(part).flatten(1) for part in images.split(1000)])
        return z - z.mean(0)

    right: dict[str, float] = {}
    wanted = F.one_hot(train.labels, 10).bool()
    for name, model in (("denoiser", denoiser), ("plain", plain), ("shuffled", denoiser)):
        learn, judge = codes(model, train.images[:20_000]), codes(model, test.images)
        learn, judge = learn / learn.std(), judge / learn.std()
        generator, shares = run.rng("labelled digits").torch(), []
        for _ in range(draws):
            rows = torch.randperm(len(learn), generator=generator)[:labels]
            told = wanted[rows[torch.randperm(len(rows), generator=generator)] if name == "shuffled" else rows]
            weights, bias = logistic_regression(learn[rows], told)
            shares.append(((judge @ weights.T + bias).argmax(1) == test.labels).double().mean())
        right[name] = float(torch.stack(shares).mean())
    return {
        "probe_right": right["denoiser"],
        "plain_probe_right": right["plain"],
        "probe_gain": right["denoiser"] - right["plain"],
        "shuffled_probe": right["shuffled"],
    }
