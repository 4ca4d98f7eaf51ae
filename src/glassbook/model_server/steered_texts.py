"""Steered generation for the steering panel: prompts continued plainly and steered, with effect and damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

import torch

from glassbook.measure.language import distinct_n
from glassbook.model_server.continuations import (
    Continuation,
    Seen,
    plain_continuation,
    preference,
    steered_continuation,
)
from glassbook.model_server.highlights import Piece, new_words, share_new, tokens_with
from glassbook.model_server.sources import Detector, opened
from glassbook.nets import LanguageModel
from glassbook.nets.chat import chat_prompt
from glassbook.notebook import Notebook
from glassbook.steer import random_like, read_where
from glassbook.steer.spec import FeatureSource, SteeringSettings

Texts = dict[str, list[Continuation]]
""" "plain", "steered" and perhaps "random" -> a text for each prompt."""
Partial = Callable[[dict[str, Any]], object]
"""Takes a part of a result as soon as it is there."""


def steer_texts(
    notebook: Notebook, lm: LanguageModel, settings: SteeringSettings, partial: Partial = lambda part: None
) -> dict[str, Any]:
    """Continue each prompt plainly and under all the vectors at once, with the same random numbers.

    Every prompt has a generator of its own, so its texts are those that it has when it is asked for alone.

    Args:
        notebook: whose runs hold the features and the vectors.
        lm: the model that `settings` name.
        settings: sources (those of strength 0 add nothing), positions, prompts and sampling.
        partial: called with `results` so far, and `done` of so many `tokens` of all texts. What it raises ends it.

    Returns:
        results: for each prompt {prompt, plain, steered}, whole texts, and `pieces`, the new part of each of them as
            [text, value] pairs.
        highlights: what these values are. "activation": of the sources' features at each token, under the plain model,
            as a share of the largest recorded one. "words", where no source is a feature: 1 for words that the plain
            text does not have.
        effect: `changed_tokens` (share of new tokens that differ) and `preference_nats` (by how much steering makes its
            own texts likelier, for each new token).
        damage: `nll_plain` and `nll_steered` (of the plain and the steered texts under the plain model, nats for each
            new token), `distinct_2_plain` and `distinct_2_steered` (`measure.distinct_n` of the new tokens; NaN where
            no text has two).
        words_changed: of the steered texts' new words, the share that the plain text does not have.
        active_tokens: {plain, steered}: the share of new tokens that a source's feature is active on; {} without one.
        control: None; or with `settings.random` `words_changed`, `nll` and `distinct_2` of texts under random vectors
            of the same norms, which `results`, their `pieces` and `active_tokens` then have too, as `random`.
        notes: what differs between this use of the features' dictionaries and their training, a line each.
    """
    # A feature of strength 0 changes nothing, but is read in the texts all the same.
    sources = [source for source in settings.sources if source.coeff or isinstance(source, FeatureSource)]
    found = [opened(notebook, lm, source) for source in sources]
    vectors = [(one.vector, source.coeff) for one, source in zip(found, sources, strict=True) if source.coeff]
    detectors = [one.detector for one in found if one.detector is not None]
    where = read_where(settings.where)
    tell = _Told(settings, partial)
    asked = [chat_prompt(lm, prompt) if settings.chat else prompt for prompt in settings.prompts]
    plain = [plain_continuation(lm, prompt, settings, tell.of("plain", i)) for i, prompt in enumerate(asked)]
    steered = [
        steered_continuation(lm, text, vectors, where, settings, tell.of("steered", i)) for i, text in enumerate(plain)
    ]
    texts: Texts = {"plain": plain, "steered": steered}
    if settings.random:
        generator = torch.Generator().manual_seed(settings.seed)
        control = [(random_like(v, generator), coeff) for v, coeff in vectors]
        texts["random"] = [
            steered_continuation(lm, text, control, where, settings, tell.of("random", i))
            for i, text in enumerate(plain)
        ]
    liking = sum(preference(lm, text, vectors, where) for text in steered) / max(_count(steered), 1)
    notes = dict.fromkeys(note for one in found for note in one.notes)
    return {**_answer(lm, settings, texts, detectors, liking), "notes": list(notes)}


def between(settings: SteeringSettings) -> str:
    """What stands between a prompt and the new text: an answer begins on a line of its own."""
    return "\n" if settings.chat else ""


class _Told:
    """Tells the texts so far each time that one of them grows: the plain ones first, column by column."""

    def __init__(self, settings: SteeringSettings, partial: Partial) -> None:
        self.prompts, self.tokens, self.partial = settings.prompts, settings.tokens, partial
        self.between = between(settings)
        self.columns = ("plain", "steered", "random") if settings.random else ("plain", "steered")
        self.results = [{"prompt": prompt, **dict.fromkeys(self.columns, "")} for prompt in self.prompts]
        self._say(0)

    def of(self, column: str, i: int) -> Seen:
        """What takes the new text of a prompt in a column, and how many tokens it has."""
        before = (self.columns.index(column) * len(self.prompts) + i) * self.tokens

        def seen(text: str, n: int) -> None:
            self.results[i][column] = self.prompts[i] + self.between + text
            self._say(before + n)

        return seen

    def _say(self, done: int) -> None:
        total = len(self.columns) * len(self.prompts) * self.tokens
        self.partial({"results": [dict(result) for result in self.results], "done": done, "tokens": total})


def _answer(
    lm: LanguageModel, settings: SteeringSettings, texts: Texts, detectors: Sequence[Detector], liking: float
) -> dict[str, Any]:
    plain = texts["plain"]
    measured = {name: _measures(column, plain) for name, column in texts.items()}
    pieces = {
        name: [_pieces(lm, text, a, detectors) for text, a in zip(column, plain, strict=True)]
        for name, column in texts.items()
    }
    return {
        "results": [
            {
                "prompt": prompt,
                **{name: prompt + between(settings) + column[i].text for name, column in texts.items()},
                "pieces": {name: column[i] for name, column in pieces.items()},
            }
            for i, prompt in enumerate(settings.prompts)
        ],
        "label": settings.label,
        "highlights": "activation" if detectors else "words",
        "effect": {
            "changed_tokens": round(_changed(plain, texts["steered"]), 4),
            "preference_nats": round(liking, 4),
        },
        "damage": {
            f"{measure}_{name}": measured[name][measure]
            for measure in ("nll", "distinct_2")
            for name in ("plain", "steered")
        },
        "words_changed": measured["steered"]["words_changed"],
        "active_tokens": {name: _active(column) for name, column in pieces.items()} if detectors else {},
        "control": measured.get("random"),
    }


def _measures(texts: Sequence[Continuation], plain: Sequence[Continuation]) -> dict[str, float]:
    return {
        "words_changed": round(
            share_new([(text.text, a.prompt + a.text) for text, a in zip(texts, plain, strict=True)]), 4
        ),
        "nll": round(sum(text.nll for text in texts) / max(_count(texts), 1), 4),
        "distinct_2": round(distinct_n([text.ids for text in texts]), 4),
    }


def _pieces(lm: LanguageModel, text: Continuation, plain: Continuation, detectors: Sequence[Detector]) -> list[Piece]:
    """The new part of a text with its highlights."""
    if not detectors:
        return new_words(text.text, plain.prompt + plain.text)
    prompt = lm.encode(text.prompt)
    read = [detector.read(lm, [*prompt, *text.ids]) for detector in detectors]
    values = [round(max(at), 4) for at in zip(*read, strict=True)]
    return tokens_with(lm, prompt, text.ids, values[len(prompt) :])


def _active(texts: Sequence[Sequence[Piece]]) -> float:
    values = [value for pieces in texts for _, value in pieces]
    return round(sum(value > 0 for value in values) / max(len(values), 1), 4)


def _changed(plain: Sequence[Continuation], steered: Sequence[Continuation]) -> float:
    # A text that ends sooner differs in every token that the other has more.
    pairs = [(a, b) for x, y in zip(plain, steered, strict=True) for a, b in zip_longest(x.ids, y.ids)]
    return sum(a != b for a, b in pairs) / max(len(pairs), 1)


def _count(texts: Sequence[Continuation]) -> int:
    return sum(len(text.ids) for text in texts)
