"""Text for any language model: the Reserve with its labels, the paragraphs of a file, or what the model writes."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import mode
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError
from glassbook.experiments import kit
from glassbook.notebook import Progress

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.train import Batch

FEWEST = 2_000
"""Tokens without which nothing can be learnt."""
LONGEST = 256
"""Tokens in a row; longer texts are cut into several."""
AT_ONCE = 32
"""Texts that the model writes in one batch."""
FIRST_WORDS = (
    "The A In It He She We They There This When After If One Many Some My Our Once Today Every Most People Children "
    "Water Time First What How Why Here Now"
).split()
"""How texts begin, for a model that does not begin them with a token of its own."""


@dataclass(frozen=True)
class Corpus:
    """Texts to learn from and others to score on.

    Attributes:
        learn: the texts to learn from.
        held_out: the others.
        origin: one sentence that says where they come from.
        openings: beginnings of held-out texts, to be continued.
        documents: the held-out texts with the truth of every token, where it is known.
    """

    learn: list[str]
    held_out: list[str]
    origin: str
    openings: list[str]
    documents: kit.Documents | None = None


def of_the_reserve(lm: LanguageModel, texts: int, held_out: int, run: Run | None = None) -> Corpus:
    """Text of the Reserve that no model of ours was trained on, with its labels."""
    from glassbook.data.tokens import take
    from glassbook.data.world import World

    world = World()
    learn, test = ((-1 - run.rng(name).seed) if run else -1 - i for i, name in enumerate(("learn", "test")))
    # First sentences about a ranger, which any theme may follow; none is given twice.
    stories = islice(world.stream(test, genre="story"), 4 * held_out)
    neutral = (d.text for d in stories if not any(s.kind == "theme" and s.start == 0 for s in d.spans))
    openings = dict.fromkeys(text[: text.index(".") + 1] for text in neutral)
    return Corpus(
        [d.text for d in take(world.stream(learn), texts)],
        [d.text for d in take(world.stream(test), held_out)],
        f"{texts:,} texts of the Reserve that the model was not trained on, and {held_out:,} more to score on. The "
        "text is generated, so the ground truth is known for each token.",
        list(openings)[:96],
        kit.documents(lm, held_out, test),
    )


def of_a_file(lm: LanguageModel, file: Path, share: float, seed: int) -> Corpus:
    """The paragraphs of a text file, in random order, as many as a model of this size reads in a minute or two.

    Raises:
        GlassbookError: it is not UTF-8, or too short.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise GlassbookError(f"{file} is no text in UTF-8; convert it first") from None
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    random.Random(seed).shuffle(paragraphs)
    most, used, tokens = _budget(lm, 3e12, 16_000, 300_000) * share, [], 0
    for paragraph in paragraphs:
        if tokens > most:
            break
        used.append(paragraph)
        tokens += len(lm.encode(paragraph))
    if tokens < FEWEST:
        raise GlassbookError(f"{file} holds only {tokens} tokens; give a text of at least {FEWEST}")
    part = f"{len(used):,} of the {len(paragraphs):,} paragraphs" if len(used) < len(paragraphs) else "the paragraphs"
    return _split(lm, used, f"{part} of `{file.name}`, {tokens:,} tokens in all; one in ten is for scoring.")


def of_the_model(lm: LanguageModel, run: Run | None, share: float, seed: int) -> Corpus:
    """What the model writes at temperature 1 when it begins texts itself, or goes on from their first words.

    Raises:
        GlassbookError: it ends every text at once.
    """
    kit.tokenizer_of(lm)
    beginnings = _beginnings(lm)
    begun = len(lm.encode(beginnings[0]))
    length = min(128, (lm.context or 128 + begun) - begun)
    wanted = int(_budget(lm, 1e12, 8_000, 60_000) * share)

    def write() -> list[str]:
        texts, tokens, step = [], 0, 0
        with (run.progress if run else Progress)(wanted, "text from the model", unit="token") as bar:
            while tokens < wanted:
                new = lm.generate_ids(beginnings, tokens=length, temperature=1.0, seed=seed + step)
                count = sum(map(len, new))
                if count == 0:
                    raise GlassbookError(f"{lm.name} ends every text at once; pass --text FILE")
                for beginning, ids in zip(beginnings, new, strict=True):
                    text = (beginning + lm.continuation(lm.encode(beginning), ids)).strip()
                    texts += [text] if ids and text else []
                tokens, step = tokens + count, step + 1
                bar.advance(count)
        return texts

    texts = write() if run is None else kit.stage(run, "text", write)
    return _split(
        lm,
        texts,
        f"{len(texts):,} texts that the model itself wrote (temperature 1); no other text was given. One in ten is for "
        "scoring. What the model never writes cannot be found this way; `--text FILE` reads a text of yours.",
    )


def _beginnings(lm: LanguageModel) -> list[str]:
    """`AT_ONCE` prompts of equally many tokens, so that no model has to read pads."""
    if not lm.opening:
        return [""] * AT_ONCE
    lengths = [len(lm.encode(word)) for word in FIRST_WORDS]
    words = [word for word, length in zip(FIRST_WORDS, lengths, strict=True) if length == mode(lengths)]
    return list(islice(cycle(words), AT_ONCE))


def collect(lm: LanguageModel, file: Path | None, *, small: bool = False, run: Run | None = None) -> Corpus:
    """Text for `lm`: of `file` if there is one, of the Reserve for the built-in model, else of the model itself.

    Args:
        lm: the model.
        file: a text file of the user's.
        small: a tenth of it.
        run: names the random streams, and keeps what takes long; without one the seed is 0 and nothing is kept.
    """
    share, seed = 0.1 if small else 1.0, run.rng("text").seed if run else 0
    if file is not None:
        return of_a_file(lm, file, share, seed)
    if lm.name == "builtin":
        return of_the_reserve(lm, int(3000 * share), int(1200 * share), run)
    return of_the_model(lm, run, share, seed)


def batches(lm: LanguageModel, texts: Sequence[str], size: int = 16) -> list[Batch]:
    """Texts as batches for `model(**batch)`, padded on the right; rows of like length stand together."""
    length = min(LONGEST, lm.context or LONGEST)
    cut = (ids[i : i + length] for ids in map(lm.encode, texts) for i in range(0, len(ids), length))
    rows = sorted((row for row in cut if len(row) > 1), key=len)
    return [lm.batch_ids(rows[start : start + size], pad="right") for start in range(0, len(rows), size)]


def _split(lm: LanguageModel, texts: list[str], origin: str) -> Corpus:
    # A text of a single paragraph is cut, or nothing would be left to score on.
    if len(texts) < 10:
        words = " ".join(texts).split(" ")
        size = max(1, len(words) // 40)
        texts = [" ".join(words[i : i + size]) for i in range(0, len(words), size)]
    return Corpus([t for i, t in enumerate(texts) if i % 10], texts[::10], origin, _openings(lm, texts[::10]))


def _openings(lm: LanguageModel, texts: Sequence[str], n: int = 96, words: int = 6, tokens: int = 40) -> list[str]:
    """First words of texts, long enough for a pair to be added to, short enough for `tokens` more."""
    starts = (" ".join(text.split()[:words]) for text in texts)
    fitting = [start for start in starts if words <= len(lm.encode(start)) <= (lm.context or 1024) - tokens]
    distinct = list(dict.fromkeys(fitting))
    random.Random(0).shuffle(distinct)
    return distinct[:n]


def _budget(lm: LanguageModel, work: float, least: int, most: int) -> int:
    """How many tokens a model of this size reads within `work` multiplications."""
    return int(min(most, max(least, work / lm.parameters)))
