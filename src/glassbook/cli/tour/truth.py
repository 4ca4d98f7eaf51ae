"""Which attributes of the world the features detect, beside the best neuron and a random dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glassbook.cli.tour.story import Detected
from glassbook.measure import auroc, auroc_sparse

if TYPE_CHECKING:
    from glassbook.cli.tour.learning import Recorded
    from glassbook.cli.watch import Watched

FEWEST = 20
"""Tokens of an attribute in each half without which it is not judged."""


def detect_attributes(d: Any, control: Any, recorded: Recorded, watch: Watched) -> list[Detected]:
    """For every attribute, the best feature, neuron and random feature: chosen on one half of the texts, measured on the other."""
    labels, attributes = recorded.labels, recorded.attributes
    assert labels is not None
    half = recorded.sequence % 2 == 0
    x = recorded.activations
    with watch.progress(3, "attributes of the world", unit="detector") as bar:
        found = []
        for detector in (d, control, None):
            found.append(_best(detector, x, labels, half))
            bar.advance()
    (feature, by_feature), (_, by_random), (_, by_neuron) = found
    enough = (labels[half].sum(0) >= FEWEST) & (labels[~half].sum(0) >= FEWEST)
    counts = labels[~half].sum(0)
    return [
        Detected(
            *attributes[i],
            tokens=int(counts[i]),
            feature=int(feature[i]),
            auroc=float(by_feature[i]),
            neuron=float(by_neuron[i]),
            random=float(by_random[i]),
        )
        for i in torch.nonzero(enough).flatten().tolist()
    ]


def _best(detector: Any, x: Tensor, labels: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """For each attribute: the best latent on one half, and its AUROC on the other."""
    choose, report = (_areas(detector, x[rows], labels[rows]) for rows in (half, ~half))
    best = choose.nan_to_num(0.0).argmax(0)
    return best, report.gather(0, best[None])[0]


def _areas(detector: Any, x: Tensor, labels: Tensor) -> Tensor:
    """AUROC [latents, attributes]; a neuron (no detector) counts in both directions."""
    if detector is None:
        return auroc(torch.cat([x, -x], dim=1), labels)
    with torch.no_grad():
        values, indices = detector.encode_sparse(x)
    return auroc_sparse(values, indices, detector.width, labels)
