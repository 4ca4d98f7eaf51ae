"""Continuations of one prompt, plain or under steering vectors, with what the plain model makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from glassbook.nets import LanguageModel
from glassbook.nets.live import watch_texts
from glassbook.steer import Vector, Where, steer
from glassbook.steer.spec import SteeringSettings

Weighted = tuple[Vector, float]
"""A vector and its strength."""
Seen = Callable[[str, int], object]
"""Takes the new text of a prompt so far, and how many tokens it has; what it raises ends the generation."""
MAX_PLAIN = 64
"""Plain texts kept for each open model: a sweep of strengths compares all its texts with the same ones."""


@dataclass(frozen=True)
class Continuation:
    """What was generated after one prompt.

    Attributes:
        prompt: the prompt.
        ids: the new tokens.
        text: their text.
        nll: their negative log-likelihood under the plain model, nats in all.
    """

    prompt: str
    ids: list[int]
    text: str
    nll: float


def _unseen(text: str, tokens: int) -> None:
    """Nobody follows the generation."""


def plain_continuation(
    lm: LanguageModel, prompt: str, settings: SteeringSettings, seen: Seen = _unseen
) -> Continuation:
    """A prompt continued without steering; from memory if the open model has done it before."""
    kept = _PLAIN.setdefault(lm.model, {})
    key = (prompt, settings.tokens, settings.temperature, settings.seed)
    if key not in kept:
        if len(kept) >= MAX_PLAIN:
            kept.clear()
        kept[key] = _read(lm, prompt, _generate(lm, prompt, settings, seen))
    seen(kept[key].text, settings.tokens)
    return kept[key]


_PLAIN: WeakKeyDictionary[nn.Module, dict[tuple[Any, ...], Continuation]] = WeakKeyDictionary()


def steered_continuation(
    lm: LanguageModel,
    plain: Continuation,
    vectors: Sequence[Weighted],
    where: Where,
    settings: SteeringSettings,
    seen: Seen = _unseen,
) -> Continuation:
    """The same prompt continued under vectors, with the same random numbers."""
    if where.start.of_end and where.start.n == 0 and (settings.tokens < 2 or not plain.ids):
        # The first new token is chosen at the prompt's end, so in a text that ends with it these have no effect.
        vectors = [(v, coeff) for v, coeff in vectors if v.positional]
    text = plain
    if vectors:
        with _steered(lm, vectors, where):
            ids = _generate(lm, plain.prompt, settings, seen)
        text = _read(lm, plain.prompt, ids)
    seen(text.text, settings.tokens)
    return text


def preference(lm: LanguageModel, text: Continuation, vectors: Sequence[Weighted], where: Where) -> float:
    """NLL of a text's new tokens under the plain model minus that under the steered one, nats in all."""
    if not text.ids:
        return 0.0
    end = len(lm.encode(text.prompt))
    rule = where.at_prompt_end(end)  # the text is read as a whole, so the rule has to name positions
    # A single new token leaves nothing after the prompt to add to: it was chosen at the prompt's last one.
    reached = [(v, coeff) for v, coeff in vectors if v.positional or rule.start.n < end + len(text.ids) - 1]
    with _steered(lm, reached, rule):
        return text.nll - _nll(lm, text.prompt, text.ids)


def _generate(lm: LanguageModel, prompt: str, settings: SteeringSettings, seen: Seen) -> list[int]:
    # One prompt at a time: in a batch, what is sampled for one depends on how many others there are.
    sampling = {"tokens": settings.tokens, "temperature": settings.temperature, "seed": settings.seed}
    with watch_texts(lm, [prompt], lambda texts, n: seen(texts[0], n)):
        (ids,) = lm.generate_ids([prompt], **sampling)
    return ids


def _read(lm: LanguageModel, prompt: str, ids: list[int]) -> Continuation:
    """New tokens with their text, read by the plain model."""
    return Continuation(prompt, ids, lm.continuation(lm.encode(prompt), ids), _nll(lm, prompt, ids))


def _nll(lm: LanguageModel, prompt: str, ids: list[int]) -> float:
    return float(lm.continuation_nll([prompt], [ids]).sum()) if ids else 0.0


@contextmanager
def _steered(lm: LanguageModel, vectors: Sequence[Weighted], where: Where) -> Iterator[None]:
    """All vectors at once; a positional one at the first tokens, the others by the rule. None of them: plain."""
    with ExitStack() as stack:
        for v, coeff in vectors:
            stack.enter_context(steer(lm, v, coeff=coeff, where=None if v.positional else where))
        yield
