"""Topics to steer towards: texts on one and off it, and a dictionary of the model that is steered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from glassbook.errors import GlassbookError
from glassbook.experiments import kit
from glassbook.experiments.steering._texts import off_topic_texts, other_sentences, theme_sentences

if TYPE_CHECKING:
    from glassbook.data.world import Document
    from glassbook.features import Coder
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run


@dataclass(frozen=True, eq=False)
class Topic:
    """A model, and texts that ways of steering it are compared on."""

    lm: LanguageModel
    coder: Coder
    """A dictionary of the stream at the site in its `about`."""
    plus: list[str]
    """Texts of the topic that directions are found on."""
    minus: list[str]
    """Other texts that directions are found on."""
    on: list[str]
    """Texts of the topic that are scored."""
    off: list[str]
    """Other texts that are scored."""
    facts: list[str]
    """Statements that the model knows; empty if none are at hand."""
    known: list[tuple[str, str]]
    """(beginning, answer) of the true ones among them."""
    prompts: tuple[str, str]
    """Texts to put in front: one of the topic, one of another."""
    starts: list[str]
    """Beginnings to continue."""


def find_topic(model: str, theme: str, pairs: int, texts: int, run: Run) -> Topic:
    """The built-in model's stories of a theme, or texts that another model writes with the theme as a word."""
    if model == "builtin":
        return of_the_reserve(theme, pairs, texts, run)
    return of_its_own_texts(model, theme, pairs, texts, run)


def of_the_reserve(theme: str, pairs: int, texts: int, run: Run) -> Topic:
    """A theme of the built-in model's stories; off it are stories of other themes, and texts that are no stories.

    Args:
        theme: of the stories.
        pairs: texts on and off the topic that directions are found on.
        texts: texts on and off the topic that are scored.
        run: gives the seed, and records the model and its dictionary.
    """
    from glassbook.data.world import World

    lm, world = kit.open_model(run, "builtin"), World()
    prompts, directions = run.rng("prompts"), run.rng("directions")
    facts = list(islice(world.stream(-1 - run.rng("facts").seed, genre="facts"), texts))
    return Topic(
        lm,
        kit.open_dictionary(run, "builtin"),
        plus=theme_sentences(world, theme, pairs, directions),
        minus=other_sentences(world, theme, pairs, directions),
        on=theme_sentences(world, theme, texts, run.rng("on topic")),
        off=off_topic_texts(world, theme, texts, run.rng("off topic")),
        facts=[document.text for document in facts],
        known=sorted({pair for document in facts for pair in _true_statements(document)}),
        prompts=(theme_sentences(world, theme, 1, prompts)[0], other_sentences(world, theme, 1, prompts)[0]),
        starts=[f"{name} went to the" for name in ("Mira", "Tam", "Edda", "Colm", "Wren", "Hob", "Una", "Silas")],
    )


def of_its_own_texts(
    model: str, word: str, pairs: int, texts: int, run: Run, start: str = "Once upon a time", batches: int = 200
) -> Topic:
    """Of any language model: texts that it writes with the word, and without it. Its dictionary is trained here.

    The texts are at most batches * 128 samples of 60 tokens.

    Raises:
        GlassbookError: it hardly ever writes the word.
    """
    from glassbook.features import TopK
    from glassbook.trace import collect
    from glassbook.trace.roles import blocks, residual_site

    lm = kit.open_model(run, model)
    written: list[str] = []
    with_word: dict[bool, list[str]] = {True: [], False: []}
    wanted = pairs + texts + 1
    for batch in range(batches):
        seed = run.rng("texts").child(str(batch)).seed
        sampled = lm.generate([start] * 128, tokens=60, temperature=1.0, seed=seed)
        for text in (start + continuation for continuation in sampled):
            with_word[word in text].append(text)
            written.append(text)
        if batch >= 24 and min(map(len, with_word.values())) >= wanted:
            break
    else:
        raise GlassbookError(
            f"{model} writes {word!r} too seldom: {len(with_word[True])} of {wanted} texts; try another word"
        )
    site = residual_site(lm.model, len(blocks(lm.model)) // 2)
    # 24 batches of texts are 180,000 tokens for the dictionary.
    inputs = [lm.batch(written[i : i + 128], pad="right") for i in range(0, 24 * 128, 128)]
    acts = collect(lm.model, inputs, site)
    x = acts.read(site)[acts.index()[1] > 0]
    how = {"steps": 1000, "batch_size": 2048, "lr": 3e-3, "seed": run.rng("dictionary").seed}
    sae = kit.train_sae(run, "dictionary", x, x.shape[1], 8 * x.shape[1], TopK(16), **how)
    sae.about = {**sae.about, "site": site}
    on, off = (with_word[has][:wanted] for has in (True, False))
    return Topic(
        lm,
        sae,
        plus=on[:pairs],
        minus=off[:pairs],
        on=on[pairs:-1],
        off=off[pairs:-1],
        facts=[],
        known=[],
        prompts=(on[-1], off[-1]),
        starts=[start] * 8,
    )


def _true_statements(document: Document) -> list[tuple[str, str]]:
    """(beginning of the sentence, answer) of every true statement in a text of facts."""
    found = []
    for span in document.spans:
        if (span.kind, span.value) == ("stated", "true"):
            begin = document.text[: span.start].rpartition(". ")[2].rstrip()
            found.append((begin, f" {document.text[span.start : span.end]}"))
    return found


def steering_feature(topic: Topic, strength: float, candidates: int = 10) -> tuple[int, float]:
    """The feature that brings the topic about, and its largest value.

    Of the `candidates` whose mean over a text differs most on and off the topic, in its spreads, it is the one whose
    direction, added at `strength` median norms of the stream, makes the texts of the topic likeliest among those that
    directions are found on: what detects a topic need not bring it about.
    """
    import torch

    from glassbook import steer
    from glassbook.steer.effects import Condition, effects
    from glassbook.steer.extract import read

    lm, coder, site = topic.lm, topic.coder, topic.coder.about["site"]
    means, largest = [], torch.zeros(coder.width)
    for texts in (topic.plus, topic.minus):
        rows = []
        for start in range(0, len(texts), 32):
            inputs = lm.batch(texts[start : start + 32], pad="right")
            mask = inputs["attention_mask"].bool()
            mask[:, 0] = False
            z = coder.encode(read(lm, inputs, [site])[site]).detach() * mask[..., None]
            largest = torch.maximum(largest, z.amax((0, 1)))
            rows.append(z.sum(1) / mask.sum(1, keepdim=True))
        means.append(torch.cat(rows))
    spread = torch.cat(means).std(0).clamp(min=1e-6)
    contrast = (means[0].mean(0) - means[1].mean(0)) / spread
    found = contrast.topk(candidates).indices.tolist()
    ways = {Condition(site, str(i), strength): steer.in_norms(lm, steer.feature(coder, i, site)) * strength
            for i in found}  # fmt: skip
    likelier = effects(lm, topic.plus, ways)
    index = int(min(ways, key=lambda way: likelier[way].ratio()).name)
    return index, float(largest[index])
