"""Made digits, judged by a classifier and by their distance from real ones."""

from __future__ import annotations

import torch
from torch import Tensor

from glassbook.experiments.latent._digits import Digits, Reader
from glassbook.measure.distance import frechet, nearest
from glassbook.notebook import Run


def judged(
    run: Run, made: dict[str, Tensor], train: Digits, test: Digits, judge: Reader, samples: int
) -> dict[str, float]:
    """What a classifier says of samples, how near they come to training digits, how far they are from real ones."""
    probabilities = judge.read(made["penalty"])[1]
    shares = torch.bincount(probabilities.argmax(1), minlength=10) / len(probabilities)
    noise = torch.rand(1000, *test.images.shape[1:], generator=run.rng("noise pictures").torch())
    few = min(1000, samples)
    limit = nearest(test.images[:few], train.images).quantile(0.01)
    copies = train.images[:few] + 0.01 * noise[:few]
    real = judge.read(train.images[:samples])[0]
    distance = {name: frechet(real, judge.read(pictures)[0]) for name, pictures in made.items()}
    return {
        "least_class_share": float(shares.min()),
        "digit_confidence": float(probabilities.amax(1).mean()),
        "noise_confidence": float(judge.read(noise)[1].amax(1).mean()),
        "memorised_share": float((nearest(made["penalty"][:few], train.images) < limit).double().mean()),
        "copies_memorised_share": float((nearest(copies, train.images) < limit).double().mean()),
        "distance": distance["penalty"],
        "distance_without_over_with": distance["plain"] / distance["penalty"],
        "distance_of_test_digits": frechet(real, judge.read(test.images)[0]),
    }
