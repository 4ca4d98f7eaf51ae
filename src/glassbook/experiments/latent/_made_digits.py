"""Made digits, judged by a classifier's features and by whether they are nearer to training digits than to others."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from glassbook import charts
from glassbook.experiments.latent._digits import Digits, Reader
from glassbook.measure.distance import frechet, nearest
from glassbook.notebook import Run

COMPARED = 2000
"""Pictures that are looked for among training digits."""


def judged(
    run: Run, made: dict[str, Tensor], train: Tensor, unseen: Tensor, test: Digits, judge: Reader
) -> dict[str, float]:
    """What a classifier says of samples, how far they are from real digits, and how many of them are copies.

    Args:
        run: where a sheet of mosaics is kept and random numbers come from.
        made: samples [N, 1, 28, 28] with the penalty ("penalty") and without ("plain").
        train: the digits that they were learnt from.
        unseen: as many of the same writers that were not.
        test: digits of other writers.
        judge: a classifier that has seen none of all these.
    """
    probabilities = judge.read(made["penalty"])[1]
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(probabilities)
    compared = {**made, "mosaics": mosaics(unseen), "test digits": test.images}
    distance = distances(judge, train, compared)
    copied = {
        name: share_copied(judge, pictures, train, unseen)
        for name, pictures in (("made", made["penalty"]), ("copies", copies(run, train)), ("test", test.images))
    }
    run.image("mosaics", charts.sheet(compared["mosaics"][:96], columns=16))
    return {
        "least_class_share": float(shares.min()),
        "digit_confidence": float(probabilities.amax(1).mean()),
        "mosaic_confidence": float(judge.read(compared["mosaics"])[1].amax(1).mean()),
        "copied_share": copied["made"],
        "copies_copied_share": copied["copies"],
        "test_copied_share": copied["test"],
        "distance": distance["penalty"],
        "distance_of_mosaics": distance["mosaics"],
        "distance_of_test_digits": distance["test digits"],
        "distance_over_mosaics": distance["penalty"] / distance["mosaics"],
        "test_over_mosaics": distance["test digits"] / distance["mosaics"],
        "distance_without_over_with": distance["plain"] / distance["penalty"],
    }


def share_copied(judge: Reader, pictures: Tensor, train: Tensor, unseen: Tensor) -> float:
    """Share of the first pictures that are nearer to a training digit than to any of as many unseen ones.

    It is a half for pictures that know nothing of which digits were the ones to learn from, and 1 for copies. Distances
    are those of features of unit length, because a classifier's grow with contrast; the least of those of a picture
    moved by up to a pixel counts.

    Source: Meehan et al. 2020, arXiv:2004.05675, section 3 (there of distances to training digits alone).
    """
    known, others = (F.normalize(judge.read(x)[0]) for x in (train, unseen))
    nearer = torch.full((2, min(COMPARED, len(pictures))), torch.inf)
    for move in product((-1, 0, 1), repeat=2):
        features = F.normalize(judge.read(pictures[:COMPARED].roll(move, (-2, -1)))[0])
        nearer = nearer.minimum(torch.stack([nearest(features, digits) for digits in (known, others)]))
    return float((nearer[0] < nearer[1]).double().mean())


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
