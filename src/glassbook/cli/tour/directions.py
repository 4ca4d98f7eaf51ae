"""Which directions a tour steers along, and which words show that it worked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassbook.cli.tour.naming import Card
from glassbook.cli.tour.steering import TOKENS, Steering, try_out
from glassbook.cli.tour.story import Detected
from glassbook.cli.tour.text import Corpus
from glassbook.errors import GlassbookError
from glassbook.steer import Vector, actadd, everywhere, feature, mean_difference
from glassbook.trace.roles import blocks

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run

Candidate = tuple[str, str, Vector, tuple[str, ...]]


@dataclass(frozen=True)
class Effort:
    """How much is tried: every candidate at every strength on half of the prompts."""

    candidates: int
    strengths: int
    prompts: int


FEATURE_STRENGTHS = (0.25, 0.5, 0.75, 1.0)
"""In median norms of the stream."""
PAIR_STRENGTHS = (0.5, 1.0, 2.0, 4.0)
"""In the pair's own units, as published."""
PAIRS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (" happy", " sad", ("happy", "happily", "smile", "smiled", "laughed", "fun", "joy", "excited", "glad")),
    (" love", " hate", ("love", "loved", "loves", "lovely", "hug", "hugged", "kiss", "dear", "kind")),
    (" night", " day", ("night", "dark", "moon", "star", "stars", "sleep", "bed", "dream")),
    (" water", " fire", ("water", "river", "sea", "swim", "swam", "wet", "rain", "boat", "lake")),
)
"""Pairs for any model, with words that show the first of the two."""


def by_feature(
    lm: LanguageModel,
    corpus: Corpus,
    d: Any,
    site: str,
    cards: Sequence[Card],
    detected: Sequence[Detected],
    run: Run,
    effort: Effort,
) -> Steering | None:
    """Steer with one feature; None if no feature has a word of its own that could be counted."""
    candidates = _theme_features(d, site, detected) if detected else _words(d, site, cards)
    if not candidates:
        return None
    prompts = _story_openings(corpus) if detected else openings(lm, corpus)
    return _run(
        lm, candidates, prompts, FEATURE_STRENGTHS, "norm", "steering with a feature", run, effort, everywhere()
    )


def by_pair(lm: LanguageModel, corpus: Corpus, run: Run, effort: Effort) -> Steering:
    """Steer with an activation-addition pair: a theme of the Reserve, or a pair of everyday words."""
    names = blocks(lm.model)
    layers = sorted({len(names) // 6, len(names) // 3})
    pairs = _themes() if corpus.documents else PAIRS
    prompts = _story_openings(corpus) if corpus.documents else openings(lm, corpus)
    candidates = [_pair(lm, *pair, f"{names[layer]}.in") for pair in pairs for layer in layers]
    return _run(lm, candidates, prompts, PAIR_STRENGTHS, "raw", "steering with a pair", run, effort)


def _run(
    lm: LanguageModel,
    candidates: list[Candidate],
    prompts: list[str],
    strengths: tuple[float, ...],
    unit: Any,
    label: str,
    run: Run,
    effort: Effort,
    where: Any = None,
) -> Steering:
    candidates = candidates[: effort.candidates]
    strengths, prompts = (
        strengths[1 : 1 + effort.strengths] if effort.strengths < len(strengths) else strengths,
        prompts[: effort.prompts],
    )
    with run.progress(len(candidates) * len(strengths) + 3, label, unit="arm") as bar:
        return try_out(lm, candidates, prompts, strengths, run.seed, unit, bar, where)


def _theme_features(d: Any, site: str, detected: Sequence[Detected]) -> list[Candidate]:
    """Features that detect a story's theme best: a theme colours all that follows, so there is much to count."""
    from glassbook.data.world.words import THEMES

    known = sorted((x for x in detected if x.kind == "theme"), key=lambda x: -x.auroc)
    return [
        (
            f'Feature {x.feature}: "{x.value}"',
            f"The feature that detects the theme {x.value} (AUROC {x.auroc:.2f}), added to every token at `{site}`.",
            feature(d, x.feature, site),
            tuple(THEMES[x.value][0].split()),
        )
        for x in known
    ]


def _words(d: Any, site: str, cards: Sequence[Card]) -> list[Candidate]:
    """Features that are sharp: most of their activation is on a single word."""
    sharp = [
        card
        for card in cards
        if card.tokens and card.tokens[0].strip().isalpha() and len(card.tokens[0].strip()) > 2 and card.share > 0.4
        and 0.0005 < card.density < 0.05
    ]  # fmt: skip
    sharp.sort(key=lambda card: -card.share * card.density**0.25)
    out, seen = [], set()
    for card in sharp:
        word = card.tokens[0].strip()
        if word.lower() not in seen:
            seen.add(word.lower())
            how = f"The feature that fires on {word!r} ({card.share:.0%} of it), added to every token at `{site}`."
            out.append((f'Feature {card.index}: "{word}"', how, feature(d, card.index, site), (word,)))
    return out[:5]


def _themes() -> list[tuple[str, str, tuple[str, ...]]]:
    from glassbook.data.world.words import THEMES

    return [(f" {name}", "", tuple(THEMES[name][0].split())) for name in ("wedding", "storm", "voyage")]


def _pair(lm: LanguageModel, plus: str, minus: str, words: tuple[str, ...], site: str) -> Candidate:
    """An activation addition; where the tokenizer cannot align the pair, the difference of their last tokens."""
    shown = f'"{plus}" minus "{minus}"'
    try:
        how = f"The activations of {shown} at `{site}`, added to the first tokens of the prompt (Turner et al. 2023)."
        return f"Activation addition: {shown}", how, actadd(lm, plus, minus, site), words
    except GlassbookError as error:
        how = (
            f"The difference of the last tokens of {shown} at `{site}`, added to every token. Activation addition as "
            f"published is not possible here: {error}."
        )
        minus = minus or "."
        return f"Difference of two words: {shown}", how, mean_difference(lm, [plus], [minus], site), words


def effort(lm: LanguageModel, quick: bool) -> Effort:
    """All of it for a small model; less for one whose every token takes long."""
    if quick:
        return Effort(1, 1, 8)
    return Effort(6, 4, 96) if lm.parameters < 2e7 else Effort(2, 2, 24)


def openings(lm: LanguageModel, corpus: Corpus, n: int = 96, length: int = 6) -> list[str]:
    """The first words of held-out texts, long enough for a pair to be added to."""
    found, most = [], (lm.context or 1024) - TOKENS
    for text in corpus.held_out:
        start = " ".join(text.split()[:length])
        if length <= len(lm.encode(start)) <= most:
            found.append(start)
    if not found:
        raise GlassbookError("the text has no opening of six words that fits the context; give another with --text")
    return random.Random(0).choices(found, k=n)


def _story_openings(corpus: Corpus, n: int = 96) -> list[str]:
    """The first word of held-out stories, with a verb that fits any theme."""
    names = [d.text.split()[0] for d in corpus.documents if d.genre == "story" and d.text[:1].isalpha()]
    return [f"{name} went" for name in names[:n]]
