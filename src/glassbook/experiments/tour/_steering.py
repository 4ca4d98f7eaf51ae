"""Steering, tried and counted: how often target words appear with a vector, without it, and with a random one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from glassbook.errors import GlassbookError
from glassbook.experiments import kit

if TYPE_CHECKING:
    from glassbook.features import Coder, Dictionary
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.steer import Vector, Where

TOKENS = 40
"""New tokens in each sampled text."""
TOP_P = 0.95
"""Nucleus that texts are sampled from."""
FLUENT = 0.3
"""Nats per token by which a steered text may be less likely than a plain one."""
FEATURE_STRENGTHS = (0.15, 0.2, 0.25, 0.3, 0.35)
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
CONDITIONS = ("plain", "steered", "random vector")


@dataclass(frozen=True)
class Candidate:
    """A direction that may be steered along.

    Attributes:
        method: for a heading: 'Feature 812: "otter"'.
        how: a sentence: what is added where.
        vector: the direction.
        words: texts that hold one of them show that it worked.
    """

    method: str
    how: str
    vector: Vector
    words: tuple[str, ...]


def named_features(sae: Coder, site: str, attributes: Sequence[dict[str, Any]]) -> list[Candidate]:
    """Features that detect people or a story's theme best: of what they detect there are words to count."""
    from glassbook.data.world.themes import THEMES
    from glassbook.steer import feature

    counted = [row for row in attributes if row["kind"] in ("person", "theme")]
    return [
        Candidate(
            f'Feature {row["feature"]} of the shipped dictionary: "{row["value"]}"',
            f"The feature that detects the {row['kind']} {row['value']} best (precision {row['precision']:.2f}, recall "
            f"{row['recall']:.2f}), added to every token at `{site}`.",
            feature(sae, row["feature"], site),
            THEMES[row["value"]].words if row["kind"] == "theme" else (row["value"],),
        )
        for row in sorted(counted, key=lambda row: -min(row["precision"], row["recall"]))
    ]


def word_features(sae: Dictionary, site: str, cards: Sequence[dict[str, Any]]) -> list[Candidate]:
    """Features that are sharp: most of their activation is on a single word."""
    from glassbook.steer import feature

    sharp = [
        card
        for card in cards
        if card["tokens"] and card["tokens"][0].strip().isalpha() and len(card["tokens"][0].strip()) > 2
        and card["share"] > 0.4 and 0.0005 < card["density"] < 0.05
    ]  # fmt: skip
    by_word: dict[str, dict[str, Any]] = {}
    for card in sorted(sharp, key=lambda card: -card["share"] * card["density"] ** 0.25):
        by_word.setdefault(card["tokens"][0].strip().lower(), card)
    return [
        Candidate(
            f'Feature {card["index"]}: "{word}"',
            f"The feature that fires on {word!r} ({card['share']:.0%} of its activation), added to every token at "
            f"`{site}`.",
            feature(sae, card["index"], site),
            (word,),
        )
        for word, card in list(by_word.items())[:5]
    ]


def pairs(lm: LanguageModel, sites: Sequence[str], themes: bool) -> list[Candidate]:
    """Activation-addition pairs at each site: themes of the Reserve, or everyday words."""
    if not themes:
        return [_pair(lm, *pair, site) for pair in PAIRS for site in sites]
    from glassbook.data.world.themes import THEMES

    words = {name: THEMES[name].words for name in ("wedding", "storm", "voyage")}
    return [_pair(lm, f" {name}", "", listed, site) for name, listed in words.items() for site in sites]


def _pair(lm: LanguageModel, plus: str, minus: str, words: tuple[str, ...], site: str) -> Candidate:
    """An activation addition; where the tokenizer cannot align the pair, the difference of their last tokens."""
    from glassbook.steer import actadd, mean_difference

    shown = f'"{plus}" minus "{minus}"'
    try:
        how = f"The activations of {shown} at `{site}`, added to the first tokens of the prompt (Turner et al. 2023)."
        return Candidate(f"Activation addition: {shown}", how, actadd(lm, plus, minus, site), words)
    except GlassbookError as error:
        how = (
            f"The difference of the last tokens of {shown} at `{site}`, added to every token. Activation addition as "
            f"published is not possible here: {error}."
        )
        vector = mean_difference(lm, [plus], [minus or "."], site)
        return Candidate(f"Difference of two words: {shown}", how, vector, words)


@dataclass(frozen=True)
class Effort:
    """How much is tried: so many candidates, each at some strengths, on so many prompts."""

    candidates: int
    strengths: slice
    prompts: int


def effort(lm: LanguageModel, small: bool) -> Effort:
    """All of it for a small model; less for one whose every token takes long."""
    if small:
        return Effort(1, slice(1, 2), 8)
    return Effort(8, slice(None), 96) if lm.parameters < 2e7 else Effort(2, slice(1, 3), 24)


