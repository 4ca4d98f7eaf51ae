"""Made digits, judged by a classifier's features and by their distance from training digits."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook import charts
from glassbook.experiments.latent._digits import Digits, Reader
from glassbook.measure.distance import frechet, nearest_moved
from glassbook.notebook import Run

COMPARED = 300
"""Samples that are compared with every training digit."""


def judged(
    run: Run, made: dict[str, Tensor], train: Digits, test: Digits, judge: Reader, samples: int
) -> dict[str, float]:
    """What a classifier says of samples, how far they are from real digits, and how many of them are copies."""
    probabilities = judge.read(made["penalty"])[1]
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(probabilities)
    real = train.images[:samples]
    compared = {**made, "mosaics": mosaics(real), "test digits": test.images}
    distance = distances(judge, real, compared)
    limit = nearest_moved(test.images[:COMPARED], train.images).quantile(0.01)
    copied = {
        name: float((nearest_moved(pictures[:COMPARED], train.images) < limit).double().mean())
        for name, pictures in (("made", made["penalty"]), ("copies", copies(run, real[:COMPARED])))
    }
    run.image("mosaics", charts.sheet(compared["mosaics"][:96], columns=16))
    return {
        "least_class_share": float(shares.min()),
        "digit_confidence": float(probabilities.amax(1).mean()),
        "mosaic_confidence": float(judge.read(compared["mosaics"])[1].amax(1).mean()),
        "memorised_share": copied["made"],
        "copies_memorised_share": copied["copies"],
        "distance": distance["penalty"],
        "distance_of_mosaics": distance["mosaics"],
        "distance_of_test_digits": distance["test digits"],
        "distance_over_mosaics": distance["penalty"] / distance["mosaics"],
        "test_over_mosaics": distance["test digits"] / distance["mosaics"],
        "distance_without_over_with": distance["plain"] / distance["penalty"],
    }


def distances(judge: Reader, real: Tensor, pictures: dict[str, Tensor]) -> dict[str, float]:
    """Frechet distance of each set of pictures from real ones, in the features of a classifier of digits."""
    features = judge.read(real)[0]
    return {name: frechet(features, judge.read(x)[0]) for name, x in pictures.items()}


def mosaics(images: Tensor) -> Tensor:
    """Left halves of digits beside right halves of others: strokes of the right kind that make no digit."""
    half = images.shape[-1] // 2
    return torch.cat([images[..., :half], images.roll(1, 0)[..., half:]], dim=-1)


def copies(run: Run, images: Tensor) -> Tensor:
    """The digits a pixel away from their place, a little darker and with a little noise."""
    generator = run.rng("copies").torch()
    noise = 0.02 * torch.rand(images.shape, generator=generator)
    return 0.7 * images.roll((1, -1), (-2, -1)) + noise
