"""Attribute detection: which attributes of a text features, neurons or directions detect, scored by AUROC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.measure.detection import auroc

Scorer = Callable[[Tensor], Tensor]
"""Activations [n, d] to scores [n, F]; more means more likely present."""

FEWEST = 3
"""Units with an attribute in each half below which it is not judged."""


@dataclass(frozen=True)
class Detected:
    """How well the best score of a scorer detects each attribute.

    Attributes:
        best: [attributes], the score that the first half chose.
        auroc: [attributes], its AUROC on the second half; NaN where a half has too few positives to judge.
    """

    best: Tensor
    auroc: Tensor

    def share(self, at_least: float = 0.9) -> float:
        """Share of the judged attributes that are detected with an AUROC of `at_least`."""
        judged = self.auroc[~self.auroc.isnan()]
        return float((judged >= at_least).double().mean())


def detect(scorers: Mapping[str, tuple[Scorer, Tensor]], unit: Tensor, labels: Tensor) -> dict[str, Detected]:
    """Find each attribute's best score on half of the text and measure it on the other half.

    The unit is a piece of text, such as a sentence: its score is the largest of its tokens' scores, and it has an
    attribute if any of its tokens has. Single tokens are too small a unit: of "at the north ridge" only the last two
    words distinguish the place from others, and each of them has its own feature.

    Args:
        scorers: name -> (scorer, activations [tokens, d]).
        unit: [tokens], the number of the unit that each token belongs to, from 0.
        labels: bool [tokens, attributes].

    Returns:
        for each scorer what its best scores detect.

    Source: detection by the maximum over a sequence as in Wu et al. 2025 (AxBench), arXiv:2501.17148.
    """
    n = int(unit.max()) + 1
    present = torch.zeros(n, labels.shape[1], dtype=torch.bool).index_put_((unit,), labels, accumulate=True)
    first, second = slice(0, n // 2), slice(n // 2, n)
    rare = torch.minimum(present[first].sum(0), present[second].sum(0)) < FEWEST
    detected = {}
    for name, (scorer, x) in scorers.items():
        pooled = pool(scorer, x, unit, n)
        best = auroc(pooled[first], present[first]).nan_to_num(0).argmax(0)
        area = auroc(pooled[second][:, best], present[second]).diagonal()
        detected[name] = Detected(best, area.masked_fill(rare, torch.nan))
    return detected


def both_signs(x: Tensor) -> Tensor:
    """Scorer of raw neurons: each coordinate, and its negative, [n, 2 d]."""
    return torch.cat([x, -x], dim=1)


def pool(scorer: Scorer, x: Tensor, unit: Tensor, n: int, chunk: int = 4096) -> Tensor:
    """Largest score of each unit, [n, F]; tokens are scored `chunk` at a time."""
    pooled = None
    with torch.no_grad():
        for part, number in zip(x.split(chunk), unit.split(chunk), strict=True):
            scores = scorer(part)
            if pooled is None:
                pooled = torch.full((n, scores.shape[1]), -torch.inf)
            pooled.scatter_reduce_(0, number[:, None].expand_as(scores), scores, "amax")
    assert pooled is not None
    return pooled
