"""Attribute detection: which attributes of a text features, neurons, directions or single tokens detect, and how well.

The unit of text is a sentence: its score is the largest of its tokens' scores, and it has an attribute if any of its
tokens has. For each attribute the best unit of a detector is chosen on the first half of the sentences, by average
precision, and so is its threshold; everything reported is measured on the second half.

    text = Sentences.of(sentence, labels)
    scores = {"features": text.pool(sae.encode, x), "neurons": text.pool(both_signs, hidden), TOKEN: text.tokens(ids)}
    found = detect(scores, text.present)
    found["features"].mean(~solved_by_token(found))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from glassbook.measure.detection import auroc, average_precision, best_threshold, precision_recall_f1
from glassbook.measure.probing import logistic_regression

Scorer = Callable[[Tensor], Tensor]
"""Activations [n, d] to scores [n, F]; more means more likely present."""

FEWEST = 3
"""Sentences with an attribute, and without it, in each half below which it is not judged."""
SOLVED = 0.8
"""F1 from which on an attribute counts as solved by the presence of one token."""
TOP = 10
"""Sentences with the largest scores that `Detected.top_precision` looks at."""
TOKEN = "one token"
"""Name of the rival that knows which tokens a sentence has."""


@dataclass(frozen=True)
class Sentences:
    """A text cut into sentences, with the attributes of each.

    Attributes:
        unit: [tokens], the number of the sentence that each token belongs to, from 0.
        present: bool [n, attributes].
    """

    unit: Tensor
    present: Tensor

    @classmethod
    def of(cls, sentence: Tensor, labels: Tensor) -> Sentences:
        """Sentences of a text.

        Args:
            sentence: int [tokens], rising through the text; sentences without a token are left out.
            labels: bool [tokens, attributes].
        """
        _, unit = sentence.unique(return_inverse=True)
        present = torch.zeros(int(unit.max()) + 1, labels.shape[1], dtype=torch.bool)
        return cls(unit, present.index_put_((unit,), labels, accumulate=True))

    def pool(self, scorer: Scorer, x: Tensor, chunk: int = 4096) -> Tensor:
        """Largest score in each sentence, [n, F]; tokens of activations x [tokens, d] are scored `chunk` at a time."""
        pooled = None
        with torch.no_grad():
            for part, number in zip(x.split(chunk), self.unit.split(chunk), strict=True):
                scores = scorer(part).float()  # of a model in half precision too
                if pooled is None:
                    pooled = torch.full((len(self.present), scores.shape[1]), -torch.inf)
                pooled.scatter_reduce_(0, number[:, None].expand_as(scores), scores, "amax")
        assert pooled is not None
        return pooled

    def mean(self, x: Tensor) -> Tensor:
        """Mean of the tokens' activations in each sentence, [n, d]."""
        total = torch.zeros(len(self.present), x.shape[1]).index_add_(0, self.unit, x.float())
        return total / self.unit.bincount()[:, None]

    def tokens(self, ids: Tensor) -> Tensor:
        """Whether each sentence has each token id that occurs, 0 or 1: [n, ids that occur]."""
        _, column = ids.unique(return_inverse=True)
        there = torch.zeros(len(self.present), int(column.max()) + 1)
        there[self.unit, column] = 1.0
        return there


@dataclass(frozen=True)
class Detected:
    """How well a detector's best unit detects each attribute; all but the first four on the second half.

    Attributes:
        best: [attributes], the unit that the first half chose.
        threshold: the score from which on a sentence counts as having the attribute: best F1 on the first half.
        first_f1: F1 there.
        first_precision: average precision there.
        average_precision: NaN here and below where a half has too few sentences with it, or without it, to judge.
        precision, recall, f1: at the threshold.
        auroc: area under the ROC curve; close to 1 for detectors of little use if few sentences have the attribute.
        half_precision, half_recall: of "above half of the unit's largest score".
        top_precision: share of the ten sentences with the largest scores that have the attribute.
    """

    best: Tensor
    threshold: Tensor
    first_f1: Tensor
    first_precision: Tensor
    average_precision: Tensor
    precision: Tensor
    recall: Tensor
    f1: Tensor
    auroc: Tensor
    half_precision: Tensor
    half_recall: Tensor
    top_precision: Tensor

    @property
    def judged(self) -> Tensor:
        """bool [attributes], which have enough positives."""
        return ~self.average_precision.isnan()

    def mean(self, among: Tensor | None = None) -> float:
        """Mean average precision over the judged attributes, or over those `among` them; NaN if there is none."""
        which = self.judged if among is None else self.judged & among
        return float(self.average_precision[which].mean())


