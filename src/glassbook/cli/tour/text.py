"""The text that a tour reads: the world's own, a file's paragraphs, or what the model itself writes."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.cli.watch import Watched
    from glassbook.data.world import Document
    from glassbook.nets import LanguageModel

FEWEST = 2_000
"""Tokens without which nothing can be learnt."""
LONGEST = 256
"""Tokens in a row; longer texts are cut into several."""


@dataclass(frozen=True)
class Corpus:
    """Texts to learn from, others to score on, and where they come from."""

    learn: list[str]
    held_out: list[str]
    origin: str
    """One sentence for the page."""
    documents: list[Document] = field(default_factory=list)
    """The held-out texts with their truth, where it is known."""


def collect(lm: LanguageModel, file: Path | None, watch: Watched, *, quick: bool) -> Corpus:
    """The texts of one tour.

    Args:
        lm: the model; the built-in one reads the Reserve.
        file: a text file of the user's.
        watch: shows the progress; its seed picks the texts.
        quick: a tenth of it.
    """
    if file is not None:
        return _from_file(lm, file, watch.seed, quick)
    if lm.name == "builtin":
        return _from_world(watch.seed, quick)
    return _from_model(lm, watch, quick)


def _from_world(seed: int, quick: bool) -> Corpus:
    from glassbook.data.tokens import take
    from glassbook.data.world import World

    world = World()
    learn = take(world.stream(-1000 - seed), 300 if quick else 3000)
    held_out = take(world.stream(-1 - seed), 120 if quick else 1000)
    return Corpus(
        [d.text for d in learn],
        [d.text for d in held_out],
        f"{len(learn):,} texts of the Reserve that the model was not trained on, and {len(held_out):,} more to score "
        "on. Its author knows what every word of them is about, so what is found here can be held against the truth.",
        held_out,
    )


def _from_file(lm: LanguageModel, file: Path, seed: int, quick: bool) -> Corpus:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise GlassbookError(f"{file} is no text in UTF-8; convert it first") from None
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    random.Random(seed).shuffle(paragraphs)
    most, used, tokens = budget(lm, 3e12, 16_000, 300_000) // (10 if quick else 1), [], 0
    for paragraph in paragraphs:
        if tokens > most:
            break
        used.append(paragraph)
        tokens += len(lm.encode(paragraph))
    if tokens < FEWEST:
        raise GlassbookError(f"{file} holds only {tokens} tokens; give a text of {FEWEST} at least")
    part = f"{len(used):,} of the {len(paragraphs):,} paragraphs" if len(used) < len(paragraphs) else "the paragraphs"
    return _split(used, f"{part} of `{file.name}`, {tokens:,} tokens in all; one in ten is kept to score on.")


def _from_model(lm: LanguageModel, watch: Watched, quick: bool) -> Corpus:
    if lm.tokenizer is None or lm.tokenizer.bos is None:
        raise GlassbookError(f"{lm.name} has no token that begins a text, so it cannot begin one; pass --text FILE")
    length = min(128, (lm.context or 129) - 1)
    wanted = budget(lm, 1e12, 8_000, 60_000) // (10 if quick else 1)
    rows, texts, tokens, seed = 32, [], 0, watch.seed
    with watch.progress(wanted, "text from the model", unit="token") as bar:
        while tokens < wanted:
            new = lm.generate_ids([""] * rows, tokens=length, temperature=1.0, seed=seed)
            count = sum(map(len, new))
            if count == 0:
                raise GlassbookError(f"{lm.name} ends every text at once; pass --text FILE")
            texts += [text for ids in new if (text := lm.decode(ids).strip())]
            tokens, seed = tokens + count, seed + 1
            bar.advance(count)
    return _split(
        texts,
        f"{len(texts):,} texts, {tokens:,} tokens in all, that the model itself wrote (temperature 1); no other text "
        "was given. One in ten is kept to score on. What the model never writes cannot be found so; `--text FILE` "
        "reads a text of yours.",
    )


def _split(texts: list[str], origin: str) -> Corpus:
    # A text of a single paragraph is cut, or nothing would be left to score on.
    if len(texts) < 10:
        words = " ".join(texts).split(" ")
        size = max(1, len(words) // 40)
        texts = [" ".join(words[i : i + size]) for i in range(0, len(words), size)]
    return Corpus([t for i, t in enumerate(texts) if i % 10], texts[::10], origin)


def budget(lm: LanguageModel, work: float, least: int, most: int) -> int:
    """How many tokens a model of this size reads within `work` multiplications."""
    return int(min(most, max(least, work / lm.parameters)))


def rows(lm: LanguageModel, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of the texts, each after BOS, in rows that the model reads at once."""
    length = min(LONGEST, lm.context or LONGEST)
    out = []
    for text in texts:
        ids = lm.encode(text)
        out += [ids[i : i + length] for i in range(0, len(ids), length)]
    return [row for row in out if len(row) > 1]


def batches(lm: LanguageModel, texts: Sequence[str], size: int = 16) -> list[dict[str, Tensor]]:
    """The texts as batches for `model(**batch)`, padded on the right; rows of like length stand together."""
    ordered = sorted(rows(lm, texts), key=len)
    assert lm.tokenizer is not None
    pad = next((i for i in (lm.tokenizer.pad, lm.tokenizer.eos) if i is not None), 0)
    out = []
    for start in range(0, len(ordered), size):
        some = ordered[start : start + size]
        ids = torch.full((len(some), len(some[-1])), pad)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(some):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        out.append({"input_ids": ids.to(lm.device), "attention_mask": mask.to(lm.device)})
    return out
