"""Attribute detection: which attributes of a text features, neurons, directions or its words detect, and how well.

The unit of text is a sentence: its score is the largest of its tokens' scores, and it has an attribute if any of its
tokens has. For each attribute the best unit of a detector is chosen on the first half of the sentences, by average
precision, and so is its threshold; everything reported is measured on the second half.

    text = Sentences.of(sentence, labels)
    scores = {"features": text.pool(sae.encode, x), "neurons": text.pool(both_signs, hidden)}
    found = detect(scores, text.present) | word_rivals(text, ids, lm.decode)
    found["features"].mean(~solved_by_words(found))
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from glassbook.measure.detection import auroc, average_precision, best_threshold, precision_recall_f1
from glassbook.measure.probing import logistic_regression

Scorer = Callable[[Tensor], Tensor]
"""Activations [n, d] to scores [n, F]; more means more likely present."""

FEWEST = 3
"""Sentences with an attribute, and without it, in each half below which it is not judged."""
SOLVED = 0.8
"""Lift of F1 (`Detected.first_lift`) from which on an attribute counts as solved by the words of a sentence."""
TOP = 10
"""Sentences with the largest scores that `Detected.top_precision` looks at."""
WORD, BAG = "best word", "bag of words"
"""Names of the rivals that know the words of a sentence, and nothing of any model (`word_rivals`)."""


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

    def words(self, ids: Tensor, decode: Callable[[list[int]], str]) -> list[list[str]]:
        """Words of each sentence in their order, case-folded: a name of several tokens is one word.

        Args:
            ids: int [tokens].
            decode: token ids to text.
        """
        sentences = ids[self.unit.argsort(stable=True)].split(self.unit.bincount().tolist())
        return [re.findall(r"\w+", decode(sentence.tolist()).casefold()) for sentence in sentences]


@dataclass(frozen=True)
class Detected:
    """How well a detector's best unit detects each attribute; all but the first five on the second half.

    Attributes:
        best: [attributes], the unit that the first half chose.
        threshold: the score from which on a sentence counts as having the attribute: best F1 on the first half.
        first_f1: F1 there.
        first_lift: what it gains over "always yes", (F1 - F1') / (1 - F1') with F1' = 2 p / (1 + p) at a base rate p:
            0 if the score says nothing, 1 if it says all.
        first_precision: average precision there.
        average_precision: NaN here and below where a half has too few sentences with it, or without it, to judge.
        precision, recall, f1: at the threshold.
        lift: what that F1 gains over "always yes", as `first_lift`.
        auroc: area under the ROC curve; close to 1 for detectors of little use if few sentences have the attribute.
        half_precision, half_recall: of "above half of the unit's largest score".
        top_precision: share of the ten sentences with the largest scores that have the attribute.
    """

    best: Tensor
    threshold: Tensor
    first_f1: Tensor
    first_lift: Tensor
    first_precision: Tensor
    average_precision: Tensor
    precision: Tensor
    recall: Tensor
    f1: Tensor
    lift: Tensor
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


def word_rivals(text: Sentences, ids: Tensor, decode: Callable[[list[int]], str]) -> dict[str, Detected]:
    """What the words of a sentence detect without any model: the simple rivals of features.

    Args:
        text: the sentences.
        ids: int [tokens].
        decode: token ids to text.

    Returns:
        WORD: the presence of the best word or pair of neighbouring words. BAG: ridge regression on the presence of all
        words; its threshold, and what `Detected` says of the first half, come from two regressions that each learnt on
        one quarter of the sentences and score the other.
    """
    words = text.words(ids, decode)
    terms = _presence([[*line, *map(" ".join, pairwise(line))] for line in words])
    half, quarter = len(words) // 2, len(words) // 4
    best = _presence_precision(terms[:half], text.present[:half]).argmax(0)
    bag, scores = _presence(words), torch.empty(text.present.shape)
    first, second, rest = slice(0, quarter), slice(quarter, half), slice(half, None)
    for learn, judge in ((second, first), (first, second), (slice(0, half), rest)):
        scores[judge] = _ridge(bag[learn], text.present[learn].float(), bag[judge])
    return {
        WORD: _measure(terms[:, best], text.present, best),
        BAG: _measure(scores, text.present, torch.arange(text.present.shape[1])),
    }


def solved_by_words(found: Mapping[str, Detected]) -> Tensor:
    """bool [attributes]: the better of the two `word_rivals` had a lift of at least SOLVED on the first half."""
    return torch.maximum(found[WORD].first_lift, found[BAG].first_lift) >= SOLVED


def both_signs(x: Tensor) -> Tensor:
    """Scorer of raw neurons: each coordinate, and its negative, [n, 2 d]."""
    return torch.cat([x, -x], dim=1)


def _presence(terms: Sequence[Sequence[str]]) -> Tensor:
    """Whether each sentence has each term, 0 or 1: [n, terms that FEWEST sentences of the first half have]."""
    sets = [set(line) for line in terms]
    count = Counter(term for line in sets[: len(sets) // 2] for term in line)
    column = {term: i for i, term in enumerate(sorted(term for term, n in count.items() if n >= FEWEST))}
    there = torch.zeros(len(sets), len(column))
    for row, line in zip(there, sets, strict=True):
        row[[column[term] for term in line if term in column]] = 1.0
    return there


def _presence_precision(there: Tensor, present: Tensor) -> Tensor:
    """Average precision [terms, attributes] of scores that are 0 or 1: it has two thresholds, "has it" and "always"."""
    y = present.float()
    hits, positives = there.T @ y, y.sum(0)
    precision = hits / there.sum(0).clamp(min=1)[:, None]
    return (hits * precision + (positives - hits) * positives / len(y)) / positives.clamp(min=1)


def _ridge(x: Tensor, y: Tensor, unseen: Tensor, penalty: float = 1.0) -> Tensor:
    """Ridge regression of each column of y [n, A] on x [n, d]: its predictions [m, A] of unseen [m, d]."""
    mean = x.mean(0)
    z = x - mean
    weights = torch.linalg.solve(z.T @ z + penalty * torch.eye(x.shape[1]), z.T @ y)
    return (unseen - mean) @ weights + y.mean(0)


def _measure(scores: Tensor, present: Tensor, best: Tensor) -> Detected:
    """Scores [n, attributes] of the chosen units, by the attributes that they were chosen for."""
    half = len(present) // 2
    first, second = present[:half], present[half:]
    threshold = best_threshold(scores[:half], first)
    rare = torch.stack([part.sum(0) for part in (first, ~first, second, ~second)]).amin(0) < FEWEST
    at_half = precision_recall_f1(scores[half:], second, scores.max(0).values / 2)
    top = scores[half:].topk(min(TOP, len(second)), dim=0).indices
    first_f1 = precision_recall_f1(scores[:half], first, threshold)[2]
    precision, recall, f1 = precision_recall_f1(scores[half:], second, threshold)
    reported = {
        "average_precision": _diagonal(average_precision, scores[half:], second),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "lift": _lift(f1, second),
        "auroc": _diagonal(auroc, scores[half:], second),
        "half_precision": at_half[0],
        "half_recall": at_half[1],
        "top_precision": second.gather(0, top).double().mean(0),
    }
    return Detected(
        best,
        threshold,
        first_f1=first_f1,
        first_lift=_lift(first_f1, first),
        first_precision=_diagonal(average_precision, scores[:half], first),
        **{name: value.masked_fill(rare, torch.nan) for name, value in reported.items()},
    )


def _lift(f1: Tensor, present: Tensor) -> Tensor:
    """How far F1 lies between that of calling every sentence positive, 2 p / (1 + p) at a base rate p, and 1."""
    p = present.double().mean(0)
    always = 2 * p / (1 + p)
    return (f1 - always) / (1 - always)


def _diagonal(metric: Callable[[Tensor, Tensor], Tensor], scores: Tensor, present: Tensor) -> Tensor:
    """A metric of each column of scores with its own column of labels."""
    columns = zip(scores.T, present.T, strict=True)
    return torch.stack([metric(s, y) for s, y in columns])