def detect(scores: Mapping[str, Tensor], present: Tensor) -> dict[str, Detected]:
    """Find each attribute's best unit on the first half of the sentences and measure it on the second.

    Args:
        scores: name of a detector -> [n, F] scores of its units.
        present: bool [n, attributes].

    Source: detection by the maximum over a sequence as in Wu et al. 2025 (AxBench), arXiv:2501.17148.
    """
    half = len(present) // 2
    found = {}
    for name, all_scores in scores.items():
        best = average_precision(all_scores[:half], present[:half]).nan_to_num(0).argmax(0)
        found[name] = _measure(all_scores[:, best], present, best)
    return found


def probe(pooled: Tensor, present: Tensor) -> Detected:
    """How well a linear probe detects each attribute: logistic regression learnt on the first half.

    It is a ceiling for single units, as it may combine all dimensions.

    Args:
        pooled: [n, d] numbers of each sentence, such as mean and largest activations.
        present: bool [n, attributes].
    """
    half = len(present) // 2
    mean, spread = pooled[:half].mean(0), pooled[:half].std(0).clamp(min=1e-6)
    z = (pooled - mean) / spread
    weights, bias = logistic_regression(z[:half], present[:half])
    return _measure(z @ weights.T + bias, present, torch.arange(present.shape[1]))


def solved_by_token(found: Mapping[str, Detected]) -> Tensor:
    """bool [attributes]: the presence of one token had an F1 of at least SOLVED on the first half."""
    return found[TOKEN].first_f1 >= SOLVED


def both_signs(x: Tensor) -> Tensor:
    """Scorer of raw neurons: each coordinate, and its negative, [n, 2 d]."""
    return torch.cat([x, -x], dim=1)


def _measure(scores: Tensor, present: Tensor, best: Tensor) -> Detected:
    """Scores [n, attributes] of the chosen units, by the attributes that they were chosen for."""
    half = len(present) // 2
    first, second = present[:half], present[half:]
    threshold = best_threshold(scores[:half], first)
    rare = torch.stack([part.sum(0) for part in (first, ~first, second, ~second)]).amin(0) < FEWEST
    at_half = precision_recall_f1(scores[half:], second, scores.max(0).values / 2)
    top = scores[half:].topk(min(TOP, len(second)), dim=0).indices
    reported = {
        "average_precision": _diagonal(average_precision, scores[half:], second),
        **dict(zip(("precision", "recall", "f1"), precision_recall_f1(scores[half:], second, threshold), strict=True)),
        "auroc": _diagonal(auroc, scores[half:], second),
        "half_precision": at_half[0],
        "half_recall": at_half[1],
        "top_precision": second.gather(0, top).double().mean(0),
    }
    return Detected(
        best,
        threshold,
        first_f1=precision_recall_f1(scores[:half], first, threshold)[2],
        first_precision=_diagonal(average_precision, scores[:half], first),
        **{name: value.masked_fill(rare, torch.nan) for name, value in reported.items()},
    )


def _diagonal(metric: Callable[[Tensor, Tensor], Tensor], scores: Tensor, present: Tensor) -> Tensor:
    """A metric of each column of scores with its own column of labels."""
    columns = zip(scores.T, present.T, strict=True)
    return torch.stack([metric(s, y) for s, y in columns])
