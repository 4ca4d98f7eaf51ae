"""Automated interpretation of features: names from a known truth, from tokens or from a model, and their scores.

A name is scored by detection and fuzzing: a judge that sees only the name predicts which texts activate the feature,
and in which texts the marked tokens are those that do. Both are balanced accuracies: the mean of the shares judged
correctly among the true and among the false texts, 0.5 for a judge that guesses.

Source: Paulo, Mallen, Juang and Belrose 2024, "Automatically interpreting millions of features in large language
models", arXiv:2410.13928.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from glassbook.features.detect import Detected
from glassbook.notebook.runs.feature_dashboard import Feature, FeatureDashboard, Name, NonActivatingExample, Token

SHOWN = 5
"""Texts in one question to a judge."""
FEWEST = 2
"""Least number of texts of either kind for a score."""
LABEL_SCORE = "balanced accuracy of detection and fuzzing, their mean"
TRUTH_SCORE = "F1 on held-out sentences"

T = TypeVar("T")
Text = list[str]
Marked = list[tuple[str, bool]]
"""Tokens, and whether each is marked."""


class Judge(Protocol):
    """Gives names to features, and predicts activations from names."""

    @property
    def source(self) -> str:
        """What the dashboard calls the judge."""
        ...

    def name(self, feature: Feature) -> str:
        """A label, "" if it has none to give."""
        ...

    def active(self, label: str, texts: Sequence[Text]) -> list[bool] | None:
        """Which texts activate a feature of that name; None if there is no answer."""
        ...

    def marked(self, label: str, texts: Sequence[Marked]) -> list[bool] | None:
        """In which texts the marked tokens are those that activate it; None if there is no answer."""
        ...


def from_truth(
    detected: Detected, attributes: Sequence[tuple[str, str]], *, at_least: float = 0.5
) -> dict[int, list[Name]]:
    """Names from a known truth: every attribute of which a feature is the best detector.

    The first half of the text decides which attributes those are and which comes first; all numbers are measured on the
    second half.

    Args:
        detected: what `detect` says of the features.
        attributes: (kind, value) of each attribute, in the order of `detected`.
        at_least: lift of F1 on the first half (`Detected.first_lift`) below which a feature is not named after an
            attribute.

    Returns:
        feature -> its names, best first: score is the F1; precision and recall are those of activations above half of
        the feature's maximum, top_precision that of its strongest ones.
    """
    first = detected.first_lift.masked_fill(~detected.judged, -1.0)
    names: dict[int, list[Name]] = {}
    for i in first.argsort(descending=True, stable=True).tolist():
        if first[i] < at_least:
            break
        numbers = (detected.f1, detected.half_precision, detected.half_recall, detected.top_precision)
        score, precision, recall, top = (float(values[i]) for values in numbers)
        name = Name(": ".join(attributes[i]), "truth", score, precision=precision, recall=recall, top_precision=top)
        names.setdefault(int(detected.best[i]), []).append(name)
    return names


class FromTokens:
    """Names of the tokens that carry a feature, and of the one before them if it is always the same.

    Only the top examples are read, on which no name is scored. The judge is the rule itself: a text activates the
    feature if it contains such a token.

    Args:
        share: of a feature's activation in its top examples that its tokens must carry in sum.
        most: tokens in a name.
        before: share of the top examples that must have the same token before them for it to be named.
    """

    source = "tokens"

    def __init__(self, share: float = 0.5, most: int = 4, before: float = 0.8) -> None:
        self.share, self.most, self.before = share, most, before
        self._rules: dict[str, tuple[frozenset[str], str | None]] = {}

    def name(self, feature: Feature) -> str:
        """Such as ' fox', ' owl' after ' the'; "" where no few tokens carry the feature."""
        mass: Counter[str] = Counter()
        for token, value in (entry for context in feature.contexts for entry in context):
            mass[token] += value  # pyright: ignore[reportArgumentType] (a float serves as well)
        tokens, carried = [], 0.0
        for token, value in mass.most_common(self.most):
            tokens.append(token)
            carried += value
            if carried >= self.share * mass.total():
                break
        else:
            return ""
        leads = Counter(lead for context in feature.contexts if (lead := _lead(context)) is not None)
        lead, times = leads.most_common(1)[0] if leads else (None, 0)
        if times < max(3, self.before * len(feature.contexts)):
            lead = None
        label = ", ".join(map(repr, tokens)) + (f" after {lead!r}" if lead is not None else "")
        self._rules[label] = frozenset(tokens), lead
        return label

    def active(self, label: str, texts: Sequence[Text]) -> list[bool]:
        """Whether each text has one of the tokens."""
        return [any(self._fires(label, text)) for text in texts]

    def marked(self, label: str, texts: Sequence[Marked]) -> list[bool]:
        """Whether most of the marked tokens of each text are such tokens."""
        right = []
        for text in texts:
            hits = [
                fires for fires, (_, mark) in zip(self._fires(label, [t for t, _ in text]), text, strict=True) if mark
            ]
            right.append(2 * sum(hits) > len(hits))
        return right

    def _fires(self, label: str, text: Text) -> list[bool]:
        tokens, lead = self._rules[label]
        return [t in tokens and (lead is None or (i > 0 and text[i - 1] == lead)) for i, t in enumerate(text)]


def _lead(context: Sequence[Token]) -> str | None:
    """The token before the strongest."""
    at = max(range(len(context)), key=lambda i: context[i][1])
    return context[at - 1][0] if at else None


def score(
    feature: Feature, label: str, judge: Judge, excerpts: Sequence[NonActivatingExample], seed: int = 0
) -> dict[str, float]:
    """Detection and fuzzing of a label, on examples that were not used to find it.

    The activating texts are its sampled examples without the top ones, from which it was named. As many non-activating
    examples are drawn; for fuzzing they are marked at the positions at which an activating one is active.

    Args:
        feature: whose label it is.
        label: the label.
        judge: what predicts.
        excerpts: random excerpts of the text; those without the feature are its non-activating examples.
        seed: of the examples drawn, and of their order.

    Returns:
        "detection" and "fuzzing", each only if there were enough texts and answers.
    """
    draw = random.Random(f"{seed}/{feature.index}")
    strongest = [[token for token, _ in context] for context in feature.contexts]
    own = [context for context in feature.sampled if [token for token, _ in context] not in strongest]
    others = [excerpt.tokens for excerpt in excerpts if feature.index not in excerpt.active]
    n = min(len(own), len(others))
    if n < FEWEST:
        return {}
    own, others = draw.sample(own, n), draw.sample(others, n)
    texts = [([t for t, _ in context], True) for context in own] + [(text, False) for text in others]
    marked = [([(t, v > 0) for t, v in context], True) for context in own]
    marked += [(_mark(text, draw.choice(own)), False) for text in others]
    scores = {
        "detection": _balanced_accuracy(texts, lambda batch: judge.active(label, batch), draw),
        "fuzzing": _balanced_accuracy(marked, lambda batch: judge.marked(label, batch), draw),
    }
    return {measure: value for measure, value in scores.items() if value is not None}


def _mark(text: Text, like: Sequence[Token]) -> Marked:
    """A text marked at the positions at which another is active; at its end if it is too short for some."""
    at = {min(i, len(text) - 1) for i, (_, value) in enumerate(like) if value > 0}
    return [(token, i in at) for i, token in enumerate(text)]


def _balanced_accuracy(
    texts: list[tuple[T, bool]], ask: Callable[[list[T]], list[bool] | None], draw: random.Random
) -> float | None:
    """Balanced accuracy over the true and the false texts."""
    draw.shuffle(texts)
    right: dict[bool, list[bool]] = {True: [], False: []}
    for start in range(0, len(texts), SHOWN):
        batch = texts[start : start + SHOWN]
        answers = ask([text for text, _ in batch])
        for (_, truth), answer in zip(batch, answers or [], strict=answers is not None):
            right[truth].append(answer == truth)
    if min(len(right[True]), len(right[False])) < FEWEST:
        return None
    return statistics.fmean([statistics.fmean(right[True]), statistics.fmean(right[False])])


def give_names(
    dashboard: FeatureDashboard,
    judge: Judge,
    features: Iterable[int],
    *,
    seed: int = 0,
    tell: Callable[[int], None] = lambda done: None,
) -> dict[int, Name]:
    """Name features and score the names; nothing is written until all are done.

    Args:
        dashboard: describes the features and stores the names.
        judge: names and judges.
        features: their numbers.
        seed: see `score`.
        tell: called after each feature with how many are done.

    Returns:
        the names that were given; features for which the judge has none are left as they are.

    Raises:
        GlassbookError: the judge failed, or the dashboard cannot be read or written; the dashboard is as it was.
    """
    excerpts = dashboard.non_activating_examples()
    names: dict[int, Name] = {}
    for done, index in enumerate(features, 1):
        feature = dashboard.feature(index)
        label = judge.name(feature) if feature.contexts else ""
        if label:
            scores = score(feature, label, judge, excerpts, seed)
            names[index] = Name(label, judge.source, statistics.fmean(scores.values()) if scores else None, scores)
        tell(done)
    if names:
        dashboard.set_names({index: [name] for index, name in names.items()}, _label_score(dashboard, names))
    return names


def _label_score(dashboard: FeatureDashboard, names: dict[int, Name]) -> str:
    """What the scores are: of the names given now, and of those that stay."""
    now = str(dashboard.header.get("label_score") or "")
    others = any(row.index not in names for row in dashboard.rows(labelled=True, limit=-1)[0])
    if not others or not now:
        return LABEL_SCORE
    return now if LABEL_SCORE in now else f"{now}; of names not from the truth, {LABEL_SCORE}"