def try_out(
    run: Run,
    name: str,
    lm: LanguageModel,
    candidates: Sequence[Candidate],
    prompts: Sequence[str],
    strengths: Sequence[float],
    effort: Effort,
    where: Where | None = None,
) -> dict[str, Any]:
    """Pick a candidate and a strength on one half of the prompts, and report on the other half; no prompt is in both.

    What brings the target words into most texts is picked, among those whose texts are hardly less likely under the
    plain model (mean negative log-likelihood within `FLUENT` of the plain texts'): a text that is nothing but the
    target word is no success. If none is, nothing is steered, and only the plain texts are reported.

    Args:
        run: whose seed the sampling follows; keeps the result and the vector, so that a resumed run reads them.
        name: names it within the run.
        lm: the model.
        candidates: directions to choose among, in the units of `strengths`.
        prompts: every other one picks, the rest report.
        strengths: to try.
        effort: how many of each.
        where: as in `steer`.

    Returns:
        method, how, words, strength (None: no strength qualifies), prompts, and for each condition its texts, share
        with a 95 % interval, and nll.

    Raises:
        GlassbookError: there is no prompt.
    """
    if not prompts:
        raise GlassbookError("the text has no opening of six words that fits the context; give another with --text")
    candidates, prompts, strengths = (
        candidates[: effort.candidates], prompts[: effort.prompts], strengths[effort.strengths],
    )  # fmt: skip
    work = partial(_pick_and_report, run, name, lm, candidates, prompts, strengths, where)
    return kit.stage(run, f"steering with a {name}", work)


def _pick_and_report(
    run: Run, name: str, lm: LanguageModel, candidates: Sequence[Candidate], prompts: Sequence[str],
    strengths: Sequence[float], where: Where | None,
) -> dict[str, Any]:  # fmt: skip
    from glassbook.steer import random_like

    pick, report = list(prompts[::2]), list(prompts[1::2])
    rng = run.rng(f"steering with a {name}")
    seed, test_seed = (rng.child(half).seed % 2**31 for half in ("pick", "report"))
    total = len(candidates) * len(strengths) + len(CONDITIONS)
    with run.progress(total, f"steering with a {name}", unit="condition") as bar:
        plain = _condition(lm, "plain", pick, (), seed)
        fluent: list[tuple[float, Candidate, float]] = []
        for candidate in candidates:
            base = _share(plain["texts"], candidate.words)
            for strength in strengths:
                tried = _condition(lm, "steered", pick, candidate.words, seed, candidate.vector * strength, where)
                if tried["nll"] <= plain["nll"] + FLUENT:
                    fluent.append((tried["share"] - base, candidate, strength))
                bar.advance()
        if not fluent:
            plain = _condition(lm, "plain", report, candidates[0].words, test_seed)
            how = f"{len(candidates)} tried, each at {len(strengths)} strengths"
            found = {"method": f"Steering with a {name}", "how": how, "words": list(candidates[0].words)}
            return found | {"strength": None, "prompts": report, "conditions": [plain]}
        _, chosen, strength = max(fluent, key=lambda tried: tried[0])
        vector = chosen.vector * strength
        vectors = (None, vector, random_like(vector, rng.child("random vector").torch()))
        reported = []
        for condition, v in zip(CONDITIONS, vectors, strict=True):
            reported.append(_condition(lm, condition, report, chosen.words, test_seed, v, where))
            bar.advance()
    vector.save(run.artifact(f"{name}.safetensors"))
    found = {"method": chosen.method, "how": chosen.how, "words": list(chosen.words), "strength": strength}
    return found | {"prompts": report, "conditions": reported}


def _condition(
    lm: LanguageModel, name: str, prompts: Sequence[str], words: Sequence[str], seed: int,
    vector: Vector | None = None, where: Where | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Continue every prompt once (temperature 1, top-p 0.95), under the vector if there is one, and count."""
    from contextlib import nullcontext

    from glassbook.measure.statistics import wilson
    from glassbook.steer import steer

    with steer(lm, vector, where=where) if vector is not None else nullcontext():
        new = lm.generate_ids(prompts, tokens=TOKENS, temperature=1.0, top_p=TOP_P, seed=seed)
    texts = [lm.continuation(lm.encode(prompt), ids) for prompt, ids in zip(prompts, new, strict=True)]
    hits = sum(holds(text, words) for text in texts)
    low, high = wilson(hits, len(texts))
    nll = float(lm.continuation_nll(prompts, new).sum()) / max(sum(map(len, new)), 1)
    return {"condition": name, "texts": texts, "hits": hits, "share": hits / len(texts), "low": low, "high": high,
            "nll": nll}  # fmt: skip


def _share(texts: Sequence[str], words: Sequence[str]) -> float:
    return sum(holds(text, words) for text in texts) / len(texts)


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words stands in the text, as a whole word."""
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) for word in words)
