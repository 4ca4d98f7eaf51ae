"""A topic to steer towards: texts on it and off it, and the dictionary of the model that is steered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from glassbook.errors import GlassbookError

if TYPE_CHECKING:
    from glassbook.features import Coder
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run


@dataclass(frozen=True, eq=False)
class Topic:
    """What a comparison of ways to steer needs."""

    lm: LanguageModel
    coder: Coder
    """Of the stream at the site in its `about`."""
    plus: list[str]
    """Texts of the topic that directions are found on, and"""
    minus: list[str]
    """others."""
    on: list[str]
    """Texts of the topic that are scored, and"""
    off: list[str]
    """others."""
    facts: list[str]
    """Texts of statements that the model knows, if such are at hand, and"""
    known: list[tuple[str, str]]
    """each of them cut before what it tells."""
    prompts: tuple[str, str]
    """Texts to put in front: one of the topic, one of another."""
    starts: list[str]
    """Beginnings to go on from."""


def of_the_reserve(theme: str, pairs: int, texts: int, seed: int, run: Run) -> Topic:
    """A theme of the built-in model's stories; off it are texts that are no stories."""
    from glassbook.data.world import World
    from glassbook.experiments.steering.activation_addition import other_texts, sentences
    from glassbook.features.formats import load
    from glassbook.nets import model_path, open_model

    lm, world = open_model("builtin"), World()
    run.uses("model", "builtin", path=model_path("builtin"))
    first, second = (write(world, theme, 1, 9000 + seed)[0] for write in (sentences, _other_sentences))
    facts = list(islice(world.stream(-300 - seed, genre="facts"), texts))
    return Topic(
        lm,
        load(model_path("builtin").parent / "dictionary.safetensors"),
        plus=sentences(world, theme, pairs, 5000 + seed),
        minus=_other_sentences(world, theme, pairs, 5000 + seed),
        on=sentences(world, theme, texts, seed),
        off=other_texts(world, texts, seed),
        facts=[document.text for document in facts],
        known=sorted({pair for document in facts for pair in _cut(document)}),
        prompts=(first, second),
        starts=[f"{name} went to the" for name in ("Mira", "Tam", "Edda", "Colm", "Wren", "Hob", "Una", "Silas")],
    )


def of_its_own_texts(
    model: str,
    word: str,
    pairs: int,
    texts: int,
    seed: int,
    run: Run,
    start: str = "Once upon a time",
    batches: int = 200,
) -> Topic:
    """Of any language model: texts that it writes with the word, and without it. Its dictionary is learnt on the spot.

    The texts are at most batches * 128 samples of 60 tokens.

    Raises:
        GlassbookError: it hardly ever writes the word.
    """
    import torch

    from glassbook.features import Dictionary, TopK, fit
    from glassbook.nets import model_path, open_model
    from glassbook.steer.extract import read
    from glassbook.trace.roles import blocks

    lm = open_model(model)
    run.uses("model", model, path=model_path(model))
    spoken: dict[bool, list[str]] = {True: [], False: []}
    wanted, rows = pairs + texts + 1, []
    names = blocks(lm.model)
    site = f"{names[len(names) // 2]}.out"
    for batch in range(batches):
        said = [
            start + text for text in lm.generate([start] * 128, tokens=60, temperature=1.0, seed=batches * seed + batch)
        ]
        for text in said:
            spoken[word in text].append(text)
        if batch < 24:  # 180,000 tokens for the dictionary
            inputs = lm.batch(said, pad="right")
            real = inputs["attention_mask"].bool()
            real[:, 0] = False
            rows.append(read(lm, inputs, [site])[site][real])
        if batch >= 24 and min(map(len, spoken.values())) >= wanted:
            break
    else:
        raise GlassbookError(f"{model} writes {word!r} too seldom: {len(spoken[True])} of {wanted} texts; try another")
    x = torch.cat(rows)
    torch.manual_seed(seed)
    d = Dictionary(x.shape[1], 8 * x.shape[1], TopK(16))
    d.about = {"site": site}
    fit(d, x, steps=1000, batch=2048, lr=3e-3, seed=seed, run=run)
    on, off = (spoken[own][:wanted] for own in (True, False))
    return Topic(
        lm,
        d,
        plus=on[:pairs],
        minus=off[:pairs],
        on=on[pairs:-1],
        off=off[pairs:-1],
        facts=[],
        known=[],
        prompts=(on[-1], off[-1]),
        starts=[start] * 8,
    )


def _cut(document: Any) -> list[tuple[str, str]]:
    """(beginning of the sentence, answer) of every true statement in a text of facts."""
    found = []
    for span in document.spans:
        if (span.kind, span.value) == ("truth", "true"):
            begin = document.text[: span.start].rpartition(". ")[2].rstrip()
            found.append((begin, f" {document.text[span.start : span.end]}"))
    return found


def _other_sentences(world: Any, theme: str, n: int, seed: int) -> list[str]:
    """Sentences of stories of other themes."""
    found = (
        document.text[span.start : span.end]
        for document in world.stream(-100 - seed, genre="story")
        for span in document.spans
        if span.kind == "theme" and span.value != theme and len(document.text[span.start : span.end].split()) >= 8
    )
    return list(islice(found, n))
